# -*- test-case-name: tests.test_data_channel -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The data side of one session: what was agreed, and the transfer under way (RFC 959, section 3.2).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall

from ..awaiting import begin
from ..core.throttle import Throttle
from ..errors import CannotOpenDataConnection, DataConnectionStalled, FTPError, TransferAborted
from ..interfaces import IFile
from .descriptor import Descriptor
from .opening import ActiveConnector, Opener, PassiveListener
from .ports import DataPorts
from .pumps import Pump
from .shaping import FromNetwork, ToNetwork
from .system import System

__all__ = ["DataChannel", "DataSettings"]

T = TypeVar("T")


@dataclass(frozen=True)
class DataSettings:
    """
    What all sessions of a server have in common.

    :ivar block_size: largest piece in octets.
    :ivar socket_timeout: seconds without progress before a transfer ends with 426; ``None`` is without a bound.
    :ivar wait_future_timeout: seconds to wait for the data connection before 425; ``None`` is without a bound.
    :ivar ports: the passive ports.
    """

    block_size: int = 262144
    socket_timeout: float | None = None
    wait_future_timeout: float | None = 1.0
    ports: DataPorts = field(default_factory=DataPorts)


class DataChannel:
    """
    The data connections of one session, one after another.

    :param reactor: provides IReactorFDSet and IReactorTime.
    :param local_host: address that the client reached; passive ports are opened there.
    :param peer_host: the client's address, the only one that data goes to and comes from.
    :param read_throttle: speed limits of uploads.
    :param write_throttle: speed limits of downloads.
    """

    def __init__(
        self,
        reactor: Any,
        settings: DataSettings,
        local_host: str,
        peer_host: str,
        *,
        read_throttle: Throttle | None = None,
        write_throttle: Throttle | None = None,
        system: System | None = None,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._local_host = local_host
        self._peer_host = peer_host
        self._read_throttle = read_throttle or Throttle()
        self._write_throttle = write_throttle or Throttle()
        self._system = system or System()
        self._agreed: Opener | None = None
        self._pump: Pump | None = None
        self._waiting: Deferred[Any] | None = None
        self._abort_reason: FTPError | None = None
        self._running = False
        self._watching: IDelayedCall | None = None
        self._bytes_moved = 0
        self._last_progress: float = reactor.seconds()

    # Agreements.

    def listen(self) -> int:
        """
        Open a passive port, in place of what was agreed before.

        :returns: its number.
        :raises NoFreeDataPort: answered 425.
        """
        self.forget()
        listener = PassiveListener(self._reactor, self._system, self._settings.ports, self._local_host, self._peer_host)
        self._agreed = listener
        return listener.port

    def connect_to(self, host: str, port: int) -> None:
        """Agree to call *host* at *port* when the transfer comes, in place of what was agreed before."""
        self.forget()
        self._agreed = ActiveConnector(self._reactor, self._system, self._local_host, host, port)

    def forget(self) -> None:
        """Close what was agreed; its port is free again."""
        agreed, self._agreed = self._agreed, None
        if agreed is not None:
            agreed.close()

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
        return self._pump.bytes_moved if self._pump is not None else self._bytes_moved

    @property
    def last_progress(self) -> float:
        """Reading of the reactor's clock when octets moved last."""
        return self._pump.last_progress if self._pump is not None else self._last_progress

    async def send(self, source: IFile, *, mark: Callable[[], None], ascii: bool = False) -> None:
        """
        Send *source* from its offset to its end; the caller closes it.

        :param mark: called once, before the client is waited for: it writes the 1xx.
        :param ascii: gives lines CRLF ends.
        :raises TransferError: 425 or 426.
        """
        shape = ToNetwork() if ascii else None
        await self._transfer(self._write_throttle, mark, lambda pump: pump.send(source, shape))

    async def send_batches(self, batches: AsyncGenerator[bytes, None], *, mark: Callable[[], None]) -> None:
        """
        Send what *batches* gives, as it is; the generator is closed at the end.

        :param mark: see :meth:`send`.
        :raises TransferError: 425 or 426.
        """
        try:
            await self._transfer(self._write_throttle, mark, lambda pump: pump.send_batches(batches))
        finally:
            await batches.aclose()

    async def receive(self, target: IFile, *, mark: Callable[[], None], ascii: bool = False) -> None:
        """
        Write what comes, up to the end of the connection, to *target*; the caller closes it.

        :param mark: see :meth:`send`.
        :param ascii: turns CRLF into LF.
        :raises TransferError: 425 or 426.
        """
        shape = FromNetwork() if ascii else None
        await self._transfer(self._read_throttle, mark, lambda pump: pump.receive(target, shape))

    async def _transfer(
        self, throttle: Throttle, mark: Callable[[], None], move: Callable[[Pump], Awaitable[None]]
    ) -> None:
        opener, self._agreed = self._agreed, None
        if opener is None:
            raise CannotOpenDataConnection("no data port was agreed")
        self._running, self._abort_reason = True, None
        self._bytes_moved, self._last_progress = 0, self._reactor.seconds()
        try:
            mark()
            self._pump = await self._open(opener, throttle)
            self._watch()
            await move(self._pump)
        except CancelledError:
            raise self._abort_reason or TransferAborted() from None
        finally:
            self._running = False
            self._stop_watching()
            self._finish(opener)

    def _finish(self, opener: Opener) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            self._bytes_moved, self._last_progress = pump.bytes_moved, pump.last_progress
            pump.close()
        opener.close()

    async def _open(self, opener: Opener, throttle: Throttle) -> Pump:
        timeout = self._settings.wait_future_timeout
        timer = (
            None
            if timeout is None
            else self._reactor.callLater(timeout, self.abort, CannotOpenDataConnection("nobody connected in time"))
        )
        try:
            connected = await opener.open(self._wait)
        finally:
            if timer is not None and timer.active():
                timer.cancel()
        descriptor = Descriptor(self._reactor, connected)
        return Pump(
            self._reactor, descriptor, self._system, self._settings.block_size, throttle, self._wait, self._call
        )

    async def _wait(self, deferred: Deferred[T]) -> T:
        if self._abort_reason is not None:
            deferred.cancel()
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
        since = self._pump.waiting_since
        left = timeout if since is None else since + timeout - self._reactor.seconds()
        if left <= 0:
            self.abort(DataConnectionStalled())
        else:
            self._watching = self._reactor.callLater(left, self._look, timeout)

    def _stop_watching(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None and watching.active():
            watching.cancel()
