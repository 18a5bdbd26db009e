# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The store of a session: the real one, whose answers may come late, never, or be an error.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from ftpserver.core.paths import VirtualPath
from ftpserver.core.status import Entry, FileStatus
from ftpserver.errors import from_os_error
from ftpserver.interfaces import IAsksBack, IFile, INameListing, IPathIO, OpenMode
from ftpserver.pathio.local import PathIO

from .chance import InjectedFailure, failure
from .disk import Disk, Disks, SimulatedFileSystem
from .reactor import SimulatedReactor

__all__ = ["SimulatedStore", "Stores"]


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
        return file

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
        batches: AsyncGenerator[Sequence[Entry], None] = await self._inner.scan(path, amount)
        return batches

    async def scan_names(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[str], None]:
        """See :class:`INameListing`."""
        await self._trouble()
        batches: AsyncGenerator[Sequence[str], None] = await self._inner.scan_names(path, amount)
        return batches

    async def close(self) -> None:
        """See :class:`IPathIO`; what it holds is given back even where the answer never comes."""
        self._stores.open_stores -= 1
        await self._inner.close()
        if self._disk.strikes("store close hangs"):
            await Deferred()


class Stores:
    """
    The stores of one run.

    :param spared: real roots that nothing ever happens to.
    :ivar open_stores: how many are there that were not closed.
    """

    def __init__(self, reactor: SimulatedReactor, disks: Disks, spared: frozenset[str]) -> None:
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
