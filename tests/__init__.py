# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.
"""
