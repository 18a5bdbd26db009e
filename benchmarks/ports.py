# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Ports for servers that have to be told one, and cannot be asked which the system chose.
"""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

__all__ = ["free_ports"]

#: Below are those of well-known services.
FIRST = 10_000

_GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(amount: int) -> list[int]:
    """
    Return ports that nobody uses now on any address of this machine.

    None that the system gives out by itself: every connection of another process may get one of these before the
    server does.

    :raises LookupError: if there are not so many.
    """
    lowest_given_out = int(_GIVEN_OUT.read_text().split()[0])
    candidates = range(FIRST, lowest_given_out)
    found: list[int] = []
    for port in random.sample(candidates, len(candidates)):
        if _is_free(port):
            found.append(port)
            if len(found) == amount:
                return found
    raise LookupError(f"not {amount} of the ports from {FIRST} to {lowest_given_out} are free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True
