# -*- test-case-name: tests.test_ports -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The ports for passive data connections.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Callable, Iterable

from ..errors import NoFreeDataPort

__all__ = ["DataPorts"]

#: Ports that one PASV tries while others of the machine use them: enough to find a free one among a hundred, and no
#: more than a few milliseconds.
MAXIMUM_TRIES = 256


class DataPorts:
    """
    A pool of ports; each is taken for one data connection and then given back.

    :param ports: the numbers; ``None`` leaves the choice to the system.
    :raises ValueError: on no port at all, or one that is no port.
    """

    def __init__(self, ports: Iterable[int] | None = None) -> None:
        self._free = None if ports is None else sorted(set(ports))
        if self._free is not None and (not self._free or self._free[0] < 1 or self._free[-1] > 65535):
            raise ValueError("data_ports are numbers from 1 to 65535, at least one")
        self._taken: set[int] = set()
        # A predictable port invites others to connect first (RFC 2577, section 8).
        self._random = random.SystemRandom()

    @property
    def free(self) -> int | None:
        """How many ports are free; ``None`` where the system chooses."""
        return None if self._free is None else len(self._free)

    def open(self, listen: Callable[[int], socket.socket]) -> tuple[socket.socket, int]:
        """
        Open a port that is free.

        :param listen: opens a port; an address in use is tried elsewhere.
        :returns: the listening socket, and the port that :meth:`give_back` gets later.
        :raises NoFreeDataPort: answered 425.
        """
        if self._free is None:
            listener = _opened(listen, 0)
            return listener, int(listener.getsockname()[1])
        return self._open_one_of(self._free, listen)

    def _open_one_of(self, free: list[int], listen: Callable[[int], socket.socket]) -> tuple[socket.socket, int]:
        for tried in range(min(len(free), MAXIMUM_TRIES)):
            chosen = self._random.randrange(tried, len(free))
            free[tried], free[chosen] = free[chosen], free[tried]
            port = free[tried]
            try:
                listener = _opened(listen, port)
            except _PortInUse:
                continue
            free[tried] = free[-1]
            free.pop()
            self._taken.add(port)
            return listener, port
        raise NoFreeDataPort("every data port is in use")

    def give_back(self, port: int) -> None:
        """
        Make *port* free again.

        :raises ValueError: when it is not taken; the pool stays as it is.
        """
        if self._free is None:
            return
        if port not in self._taken:
            raise ValueError(f"data port {port} was not taken")
        self._taken.remove(port)
        self._free.append(port)


class _PortInUse(NoFreeDataPort):
    """Somebody else has the port."""


def _opened(listen: Callable[[int], socket.socket], port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        kind = _PortInUse if error.errno == errno.EADDRINUSE else NoFreeDataPort
        raise kind(str(error)) from error
