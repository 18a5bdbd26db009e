# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The control connection: bytes in, commands in order, replies out.
"""
