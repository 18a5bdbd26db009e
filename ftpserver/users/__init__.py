# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where accounts come from: each module holds one kind of user manager.
"""
