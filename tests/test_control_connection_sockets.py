# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what the control connection asks of its socket.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import ISystemHandle, ITCPTransport
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from ftpserver.control.connection import FTPFactory
from tests.conversation import ConversationTestCase


@implementer(ITCPTransport, ISystemHandle)
class SocketTransport(StringTransport):
    """A transport with a socket, whose options can be looked at."""

    def __init__(self, family: int) -> None:
        super().__init__()
        self.handle = socket.socket(family, socket.SOCK_STREAM)
        self.options: list[str] = []

    def getHandle(self) -> socket.socket:
        """Return the socket."""
        return self.handle

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Take note."""
        self.options.append("no delay")

    def getTcpNoDelay(self) -> bool:
        """Tell what was set."""
        return "no delay" in self.options

    def getTcpKeepAlive(self) -> bool:
        """Tell what was set."""
        return "keep alive" in self.options

    def loseWriteConnection(self) -> None:
        """Nobody asks for this."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Take note."""
        self.options.append("keep alive")


class SocketTests(ConversationTestCase):
    """The socket of a control connection."""

    def urgent_data_stays(self, family: int) -> bool:
        """Connect, and return whether urgent data is part of the stream."""
        dialogue = self.converse()
        transport: Any = SocketTransport(family)
        self.addCleanup(transport.handle.close)
        protocol: Any = FTPFactory(dialogue.server).buildProtocol(None)
        protocol.makeConnection(transport)
        self.assertTrue(transport.getTcpNoDelay() and transport.getTcpKeepAlive())
        protocol.connectionLost()
        return bool(transport.handle.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE))

    def test_replies_are_not_held_back(self) -> None:
        """Small replies go at once, dead clients are found, and the mark of an ABOR stays in the stream."""
        self.assertTrue(self.urgent_data_stays(socket.AF_INET))

    def test_a_socket_of_the_file_system_has_no_urgent_data(self) -> None:
        """Other sockets are left as they are."""
        self.assertFalse(self.urgent_data_stays(socket.AF_UNIX))

    def is_gone(self, *, says: bytes = b"", ends: bool = False, breaks: bool = False) -> bool:
        """Connect a client that does what is told, and return whether it is taken for gone."""
        dialogue = self.converse()
        transport: Any = SocketTransport(socket.AF_UNIX)
        transport.handle.close()
        transport.handle, client = socket.socketpair()
        self.addCleanup(client.close)
        self.addCleanup(transport.handle.close)
        protocol: Any = FTPFactory(dialogue.server).buildProtocol(None)
        protocol.makeConnection(transport)
        client.send(says)
        if ends:
            client.close()
        if breaks:
            transport.handle.close()
        answer: bool = protocol.is_gone()
        protocol.connectionLost()
        self.assertTrue(protocol.is_gone())
        return answer

    def test_a_silent_client_is_there(self) -> None:
        """A client that says nothing, or more than was read yet, is not gone."""
        self.assertFalse(self.is_gone())
        self.assertFalse(self.is_gone(says=b"NOOP\r\n"))

    def test_the_end_of_a_client_is_seen_before_it_is_read(self) -> None:
        """A client that has closed its control connection, or broken it, is gone, noticed or not."""
        self.assertTrue(self.is_gone(ends=True))
        self.assertTrue(self.is_gone(breaks=True))
