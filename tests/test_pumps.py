# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.pumps.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.plane import OCTETS_PER_TURN, DataPlane
from ftpserver.data.pumps import LONG, Pump
from ftpserver.data.shaping import FromNetwork, ToNetwork
from ftpserver.data.stream import READS_AT_END, ClearStream
from ftpserver.data.turns import SECONDS_PER_TURN
from ftpserver.errors import DataConnectionLost, StorageFailure, StorageFull

from .data_doubles import DataTestCase, PlainFile, drained, failure, given, wait

BLOCK = 65536


async def call(awaitable: Awaitable[Any]) -> Any:
    """Wait for a call to the store."""
    return await awaitable


class PumpTestCase(DataTestCase):
    """A connection with a pump at our end."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.ours, self.theirs = self.pair()
        self.throttle = Throttle()
        self.subject = self.pump(self.ours)

    def pump(self, ours: socket.socket, throttle: Throttle | None = None, block: int = BLOCK) -> Pump:
        """Return a pump for our end of a connection."""
        stream = ClearStream(self.descriptor(ours), self.system)
        plane = DataPlane(self.reactor, self.system, in_kernel=False)
        pump = Pump(plane, stream, block, throttle or Throttle(), wait, call)
        self.addCleanup(pump.close)
        return pump

    def sending(self, file: PlainFile, shape: ToNetwork | None = None) -> Deferred[None]:
        """Send a file."""
        return Deferred.fromCoroutine(self.subject.send(file, shape))

    def receiving(self, file: PlainFile, shape: FromNetwork | None = None) -> Deferred[None]:
        """Receive a file."""
        return Deferred.fromCoroutine(self.subject.receive(file, shape))

    def drain_until(self, outcome: Deferred[None]) -> bytes:
        """Read at the client's end until a transfer is over, and return everything."""
        octets = b""
        while not outcome.called:
            octets += drained(self.theirs)
            self.reactor.turn()
        return octets + drained(self.theirs)


class SendTests(PumpTestCase):
    """Downloads."""

    def test_a_file(self) -> None:
        """The client gets the whole file and then the end of the connection."""
        outcome = self.sending(PlainFile(b"hello"))
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(self.theirs.recv(100), b"hello")
        self.assertEqual(self.theirs.recv(100), b"")
        self.assertEqual(self.subject.meter.bytes_moved, 5)

    def test_a_file_that_has_become_shorter(self) -> None:
        """A file that was cut meanwhile is a failure, however much of it went; one that has grown is none."""
        for length in (6, 10):
            outcome = Deferred.fromCoroutine(self.subject.send(PlainFile(b"hello"), None, length))
            self.failureResultOf(outcome, StorageFailure)
        outcome = Deferred.fromCoroutine(self.subject.send(PlainFile(b"hello"), None, 4))
        self.assertIsNone(self.successResultOf(outcome))

    def test_an_empty_file(self) -> None:
        """An empty file is the end of the connection and nothing else."""
        self.assertIsNone(self.successResultOf(self.sending(PlainFile())))
        self.assertEqual(self.theirs.recv(100), b"")
        self.assertEqual(self.subject.meter.bytes_moved, 0)

    def test_pieces_are_bounded(self) -> None:
        """No more than a block is asked of the store at once."""
        file = PlainFile(bytes(3 * BLOCK + 1))
        octets = self.drain_until(self.sending(file))
        self.assertEqual(octets, file.content)
        self.assertEqual([len(piece) for piece in file.pieces], [BLOCK, BLOCK, BLOCK, 1, 0])

    def test_a_slow_client(self) -> None:
        """A client that does not read is waited for, and gets every octet once it does."""
        file = PlainFile(bytes(range(256)) * 20000)
        outcome = self.sending(file)
        self.assertNoResult(outcome)
        self.assertEqual(self.subject.meter.waiting_since, self.reactor.seconds())
        self.assertEqual(self.drain_until(outcome), file.content)
        self.assertIsNone(self.subject.meter.waiting_since)

    def test_short_sends(self) -> None:
        """The system may take less than it is given."""
        self.system.faults["send"].extend([1, 2, BlockingIOError(), 1])
        outcome = self.sending(PlainFile(b"0123456789"))
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(self.theirs), b"0123456789")
        self.assertEqual(self.subject.meter.bytes_moved, 10)

    def test_a_client_that_goes(self) -> None:
        """A connection that breaks is told from a whole transfer, wherever it breaks."""
        for name, number in (
            ("send", errno.EPIPE),
            ("send", errno.ECONNRESET),
            ("send", errno.ETIMEDOUT),
            ("end_output", errno.ENOTCONN),
            ("receive_into", errno.ECONNRESET),
        ):
            self.subject = self.pump(self.pair()[0])
            self.system.faults[name].append(failure(number))
            self.failureResultOf(self.sending(PlainFile(b"x")), DataConnectionLost)

    def test_a_client_that_has_closed(self) -> None:
        """A client that closed before the end has not got the file."""
        self.theirs.close()
        self.failureResultOf(self.sending(PlainFile(b"x" * 100)), DataConnectionLost)

    def test_line_ends(self) -> None:
        """A text is converted while it is sent."""
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"a\nb\r\n"), ToNetwork())))
        self.assertEqual(drained(self.theirs), b"a\r\nb\r\n")
        self.assertEqual(self.subject.meter.bytes_moved, 6)

    def test_a_failing_store(self) -> None:
        """What the store raises ends the transfer as it is."""
        file = PlainFile()
        file.error = StorageFull()
        self.failureResultOf(self.sending(file), StorageFull)

    def test_batches(self) -> None:
        """A listing is sent batch by batch; an empty batch is not the end."""
        outcome = Deferred.fromCoroutine(self.subject.send_batches(given([b"a", b"", b"bc"])))
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(self.theirs), b"abc")

    def test_a_long_listing(self) -> None:
        """After the first batch of a listing that is long the client hears what else is due, and then the rest."""
        for size, is_long in ((LONG - 1, False), (LONG, True)):
            ours, theirs = self.pair()
            self.subject = self.pump(ours)
            outcome = Deferred.fromCoroutine(self.subject.send_batches(given([bytes(size), bytes(LONG), b"end"])))
            self.assertEqual(len(drained(theirs)), size if is_long else size + LONG + 3)
            self.reactor.turn()
            self.assertIsNone(self.successResultOf(outcome))
            self.assertEqual(len(drained(theirs)), LONG + 3 if is_long else 0)

    def test_batches_that_have_to_be_waited_for(self) -> None:
        """A listing may wait for its store in the middle of a batch, for a tuple as well."""
        stat = Deferred[tuple[bytes, bytes]]()

        async def batches() -> AsyncGenerator[bytes, None]:
            yield b"a"
            yield b"".join(await stat)

        outcome = Deferred.fromCoroutine(self.subject.send_batches(batches()))
        self.assertNoResult(outcome)
        stat.callback((b"b", b"c"))
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(self.theirs), b"abc")


