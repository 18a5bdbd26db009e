# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.movers: ways up, one visit after another, over real sockets and files.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from itertools import count
from types import SimpleNamespace
from typing import Any

from ftpserver.data import movers
from ftpserver.data.movers import CopyToFile, SpliceToFile
from ftpserver.data.plane import BUFFER
from ftpserver.data.turns import Need
from ftpserver.pathio.local_file import LocalFile
from ftpserver.pathio.mounts import SLOW

from .data_doubles import Fault, failure
from .test_movers import MoverTestCase

#: What splice says of sockets and files that it cannot serve.
REFUSALS = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM)


class UpTestCase(MoverTestCase):
    """Ways up."""

    way: type[SpliceToFile | CopyToFile] = SpliceToFile
    #: The calls that take the octets from the socket and give them to the file.
    receives = "splice_in"
    writes = "splice_out"

    def mover(self, mode: Any = "wb") -> SpliceToFile | CopyToFile:
        """Return a way for a new file."""
        self.file: LocalFile = self.open(mode)
        return self.way(self.plane, self.stream, self.file, self.meter)

    def come(self, content: bytes) -> None:
        """Let octets come."""
        self.theirs.sendall(content)

    def assert_pipe_is_empty(self) -> None:
        """Check that the next upload finds nothing of this one."""
        self.assertRaises(BlockingIOError, os.read, self.plane.pipe.reading, 1)


