# -*- test-case-name: tests.test_dialogue -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Data connections in memory: what the server takes for sockets, and the client's end of them.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.testing import MemoryReactorClock

from ..data.system import System

__all__ = ["DataConnection", "DialogueReactor", "MemoryNetwork"]

#: Turns after which a server that still finds something to do is taken for one that never comes to rest.
MAXIMUM_TURNS = 100_000

#: Where ports are chosen from when the server leaves the choice to the system.
FIRST_FREE_PORT = 49152


class DataConnection:
    """
    The client's end of one data connection.

    :ivar received: what the server has sent so far.
    :ivar limit: octets that this end takes in all; beyond it the server has to wait. ``None`` takes everything.
    :ivar is_connected: whether the server has called; true at once for a passive port.
    :ivar is_ended: whether the server has ended its output, or the connection.
    :ivar is_closed_by_server: whether the server has closed the connection.
    """

    def __init__(self, network: MemoryNetwork, host: str) -> None:
        self.received = bytearray()
        self.limit: int | None = None
        self.is_connected = False
        self.is_ended = False
        self.is_closed_by_server = False
        self.host = host
        self._network = network
        self.waiting = bytearray()
        self.is_finished = False
        self.failure: OSError | None = None

    def send(self, octets: bytes) -> None:
        """Send *octets* to the server."""
        self.waiting += octets
        self._network.settle()

    def end(self) -> None:
        """End the output in order, as a client does after an upload; the server may still send."""
        self.is_finished = True
        self._network.settle()

    def close(self) -> None:
        """Close this end: what the server sends from now on is answered with a reset."""
        self.limit = 0
        self.failure = self.failure or BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self.end()

    def reset(self) -> None:
        """Reset the connection: whatever was on the way is lost."""
        self.waiting.clear()
        self.failure = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self._network.settle()

    def take_all(self) -> None:
        """Take everything from now on; see :attr:`limit`."""
        self.limit = None
        self._network.settle()

    @property
    def room(self) -> int | None:
        """How many octets this end takes now; ``None`` is any number."""
        return None if self.limit is None else max(0, self.limit - len(self.received))

    @property
    def was_reset(self) -> bool:
        """Tell whether this end has reset the connection."""
        return isinstance(self.failure, ConnectionResetError)