class EndTests(PumpTestCase):
    """The end of a download."""

    def test_what_a_client_sent_meanwhile(self) -> None:
        """Octets that nobody asked for are read, so that closing does not take the file's tail from the client."""
        self.theirs.send(b"nobody asked")
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.subject.close()
        self.assertEqual(self.theirs.recv(10), b"x")
        self.assertEqual(self.theirs.recv(10), b"")

    def test_a_client_that_has_ended_as_well(self) -> None:
        """A client that closed its own direction first gets the file."""
        self.theirs.shutdown(socket.SHUT_WR)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(drained(self.theirs), b"x")

    def test_a_client_that_sends_without_end(self) -> None:
        """A flood from the client is read for a moment only."""
        self.system.faults["receive_into"].extend([1] * READS_AT_END * 2)
        self.theirs.send(b"x" * READS_AT_END * 2)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(self.system.calls["receive_into"], READS_AT_END)


class ReceiveTests(PumpTestCase):
    """Uploads."""

    def test_a_file(self) -> None:
        """What the client sends up to its end is written."""
        file = PlainFile()
        outcome = self.receiving(file)
        self.assertNoResult(outcome)
        for piece in (b"hel", b"lo"):
            self.theirs.send(piece)
            self.reactor.next_ready()
        self.theirs.shutdown(socket.SHUT_WR)
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"hello")
        self.assertEqual(self.subject.meter.bytes_moved, 5)

    def test_an_empty_file(self) -> None:
        """An end without any octet is an empty file."""
        file = PlainFile()
        self.theirs.close()
        self.assertIsNone(self.successResultOf(self.receiving(file)))
        self.assertEqual((file.content, file.pieces), (b"", []))

    def test_pieces_are_bounded(self) -> None:
        """No more than a block is given to the store at once."""
        self.subject = self.pump(self.ours, block=10)
        file = PlainFile()
        self.theirs.send(b"0123456789abcde")
        self.theirs.close()
        self.assertIsNone(self.successResultOf(self.receiving(file)))
        self.assertEqual(file.pieces, [b"0123456789", b"abcde"])

    def test_a_client_that_goes(self) -> None:
        """A reset is not the end of a file: what came is written, and the transfer has failed."""
        for number in (errno.ECONNRESET, errno.ETIMEDOUT):
            ours, theirs = self.pair()
            self.subject, file = self.pump(ours), PlainFile()
            theirs.send(b"half")
            self.system.faults["receive_into"].extend([None, failure(number)])
            self.failureResultOf(self.receiving(file), DataConnectionLost)
            self.assertEqual(file.content, b"half")

    def test_line_ends(self) -> None:
        """A text is converted while it is received, also where a segment ends between CR and LF."""
        file = PlainFile()
        outcome = self.receiving(file, FromNetwork())
        for piece in (b"a\r", b"\nb\r"):
            self.theirs.send(piece)
            self.reactor.next_ready()
        self.theirs.close()
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"a\nb\r")

    def test_a_text_without_a_held_octet(self) -> None:
        """A text that ends with its line end needs nothing more at the end."""
        file = PlainFile()
        self.theirs.send(b"a\r\n")
        self.theirs.close()
        self.assertIsNone(self.successResultOf(self.receiving(file, FromNetwork())))
        self.assertEqual(file.pieces, [b"a\n"])

    def test_a_full_store(self) -> None:
        """What the store raises ends the transfer as it is."""
        file = PlainFile()
        file.error = StorageFull()
        self.theirs.send(b"x")
        self.failureResultOf(self.receiving(file), StorageFull)

    def test_a_slow_store(self) -> None:
        """While the store writes, nothing more is read, and the client is not what is waited for."""
        file = PlainFile()
        file.holding = Deferred()
        self.theirs.send(b"x")
        outcome = self.receiving(file)
        self.theirs.send(b"y")
        self.assertFalse(self.reactor.turn())
        self.assertIsNone(self.subject.meter.waiting_since)
        holding, file.holding = file.holding, None
        holding.callback(None)
        self.theirs.close()
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"xy")


