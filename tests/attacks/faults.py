# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Disks that fail when they are told to, at one of their system calls.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from ftpserver import PathIO
from ftpserver.data.system import System
from ftpserver.pathio.system import FileSystem

__all__ = ["Faults", "FaultyDisk", "FaultySystem", "serve_faulty"]


class Faults:
    """
    Which calls fail, and how.

    :ivar call: name of the call that fails: ``write``, ``close``, ``name`` or ``fsync``; empty is none.
    :ivar number: its errno.
    :ivar after: how many such calls succeed before.
    :ivar failed: how many have failed.
    :ivar gate: where it is set, ``name`` waits for it.
    """

    def __init__(self) -> None:
        self.call = ""
        self.number = 0
        self.after = 0
        self.failed = 0
        self.gate: threading.Event | None = None

    def plan(self, call: str, number: int, after: int = 0) -> None:
        """Let a call fail from now on."""
        self.call, self.number, self.after, self.failed = call, number, after, 0

    def meet(self, call: str) -> None:
        """
        Come to a call.

        :raises OSError: if it is to fail.
        """
        if call == "name" and self.gate is not None:
            self.gate.wait()
        if call != self.call:
            return
        if self.after:
            self.after -= 1
            return
        self.failed += 1
        raise OSError(self.number, os.strerror(self.number))


class FaultyDisk(FileSystem):
    """The calls of a store."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write, or fail."""
        self._faults.meet("write")
        return super().write(descriptor, data, offset)

    def append(self, descriptor: int, data: memoryview) -> int:
        """Append, or fail."""
        self._faults.meet("write")
        return super().append(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Force to the disk, or fail."""
        self._faults.meet("fsync")
        super().fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close; as with the real call, the descriptor is closed even where it fails."""
        super().close(descriptor)
        self._faults.meet("close")

    def link(self, descriptor: int, name: str, directory: int) -> None:
        """Give a name, or fail."""
        self._faults.meet("name")
        super().link(descriptor, name, directory)

    def rename(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """Rename, or fail."""
        self._faults.meet("name")
        super().rename(source, target, source_directory, target_directory)


class FaultySystem(System):
    """The calls of data connections that write files."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def splice_out(self, pipe: int, file: int, offset: int, amount: int) -> int:
        """Move on into the file, or fail."""
        self._faults.meet("write")
        return super().splice_out(pipe, file, offset, amount)

    def write_file(self, file: int, data: memoryview, offset: int) -> int:
        """Write, or fail."""
        self._faults.meet("write")
        return super().write_file(file, data, offset)


def serve_faulty(root: Path, faults: Faults) -> Any:
    """Return a ``path_io_factory`` for a disk with *faults*."""

    def store(connection: Any) -> PathIO:
        roots, threads = connection.server.roots, connection.storage_threads
        return PathIO.at(root, uploads=connection.uploads, threads=threads, roots=roots, system=FaultyDisk(faults))

    return store