class _Handle:
    """What the server takes for a socket."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


class _Listener(_Handle):
    is_writable = False

    def __init__(self, number: int, host: str, port: int) -> None:
        super().__init__(number)
        self.host = host
        self.port = port
        self.waiting: deque[DataConnection] = deque()

    def getsockname(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def is_readable(self) -> bool:
        return bool(self.waiting)


class _Connected(_Handle):
    def __init__(self, number: int, client: DataConnection | None) -> None:
        super().__init__(number)
        self.client = client

    @property
    def is_readable(self) -> bool:
        client = self.client
        return client is None or bool(client.waiting) or client.is_finished or client.was_reset

    @property
    def is_writable(self) -> bool:
        client = self.client
        return client is None or client.failure is not None or client.room != 0


class MemoryNetwork(System):
    """
    The system calls of data connections, without a system.

    A subclass may make any of them fail.
    """

    has_descriptors = False

    def __init__(self) -> None:
        self.reactor: DialogueReactor | None = None
        self._handles: dict[int, _Listener | _Connected] = {}
        self._numbers = itertools.count(1000)
        self._listeners: dict[int, _Listener] = {}
        self._expected: dict[tuple[str, int], DataConnection] = {}
        self._free_ports = itertools.count(FIRST_FREE_PORT)

    def settle(self) -> None:
        """Let the server do what there is to do."""
        if self.reactor is not None:
            self.reactor.settle()

    @property
    def open_ports(self) -> list[int]:
        """The passive ports that are open."""
        return sorted(self._listeners)

    @property
    def open_handles(self) -> int:
        """How many sockets the server holds, listening ones too."""
        return len(self._handles)

    def handle(self, number: int) -> _Listener | _Connected | None:
        """Return what the server knows under a descriptor, unless it was closed."""
        return self._handles.get(number)

    # The client's side.

    def connect(self, port: int, host: str) -> DataConnection:
        """
        Connect to a passive port of the server.

        :param host: the address that the client comes from.
        :raises ConnectionRefusedError: if the port is not open.
        """
        listener = self._listeners.get(port)
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        connection = DataConnection(self, host)
        connection.is_connected = True
        listener.waiting.append(connection)
        self.settle()
        return connection

    def expect(self, host: str, port: int) -> DataConnection:
        """Wait at *port* for the server to call; see :attr:`DataConnection.is_connected`."""
        connection = self._expected[host, port] = DataConnection(self, host)
        return connection

    # The server's side.

    def _keep(self, handle: Any) -> Any:
        self._handles[handle.fileno()] = handle
        return handle

    def listen(self, host: str, port: int) -> Any:
        """See :meth:`System.listen`."""
        port = port or next(self._free_ports)
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        listener = self._listeners[port] = _Listener(next(self._numbers), host, port)
        return self._keep(listener)

    def accept(self, listener: Any) -> tuple[Any, str]:
        """See :meth:`System.accept`."""
        if not listener.waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        client: DataConnection = listener.waiting.popleft()
        return self._keep(_Connected(next(self._numbers), client)), client.host

    def has_caller(self, listener: Any) -> bool:
        """See :meth:`System.has_caller`."""
        return bool(listener.is_readable)

    def dial(self, local_host: str, host: str, port: int) -> Any:
        """See :meth:`System.dial`."""
        client = self._expected.pop((host, port), None)
        if client is not None:
            client.is_connected = True
        return self._keep(_Connected(next(self._numbers), client))

    def outcome(self, connecting: Any) -> int:
        """See :meth:`System.outcome`."""
        return errno.ECONNREFUSED if connecting.client is None else 0

    def send(self, connected: Any, data: memoryview) -> int:
        """See :meth:`System.send`."""
        client: DataConnection = connected.client
        if client.failure is not None:
            raise client.failure
        room = client.room
        if room == 0:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        piece = data[:room]
        client.received += piece
        return len(piece)

    def receive_into(self, connected: Any, buffer: memoryview) -> int:
        """See :meth:`System.receive_into`."""
        client: DataConnection = connected.client
        if client.was_reset and client.failure is not None:
            raise client.failure
        amount = min(len(buffer), len(client.waiting))
        if not amount and not client.is_finished:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        buffer[:amount] = client.waiting[:amount]
        del client.waiting[:amount]
        return amount

    def acknowledge(self, connected: Any) -> None:
        """See :meth:`System.acknowledge`; what is sent has come here."""

    def has_input(self, connected: Any) -> bool:
        """See :meth:`System.has_input`."""
        return bool(connected.is_readable)

    def end_output(self, connected: Any) -> None:
        """See :meth:`System.end_output`."""
        client: DataConnection = connected.client
        if client.failure is not None:
            raise client.failure
        client.is_ended = True

    def close(self, any_socket: Any) -> None:
        """See :meth:`System.close`."""
        self._handles.pop(any_socket.fileno(), None)
        left: list[DataConnection] = []
        if isinstance(any_socket, _Listener):
            self._listeners.pop(any_socket.port, None)
            left.extend(any_socket.waiting)
        elif isinstance(any_socket, _Connected) and any_socket.client is not None:
            left.append(any_socket.client)
        for client in left:
            client.is_ended = client.is_closed_by_server = True


class DialogueReactor(MemoryReactorClock):
    """
    A reactor whose time and readiness a test decides.

    :ivar network: where its descriptors are.
    :ivar names: addresses of host names, for what is looked up.
    """

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__()
        self.network = network
        network.reactor = self
        self.names: dict[str, str] = {}
        self._calls_at_once = 0

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """
        Call something later; see :meth:`twisted.internet.interfaces.IReactorTime.callLater`.

        :raises AssertionError: if calls without a delay never end, which would keep the clock for ever.
        """
        self._calls_at_once += not delay
        if self._calls_at_once > MAXIMUM_TURNS:
            raise AssertionError("the server never comes to rest")
        return super().callLater(delay, callable, *args, **kw)

    def resolve(self, name: str, timeout: Any = 10) -> Deferred[str]:
        """Look up a name in :attr:`names`."""
        if name in self.names:
            return succeed(self.names[name])
        return fail(DNSLookupError(f"no address for {name}"))

    def settle(self) -> None:
        """
        Go on, without time passing, until nothing is left to do.

        :raises AssertionError: if that never happens.
        """
        self._calls_at_once = 0
        for _ in range(MAXIMUM_TURNS):
            if not (self._wake() or self._call_due()):
                return
        raise AssertionError("the server never comes to rest")

    def _call_due(self) -> bool:
        is_due = any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())
        if is_due:
            self.advance(0)
        return is_due

    def _wake(self) -> bool:
        readers = [one for one in self.getReaders() if self._handle(one).is_readable]
        writers = [one for one in self.getWriters() if self._handle(one).is_writable]
        for reader in readers:
            reader.doRead()
        for writer in writers:
            if writer in self.writers:
                writer.doWrite()
        return bool(readers or writers)

    def _handle(self, descriptor: Any) -> _Listener | _Connected:
        handle = self.network.handle(descriptor.fileno())
        if handle is None:
            raise AssertionError("a closed socket was left in the reactor")
        return handle
