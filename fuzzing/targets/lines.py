# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The lines and requests of a control connection.
"""

from __future__ import annotations

from ..laws.lines import check_decimal, check_lines, check_request

__all__ = ["check"]

#: Bounds of a line that are tried; the first octet of an input chooses one.
LIMITS = (0, 1, 4, 16, 80, 16384)


def check(octets: bytes) -> None:
    """Octet 0 chooses the bound of a line, 1 to 3 are the lengths of segments, the rest is what was sent."""
    if len(octets) < 4:
        return
    for line in check_lines(octets[4:], octets[1:4], LIMITS[octets[0] % len(LIMITS)]):
        if line is not None:
            check_request(line)
            check_decimal(line.partition(b" ")[2], 2**63 - 1)
