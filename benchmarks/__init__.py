# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the server costs, measured beside other FTP servers in one run.

``python -m benchmarks`` starts every server that is there, gives each the same work in turns, and tells the CPU time
that each spent per unit of work. ``python -m benchmarks.micro`` measures single functions. Neither installs anything.
"""
