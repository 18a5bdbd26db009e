# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.movers: ways down, one visit after another, over real sockets and files.
"""

from __future__ import annotations

import errno
import os
import socket
import threading

from twisted.internet.defer import Deferred, ensureDeferred

from ftpserver.core.throttle import Throttle
from ftpserver.data.meter import Meter
from ftpserver.data.movers import LARGE, CopyFromFile, SendFile
from ftpserver.data.plane import BUFFER
from ftpserver.data.stream import ClearStream
from ftpserver.data.turns import Need
from ftpserver.errors import StorageFailure

from .data_doubles import drained, failure
from .real_data import RealDataTestCase

CONTENT = bytes(range(256)) * 1024


class MoverTestCase(RealDataTestCase):
    """A connection, and what has moved over it."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.connect()

    def connect(self) -> None:
        """Make a new connection."""
        self.ours, self.theirs = self.tcp()
        self.stream = ClearStream(self.descriptor(self.ours), self.system)
        self.addCleanup(self.stream.close)
        self.meter = Meter(self.reactor.seconds, Throttle())


class DownTestCase(MoverTestCase):
    """Ways down."""

    way: type[SendFile | CopyFromFile] = SendFile
    #: The call that gives the octets.
    reads = "send_file"

    def mover(self, content: bytes = CONTENT, offset: int = 0) -> SendFile | CopyFromFile:
        """Return a way for a file with this content."""
        self.write(content)
        self.file = self.open()
        self.file.offset = offset
        return self.way(self.plane, self.stream, self.file, self.meter, len(content))

    def fetch(self, subject: SendFile | CopyFromFile) -> None:
        """Read what is not in memory."""
        self.now(subject.fetch())

    def moved_until(self, subject: SendFile | CopyFromFile, end: Need = Need.NOTHING) -> bytes:
        """Visit until something else is needed than a turn, and return what the client got."""
        octets = b""
        while (need := self.visit(subject)) is not end:
            self.assertIn(need, (Need.TURN, Need.SOCKET, Need.STORAGE))
            if need is Need.STORAGE:
                self.fetch(subject)
            octets += drained(self.theirs)
        # What is on its way has to come.
        self.ours.shutdown(socket.SHUT_WR)
        self.theirs.settimeout(20)
        while piece := self.theirs.recv(65536):
            octets += piece
        return octets

    def visit(self, subject: SendFile | CopyFromFile) -> Need:
        """Move a piece."""
        try:
            return subject.move(subject.piece)
        except BlockingIOError:
            return Need.SOCKET

    def append(self, content: bytes) -> None:
        """Let the file grow."""
        with (self.root / "file").open("ab") as file:
            file.write(content)

    def assert_counted(self, amount: int) -> None:
        """Check that the file and the transfer know how much has gone."""
        self.assertEqual((self.file.offset, self.meter.bytes_moved), (amount, amount))


