# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
TLS: what it is to be, the layer that speaks it, and what ties data connections to their control connection.
"""
