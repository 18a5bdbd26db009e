# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Stores and mounts that a test needs to show what a disk seldom does.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest
from zope.interface import implementer_only

from ftpserver import MemoryPathIO, PathIO, VirtualPath
from ftpserver.core.status import Entry, Status
from ftpserver.interfaces import IPathIO
from ftpserver.pathio.system import FileSystem

__all__ = [
    "FullDisk",
    "LargeDirectory",
    "VanishingEntry",
    "full_disk",
    "mount_small",
    "several_file_systems",
    "unmount",
]

FILE = Status(stat.S_IFREG | 0o644, 1, 1_000_000_000.0)


class LargeDirectory(MemoryPathIO):
    """
    A store whose root has many entries, made as they are asked for.

    :ivar amount: how many.
    :ivar given: how many were asked for.
    """

    amount = 100_000

    def __init__(self, connection: Any = None) -> None:
        super().__init__(connection)
        self.given = 0

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """Return an iterator that makes the entries."""
        return self._entries(amount)

    async def _entries(self, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        for start in range(0, self.amount, amount):
            batch = [(f"{number:0200}", FILE) for number in range(start, min(start + amount, self.amount))]
            self.given += len(batch)
            yield batch


@implementer_only(IPathIO)
class VanishingEntry(MemoryPathIO):
    """A store, without the power to list in batches, where an entry is gone when it is looked at."""

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """Name one entry more than there are."""
        return ["gone", *await super().list(path)]


class FullDisk(FileSystem):
    """System calls of a disk that is full when so many octets are written."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write as long as there is room."""
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(data)
        return super().write(descriptor, data, offset)


class SeveralFileSystems(FileSystem):
    """System calls of a root where every directory is a file system of its own."""

    def rename(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """Refuse another directory."""
        self._refuse_another(source_directory, target_directory)
        super().rename(source, target, source_directory, target_directory)

    def rename_new(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """Refuse another directory."""
        self._refuse_another(source_directory, target_directory)
        super().rename_new(source, target, source_directory, target_directory)

    def link_name(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """Refuse another directory."""
        self._refuse_another(source_directory, target_directory)
        super().link_name(source, target, source_directory, target_directory)

    def _refuse_another(self, source_directory: int, target_directory: int) -> None:
        if not os.path.sameopenfile(source_directory, target_directory):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def several_file_systems(root: Path) -> Any:
    """Return a ``path_io_factory`` for :class:`SeveralFileSystems`."""
    return lambda connection: PathIO.at(root, uploads=connection.uploads, system=SeveralFileSystems())


def full_disk(root: Path, room: int) -> Any:
    """Return a ``path_io_factory`` for a disk with *room* octets left."""
    return lambda connection: PathIO.at(root, uploads=connection.uploads, system=FullDisk(room))


def mount_small(directory: Path, size: str) -> None:
    """
    Mount a file system of *size* at *directory*; to be undone with ``umount``.

    :raises SkipTest: where the process may not mount.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        raise SkipTest("there is no mount command") from None
    if mounted.returncode:
        raise SkipTest("only root may mount a small file system")


def unmount(directory: Path) -> None:
    """Undo :func:`mount_small`."""
    subprocess.run(["umount", str(directory)], check=True)
