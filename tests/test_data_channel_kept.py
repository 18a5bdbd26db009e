# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.channel: the port that a session keeps, and transfers of local files in the kernel.
"""

from __future__ import annotations

import errno
import os
import socket

from twisted.internet.defer import Deferred

from ftpserver.data.channel import DataChannel, DataSettings
from ftpserver.data.system import BACKLOG
from ftpserver.errors import CannotOpenDataConnection, DataConnectionLost, DataConnectionStalled, TransferAborted
from ftpserver.pathio.local_file import LocalFile

from .data_doubles import PATIENCE, PlainFile, drained, failure
from .real_data import RealDataTestCase

HOST = "127.0.0.1"


def mark() -> None:
    """Write no 1xx."""


class KeptTestCase(RealDataTestCase):
    """A session of a server that lets the system choose the passive ports."""

    def setUp(self) -> None:
        """Make the subject."""
        super().setUp()
        self.subject = self.channel()

    def channel(self, socket_timeout: float | None = None) -> DataChannel:
        """Return a channel, closed after the test."""
        channel = DataChannel(self.plane, DataSettings(socket_timeout=socket_timeout), HOST, HOST)
        self.addCleanup(channel.close)
        return channel

    def connected(self) -> socket.socket:
        """Open a passive port and return the client's end of the connection to it."""
        caller = self.call(self.subject.listen())
        caller.setblocking(False)
        return caller

    def sending(self, file: PlainFile | LocalFile) -> Deferred[None]:
        """Send a file."""
        length = len(file.content) if isinstance(file, PlainFile) else os.fstat(file.fileno()).st_size
        return Deferred.fromCoroutine(self.subject.send(file, mark=mark, length=length))

    def receiving(self, file: PlainFile | LocalFile) -> Deferred[None]:
        """Receive a file."""
        return Deferred.fromCoroutine(self.subject.receive(file, mark=mark))

    def assert_closed(self, caller: socket.socket) -> None:
        """Check that the server has closed the connection of a caller, without an octet."""
        caller.settimeout(PATIENCE)
        try:
            self.assertEqual(caller.recv(1), b"")
        except ConnectionResetError:
            return


