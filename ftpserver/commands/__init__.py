# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The table of commands, one module a subject.
"""
