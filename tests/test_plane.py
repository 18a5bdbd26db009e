# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.plane.
"""

from __future__ import annotations

import errno
import os

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.data import plane
from ftpserver.data.plane import BUFFER, OCTETS_PER_TURN, DataPlane, Pipe
from ftpserver.data.turns import Need

from .data_doubles import DataTestCase, failure


class PipeTests(DataTestCase):
    """The pipe for uploads."""

    def setUp(self) -> None:
        """Make the subject."""
        super().setUp()
        self.subject = Pipe(self.system)
        self.addCleanup(self.subject.close)

    def assert_empty(self) -> None:
        """Check that whoever uses the pipe next finds nothing in it."""
        self.assertRaises(BlockingIOError, os.read, self.subject.reading, 1)

    def test_opened_when_needed(self) -> None:
        """A server without uploads has no pipe, and all uploads have the same."""
        self.assertEqual(self.system.pipes, set())
        ends = self.subject.reading, self.subject.writing
        self.assertEqual((self.subject.reading, self.subject.writing), ends)
        self.assertEqual((self.system.pipes, self.system.calls["open_pipe"]), (set(ends), 1))

    def test_taking_everything(self) -> None:
        """What is in the pipe is had back in order, however little comes at a time, and nothing stays."""
        os.write(self.subject.writing, b"0123456789")
        self.system.faults["read_pipe"].extend([1, 3, 2])
        self.assertEqual(self.subject.take(10), b"0123456789")
        self.assert_empty()
        self.assertEqual(self.system.calls["open_pipe"], 1)

    def test_taking_nothing(self) -> None:
        """Of an empty pipe nothing is read."""
        self.assertEqual(self.subject.take(0), b"")
        self.assertEqual(self.system.calls["read_pipe"], 0)

    def test_what_cannot_be_had_back(self) -> None:
        """A pipe that cannot be emptied is replaced, with whatever is in it."""
        for error in (failure(errno.EIO), CancelledError(), KeyboardInterrupt()):
            os.write(self.subject.writing, b"of another user")
            before = self.system.calls["open_pipe"]
            self.system.faults["read_pipe"].extend([3, error])
            self.assertRaises(type(error), self.subject.take, 15)
            self.assertEqual(self.system.pipes, set())
            self.assert_empty()
            self.assertEqual(self.system.calls["open_pipe"], before + 1)

    def test_closing(self) -> None:
        """A pipe is closed once, and opened again when it is needed."""
        os.write(self.subject.writing, b"x")
        for _ in range(2):
            self.subject.close()
            self.assertEqual(self.system.pipes, set())
        self.assert_empty()


class DataPlaneTests(DataTestCase):
    """What transfers share."""

    def plane(self, *, in_kernel: bool = True) -> DataPlane:
        """Return a plane."""
        return DataPlane(self.reactor, self.system, in_kernel=in_kernel)

    def test_buffers(self) -> None:
        """There are two buffers, of 256 KiB each, and each is always the same."""
        subject = self.plane()
        for _ in range(2):
            self.assertEqual((len(subject.buffer), len(subject.network_buffer)), (BUFFER, BUFFER))
        subject.buffer[:3] = b"abc"
        self.assertEqual(bytes(subject.buffer[:3]), b"abc")
        self.assertEqual(bytes(subject.network_buffer[:3]), bytes(3))

    def test_where_the_kernel_is_not_to_be_used(self) -> None:
        """There are no turns where the configuration or the sockets do not let them be."""
        self.assertIsNotNone(self.plane().turns)
        self.assertIsNone(self.plane(in_kernel=False).turns)
        self.patch(self.system, "has_descriptors", False)
        self.assertIsNone(self.plane().turns)

    def test_where_the_platform_cannot(self) -> None:
        """There are no turns on a platform that lacks one of the calls."""
        self.patch(plane, "KERNEL_PATHS", False)
        self.assertIsNone(self.plane().turns)

    def test_closing(self) -> None:
        """A closed plane holds no descriptor, whatever was used."""
        self.plane(in_kernel=False).close()
        self.plane().close()
        before = len(os.listdir("/proc/self/fd"))
        subject = self.plane()
        self.assertEqual(os.fstat(subject.pipe.writing).st_size, 0)
        assert subject.turns is not None
        ours, theirs = self.pair()
        waiting: Deferred[Need] = subject.turns.join(ours, lambda: Need.TURN, writes=True)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertGreater(len(os.listdir("/proc/self/fd")), before + 2)
        subject.close()
        self.system.close(ours)
        theirs.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_turn(self) -> None:
        """A pipe holds what an upload moves in one turn."""
        subject = self.plane()
        self.addCleanup(subject.close)
        written = 0
        while True:
            try:
                written += os.write(subject.pipe.writing, bytes(65536))
            except BlockingIOError:
                break
        # Where the user has many large pipes the system gives a small one.
        self.assertGreater(written, 0)
        self.assertLessEqual(written, OCTETS_PER_TURN)
