# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of transfers of real files stand on: connections over TCP, files of a local store, threads.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred

from ftpserver.core.paths import resolve
from ftpserver.core.throttle import Throttle
from ftpserver.data.plane import DataPlane
from ftpserver.data.pumps import Pump
from ftpserver.data.stream import ClearStream
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_file import LocalFile
from ftpserver.pathio.mounts import Mounts
from ftpserver.pathio.roots import Roots
from ftpserver.pathio.threads import StorageThreads

from .data_doubles import PATIENCE, DataTestCase, DescriptorReactor, drained

__all__ = ["RealDataTestCase", "RealPumpTestCase", "ThreadedReactor"]

T = TypeVar("T")

#: Rounds of client and server in which any test is over; one that turns in circles fails.
MANY_ROUNDS = 100_000


class ThreadedReactor(DescriptorReactor):
    """A reactor that hears of threads, too, when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        """See IReactorFromThreads."""
        self._answers.put((function, arguments))

    def next_answer(self) -> None:
        """Wait for a thread, and hear it."""
        function, arguments = self._answers.get(timeout=PATIENCE)
        function(*arguments)


class RealDataTestCase(DataTestCase):
    """
    A store of local files whose calls are made here, but for those that may wait for a disk.

    :ivar root: its directory.
    :ivar plane: moves octets in the kernel.
    """

    def setUp(self) -> None:
        """Make an empty store."""
        super().setUp()
        self.reactor: ThreadedReactor = ThreadedReactor()
        self.threads = StorageThreads(self.reactor, 2)
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.store = PathIO.at(self.root, threads=self.threads, roots=Roots(Mounts("inline")))
        self.plane = self.make_plane()
        # In the order of the last first.
        self.addCleanup(self.now, self.threads.stop())
        self.addCleanup(self.now, self.store.close())

    def make_plane(self, *, in_kernel: bool = True) -> DataPlane:
        """Return a plane, closed after the test."""
        plane = DataPlane(self.reactor, self.system, in_kernel=in_kernel)
        self.addCleanup(plane.close)
        return plane

    def now(self, awaitable: Awaitable[T]) -> T:
        """Return what *awaitable* gives, for which threads are waited."""
        assert isinstance(awaitable, Coroutine)
        outcome: Deferred[T] = ensureDeferred(awaitable)
        return self.successResultOf(self.settled(outcome))

    def settled(self, outcome: Deferred[T]) -> Deferred[T]:
        """Wait for threads until an outcome is there."""
        while not outcome.called:
            self.reactor.next_answer()
        return outcome

    def write(self, content: bytes, name: str = "file") -> Path:
        """Put a file into the store."""
        path = self.root / name
        path.write_bytes(content)
        return path

    def open(self, mode: Any = "rb", name: str = "file") -> LocalFile:
        """Open a file of the store; it is given up after the test unless that closes it."""
        file: LocalFile = self.now(self.store.open(resolve(name), mode))
        self.addCleanup(lambda: self.now(file.abort()))
        return file

    def uploaded(self, file: LocalFile, name: str = "file") -> bytes:
        """Close an upload and return what there is then."""
        self.now(file.close())
        return (self.root / name).read_bytes()

    def tcp(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a connection over TCP, neither of which blocks; the first counts as open."""
        listener, port = self.listener()
        theirs = self.call(port)
        ours, _ = listener.accept()
        listener.close()
        # However much the system lets a client take, it is no whole large file.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        self.addCleanup(ours.close)
        for end in (ours, theirs):
            end.setblocking(False)
        self.system.open.add(ours)
        return ours, theirs


class RealPumpTestCase(RealDataTestCase):
    """A pump for a local file at our end of a connection over TCP."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.connect()

    def connect(self, throttle: Throttle | None = None, plane: DataPlane | None = None) -> None:
        """Make a new connection."""
        self.ours, self.theirs = self.tcp()
        stream = ClearStream(self.descriptor(self.ours), self.system)
        self.subject = Pump(plane or self.plane, stream, 65536, throttle or Throttle(), self.wait, self.call_store)
        self.addCleanup(self.subject.close)

    async def wait(self, deferred: Deferred[T]) -> T:
        """Wait for a Deferred, as a transfer that nobody aborts."""
        return await deferred

    async def call_store(self, awaitable: Awaitable[Any]) -> Any:
        """Wait for a call to the store."""
        return await awaitable

    def sending(self, file: LocalFile, length: int | None = None) -> Deferred[None]:
        """Send a file, by default one that is known to be as long as it is."""
        left = os.fstat(file.fileno()).st_size - file.offset
        return Deferred.fromCoroutine(self.subject.send(file, None, left if length is None else length))

    def receiving(self, file: LocalFile) -> Deferred[None]:
        """Receive a file."""
        return Deferred.fromCoroutine(self.subject.receive(file, None))

    def go_on(self) -> None:
        """Let the reactor have a turn, or wait for a thread where nothing else is under way."""
        if self.threads.running:
            self.reactor.next_answer()
        else:
            self.reactor.turn(0.01)

    def until(self, is_reached: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
        """Go on until something is so."""
        for _ in range(MANY_ROUNDS):
            if is_reached():
                return
            step()
            self.go_on()
        self.fail("nothing of the kind happened")

    def fetched(self, outcome: Deferred[None]) -> bytes:
        """Read at the client's end until a download is over and closed, and return everything."""
        octets = bytearray()
        self.until(lambda: outcome.called, lambda: octets.extend(drained(self.theirs)))
        self.subject.close()
        self.theirs.settimeout(PATIENCE)
        while piece := self.theirs.recv(1048576):
            octets += piece
        return bytes(octets)

    def say(self, content: bytes, outcome: Deferred[None] | None = None) -> None:
        """Send from the client's end, as long as the upload goes on."""
        rest = memoryview(content)
        while rest and not (outcome is not None and outcome.called):
            try:
                rest = rest[self.theirs.send(rest) :]
            except BlockingIOError:
                self.go_on()

    def stored(self, outcome: Deferred[None], content: bytes) -> None:
        """Send a file from the client's end, and wait for the end of the upload."""
        self.say(content, outcome)
        self.theirs.shutdown(socket.SHUT_WR)
        self.until(lambda: outcome.called)
