# -*- test-case-name: tests.test_dialogue -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A control connection in memory, with the buffers that a real one has.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

__all__ = ["ControlTransport"]

#: Octets that Twisted's transports take before they pause who writes, and octets that they read at once.
BUFFER = 65536


class ControlTransport(StringTransport):
    """
    The server's end of a control connection.

    :param reactor: calls the protocol as a reactor would: never while it calls the transport.
    :param protocol: the server's.
    :ivar client_reads: whether the client takes what is written.
    :ivar is_lost: whether the connection has ended.
    """

    def __init__(self, reactor: IReactorTime, protocol: Protocol, host: IAddress, peer: IAddress) -> None:
        super().__init__(host, peer, lenient=True)
        self.client_reads = True
        self.is_lost = False
        self._reactor = reactor
        self._protocol = protocol
        self._unread = bytearray()
        self._unsent = bytearray()
        self._delivery: IDelayedCall | None = None
        self._producer_is_paused = False

    def connect(self) -> None:
        """Give the connection to the protocol."""
        protocol: Any = self._protocol
        protocol.makeConnection(self)

    # From the client to the server.

    @property
    def is_reading(self) -> bool:
        """Tell whether the server takes octets."""
        return self.producerState == "producing" and not self.disconnecting

    @property
    def unsent(self) -> int:
        """How many octets the server has not taken yet."""
        return len(self._unsent)

    def deliver(self, octets: bytes) -> None:
        """Send *octets* to the server as soon as it reads."""
        if not self.is_lost:
            self._unsent += octets
            self._deliver_soon()

    def _deliver_soon(self) -> None:
        if self._unsent and self._delivery is None:
            self._delivery = self._reactor.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._delivery = None
        if self._unsent and self.is_reading:
            piece = bytes(self._unsent[:BUFFER])
            del self._unsent[:BUFFER]
            self._protocol.dataReceived(piece)
            self._deliver_soon()

    def resumeProducing(self) -> None:
        """Read again."""
        super().resumeProducing()
        self._deliver_soon()

    # From the server to the client.

    def write(self, data: bytes) -> None:
        """Take octets from the server; where the client does not read, only so many."""
        if self.client_reads:
            super().write(data)
            return
        self._unread += data
        if len(self._unread) > BUFFER and self.producer is not None and not self._producer_is_paused:
            self._producer_is_paused = True
            self.producer.pauseProducing()

    def take_written(self) -> bytes:
        """Return what the client has read since the last call."""
        octets: bytes = self.io.getvalue()
        self.io = BytesIO()
        return octets

    def take_unread(self) -> None:
        """Let the client read what was left, and go on reading."""
        self.client_reads = True
        octets, self._unread = bytes(self._unread), bytearray()
        super().write(octets)
        if self._producer_is_paused and self.producer is not None:
            self.producer.resumeProducing()
        self._producer_is_paused = False
        if self.disconnecting:
            self._end_soon()

    # The end.

    def loseConnection(self) -> None:
        """End the connection when everything is written."""
        super().loseConnection()
        if not self._unread:
            self._end_soon()

    def abortConnection(self) -> None:
        """End the connection at once."""
        self._unread.clear()
        super().abortConnection()

    def _end_soon(self) -> None:
        self._reactor.callLater(0, self._lose, ConnectionDone())

    def break_off(self) -> None:
        """Lose the connection from the client's side."""
        self._lose(ConnectionLost())

    def _lose(self, reason: Exception) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._unsent.clear()
            self._protocol.connectionLost(Failure(reason))