class KeptPortTests(KeptTestCase):
    """The port."""

    def test_one_port_for_all_transfers(self) -> None:
        """Each PASV of a session gives the same port, which is opened once."""
        ports = set()
        for number in range(5):
            caller = self.connected()
            ports.add(caller.getpeername()[1])
            self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"%d" % number))))
            self.assertEqual(drained(caller), b"%d" % number)
        self.assertEqual((len(ports), self.system.calls["listen"], len(self.system.open)), (1, 1, 1))

    def test_a_port_of_its_own(self) -> None:
        """Every session has its own port."""
        self.assertNotEqual(self.subject.listen(), self.channel().listen())

    def test_a_transfer_without_an_agreement(self) -> None:
        """The port stays open, and yet each transfer needs a PASV of its own."""
        port = self.connected().getpeername()[1]
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertIs(self.subject.is_agreed, False)
        early = self.call(port)
        self.assertIs(self.subject.is_open, False)
        self.failureResultOf(self.sending(PlainFile(b"secret")), CannotOpenDataConnection)
        caller = self.connected()
        self.assertEqual(caller.getpeername()[1], port)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"y"))))
        self.assert_closed(early)
        self.assertEqual(drained(caller), b"y")

    def test_who_came_between(self) -> None:
        """A connection from before the PASV, or a second one, gets nothing and gives nothing."""
        port = self.subject.listen()
        before = self.call(port)
        self.assertEqual(self.subject.listen(), port)
        caller, second = self.connected(), self.call(port)
        self.assert_closed(before)
        second.sendall(b"of the second")
        file = PlainFile()
        outcome = self.receiving(file)
        caller.sendall(b"of the first")
        caller.close()
        while not outcome.called:
            self.reactor.next_ready()
        self.assertEqual(file.content, b"of the first")
        self.assert_closed(second)
        late = self.call(port)
        self.assertIs(self.subject.is_open, False)
        self.failureResultOf(self.receiving(file), CannotOpenDataConnection)
        caller = self.connected()
        self.assert_closed(late)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"of the next"))))
        self.assertEqual(drained(caller), b"of the next")

    def test_who_came_last(self) -> None:
        """A connection that nobody has asked for is closed with the port, when the session ends."""
        port = self.connected().getpeername()[1]
        second = self.call(port)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        late = self.call(port)
        self.subject.close()
        for caller in (second, late):
            self.assert_closed(caller)

    def test_who_was_let_in_and_not_used(self) -> None:
        """A client that was there before the transfer and had none is closed at the next PASV."""
        early = self.connected()
        self.assertIs(self.subject.is_open, True)
        caller = self.connected()
        self.assert_closed(early)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(drained(caller), b"x")

    def test_after_a_transfer_that_failed(self) -> None:
        """A port serves on after a transfer that was aborted, was broken, or had no client."""
        port = self.subject.listen()
        outcome = self.receiving(PlainFile())
        self.reactor.advance(1)
        self.failureResultOf(outcome, CannotOpenDataConnection)
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.abort(TransferAborted())
        self.failureResultOf(outcome, TransferAborted)
        self.connected()
        self.system.faults["receive_into"].append(failure(errno.ECONNRESET))
        self.failureResultOf(self.receiving(PlainFile()), DataConnectionLost)
        self.assertEqual(self.subject.listen(), port)

    def test_a_port_that_cannot_be_emptied_after_a_transfer(self) -> None:
        """A port that cannot be emptied is closed after the transfer, and the next PASV opens another."""
        caller = self.connected()
        second = self.call(caller.getpeername()[1])
        self.assertIs(self.subject.is_open, True)
        self.system.faults["accept"].append(failure(errno.EMFILE))
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(self.system.open, set())
        self.assert_closed(second)
        other = self.connected()
        self.assertEqual(self.system.calls["listen"], 2)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"y"))))
        self.assertEqual((drained(caller), drained(other)), (b"x", b"y"))

    def test_a_port_at_which_somebody_may_still_wait(self) -> None:
        """A port that cannot be emptied is closed at the next PASV, which opens another, whatever came before."""
        for number in (errno.EMFILE, errno.ENOMEM):
            subject = self.subject = self.channel()
            caller = self.connected()
            self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
            self.assertEqual(len(self.system.open), 1)
            between = self.call(caller.getpeername()[1])
            self.system.faults["accept"].append(failure(number))
            opened = self.system.calls["listen"]
            other = self.connected()
            self.assertEqual(self.system.calls["listen"], opened + 1)
            self.assert_closed(between)
            self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"y"))))
            subject.close()
            self.assertEqual((drained(caller), drained(other), self.system.open), (b"x", b"y", set()))

    def test_a_port_that_could_not_be_looked_at(self) -> None:
        """A port at which a transfer found no descriptor for its client is emptied and serves on, if there are some."""
        early = self.connected()
        self.system.faults["accept"].append(failure(errno.EMFILE))
        self.failureResultOf(self.sending(PlainFile(b"x")), CannotOpenDataConnection)
        caller = self.connected()
        self.assert_closed(early)
        self.assertEqual(self.system.calls["listen"], 1)
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"y"))))
        self.assertEqual(drained(caller), b"y")

    def test_a_flood(self) -> None:
        """However many connect without being asked to, the port is replaced rather than looked through."""
        port = self.subject.listen()
        callers = [self.call(port) for _ in range(BACKLOG + 1)]
        self.subject.listen()
        self.assertEqual(self.system.calls["listen"], 2)
        for caller in callers:
            self.assert_closed(caller)

    def test_closing(self) -> None:
        """The port is closed by PORT, by what forgets the agreement, and with the session, agreed or not."""
        for close in (self.subject.forget, self.subject.close, lambda: self.subject.connect_to(HOST, 1024)):
            for is_used in (False, True):
                port = self.connected().getpeername()[1]
                if is_used:
                    self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
                close()
                self.assertEqual(self.system.open, set())
                self.assertRaises(ConnectionRefusedError, self.call, port)

    def test_closing_within_a_transfer(self) -> None:
        """A session that ends within a transfer leaves no port."""
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.close()
        self.failureResultOf(outcome, TransferAborted)
        self.assertEqual(self.system.open, set())


