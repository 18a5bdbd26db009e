# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.testing.path_io`: every store of this project passes the contract.

That wrong stores fail it is tested in :mod:`tests.test_path_io_wrong`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from ftpserver.core.paths import VirtualPath
from ftpserver.core.uploads import UploadPolicy
from ftpserver.interfaces import IFile, IPathIO
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.memory import MemoryFiles
from ftpserver.pathio.system import FileSystem
from ftpserver.pathio.threads import StorageThreads
from ftpserver.pathio.trust import trust_nobody
from ftpserver.testing import PathIOContract
from tests.local_store import NoUnnamedFiles, trust_everybody


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


class LocalContract(PathIOContract):
    """The contract on local files; what is below says how they are asked."""

    supports_links = True
    supports_fifos = True
    fsync: Literal["never", "file", "directory"] = "never"
    walk = False
    trusted = True
    threads: StorageThreads | None = None

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.root = self.base / "root"
        self.root.mkdir(parents=True)

    def make_path_io(self) -> PathIO:
        uploads = UploadPolicy(self.atomic, self.partial, self.fsync)
        system, trusts = self.make_system(), trust_everybody if self.trusted else trust_nobody
        return PathIO.at(self.root, uploads=uploads, threads=self.threads, system=system, walk=self.walk, trusts=trusts)

    def make_system(self) -> FileSystem:
        """Return the system calls."""
        return FileSystem()

    def _real(self, path: VirtualPath) -> Path:
        return self.root.joinpath(*path.parts)

    def make_link(self, link: VirtualPath, target: str) -> None:
        self._real(link).symlink_to(target)

    def make_fifo(self, path: VirtualPath) -> None:
        os.mkfifo(self._real(path))

    def make_outside(self, content: bytes) -> str:
        secret = self.base / "secret"
        secret.write_bytes(content)
        return str(secret)

    def read_outside(self, path: str) -> bytes:
        return Path(path).read_bytes()


class LocalTests(LocalContract, TestCase):
    """Files of this machine, found by the kernel and asked here."""


class ComparingTests(LocalContract, TestCase):
    """Files of this machine, where the path that is reached is always compared."""

    trusted = False


class WalkTests(LocalContract, TestCase):
    """Files of this machine, found by the walk."""

    walk = True


class RemovingTests(LocalContract, TestCase):
    """Files of this machine, where cut uploads leave nothing."""

    partial = "remove"


class InPlaceTests(LocalContract, TestCase):
    """Files of this machine, written in place and forced to the disk."""

    atomic = False
    fsync = "file"


class InPlaceRemovingTests(LocalContract, TestCase):
    """Files of this machine, written in place, where cut uploads leave nothing."""

    atomic = False
    partial = "remove"
    fsync = "directory"


class HiddenNameTests(LocalContract, TestCase):
    """Files of this machine where a file system has no files without a name."""

    fsync = "directory"

    def make_system(self) -> FileSystem:
        return NoUnnamedFiles()


class ThreadTests(LocalContract, TestCase):
    """Files of this machine, asked in threads."""

    def setUp(self) -> None:
        super().setUp()
        self.threads = StorageThreads(_reactor(), 4)
        self.addCleanup(lambda: ensureDeferred(self._stop()))

    async def _stop(self) -> None:
        assert self.threads is not None
        await self.threads.stop()


class MemoryContract(PathIOContract):
    """The contract on files in memory."""

    def setUp(self) -> None:
        self.files = MemoryFiles()

    def make_path_io(self) -> Any:
        return _MemorySession(self).store()


class _MemorySession:
    """What a store in memory asks of a connection."""

    def __init__(self, tests: MemoryContract) -> None:
        self.uploads = UploadPolicy(tests.atomic, tests.partial)
        self._files = tests.files

    def store(self) -> Any:
        return self._files.path_io(self)


class MemoryTests(MemoryContract, TestCase):
    """Files in memory."""


class MemoryRemovingTests(MemoryContract, TestCase):
    """Files in memory, where cut uploads leave nothing."""

    partial = "remove"


class MemoryInPlaceTests(MemoryContract, TestCase):
    """Files in memory, written in place."""

    atomic = False


class MemoryInPlaceRemovingTests(MemoryContract, TestCase):
    """Files in memory, written in place, where cut uploads leave nothing."""

    atomic = False
    partial = "remove"


def _later(function: Any, *arguments: Any, **keywords: Any) -> Deferred[Any]:
    later: Deferred[Any] = deferLater(_reactor(), 0)
    return later.addCallback(lambda _: ensureDeferred(function(*arguments, **keywords)))


@implementer(IFile)
class _DeferredFile:
    """A file whose methods return Deferreds that fire later."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, amount: int) -> Deferred[bytes]:
        return _later(self._file.read, amount)

    def write(self, data: bytes | memoryview) -> Deferred[None]:
        return _later(self._file.write, data)

    def seek(self, offset: int) -> Deferred[None]:
        return _later(self._file.seek, offset)

    def stat(self) -> Deferred[Any]:
        return _later(self._file.stat)

    def close(self) -> Deferred[None]:
        return _later(self._file.close)

    def abort(self) -> Deferred[bool]:
        return _later(self._file.abort)

    def __aenter__(self) -> Deferred[Any]:
        return _later(self._file.__aenter__).addCallback(lambda _: self)

    def __aexit__(self, kind: object, value: object, traceback: object) -> Deferred[None]:
        return _later(self._file.__aexit__, kind, value, traceback)


@implementer(IPathIO)
class _DeferredStore:
    """A store whose methods return Deferreds that fire later."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def stat(self, path: VirtualPath) -> Deferred[Any]:
        return _later(self._store.stat, path)

    def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Deferred[Any]:
        return _later(self._store.open, path, mode, create=create).addCallback(_DeferredFile)

    def list(self, path: VirtualPath) -> Deferred[Any]:
        return _later(self._store.list, path)

    def mkdir(self, path: VirtualPath) -> Deferred[None]:
        return _later(self._store.mkdir, path)

    def rmdir(self, path: VirtualPath) -> Deferred[None]:
        return _later(self._store.rmdir, path)

    def unlink(self, path: VirtualPath) -> Deferred[None]:
        return _later(self._store.unlink, path)

    def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> Deferred[None]:
        return _later(self._store.rename, source, target, replace=replace)

    def set_modified(self, path: VirtualPath, modified: float) -> Deferred[None]:
        return _later(self._store.set_modified, path, modified)

    def chmod(self, path: VirtualPath, mode: int) -> Deferred[None]:
        return _later(self._store.chmod, path, mode)

    def close(self) -> Deferred[None]:
        return _later(self._store.close)


class DeferredTests(MemoryContract, TestCase):
    """A store that answers by Deferreds, which is itself made later."""

    def make_path_io(self) -> Deferred[Any]:
        later: Deferred[Any] = deferLater(_reactor(), 0)
        return later.addCallback(lambda _: _DeferredStore(_MemorySession(self).store()))