class DownMixin(DownTestCase):
    """What holds for every way down."""

    def test_a_file(self) -> None:
        """A file goes from its beginning to its end, and its end is told."""
        subject = self.mover()
        self.assertIs(subject.writes, True)
        self.assertEqual(self.moved_until(subject), CONTENT)
        self.assert_counted(len(CONTENT))

    def test_an_empty_file(self) -> None:
        """An empty file has nothing to move."""
        subject = self.mover(b"")
        self.assertIs(subject.move(subject.piece), Need.NOTHING)
        self.assert_counted(0)

    def test_from_an_offset(self) -> None:
        """What is before the offset does not go."""
        self.assertEqual(self.moved_until(self.mover(offset=100_000)), CONTENT[100_000:])
        self.assertEqual(self.meter.bytes_moved, len(CONTENT) - 100_000)

    def test_no_more_than_allowed(self) -> None:
        """A visit moves no more than it may."""
        subject = self.mover()
        self.assertIs(subject.move(10), Need.TURN)
        self.assert_counted(10)

    def test_a_socket_that_takes_nothing(self) -> None:
        """A client that does not read is waited for, and loses nothing."""
        subject = self.mover()
        self.system.faults[{"send_file": "send_file", "read_into": "send"}[self.reads]].extend(
            [BlockingIOError(), None, BlockingIOError()]
        )
        self.assertRaises(BlockingIOError, subject.move, 10)
        self.assert_counted(0)
        self.assertEqual(self.moved_until(subject), CONTENT)

    def test_a_file_that_becomes_shorter(self) -> None:
        """Where a file was cut its end is told: how long it should have been, others know."""
        subject = self.mover()
        subject.move(1000)
        os.truncate(self.root / "file", 500)
        self.assertIn(self.visit(subject), (Need.NOTHING, Need.STORAGE))
        if self.system.calls["cached_pages"]:
            self.fetch(subject)
            self.assertIs(self.visit(subject), Need.NOTHING)
        self.assert_counted(1000)

    def test_a_file_that_grows(self) -> None:
        """What is appended while a file is sent goes as well."""
        subject = self.mover(b"begin")
        self.assertIs(subject.move(5), Need.TURN)
        self.append(b" and end")
        self.assertEqual(self.moved_until(subject), b"begin and end")

    def test_a_file_that_has_grown(self) -> None:
        """A piece that goes beyond the end that was known is followed by others."""
        subject = self.mover(b"begin")
        self.append(CONTENT)
        self.assertIsNot(self.visit(subject), Need.NOTHING)
        self.assertEqual(self.moved_until(subject), b"begin" + CONTENT)

    def test_the_end_is_known(self) -> None:
        """A piece that was shorter than it might have been ends a file of the known size: no other follows."""
        subject = self.mover(b"0123456789")
        self.assertIs(subject.move(11), Need.NOTHING)
        self.assertEqual(self.system.calls[self.reads], 1)
        self.assert_counted(10)

    def test_the_end_is_looked_for(self) -> None:
        """A piece that was as long as allowed does not tell whether there is more."""
        subject = self.mover(b"0123456789")
        self.assertIs(subject.move(10), Need.TURN)
        self.assertIs(subject.move(10), Need.NOTHING)
        self.assertEqual(self.system.calls[self.reads], 2)
        self.assert_counted(10)

    def test_an_error_of_the_file(self) -> None:
        """An error is looked for in another way, where everything can be told; nothing is lost or sent twice."""
        for number in (errno.EIO, errno.EINVAL, errno.ENODEV):
            subject = self.mover()
            subject.move(1000)
            self.system.faults[self.reads].append(failure(number))
            self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
            self.assertEqual((self.file.offset, subject.rest), (1000, b""))

    def test_what_is_not_in_memory(self) -> None:
        """What only the disk has is read by a thread, never by the reactor, and goes in its place."""
        subject = self.mover()
        subject.move(1000)
        self.system.faults["cached_pages"].append(0)
        self.assertIs(subject.move(subject.piece), Need.STORAGE)
        self.assertEqual(self.system.calls["read_file"], 0)
        self.system.faults["read_file"].append(5000)
        self.fetch(subject)
        self.assertNotIn(threading.get_ident(), self.system.threads["read_file"])
        # Whatever becomes of the cache meanwhile, the piece is read once.
        self.system.faults["cached_pages"].append(0)
        for _ in range(2):
            self.assertIs(subject.move(2500), Need.TURN)
        self.assert_counted(6000)
        self.assertIs(subject.move(2500), Need.STORAGE)
        self.fetch(subject)
        self.assertEqual(self.moved_until(subject), CONTENT)
        self.assertEqual(self.system.calls["read_file"], 2)

    def test_everything_from_the_disk(self) -> None:
        """A file of which nothing is ever in memory goes whole."""
        subject = self.mover()
        self.system.faults["cached_pages"].extend([0] * 10)
        self.system.faults["read_file"].extend([30_000] * 10)
        self.assertEqual(self.moved_until(subject), CONTENT)
        self.assertEqual(self.system.threads["read_file"] & {threading.get_ident()}, set())

    def test_the_end_found_by_the_disk(self) -> None:
        """Where the disk has nothing any more, the file ends."""
        subject = self.mover()
        self.system.faults["read_cached"].append(BlockingIOError())
        self.system.faults["read_file"].append(0)
        self.assertIs(subject.move(10), Need.STORAGE)
        self.fetch(subject)
        self.assertIs(subject.move(10), Need.NOTHING)

    def test_an_error_of_the_disk(self) -> None:
        """An error of the disk is one of the store, not of the connection."""
        for call, allowed in (("read_cached", 10), ("cached_pages", BUFFER)):
            subject = self.mover()
            self.system.faults[call].append(failure(errno.EIO))
            self.assertIs(subject.move(allowed), Need.STORAGE)
            self.assertEqual(self.system.calls[self.reads], 0)
            self.system.faults["read_file"].append(failure(errno.EIO))
            fetching: Deferred[None] = ensureDeferred(subject.fetch())
            self.failureResultOf(self.settled(fetching), StorageFailure)
            self.assert_counted(0)

    def test_a_slow_client_and_a_slow_disk(self) -> None:
        """What the disk gave and the client does not take is kept."""
        subject = self.mover()
        self.system.faults["read_cached"].append(BlockingIOError())
        self.assertIs(subject.move(10), Need.STORAGE)
        self.fetch(subject)
        self.system.faults["send"].extend([BlockingIOError(), 3])
        self.assertRaises(BlockingIOError, subject.move, 10)
        self.assertIs(subject.move(10), Need.TURN)
        self.assert_counted(3)
        self.assertEqual(self.moved_until(subject), CONTENT)
        self.assertEqual(self.system.calls["read_file"], 1)

    def test_a_connection_that_breaks(self) -> None:
        """A connection that breaks is an error of the connection, at once or in the other way."""
        subject = self.mover()
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.theirs.close()
        self.reactor.turn()
        copy = CopyFromFile(self.plane, self.stream, self.file, self.meter, len(CONTENT))
        if isinstance(subject, SendFile):
            self.assertIs(subject.move(10), Need.OTHERWISE)
        self.assertRaises(OSError, copy.move, 10)
        self.assert_counted(0)


