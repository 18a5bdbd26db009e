# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.channel.
"""

from __future__ import annotations

import errno
import socket

from twisted.internet.defer import Deferred

from benchmarks.ports import free_ports
from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.channel import DataChannel, DataSettings
from ftpserver.data.plane import DataPlane
from ftpserver.data.ports import DataPorts
from ftpserver.data.system import System
from ftpserver.errors import (
    CannotOpenDataConnection,
    FTPError,
    NoFreeDataPort,
    TransferAborted,
)

from .data_doubles import PATIENCE, DataTestCase, PlainFile, drained, failure, given

HOST = "127.0.0.1"


class ChannelTestCase(DataTestCase):
    """The data side of a session, with one passive port."""

    def setUp(self) -> None:
        """Make the subject."""
        super().setUp()
        self.marks: list[bool] = []
        self.ports = DataPorts(free_ports(1))
        self.subject = self.channel()

    def channel(self, socket_timeout: float | None = None, patience: float | None = 1.0) -> DataChannel:
        """Return a channel; at the end of the test it has nothing left."""
        settings = DataSettings(4096, socket_timeout, patience, self.ports)
        channel = DataChannel(DataPlane(self.reactor, self.system), settings, HOST, HOST)
        self.addCleanup(self.assert_idle, channel)
        return channel

    def assert_idle(self, channel: DataChannel) -> None:
        """Check that a channel holds no port and runs no transfer."""
        channel.close()
        self.assertEqual(self.ports.free, 1)
        self.assertIs(channel.is_agreed, False)
        self.assertIs(channel.is_running, False)

    def mark(self) -> None:
        """Note that the 1xx would be written now."""
        self.marks.append(self.subject.is_running)

    def sending(self, file: PlainFile) -> Deferred[None]:
        """Send a file."""
        return Deferred.fromCoroutine(self.subject.send(file, mark=self.mark))

    def receiving(self, file: PlainFile) -> Deferred[None]:
        """Receive a file."""
        return Deferred.fromCoroutine(self.subject.receive(file, mark=self.mark))

    def connected(self) -> socket.socket:
        """Open a passive port and return the client's end of the connection to it."""
        caller = self.call(self.subject.listen())
        caller.setblocking(False)
        return caller

    def assert_failed(self, outcome: Deferred[None], kind: type[FTPError]) -> None:
        """Check how a transfer failed, and that nothing is left of it."""
        self.failureResultOf(outcome, kind)
        self.assertEqual(self.ports.free, 1)
        self.assertEqual(self.system.open, set())
        self.assertEqual(
            (self.reactor.getDelayedCalls(), self.reactor.readers, self.reactor.writers), ([], set(), set())
        )
        self.assertIs(self.subject.is_running, False)


class AgreementTests(ChannelTestCase):
    """What is agreed for the next transfer."""

    def test_nothing_agreed(self) -> None:
        """Without an agreement there is no transfer and no mark."""
        self.assertIs(self.subject.is_agreed, False)
        self.assertIs(self.subject.is_open, False)
        self.assert_failed(self.sending(PlainFile(b"x")), CannotOpenDataConnection)
        self.assertEqual(self.marks, [])

    def test_a_passive_port(self) -> None:
        """A passive port is open until it is forgotten, and then free again."""
        port = self.subject.listen()
        self.assertIs(self.subject.is_agreed, True)
        self.assertIs(self.subject.is_open, False)
        self.call(port)
        self.assertIs(self.subject.is_open, True)
        self.subject.forget()
        self.assertRaises(ConnectionRefusedError, self.call, port)
        self.assertEqual(self.ports.free, 1)

    def test_one_listener_a_session(self) -> None:
        """Each PASV closes the port of the one before, so one port serves any number of them."""
        for _ in range(1000):
            self.subject.listen()
            self.assertEqual(len(self.system.open), 1)
        self.assertEqual(self.ports.free, 0)

    def test_the_last_agreement_counts(self) -> None:
        """PORT after PASV closes the passive port, and PASV after PORT makes no call."""
        self.subject.listen()
        self.subject.connect_to(HOST, 1024)
        self.assertEqual((self.ports.free, self.system.open), (1, set()))
        caller = self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(caller.recv(2), b"x")
        self.assertEqual(self.system.calls["dial"], 0)

    def test_an_agreement_is_for_one_transfer(self) -> None:
        """A second transfer needs an agreement of its own."""
        self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertIs(self.subject.is_agreed, False)
        self.assert_failed(self.sending(PlainFile(b"x")), CannotOpenDataConnection)

    def test_no_free_port(self) -> None:
        """When every port is taken the agreement fails, and what was agreed before is forgotten."""
        listener, port = self.ports.open(lambda port: self.system.listen(HOST, port))
        self.subject.connect_to(HOST, 1024)
        self.assertRaises(NoFreeDataPort, self.subject.listen)
        self.assertIs(self.subject.is_agreed, False)
        self.system.close(listener)
        self.ports.give_back(port)

    def test_a_whole_default(self) -> None:
        """Without settings of one's own, any port serves and there is no limit."""
        channel = DataChannel(DataPlane(self.reactor, System()), DataSettings(), HOST, HOST)
        self.assertNotEqual(channel.listen(), 0)
        channel.close()
        self.assertIsNot(DataSettings().ports, DataSettings().ports)


