# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The store of a session: the real one, whose answers may come late, never, or be an error.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import directlyProvides, implementer, providedBy

from ftpserver.core.paths import VirtualPath
from ftpserver.core.status import Entry, FileStatus
from ftpserver.errors import from_os_error
from ftpserver.interfaces import IAsksBack, IFile, INameListing, IPathIO, IRealFile, OpenMode
from ftpserver.pathio.local import PathIO

from .chance import InjectedFailure, failure
from .disk import Disk, Disks, SimulatedFileSystem
from .reactor import SimulatedReactor

__all__ = ["SimulatedFile", "SimulatedStore", "Stores"]

T = TypeVar("T")


@implementer(IFile)
class SimulatedFile:
    """
    A file of a store that is no disk, each call of which may come late, never, or be an error.

    :param inner: the real file.
    :param trouble: makes it so.
    """

    def __init__(self, inner: Any, trouble: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._trouble = trouble
        directlyProvides(self, *(one for one in providedBy(inner) if one is not IRealFile))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, amount: int) -> bytes:
        """See :class:`IFile`."""
        await self._trouble()
        octets: bytes = await self._inner.read(amount)
        return octets

    async def write(self, data: bytes | memoryview) -> None:
        """See :class:`IFile`."""
        await self._trouble()
        await self._inner.write(data)

    async def seek(self, offset: int) -> None:
        """See :class:`IFile`."""
        await self._trouble()
        await self._inner.seek(offset)

    async def stat(self) -> FileStatus:
        """See :class:`IFile`."""
        await self._trouble()
        status: FileStatus = await self._inner.stat()
        return status

    async def close(self) -> None:
        """See :class:`IFile`; what cannot be closed is dropped."""
        try:
            await self._trouble()
        except BaseException:
            await self._inner.abort()
            raise
        await self._inner.close()

    async def abort(self) -> bool:
        """See :class:`IFile`; it never fails."""
        return bool(await self._inner.abort())

    async def __aenter__(self) -> SimulatedFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        await (self.close() if kind is None else self.abort())


@implementer(IPathIO, INameListing, IAsksBack)
class SimulatedStore:
    """
    Passes every call on, sooner or later.

    :param inner: the real store.
    """

    def __init__(self, stores: Stores, inner: Any, disk: Disk) -> None:
        self._stores = stores
        self._inner = inner
        self._disk = disk

    def asking(self, approve: Callable[[VirtualPath], Awaitable[None]]) -> SimulatedStore:
        """See :class:`IAsksBack`."""
        return SimulatedStore(self._stores, self._inner.asking(approve), self._disk)

    async def _trouble(self) -> None:
        disk, reactor = self._disk, self._stores.reactor
        if disk.strikes("slow store"):
            await deferLater(reactor, disk.chance.random.random() * 5)
        if disk.strikes("hung store"):
            await Deferred()
        if disk.strikes("failing store"):
            number = disk.chance.pick((errno.EIO, errno.EMFILE, errno.ENOMEM, errno.EACCES, 0))
            raise from_os_error(failure(number)) if number else InjectedFailure("the store")

    async def stat(self, path: VirtualPath) -> FileStatus:
        """See :class:`IPathIO`."""
        await self._trouble()
        status: FileStatus = await self._inner.stat(path)
        return status

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> IFile:
        """See :class:`IPathIO`."""
        await self._trouble()
        if self._disk.strikes("open: EMFILE"):
            raise from_os_error(failure(errno.EMFILE))
        file: IFile = await self._inner.open(path, mode, create=create)
        self._stores.disks.opened(file, self._disk)
        return file if self._stores.has_real_files else SimulatedFile(file, self._trouble)

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :class:`IPathIO`."""
        await self._trouble()
        names: Sequence[str] = await self._inner.list(path)
        return names

    async def mkdir(self, path: VirtualPath) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.mkdir(path)

    async def rmdir(self, path: VirtualPath) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.rmdir(path)

    async def unlink(self, path: VirtualPath) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.unlink(path)

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.rename(source, target, replace=replace)

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.set_modified(path, modified)

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :class:`IPathIO`."""
        await self._trouble()
        await self._inner.chmod(path, mode)

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """See :class:`INameListing`."""
        await self._trouble()
        return self._broken(await self._inner.scan(path, amount))

    async def scan_names(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[str], None]:
        """See :class:`INameListing`."""
        await self._trouble()
        return self._broken(await self._inner.scan_names(path, amount))

    async def _broken(self, batches: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Pass a listing on, unless it breaks in the middle."""
        async with aclosing(batches):
            async for batch in batches:
                await self._trouble()
                yield batch

    async def close(self) -> None:
        """See :class:`IPathIO`; what it holds is given back even where the answer never comes."""
        self._stores.open_stores -= 1
        await self._inner.close()
        if self._disk.strikes("store close raises"):
            raise InjectedFailure("the end of the store")
        if self._disk.strikes("store close hangs"):
            await Deferred()


class Stores:
    """
    The stores of one run.

    :param spared: real roots that nothing ever happens to.
    :ivar has_real_files: whether what they open are files of this system, so that the kernel may move their octets.
    :ivar open_stores: how many are there that were not closed.
    """

    def __init__(self, reactor: SimulatedReactor, disks: Disks, spared: frozenset[str], *, real_files: bool) -> None:
        self.has_real_files = real_files
        self.reactor = reactor
        self.disks = disks
        self._spared = spared
        self.open_stores = 0

    def __call__(self, connection: Any) -> IPathIO:
        """Make the store of a login."""
        root = str(connection.user.base_path)
        disk = self.disks.of(root.rpartition("/")[2], spared=root in self._spared)
        inner = PathIO.at(
            root,
            uploads=connection.uploads,
            threads=connection.storage_threads,
            system=SimulatedFileSystem(self.disks, disk),
            roots=connection.server.roots,
        )
        self.open_stores += 1
        store: IPathIO = SimulatedStore(self, inner, disk)
        return store
