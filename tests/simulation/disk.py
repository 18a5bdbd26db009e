# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Real files on a disk that runs full, goes bad or tells of an error when it is too late.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

from ftpserver.interfaces import IRealFile
from ftpserver.pathio.system import FileSystem

from .chance import Chance, failure

__all__ = ["Disk", "Disks", "SimulatedFileSystem"]


class Disk:
    """
    What the files of one root are on.

    :param spared: whether it never fails.
    :ivar room: octets that it still takes; ``None`` is without a bound.
    :ivar bad_read: offset in each file from which on reading fails.
    :ivar bad_write: offset in each file from which on writing fails.
    """

    def __init__(self, chance: Chance, name: str, *, spared: bool) -> None:
        self.chance = chance
        self.name = name
        self.spared = spared
        self.room: int | None = None
        self.error_when_full = errno.ENOSPC
        self.bad_read: int | None = None
        self.bad_write: int | None = None
        for kind, number in (("full", errno.ENOSPC), ("quota", errno.EDQUOT)):
            if self.strikes(kind):
                self.room, self.error_when_full = self._somewhere(), number
        if self.strikes("bad read"):
            self.bad_read = self._somewhere()
        if self.strikes("bad write"):
            self.bad_write = self._somewhere()

    def strikes(self, kind: str) -> bool:
        """Tell whether a fault happens here now."""
        return self.chance.strikes(kind, self.name, spared=self.spared)

    def _somewhere(self) -> int:
        return self.chance.random.randrange(self.chance.pick((100, 5000, 300000)))

    def reads(self, offset: int, amount: int) -> int:
        """
        Return how many octets can be read.

        :raises OSError: if it is none.
        """
        if self.bad_read is not None and offset + amount > self.bad_read:
            if offset >= self.bad_read:
                self.chance.note("cannot read", self.name, offset)
                raise failure(errno.EIO)
            amount = self.bad_read - offset
        return self._short(amount)

    def may_shrink(self, descriptor: int) -> None:
        """Let somebody else cut a file that is read."""
        if self.strikes("file shrinks"):
            # Through a descriptor that is open to read it cannot be done.
            os.truncate(f"/proc/self/fd/{descriptor}", self.chance.random.randint(0, os.fstat(descriptor).st_size))

    def writes(self, offset: int, amount: int) -> int:
        """
        Return how many octets can be written, and take their room.

        :raises OSError: if it is none.
        """
        if self.bad_write is not None and offset + amount > self.bad_write:
            if offset >= self.bad_write:
                self.chance.note("cannot write", self.name, offset)
                raise failure(errno.EIO)
            amount = self.bad_write - offset
        if self.room is not None:
            amount = min(amount, self.room)
            if not amount:
                self.chance.note("is full", self.name)
                raise failure(self.error_when_full)
        amount = self._short(amount)
        if self.room is not None:
            self.room -= amount
        return amount

    def _short(self, amount: int) -> int:
        if amount > 1 and self.strikes("short count"):
            return self.chance.random.randrange(1, amount)
        return amount


class Disks:
    """
    The disks of one run, and which of them an open file is on.

    :ivar open_files: the files that the server has open through its stores, by descriptor.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._disks: dict[str, Disk] = {}
        self.open_files: dict[int, Disk] = {}
        self._fallback = Disk(chance, "a disk", spared=True)

    def of(self, name: str, *, spared: bool) -> Disk:
        """Return the disk of a root."""
        if name not in self._disks:
            self._disks[name] = Disk(self._chance, name, spared=spared)
        return self._disks[name]

    def opened(self, file: Any, disk: Disk) -> None:
        """Note an open file."""
        if IRealFile.providedBy(file):
            self.open_files[file.fileno()] = disk

    def closed(self, descriptor: int) -> None:
        """Note that it is closed."""
        self.open_files.pop(descriptor, None)

    def under(self, descriptor: int) -> Disk:
        """Return what an open file is on."""
        return self.open_files.get(descriptor, self._fallback)

    def count(self, name: str) -> int:
        """Return how many files of a root are open."""
        return sum(disk.name == name for disk in self.open_files.values())


def _lose(descriptor: int) -> None:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and not status.st_nlink and status.st_size:
        os.ftruncate(descriptor, status.st_size - 1)


class SimulatedFileSystem(FileSystem):
    """The system calls of local files on one disk."""

    def __init__(self, disks: Disks, disk: Disk) -> None:
        self._disks = disks
        self._disk = disk

    def read(self, descriptor: int, amount: int, offset: int) -> bytes:
        """See :class:`FileSystem`."""
        self._disk.may_shrink(descriptor)
        return super().read(descriptor, self._disk.reads(offset, amount), offset)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """See :class:`FileSystem`."""
        return super().write(descriptor, data[: self._disk.writes(offset, len(data))], offset)

    def append(self, descriptor: int, data: memoryview) -> int:
        """See :class:`FileSystem`."""
        return super().append(descriptor, data[: self._disk.writes(0, len(data))])

    def _fails(self, kind: str, *numbers: int, losing: int = -1) -> None:
        """
        Fail, perhaps.

        :param losing: descriptor of a file whose last octet is lost then, if it has no name yet.
        """
        if self._disk.strikes(kind):
            if losing >= 0:
                _lose(losing)
            raise failure(self._disk.chance.pick(numbers))

    def fsync(self, descriptor: int) -> None:
        """See :class:`FileSystem`."""
        self._fails("flush fails", errno.EIO, errno.ENOSPC, losing=descriptor)
        super().fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """See :class:`FileSystem`; the descriptor is gone even where this fails."""
        is_last = descriptor in self._disks.open_files
        self._disks.closed(descriptor)
        try:
            self._fails("close fails", errno.EIO, errno.ENOSPC, errno.EDQUOT, losing=-1 if is_last else descriptor)
        finally:
            super().close(descriptor)

    def open_unnamed(self, directory: int, flags: int, mode: int) -> int:
        """See :class:`FileSystem`."""
        self._fails("no unnamed files", errno.EOPNOTSUPP)
        self._fails("open: EMFILE", errno.EMFILE)
        return super().open_unnamed(directory, flags, mode)

    def lock(self, descriptor: int) -> None:
        """See :class:`FileSystem`."""
        super().lock(descriptor)

    def link(self, descriptor: int, name: str, directory: int) -> None:
        """See :class:`FileSystem`."""
        self._fails("publishing fails", errno.EIO, errno.ENOSPC, errno.EDQUOT)
        super().link(descriptor, name, directory)

    def rename(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """See :class:`FileSystem`."""
        self._fails("publishing fails", errno.EIO, errno.ENOSPC)
        super().rename(source, target, source_directory, target_directory)

    def rename_new(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """See :class:`FileSystem`."""
        self._fails("publishing fails", errno.EIO, errno.EINVAL)
        super().rename_new(source, target, source_directory, target_directory)
