# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.channel with TLS: the way from the mark to the end, and what the client may hold up.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import Deferred

from ftpserver.data.channel import EARLY_HANDSHAKE, HANDSHAKE_PATIENCE, DataSettings
from ftpserver.data.protection import DataProtection
from ftpserver.errors import CannotOpenDataConnection, DataConnectionStalled, DataNotBound, TransferAborted
from ftpserver.tls.layer import TLSLayer

from .data_doubles import PlainFile, given
from .secure_data import SocketClient, openssl_layer, protection
from .test_data_channel import HOST, ChannelTestCase
from .tls_client import VERSIONS, client_context


class SecureChannelTestCase(ChannelTestCase):
    """The data side of a session under TLS."""

    def downloading(self, file: PlainFile, how: DataProtection | None = None) -> Deferred[None]:
        """Send a file under TLS."""
        return Deferred.fromCoroutine(self.subject.send(file, mark=self.mark, protection=how or protection()))

    def uploading(self, file: PlainFile, how: DataProtection | None = None) -> Deferred[None]:
        """Receive a file under TLS."""
        return Deferred.fromCoroutine(self.subject.receive(file, mark=self.mark, protection=how or protection()))

    def client(self, end: socket.socket | None = None) -> SocketClient:
        """Return a client of TLS at the end of a new connection."""
        end = end or self.connected()
        end.setblocking(False)
        return SocketClient(end, client_context(VERSIONS[1]))

    def finish(self, outcome: Deferred[None], client: SocketClient) -> None:
        """Let client and server go on until the transfer and the connection are over."""
        while not (outcome.called and client.is_cut):
            if not outcome.called:
                client.write()
            client.read()
            self.reactor.turn()


class TransferTests(SecureChannelTestCase):
    """Transfers that go well."""

    def test_passive_mode(self) -> None:
        """After the mark the server answers the client's handshake, and the file goes under TLS."""
        client = self.client()
        outcome = self.downloading(PlainFile(b"hello"))
        self.assertEqual(self.marks, [True])
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((client.heard, client.has_ended, self.subject.bytes_moved), (b"hello", True, 5))

    def test_active_mode(self) -> None:
        """Where the server calls the client, it is the client that begins TLS all the same."""
        listener, port = self.listener()
        self.subject.connect_to(HOST, port)
        file = PlainFile()
        outcome = self.uploading(file)
        client = self.client(listener.accept()[0])
        self.addCleanup(client.end_of_socket.close)
        while not client.is_established:
            client.exchange()
            self.reactor.turn()
        client.say(b"hello")
        client.end()
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"hello")

    def test_a_listing(self) -> None:
        """A listing goes under TLS, too."""
        client = self.client()
        listing = self.subject.send_batches(given([b"a", b"b"]), mark=self.mark, protection=protection())
        outcome = Deferred.fromCoroutine(listing)
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(client.heard, b"ab")

    def test_each_transfer_has_a_layer_of_its_own(self) -> None:
        """TLS begins anew with each connection, and not before there is one; a transfer in clear has none."""
        layers: list[TLSLayer] = []

        def make_layer() -> TLSLayer:
            layers.append(openssl_layer())
            return layers[-1]

        for _ in range(2):
            port = self.subject.listen()
            outcome = self.downloading(PlainFile(b"x"), protection(make_layer))
            before = len(layers)
            client = self.client(self.call(port))
            self.finish(outcome, client)
            self.assertEqual(len(layers), before + 1)
        caller = self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual((caller.recv(10), len(layers)), (b"x", 2))


