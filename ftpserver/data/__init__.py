# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The data connection: ports, opening, moving bytes, closing.
"""
