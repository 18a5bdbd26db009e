# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the server, and Twisted below it, takes for sockets, pipes and what waits for them.
"""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from typing import Any

from .chance import again, failure
from .network import End, Network, Wire

__all__ = ["SERVER_HOST", "Poller", "SimulatedSocket"]

#: The address that all clients reach.
SERVER_HOST = "10.9.9.9"


class SimulatedSocket(socket.socket):
    """
    A socket of the server; it has a descriptor of its own, which nothing is ever sent through.

    :ivar end: of a connection.
    :ivar queue: connections that wait to be accepted.
    :ivar outcome: errno of a call that has not been answered well; ``None`` while it is not answered.
    """

    def __init__(self, network: Network, end: End | None = None) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self.network = network
        self.end = end
        self.queue: deque[Wire] = deque()
        self.port = 0
        self.outcome: int | None = 0
        self.number = self.fileno()
        network.sockets[self.number] = self

    @property
    def family(self) -> socket.AddressFamily:
        """See :class:`socket.socket`."""
        return socket.AF_INET

    # Readiness.

    @property
    def is_readable(self) -> bool:
        """Tell whether the reactor wakes who waits to read."""
        return bool(self.queue) if self.end is None else self.end.is_readable

    @property
    def is_writable(self) -> bool:
        """Tell whether the reactor wakes who waits to write."""
        if self.end is None:
            return bool(self.outcome)
        return self.end.is_writable

    @property
    def owner(self) -> str:
        """The host of the client, if it is connected with one."""
        return "" if self.end is None else self.end.wire.owner

    # Listening.

    def bind(self, address: Any) -> None:
        """See :meth:`socket.socket.bind`."""
        self.port = address[1] or self.network.free_port()
        if self.port in self.network.listeners:
            raise failure(errno.EADDRINUSE)

    def listen(self, backlog: int = 128) -> None:
        """See :meth:`socket.socket.listen`."""
        self.network.listeners[self.port] = self

    def accept(self) -> tuple[socket.socket, Any]:
        """See :meth:`socket.socket.accept`."""
        if not self.queue:
            raise again()
        chance, first = self.network.chance, self.queue[0]
        spared = any(self.network.is_spared(wire.owner) for wire in self.queue)
        if chance.strikes("accept: EMFILE", first.owner, spared=spared):
            raise failure(errno.EMFILE)
        if chance.strikes("accept: ECONNABORTED", first.owner, spared=spared):
            wire = self.queue.popleft()
            wire.reset(wire.client)
            wire.server.is_closed = True
            raise failure(errno.ECONNABORTED)
        wire = self.queue.popleft()
        return SimulatedSocket(self.network, wire.server), (wire.owner, 40000)

    # Octets.

    def _connected(self) -> End:
        if self.end is None:
            raise failure(errno.ENOTCONN)
        return self.end

    def _short(self, amount: int) -> int:
        """Return how many octets the system takes or gives of those that it could."""
        end, chance = self._connected(), self.network.chance
        spared = self.network.is_spared(end.wire.owner)
        if not end.is_reset and chance.strikes("not ready after all", end.wire.name, spared=spared):
            raise again()
        if amount > 1 and chance.strikes("short count", end.wire.name, spared=spared):
            return chance.random.randrange(1, amount)
        return amount

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """See :meth:`socket.socket.recv`."""
        peek = bool(flags & socket.MSG_PEEK)
        return self._connected().receive(bufsize if peek else self._short(bufsize), peek=peek)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """See :meth:`socket.socket.recv_into`."""
        piece = self.recv(nbytes or len(buffer), flags)
        buffer[: len(piece)] = piece
        return len(piece)

    def send(self, data: Any, flags: int = 0) -> int:
        """See :meth:`socket.socket.send`."""
        view = memoryview(data)
        return self._connected().send(view[: self._short(len(view))])

    def shutdown(self, how: int) -> None:
        """See :meth:`socket.socket.shutdown`."""
        if how != socket.SHUT_RD:
            self._connected().end_output()

    def close(self) -> None:
        """See :meth:`socket.socket.close`."""
        if self.network.sockets.pop(self.number, None) is None:
            return
        if self.network.listeners.get(self.port) is self:
            del self.network.listeners[self.port]
        for wire in self.queue:
            wire.reset(wire.client)
            wire.server.is_closed = True
        if self.end is not None:
            self.end.close()
        super().close()

    # What is told and set.

    def getsockname(self) -> Any:
        """See :meth:`socket.socket.getsockname`."""
        return SERVER_HOST, self.port or 21

    def getpeername(self) -> Any:
        """See :meth:`socket.socket.getpeername`."""
        return self._connected().wire.owner, 40000

    def setsockopt(self, *option: Any) -> None:
        """See :meth:`socket.socket.setsockopt`; a close without a wait is a reset."""
        if option[1] == socket.SO_LINGER and self.end is not None:
            self.end.lingers = False

    def getsockopt(self, *_option: Any) -> Any:
        """See :meth:`socket.socket.getsockopt`; only the outcome of a call is ever asked for."""
        return self.outcome or 0

    def setblocking(self, flag: bool) -> None:
        """See :meth:`socket.socket.setblocking`; nothing here ever blocks."""


class Poller:
    """
    What waits for many sockets by one descriptor; see :func:`select.epoll`.

    :param number: its descriptor.
    """

    def __init__(self, network: Network, number: int) -> None:
        self._network = network
        self._number = number
        self._events: dict[int, int] = {}
        self.is_closed = False

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._number

    def register(self, number: int, events: int) -> None:
        """Wait for a socket, too."""
        if number not in self._network.sockets:
            raise failure(errno.EBADF)
        self._forget_closed()
        if number in self._events:
            raise failure(errno.EEXIST)
        owner = self._network.sockets[number].owner
        if self._network.chance.strikes("epoll: ENOSPC", owner, spared=self._network.is_spared(owner)):
            raise failure(errno.ENOSPC)
        self._events[number] = events

    def unregister(self, number: int) -> None:
        """Wait for it no more."""
        if number not in self._network.sockets:
            raise failure(errno.EBADF)
        self._forget_closed()
        if self._events.pop(number, None) is None:
            raise failure(errno.ENOENT)

    def _forget_closed(self) -> None:
        # The system forgets a descriptor with the socket that it stood for.
        self._events = {one: events for one, events in self._events.items() if one in self._network.sockets}

    def close(self) -> None:
        """Let go of it."""
        self.is_closed = True

    def ready(self) -> list[int]:
        """Return the sockets that are ready."""
        return [number for number in self._events if self._is_ready(number)]

    def not_ready(self) -> list[int]:
        """Return the sockets that are not, of which the system tells sometimes all the same."""
        return [number for number in self._events if number in self._network.sockets and not self._is_ready(number)]

    def _is_ready(self, number: int) -> bool:
        one = self._network.sockets.get(number)
        if one is None:
            return False
        return one.is_writable if self._events[number] & select.EPOLLOUT else one.is_readable
