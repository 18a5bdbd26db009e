# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One TCP connection of a test, with every octet that came.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Socket", "Waiting", "connect"]


class Waiting:
    """Deferreds that fire each time that something has happened; who waits looks again whether it is enough."""

    def __init__(self) -> None:
        self._deferreds: list[Deferred[None]] = []

    def happened(self) -> None:
        """Wake everybody."""
        deferreds, self._deferreds = self._deferreds, []
        for deferred in deferreds:
            deferred.callback(None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds."""
        while not condition():
            deferred: Deferred[None] = Deferred()
            self._deferreds.append(deferred)
            await deferred


@implementer(IHalfCloseableProtocol)
class Socket(Protocol):
    """
    One TCP connection of a test.

    :ivar received: every octet that came.
    :ivar keeps: whether to keep them; else the connection only ends.
    """

    keeps = True

    def __init__(self) -> None:
        self.received = bytearray()
        self.has_ended = False
        self.is_lost = False
        self.was_reset = False
        self.changes = Waiting()

    @property
    def transport_(self) -> Any:
        """The transport; typed loosely, for its interfaces are many."""
        return self.transport

    @property
    def handle(self) -> socket.socket:
        """The socket of the operating system."""
        handle: socket.socket = self.transport_.getHandle()
        return handle

    def connectionMade(self) -> None:
        """Send small pieces at once."""
        self.transport_.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Keep what came."""
        if self.keeps:
            self.received += data
        self.changes.happened()

    def readConnectionLost(self) -> None:
        """Note the end of what the server sends."""
        self.has_ended = True
        self.changes.happened()

    def writeConnectionLost(self) -> None:
        """Nothing more can be sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note the end, and whether it was in order."""
        self.is_lost = self.has_ended = True
        self.was_reset = not reason.check(ConnectionDone)
        self.changes.happened()

    def send(self, data: bytes) -> None:
        """Send *data* behind what was sent before."""
        self.transport_.write(data)

    def finish(self) -> None:
        """Half-close: nothing more is sent, yet everything is still read."""
        self.transport_.loseWriteConnection()

    def close(self) -> None:
        """Close in order, after everything was sent."""
        if not self.is_lost:
            self.transport_.loseConnection()

    def reset(self) -> None:
        """Close with RST (SO_LINGER 0) and without waiting for anything."""
        self.transport_.abortConnection()

    def pause(self) -> None:
        """Stop to read, so that the buffers of the system fill up."""
        self.transport_.pauseProducing()

    def resume(self) -> None:
        """Read again."""
        self.transport_.resumeProducing()

    async def ended(self) -> None:
        """Wait until the server has ended its side of the connection."""
        await self.changes.until(lambda: self.has_ended)

    async def lost(self) -> None:
        """Close this side too, if need be, and wait for the end."""
        await self.ended()
        self.close()
        await self.changes.until(lambda: self.is_lost)

    async def vanish(self) -> None:
        """Close with RST, in whatever state the connection is, and wait for the end."""
        if not self.is_lost:
            self.reset()
        await self.changes.until(lambda: self.is_lost)


class One(Factory):
    """Gives the one protocol that it was made with."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Protocol:
        """Return the protocol."""
        return self._protocol


Kind = TypeVar("Kind", bound=Socket)


async def connect(reactor: Any, host: str, port: int, protocol: Kind, source: str) -> Kind:
    """Connect *protocol* to *host* from the address *source*."""
    endpoint = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
    await endpoint(reactor, host, port, bindAddress=(source, 0)).connect(One(protocol))
    return protocol
