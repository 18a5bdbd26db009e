# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.pumps with local files: whole transfers in the kernel, and that they are what the others are.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from functools import partial
from typing import NamedTuple

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.data.movers import LARGE
from ftpserver.data.plane import OCTETS_PER_TURN
from ftpserver.errors import DataConnectionLost, StorageFailure, StorageFull
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_file import LocalFile
from ftpserver.pathio.mounts import SLOW, Mounts
from ftpserver.pathio.roots import Roots

from .data_doubles import PATIENCE, drained, failure
from .local_store import FailingSystem
from .real_data import RealPumpTestCase

CONTENT = os.urandom(3 * OCTETS_PER_TURN + 17)


class DownloadTests(RealPumpTestCase):
    """Files that are sent."""

    def test_every_size(self) -> None:
        """Files of every size arrive whole, within the kernel, and then the end of the connection."""
        self.system.calls.clear()
        for size in (0, 1, 4096, LARGE - 1, LARGE, OCTETS_PER_TURN + 1, len(CONTENT)):
            self.connect()
            self.write(CONTENT[:size])
            outcome = self.sending(self.open())
            self.assertTrue(self.fetched(outcome) == CONTENT[:size], str(size))
            self.assertIsNone(self.successResultOf(outcome))
            self.assertEqual(self.subject.meter.bytes_moved, size)
        self.assertEqual((self.system.calls["send"], self.system.calls["read_into"]), (0, 0))

    def test_a_small_file(self) -> None:
        """A small file goes at once, without a wait and without a second look at it."""
        self.write(b"hello")
        self.assertIsNone(self.successResultOf(self.sending(self.open())))
        self.assertEqual(self.system.calls["poller"], 0)

    def test_a_file_that_is_read_by_its_methods(self) -> None:
        """Where the server does not use the kernel, or the file may block, the octets are the same."""
        self.write(CONTENT)
        self.connect(plane=self.make_plane(in_kernel=False))
        self.assertTrue(self.fetched(self.sending(self.open())) == CONTENT)
        self.connect()
        file = self.open()
        file.took(SLOW)
        self.assertTrue(self.fetched(self.sending(file)) == CONTENT)
        self.assertEqual(self.system.calls["send_file"], 0)

    def test_a_file_that_has_become_shorter(self) -> None:
        """A file that was cut is no whole one, before and while it is sent, and the client is not told of an end."""
        for length in (6, 100):
            self.connect()
            self.write(b"hello")
            outcome = self.sending(self.open(), length)
            self.assertEqual(self.fetched(outcome), b"hello")
            self.failureResultOf(outcome, StorageFailure)
        self.connect()
        content = CONTENT * 8
        self.write(content)
        file = self.open()
        self.system.faults["send_file"].extend([None, lambda: os.truncate(self.root / "file", 10), None])
        outcome = self.sending(file)
        # What the socket holds are pages of the file itself, of which the cut may show.
        self.assertLess(len(self.fetched(outcome)), len(content))
        self.failureResultOf(outcome, StorageFailure)

    def test_a_file_that_grows(self) -> None:
        """A file that grows while it is sent is a whole one."""
        self.write(b"begin")
        file = self.open()
        self.write(b"begin and end")
        outcome = self.sending(file, 5)
        self.assertEqual(self.fetched(outcome), b"begin and end")
        self.assertIsNone(self.successResultOf(outcome))

    def test_the_disk_is_waited_for_in_a_thread(self) -> None:
        """What is not in memory is read by threads; the reactor goes on meanwhile."""
        content = CONTENT * 2
        self.write(content)
        self.system.faults["cached_pages"].extend([0, 0, None, 0, 0])
        outcome = self.sending(self.open())
        self.assertNoResult(outcome)
        self.assertTrue(self.fetched(outcome) == content)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(self.system.calls["read_file"], 2)
        self.assertNotIn(threading.get_ident(), self.system.threads["read_file"])

    def test_what_the_disk_has_read_ahead(self) -> None:
        """A piece that is in memory goes at once, also where what follows it is not."""
        self.write(CONTENT)
        self.system.faults["cached_pages"].extend([0, None, 0, 0])
        outcome = self.sending(self.open())
        self.assertEqual(self.subject.meter.bytes_moved, OCTETS_PER_TURN)
        self.assertTrue(self.fetched(outcome) == CONTENT)
        self.assertEqual((self.system.calls["read_file"], self.system.calls["send_file"]), (1, 2))

    def test_a_file_that_the_kernel_cannot_send(self) -> None:
        """What the kernel cannot send is copied, and what cannot be copied is read by the file itself."""
        for faults in (("send_file",), ("send_file", "read_into")):
            self.connect()
            self.write(CONTENT)
            for name in faults:
                self.system.faults[name].extend([1000, failure(errno.EINVAL)])
            outcome = self.sending(self.open())
            self.assertTrue(self.fetched(outcome) == CONTENT)
            self.assertIsNone(self.successResultOf(outcome))

    def test_a_slow_client(self) -> None:
        """A client that does not read is waited for, and gets every octet once it does."""
        content = CONTENT * 8
        self.write(content)
        outcome = self.sending(self.open())
        while self.reactor.turn():
            self.assertNoResult(outcome)
        self.assertEqual(self.subject.meter.waiting_since, self.reactor.seconds())
        self.assertTrue(self.fetched(outcome) == content)
        self.assertIsNone(self.subject.meter.waiting_since)

    def test_a_client_that_goes(self) -> None:
        """A client that breaks the connection has not got the file."""
        self.write(CONTENT * 8)
        outcome = self.sending(self.open())
        reset(self.theirs)
        self.until(lambda: outcome.called)
        self.failureResultOf(outcome, DataConnectionLost)

    def test_giving_up(self) -> None:
        """A download that is given up leaves the reactor; the next one is whole."""
        self.write(CONTENT * 8)
        outcome = self.sending(self.open())
        while self.reactor.turn():
            self.assertNoResult(outcome)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.assertEqual(self.reactor.readers, set())
        self.test_every_size()

    def test_giving_up_while_the_disk_is_waited_for(self) -> None:
        """A download that is given up while a thread reads ends at once, and the file is closed after the thread."""
        self.write(CONTENT)
        self.system.faults["cached_pages"].extend([0, 0])
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.system.faults["read_file"].append(lambda: go_on.wait(PATIENCE))
        file = self.open()
        outcome = self.sending(file)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.assertEqual(self.threads.running, 1)
        go_on.set()
        self.now(file.close())
        self.assertEqual(file.fileno(), -1)


