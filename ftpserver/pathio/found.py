# -*- test-case-name: tests.test_found -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a path led to, and what can be done there: every call on descriptors, none on a name that may be exchanged.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Sequence

from ..core.paths import VirtualPath
from ..errors import DirectoryNotEmpty, NoSuchPath, NotAFile, PermissionDenied, translating
from .confined import LazyRoot
from .holding import HeldDescriptor
from .leftovers import is_hidden

__all__ = ["Found", "find", "find_beside", "open_directory", "require_regular"]


class Found:
    """
    What a path led to.

    :ivar held: O_PATH descriptor of what is there, or of the parent directory.
    :ivar path: virtual path that was really reached.
    :ivar name: last component, when the descriptor is that of the parent.
    """

    __slots__ = ("held", "name", "path")

    def __init__(self, held: HeldDescriptor, path: VirtualPath, name: str = "") -> None:
        self.held = held
        self.path = path
        self.name = name

    def close(self) -> None:
        """Let go of the descriptor."""
        self.held.close()

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def find(root: LazyRoot, path: VirtualPath) -> Found:
    """
    Find what *path* leads to.

    :raises PathError: if there is nothing that a client may see.
    """
    if any(is_hidden(name) for name in path.parts):
        raise NoSuchPath(str(path))
    with translating():
        opened = root.get()
        descriptor = opened.locate(path.parts)
        try:
            return Found(HeldDescriptor(descriptor), opened.reached(descriptor, path))
        except BaseException:
            os.close(descriptor)
            raise


def find_beside(root: LazyRoot, path: VirtualPath) -> Found:
    """
    Find the directory that holds the last component of *path*, which is not followed.

    :raises PathError: if there is no such directory, or the name is none that a client may use.
    """
    if path.is_root:
        raise PermissionDenied("the root itself")
    if is_hidden(path.name):
        raise NoSuchPath(str(path))
    found = find(root, path.parent)
    try:
        with found.held as descriptor:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
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
