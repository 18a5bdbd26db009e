# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where files are kept: each module holds one kind of store.
"""