class EarlyTests(SecureChannelTestCase):
    """Where clients need fresh tickets, a handshake that has begun is done before the mark."""

    def begun(self) -> SocketClient:
        """Return a client that has said its first word of TLS already."""
        client = self.client()
        client.write()
        return client

    def until_marked(self, client: SocketClient) -> None:
        """Let client and server go on until the mark."""
        while not self.marks:
            client.exchange()
            self.reactor.turn()

    def test_the_mark_comes_after_the_handshake(self) -> None:
        """The client has all that TLS says before it may send its file."""
        client, file = self.begun(), PlainFile()
        outcome = self.uploading(file, protection(needs_tickets=True))
        self.assertEqual(self.marks, [])
        self.until_marked(client)
        self.assertTrue(client.is_established)
        client.say(b"hello")
        client.end()
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((file.content, self.marks), (b"hello", [True]))

    def test_a_client_that_waits_for_the_mark(self) -> None:
        """A client that begins and then waits for the mark gets it after a second, and goes on."""
        client, file = self.begun(), PlainFile(b"hello")
        outcome = self.downloading(file, protection(needs_tickets=True))
        self.reactor.turn()
        self.assertEqual(self.marks, [])
        self.reactor.advance(EARLY_HANDSHAKE)
        self.assertEqual(self.marks, [True])
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((client.heard, self.marks), (b"hello", [True]))

    def test_a_client_that_has_not_begun(self) -> None:
        """Who says nothing before the mark gets it at once, in passive and in active mode."""
        client = self.client()
        outcome = self.downloading(PlainFile(b"hello"), protection(needs_tickets=True))
        self.assertEqual(self.marks, [True])
        self.finish(outcome, client)
        listener, port = self.listener()
        self.subject.connect_to(HOST, port)
        outcome = self.downloading(PlainFile(b"hello"), protection(needs_tickets=True))
        self.assertEqual(self.marks, [True, True])
        client = self.client(listener.accept()[0])
        self.addCleanup(client.end_of_socket.close)
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_refusal_comes_after_the_mark(self) -> None:
        """A client that is not the one of the session is told in the final reply, as ever."""

        def refuse(_layer: TLSLayer) -> None:
            raise DataNotBound("Another client.")

        client = self.begun()
        outcome = self.downloading(PlainFile(b"hello"), protection(check=refuse, needs_tickets=True))
        self.until_marked(client)
        self.finish(outcome, client)
        self.failureResultOf(outcome, DataNotBound)


class FailureTests(SecureChannelTestCase):
    """Transfers that fail before they move anything."""

    def test_plain_octets(self) -> None:
        """An upload in clear where TLS was agreed is refused, and nothing of it is in the file."""
        caller, file = self.connected(), PlainFile()
        outcome = self.uploading(file)
        caller.sendall(b"this is in clear" * 100)
        caller.close()
        while not outcome.called:
            self.reactor.next_ready()
        self.assert_failed(outcome, DataNotBound)
        self.assertEqual((file.content, self.marks, self.subject.bytes_moved), (b"", [True], 0))

    def test_a_client_that_is_not_the_one(self) -> None:
        """What the session says against a client is what the client is told."""

        def refuse(_layer: TLSLayer) -> None:
            raise DataNotBound("Somebody else.")

        client = self.client()
        outcome = self.downloading(PlainFile(b"secret"), protection(check=refuse))
        self.finish(outcome, client)
        self.assert_failed(outcome, DataNotBound)
        self.assertEqual(client.heard, b"")

    def test_nobody_comes(self) -> None:
        """Under TLS as well, a client that does not connect costs a 425."""
        self.subject.listen()
        outcome = self.downloading(PlainFile(b"x"))
        self.reactor.advance(1)
        self.assert_failed(outcome, CannotOpenDataConnection)

    def test_the_next_transfer(self) -> None:
        """After a handshake that failed the next transfer is as good as any."""
        self.test_plain_octets()
        client = self.client()
        outcome = self.downloading(PlainFile(b"hello"))
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))