class TurnTests(PumpTestCase):
    """How long a transfer keeps the reactor."""

    def test_a_fast_download(self) -> None:
        """However fast the client reads, after a megabyte others have a turn."""
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * OCTETS_PER_TURN)
        self.system.send = lambda _socket, data: len(data)  # type: ignore[assignment, method-assign]  # a network without bounds
        outcome = self.sending(PlainFile(bytes(OCTETS_PER_TURN * 2 + 1)))
        self.assertEqual(self.subject.meter.bytes_moved, OCTETS_PER_TURN)
        self.reactor.turn()
        self.assertEqual(self.subject.meter.bytes_moved, 2 * OCTETS_PER_TURN)
        self.reactor.turn()
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_slow_store(self) -> None:
        """A listing that takes its time leaves others a turn after each batch, also where it has nothing to send."""
        taken = []

        async def batches() -> AsyncGenerator[bytes, None]:
            for number in range(3):
                taken.append(number)
                self.reactor.rightNow += SECONDS_PER_TURN
                yield b""

        outcome = Deferred.fromCoroutine(self.subject.send_batches(batches()))
        self.assertEqual(taken, [0])
        self.reactor.turn()
        self.assertEqual(taken, [0, 1])
        self.reactor.turn()
        self.reactor.turn()
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_fast_upload(self) -> None:
        """However fast the client sends, after a megabyte others have a turn."""
        self.system.receive_into = lambda _socket, buffer: len(buffer)  # type: ignore[assignment, method-assign]  # as above
        outcome = self.receiving(PlainFile())
        self.assertEqual(self.subject.meter.bytes_moved, OCTETS_PER_TURN)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)


class PaymentTests(PumpTestCase):
    """What a transfer takes of a speed limit."""

    def test_short_sends(self) -> None:
        """What was paid for is used up, however few octets the system takes at a time."""
        bucket = TokenBucket(1000, burst=0)
        self.subject = self.pump(self.ours, Throttle([bucket]))
        self.system.faults["send"].extend([10, 20, 30])
        outcome = self.sending(PlainFile(bytes(100)))
        self.reactor.advance(0.099)
        self.assertEqual(self.subject.meter.bytes_moved, 0)
        self.reactor.advance(0.002)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(len(drained(self.theirs)), 100)
        self.assertEqual(self.system.calls["send"], 4)


class CloseTests(PumpTestCase):
    """The end of a pump."""

    def test_closing_while_something_waits(self) -> None:
        """A transfer that is given up leaves the reactor, and its socket is closed."""
        outcome = self.receiving(PlainFile())
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.subject.close()
        self.assertEqual(self.ours.fileno(), -1)
        self.assertEqual(self.reactor.readers, set())

    def test_what_was_paid_for_and_not_moved(self) -> None:
        """Transfers that are given up use nothing of the speed that others share."""
        bucket = TokenBucket(1000, burst=0)
        for _ in range(10):
            pump = self.pump(self.pair()[0], Throttle([bucket]))
            outcome = Deferred.fromCoroutine(pump.receive(PlainFile(), None))
            outcome.cancel()
            self.failureResultOf(outcome, CancelledError)
            pump.close()
        self.assertAlmostEqual(bucket.take(100, 0.0), 0.1)
