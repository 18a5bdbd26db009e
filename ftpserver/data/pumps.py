# -*- test-case-name: tests.test_pumps -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Moving octets between a socket and a file, a piece at a time, with back-pressure both ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ..awaiting import next_or_none
from ..core.throttle import Throttle
from ..errors import DataConnectionLost, StorageFailure
from ..interfaces import IFile, IRealFile
from .meter import Meter
from .movers import CopyFromFile, CopyToFile, Mover, SendFile, SpliceToFile
from .opening import Wait
from .plane import OCTETS_PER_TURN, DataPlane
from .protection import DataProtection
from .shaping import FromNetwork, ToNetwork
from .stream import ClearStream, SecureStream, Stream
from .turns import SECONDS_PER_TURN, Need

__all__ = ["Pump"]

#: Pieces of what has come already that are moved in one visit: under TLS each is of 256 records at most, which may be
#: of an octet each, and then take 0.3 ms.
MAXIMUM_IN_VISIT = 8

#: Octets of a first batch that promise more of them.
LONG = 8192


class Pump:
    """
    One open data connection and the octets of the one transfer that passes it.

    A real file and TYPE I go the fastest way that there is, by :mod:`~ftpserver.data.movers`; everything else, and what
    no such way can serve to its end, goes through the methods of the file.

    :param plane: what the transfers of the server share.
    :param stream: the connection.
    :param block_size: largest piece in octets that a file is asked for.
    :param throttle: speed limits of this transfer.
    :param wait: waits for a Deferred; raises when the transfer is aborted.
    :param call: waits for a call to the store in the same way.
    """

    def __init__(
        self,
        plane: DataPlane,
        stream: Stream,
        block_size: int,
        throttle: Throttle,
        wait: Wait,
        call: Callable[[Awaitable[Any]], Awaitable[Any]],
    ) -> None:
        self._plane = plane
        self._reactor = plane.reactor
        self._stream = stream
        self._block_size = block_size
        self._is_limited = bool(throttle.buckets)
        self._wait = wait
        self._call = call
        #: What has moved.
        self.meter = Meter(self._reactor.seconds, throttle)
        self._moved_before = 0
        self._turn_began = self.meter.last_progress

    async def secure(self, protection: DataProtection, is_early: Callable[[], bool] = lambda: False) -> None:
        """
        Put what moves under TLS, before anything does.

        :param is_early: see :meth:`SecureStream.shake_hands`.
        :raises DataNotBound: when that fails.
        """
        stream = SecureStream(self._stream, protection, self._plane.network_buffer)
        self._stream = stream
        await stream.shake_hands(self._wait, is_early)

    # Whole transfers.

    async def send(self, source: IFile, shape: ToNetwork | None, length: int = 0) -> None:
        """
        Send a file from its offset to its end.

        :param length: octets that were there at the beginning.
        :raises StorageFailure: if they are not there any more, before the client is told that it has got everything.
        """
        amount, is_whole = 0, False
        if shape is None and (file := self._moved_directly(source)) is not None:
            began = file.offset
            is_whole = await self._take_ways(self._ways_down(file, began + length), source, file)
            amount = file.offset - began
        while not is_whole and (data := await self._call(source.read(self._block_size))):
            amount += len(data)
            await self._send_all(data if shape is None else shape.convert(data))
        if amount < length:
            raise StorageFailure("the file has become shorter while it was sent")
        await self._end()

    async def send_batches(self, batches: AsyncIterator[bytes]) -> None:
        """Send what an iterator gives."""
        is_first = True
        while (data := await self._call(next_or_none(batches))) is not None:
            await self._send_all(data)
            if is_first and len(data) >= LONG:
                # The 1xx leaves when the turn is over: a client may wait for it before it reads.
                await self._pause(0)
            is_first = False
            # Of a long directory a pattern may leave nothing to send.
            await self._breathe()
        await self._end()

    async def receive(self, target: IFile, shape: FromNetwork | None) -> None:
        """Write what comes to a file."""
        file = None if shape is not None else self._moved_directly(target)
        if file is not None and await self._take_ways(self._ways_up(file), target, file):
            self._stream.end_input()
            return
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
        self.meter.give_back()
        self._stream.close()

    # Ways of a real file.

    def _moved_directly(self, file: IFile) -> IRealFile | None:
        """Return the real file that *file* is, unless its calls belong into threads or there are no turns here."""
        own = getattr(file, "file", file)
        if self._plane.turns is None or not IRealFile.providedBy(own):
            return None
        real: IRealFile = own
        return None if real.may_block else real

    def _ways_down(self, file: IRealFile, size: int) -> Iterator[Mover]:
        if isinstance(self._stream, ClearStream):
            send = SendFile(self._plane, self._stream, file, self.meter, size)
            if not self._is_limited:
                send.gather()
            yield send
        yield CopyFromFile(self._plane, self._stream, file, self.meter, size)

    def _ways_up(self, file: IRealFile) -> Iterator[Mover]:
        if isinstance(self._stream, ClearStream):
            yield SpliceToFile(self._plane, self._stream, file, self.meter)
        yield CopyToFile(self._plane, self._stream, file, self.meter)

    async def _take_ways(self, ways: Iterable[Mover], file: IFile, real: IRealFile) -> bool:
        """Move everything in the first way that goes to the end; tell whether one did."""
        for mover in ways:
            if await self._move(mover):
                return True
            if mover.rest:
                await self._call(file.write(mover.rest))
            if real.may_block:
                break
        return False

    async def _move(self, mover: Mover) -> bool:
        """Move everything in one way; tell whether it went to the end."""
        need = self._first_turn(mover)
        while need is not Need.NOTHING:
            if need is Need.SOCKET or need is Need.TURN:
                need = await self._wait(self._turns_of(mover))
                continue
            if need is Need.OTHERWISE:
                return False
            if need is Need.TIME or need is Need.MORE:
                await self._pause(self.meter.delay if need is Need.TIME else 0)
            else:
                await self._call(mover.fetch())
            need = self._first_turn(mover)
        return True

    def _first_turn(self, mover: Mover) -> Need:
        """Go on until the turn is over: most transfers are small, and need no other."""
        self._begin_turn()
        while (need := self._visit(mover)) is Need.TURN and not self._turn_is_over():
            pass
        return need

    def _turns_of(self, mover: Mover) -> Deferred[Need]:
        assert self._plane.turns is not None
        handle = self._stream.descriptor.handle
        self.meter.may_wait()
        return self._plane.turns.join(handle, lambda: self._visit_in_turn(mover), writes=mover.writes)

    def _visit_in_turn(self, mover: Mover) -> Need:
        need = self._visit(mover)
        if need is Need.TURN:
            # Only its socket tells whether there will be another: a client that stops right here is to blame, too.
            self.meter.may_wait()
        return need

    def _visit(self, mover: Mover) -> Need:
        meter = self.meter
        if meter.waiting_since is not None:
            meter.goes_on()
        if self._is_limited and mover.is_at_end():
            return Need.NOTHING
        try:
            for _ in range(MAXIMUM_IN_VISIT):
                allowed = meter.allowance(mover.piece)
                if not allowed:
                    return Need.TIME
                need = mover.move(allowed)
                if need is not Need.MORE:
                    break
        except BlockingIOError:
            need = Need.SOCKET
        except OSError as error:
            raise DataConnectionLost(str(error)) from error
        if need is Need.SOCKET:
            meter.must_wait()
        return need

    # Pieces of what is read and written by the methods of a file.

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
                self.meter.moved(amount)
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
                self.meter.moved(amount)
                return amount

    async def _allowed(self, wanted: int) -> int:
        """Return how many of *wanted* octets may move now, after waiting for the speed limits if need be."""
        while not (allowed := self.meter.allowance(wanted)):
            await self._pause(self.meter.delay)
        return allowed

    async def _breathe(self) -> None:
        """Let others have a turn when this transfer has had its own."""
        if self._turn_is_over():
            await self._pause(0)

    async def _pause(self, delay: float) -> None:
        await self._wait(deferLater(self._reactor, delay))
        self._begin_turn()

    async def _until(self, ready: Callable[[], Deferred[None]]) -> None:
        self.meter.must_wait()
        await self._wait(ready())
        self.meter.goes_on()
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._moved_before = self.meter.bytes_moved
        self._turn_began = self._reactor.seconds()

    def _turn_is_over(self) -> bool:
        moved = self.meter.bytes_moved - self._moved_before
        return bool(moved >= OCTETS_PER_TURN or self._reactor.seconds() - self._turn_began >= SECONDS_PER_TURN)

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
