# -*- test-case-name: tests.test_storage -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The store of a session as its commands see it: every call bounded in time, every place approved.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ..awaiting import begin, next_or_none, within
from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus
from ..errors import DataConnectionUnclosed, NoSuchPath, PathTimeout
from ..interfaces import IAsksBack, IBatchListing, IDiscardsParts, IFile, INameListing, IPathIO, OpenMode

__all__ = ["Storage", "StoredFile"]

T = TypeVar("T")


@implementer(IFile)
class StoredFile:
    """
    An open file whose calls are bounded in time.

    :ivar file: what the store returned; it may have powers beyond :class:`~ftpserver.interfaces.IFile`.
    :ivar kept_part: whether an upload was cut and its part stays under the name.
    :ivar is_closing: whether it is too late to abort: all octets are there, and the name may have them already.
    """

    __slots__ = ("_bounded", "file", "is_closing", "kept_part")

    def __init__(self, file: IFile, bounded: Callable[[Awaitable[Any]], Awaitable[Any]]) -> None:
        self.file = file
        self.kept_part = False
        self.is_closing = False
        self._bounded = bounded

    @property
    def may_replace(self) -> bool:
        """Whether a file may have been there before; only some stores tell."""
        return bool(getattr(self.file, "may_replace", True))

    async def read(self, amount: int) -> bytes:
        """See :meth:`IFile.read`."""
        return cast(bytes, await self._bounded(self.file.read(amount)))

    async def write(self, data: bytes | memoryview) -> None:
        """See :meth:`IFile.write`."""
        await self._bounded(self.file.write(data))

    async def seek(self, offset: int) -> None:
        """See :meth:`IFile.seek`."""
        await self._bounded(self.file.seek(offset))

    async def stat(self) -> FileStatus:
        """See :meth:`IFile.stat`."""
        status = begin(self.file.stat())
        return cast(FileStatus, await self._bounded(status) if isinstance(status, Deferred) else status)

    async def close(self) -> None:
        """See :meth:`IFile.close`."""
        self.is_closing = True
        outcome = begin(self.file.close())
        if isinstance(outcome, Deferred):
            await self._bounded(outcome)

    async def abort(self) -> bool:
        """See :meth:`IFile.abort`."""
        self.kept_part = bool(await self._bounded(self.file.abort()))
        return self.kept_part

    async def __aenter__(self) -> StoredFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is None:
            await self.close()
        elif isinstance(value, DataConnectionUnclosed) and IDiscardsParts.providedBy(self.file):
            await self._bounded(cast(Any, self.file).discard())
        else:
            await self.abort()


@implementer(IPathIO, INameListing)
class Storage:
    """
    A store with the bounds of a session.

    What answers at once needs no bound: the calls of small transfers do without another coroutine around it.

    :param backend: what ``path_io_factory`` made.
    :param approve: asked for each place that links lead to; see :class:`~ftpserver.interfaces.IAsksBack`.
    :param timeout: seconds for each call; ``None`` is without a bound.
    """

    __slots__ = ("_backend", "_reactor", "_store", "_timeout")

    def __init__(
        self,
        backend: IPathIO,
        approve: Callable[[VirtualPath], Awaitable[None]],
        reactor: IReactorTime,
        timeout: float | None,
    ) -> None:
        self._backend = backend
        self._store = cast(IPathIO, backend.asking(approve)) if IAsksBack.providedBy(backend) else backend
        self._reactor = reactor
        self._timeout = timeout

    def _bounded(self, awaitable: Awaitable[T]) -> Awaitable[T]:
        return within(self._timeout, self._reactor, awaitable, PathTimeout)

    async def stat(self, path: VirtualPath) -> FileStatus:
        """See :meth:`IPathIO.stat`."""
        status = begin(self._store.stat(path))
        return cast(FileStatus, await self._bounded(status) if isinstance(status, Deferred) else status)

    async def exists(self, path: VirtualPath) -> bool:
        """Tell whether something can be found at *path*."""
        try:
            await self.stat(path)
        except NoSuchPath:
            return False
        return True

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> StoredFile:
        """See :meth:`IPathIO.open`."""
        file = begin(self._store.open(path, mode, create=create))
        return StoredFile(await self._bounded(file) if isinstance(file, Deferred) else file, self._bounded)

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :meth:`IPathIO.list`."""
        return cast(Sequence[str], await self._bounded(self._store.list(path)))

    async def mkdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.mkdir`."""
        await self._bounded(self._store.mkdir(path))

    async def rmdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.rmdir`."""
        await self._bounded(self._store.rmdir(path))

    async def unlink(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.unlink`."""
        await self._bounded(self._store.unlink(path))

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :meth:`IPathIO.rename`."""
        await self._bounded(self._store.rename(source, target, replace=replace))

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :meth:`IPathIO.set_modified`."""
        await self._bounded(self._store.set_modified(path, modified))

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :meth:`IPathIO.chmod`."""
        await self._bounded(self._store.chmod(path, mode))

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""
        await self._bounded(self._backend.close())

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """See :meth:`IBatchListing.scan`; a store without it is asked for each entry."""
        if IBatchListing.providedBy(self._store):
            batches = await self._bounded(cast(Any, self._store).scan(path, amount))
        else:
            batches = self._scan_one_by_one(path, await self.list(path), amount)
        return self._bounded_batches(batches)

    async def scan_names(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[str], None]:
        """See :meth:`INameListing.scan_names`; a store without it is asked for more."""
        if not INameListing.providedBy(self._store):
            return _names_of(await self.scan(path, amount))
        return self._bounded_batches(await self._bounded(cast(Any, self._store).scan_names(path, amount)))

    async def _scan_one_by_one(
        self, path: VirtualPath, names: Sequence[str], amount: int
    ) -> AsyncGenerator[Sequence[Entry], None]:
        for start in range(0, len(names), amount):
            batch = []
            for name in names[start : start + amount]:
                try:
                    batch.append((name, await self.stat(path.child(name))))
                except NoSuchPath:
                    continue
            yield batch

    async def _bounded_batches(self, batches: AsyncGenerator[Sequence[T], None]) -> AsyncGenerator[Sequence[T], None]:
        async with aclosing(batches):
            while (batch := await self._bounded(next_or_none(batches))) is not None:
                yield batch


async def _names_of(batches: AsyncGenerator[Sequence[Entry], None]) -> AsyncGenerator[Sequence[str], None]:
    async with aclosing(batches):
        async for batch in batches:
            yield [name for name, _ in batch]
