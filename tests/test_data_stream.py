# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.stream and ftpserver.data.protection: whole transfers under TLS, and their handshakes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.plane import OCTETS_PER_TURN, DataPlane
from ftpserver.data.protection import DataProtection
from ftpserver.data.pumps import Pump
from ftpserver.data.shaping import FromNetwork, ToNetwork
from ftpserver.data.stream import ClearStream
from ftpserver.errors import DataNotBound
from ftpserver.tls.layer import TLSLayer

from .data_doubles import DataTestCase, PlainFile, drained, failure, given, wait
from .secure_data import MAKERS, SocketClient, protection
from .test_pumps import BLOCK, call
from .tls_client import VERSIONS, client_context

CONTENT = bytes(range(256)) * 8192

#: Rounds of client and server in which any test is over; one that turns in circles fails.
MANY_ROUNDS = 20_000


class SecureTestCase(DataTestCase):
    """A connection with a pump under TLS at our end, and a client in memory at the other."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.connect()

    def connect(self, block: int = BLOCK, throttle: Throttle | None = None, **keywords: Any) -> None:
        """Make a new connection, with a client of these keywords."""
        self.ours, self.theirs = self.pair()
        self.subject = Pump(
            DataPlane(self.reactor, self.system, in_kernel=False),
            ClearStream(self.descriptor(self.ours), self.system),
            block,
            throttle or Throttle(),
            wait,
            call,
        )
        self.addCleanup(self.subject.close)
        self.client = SocketClient(self.theirs, client_context(**keywords))

    def shaking(self, how: DataProtection | None = None) -> Deferred[None]:
        """Begin the handshake."""
        return Deferred.fromCoroutine(self.subject.secure(how or protection()))

    def secure(self, how: DataProtection | None = None) -> None:
        """Do the handshake."""
        outcome = self.shaking(how)
        self.until(lambda: outcome.called and self.client.is_established)
        self.assertIsNone(self.successResultOf(outcome))

    def sending(self, file: PlainFile, shape: ToNetwork | None = None) -> Deferred[None]:
        """Send a file."""
        return Deferred.fromCoroutine(self.subject.send(file, shape))

    def receiving(self, file: PlainFile, shape: FromNetwork | None = None) -> Deferred[None]:
        """Receive a file."""
        return Deferred.fromCoroutine(self.subject.receive(file, shape))

    def until(self, is_reached: Callable[[], bool], step: Callable[[], None] | None = None) -> None:
        """Let client and server go on until something is so."""
        for _ in range(MANY_ROUNDS):
            if is_reached():
                return
            (step or self.client.exchange)()
            self.reactor.turn()
        self.fail("nothing of the kind happened")

    def finish(self, outcome: Deferred[None]) -> None:
        """Let client and server go on until a transfer is over, and the client has got what was sent."""
        self.until(lambda: outcome.called)
        self.subject.close()
        self.until(lambda: self.client.is_cut, self.client.read)

    def say(self, content: bytes) -> None:
        """Let the client send a file and its end."""
        self.client.say(content)
        self.client.end()

    def assert_downloads(self, content: bytes) -> None:
        """Check that a client gets a file, close_notify and the end of the connection."""
        outcome = self.sending(PlainFile(content))
        self.finish(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(len(self.client.heard), len(content))
        self.assertTrue(self.client.heard == content, "the octets differ")
        self.assertTrue(self.client.has_ended, "no close_notify")
        self.assertEqual(self.subject.meter.bytes_moved, len(content))

    def assert_uploads(self, content: bytes) -> None:
        """Check that a file arrives, and that the server says close_notify, too."""
        file = PlainFile()
        outcome = self.receiving(file)
        self.say(content)
        self.finish(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertTrue(file.content == content, "the octets differ")
        self.assertTrue(self.client.has_ended, "no close_notify")
        self.assertEqual(self.subject.meter.bytes_moved, len(content))


class WholeTransferTests(SecureTestCase):
    """Transfers that go well."""

    def test_every_size_both_ways(self) -> None:
        """Files of no, one, some and many octets arrive whole, with either layer and either version of TLS."""
        for make_layer in MAKERS:
            for version in VERSIONS:
                for size in (0, 1, BLOCK - 1, BLOCK + 1, 300_000):
                    content = CONTENT[:size]
                    for check in (self.assert_downloads, self.assert_uploads):
                        self.connect(version=version)
                        self.secure(protection(make_layer))
                        check(content)

    def test_large_files(self) -> None:
        """Two mebibytes arrive whole, down and up, also with blocks larger than what is protected at once."""
        for block in (BLOCK, 1_000_000):
            for check in (self.assert_downloads, self.assert_uploads):
                self.connect(block=block)
                self.secure()
                check(CONTENT)

    def test_listings(self) -> None:
        """A listing goes under TLS as well."""
        self.secure()
        outcome = Deferred.fromCoroutine(self.subject.send_batches(given([b"a\r\n", b"", b"b\r\n"])))
        self.finish(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((self.client.heard, self.client.has_ended), (b"a\r\nb\r\n", True))

    def test_texts(self) -> None:
        """Line ends are converted under TLS as in clear, both ways."""
        self.secure()
        outcome = self.sending(PlainFile(b"a\nb\n"), ToNetwork())
        self.finish(outcome)
        self.assertEqual(self.client.heard, b"a\r\nb\r\n")
        self.connect()
        self.secure()
        file = PlainFile()
        outcome = self.receiving(file, FromNetwork())
        self.say(b"a\r\nb\r")
        self.finish(outcome)
        self.assertEqual(file.content, b"a\nb\r")

    def test_an_upload_that_comes_octet_by_octet(self) -> None:
        """Records may be cut anywhere by the network."""
        self.secure()
        file = PlainFile()
        outcome = self.receiving(file)
        for piece in (b"hello ", b"world"):
            self.client.say(piece)
        self.client.end()
        self.until(lambda: outcome.called, lambda: self.client.write(1))
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"hello world")

    def test_a_client_that_sends_before_the_handshake_is_over(self) -> None:
        """What comes in one segment with the end of the handshake belongs to the file, however short that is."""
        for content in (b"", b"hello"):
            self.connect(version=VERSIONS[1])
            outcome = self.shaking()
            self.until(lambda: self.client.is_established, self._exchange_until_established)
            self.assertNoResult(outcome)
            self.say(content)
            self.client.write()
            self.client.close_output()
            self.until(lambda done=outcome: done.called)  # type: ignore[misc]  # mypy cannot infer a lambda's default
            file = PlainFile()
            received = self.receiving(file)
            self.finish(received)
            self.assertIsNone(self.successResultOf(received))
            self.assertEqual(file.content, content)

    def _exchange_until_established(self) -> None:
        self.client.write()
        self.reactor.turn()
        self.client.read()


class ShortCallTests(SecureTestCase):
    """A socket that takes and gives less than it is asked for, at every point."""

    def test_a_socket_that_takes_little(self) -> None:
        """Whatever the socket takes of what was protected, the rest goes before anything else, and nothing twice."""
        for version in VERSIONS:
            self.connect(version=version)
            self.system.faults["send"].extend([1, 2, BlockingIOError(), 3, 1000] * 6)
            self.secure()
            self.assert_downloads(CONTENT[:200_000])
            self.assertFalse(self.system.faults["send"], "not all of the faults came to pass")

    def test_a_socket_that_gives_little(self) -> None:
        """Whatever the socket gives at a time, an upload is whole."""
        for version in VERSIONS:
            self.connect(version=version)
            self.system.faults["receive_into"].extend([1, 2, BlockingIOError(), 3, 1000] * 6)
            self.secure()
            self.assert_uploads(CONTENT[:200_000])
            self.assertFalse(self.system.faults["receive_into"], "not all of the faults came to pass")

    def test_a_socket_that_blocks_at_the_end(self) -> None:
        """What is left, close_notify included, goes out before the connection ends."""
        for number in range(4):
            self.connect()
            self.secure()
            self.system.faults["send"].extend([None] * number + [5, BlockingIOError(), 1])
            self.assert_downloads(b"hello")

    def test_a_slow_client(self) -> None:
        """A client that does not read is waited for, without a turn of the reactor for nothing."""
        self.secure()
        outcome = self.sending(PlainFile(CONTENT))
        self.until(lambda: self.subject.meter.waiting_since is not None, lambda: None)
        calls = self.system.calls["send"]
        for _ in range(10):
            self.assertFalse(self.reactor.turn())
        self.assertEqual(self.system.calls["send"], calls)
        self.finish(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertTrue(self.client.heard == CONTENT, "the octets differ")

    def test_a_client_that_sends_slowly(self) -> None:
        """A client that has sent a part of a record is waited for, without a turn of the reactor for nothing."""
        self.secure()
        outcome = self.receiving(PlainFile())
        self.client.say(b"hello")
        self.client.write(10)
        self.reactor.next_ready()
        self.assertIsNotNone(self.subject.meter.waiting_since)
        calls = self.system.calls["receive_into"]
        for _ in range(10):
            self.assertFalse(self.reactor.turn())
        self.assertEqual(self.system.calls["receive_into"], calls)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)


class ThrottleTests(SecureTestCase):
    """Speed limits and turns under TLS."""

    def test_octets_in_clear_are_limited(self) -> None:
        """A limit counts the octets of the file, down and up, and what came too early is kept for later."""
        for is_upload in (False, True):
            bucket = TokenBucket(10_000, burst=0)
            self.connect(throttle=Throttle([bucket]))
            self.secure()
            file = PlainFile(b"" if is_upload else bytes(20_000))
            began = self.reactor.seconds()
            outcome = self.receiving(file) if is_upload else self.sending(file)
            if is_upload:
                self.say(bytes(20_000))
            self.until(lambda done=outcome: done.called, self._pass_time)  # type: ignore[misc]  # a lambda's default
            self.assertIsNone(self.successResultOf(outcome))
            self.assertEqual(self.subject.meter.bytes_moved, 20_000)
            self.assertApproximates(self.reactor.seconds() - began, 2, 0.1, f"upload: {is_upload}")
            self.subject.close()

    def _pass_time(self) -> None:
        self.client.exchange()
        self.reactor.advance(0.005)

    def test_turns(self) -> None:
        """However fast the network is, after a megabyte others have a turn."""
        self.secure()
        self.system.send = lambda _socket, data: len(data)  # type: ignore[assignment, method-assign]  # a network without bounds
        outcome = self.sending(PlainFile(bytes(3 * OCTETS_PER_TURN)))
        self.assertEqual(self.subject.meter.bytes_moved, OCTETS_PER_TURN)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)


class HandshakeTests(SecureTestCase):
    """Handshakes, most of which fail."""

    def test_a_client_that_waits_to_be_acknowledged(self) -> None:
        """Whatever comes in pieces is acknowledged at once: many clients send the next one then."""
        self.secure()
        self.assertEqual(self.system.calls["acknowledge"], 1)

    def test_plain_octets(self) -> None:
        """A client that sends its file in clear is told why there is no transfer, and the connection ends."""
        outcome = self.shaking()
        self.theirs.send(b"hello, this is a file and no handshake")
        self.reactor.next_ready()
        error = self.failureResultOf(outcome, DataNotBound).value
        assert isinstance(error, DataNotBound)
        self.assertEqual(error.reply.code, 522)
        self.assertIn("The TLS handshake of the data connection failed: ", error.reply.lines[0])
        self.assertEqual(self.theirs.recv(100), b"")

    def test_a_handshake_that_goes_wrong(self) -> None:
        """The client gets the alert of TLS before the end of the connection, also if it has sent something behind."""
        self.connect(version=VERSIONS[0])
        outcome = self.shaking()
        self.client.write()
        self.reactor.next_ready()
        drained(self.theirs)
        self.theirs.send(b"\x17\x03\x03\x00\x05hello" + b"x" * 100_000)
        self.until(lambda: outcome.called, lambda: None)
        self.failureResultOf(outcome, DataNotBound)
        self.subject.close()
        self.assertEqual(self.theirs.recv(100)[:1], b"\x15")
        self.assertEqual(self.theirs.recv(100), b"")

    def test_a_client_that_closes(self) -> None:
        """A client that closes during the handshake, at whatever point, gets 522 with the reason."""
        for is_begun in (False, True):
            self.connect()
            outcome = self.shaking()
            if is_begun:
                self.client.write()
                self.reactor.next_ready()
            self.client.close_output()
            self.until(lambda done=outcome: done.called, lambda: None)  # type: ignore[misc]  # a lambda's default
            failed = self.failureResultOf(outcome, DataNotBound)
            self.assertEqual(
                failed.getErrorMessage(),
                "The TLS handshake of the data connection failed: the client closed it.",
            )

    def test_a_reset(self) -> None:
        """A connection that breaks during the handshake, wherever, gets 522 with the reason."""
        for name in ("receive_into", "send"):
            self.connect()
            self.system.faults[name].append(failure(errno.ECONNRESET))
            outcome = self.shaking()
            self.client.write()
            self.reactor.next_ready()
            self.assertIn("reset by peer", self.failureResultOf(outcome, DataNotBound).getErrorMessage())

    def test_a_client_that_is_gone_before_the_alert(self) -> None:
        """Whether the alert can be sent or not, the reason is the handshake."""
        self.system.faults["send"].append(failure(errno.EPIPE))
        outcome = self.shaking()
        self.theirs.send(b"this is no handshake")
        self.reactor.next_ready()
        self.assertNotIn("pipe", self.failureResultOf(outcome, DataNotBound).getErrorMessage())

    def test_a_client_that_is_not_the_one(self) -> None:
        """Who is not the client of the session gets no octet of the file, and is told why."""
        checked: list[TLSLayer] = []

        def refuse(layer: TLSLayer) -> None:
            checked.append(layer)
            raise DataNotBound("The session is not the one.")

        outcome = self.shaking(protection(check=refuse))
        self.until(lambda: outcome.called)
        self.assertEqual(self.failureResultOf(outcome, DataNotBound).getErrorMessage(), "The session is not the one.")
        self.assertTrue(checked[0].is_established)
        self.subject.close()
        self.until(lambda: self.client.is_cut)
        self.assertEqual((self.client.heard, self.client.has_ended), (b"", False))

    def test_a_handshake_that_is_given_up(self) -> None:
        """A handshake can be given up at each point; nothing stays behind."""
        for rounds in range(3):
            self.connect(version=VERSIONS[0])
            if rounds == 2:
                self.system.faults["send"].extend([10, BlockingIOError()])
            outcome = self.shaking()
            if rounds:
                self.client.write()
                self.reactor.next_ready()
            outcome.cancel()
            self.failureResultOf(outcome, CancelledError)
            self.subject.close()
            self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()))

    def test_a_layer_that_cannot_be_made(self) -> None:
        """When TLS cannot even begin, the connection is still closed with the transfer."""

        def fail() -> TLSLayer:
            raise MemoryError

        self.failureResultOf(self.shaking(protection(fail)), MemoryError)
        self.subject.close()
        self.assertEqual(self.ours.fileno(), -1)

    def test_a_silent_client(self) -> None:
        """A client that says nothing costs no turn of the reactor."""
        outcome = self.shaking()
        for _ in range(10):
            self.assertFalse(self.reactor.turn())
        self.assertEqual(self.system.calls["receive_into"], 0)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)

    def test_tickets_wait_for_the_end_of_an_upload(self) -> None:
        """
        In TLS 1.3 nothing is sent to a client that sends, until it has said close_notify.

        A client that closes without reading would reset its own upload otherwise.
        """
        self.connect(version=VERSIONS[1])
        self.secure()
        file = PlainFile()
        outcome = self.receiving(file)
        self.client.say(b"hello")
        self.client.write()
        self.reactor.next_ready()
        self.assertEqual(file.content, b"hello")
        self.assertRaises(BlockingIOError, self.theirs.recv, 1)
        self.client.end()
        self.finish(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertTrue(self.client.has_ended)
        session = self.client.tls.session
        assert session is not None
        self.assertTrue(session.has_ticket)
