# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The system calls of data connections on the simulated network: sockets and pipes in memory, files that are real.

EINTR is not among the faults: Python makes an interrupted call again (PEP 475), so nobody above it ever hears of one.
:mod:`tests.attacks.test_signals` interrupts the real ones.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from typing import Any

from ftpserver.data.system import System

from .chance import again, failure
from .disk import Disk, Disks
from .network import Wire
from .reactor import SimulatedReactor
from .sockets import SERVER_HOST, Poller, SimulatedSocket

__all__ = ["SimulatedSystem"]

#: Ends of pipes; no descriptor of the system has such a number.
FIRST_PIPE = 2_000_000

PAGE = 4096


class _Pipe:
    def __init__(self, size: int) -> None:
        self.size = size
        self.octets = bytearray()
        self.owner = ""


class SimulatedSystem(System):
    """
    What the data plane asks of the system.

    :param refuses: whether the kernel moves nothing between sockets and files, so that everything is copied.
    """

    def __init__(self, reactor: SimulatedReactor, disks: Disks, *, refuses: bool) -> None:
        self._reactor = reactor
        self._network = reactor.network
        self._chance = reactor.chance
        self._disks = disks
        self._refuses = refuses
        self._pipes: dict[int, _Pipe] = {}
        self._next_pipe = FIRST_PIPE

    def _takes_time(self, disk: Disk) -> None:
        if disk.strikes("slow call"):
            # A turn is over after two milliseconds.
            self._reactor.pass_until(self._reactor.seconds() + 0.003)

    # Sockets.

    def listen(self, host: str, port: int) -> Any:
        """See :class:`System`."""
        if self._chance.strikes("socket: EMFILE", "PASV", spared=bool(self._network.spared)):
            raise failure(errno.EMFILE)
        listener = SimulatedSocket(self._network)
        try:
            listener.bind((host, port))
        except BaseException:
            listener.close()
            raise
        listener.listen()
        return listener

    def has_caller(self, listener: Any) -> bool:
        """See :class:`System`."""
        assert isinstance(listener, SimulatedSocket)
        return listener.is_readable

    def dial(self, local_host: str, host: str, port: int) -> Any:
        """See :class:`System`."""
        if self._chance.strikes("socket: EMFILE", "PORT", spared=self._network.is_spared(host)):
            raise failure(errno.EMFILE)
        assert local_host == SERVER_HOST
        connecting = SimulatedSocket(self._network)
        call = self._network.calls.pop((host, port), None)
        if call is None or call.answer == "refused":
            connecting.outcome = errno.ECONNREFUSED
        elif call.answer == "taken":
            wire = self._network.open_wire(host, "data")
            connecting.end, call.end = wire.server, wire.client
        return connecting

    # From files.

    def send_file(self, connected: Any, file: int, offset: int, amount: int) -> int:
        """See :class:`System`."""
        disk = self._disks.under(file)
        if self._refuses or disk.strikes("sendfile: EINVAL"):
            raise failure(errno.EINVAL)
        if disk.strikes("sendfile: ENOMEM"):
            raise failure(errno.ENOMEM)
        self._takes_time(disk)
        end = connected.end
        room = end.outgoing.room
        if not room and not end.is_reset:
            raise again()
        disk.may_shrink(file)
        piece = os.pread(file, disk.reads(offset, min(amount, room) or 1), offset)
        return int(connected.send(piece)) if piece else 0

    def read_file(self, file: int, amount: int, offset: int) -> bytes:
        """See :class:`System`."""
        disk = self._disks.under(file)
        disk.may_shrink(file)
        return super().read_file(file, disk.reads(offset, amount), offset)

    def read_into(self, file: int, buffer: memoryview, offset: int) -> int:
        """See :class:`System`."""
        disk = self._disks.under(file)
        self._takes_time(disk)
        disk.may_shrink(file)
        return super().read_into(file, buffer[: disk.reads(offset, len(buffer))], offset)

    def read_cached(self, file: int, buffer: memoryview, offset: int) -> int:
        """See :class:`System`."""
        disk = self._disks.under(file)
        if disk.strikes("not in memory"):
            raise again()
        if disk.strikes("cannot tell"):
            raise failure(errno.EOPNOTSUPP)
        return super().read_into(file, buffer[: disk.reads(offset, len(buffer))], offset)

    def cached_pages(self, file: int, offset: int, amount: int) -> int:
        """See :class:`System`."""
        disk = self._disks.under(file)
        if disk.strikes("cannot tell"):
            raise failure(errno.ENOSYS)
        pages = (offset + amount - 1) // PAGE - offset // PAGE + 1
        return pages - 1 if disk.strikes("not in memory") else pages

    # To files.

    def open_pipe(self, size: int) -> tuple[int, int]:
        """See :class:`System`."""
        # Nobody is spared: there is another way, which needs none.
        if self._chance.strikes("pipe: EMFILE"):
            raise failure(errno.EMFILE)
        pipe = _Pipe(self._chance.pick((4096, 65536)) if self._chance.strikes("small pipe") else size)
        reading, writing = self._next_pipe, self._next_pipe + 1
        self._next_pipe += 2
        self._pipes[reading] = self._pipes[writing] = pipe
        return reading, writing

    def splice_in(self, connected: Any, pipe: int, amount: int) -> int:
        """See :class:`System`."""
        wire: Wire = connected.end.wire
        spared = self._network.is_spared(wire.owner)
        if self._refuses or self._chance.strikes("splice in: EINVAL", wire.name, spared=spared):
            raise failure(errno.EINVAL)
        octets = self._pipes[pipe].octets
        self._pipes[pipe].owner = wire.owner
        room = self._pipes[pipe].size - len(octets)
        if not room:
            raise again()
        piece = connected.recv(min(amount, room))
        octets += piece
        return len(piece)

    def splice_out(self, pipe: int, file: int, offset: int, amount: int) -> int:
        """See :class:`System`."""
        disk, octets = self._disks.under(file), self._pipes[pipe].octets
        if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_APPEND or disk.strikes("splice out: EINVAL"):
            raise failure(errno.EINVAL)
        if not octets or disk.strikes("splice out: EAGAIN"):
            raise again()
        self._takes_time(disk)
        amount = disk.writes(offset, min(amount, len(octets)))
        written = os.pwrite(file, octets[:amount], offset)
        del octets[:written]
        return written

    def read_pipe(self, pipe: int, amount: int) -> bytes:
        """See :class:`System`."""
        octets = self._pipes[pipe].octets
        if not octets:
            raise again()
        if self._chance.strikes("read pipe: EIO", spared=self._network.is_spared(self._pipes[pipe].owner)):
            raise failure(errno.EIO)
        piece = bytes(octets[: self._chance.piece(min(amount, len(octets)))])
        del octets[: len(piece)]
        return piece

    def close_pipe(self, pipe: int) -> None:
        """See :class:`System`."""
        del self._pipes[pipe]

    def write_file(self, file: int, data: memoryview, offset: int) -> int:
        """See :class:`System`."""
        disk = self._disks.under(file)
        self._takes_time(disk)
        return super().write_file(file, data[: disk.writes(offset, len(data))], offset)

    # Waiting.

    def waits(self) -> int:
        """See :class:`System`; the calls of this machine are never taken for slow ones."""
        return 0

    def poller(self) -> Any:
        """See :class:`System`."""
        # All transfers have one: who asks for it first is not known here.
        if self._chance.strikes("epoll: EMFILE", spared=bool(self._network.spared)):
            raise failure(errno.EMFILE)
        return self._reactor.new_poller()

    def poll(self, poller: Any, maximum: int) -> Sequence[tuple[int, Any]]:
        """See :class:`System`."""
        assert isinstance(poller, Poller)
        ready = poller.ready()
        if self._chance.strikes("epoll: nothing"):
            return []
        if self._chance.strikes("epoll: something else"):
            ready += poller.not_ready()
        self._chance.random.shuffle(ready)
        return [(number, None) for number in ready[:maximum]]

    # For the checks.

    @property
    def left_in_pipes(self) -> int:
        """How many octets are in pipes."""
        return sum(len(pipe.octets) for pipe in self._pipes.values())

    @property
    def open_pipes(self) -> int:
        """How many ends of pipes are open."""
        return len(self._pipes)