def reset(caller: socket.socket) -> None:
    """Close a connection with a reset."""
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    caller.close()


class UploadTests(RealPumpTestCase):
    """Files that come."""

    def test_every_size(self) -> None:
        """Files of every size arrive whole, within the kernel."""
        self.system.calls.clear()
        for size in (0, 1, 4096, OCTETS_PER_TURN, len(CONTENT)):
            self.connect()
            file = self.open("wb")
            outcome = self.receiving(file)
            self.stored(outcome, CONTENT[:size])
            self.assertIsNone(self.successResultOf(outcome))
            self.assertTrue(self.uploaded(file) == CONTENT[:size], str(size))
            self.assertEqual(self.subject.meter.bytes_moved, size)
        self.assertEqual((self.system.calls["receive_into"], self.system.calls["write_file"]), (0, 0))
        self.assertLessEqual(self.system.calls["open_pipe"], 1)

    def test_a_file_that_is_appended_to(self) -> None:
        """What comes goes to the end of the file, behind what somebody else has put there meanwhile."""
        path = self.write(b"begin")
        file = self.open("ab")
        outcome = self.receiving(file)
        self.say(b" and")
        self.until(lambda: path.read_bytes() == b"begin and")
        with path.open("ab") as other:
            other.write(b" middle")
        self.stored(outcome, b" and end")
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(self.uploaded(file), b"begin and middle and end")

    def test_a_file_that_is_replaced_in_place(self) -> None:
        """A shorter file leaves nothing of the longer one that it replaces."""
        self.write(CONTENT[:100_000])
        file = self.open("wb")
        outcome = self.receiving(file)
        self.stored(outcome, b"short")
        self.assertEqual(self.uploaded(file), b"short")

    def test_where_the_kernel_cannot(self) -> None:
        """Where splice is refused at the beginning or in the middle, the octets go through the buffer."""
        for name in ("splice_in", "splice_out"):
            for number in (errno.EINVAL, errno.EOPNOTSUPP):
                for before in ([], [1000]):
                    self.connect()
                    self.system.faults[name].extend([*before, failure(number)])
                    file = self.open("wb")
                    outcome = self.receiving(file)
                    self.stored(outcome, CONTENT)
                    self.assertIsNone(self.successResultOf(outcome))
                    self.assertTrue(self.uploaded(file) == CONTENT)

    def test_a_full_disk(self) -> None:
        """A disk that is full in the middle ends the upload so; the next one has nothing of it."""
        for name in ("splice_out", "write_file"):
            self.connect()
            store_system = FailingSystem()
            store_system.failures["write"] = errno.ENOSPC
            store = PathIO.at(self.root, threads=self.threads, system=store_system, roots=Roots(Mounts("inline")))
            self.addCleanup(self.now, store.close())
            own, self.store = self.store, store
            file = self.open("wb")
            self.store = own
            if name == "write_file":
                self.system.faults["splice_in"].append(failure(errno.EINVAL))
            self.system.faults[name].extend([5, failure(errno.ENOSPC)])
            outcome = self.receiving(file)
            self.stored(outcome, b"of another user")
            self.failureResultOf(outcome, StorageFull)
            self.assertEqual(file.offset, 5)
            self.test_every_size()

    def test_a_client_that_goes(self) -> None:
        """A reset is not the end of a file: what came is written, and the upload has failed."""
        file = self.open("wb")
        outcome = self.receiving(file)
        self.say(b"half")
        self.until(lambda: self.subject.meter.bytes_moved == 4)
        reset(self.theirs)
        self.until(lambda: outcome.called)
        self.failureResultOf(outcome, DataConnectionLost)
        self.assertEqual(file.offset, 4)

    def test_a_disk_that_becomes_slow(self) -> None:
        """After the first slow write every further one is made by a thread, however much is left."""
        for name in ("splice_out", "write_file"):
            self.connect()
            if name == "write_file":
                self.system.faults["splice_in"].append(failure(errno.EINVAL))
            file = self.open("wb")
            self.system.faults[name].append(partial(file.took, SLOW))
            before = {call: self.system.calls[call] for call in ("splice_out", "write_file")}
            outcome = self.receiving(file)
            self.stored(outcome, CONTENT)
            self.assertIsNone(self.successResultOf(outcome))
            self.assertTrue(self.uploaded(file) == CONTENT)
            made = sum(self.system.calls[call] - number for call, number in before.items())
            self.assertEqual(made, 1, "calls in the reactor's thread")

    def test_giving_up(self) -> None:
        """An upload that is given up leaves the reactor, and the next one has nothing of it."""
        outcome = self.receiving(self.open("wb", "other"))
        self.say(b"of another user")
        self.until(lambda: self.subject.meter.bytes_moved)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.assertEqual(self.reactor.readers, set())
        self.test_every_size()


