# -*- test-case-name: tests.test_opening -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Opening local files, to read and in every way to write.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from ..core.paths import VirtualPath
from ..core.uploads import UploadPolicy
from ..errors import NoSuchPath, PathExists, PermissionDenied, translating
from ..interfaces import OpenMode
from .found import Found, require_regular
from .local_file import LocalFile, Run
from .place import WRITING, Place, open_hidden
from .system import FileSystem

__all__ = ["FileOpener"]


class FileOpener:
    """
    Opens what was found; each method may block and belongs into a thread.

    :param find_beside: finds the directory that holds the last component of a path.
    """

    def __init__(
        self, system: FileSystem, uploads: UploadPolicy, run: Run, find_beside: Callable[[VirtualPath], Found]
    ) -> None:
        self._system = system
        self._uploads = uploads
        self._run = run
        self._find_beside = find_beside

    def to_read(self, found: Found) -> LocalFile:
        """Open a file to read."""
        with found.held as descriptor, translating():
            return self._file(_reopened(descriptor, os.O_RDONLY), found.path)

    def new(self, beside: Found, mode: OpenMode) -> LocalFile:
        """
        Open a name that nothing has.

        :raises PathExists: if something is there all the same, were it a link that leads nowhere.
        """
        with beside.held as parent, translating():
            place = Place(self._system, os.dup(parent), beside.name, is_new=True, exclusive=mode == "xb")
            try:
                descriptor = self._open_new(place, mode)
            except BaseException:
                place.close()
                raise
            return self._file(descriptor, beside.path, place, appends=mode == "ab")

    def _open_new(self, place: Place, mode: OpenMode) -> int:
        if self._uploads.atomic and mode in ("wb", "xb"):
            _require_free(place)
            return open_hidden(place)
        flags = WRITING | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | (os.O_APPEND if mode == "ab" else 0)
        return os.open(place.name, flags, 0o666, dir_fd=place.directory)

    def old(self, found: Found, mode: OpenMode) -> LocalFile:
        """Open a file that is there, to write."""
        with found.held as there, translating():
            status = require_regular(there)
            if mode == "wb" and self._uploads.atomic:
                return self._open_to_replace(found, there, status)
            descriptor = _reopened(there, os.O_WRONLY | (os.O_APPEND if mode == "ab" else 0))
            place = Place(self._system, -1, found.path.name, is_new=False)
            return self._file(descriptor, found.path, place, appends=mode == "ab", truncates=mode == "wb")

    def _open_to_replace(self, found: Found, there: int, status: os.stat_result) -> LocalFile:
        if not os.access(f"/proc/self/fd/{there}", os.W_OK, effective_ids=True):
            # A rename would not ask; but a file that may not be written is not replaced either.
            raise PermissionDenied(str(found.path))
        with self._find_beside(found.path) as beside, beside.held as parent:
            if beside.path != found.path:
                # A directory on the way has become a link since this path was approved.
                raise NoSuchPath(str(found.path))
            place = Place(self._system, os.dup(parent), beside.name, is_new=False)
        try:
            descriptor = open_hidden(place)
        except BaseException:
            place.close()
            raise
        file = self._file(descriptor, found.path, place)
        try:
            _keep_owner_and_mode(descriptor, status)
        except BaseException:
            file.give_up()
            raise
        return file

    def _file(self, descriptor: int, path: VirtualPath, place: Place | None = None, **how: bool) -> LocalFile:
        return LocalFile(descriptor, path, self._run, self._system, self._uploads, place, **how)


def _reopened(descriptor: int, flags: int) -> int:
    """Open the regular file that an O_PATH descriptor stands for."""
    require_regular(descriptor)
    return os.open(f"/proc/self/fd/{descriptor}", flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


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
