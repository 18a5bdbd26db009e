# -*- test-case-name: tests.test_opening -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Opening local files, to read and in every way to write.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from ..core.paths import VirtualPath
from ..core.uploads import UploadPolicy
from ..errors import NoSuchPath, PathExists, PermissionDenied
from ..interfaces import OpenMode
from .calls import Calls
from .confined import ABSENT, CrossesMounts
from .found import Found, find_beside, require_regular
from .local_file import LocalFile
from .place import WRITING, Place, open_hidden
from .procfs import descriptors_of_this_process, reopen
from .roots import LazyRoot
from .system import FileSystem

__all__ = ["FileOpener"]


class FileOpener:
    """
    Opens what was found; each method gets its descriptor, too, and may block.

    :param calls: where the calls of the files are made.
    :param root: where the store begins.
    """

    __slots__ = ("_calls", "_root", "_system", "_uploads")

    def __init__(self, system: FileSystem, uploads: UploadPolicy, calls: Calls, root: LazyRoot) -> None:
        self._system = system
        self._uploads = uploads
        self._calls = calls
        self._root = root

    def to_read(self, found: Found, there: int) -> LocalFile:
        """Open a file to read."""
        status = require_regular(there)
        return self._file(_reopened(there, os.O_RDONLY), found, status=status)

    def without_links(self, path: VirtualPath, mode: OpenMode, create: bool) -> LocalFile | None:
        """
        Open to write in one go where no link is on the way.

        :returns: ``None`` where one may be, or the name may be another's, with nothing done.
        """
        root = self._root.get()
        if not self._root.takes_names():
            return None
        parent = root.parent_without_links(path)
        if parent < 0:
            return None
        try:
            there = root.child_without_links(parent, path.name)
            found = Found(there, path, path.name, stays=True)
            if there == ABSENT and create:
                return self.new(found, parent, mode, is_free=True)
            if there < 0:
                return None
            with found:
                return self.old(found, there, mode, parent)
        finally:
            os.close(parent)

    def new(self, beside: Found, parent: int, mode: OpenMode, *, is_free: bool = False) -> LocalFile:
        """
        Open a name that nothing has.

        :param is_free: whether that is known.
        :raises PathExists: if something is there all the same, were it a link that leads nowhere.
        """
        place = Place(self._system, os.dup(parent), beside.name, is_new=True, exclusive=mode == "xb")
        try:
            if not is_free:
                _require_free(place)
            descriptor = self._open_new(place, mode)
        except BaseException:
            place.close()
            raise
        return self._file(descriptor, beside, place, appends=mode == "ab")

    def _open_new(self, place: Place, mode: OpenMode) -> int:
        if self._uploads.atomic and mode in ("wb", "xb"):
            return open_hidden(place)
        flags = WRITING | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | (os.O_APPEND if mode == "ab" else 0)
        return os.open(place.name, flags, 0o666, dir_fd=place.directory)

    def old(self, found: Found, there: int, mode: OpenMode, parent: int = -1) -> LocalFile:
        """
        Open a file that is there, to write.

        :param parent: descriptor of the directory that holds it, where that is known.
        """
        if mode == "xb":
            raise PathExists(str(found.path))
        status = require_regular(there)
        if mode == "wb" and self._uploads.atomic:
            return self._open_to_replace(found, status, self._place_beside(found, parent))
        descriptor = _reopened(there, os.O_WRONLY | (os.O_APPEND if mode == "ab" else 0))
        place = Place(self._system, -1, found.path.name, is_new=False)
        return self._file(descriptor, found, place, appends=mode == "ab", truncates=mode == "wb")

    def _place_beside(self, found: Found, parent: int) -> Place:
        if not os.access(str(found.descriptor), os.W_OK, dir_fd=descriptors_of_this_process(), effective_ids=True):
            # A rename would not ask; but a file that may not be written is not replaced either.
            raise PermissionDenied(str(found.path))
        if parent >= 0:
            return Place(self._system, os.dup(parent), found.path.name, is_new=False)
        with self._still_beside(found) as beside:
            return Place(self._system, os.dup(beside.descriptor), beside.name, is_new=False)

    def _open_to_replace(self, found: Found, status: os.stat_result, place: Place) -> LocalFile:
        try:
            descriptor = open_hidden(place)
        except BaseException:
            place.close()
            raise
        file = self._file(descriptor, found, place)
        try:
            _keep_owner_and_mode(descriptor, status)
        except BaseException:
            file.give_up()
            raise
        return file

    def _still_beside(self, found: Found) -> Found:
        try:
            beside = find_beside(self._root, found.path, stay=found.stays)
        except CrossesMounts as error:
            raise NoSuchPath(str(found.path)) from error
        if beside.path != found.path:
            # A directory on the way has become a link since this path was approved.
            beside.close()
            raise NoSuchPath(str(found.path))
        return beside

    def _file(self, descriptor: int, found: Found, place: Place | None = None, **how: Any) -> LocalFile:
        return LocalFile(
            descriptor, found.path, self._calls, self._system, self._uploads, place, stays=found.stays, **how
        )


def _reopened(descriptor: int, flags: int) -> int:
    """Open what an O_PATH descriptor stands for, and what :func:`require_regular` has looked at."""
    return reopen(descriptor, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _require_free(place: Place) -> None:
    """Refuse at once what publishing would refuse after the whole upload."""
    try:
        os.lstat(place.name, dir_fd=place.directory)
    except FileNotFoundError:
        return
    raise PathExists(place.name)


def _keep_owner_and_mode(descriptor: int, status: os.stat_result) -> None:
    # Only root may give a file away, its owner may at least give it to a group of his; some file systems know neither.
    for owner in (status.st_uid, -1):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, status.st_gid)
            break
    # Set-user-ID is never for what came over the network: the system, too, drops it when such a file is written.
    os.fchmod(descriptor, status.st_mode & 0o777)
