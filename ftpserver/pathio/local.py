# -*- test-case-name: tests.test_local -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files on this machine: every call in a thread, or inline; nothing outside of the root, whatever links say.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus
from ..core.uploads import UploadPolicy
from ..errors import NameNotAllowed, NoSuchPath, PathError, PathExists, translating
from ..interfaces import IAsksBack, IBatchListing, IPathIO, OpenMode
from . import found as acts
from .confined import LazyRoot
from .found import Found, find, find_beside
from .leftovers import clear_leftover, is_hidden
from .local_directory import LocalDirectory
from .local_file import LocalFile
from .opening import FileOpener
from .renaming import Name, rename
from .system import FileSystem
from .threads import StorageThreads

__all__ = ["PathIO"]

Approve = Callable[[VirtualPath], Awaitable[None]]
Find = Callable[[VirtualPath], Found]

#: Times that a new name is tried which somebody else makes in the same moment.
ATTEMPTS = 3


async def _approve_all(reached: VirtualPath) -> None:
    """Links inside the root lead anywhere inside the root."""


@implementer(IPathIO, IBatchListing, IAsksBack)
class PathIO:
    """
    The files below a real directory.

    An upload that replaces a file is a new file: it has the owner (where the system lets it) and the mode of the old
    one, and neither its other hard links nor its extended attributes.

    :param connection: has ``user`` (whose ``base_path`` is the root), ``uploads`` and ``storage_threads``; see
        :class:`~ftpserver.Connection`.
    """

    def __init__(self, connection: Any) -> None:
        self._set_up(connection.user.base_path, connection.uploads, connection.storage_threads)

    @classmethod
    def at(
        cls,
        base_path: str | Path,
        *,
        uploads: UploadPolicy | None = None,
        threads: StorageThreads | None = None,
        system: FileSystem | None = None,
        walk: bool = False,
    ) -> PathIO:
        """
        Return a store without a server around it.

        :param base_path: real path of the root.
        :param threads: where calls are made; ``None`` is here.
        :param walk: do without openat2.
        """
        store = cls.__new__(cls)
        store._set_up(Path(base_path), uploads or UploadPolicy(), threads, system, walk)
        return store

    def _set_up(
        self,
        base_path: Path,
        uploads: UploadPolicy,
        threads: StorageThreads | None,
        system: FileSystem | None = None,
        walk: bool = False,
    ) -> None:
        self._base_path = os.path.abspath(base_path)
        self._threads = threads
        self._system = system or FileSystem()
        self._root = LazyRoot(self._base_path, walk=walk)
        self._opener = FileOpener(self._system, uploads, self._run, self._beside)
        self._approve: Approve = _approve_all

    def asking(self, approve: Approve) -> PathIO:
        """See :meth:`IAsksBack.asking`."""
        view = type(self).__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._approve = approve
        return view

    # Where calls are made.

    async def _run(self, function: Callable[..., Any], *arguments: Any, dispose: Any = None, owed: bool = False) -> Any:
        if self._threads is None:
            return function(*arguments)
        return await self._threads.run(self._base_path, function, *arguments, dispose=dispose, owed=owed)

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""
        self._root.close()

    # Finding.

    def _at(self, path: VirtualPath) -> Found:
        return find(self._root, path)

    def _beside(self, path: VirtualPath) -> Found:
        return find_beside(self._root, path)

    async def _approved(self, find_it: Find, path: VirtualPath) -> Found:
        found: Found = await self._run(find_it, path, dispose=Found.close)
        if found.path != path:
            try:
                await self._approve(found.path)
            except BaseException:
                found.close()
                raise
        return found

    async def _act(self, find_it: Find, path: VirtualPath, act: Callable[..., Any], *arguments: Any) -> Any:
        """Find and act in one call where the path is what it seems, else ask in between."""
        found, outcome = await self._run(_find_and_act, find_it, path, act, arguments, dispose=_let_go)
        if found is None:
            return outcome
        with found:
            await self._approve(found.path)
            return await self._run(_acting, act, found, arguments)

    # IPathIO.

    async def stat(self, path: VirtualPath) -> FileStatus:
        """See :meth:`IPathIO.stat`."""
        status: FileStatus = await self._act(self._at, path, acts.status)
        return status

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :meth:`IPathIO.list`."""
        names: Sequence[str] = await self._act(self._at, path, self._names)
        return names

    def _names(self, found: Found, descriptor: int) -> Sequence[str]:
        names = acts.names(found, descriptor)
        for name in filter(is_hidden, names):
            clear_leftover(self._system, name, descriptor)
        return [name for name in names if not is_hidden(name)]

    async def mkdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.mkdir`."""
        if path.is_root:
            raise PathExists("/")
        await self._act(self._beside, path, acts.mkdir)

    async def rmdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.rmdir`."""
        await self._act(self._beside, path, acts.rmdir)

    async def unlink(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.unlink`."""
        await self._act(self._beside, path, acts.unlink)

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :meth:`IPathIO.set_modified`."""
        await self._act(self._at, path, acts.set_modified, modified)

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :meth:`IPathIO.chmod`."""
        await self._act(self._at, path, acts.chmod, mode)

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :meth:`IPathIO.rename`."""
        if source.contains(target) and source != target:
            raise NameNotAllowed("into itself")
        old = await self._approved(self._beside, source)
        with old, await self._approved(self._beside, target) as new:
            await self._run(self._rename, old, new, replace)

    def _rename(self, old: Found, new: Found, replace: bool) -> None:
        with translating(), old.held as source, new.held as target:
            rename(self._system, Name(source, old.name), Name(target, new.name), replace=replace)

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> LocalFile:
        """See :meth:`IPathIO.open`."""
        if mode == "rb":
            with await self._approved(self._at, path) as found:
                return await self._opened(self._opener.to_read, found)
        for _ in range(ATTEMPTS):
            try:
                return await self._open_to_write(path, mode, create or mode == "xb")
            except PathExists:
                # By xb, the answer; else somebody else was faster, or it is a link that leads nowhere, through which
                # nothing may be made.
                if mode == "xb":
                    raise
        raise NoSuchPath(str(path))

    async def _open_to_write(self, path: VirtualPath, mode: OpenMode, create: bool) -> LocalFile:
        try:
            found = await self._approved(self._at, path)
        except NoSuchPath:
            if not create:
                raise
            with await self._approved(self._beside, path) as beside:
                return await self._opened(self._opener.new, beside, mode)
        with found:
            if mode == "xb":
                raise PathExists(str(path))
            return await self._opened(self._opener.old, found, mode)

    async def _opened(self, open_it: Callable[..., LocalFile], *arguments: Any) -> LocalFile:
        file: LocalFile = await self._run(open_it, *arguments, dispose=LocalFile.give_up)
        return file

    # IBatchListing.

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """See :meth:`IBatchListing.scan`."""
        with await self._approved(self._at, path) as found:
            directory: LocalDirectory = await self._run(
                LocalDirectory, self._system, found, dispose=LocalDirectory.close
            )
        return _Batches(self, directory, path, amount)

    async def next_entries(self, directory: LocalDirectory, path: VirtualPath, amount: int) -> Sequence[Entry] | None:
        """Return the next entries of a directory that is scanned, perhaps none; ``None`` is the end."""
        batch = await self._run(directory.next_entries, amount)
        if not batch:
            return None
        entries: list[Entry] = []
        for name, status in batch:
            try:
                entries.append((name, status or await self.stat(path.child(name))))
            except PathError:
                # A link that leads nowhere, out of the root, or where the account may not look.
                continue
        return entries