class KernelTransferTests(KeptTestCase):
    """Local files."""

    def test_both_ways(self) -> None:
        """A file that is stored and read again is what the client sent, and went through the kernel alone."""
        content = os.urandom(3_000_000)
        caller, file = self.connected(), self.open("wb")
        outcome, rest = self.receiving(file), memoryview(content)
        while rest:
            try:
                rest = rest[caller.send(rest) :]
            except BlockingIOError:
                self.reactor.next_ready()
        caller.close()
        while not outcome.called:
            self.reactor.next_ready()
        self.assertTrue(self.uploaded(file) == content)
        self.assertEqual(self.system.calls["receive_into"], 0)
        caller, octets = self.connected(), b""
        outcome = self.sending(self.open())
        while not outcome.called:
            octets += drained(caller)
            self.reactor.turn(0.01)
        caller.settimeout(PATIENCE)
        while piece := caller.recv(262144):
            octets += piece
        self.assertTrue(octets == content)
        self.assertEqual(self.subject.bytes_moved, len(content))
        self.assertEqual(self.system.calls["send"], 0)

    def test_an_abort(self) -> None:
        """ABOR ends a transfer that waits for its client, both ways."""
        self.write(bytes(50_000_000))
        for upload in (False, True):
            self.connected()
            outcome = self.receiving(self.open("wb", "new")) if upload else self.sending(self.open())
            while self.reactor.turn():
                self.assertNoResult(outcome)
            self.subject.abort(TransferAborted())
            self.failureResultOf(outcome, TransferAborted)
            self.assertEqual(self.reactor.readers, set())


class StallTests(KeptTestCase):
    """Clients that hold a transfer of a local file up."""

    def setUp(self) -> None:
        """Let a transfer stall for 10 seconds at most."""
        super().setUp()
        self.subject = self.channel(socket_timeout=10)

    def test_a_transfer_that_never_waits(self) -> None:
        """A small file that goes at once is not watched."""
        self.write(b"x")
        self.connected()
        file = self.open()
        # Any timer would fail.
        self.patch(self.reactor, "callLater", None)
        self.assertIsNone(self.successResultOf(self.sending(file)))

    def test_a_client_that_sends_nothing(self) -> None:
        """A client that sends nothing for the whole time ends its upload, not a moment before or after."""
        self.connected()
        self.reactor.advance(5)
        outcome = self.receiving(self.open("wb"))
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.failureResultOf(outcome, DataConnectionStalled)

    def test_a_client_that_comes_late(self) -> None:
        """The time begins when the client is there, however long it was waited for."""
        self.subject = self.channel(socket_timeout=0.5)
        port = self.subject.listen()
        outcome = self.receiving(self.open("wb"))
        self.reactor.advance(0.9)
        self.call(port)
        self.reactor.next_ready()
        self.reactor.advance(0.4)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.failureResultOf(outcome, DataConnectionStalled)

    def test_a_client_that_goes_on_and_stops(self) -> None:
        """Each octet gives a client the whole time again, and after the last it has exactly that."""
        caller = self.connected()
        file = self.open("wb")
        outcome = self.receiving(file)
        for number in range(5):
            self.reactor.advance(9)
            caller.sendall(b"x")
            while file.offset == number:
                self.reactor.next_ready()
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.failureResultOf(outcome, DataConnectionStalled)

    def test_a_client_that_reads_nothing(self) -> None:
        """A client that reads nothing for the whole time ends its download, wherever that stood."""
        self.write(bytes(50_000_000))
        self.connected()
        outcome = self.sending(self.open())
        while self.reactor.turn():
            self.assertNoResult(outcome)
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.failureResultOf(outcome, DataConnectionStalled)

    def test_a_slow_disk(self) -> None:
        """The time that the disk takes is not the client's fault."""
        self.write(b"hello")
        self.system.faults["read_cached"].append(BlockingIOError())
        caller = self.connected()
        outcome = self.sending(self.open())
        for _ in range(100):
            self.reactor.advance(1)
        self.assertNoResult(outcome)
        self.settled(outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(caller), b"hello")
