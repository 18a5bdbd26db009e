# -*- test-case-name: tests.test_local -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One open local file, and what becomes of it at the end.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import FileStatus
from ..core.uploads import UploadPolicy
from ..errors import RestartBeyondEnd, translating
from ..interfaces import IFile, IReachedPath, IRealFile
from .system import FileSystem

__all__ = ["HIDDEN_PREFIX", "LocalFile", "Place"]

#: Names that begin so are of uploads under way; no client can list, read or guess them.
HIDDEN_PREFIX = ".ftpserver-"

Run = Callable[..., Awaitable[Any]]


def hidden_name() -> str:
    """Return a name for an upload under way."""
    return f"{HIDDEN_PREFIX}{secrets.token_hex(16)}.part"


@dataclass(slots=True)
class Place:
    """
    Where a written file belongs.

    :ivar directory: descriptor of the parent directory, owned by this.
    :ivar name: the last component.
    :ivar is_new: whether nothing was there when it was opened.
    :ivar exclusive: whether something that has come there meanwhile may not be replaced.
    :ivar temporary: hidden name of the data until the end; empty for a file without a name; ``None`` in place.
    """

    directory: int
    name: str
    is_new: bool
    exclusive: bool = False
    temporary: str | None = None

    def publish(self, descriptor: int, *, replace: bool) -> None:
        """Give the data its name, in one step."""
        if self.temporary is None:
            return
        if not replace:
            self._link(descriptor)
            return
        # A rename replaces in one step; a link cannot.
        if not self.temporary:
            hidden = hidden_name()
            self._link(descriptor, hidden)
            self.temporary = hidden
        os.replace(self.temporary, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self.temporary = None

    def _link(self, descriptor: int, name: str | None = None) -> None:
        source = self.temporary or f"/proc/self/fd/{descriptor}"
        os.link(
            source,
            name or self.name,
            src_dir_fd=self.directory if self.temporary else None,
            dst_dir_fd=self.directory,
            follow_symlinks=not self.temporary,
        )

    def discard(self) -> None:
        """Remove what must not stay."""
        if self.temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.temporary, dir_fd=self.directory)


@implementer(IFile, IRealFile, IReachedPath)
class LocalFile:
    """
    An open local file.

    :param descriptor: owned by this.
    :param virtual_path: the path really reached.
    :param run: calls a function where calls to this store are made.
    :param place: where a written file belongs; ``None`` for one that is read.
    :param appends: whether every write goes to the end.
    :param truncates: whether the old content goes with the first write.
    """

    def __init__(
        self,
        descriptor: int,
        virtual_path: VirtualPath,
        run: Run,
        system: FileSystem,
        policy: UploadPolicy,
        place: Place | None = None,
        *,
        appends: bool = False,
        truncates: bool = False,
    ) -> None:
        self.offset = 0
        self.virtual_path = virtual_path
        self._descriptor = descriptor
        self._run = run
        self._system = system
        self._policy = policy
        self._place = place
        self._appends = appends
        self._truncates = truncates
        self._written = False
        # A call that was given up may still be in its thread: closing waits for it, or it would meet the next file
        # that gets the same descriptor.
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """See :meth:`IRealFile.fileno`."""
        return self._descriptor

    def advance(self, amount: int) -> None:
        """See :meth:`IRealFile.advance`."""
        self.offset += amount
        self._written = self._written or self._place is not None

    async def read(self, amount: int) -> bytes:
        """See :meth:`IFile.read`."""
        data: bytes = await self._run(self._read, amount)
        self.offset += len(data)
        return data

    def _read(self, amount: int) -> bytes:
        with self._lock, translating():
            return self._system.read(self._descriptor, amount, self.offset)

    async def write(self, data: bytes | memoryview) -> None:
        """See :meth:`IFile.write`."""
        # In a thread the buffer is looked at later, when the caller may have given up and use it again.
        await self._run(self._write, data)
        self.offset += len(data)

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        offset = self.offset
        with self._lock, translating():
            self._truncate()
            self._written = True
            while rest:
                if self._appends:
                    amount = self._system.append(self._descriptor, rest)
                else:
                    amount = self._system.write(self._descriptor, rest, offset)
                offset += amount
                rest = rest[amount:]

    def _truncate(self) -> None:
        if self._truncates:
            self._truncates = False
            os.ftruncate(self._descriptor, 0)

    async def seek(self, offset: int) -> None:
        """See :meth:`IFile.seek`."""
        if self._place is None and offset > (await self.stat()).st_size:
            raise RestartBeyondEnd(f"octet {offset} is beyond the end")
        self.offset = offset

    async def stat(self) -> FileStatus:
        """See :meth:`IFile.stat`."""
        status: FileStatus = await self._run(self._stat)
        return status

    def _stat(self) -> os.stat_result:
        with self._lock, translating():
            return os.fstat(self._descriptor)

    async def close(self) -> None:
        """See :meth:`IFile.close`."""
        if self._descriptor >= 0:
            await self._run(self._close)

    def _close(self) -> None:
        with self._lock, translating():
            try:
                if self._place is not None:
                    self._truncate()
                    self._commit(self._place)
            finally:
                self._release()

    def _commit(self, place: Place) -> None:
        if self._policy.fsync != "never":
            self._system.fsync(self._descriptor)
        # Network file systems tell of writes that failed only when a descriptor is closed; after that the name appears.
        self._system.close(os.dup(self._descriptor))
        try:
            place.publish(self._descriptor, replace=not place.is_new)
        except FileExistsError:
            # Somebody else was faster. The later of two whole uploads stays.
            if place.exclusive:
                raise
            place.publish(self._descriptor, replace=True)
        if self._policy.fsync == "directory":
            directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place.directory)
            try:
                self._system.fsync(directory)
            finally:
                os.close(directory)

    async def abort(self) -> bool:
        """See :meth:`IFile.abort`."""
        if self._descriptor < 0:
            return False
        return bool(await self._run(self._abort))

    def _abort(self) -> bool:
        with self._lock:
            try:
                return self._place is not None and self._keep_part(self._place)
            except OSError:
                # The part is lost; the transfer has failed anyway and is answered so.
                return False
            finally:
                self._release()

    def _keep_part(self, place: Place) -> bool:
        if not place.is_new:
            # In place, the old file has what came so far; otherwise it is as it was.
            return place.temporary is None and self._written
        if self._policy.partial == "keep" and self._written:
            place.publish(self._descriptor, replace=False)
            return True
        if place.temporary is None:
            self._remove_own(place)
        return False

    def _remove_own(self, place: Place) -> None:
        own, there = os.fstat(self._descriptor), os.lstat(place.name, dir_fd=place.directory)
        if (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino):
            os.unlink(place.name, dir_fd=place.directory)

    def _release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        place, self._place = self._place, None
        if descriptor < 0:
            return
        try:
            self._system.close(descriptor)
        finally:
            if place is not None:
                try:
                    place.discard()
                finally:
                    os.close(place.directory)

    async def __aenter__(self) -> LocalFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()
