# -*- test-case-name: tests.test_movers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Ways to move octets between a socket and a real file without waiting: in the kernel, or through a buffer for all.

None makes a call that may wait: a piece that is not in memory is read elsewhere, and a file system that has turned out
slow is left to the pump, which makes its calls in threads.
"""

from __future__ import annotations

import errno
import time
from typing import Any, Protocol

from ..errors import translating
from ..interfaces import IRealFile
from .meter import Meter
from .plane import BUFFER, OCTETS_PER_TURN, DataPlane
from .residency import Residency
from .stream import ClearStream, Stream
from .system import SEND_BUFFER
from .turns import Need

__all__ = ["CopyFromFile", "CopyToFile", "Mover", "SendFile", "SpliceToFile"]

#: Octets of a file from which on it is worth telling the kernel that more will come: below, the calls cost more.
LARGE = 1048576

#: Octets that the kernel is asked to send at once, which are as many as it holds of a large download. With 50 transfers
#: a quarter of them made 1,000 calls of each GiB and took 1.3 times the processor, most of it in between.
OCTETS_PER_CALL = SEND_BUFFER

#: Seconds of a call on a file above which the store is told.
NOTABLE = 0.002

#: What splice says of sockets and files that it cannot serve: O_APPEND, odd file systems.
_REFUSED = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM})


class Mover(Protocol):
    """
    One way for one transfer.

    :ivar piece: octets that it moves at once, at most.
    :ivar writes: whether it waits for the socket to take octets rather than to give them.
    :ivar rest: octets that have come and were not written when :attr:`Need.OTHERWISE` was the answer.
    """

    piece: int
    writes: bool
    rest: bytes

    def is_at_end(self) -> bool:
        """Tell whether nothing is left to move, before a speed limit makes it wait for what is not there."""
        ...

    def move(self, allowed: int) -> Need:
        """
        Move *allowed* octets at most.

        :returns: what it needs next.
        :raises BlockingIOError: if the socket is not ready.
        :raises OSError: when the connection is lost; never for what the file did.
        """
        ...

    async def fetch(self) -> None:
        """Read the next piece from the disk, after :attr:`Need.STORAGE`."""
        ...


class _FromFile:
    """What both ways down have in common: where the next piece comes from."""

    writes = True
    rest = b""

    def __init__(self, plane: DataPlane, stream: Stream, file: IRealFile, meter: Meter, size: int) -> None:
        self._system = plane.system
        self._stream = stream
        self._file = file
        self._meter = meter
        self._size = size
        self._descriptor = file.fileno()
        self._residency = Residency(plane.system, self._descriptor, size)
        self._fetched = memoryview(b"")
        self._is_fetched = False

    def is_at_end(self) -> bool:
        """See :class:`Mover`; a file that has become shorter is left to the next read."""
        offset = self._file.offset
        return not self._fetched and offset == self._size and self._system.size(self._descriptor) == offset

    async def fetch(self) -> None:
        """See :class:`Mover`."""
        with translating():
            piece: Any = await self._file.run(self._system.read_file, OCTETS_PER_TURN, self._file.offset)
        self._fetched = memoryview(piece)
        self._is_fetched = True

    def _send_fetched(self, allowed: int) -> Need:
        """Send what was read from the disk; nothing was read at the end of the file."""
        if not self._fetched:
            return Need.NOTHING
        amount = self._stream.send(self._fetched[:allowed])
        self._fetched = self._fetched[amount:]
        self._is_fetched = bool(self._fetched)
        self._count(amount)
        return Need.TURN

    def _count(self, amount: int) -> None:
        self._file.advance(amount)
        self._meter.moved(amount)


class SendFile(_FromFile):
    """From a file to the socket, within the kernel (sendfile)."""

    piece = OCTETS_PER_CALL

    def __init__(self, plane: DataPlane, stream: ClearStream, file: IRealFile, meter: Meter, size: int) -> None:
        super().__init__(plane, stream, file, meter, size)
        self._handle = stream.descriptor.handle

    def gather(self) -> None:
        """Send full segments, if there is more than a few; a speed limit wants small ones."""
        if self._size - self._file.offset >= LARGE:
            self._system.gather(self._handle)

    def move(self, allowed: int) -> Need:
        """See :class:`Mover`."""
        if self._is_fetched:
            return self._send_fetched(allowed)
        file = self._file
        allowed = self._in_memory(allowed)
        if not allowed:
            return Need.STORAGE
        try:
            amount = self._system.send_file(self._handle, self._descriptor, file.offset, allowed)
        except BlockingIOError:
            raise
        except OSError:
            # Of the socket or of the file: reading and sending one after the other tells which.
            return Need.OTHERWISE
        if not amount:
            return Need.NOTHING
        self._count(amount)
        if amount == allowed:
            return Need.TURN
        # Less is all that there is, or all that the socket takes.
        return Need.NOTHING if file.offset == self._size else Need.SOCKET

    def _in_memory(self, allowed: int) -> int:
        """Return how many of *allowed* octets can be sent without the disk: it reads ahead less than a call sends."""
        offset = self._file.offset
        if self._residency.holds(offset, allowed):
            return allowed
        is_part = min(allowed, self._size - offset) > OCTETS_PER_TURN
        return OCTETS_PER_TURN if is_part and self._residency.holds(offset, OCTETS_PER_TURN) else 0


class CopyFromFile(_FromFile):
    """From a file to a connection that has to see the octets, through the buffer for all."""

    piece = BUFFER

    def __init__(self, plane: DataPlane, stream: Stream, file: IRealFile, meter: Meter, size: int) -> None:
        super().__init__(plane, stream, file, meter, size)
        self._buffer = plane.buffer

    def move(self, allowed: int) -> Need:
        """See :class:`Mover`."""
        if self._is_fetched:
            return self._send_fetched(allowed)
        # Before the file is read in vain.
        self._stream.flush()
        file = self._file
        if not self._residency.holds(file.offset, allowed):
            return Need.STORAGE
        try:
            amount = self._system.read_into(self._descriptor, self._buffer[:allowed], file.offset)
        except OSError:
            return Need.OTHERWISE
        if not amount:
            return Need.NOTHING
        self._count(self._stream.send(self._buffer[:amount]))
        return Need.NOTHING if amount < allowed and file.offset == self._size else Need.TURN


class _ToFile:
    """What both ways up have in common: how long a write takes."""

    writes = False

    def __init__(self, plane: DataPlane, file: IRealFile, meter: Meter) -> None:
        self._plane = plane
        self._system = plane.system
        self._file = file
        self._meter = meter
        self._descriptor = file.fileno()
        self.rest = b""

    def is_at_end(self) -> bool:
        """See :class:`Mover`; only reading tells it here."""
        return False

    async def fetch(self) -> None:
        """See :class:`Mover`; nothing is read here."""

    def _begin(self) -> None:
        self._waits = self._system.waits()
        self._began = time.monotonic()

    def _is_fast(self) -> bool:
        """Tell the store how long a write took; return whether the next may be made here, too."""
        seconds = time.monotonic() - self._began
        # One that was only robbed of its processor has not waited for a disk.
        if seconds >= NOTABLE and self._system.waits() != self._waits:
            self._file.took(seconds)
        return not self._file.may_block


class SpliceToFile(_ToFile):
    """From the socket to a file, within the kernel (splice through the pipe for all)."""

    piece = OCTETS_PER_TURN

    def __init__(self, plane: DataPlane, stream: ClearStream, file: IRealFile, meter: Meter) -> None:
        super().__init__(plane, file, meter)
        self._handle = stream.descriptor.handle

    def move(self, allowed: int) -> Need:
        """See :class:`Mover`."""
        try:
            pipe = self._plane.pipe.writing
        except OSError:
            # As many descriptors as there may be: the other way needs none.
            return Need.OTHERWISE
        try:
            amount = self._system.splice_in(self._handle, pipe, allowed)
        except OSError as error:
            if error.errno in _REFUSED:
                return Need.OTHERWISE
            raise
        if not amount:
            return Need.NOTHING
        self._meter.moved(amount)
        self._begin()
        return Need.TURN if self._is_written(amount) and self._is_fast() else Need.OTHERWISE

    def _is_written(self, amount: int) -> bool:
        """Empty the pipe: into the file, or where that fails into :attr:`rest`, which is written in another way."""
        pipe, file = self._plane.pipe, self._file
        while amount:
            try:
                written = self._system.splice_out(pipe.reading, self._descriptor, file.offset, amount)
            except OSError:
                # Which error it is, the other way will tell.
                written = 0
            except BaseException:
                pipe.close()
                raise
            if not written:
                self.rest = pipe.take(amount)
                return False
            file.advance(written)
            amount -= written
        return True


class CopyToFile(_ToFile):
    """From a connection whose octets have to be looked at to a file, through the buffer for all."""

    piece = BUFFER

    def __init__(self, plane: DataPlane, stream: Stream, file: IRealFile, meter: Meter) -> None:
        super().__init__(plane, file, meter)
        self._stream = stream
        self._buffer = plane.buffer

    def move(self, allowed: int) -> Need:
        """See :class:`Mover`."""
        amount = self._stream.receive_into(self._buffer[:allowed])
        if not amount:
            return Need.NOTHING
        self._meter.moved(amount)
        self._begin()
        if not (self._is_written(self._buffer[:amount]) and self._is_fast()):
            return Need.OTHERWISE
        return Need.MORE if self._stream.holds_input else Need.TURN

    def _is_written(self, data: memoryview) -> bool:
        """Write *data*, or where that fails leave it as :attr:`rest`."""
        while data:
            try:
                written = self._system.write_file(self._descriptor, data, self._file.offset)
            except OSError:
                written = 0
            if not written:
                self.rest = bytes(data)
                return False
            self._file.advance(written)
            data = data[written:]
        return True
