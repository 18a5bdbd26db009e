# -*- test-case-name: tests.test_local -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files on this machine: each call in a thread or inline, as its mount is; nothing outside of the root, whatever links
say.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus
from ..core.uploads import UploadPolicy
from ..errors import NameNotAllowed, NoSuchPath, PathError, PathExists, from_os_error, translating
from ..interfaces import IAsksBack, INameListing, IPathIO, OpenMode
from . import found as acts
from .calls import ELSEWHERE, Calls
from .found import Found, find, find_beside
from .leftovers import clear_leftover, is_hidden
from .local_directory import LocalDirectory
from .local_file import LocalFile
from .mounts import Mounts
from .opening import FileOpener
from .renaming import Name, rename
from .roots import LazyRoot, Roots
from .system import FileSystem
from .threads import StorageThreads
from .trust import Trust, trust_nobody

__all__ = ["PathIO"]

T = TypeVar("T")

Approve = Callable[[VirtualPath], Awaitable[None]]
Find = Callable[[VirtualPath, bool], Found]

#: Times that a new name is tried which somebody else makes in the same moment.
ATTEMPTS = 3

#: Entries of a directory that are asked for before a look at the clock: in memory 0.2 ms, on a disk some blocks.
LISTING_STEP = 64

#: Seconds after which a batch of entries is passed on as it is.
LISTING_TURN = 0.005

_SYSTEM = FileSystem()


async def _approve_all(reached: VirtualPath) -> None:
    """Links inside the root lead anywhere inside the root."""


@implementer(IPathIO, INameListing, IAsksBack)
class PathIO:
    """
    The files below a real directory.

    An upload that replaces a file is a new file: it has the owner (where the system lets it) and the mode of the old
    one, and neither its other hard links nor its extended attributes.

    :param connection: has ``user`` (whose ``base_path`` is the root), ``uploads``, ``storage_threads`` and ``server``;
        see :class:`~ftpserver.Connection`.
    """

    __slots__ = ("_approve", "_calls", "_opener", "_root", "_system")

    def __init__(self, connection: Any) -> None:
        user = connection.user
        self._set_up(
            user.base_path,
            connection.uploads,
            connection.storage_threads,
            roots=connection.server.roots,
            trusts=Trust(user),
        )

    @classmethod
    def at(
        cls,
        base_path: str | Path,
        *,
        uploads: UploadPolicy | None = None,
        threads: StorageThreads | None = None,
        system: FileSystem | None = None,
        roots: Roots | None = None,
        walk: bool = False,
        trusts: Callable[[], bool] = trust_nobody,
    ) -> Self:
        """
        Return a store without a server around it.

        :param base_path: real path of the root.
        :param threads: where calls are made that may block; ``None`` is here.
        :param roots: roots that other stores have, too.
        :param walk: do without openat2.
        :param trusts: see :class:`~ftpserver.pathio.roots.LazyRoot`.
        """
        store = cls.__new__(cls)
        roots = roots or Roots(Mounts(), walk=walk)
        store._set_up(Path(base_path), uploads or UploadPolicy(), threads, system, roots, trusts)
        return store

    def _set_up(
        self,
        base_path: Path,
        uploads: UploadPolicy,
        threads: StorageThreads | None,
        system: FileSystem | None = None,
        roots: Roots | None = None,
        trusts: Callable[[], bool] = trust_nobody,
    ) -> None:
        self._system = system or _SYSTEM
        real = os.fspath(base_path)
        self._root = LazyRoot(real if real.startswith("/") else os.path.abspath(real), roots, trusts)
        self._calls = Calls(self._root, threads)
        self._opener = FileOpener(self._system, uploads, self._calls, self._root)
        self._approve: Approve = _approve_all

    def asking(self, approve: Approve) -> PathIO:
        """See :meth:`IAsksBack.asking`."""
        view = type(self).__new__(type(self))
        for name in PathIO.__slots__:
            setattr(view, name, getattr(self, name))
        # What a subclass has.
        getattr(view, "__dict__", {}).update(getattr(self, "__dict__", {}))
        view._approve = approve
        return view

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""
        self._root.close()

    # Finding.

    def _at(self, path: VirtualPath, stay: bool = False) -> Found:
        return find(self._root, path, stay=stay)

    def _beside(self, path: VirtualPath, stay: bool = False) -> Found:
        return find_beside(self._root, path, stay=stay)

    async def _approved(self, find_it: Find, path: VirtualPath) -> Found:
        found: Found = await self._calls.find(_find_to_hold, find_it, path, dispose=Found.close)
        if found.path != path:
            try:
                await self._approve(found.path)
            except BaseException:
                found.close()
                raise
        return found

    async def _act(self, find_it: Find, path: VirtualPath, act: Callable[..., Any], *arguments: Any) -> Any:
        """Find and act in one call where the path is what it seems, else ask in between."""
        answer = self._calls.find_here(_find_and_act, find_it, path, act, arguments)
        if answer is ELSEWHERE:
            answer = await self._calls.find(_find_and_act, find_it, path, act, arguments, dispose=_let_go)
        found, outcome = answer
        if found is None:
            return outcome
        with found:
            await self._approve(found.path)
            return await self._calls.act(found.stays, _acting, act, found, arguments, dispose=_give_up)

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
            await self._calls.act(old.stays and new.stays, self._rename, old, new, replace)

    def _rename(self, old: Found, new: Found, replace: bool) -> None:
        with translating(), old.held as source, new.held as target:
            rename(self._system, Name(source, old.name), Name(target, new.name), replace=replace)

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> LocalFile:
        """See :meth:`IPathIO.open`."""
        if mode == "rb":
            file: LocalFile = await self._act(self._at, path, self._opener.to_read)
            return file
        for _ in range(ATTEMPTS):
            try:
                return await self._open_to_write(path, mode, create or mode == "xb")
            except PathExists:
                # By xb, the answer; else somebody else was faster, or it is a link that leads nowhere, through which
                # nothing may be made.
                if mode == "xb":
                    raise
        raise NoSuchPath(str(path))

    def _open_without_links(self, path: VirtualPath, mode: OpenMode, create: bool, stay: bool) -> LocalFile | None:
        if any(map(is_hidden, path.parts)):
            raise NoSuchPath(str(path))
        try:
            return self._opener.without_links(path, mode, create)
        except OSError as error:
            raise from_os_error(error) from error

    async def _open_to_write(self, path: VirtualPath, mode: OpenMode, create: bool) -> LocalFile:
        file: LocalFile | None
        file = await self._calls.find(self._open_without_links, path, mode, create, dispose=_give_up)
        if file is not None:
            return file
        try:
            found = await self._approved(self._at, path)
        except NoSuchPath:
            if not create:
                raise
            file = await self._act(self._beside, path, self._opener.new, mode)
            return file
        with found:
            file = await self._calls.act(found.stays, _acting, self._opener.old, found, (mode,), dispose=_give_up)
            return file

    # IBatchListing.

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """See :meth:`IBatchListing.scan`."""
        directory, stays = await self._directory(path)
        return _Batches(directory, partial(self._next_entries, directory, path, amount, stays))

    async def scan_names(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[str], None]:
        """See :meth:`INameListing.scan_names`."""
        directory, stays = await self._directory(path)
        return _Batches(directory, partial(self._next_names, directory, path, amount, stays))

    async def _directory(self, path: VirtualPath) -> tuple[LocalDirectory, bool]:
        """Open a directory to list it, and tell whether that is done inline."""
        with await self._approved(self._at, path) as found:
            stays = found.stays and self._root.lists_inline()
            directory: LocalDirectory = await self._calls.act(
                stays, LocalDirectory, self._system, found, dispose=LocalDirectory.close
            )
        return directory, stays

    async def _next_names(
        self, directory: LocalDirectory, path: VirtualPath, amount: int, stays: bool
    ) -> Sequence[str] | None:
        names: list[str]
        names, links = await self._calls.act(stays, directory.next_names, amount)
        if not names and not links:
            return None
        for name in links:
            # As in a scan, one is left out that leads nowhere, out of the root, or where the account may not look.
            with contextlib.suppress(PathError):
                await self.stat(path.child(name))
                names.append(name)
        return names

    async def _next_entries(
        self, directory: LocalDirectory, path: VirtualPath, amount: int, stays: bool
    ) -> Sequence[Entry] | None:
        """Return the next entries of a directory that is scanned, perhaps none; ``None`` is the end."""
        batch = await self._calls.act(stays, _next_entries, directory, amount)
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


