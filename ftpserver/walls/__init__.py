# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the process gives up for good when it starts, and what is told of that.
"""