class UpMixin(UpTestCase):
    """What holds for every way up."""

    def test_a_file(self) -> None:
        """What comes is written, and the end of the connection is that of the file."""
        subject = self.mover()
        self.assertIs(subject.writes, False)
        for piece in (b"hello", b" world"):
            self.come(piece)
            self.assertIs(subject.move(subject.piece), Need.TURN)
            self.assertRaises(BlockingIOError, subject.move, subject.piece)
        self.theirs.close()
        self.assertIs(subject.move(subject.piece), Need.NOTHING)
        self.assertEqual((self.file.offset, self.meter.bytes_moved, subject.rest), (11, 11, b""))
        self.assertEqual(self.uploaded(self.file), b"hello world")

    def test_at_an_offset(self) -> None:
        """What is before the offset stays."""
        self.write(b"0123456789")
        subject = self.mover("r+b")
        self.now(self.file.seek(4))
        self.come(b"abc")
        self.assertIs(subject.move(10), Need.TURN)
        self.assertEqual(self.uploaded(self.file), b"0123abc789")

    def test_no_more_than_allowed(self) -> None:
        """A visit takes no more than it may; the rest stays in the socket."""
        subject = self.mover()
        self.come(b"0123456789")
        self.assertIs(subject.move(4), Need.TURN)
        self.assertEqual((self.file.offset, self.meter.bytes_moved), (4, 4))
        self.assertEqual(self.ours.recv(100), b"456789")

    def test_short_writes(self) -> None:
        """A file may take less than it is given."""
        subject = self.mover()
        self.system.faults[self.writes].extend([1, 3])
        self.come(b"0123456789")
        self.assertIs(subject.move(subject.piece), Need.TURN)
        self.assertEqual(self.system.calls[self.writes], 3)
        self.assertEqual(self.uploaded(self.file), b"0123456789")

    def test_an_error_of_the_file(self) -> None:
        """What could not be written is handed over, from the right octet on, and nothing is left for others."""
        numbers = (errno.EINVAL, errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EAGAIN)
        faults: list[Fault] = [0, *map(failure, numbers)]
        for fault in faults:
            for before in ([], [1, 3]):
                self.connect()
                subject = self.mover()
                self.system.faults[self.writes].extend([*before, fault])
                self.come(b"0123456789")
                self.assertIs(subject.move(subject.piece), Need.OTHERWISE, str(fault))
                self.assertEqual((self.file.offset, subject.rest), (sum(before), b"0123456789"[sum(before) :]))
                self.assertEqual(self.meter.bytes_moved, 10)
                self.assert_pipe_is_empty()
                self.now(self.file.write(subject.rest))
                self.assertEqual(self.uploaded(self.file), b"0123456789")

    def test_a_connection_that_breaks(self) -> None:
        """A reset is an error and no end."""
        for fault in (failure(errno.ECONNRESET), None):
            self.connect()
            subject = self.mover()
            self.system.faults[self.receives].append(fault)
            self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.theirs.close()
            self.assertRaises(ConnectionResetError, subject.move, subject.piece)
            self.assertEqual(self.file.offset, 0)

    def pass_time(self, seconds: float, *waits: int) -> None:
        """Let the next write take so long, before and after which the thread has waited so often."""
        clock = count(0, seconds)
        self.patch(movers, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        self.system.faults["waits"].extend(waits)

    def test_a_slow_disk(self) -> None:
        """After a write that took long the next one is made elsewhere, and this one has gone well."""
        subject = self.mover()
        self.pass_time(SLOW, 5, 6)
        self.come(b"0123456789")
        self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
        self.assertIs(self.file.may_block, True)
        self.assertEqual((subject.rest, self.file.offset), (b"", 10))

    def test_a_processor_that_others_had(self) -> None:
        """A write that took long because others were served meanwhile is no sign of a slow disk."""
        subject = self.mover()
        self.pass_time(SLOW, 5, 5)
        self.come(b"0123456789")
        self.assertIs(subject.move(subject.piece), Need.TURN)
        self.assertIs(self.file.may_block, False)

    def test_a_disk_that_is_quick_enough(self) -> None:
        """A write that took a while goes on here, and the store is told of it; of a quick one it is not."""
        took = LocalFile.took
        for seconds, told in ((movers.NOTABLE, 1), (movers.NOTABLE / 2, 0)):
            self.connect()
            subject = self.mover()
            heard: list[float] = []

            def hear(file: LocalFile, seconds: float, heard: list[float] = heard) -> None:
                heard.append(seconds)
                took(file, seconds)

            self.patch(LocalFile, "took", hear)
            self.system.faults["waits"].clear()
            self.pass_time(seconds, 5, 6)
            self.come(b"0123456789")
            self.assertIs(subject.move(subject.piece), Need.TURN)
            self.assertEqual(heard, [seconds] * told)

    def test_there_is_nothing_to_read(self) -> None:
        """An upload reads nothing from the disk."""
        self.assertIsNone(self.now(self.mover().fetch()))


class SpliceToFileTests(UpMixin):
    """From the socket to a file within the kernel."""

    def test_what_splice_cannot_serve(self) -> None:
        """A socket that splice refuses is read in another way, and nothing is lost."""
        for number in REFUSALS:
            self.connect()
            subject = self.mover()
            self.come(b"x")
            self.system.faults["splice_in"].append(failure(number))
            self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
            self.assertEqual((subject.rest, self.ours.recv(10)), (b"", b"x"))

    def test_a_file_that_is_appended_to(self) -> None:
        """The system refuses to splice to the end of a file: what came is handed over whole."""
        self.write(b"begin ")
        subject = self.mover("ab")
        self.come(b"and end")
        self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
        self.assertEqual(subject.rest, b"and end")
        self.assert_pipe_is_empty()
        self.now(self.file.write(subject.rest))
        self.assertEqual(self.uploaded(self.file), b"begin and end")

    def test_out_of_descriptors(self) -> None:
        """Without a pipe the octets go in another way."""
        subject = self.mover()
        self.come(b"x")
        self.system.faults["open_pipe"].append(failure(errno.EMFILE))
        self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
        self.assertEqual(self.ours.recv(10), b"x")

    def test_a_small_pipe(self) -> None:
        """Where the system gives a small pipe, the octets go in smaller pieces."""
        fcntl.fcntl(self.plane.pipe.writing, fcntl.F_SETPIPE_SZ, 4096)
        subject = self.mover()
        self.come(bytes(10_000))
        moved = []
        while self.meter.bytes_moved < 10_000:
            self.assertIs(subject.move(subject.piece), Need.TURN)
            moved.append(self.meter.bytes_moved)
        self.assertGreater(len(moved), 1)
        self.assertEqual(self.uploaded(self.file), bytes(10_000))

    def test_a_pipe_that_cannot_be_emptied(self) -> None:
        """A pipe that keeps something after all is replaced: the next upload begins with its own octets."""
        for stage, error in (
            ("splice_out", KeyboardInterrupt()),
            ("splice_out", GeneratorExit()),
            ("read_pipe", failure(errno.EIO)),
            ("read_pipe", KeyboardInterrupt()),
        ):
            self.connect()
            subject = self.mover()
            self.system.faults["splice_out"].append(2)
            if stage == "read_pipe":
                self.system.faults["splice_out"].append(failure(errno.ENOSPC))
            self.system.faults[stage].append(error)
            self.come(b"of another user")
            self.assertRaises(type(error), subject.move, subject.piece)
            self.assertEqual(self.system.pipes, set())
            self.assert_next_upload_is_clean()

    def assert_next_upload_is_clean(self) -> None:
        """Upload another file."""
        self.connect()
        subject = self.mover()
        self.come(b"mine")
        self.assertIs(subject.move(subject.piece), Need.TURN)
        self.assertEqual(self.uploaded(self.file), b"mine")

    def test_the_next_upload_after_each_fault(self) -> None:
        """After an upload that did not end whole, the next file has nothing of it."""
        for number in (errno.EINVAL, errno.ENOSPC, errno.EIO):
            for amount in (0, 1, 5):
                self.connect()
                subject = self.mover()
                self.system.faults["splice_out"].extend([*([amount] if amount else []), failure(number)])
                self.come(b"of another user")
                self.assertIs(subject.move(subject.piece), Need.OTHERWISE)
                self.assert_next_upload_is_clean()
        self.assertEqual(self.system.calls["open_pipe"], 1)


class CopyToFileTests(UpMixin):
    """From the socket to a file through the buffer."""

    way = CopyToFile
    receives = "receive_into"
    writes = "write_file"

    def test_a_piece(self) -> None:
        """A piece is no larger than the buffer."""
        self.assertEqual(self.mover().piece, BUFFER)

    def test_a_file_that_is_appended_to(self) -> None:
        """What comes goes to the end."""
        self.write(b"begin ")
        subject = self.mover("ab")
        self.come(b"and end")
        self.assertIs(subject.move(subject.piece), Need.TURN)
        self.assertEqual(self.uploaded(self.file), b"begin and end")

    def test_what_the_socket_does_not_tell_of(self) -> None:
        """Where the connection holds more than the socket tells, the next piece is taken in the same turn."""
        subject = self.mover()
        self.patch(self.stream, "holds_input", True)
        self.come(b"x")
        self.assertIs(subject.move(subject.piece), Need.MORE)


# What is common to both ways has no way of its own.
del UpMixin
