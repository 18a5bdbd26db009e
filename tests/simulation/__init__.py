# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The whole server on a clock, a network, a disk and accounts that fail by seed.

``python -m tests.simulation --seeds 0-1000`` runs many; a seed that finds something is printed with its replay.
"""
