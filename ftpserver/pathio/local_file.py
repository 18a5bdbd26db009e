# -*- test-case-name: tests.test_local_file -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One open local file, and what becomes of it at the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import FileStatus
from ..core.uploads import UploadPolicy
from ..errors import RestartBeyondEnd, StorageFailure, from_os_error, translating
from ..interfaces import IDiscardsParts, IFile, IReachedPath, IRealFile
from .calls import Calls
from .mounts import SLOW
from .place import Place
from .system import FileSystem

__all__ = ["LocalFile"]


@implementer(IFile, IDiscardsParts, IRealFile, IReachedPath)
class LocalFile:
    """
    An open local file.

    :param descriptor: owned by this.
    :param virtual_path: the path really reached.
    :param calls: makes the calls.
    :param place: where a written file belongs; ``None`` for one that is read.
    :param appends: whether every write goes to the end.
    :param truncates: whether the old content goes with the first write.
    :param stays: whether it is known to be on the mount of the root of its store.
    :param status: the stat values, where they were read to open it: they answer the first question for them.
    """

    __slots__ = (
        "_appends",
        "_calls",
        "_descriptor",
        "_end_of_moved",
        "_is_slow",
        "_lock",
        "_place",
        "_policy",
        "_status",
        "_stays",
        "_system",
        "_truncates",
        "_was_given_up",
        "_written",
        "offset",
        "virtual_path",
    )

    def __init__(
        self,
        descriptor: int,
        virtual_path: VirtualPath,
        calls: Calls,
        system: FileSystem,
        policy: UploadPolicy,
        place: Place | None = None,
        *,
        appends: bool = False,
        truncates: bool = False,
        stays: bool = False,
        status: os.stat_result | None = None,
    ) -> None:
        self.offset = os.fstat(descriptor).st_size if appends else 0
        self.virtual_path = virtual_path
        self._descriptor = descriptor
        self._calls = calls
        self._stays = stays
        self._status = status
        self._is_slow = False
        self._system = system
        self._policy = policy
        self._place = place
        self._appends = appends
        self._truncates = truncates
        self._written = False
        self._end_of_moved = 0
        self._was_given_up = False
        # A call that was given up may still be in its thread: closing waits for it, or it would meet the next file
        # that gets the same descriptor.
        self._lock = threading.Lock()

    @property
    def may_replace(self) -> bool:
        """Whether the file that is written was there before."""
        return self._place is not None and not self._place.is_new

    def fileno(self) -> int:
        """See :meth:`IRealFile.fileno`."""
        return self._descriptor

    @property
    def may_block(self) -> bool:
        """See :class:`IRealFile`."""
        return self._is_slow or not self._calls.moves_inline(self._stays)

    def took(self, seconds: float) -> None:
        """See :meth:`IRealFile.took`; the mount is judged by it, too."""
        # Without another look: this file alone goes to the threads for what may have been the scheduler's fault.
        self._is_slow = self._is_slow or seconds >= SLOW
        self._calls.took(seconds)

    async def run(self, function: Callable[..., object], *arguments: object) -> object:
        """See :meth:`IRealFile.run`."""
        return await self._calls.in_thread(self._lend, function, arguments)

    def _lend(self, function: Callable[..., object], arguments: tuple[object, ...]) -> object:
        with self._lock:
            if self._descriptor < 0:
                raise StorageFailure("the file was closed before")
            return function(self._descriptor, *arguments)

    def advance(self, amount: int) -> None:
        """See :meth:`IRealFile.advance`."""
        self.offset += amount
        if self._place is not None and amount:
            self._written = True
            self._end_of_moved = max(self._end_of_moved, self.offset)

    async def read(self, amount: int) -> bytes:
        """See :meth:`IFile.read`."""
        data: bytes = await self._calls.in_thread(self._read, amount, self.offset)
        self.offset += len(data)
        return data

    def _read(self, amount: int, offset: int) -> bytes:
        with self._lock, translating():
            return self._system.read(self._descriptor, amount, offset)

    async def write(self, data: bytes | memoryview) -> None:
        """See :meth:`IFile.write`."""
        # The thread of a call that was given up still looks at the buffer; what it finds there is of a failed upload.
        await self._calls.in_thread(self._write, data, self.offset)
        self.offset += len(data)

    def _write(self, data: bytes | memoryview, offset: int) -> None:
        rest = memoryview(data)
        with self._lock, translating():
            if not rest:
                return
            self._truncate()
            while rest:
                if self._appends:
                    amount = self._system.append(self._descriptor, rest)
                else:
                    amount = self._system.write(self._descriptor, rest, offset)
                if amount <= 0:
                    raise OSError(errno.EIO, "nothing was written")
                self._written = True
                offset += amount
                rest = rest[amount:]

    def _truncate(self) -> None:
        """Cut what is left of the old content, behind what was moved through the descriptor."""
        if self._truncates:
            self._truncates = False
            os.ftruncate(self._descriptor, self._end_of_moved)

    async def seek(self, offset: int) -> None:
        """See :meth:`IFile.seek`."""
        if self._place is None and offset > (await self.stat()).st_size:
            raise RestartBeyondEnd(f"octet {offset} is beyond the end")
        self.offset = offset

    async def stat(self) -> FileStatus:
        """See :meth:`IFile.stat`."""
        known, self._status = self._status, None
        if known is not None and self._descriptor >= 0:
            return known
        status: FileStatus = await self._held(self._stat, is_prompt=True)
        return status

    def _stat(self) -> os.stat_result:
        try:
            return os.fstat(self._descriptor)
        except OSError as error:
            raise from_os_error(error) from error

    async def _held(
        self, function: Callable[[], Any], *, may_wait: bool = False, is_prompt: bool = False, owed: bool = False
    ) -> Any:
        """
        Call *function* while nobody else uses the descriptor.

        :param may_wait: whether it waits for a disk wherever the file is.
        :param is_prompt: whether it waits for nothing on a local file system, so that it need not be measured: an open
            file has its stat values in memory, and one that was only read is closed without a trace.
        """
        if may_wait or not self._calls.is_inline(self._stays):
            return await self._calls.in_thread(self._holding, function, owed=owed)
        # A call that was given up may have it still; nobody is served while the reactor thread waits for that.
        if not self._lock.acquire(blocking=False):
            return await self._calls.in_thread(self._holding, function, owed=owed)
        try:
            return function() if is_prompt else self._calls.here(function)
        finally:
            self._lock.release()

    def _holding(self, function: Callable[[], Any]) -> Any:
        with self._lock:
            return function()

    async def close(self) -> None:
        """
        See :meth:`IFile.close`.

        When it fails, a new file is removed whatever ``partial_uploads`` says: its length may be right, and its content
        is not what was sent.
        """
        if self._descriptor < 0:
            return
        is_read = self._place is None
        may_wait = not is_read and self._policy.fsync != "never"
        try:
            await self._held(self._close, may_wait=may_wait, is_prompt=is_read, owed=True)
        except BaseException:
            # Given up while it waited: it is in nobody's interest any more that the name appears.
            self._was_given_up = True
            raise

    def _close(self) -> None:
        place, self._place = self._place, None
        try:
            if place is None:
                self._release(None)
                return
            try:
                self._finish(place)
            finally:
                # What could not be written was told by the close before the name appeared; now it would deny an upload
                # that is where it belongs.
                self._release_quietly(place)
        except OSError as error:
            raise from_os_error(error) from error

    def _finish(self, place: Place) -> None:
        try:
            if not self._was_given_up:
                self._truncate()
                self._flush()
            if self._was_given_up:
                self._keep_part(place)
                return
            place.commit(self._descriptor)
        except BaseException:
            if place.in_place and place.is_new:
                # The first failure is the one to tell.
                with contextlib.suppress(OSError):
                    place.remove_own(self._descriptor)
            raise
        if self._policy.fsync == "directory" and place.makes_entry:
            place.sync()

    def _flush(self) -> None:
        if self._policy.fsync != "never":
            self._system.fsync(self._descriptor)
        # Network file systems tell of writes that failed only when a descriptor is closed; after that the name appears.
        self._system.close(os.dup(self._descriptor))

    async def abort(self) -> bool:
        """See :meth:`IFile.abort`."""
        if self._descriptor < 0:
            return False
        return bool(await self._held(self._abort, owed=True))

    def give_up(self) -> bool:
        """Abort, in the thread of the caller."""
        with self._lock:
            return self._abort()

    def _abort(self) -> bool:
        place, self._place = self._place, None
        try:
            return place is not None and self._keep_part(place)
        except OSError:
            # The part is lost; the transfer has failed anyway and is answered so.
            return False
        finally:
            self._release_quietly(place)

    def _keep_part(self, place: Place) -> bool:
        if not place.is_new:
            # In place, the old file has what came so far; otherwise it is as it was.
            if place.in_place and self._written:
                self._truncate()
            return place.in_place and self._written
        if self._policy.partial == "keep" and self._written:
            place.publish_new(self._descriptor)
            return True
        if place.in_place:
            place.remove_own(self._descriptor)
        return False

    def _release(self, place: Place | None) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if descriptor >= 0:
                self._system.close(descriptor)
        finally:
            if place is not None:
                place.close()

    def _release_quietly(self, place: Place | None) -> None:
        # What the close could not write is a part of an upload that has failed already.
        with contextlib.suppress(OSError):
            self._release(place)

    async def discard(self) -> bool:
        """See :meth:`IDiscardsParts.discard`."""
        self._policy = replace(self._policy, partial="remove")
        return await self.abort()

    async def __aenter__(self) -> LocalFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()
