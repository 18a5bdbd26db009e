# -*- test-case-name: tests.test_benchmarks_peers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The servers that can be measured, ours first.
"""

from __future__ import annotations

from collections.abc import Iterable

from .base import Absent, Given, Peer
from .daemons import Proftpd, Pureftpd, Vsftpd
from .ours import Ours
from .python import Aioftp, Pyftpdlib, TwistedFTP

__all__ = ["PEERS", "Absent", "Given", "Peer", "find_all"]

PEERS: dict[str, type[Peer]] = {
    peer.name: peer for peer in (Ours, Pyftpdlib, Aioftp, TwistedFTP, Vsftpd, Proftpd, Pureftpd)
}


def find_all(names: Iterable[str], given: Given) -> tuple[list[Peer], dict[str, str]]:
    """
    Look for servers.

    :param names: keys of :data:`PEERS`.
    :returns: those that are there, and why each other is not.
    """
    found: list[Peer] = []
    absent: dict[str, str] = {}
    for name in names:
        try:
            found.append(PEERS[name].find(given))
        except Absent as error:
            absent[name] = str(error)
    return found, absent
