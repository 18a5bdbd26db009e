# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Attacks on the server: each is survived, which the server's process, its files and its other sessions show.
"""
