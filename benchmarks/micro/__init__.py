# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What single functions cost, without sockets, files and other processes: ``python -m benchmarks.micro``.
"""
