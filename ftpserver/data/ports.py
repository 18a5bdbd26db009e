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


class DataPorts:
    """
    A pool of ports; each is taken for one data connection and then given back.

    :param ports: the numbers; ``None`` leaves the choice to the system.
    :raises ValueError: on no port at all, or one that is no port.
    """

    def __init__(self, ports: Iterable[int] | None = None) -> None:
        self._free = None if ports is None else set(ports)
        if self._free is not None and (not self._free or min(self._free) < 1 or max(self._free) > 65535):
            raise ValueError("data_ports are numbers from 1 to 65535, at least one")
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
            try:
                listener = listen(0)
            except OSError as error:
                raise NoFreeDataPort(str(error)) from error
            return listener, int(listener.getsockname()[1])
        for port in self._random.sample(sorted(self._free), len(self._free)):
            try:
                listener = listen(port)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise NoFreeDataPort(str(error)) from error
            self._free.remove(port)
            return listener, port
        raise NoFreeDataPort("every data port is in use")

    def give_back(self, port: int) -> None:
        """Make *port* free again."""
        if self._free is not None:
            self._free.add(port)
