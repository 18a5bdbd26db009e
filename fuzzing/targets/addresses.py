# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The addresses of PORT, EPRT and EPSV.
"""

from __future__ import annotations

from ftpserver.core.replies import decode_name

from ..laws.addresses import check_eprt, check_epsv, check_host, check_port

__all__ = ["check"]


def check(octets: bytes) -> None:
    """The whole is an argument of each."""
    check_port(octets)
    check_eprt(octets)
    check_epsv(octets)
    check_host(decode_name(octets))
