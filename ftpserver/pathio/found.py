# -*- test-case-name: tests.test_found -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a path led to, and what can be done there: every call on descriptors, none on a name that may be exchanged.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import Sequence

from ..core.paths import VirtualPath
from ..errors import DirectoryNotEmpty, NoSuchPath, NotAFile, PermissionDenied, from_os_error
from .holding import HeldDescriptor
from .leftovers import HIDDEN_PREFIX, is_hidden
from .roots import LazyRoot

__all__ = ["Found", "find", "find_beside", "open_directory", "require_regular"]


#: What tells that something else is there on the way, which may lead through a place that nobody may see.
_TELLING = frozenset([errno.ENOTDIR, errno.ENAMETOOLONG])


class Found:
    """
    What a path led to.

    :ivar descriptor: O_PATH descriptor of what is there, or of the parent directory; owned by this.
    :ivar path: virtual path that was really reached.
    :ivar name: last component, when the descriptor is that of the parent.
    :ivar stays: whether it is known to be on the mount of the root.
    """

    __slots__ = ("_held", "descriptor", "name", "path", "stays")

    def __init__(self, descriptor: int, path: VirtualPath, name: str = "", *, stays: bool = False) -> None:
        self.descriptor = descriptor
        self.path = path
        self.name = name
        self.stays = stays
        self._held: HeldDescriptor | None = None

    @property
    def held(self) -> HeldDescriptor:
        """The descriptor for who may give up its calls while they are in a thread; first asked for before the calls."""
        if self._held is None:
            self._held = HeldDescriptor(self.descriptor)
        return self._held

    def close(self) -> None:
        """Let go of the descriptor; harmless when repeated."""
        if self._held is not None:
            self._held.close()
            return
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def find(root: LazyRoot, path: VirtualPath, *, stay: bool = False) -> Found:
    """
    Find what *path* leads to.

    :param stay: stay on the mount of the root.
    :raises CrossesMounts: where it cannot stay, or that cannot be told.
    :raises PathError: if there is nothing that a client may see.
    """
    for name in path.parts:
        if name.startswith(HIDDEN_PREFIX):
            raise NoSuchPath(str(path))
    try:
        descriptor, reached = root.get().find(path, stay=stay, takes_names=root.takes_names())
    except OSError as error:
        if error.errno in _TELLING:
            raise NoSuchPath(str(path)) from error
        raise from_os_error(error) from error
    return Found(descriptor, reached, stays=stay)


def find_beside(root: LazyRoot, path: VirtualPath, *, stay: bool = False) -> Found:
    """
    Find the directory that holds the last component of *path*, which is not followed.

    :param stay: see :func:`find`.
    :raises CrossesMounts: see there.
    :raises PathError: if there is no such directory, or the name is none that a client may use.
    """
    if path.is_root:
        raise PermissionDenied("the root itself")
    if is_hidden(path.name):
        raise NoSuchPath(str(path))
    found = find(root, path.parent, stay=stay)
    try:
        if not stat.S_ISDIR(os.fstat(found.descriptor).st_mode):
            raise NoSuchPath(str(path))
    except BaseException:
        found.close()
        raise
    found.path, found.name = found.path.child(path.name), path.name
    return found


def require_regular(descriptor: int) -> os.stat_result:
    """
    Return the stat values of a regular file.

    :raises NotAFile: for anything else; nothing else is ever opened.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile("not a regular file")
    return status


def open_directory(descriptor: int) -> int:
    """Open for listing the directory that an O_PATH descriptor stands for."""
    # Opening "." in it would ask for the right to search it, which reading its names does not need.
    return os.open(_by_number(descriptor), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


# Acts: each gets what was found and its descriptor.


def status(_found: Found, descriptor: int) -> os.stat_result:
    """Return the stat values."""
    return os.fstat(descriptor)


def names(_found: Found, descriptor: int) -> Sequence[str]:
    """Return the names in a directory, hidden ones too."""
    directory = open_directory(descriptor)
    try:
        return os.listdir(directory)
    finally:
        os.close(directory)


def mkdir(found: Found, directory: int) -> None:
    """Make a directory."""
    os.mkdir(found.name, dir_fd=directory)


def rmdir(found: Found, directory: int) -> None:
    """Remove a directory."""
    try:
        os.rmdir(found.name, dir_fd=directory)
    except FileExistsError as error:
        # POSIX lets a directory that is not empty be EEXIST.
        raise DirectoryNotEmpty(str(found.path)) from error


def unlink(found: Found, directory: int) -> None:
    """Remove a file or a link."""
    os.unlink(found.name, dir_fd=directory)


def set_modified(_found: Found, descriptor: int, modified: float) -> None:
    """Set the time of the last change, and leave that of the last access."""
    seconds = math.floor(modified)
    # The product of the whole number would lose the last digits.
    nanoseconds = seconds * 1_000_000_000 + round((modified - seconds) * 1_000_000_000)
    os.utime(_by_number(descriptor), ns=(os.fstat(descriptor).st_atime_ns, nanoseconds))


def chmod(_found: Found, descriptor: int, mode: int) -> None:
    """Set the permission bits."""
    os.chmod(_by_number(descriptor), mode & 0o777)


def _by_number(descriptor: int) -> str:
    # An O_PATH descriptor takes neither futimens nor fchmod; its name in procfs does.
    return f"/proc/self/fd/{descriptor}"