class TransferTests(ChannelTestCase):
    """Transfers that go well."""

    def test_a_download(self) -> None:
        """The mark comes once, before the first octet; then the file, and its end."""
        caller = self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"hello"))))
        self.assertEqual(self.marks, [True])
        self.assertEqual((caller.recv(100), caller.recv(100)), (b"hello", b""))
        self.assertEqual(self.subject.bytes_moved, 5)
        self.assertIs(self.subject.is_running, False)

    def test_an_upload(self) -> None:
        """What the client sends is in the file when the transfer is over."""
        caller, file = self.connected(), PlainFile()
        outcome = self.receiving(file)
        self.assertIs(self.subject.is_running, True)
        caller.sendall(b"hello")
        caller.close()
        while not outcome.called:
            self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((file.content, self.subject.bytes_moved, self.marks), (b"hello", 5, [True]))

    def test_a_listing(self) -> None:
        """A listing is sent as it is given, and its generator is closed."""
        caller = self.connected()
        batches = given([b"a\r\n", b"b\r\n"])
        self.assertIsNone(
            self.successResultOf(Deferred.fromCoroutine(self.subject.send_batches(batches, mark=self.mark)))
        )
        self.assertEqual(drained(caller), b"a\r\nb\r\n")

    def test_texts(self) -> None:
        """In TYPE A line ends are converted both ways."""
        caller = self.connected()
        sent = Deferred.fromCoroutine(self.subject.send(PlainFile(b"a\n"), mark=self.mark, ascii=True))
        self.assertIsNone(self.successResultOf(sent))
        self.assertEqual(drained(caller), b"a\r\n")
        caller, file = self.connected(), PlainFile()
        caller.sendall(b"a\r\n")
        caller.close()
        received = Deferred.fromCoroutine(self.subject.receive(file, mark=self.mark, ascii=True))
        while not received.called:
            self.reactor.next_ready()
        self.assertEqual(file.content, b"a\n")

    def test_active_mode(self) -> None:
        """The server calls the client when the transfer comes, after the mark."""
        listener, port = self.listener()
        self.subject.connect_to(HOST, port)
        self.assertIs(self.subject.is_open, False)
        outcome = self.sending(PlainFile(b"hello"))
        self.assertEqual(self.marks, [True])
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))
        accepted, _ = listener.accept()
        with accepted:
            self.assertEqual(accepted.recv(100), b"hello")

    def test_a_store_that_waits(self) -> None:
        """A store may answer at once, later, or by a Deferred itself."""
        caller = self.connected()
        file = PlainFile(b"hello")
        file.holding = Deferred()
        outcome = self.sending(file)
        self.assertNoResult(outcome)
        holding, file.holding = file.holding, None
        holding.callback(None)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(caller), b"hello")

    def test_progress(self) -> None:
        """While a transfer runs, what has moved and when is told."""
        caller, file = self.connected(), PlainFile()
        self.reactor.advance(5)
        outcome = self.receiving(file)
        self.assertEqual(self.subject.last_progress, 5)
        self.reactor.advance(5)
        caller.sendall(b"abc")
        self.reactor.next_ready()
        self.assertEqual((self.subject.bytes_moved, self.subject.last_progress), (3, 10))
        self.reactor.advance(5)
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)
        self.assertEqual((self.subject.bytes_moved, self.subject.last_progress), (3, 10))

    def test_limits(self) -> None:
        """Uploads and downloads have limits of their own."""
        read, write = Throttle([TokenBucket(1000, burst=100)]), Throttle([TokenBucket(1000, burst=100)])
        settings = DataSettings(ports=self.ports)
        plane = DataPlane(self.reactor, self.system)
        channel = DataChannel(plane, settings, HOST, HOST, read_throttle=read, write_throttle=write)
        self.subject = channel
        caller = self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(bytes(100)))))
        self.assertEqual(len(drained(caller)), 100)
        self.assertEqual(read.take(100, 0.0), 0.0)
        self.assertAlmostEqual(write.take(100, 0.0), 0.1)


class OpeningTests(ChannelTestCase):
    """Clients that do not come."""

    def test_nobody_comes(self) -> None:
        """A client that does not connect in time costs a 425, and the port is free again."""
        self.subject.listen()
        outcome = self.sending(PlainFile(b"x"))
        self.reactor.advance(0.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, CannotOpenDataConnection)
        self.assertEqual(self.marks, [True])

    def test_nobody_answers(self) -> None:
        """A call that rings for too long is given up."""
        _, port = self.listener()
        self.subject.connect_to(HOST, port)
        outcome = self.receiving(PlainFile())
        self.reactor.advance(1)
        self.assert_failed(outcome, CannotOpenDataConnection)

    def test_a_call_that_is_refused(self) -> None:
        """A client that refuses the call costs a 425."""
        for name, fault in (("dial", failure(errno.ECONNREFUSED)), ("outcome", errno.ECONNREFUSED)):
            _, port = self.listener()
            self.system.faults[name].append(fault)
            self.subject.connect_to(HOST, port)
            outcome = self.sending(PlainFile(b"x"))
            self.reactor.turn(PATIENCE if name == "outcome" else 0)
            self.assert_failed(outcome, CannotOpenDataConnection)

    def test_waiting_without_a_bound(self) -> None:
        """Without a time to wait there is no timer."""
        self.subject = self.channel(patience=None)
        port = self.subject.listen()
        outcome = self.sending(PlainFile(b"x"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.call(port)
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_failing_mark(self) -> None:
        """When the mark cannot be written the port is given back."""

        def fail() -> None:
            raise KeyError

        self.subject.listen()
        outcome = Deferred.fromCoroutine(self.subject.send(PlainFile(), mark=fail))
        self.failureResultOf(outcome, KeyError)
        self.assertEqual(self.ports.free, 1)
