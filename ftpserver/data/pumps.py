# -*- test-case-name: tests.test_pumps -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Moving octets between a socket and a file, a piece at a time, with back-pressure both ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ..awaiting import next_or_none
from ..core.throttle import Throttle
from ..errors import DataConnectionLost, StorageFailure
from ..interfaces import IFile
from .opening import Wait
from .protection import DataProtection
from .shaping import FromNetwork, ToNetwork
from .stream import SecureStream, Stream

__all__ = ["Pump"]

#: What one transfer does in one turn of the reactor, in octets and in seconds, so that others keep moving.
OCTETS_PER_TURN = 1048576
SECONDS_PER_TURN = 0.002

#: Seconds by which a timer or the store may be late without the flow losing its rate. At 20 MB/s a piece takes 3 ms and
#: timers of a busy reactor come 1 ms late: the rate was 3 % too low.
MAXIMUM_LATENESS = 0.05


class Pump:
    """
    One open data connection and the octets of the one transfer that passes it.

    :param stream: the connection.
    :param block_size: largest piece in octets.
    :param throttle: speed limits of this transfer.
    :param wait: waits for a Deferred; raises when the transfer is aborted.
    :param call: waits for a call to the store in the same way.
    :ivar waiting_since: since when the client has kept this waiting; ``None`` while it does not.
    """

    def __init__(
        self,
        reactor: Any,
        stream: Stream,
        block_size: int,
        throttle: Throttle,
        wait: Wait,
        call: Callable[[Awaitable[Any]], Awaitable[Any]],
    ) -> None:
        self._reactor = reactor
        self._stream = stream
        self._block_size = block_size
        self._throttle = throttle
        self._wait = wait
        self._call = call
        self._paid = 0
        self._due: float = reactor.seconds()
        self._begin_turn()
        self.bytes_moved = 0
        self.last_progress: float = reactor.seconds()
        self.waiting_since: float | None = None

    async def secure(self, protection: DataProtection, is_early: Callable[[], bool] = lambda: False) -> None:
        """
        Put what moves under TLS, before anything does.

        :param is_early: see :meth:`SecureStream.shake_hands`.
        :raises DataNotBound: when that fails.
        """
        stream = SecureStream(self._stream, protection)
        self._stream = stream
        await stream.shake_hands(self._wait, is_early)

    async def send(self, source: IFile, shape: ToNetwork | None, length: int = 0) -> None:
        """
        Send a file from its offset to its end.

        :param length: octets that were there at the beginning.
        :raises StorageFailure: if they are not there any more, before the client is told that it has got everything.
        """
        read, call = source.read, self._call
        amount = 0
        while data := await call(read(self._block_size)):
            amount += len(data)
            await self._send_all(data if shape is None else shape.convert(data))
        if amount < length:
            raise StorageFailure("the file has become shorter while it was sent")
        await self._end()

    async def send_batches(self, batches: AsyncIterator[bytes]) -> None:
        """Send what an iterator gives."""
        while (data := await self._call(next_or_none(batches))) is not None:
            await self._send_all(data)
            # Of a long directory a pattern may leave nothing to send.
            await self._breathe()
        await self._end()

    async def receive(self, target: IFile, shape: FromNetwork | None) -> None:
        """Write what comes to a file."""
        buffer = memoryview(bytearray(self._block_size))
        while amount := await self._receive_into(buffer):
            data = buffer[:amount] if shape is None else shape.convert(bytes(buffer[:amount]))
            await self._call(target.write(data))
            await self._breathe()
        self._stream.end_input()
        if shape is not None and (rest := shape.finish()):
            await self._call(target.write(rest))

    def close(self) -> None:
        """Close the connection."""
        self._give_back()
        self._stream.close()

    async def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            allowed = await self._allowed(len(view))
            try:
                amount = self._stream.send(view[:allowed])
            except BlockingIOError:
                await self._until(self._stream.descriptor.writable)
            except OSError as error:
                raise DataConnectionLost(str(error)) from error
            else:
                view = view[amount:]
                self._moved(amount)
                await self._breathe()

    async def _receive_into(self, buffer: memoryview) -> int:
        while True:
            allowed = await self._allowed(len(buffer))
            try:
                amount = self._stream.receive_into(buffer[:allowed])
            except BlockingIOError:
                await self._until(self._stream.descriptor.readable)
            except OSError as error:
                raise DataConnectionLost(str(error)) from error
            else:
                self._moved(amount)
                return amount

    async def _allowed(self, wanted: int) -> int:
        """Return how many of *wanted* octets may move now, after waiting for the speed limits if need be."""
        if not self._throttle.buckets:
            return wanted
        if not self._paid:
            now = self._reactor.seconds()
            late = min(now - self._due, MAXIMUM_LATENESS)
            self._paid = self._throttle.piece(wanted, now)
            delay = self._throttle.take(self._paid, now, late)
            if delay > 0:
                # While it catches up, a flow stays as late as it was.
                self._due = now + delay
                await self._pause(delay)
        return min(wanted, self._paid)

    def _give_back(self) -> None:
        # A client that keeps this waiting, or goes, must not use up what others could move meanwhile.
        self._throttle.give_back(self._paid)
        self._paid = 0

    def _moved(self, amount: int) -> None:
        self.bytes_moved += amount
        self.last_progress = self._reactor.seconds()
        self._this_turn += amount
        if self._paid:
            self._paid -= amount

    async def _breathe(self) -> None:
        """Let others have a turn when this transfer has had its own."""
        if self._this_turn >= OCTETS_PER_TURN or self._reactor.seconds() - self._turn_began >= SECONDS_PER_TURN:
            await self._pause(0)

    async def _pause(self, delay: float) -> None:
        await self._wait(deferLater(self._reactor, delay))
        self._begin_turn()

    async def _until(self, ready: Callable[[], Deferred[None]]) -> None:
        self._give_back()
        self.waiting_since = self._reactor.seconds()
        await self._wait(ready())
        self.waiting_since = None
        self._due = self._reactor.seconds()
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._this_turn = 0
        self._turn_began: float = self._reactor.seconds()

    async def _end(self) -> None:
        while not self._has_ended():
            await self._until(self._stream.descriptor.writable)

    def _has_ended(self) -> bool:
        try:
            self._stream.end_output()
            self._stream.discard_input()
        except BlockingIOError:
            return False
        except OSError as error:
            raise DataConnectionLost(str(error)) from error
        return True
