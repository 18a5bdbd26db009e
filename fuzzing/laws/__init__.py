# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What must hold whatever comes in: functions that raise ``AssertionError`` where it does not.

The fuzzers give them octets, the tests in ``tests/properties`` what Hypothesis makes up. Where a law compares, the
other side is written in the plainest way, without the code that it judges.
"""
