# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests with real sockets and real clients.
"""
