# -*- test-case-name: tests.test_pumps -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Moving octets between a socket and a file, a piece at a time, with back-pressure both ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from twisted.internet.task import deferLater

from ..core.throttle import Throttle
from ..errors import DataConnectionLost
from ..interfaces import IFile
from .descriptor import Descriptor
from .opening import Wait
from .shaping import FromNetwork, ToNetwork
from .system import System

__all__ = ["Pump"]

#: Octets that one transfer moves in one turn of the reactor: about 1 ms of copying, so that others keep moving.
OCTETS_PER_TURN = 1048576


class Pump:
    """
    One open data connection and the octets that pass it.

    :param block_size: largest piece in octets.
    :param wait: waits for a Deferred; raises when the transfer is aborted.
    :param call: waits for a call to the store in the same way.
    :ivar waiting_since: since when the client has kept this waiting; ``None`` while it does not.
    """

    def __init__(
        self,
        reactor: Any,
        descriptor: Descriptor,
        system: System,
        block_size: int,
        read_throttle: Throttle,
        write_throttle: Throttle,
        wait: Wait,
        call: Callable[[Awaitable[Any]], Awaitable[Any]],
    ) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._system = system
        self._block_size = block_size
        self._read_throttle = read_throttle
        self._write_throttle = write_throttle
        self._wait = wait
        self._call = call
        self._this_turn = 0
        self.bytes_moved = 0
        self.last_progress: float = reactor.seconds()
        self.waiting_since: float | None = None

    async def send(self, source: IFile, shape: ToNetwork | None) -> None:
        """Send a file from its offset to its end."""
        throttle, read, call = self._write_throttle, source.read, self._call
        while data := await call(read(throttle.piece(self._block_size))):
            await self._send_all(data if shape is None else shape.convert(data))
        self._end()

    async def send_batches(self, batches: AsyncIterator[bytes]) -> None:
        """Send what an iterator gives."""
        while (data := await self._call(_next(batches))) is not None:
            await self._send_all(data)
        self._end()

    async def receive(self, target: IFile, shape: FromNetwork | None) -> None:
        """Write what comes to a file."""
        buffer = memoryview(bytearray(self._block_size))
        while amount := await self._receive_into(buffer):
            data = buffer[:amount] if shape is None else shape.convert(bytes(buffer[:amount]))
            await self._call(target.write(data))
            await self._moved(amount, self._read_throttle)
        if shape is not None and (rest := shape.finish()):
            await self._call(target.write(rest))

    def close(self) -> None:
        """Close the connection."""
        self._descriptor.forget()
        self._system.close(self._descriptor.handle)

    async def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            piece = view[: self._write_throttle.piece(len(view))]
            try:
                amount = self._system.send(self._descriptor.handle, piece)
            except BlockingIOError:
                await self._until(self._descriptor.writable)
            except OSError as error:
                raise DataConnectionLost(str(error)) from error
            else:
                view = view[amount:]
                await self._moved(amount, self._write_throttle)

    async def _receive_into(self, buffer: memoryview) -> int:
        piece = buffer[: self._read_throttle.piece(len(buffer))]
        while True:
            try:
                return self._system.receive_into(self._descriptor.handle, piece)
            except BlockingIOError:
                await self._until(self._descriptor.readable)
            except OSError as error:
                raise DataConnectionLost(str(error)) from error

    async def _until(self, ready: Callable[[], Any]) -> None:
        self.waiting_since = self._reactor.seconds()
        await self._wait(ready())
        self.waiting_since = None
        self._this_turn = 0

    async def _moved(self, amount: int, throttle: Throttle) -> None:
        now = self._reactor.seconds()
        self.bytes_moved += amount
        self.last_progress = now
        self._this_turn += amount
        delay = throttle.take(amount, now)
        if delay > 0 or self._this_turn >= OCTETS_PER_TURN:
            self._this_turn = 0
            await self._wait(deferLater(self._reactor, delay))

    def _end(self) -> None:
        """End the output in order: what the client sent meanwhile is read, or closing would reset what it has to get."""
        rest = memoryview(bytearray(65536))
        try:
            self._system.end_output(self._descriptor.handle)
            while self._system.receive_into(self._descriptor.handle, rest):
                continue
        except BlockingIOError:
            return
        except OSError as error:
            raise DataConnectionLost(str(error)) from error


async def _next(batches: AsyncIterator[bytes]) -> bytes | None:
    return await anext(batches, None)
