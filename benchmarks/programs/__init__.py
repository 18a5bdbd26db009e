# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Small programs around the packages of others; each runs alone, in an interpreter that need not be this one.

Everything that is not named on their command line is as those packages have it by default, but for bounds that would
only stop the load.
"""
