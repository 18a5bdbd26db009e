# -*- test-case-name: tests.test_plane -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the transfers of one server share: their turns, and the buffers that each uses within its own turn.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from .system import KERNEL_PATHS, System
from .turns import Turns

__all__ = ["DataPlane", "Pipe"]

#: Octets that one transfer moves in one turn at most, unless the kernel sends them out of a file by itself.
OCTETS_PER_TURN = 1048576

#: Octets that are copied at once where the kernel cannot move them itself. From 128 KiB on a new buffer would cost page
#: faults each time, so there is one for all.
BUFFER = 262144


class Pipe:
    """
    A pipe that every upload moves its octets through, within one turn.

    It is empty between turns: one that may not be is replaced, or the file of another user would begin with the rest.

    :param size: octets that it holds, where the system lets it.
    """

    def __init__(self, system: System, size: int = OCTETS_PER_TURN) -> None:
        self._system = system
        self._size = size
        self._ends: tuple[int, int] | None = None

    @property
    def reading(self) -> int:
        """The descriptor to read from."""
        return self._opened()[0]

    @property
    def writing(self) -> int:
        """The descriptor to write to."""
        return self._opened()[1]

    def _opened(self) -> tuple[int, int]:
        if self._ends is None:
            self._ends = self._system.open_pipe(self._size)
        return self._ends

    def take(self, amount: int) -> bytes:
        """
        Return *amount* octets, which are all that it holds.

        :raises OSError: if they cannot be had; the pipe is a new one then.
        """
        reading = self.reading
        pieces = []
        try:
            while amount:
                piece = self._system.read_pipe(reading, amount)
                pieces.append(piece)
                amount -= len(piece)
        except BaseException:
            self.close()
            raise
        return b"".join(pieces)

    def close(self) -> None:
        """Close it; it is opened again when it is needed."""
        ends, self._ends = self._ends, None
        for end in ends or ():
            self._system.close_pipe(end)


class DataPlane:
    """
    What the transfers of one server share.

    :param in_kernel: whether the kernel may move octets between sockets and files; where the platform cannot, or the
        sockets are none, everything goes through Python.
    :ivar turns: visits the transfers; ``None`` where each waits by itself in the reactor.
    :ivar pipe: for uploads.
    """

    def __init__(self, reactor: Any, system: System, *, in_kernel: bool = True) -> None:
        self.reactor = reactor
        self.system = system
        self.turns = Turns(reactor, system) if in_kernel and KERNEL_PATHS and system.has_descriptors else None
        self.pipe = Pipe(system)

    @cached_property
    def buffer(self) -> memoryview:
        """Octets of the transfer whose turn it is, in clear; nothing stays in it."""
        return memoryview(bytearray(BUFFER))

    @cached_property
    def network_buffer(self) -> memoryview:
        """Octets of the transfer whose turn it is, as they came from the network; nothing stays in it."""
        return memoryview(bytearray(BUFFER))

    def close(self) -> None:
        """Let go of every descriptor."""
        self.pipe.close()
        if self.turns is not None:
            self.turns.close()