class _Batches(AsyncGenerator[Sequence[T], None]):
    """
    What :meth:`PathIO.scan` returns: no generator function, of which nothing runs when it is closed unbegun.

    :param read: returns the next batch, perhaps an empty one; ``None`` is the end.
    """

    def __init__(self, directory: LocalDirectory, read: Callable[[], Awaitable[Sequence[T] | None]]) -> None:
        self._directory = directory
        self._read = read

    async def asend(self, _value: None) -> Sequence[T]:
        """Return the next batch."""
        try:
            while (batch := await self._read()) is not None:
                if batch:
                    return batch
        except BaseException:
            self._directory.close()
            raise
        self._directory.close()
        raise StopAsyncIteration

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None) -> Sequence[T]:
        """Let go of the directory and raise."""
        self._directory.close()
        return await super().athrow(kind, value, traceback)

    async def aclose(self) -> None:
        """Let go of the directory."""
        self._directory.close()


def _next_entries(directory: LocalDirectory, amount: int) -> Sequence[tuple[str, os.stat_result | None]]:
    """Return the next entries; fewer where the disk must be asked for them, for nobody is served meanwhile."""
    entries: list[tuple[str, os.stat_result | None]] = []
    deadline = time.monotonic() + LISTING_TURN
    while batch := directory.next_entries(min(LISTING_STEP, amount - len(entries))):
        entries += batch
        if len(entries) >= amount or time.monotonic() >= deadline:
            break
    return entries


def _find_to_hold(find_it: Find, path: VirtualPath, stay: bool) -> Found:
    found = find_it(path, stay)
    _ = found.held
    return found


def _find_and_act(
    find_it: Find, path: VirtualPath, act: Callable[..., Any], arguments: tuple[Any, ...], stay: bool
) -> tuple[Found | None, Any]:
    found = find_it(path, stay)
    if found.path is not path and found.path != path:
        _ = found.held
        return found, None
    # Nobody else has the descriptor, so that nobody closes it meanwhile.
    try:
        return None, act(found, found.descriptor, *arguments)
    except OSError as error:
        raise from_os_error(error) from error
    finally:
        os.close(found.descriptor)


def _acting(act: Callable[..., Any], found: Found, arguments: tuple[Any, ...]) -> Any:
    try:
        with found.held as descriptor:
            return act(found, descriptor, *arguments)
    except OSError as error:
        raise from_os_error(error) from error


def _let_go(answer: tuple[Found | None, Any]) -> None:
    found, outcome = answer
    if found is not None:
        found.close()
    _give_up(outcome)


def _give_up(outcome: Any) -> None:
    """Let go of a file that nobody waits for any more."""
    if isinstance(outcome, LocalFile):
        outcome.give_up()