class TogetherTests(RealPumpTestCase):
    """Many transfers at once."""

    def test_many(self) -> None:
        """Uploads and downloads at once share a pipe and two buffers, and none gets an octet of another."""
        running: list[Running] = []
        for number in range(8):
            self.connect()
            content = bytes([number]) * (OCTETS_PER_TURN + number)
            file = self.open("wb", str(number)) if number % 2 == 0 else None
            if file is None:
                self.write(content, str(number))
                outcome = self.sending(self.open("rb", str(number)))
            else:
                outcome = self.receiving(file)
            running.append(Running(self.theirs, outcome, content, file, bytearray(content if file else b"")))
            # Some of them cannot go within the kernel from some octet on.
            if number % 3 == 0:
                self.system.faults["splice_out"].append(failure(errno.EINVAL))
                self.system.faults["send_file"].append(failure(errno.EINVAL))

        self.until(lambda: all(one.outcome.called for one in running), lambda: [one.go_on() for one in running])
        for number, one in enumerate(running):
            self.assertIsNone(self.successResultOf(one.outcome))
            stored = one.rest() if one.file is None else self.uploaded(one.file, str(number))
            self.assertTrue(stored == one.content, str(number))
        self.assertEqual(self.system.calls["poller"], 1)


class Running(NamedTuple):
    """A transfer as its client sees it; the octets are those that came, or have yet to go."""

    end: socket.socket
    outcome: Deferred[None]
    content: bytes
    file: LocalFile | None
    octets: bytearray

    def go_on(self) -> None:
        """Read or write what goes."""
        if self.file is None:
            self.octets.extend(drained(self.end))
        elif self.octets:
            del self.octets[: some_sent(self.end, self.octets)]
            if not self.octets:
                self.end.shutdown(socket.SHUT_WR)

    def rest(self) -> bytes:
        """Read to the end, and return everything."""
        self.end.settimeout(PATIENCE)
        while piece := self.end.recv(1048576):
            self.octets.extend(piece)
        return bytes(self.octets)


def some_sent(end: socket.socket, octets: bytearray) -> int:
    """Send what the socket takes, and return how much that was."""
    try:
        return end.send(octets)
    except BlockingIOError:
        return 0
