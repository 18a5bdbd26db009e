# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The rules of FTP without input or output: nothing here imports the reactor.
"""
