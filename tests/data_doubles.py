# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of data connections stand on: a reactor without a clock, sockets that fail on demand, plain files.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import implementer

from ftpserver.core.status import FileStatus, Status
from ftpserver.data.descriptor import Descriptor
from ftpserver.data.system import System
from ftpserver.interfaces import IFile

__all__ = [
    "DataTestCase",
    "DescriptorReactor",
    "Fault",
    "FaultySystem",
    "PlainFile",
    "drained",
    "failure",
    "given",
    "needs_ipv6",
    "wait",
]

T = TypeVar("T")

#: What happens to a call; see :class:`FaultySystem`.
Fault = BaseException | int | Callable[[], object] | None

#: Seconds that a test waits for the kernel at most; an event ends the wait, so no test takes them.
PATIENCE = 20


def failure(number: int) -> OSError:
    """Return the error of the system with this number."""
    return OSError(number, os.strerror(number))


async def wait(deferred: Deferred[T]) -> T:
    """Wait for a Deferred, as a transfer that nobody aborts."""
    return await deferred


async def given(batches: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield what is given."""
    for batch in batches:
        yield batch


def needs_ipv6() -> None:
    """Skip the test where the machine has no IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise SkipTest(f"no IPv6 here: {error}") from error


class DescriptorReactor(Clock):
    """A clock that is moved by hand, and descriptors that are looked at when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[IReadDescriptor] = set()
        self.writers: set[IWriteDescriptor] = set()

    def addReader(self, reader: IReadDescriptor) -> None:
        """See IReactorFDSet."""
        self.readers.add(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """See IReactorFDSet."""
        self.writers.add(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """See IReactorFDSet."""
        self.readers.discard(reader)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """See IReactorFDSet."""
        self.writers.discard(writer)

    def turn(self, patience: float = 0) -> bool:
        """Run what is due now and serve the descriptors that are ready; tell whether any was."""
        for call in [call for call in self.calls if call.getTime() <= self.seconds()]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        readable, writable, _ = select.select(self.readers, self.writers, [], patience)
        for reader in readable:
            reader.doRead()
        for writer in writable:
            writer.doWrite()
        return bool(readable or writable)

    def next_ready(self) -> None:
        """Wait until the kernel has something for one of the descriptors, and serve it."""
        if not self.turn(PATIENCE):
            raise AssertionError(f"nothing became ready within {PATIENCE} seconds")


class FaultySystem(System):
    """
    The real calls, each of which can be made to fail or fall short, and a count of what is open.

    :ivar faults: for each call by name, what happens to the next ones: an error is raised, a number bounds the octets
        or is the answer where there are none, a function is called before, ``None`` lets a call pass.
    :ivar calls: how often each was made.
    :ivar threads: in which threads each was made.
    :ivar open: the sockets that were made and not closed.
    :ivar pipes: the ends of pipes that were made and not closed.
    """

    def __init__(self) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.calls: dict[str, int] = defaultdict(int)
        self.threads: dict[str, set[int]] = defaultdict(set)
        self.open: set[socket.socket] = set()
        self.pipes: set[int] = set()

    def _next(self, name: str) -> int | None:
        self.calls[name] += 1
        self.threads[name].add(threading.get_ident())
        fault = self.faults[name].popleft() if self.faults[name] else None
        if isinstance(fault, BaseException):
            raise fault
        if callable(fault):
            fault()
            return None
        return fault

    def _bounded(self, name: str, amount: int) -> int:
        most = self._next(name)
        return amount if most is None else min(amount, most)

    def listen(self, host: str, port: int) -> socket.socket:
        """See System."""
        self._next("listen")
        return self._opened(super().listen(host, port))

    def accept(self, listener: socket.socket) -> tuple[socket.socket, str]:
        """See System."""
        self._next("accept")
        accepted, host = super().accept(listener)
        return self._opened(accepted), host

    def dial(self, local_host: str, host: str, port: int) -> socket.socket:
        """See System."""
        self._next("dial")
        return self._opened(super().dial(local_host, host, port))

    def _opened(self, made: socket.socket) -> socket.socket:
        self.open.add(made)
        return made

    def outcome(self, connecting: socket.socket) -> int:
        """See System."""
        number = self._next("outcome")
        return super().outcome(connecting) if number is None else number

    def send(self, connected: socket.socket, data: memoryview) -> int:
        """See System."""
        return super().send(connected, data[: self._next("send")])

    def receive_into(self, connected: socket.socket, buffer: memoryview) -> int:
        """See System."""
        return super().receive_into(connected, buffer[: self._next("receive_into")])

    def acknowledge(self, connected: socket.socket) -> None:
        """See System."""
        self._next("acknowledge")
        super().acknowledge(connected)

    def gather(self, connected: socket.socket) -> None:
        """See System."""
        self._next("gather")
        super().gather(connected)

    def send_file(self, connected: socket.socket, file: int, offset: int, amount: int) -> int:
        """See System."""
        return super().send_file(connected, file, offset, self._bounded("send_file", amount))

    def open_pipe(self, size: int) -> tuple[int, int]:
        """See System."""
        self._next("open_pipe")
        ends = super().open_pipe(size)
        self.pipes.update(ends)
        return ends

    def splice_in(self, connected: socket.socket, pipe: int, amount: int) -> int:
        """See System."""
        return super().splice_in(connected, pipe, self._bounded("splice_in", amount))

    def splice_out(self, pipe: int, file: int, offset: int, amount: int) -> int:
        """See System."""
        most = self._bounded("splice_out", amount)
        return super().splice_out(pipe, file, offset, most) if most else 0

    def read_pipe(self, pipe: int, amount: int) -> bytes:
        """See System."""
        return super().read_pipe(pipe, self._bounded("read_pipe", amount))

    def close_pipe(self, pipe: int) -> None:
        """See System."""
        self.pipes.discard(pipe)
        super().close_pipe(pipe)

    def read_file(self, file: int, amount: int, offset: int) -> bytes:
        """See System."""
        return super().read_file(file, self._bounded("read_file", amount), offset)

    def read_cached(self, file: int, buffer: memoryview, offset: int) -> int:
        """See System."""
        return super().read_cached(file, buffer[: self._next("read_cached")], offset)

    def read_into(self, file: int, buffer: memoryview, offset: int) -> int:
        """See System."""
        return super().read_into(file, buffer[: self._next("read_into")], offset)

    def write_file(self, file: int, data: memoryview, offset: int) -> int:
        """See System."""
        most = self._bounded("write_file", len(data))
        return super().write_file(file, data[:most], offset) if most else 0

    def cached_pages(self, file: int, offset: int, amount: int) -> int:
        """See System."""
        number = self._next("cached_pages")
        return super().cached_pages(file, offset, amount) if number is None else number

    def waits(self) -> int:
        """See System."""
        number = self._next("waits")
        return super().waits() if number is None else number

    def poller(self) -> select.epoll:
        """See System."""
        self._next("poller")
        return super().poller()

    def poll(self, poller: select.epoll, maximum: int) -> Sequence[tuple[int, Any]]:
        """See System."""
        return super().poll(poller, self._bounded("poll", maximum))

    def end_output(self, connected: socket.socket) -> None:
        """See System."""
        self._next("end_output")
        super().end_output(connected)

    def close(self, any_socket: socket.socket) -> None:
        """See System."""
        self.open.discard(any_socket)
        super().close(any_socket)


@implementer(IFile)
class PlainFile:
    """
    A file in memory.

    :ivar pieces: what was read or written, call by call.
    :ivar holding: where set, calls wait for it.
    :ivar error: where set, calls raise it.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.pieces: list[bytes] = []
        self.holding: Deferred[None] | None = None
        self.error: Exception | None = None
        self._offset = 0

    async def _ready(self) -> None:
        if self.error is not None:
            raise self.error
        if self.holding is not None:
            await self.holding

    async def read(self, amount: int) -> bytes:
        """See IFile."""
        await self._ready()
        piece = self.content[self._offset : self._offset + amount]
        self._offset += len(piece)
        self.pieces.append(piece)
        return piece

    async def write(self, data: bytes | memoryview) -> None:
        """See IFile."""
        await self._ready()
        self.pieces.append(bytes(data))
        self.content += bytes(data)

    async def seek(self, offset: int) -> None:
        """See IFile."""
        self._offset = offset

    async def stat(self) -> FileStatus:
        """See IFile."""
        return Status(0o100644, len(self.content))

    async def close(self) -> None:
        """See IFile."""

    async def abort(self) -> bool:
        """See IFile."""
        return False

    async def __aenter__(self) -> PlainFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        return None


class DataTestCase(SynchronousTestCase):
    """Makes reactor and system, and looks at the end that neither has anything left."""

    def setUp(self) -> None:
        """Begin with nothing open."""
        self.reactor = DescriptorReactor()
        self.system = FaultySystem()
        self.addCleanup(self._look_for_leaks)

    def _look_for_leaks(self) -> None:
        self.assertEqual(self.reactor.getDelayedCalls(), [], "timers left behind")
        self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()), "descriptors left behind")
        self.assertEqual(self.system.open, set(), "sockets left open")
        self.assertEqual(self.system.pipes, set(), "pipes left open")

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a connection, neither of which blocks; the first counts as open."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
            self.addCleanup(end.close)
        self.system.open.add(ours)
        return ours, theirs

    def call(self, port: int, host: str = "127.0.0.1", source: str = "") -> socket.socket:
        """Return the client's end of a connection to a port."""
        caller = socket.create_connection((host, port), PATIENCE, (source, 0) if source else None)
        self.addCleanup(caller.close)
        return caller

    def listener(self) -> tuple[socket.socket, int]:
        """Return the client's listening socket and its port."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(PATIENCE)
        self.addCleanup(listener.close)
        return listener, int(listener.getsockname()[1])

    def descriptor(self, handle: socket.socket) -> Descriptor:
        """Return a descriptor of a socket."""
        return Descriptor(self.reactor, handle)


def drained(end: socket.socket) -> bytes:
    """Return what has come at the client's end by now."""
    octets = bytearray()
    while True:
        try:
            piece = end.recv(262144)
        except BlockingIOError:
            break
        if not piece:
            break
        octets += piece
    return bytes(octets)