class StallTests(SecureChannelTestCase):
    """Clients that hold a transfer up."""

    def test_how_long_a_handshake_may_take(self) -> None:
        """A handshake has the time of a stall where that is set, or a little more than the wait for a connection."""
        for socket_timeout, patience, expected in (
            (None, 1.0, HANDSHAKE_PATIENCE),
            (None, 60.0, 60.0),
            (5.0, 1.0, 5.0),
            (300.0, None, 300.0),
            (None, None, None),
        ):
            settings = DataSettings(socket_timeout=socket_timeout, wait_future_timeout=patience)
            self.assertEqual(settings.handshake_timeout, expected)

    def test_a_client_that_says_nothing(self) -> None:
        """A client that connects and does not begin TLS is told so in the end, and everything is free again."""
        self.connected()
        outcome = self.downloading(PlainFile(b"x"))
        self.reactor.advance(HANDSHAKE_PATIENCE - 0.1)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, DataNotBound)

    def test_a_client_that_drips(self) -> None:
        """Octets of a handshake give a client no more time."""
        self.subject = self.channel(socket_timeout=10)
        client = self.client()
        outcome = self.downloading(PlainFile(b"x"))
        for _ in range(9):
            client.write(1)
            self.reactor.next_ready()
            self.reactor.advance(1)
        self.assertNoResult(outcome)
        self.reactor.advance(1)
        self.assert_failed(outcome, DataNotBound)

    def test_without_a_bound(self) -> None:
        """Without any bound in the configuration there is no timer."""
        self.subject = self.channel(patience=None)
        client = self.client()
        outcome = self.downloading(PlainFile(b"x"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.finish(outcome, client)
        self.assertIsNone(self.successResultOf(outcome))

    def begun(self, outcome: Deferred[None], client: SocketClient) -> Deferred[None]:
        """Let a transfer begin, up to where it waits for the client."""
        while not client.is_established:
            client.exchange()
            self.reactor.turn()
        client.write()
        while self.reactor.turn():
            pass
        self.assertNoResult(outcome)
        return outcome

    def test_a_client_that_stops_sending(self) -> None:
        """After the handshake each octet gives a client the whole time again, and silence ends the upload."""
        self.subject = self.channel(socket_timeout=10)
        client, file = self.client(), PlainFile()
        outcome = self.begun(self.uploading(file), client)
        for _ in range(5):
            self.reactor.advance(9)
            client.say(b"x")
            client.write()
            self.reactor.next_ready()
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, DataConnectionStalled)
        self.assertEqual(file.content, b"xxxxx")

    def test_a_client_that_stops_reading(self) -> None:
        """After the handshake each octet gives a client the whole time again, and a standstill ends the download."""
        self.subject = self.channel(socket_timeout=10)
        client = self.client()
        outcome = self.begun(self.downloading(PlainFile(bytes(50_000_000))), client)
        for _ in range(5):
            self.reactor.advance(9)
            while not self.reactor.turn():
                client.read()
        while self.reactor.turn():
            pass
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, DataConnectionStalled)


class AbortTests(SecureChannelTestCase):
    """Transfers that are ended, at every point."""

    def test_in_a_handshake(self) -> None:
        """ABOR while a handshake is under way, not begun or half done, ends the transfer at once."""
        for is_begun in (False, True):
            client = self.client()
            outcome = self.downloading(PlainFile(b"x"))
            if is_begun:
                client.write()
                self.reactor.next_ready()
            self.subject.abort(TransferAborted())
            self.assert_failed(outcome, TransferAborted)

    def test_in_a_transfer(self) -> None:
        """ABOR while octets move ends the transfer at once, and the client gets no close_notify."""
        for is_upload in (True, False):
            client = self.client()
            outcome = self.uploading(PlainFile()) if is_upload else self.downloading(PlainFile(bytes(10_000_000)))
            while not client.is_established:
                client.exchange()
                self.reactor.turn()
            client.say(b"hello")
            client.write()
            self.reactor.turn()
            self.subject.abort(TransferAborted())
            self.assert_failed(outcome, TransferAborted)
            while not client.is_cut:
                client.read()
            self.assertFalse(client.has_ended)

    def test_the_end_of_the_session(self) -> None:
        """The end of the session ends a handshake as well."""
        self.connected()
        outcome = self.uploading(PlainFile())
        self.subject.close()
        self.assert_failed(outcome, TransferAborted)