class SendFileTests(DownMixin):
    """From a file to the socket within the kernel."""

    def test_short_counts(self) -> None:
        """When the socket takes less than it may, it is waited for."""
        subject = self.mover()
        self.system.faults["send_file"].extend([10, None])
        self.assertIs(subject.move(100), Need.SOCKET)
        self.assert_counted(10)
        self.assertIs(subject.move(90), Need.TURN)

    def test_large_files(self) -> None:
        """Only of a file that is large, from its offset on, full segments are gathered."""
        for size, offset, is_large in ((LARGE - 1, 0, False), (LARGE, 0, True), (LARGE, 1, False)):
            subject = self.mover(bytes(size), offset)
            assert isinstance(subject, SendFile)
            before = self.system.calls["gather"]
            subject.gather()
            self.assertEqual(self.system.calls["gather"] - before, int(is_large))
            self.assertEqual(self.ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK), int(is_large))
            self.connect()

    def test_the_last_segment(self) -> None:
        """The end of a large file does not wait for more to come."""
        content = bytes(LARGE) + b"end"
        subject = self.mover(content)
        assert isinstance(subject, SendFile)
        subject.gather()
        self.assertTrue(self.moved_until(subject) == content)


class CopyFromFileTests(DownMixin):
    """From a file to the socket through the buffer."""

    way = CopyFromFile
    reads = "read_into"

    def test_a_piece(self) -> None:
        """A piece is no larger than the buffer."""
        self.assertEqual(self.mover().piece, BUFFER)

    def test_what_is_kept_goes_first(self) -> None:
        """A file is not read while the connection keeps something that the socket does not take."""
        subject = self.mover()

        def flush() -> None:
            raise BlockingIOError

        self.patch(self.stream, "flush", flush)
        self.assertRaises(BlockingIOError, subject.move, 10)
        self.assertEqual(self.system.calls["read_into"], 0)

    def test_short_reads(self) -> None:
        """The file may give less than it is asked for."""
        subject = self.mover()
        self.system.faults["read_into"].extend([10, 1])
        self.assertEqual(self.moved_until(subject), CONTENT)

    def test_short_sends_at_the_end(self) -> None:
        """What was read and not taken is not taken for the end."""
        subject = self.mover(b"0123456789")
        self.system.faults["send"].append(9)
        self.assertIs(subject.move(BUFFER), Need.TURN)
        self.assert_counted(9)
        self.assertEqual(self.moved_until(subject), b"0123456789")


# What is common to both ways has no way of its own.
del DownMixin
