# -*- test-case-name: tests.test_data_channel -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The data side of one session: what was agreed, and the transfer under way (RFC 959, section 3.2).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall

from ..awaiting import begin
from ..core.throttle import Throttle
from ..errors import CannotOpenDataConnection, DataConnectionStalled, DataNotBound, FTPError, TransferAborted
from ..interfaces import IFile
from ..timer import Timer
from .descriptor import Descriptor
from .opening import ActiveConnector, Opener, PassiveListener
from .plane import DataPlane
from .ports import DataPorts
from .protection import DataProtection
from .pumps import Pump
from .shaping import FromNetwork, ToNetwork
from .stream import ClearStream

__all__ = ["DataChannel", "DataSettings"]

T = TypeVar("T")

#: Seconds that a handshake of TLS has at least where nothing but the wait for the connection is bounded: a client far
#: away that waits for the 150 first needs three round trips.
HANDSHAKE_PATIENCE = 10.0

#: Seconds after which the mark is said to a client that has begun a handshake and waits for the mark to go on.
EARLY_HANDSHAKE = 1.0


@dataclass(frozen=True)
class DataSettings:
    """
    What all sessions of a server have in common.

    :ivar block_size: largest piece in octets.
    :ivar socket_timeout: seconds without progress before a transfer ends with 426, and for a handshake of TLS as a
        whole; ``None`` is without a bound.
    :ivar wait_future_timeout: seconds to wait for the data connection before 425; ``None`` is without a bound.
    :ivar ports: the passive ports.
    """

    block_size: int = 262144
    socket_timeout: float | None = None
    wait_future_timeout: float | None = 1.0
    ports: DataPorts = field(default_factory=DataPorts)

    @property
    def handshake_timeout(self) -> float | None:
        """Seconds for a handshake of TLS as a whole; ``None`` is without a bound."""
        if self.socket_timeout is not None or self.wait_future_timeout is None:
            return self.socket_timeout
        return max(self.wait_future_timeout, HANDSHAKE_PATIENCE)


