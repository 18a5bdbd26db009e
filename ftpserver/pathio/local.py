# -*- test-case-name: tests.test_local -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files on this machine: every call in a thread, or inline; nothing outside of the root, whatever links say.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus
from ..core.uploads import UploadPolicy
from ..errors import (
    CrossesDevices,
    DirectoryNotEmpty,
    NameNotAllowed,
    NoSuchPath,
    NotAFile,
    PathError,
    PathExists,
    PermissionDenied,
    translating,
)
from ..interfaces import IAsksBack, IBatchListing, IPathIO, OpenMode
from .confined import Root
from .local_file import HIDDEN_PREFIX, LocalFile, Place, hidden_name
from .renaming import rename_new
from .system import FileSystem
from .threads import StorageThreads

__all__ = ["PathIO"]

Approve = Callable[[VirtualPath], Awaitable[None]]


async def _approve_all(reached: VirtualPath) -> None:
    """Links inside the root lead anywhere inside the root."""


class Found:
    """
    What a path led to, held by descriptors so that nothing can be exchanged meanwhile.

    :ivar descriptor: O_PATH descriptor of what is there, or of the parent directory; ``-1`` once handed on.
    :ivar path: virtual path that was really reached.
    :ivar name: last component, when the descriptor is that of the parent.
    """

    __slots__ = ("descriptor", "name", "path")

    def __init__(self, descriptor: int, path: VirtualPath, name: str = "") -> None:
        self.descriptor = descriptor
        self.path = path
        self.name = name

    def close(self) -> None:
        """Close the descriptor."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def take(self) -> int:
        """Return the descriptor, whose owner the caller is from now on."""
        descriptor, self.descriptor = self.descriptor, -1
        return descriptor

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


@implementer(IPathIO, IBatchListing, IAsksBack)
class PathIO:
    """
    The files below a real directory.

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
        self._uploads = uploads
        self._threads = threads
        self._system = system or FileSystem()
        self._walk = walk
        self._approve: Approve = _approve_all
        self._shared: dict[str, Root] = {}

    def asking(self, approve: Approve) -> PathIO:
        """See :meth:`IAsksBack.asking`."""
        view = type(self).__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._approve = approve
        return view

    # Where calls are made.

    async def _run(self, function: Callable[..., Any], *arguments: Any, dispose: Any = None) -> Any:
        if self._threads is None:
            return function(*arguments)
        return await self._threads.run(self._base_path, function, *arguments, dispose=dispose)

    @property
    def _root(self) -> Root:
        # Opened by the first call, in its thread: the file system may be slow or gone.
        root = self._shared.get("root")
        if root is None:
            root = self._shared.setdefault("root", Root(self._base_path, walk=self._walk))
        return root

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""
        root = self._shared.pop("root", None)
        if root is not None:
            root.close()

    # Finding.

    def _at(self, path: VirtualPath) -> Found:
        """Find what *path* leads to."""
        with translating():
            if any(name.startswith(HIDDEN_PREFIX) for name in path.parts):
                raise NoSuchPath(str(path))
            descriptor = self._root.locate(path.parts)
            try:
                return Found(descriptor, self._root.reached(descriptor))
            except OSError:
                os.close(descriptor)
                raise

    def _beside(self, path: VirtualPath) -> Found:
        """Find the directory that holds the last component of *path*, which is not followed."""
        if path.is_root:
            raise PermissionDenied("the root itself")
        if path.name.startswith(HIDDEN_PREFIX):
            raise NoSuchPath(str(path))
        found = self._at(path.parent)
        if not stat.S_ISDIR(os.fstat(found.descriptor).st_mode):
            found.close()
            raise NoSuchPath(str(path))
        found.path, found.name = found.path.child(path.name), path.name
        return found

    async def _approved(self, find: Callable[[VirtualPath], Found], path: VirtualPath) -> Found:
        found: Found = await self._run(find, path, dispose=Found.close)
        if found.path != path:
            try:
                await self._approve(found.path)
            except BaseException:
                found.close()
                raise
        return found

    async def _act(
        self, find: Callable[[VirtualPath], Found], path: VirtualPath, act: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Find and act in one call where the path is what it seems, else ask in between."""
        found, outcome = await self._run(
            _find_and_act, find, path, act, arguments, dispose=lambda pair: pair[0] and pair[0].close()
        )
        if found is None:
            return outcome
        with found:
            await self._approve(found.path)
            return await self._run(_acting, act, Found(os.dup(found.descriptor), found.path, found.name), arguments)

    # IPathIO.

    async def stat(self, path: VirtualPath) -> FileStatus:
        """See :meth:`IPathIO.stat`."""
        status: FileStatus = await self._act(self._at, path, _stat)
        return status

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :meth:`IPathIO.list`."""
        names: Sequence[str] = await self._act(self._at, path, _names)
        return names

    async def mkdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.mkdir`."""
        if path.is_root:
            raise PathExists("/")
        await self._act(self._beside, path, _mkdir)

    async def rmdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.rmdir`."""
        await self._act(self._beside, path, _rmdir)

    async def unlink(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.unlink`."""
        await self._act(self._beside, path, _unlink)

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :meth:`IPathIO.set_modified`."""
        await self._act(self._at, path, _set_modified, modified)

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :meth:`IPathIO.chmod`."""
        await self._act(self._at, path, _chmod, mode)

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :meth:`IPathIO.rename`."""
        if source.contains(target) and source != target:
            raise NameNotAllowed("into itself")
        old = await self._approved(self._beside, source)
        with old, await self._approved(self._beside, target) as new:
            await self._run(_rename, old, new, replace)

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> LocalFile:
        """See :meth:`IPathIO.open`."""
        if mode == "rb":
            with await self._approved(self._at, path) as found:
                return LocalFile(
                    await self._run(_reopen, found.descriptor, os.O_RDONLY, dispose=os.close),
                    found.path,
                    self._run,
                    self._system,
                    self._uploads,
                )
        return await self._open_to_write(path, mode, create)

    async def _open_to_write(self, path: VirtualPath, mode: OpenMode, create: bool) -> LocalFile:
        try:
            found = await self._approved(self._at, path)
        except NoSuchPath:
            if not create and mode != "xb":
                raise
            beside = await self._approved(self._beside, path)
            with beside:
                return await self._opened(self._open_new, beside, mode)
        with found:
            if mode == "xb":
                raise PathExists(str(path))
            return await self._opened(self._open_old, found, mode)

    async def _opened(self, open_it: Callable[[Found, OpenMode], LocalFile], found: Found, mode: OpenMode) -> LocalFile:
        file: LocalFile = await self._run(open_it, found, mode, dispose=LocalFile._abort)
        return file

    def _open_new(self, beside: Found, mode: OpenMode) -> LocalFile:
        directory = os.dup(beside.descriptor)
        place = Place(directory, beside.name, is_new=True, exclusive=mode == "xb")
        flags = os.O_APPEND if mode == "ab" else 0
        try:
            with translating():
                if self._uploads.atomic and mode in ("wb", "xb"):
                    descriptor = _open_hidden(place)
                else:
                    descriptor = os.open(
                        beside.name, _WRITING | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | flags, 0o666, dir_fd=directory
                    )
        except PathExists as error:
            os.close(directory)
            # Something came there meanwhile, or a link that leads nowhere, through which nothing may be made.
            raise error if mode == "xb" else NoSuchPath(str(beside.path)) from error
        except BaseException:
            os.close(directory)
            raise
        return self._file(descriptor, beside.path, place, appends=mode == "ab")

    def _open_old(self, found: Found, mode: OpenMode) -> LocalFile:
        status = os.fstat(found.descriptor)
        _require_regular(status)
        if mode == "wb" and self._uploads.atomic:
            with self._beside(found.path) as beside:
                place = Place(beside.take(), found.path.name, is_new=False)
            return self._file(_replacement(place, status), found.path, place)
        flags = os.O_APPEND if mode == "ab" else 0
        descriptor = _reopen(found.descriptor, os.O_WRONLY | flags)
        try:
            place = Place(os.dup(found.descriptor), found.path.name, is_new=False)
        except BaseException:
            os.close(descriptor)
            raise
        return self._file(descriptor, found.path, place, appends=mode == "ab", truncates=mode == "wb")

    def _file(self, descriptor: int, path: VirtualPath, place: Place, **how: bool) -> LocalFile:
        return LocalFile(descriptor, path, self._run, self._system, self._uploads, place, **how)

    # IBatchListing.

    async def scan(self, path: VirtualPath, amount: int) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`IBatchListing.scan`."""
        with await self._approved(self._at, path) as found:
            directory = await self._run(_open_directory, found.descriptor, dispose=os.close)
        return self._batches(directory, path, amount)

    async def _batches(self, directory: int, path: VirtualPath, amount: int) -> AsyncIterator[Sequence[Entry]]:
        try:
            with os.scandir(directory) as entries:
                while batch := await self._run(_next_entries, entries, amount):
                    yield [one async for one in self._with_status(batch, path)]
        finally:
            os.close(directory)

    async def _with_status(
        self, batch: Sequence[tuple[str, os.stat_result | None]], path: VirtualPath
    ) -> AsyncIterator[Entry]:
        for name, status in batch:
            if status is not None:
                yield name, status
                continue
            try:
                yield name, await self.stat(path.child(name))
            except PathError:
                # A link that leads nowhere, out of the root, or where the account may not look.
                continue


_WRITING = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def _find_and_act(
    find: Callable[[VirtualPath], Found], path: VirtualPath, act: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Found | None, Any]:
    found = find(path)
    if found.path != path:
        return found, None
    return None, _acting(act, found, arguments)


def _acting(act: Callable[..., Any], found: Found, arguments: tuple[Any, ...]) -> Any:
    with found, translating():
        return act(found, *arguments)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile("not a regular file")


def _reopen(descriptor: int, flags: int) -> int:
    """Open the regular file that an O_PATH descriptor stands for."""
    with translating():
        _require_regular(os.fstat(descriptor))
        return os.open(f"/proc/self/fd/{descriptor}", flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _open_directory(descriptor: int) -> int:
    with translating():
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)


def _open_hidden(place: Place) -> int:
    """Open a file without a name in the directory of *place*, or with a hidden one where the file system lacks those."""
    try:
        descriptor = os.open(".", os.O_TMPFILE | _WRITING, 0o666, dir_fd=place.directory)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
        place.temporary = hidden_name()
        return os.open(place.temporary, _WRITING | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=place.directory)
    place.temporary = ""
    return descriptor


def _replacement(place: Place, status: os.stat_result) -> int:
    """Open what will replace an old file, with the owner and mode of that."""
    try:
        with translating():
            descriptor = _open_hidden(place)
    except BaseException:
        os.close(place.directory)
        raise
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    return descriptor


def _stat(found: Found) -> os.stat_result:
    return os.fstat(found.descriptor)


def _names(found: Found) -> list[str]:
    directory = _open_directory(found.descriptor)
    try:
        return [name for name in os.listdir(directory) if not name.startswith(HIDDEN_PREFIX)]
    finally:
        os.close(directory)


def _mkdir(found: Found) -> None:
    os.mkdir(found.name, dir_fd=found.descriptor)


def _rmdir(found: Found) -> None:
    try:
        os.rmdir(found.name, dir_fd=found.descriptor)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise DirectoryNotEmpty(str(found.path)) from error
        raise


def _unlink(found: Found) -> None:
    try:
        os.unlink(found.name, dir_fd=found.descriptor)
    except PermissionError as error:
        # POSIX lets unlink of a directory be EPERM; Linux says EISDIR.
        raise PermissionDenied(str(found.path)) from error


def _set_modified(found: Found, modified: float) -> None:
    status = os.fstat(found.descriptor)
    nanoseconds = round(modified * 1_000_000_000)
    os.utime(f"/proc/self/fd/{found.descriptor}", ns=(status.st_atime_ns, nanoseconds))


def _chmod(found: Found, mode: int) -> None:
    os.chmod(f"/proc/self/fd/{found.descriptor}", mode & 0o777)


def _rename(old: Found, new: Found, replace: bool) -> None:
    with translating():
        try:
            # A directory would take the place of an empty one, too.
            if not replace or stat.S_ISDIR(os.lstat(old.name, dir_fd=old.descriptor).st_mode):
                rename_new(old.name, new.name, old.descriptor, new.descriptor)
            else:
                os.rename(old.name, new.name, src_dir_fd=old.descriptor, dst_dir_fd=new.descriptor)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise CrossesDevices(str(new.path)) from error
            raise


def _next_entries(entries: Iterator[os.DirEntry[str]], amount: int) -> list[tuple[str, os.stat_result | None]]:
    """Return names with stat values; ``None`` stands for those of a link, which is to be followed below the root."""
    batch: list[tuple[str, os.stat_result | None]] = []
    with translating():
        for entry in entries:
            if entry.name.startswith(HIDDEN_PREFIX):
                continue
            try:
                batch.append((entry.name, None if entry.is_symlink() else entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue
            if len(batch) >= amount:
                break
    return batch