class _Batches(AsyncGenerator[Sequence[Entry], None]):
    """What :meth:`PathIO.scan` returns: no generator function, of which nothing runs when it is closed unbegun."""

    def __init__(self, store: PathIO, directory: LocalDirectory, path: VirtualPath, amount: int) -> None:
        self._store = store
        self._directory = directory
        self._path = path
        self._amount = amount

    async def asend(self, _value: None) -> Sequence[Entry]:
        """Return the next batch."""
        try:
            while (batch := await self._store.next_entries(self._directory, self._path, self._amount)) is not None:
                if batch:
                    return batch
        except BaseException:
            self._directory.close()
            raise
        self._directory.close()
        raise StopAsyncIteration

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None) -> Sequence[Entry]:
        """Let go of the directory and raise."""
        self._directory.close()
        return await super().athrow(kind, value, traceback)

    async def aclose(self) -> None:
        """Let go of the directory."""
        self._directory.close()


def _find_and_act(
    find_it: Find, path: VirtualPath, act: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Found | None, Any]:
    found = find_it(path)
    if found.path != path:
        return found, None
    with found:
        return None, _acting(act, found, arguments)


def _acting(act: Callable[..., Any], found: Found, arguments: tuple[Any, ...]) -> Any:
    with translating(), found.held as descriptor:
        return act(found, descriptor, *arguments)


def _let_go(answer: tuple[Found | None, Any]) -> None:
    found, _outcome = answer
    if found is not None:
        found.close()