class DataChannel:
    """
    The data connections of one session, one after another.

    :param plane: what the sessions of the server share.
    :param local_host: address that the client reached; passive ports are opened there.
    :param peer_host: the client's address, the only one that data goes to and comes from.
    :param read_throttle: speed limits of uploads.
    :param write_throttle: speed limits of downloads.
    """

    def __init__(
        self,
        plane: DataPlane,
        settings: DataSettings,
        local_host: str,
        peer_host: str,
        *,
        read_throttle: Throttle | None = None,
        write_throttle: Throttle | None = None,
    ) -> None:
        self._plane = plane
        self._reactor = plane.reactor
        self._settings = settings
        self._local_host = local_host
        self._peer_host = peer_host
        self._read_throttle = read_throttle or Throttle()
        self._write_throttle = write_throttle or Throttle()
        self._system = plane.system
        self._agreed: Opener | None = None
        self._listener: PassiveListener | None = None
        self._pump: Pump | None = None
        self._waiting: Deferred[Any] | None = None
        self._abort_reason: FTPError | None = None
        self._running = False
        self._is_moving = False
        self._watching: IDelayedCall | None = None
        self._bytes_moved = 0
        self._last_progress: float = plane.reactor.seconds()

    # Agreements.

    def listen(self) -> int:
        """
        Open a passive port, in place of what was agreed before.

        :returns: its number.
        :raises NoFreeDataPort: answered 425.
        """
        listener = self._listener
        if listener is None or not listener.renew():
            self.forget()
            listener = self._open_listener()
        self._agreed = listener
        return listener.port

    def _open_listener(self) -> PassiveListener:
        listener = PassiveListener(self._reactor, self._system, self._settings.ports, self._local_host, self._peer_host)
        if listener.stays:
            self._listener = listener
        return listener

    def connect_to(self, host: str, port: int) -> None:
        """Agree to call *host* at *port* when the transfer comes, in place of what was agreed before."""
        self.forget()
        self._agreed = ActiveConnector(self._reactor, self._system, self._local_host, host, port)

    def forget(self) -> None:
        """Close what was agreed, and the port that was kept."""
        for opener in (self._agreed, self._listener):
            if opener is not None:
                opener.close()
        self._agreed = self._listener = None

    @property
    def is_agreed(self) -> bool:
        """Tell whether a transfer has something to use."""
        return self._agreed is not None

    @property
    def is_open(self) -> bool:
        """Tell whether the client is connected to the passive port already."""
        return self._agreed is not None and self._agreed.is_open

    # The transfer under way.

    @property
    def is_running(self) -> bool:
        """Tell whether a transfer is under way."""
        return self._running

    @property
    def bytes_moved(self) -> int:
        """Octets that the transfer under way, or else the last one, has moved over the network."""
        return self._pump.meter.bytes_moved if self._pump is not None else self._bytes_moved

    @property
    def last_progress(self) -> float:
        """Reading of the reactor's clock when octets moved last."""
        return self._pump.meter.last_progress if self._pump is not None else self._last_progress

    def send(
        self,
        source: IFile,
        *,
        mark: Callable[[], None],
        ascii: bool = False,
        length: int = 0,
        protection: DataProtection | None = None,
    ) -> Coroutine[Any, Any, None]:
        """
        Send *source* from its offset to its end; the caller closes it.

        :param mark: called once, before the client is waited for: it writes the 1xx.
        :param ascii: gives lines CRLF ends.
        :param length: octets that are there now; fewer are an error.
        :param protection: the TLS of the connection; ``None`` is in clear.
        :raises TransferError: 425, 426 or 522.
        """
        shape = ToNetwork() if ascii else None
        return self._transfer(self._write_throttle, mark, lambda pump: pump.send(source, shape, length), protection)

    async def send_batches(
        self,
        batches: AsyncGenerator[bytes, None],
        *,
        mark: Callable[[], None],
        protection: DataProtection | None = None,
    ) -> None:
        """
        Send what *batches* gives, as it is; the generator is closed at the end.

        :param mark: see :meth:`send`.
        :param protection: see :meth:`send`.
        :raises TransferError: 425, 426 or 522.
        """
        try:
            await self._transfer(self._write_throttle, mark, lambda pump: pump.send_batches(batches), protection)
        finally:
            await batches.aclose()

    def receive(
        self,
        target: IFile,
        *,
        mark: Callable[[], None],
        ascii: bool = False,
        protection: DataProtection | None = None,
    ) -> Coroutine[Any, Any, None]:
        """
        Write what comes, up to the end of the connection, to *target*; the caller closes it.

        :param mark: see :meth:`send`.
        :param ascii: turns CRLF into LF.
        :param protection: see :meth:`send`.
        :raises TransferError: 425, 426 or 522.
        """
        shape = FromNetwork() if ascii else None
        return self._transfer(self._read_throttle, mark, lambda pump: pump.receive(target, shape), protection)

    async def _transfer(
        self,
        throttle: Throttle,
        mark: Callable[[], None],
        move: Callable[[Pump], Awaitable[None]],
        protection: DataProtection | None,
    ) -> None:
        opener, self._agreed = self._agreed, None
        if opener is None:
            raise CannotOpenDataConnection("no data port was agreed")
        self._running, self._abort_reason = True, None
        self._bytes_moved, self._last_progress = 0, self._reactor.seconds()
        try:
            if protection is not None and protection.needs_tickets and opener.has_input:
                pump = await self._begin_early(opener, throttle, mark, protection)
            else:
                pump = await self._begin(opener, throttle, mark, protection)
            self._is_moving = True
            await move(pump)
        except CancelledError:
            raise self._abort_reason or TransferAborted() from None
        finally:
            self._running = self._is_moving = False
            self._stop_watching()
            self._finish(opener)

    def _finish(self, opener: Opener) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            self._bytes_moved, self._last_progress = pump.meter.bytes_moved, pump.meter.last_progress
            pump.close()
        if opener is not self._listener or not self._listener.renew():
            opener.close()

    async def _open(self, opener: Opener, throttle: Throttle) -> Pump:
        if opener.is_open:
            connected = opener.take()
        else:
            reason = CannotOpenDataConnection("nobody connected in time")
            connected = await self._within(self._settings.wait_future_timeout, reason, opener.open(self._wait))
        stream = ClearStream(Descriptor(self._reactor, connected), self._system)
        return Pump(self._plane, stream, self._settings.block_size, throttle, self._wait, self._call)

    async def _begin(
        self, opener: Opener, throttle: Throttle, mark: Callable[[], None], protection: DataProtection | None
    ) -> Pump:
        mark()
        pump = self._pump = await self._open(opener, throttle)
        if protection is not None:
            await self._secure(pump, protection)
        return pump

    async def _begin_early(
        self, opener: Opener, throttle: Throttle, mark: Callable[[], None], protection: DataProtection
    ) -> Pump:
        """
        Do the handshake that the client has begun already, and say the mark after it.

        So the client reads the tickets of TLS 1.3 before it sends a file. After the mark it would not, and closing with
        them unread would reset the connection (curl 7.88: of 100 uploads in a session 30 were cut so).
        """
        marking = Timer(self._reactor, mark)
        marking.set(EARLY_HANDSHAKE)
        try:
            pump = self._pump = await self._open(opener, throttle)
            await self._secure(pump, protection, lambda: marking.is_set)
            return pump
        finally:
            if marking.is_set:
                marking.stop()
                mark()

    async def _secure(
        self, pump: Pump, protection: DataProtection, is_early: Callable[[], bool] = lambda: False
    ) -> None:
        reason = DataNotBound("The TLS handshake of the data connection took too long.")
        await self._within(self._settings.handshake_timeout, reason, pump.secure(protection, is_early))

    async def _within(self, seconds: float | None, reason: FTPError, awaitable: Awaitable[T]) -> T:
        """Wait for a step of the transfer, which is aborted with *reason* if it takes longer."""
        timer = None if seconds is None else self._reactor.callLater(seconds, self.abort, reason)
        try:
            return await awaitable
        finally:
            if timer is not None and timer.active():
                timer.cancel()

    async def _wait(self, deferred: Deferred[T]) -> T:
        if self._abort_reason is not None:
            deferred.cancel()
        if self._is_moving and self._watching is None:
            # A transfer that never waits needs nobody to watch it.
            self._watch()
        self._waiting = deferred
        try:
            return await deferred
        finally:
            self._waiting = None

    async def _call(self, awaitable: Awaitable[T]) -> T:
        """Wait for a call to the store; one that answers at once costs no Deferred."""
        outcome = begin(awaitable)
        return await self._wait(outcome) if isinstance(outcome, Deferred) else outcome

    # Ends.

    def abort(self, reason: FTPError) -> None:
        """End the transfer under way with *reason*; harmless when there is none."""
        if not self._running or self._abort_reason is not None:
            return
        self._abort_reason = reason
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """End everything."""
        self.forget()
        self.abort(TransferAborted())

    def _watch(self) -> None:
        timeout = self._settings.socket_timeout
        if timeout is not None:
            self._watching = self._reactor.callLater(timeout, self._look, timeout)

    def _look(self, timeout: float) -> None:
        """Abort if the client alone has held the transfer up all the time: no speed limit of ours, no slow disk."""
        assert self._pump is not None
        since = self._pump.meter.waiting_since
        left = timeout if since is None else since + timeout - self._reactor.seconds()
        if left <= 0:
            self.abort(DataConnectionStalled())
        else:
            self._watching = self._reactor.callLater(left, self._look, timeout)

    def _stop_watching(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None and watching.active():
            watching.cancel()
