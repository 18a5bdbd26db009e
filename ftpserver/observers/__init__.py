# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What listens to the events of the server.
"""
