# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the way of the replies to the client.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.control.outlet import Outlet

#: More than any buffer of a socket takes.
MUCH = bytes(16 * 1024 * 1024)


class OutletTests(SynchronousTestCase):
    """What is written goes at once where it can, and in order always."""

    def setUp(self) -> None:
        here, self.client = socket.socketpair()
        self.client.setblocking(False)
        self.addCleanup(here.close)
        self.addCleanup(self.client.close)
        self.reactor = MemoryReactor()
        reactor: Any = self.reactor
        self.transport = Connection(here, Protocol(), reactor)
        self.transport.connected = 1
        self.outlet = Outlet(self.transport)

    def received(self, amount: int) -> bytes:
        """Return what the client reads, while the reactor lets the transport write."""
        octets = bytearray()
        while len(octets) < amount:
            if self.transport in self.reactor.getWriters():
                self.transport.doWrite()
            octets += self.client.recv(amount - len(octets))
        return bytes(octets)

    def test_it_goes_at_once(self) -> None:
        """The client has what was written without a turn of the reactor."""
        self.outlet.write(b"200 Okay.\r\n")
        self.assertEqual(self.client.recv(100), b"200 Okay.\r\n")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_what_has_no_room_waits_and_nothing_overtakes_it(self) -> None:
        """Where the client does not read, the rest and all that follows go by the transport, in order."""
        self.outlet.write(MUCH)
        self.outlet.write(b"the last")
        self.assertEqual(self.reactor.getWriters(), [self.transport])
        self.assertEqual(self.received(len(MUCH) + 8), MUCH + b"the last")

    def test_what_follows_goes_by_the_transport_until_it_is_empty(self) -> None:
        """When the transport has told that all is gone, writing is at once again."""
        self.outlet.write(MUCH)
        self.received(len(MUCH))
        self.outlet.write(b"a")
        self.assertEqual(self.reactor.getWriters(), [self.transport])
        self.received(1)
        self.outlet.emptied()
        self.outlet.write(b"b")
        self.assertEqual((self.reactor.getWriters(), self.client.recv(1)), ([], b"b"))

    def test_the_last_words_go_with_the_end(self) -> None:
        """What is written after it was told to hold goes when the transport closes, in one turn."""
        self.outlet.write(b"first, ")
        self.outlet.hold()
        self.outlet.write(b"last")
        self.assertEqual(self.client.recv(100), b"first, ")
        self.assertEqual(self.received(4), b"last")

    def test_a_lost_connection_is_for_the_transport_to_tell(self) -> None:
        """Writing to a client that is gone raises nothing; the transport finds out in its turn."""
        self.client.close()
        self.outlet.write(b"a")
        self.outlet.write(b"b")
        self.assertEqual(self.reactor.getWriters(), [self.transport])
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_other_transports_write_themselves(self) -> None:
        """A transport that is no plain TCP connection has every octet by its own method."""
        transport = StringTransport()
        outlet = Outlet(transport)
        outlet.write(b"a")
        outlet.emptied()
        outlet.write(b"b")
        self.assertEqual(transport.value(), b"ab")
        self.assertFalse(outlet.is_ended())

    def test_tls_of_twisted_is_not_gone_around(self) -> None:
        """A transport under TLS of Twisted's own has every octet by its own method."""
        layer: Any = StringTransport()
        self.transport.TLS, self.transport.protocol = True, layer
        Outlet(self.transport).write(b"a")
        self.assertEqual(layer.value(), b"a")
        self.assertRaises(BlockingIOError, self.client.recv, 1)
