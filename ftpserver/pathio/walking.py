# -*- test-case-name: tests.test_walking -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Finding a file below a root one component at a time, for kernels without openat2.

Each component is opened below the descriptor of the one before and never followed; the text of a link is put in front
of what is left. So nothing that is exchanged meanwhile leads out. Links and errors are those of openat2 with
RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS. (One thing is left to the kernel alone: ``fs.protected_symlinks``, which
refuses links of others in directories such as /tmp.)
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Sequence

__all__ = ["MAXIMUM_LINKS", "walk_to"]

#: Links followed on one path; the kernel has the same bound.
MAXIMUM_LINKS = 40

_PATH_FLAGS = os.O_PATH | os.O_CLOEXEC

#: Stands for a slash at the end of a link: what comes before must be a directory.
_SLASH = ""

#: Inode of the topmost directory of every procfs, whose links ("self", "mounts") are plain text.
_PROC_ROOT_INODE = 1


def walk_to(root: int, parts: Sequence[str]) -> int:
    """
    Return an O_PATH descriptor of what *parts* lead to, every link followed.

    :param root: descriptor of the directory that nothing leads out of.
    :raises OSError: as openat2 does.
    """
    walk = _Walk(root, parts)
    try:
        while walk.waiting:
            walk.step(walk.waiting.popleft())
        return walk.stack.pop()
    finally:
        walk.back_to_root()
        if walk.stack:
            os.close(walk.stack.pop())


class _Walk:
    """
    Where a walk stands.

    :ivar stack: descriptors from the root down to here.
    :ivar waiting: components that are left.
    """

    def __init__(self, root: int, parts: Sequence[str]) -> None:
        self.stack = [os.dup(root)]
        self.waiting = deque(parts)
        self._links = 0

    def step(self, name: str) -> None:
        """Take one component."""
        if name == _SLASH:
            if not stat.S_ISDIR(os.fstat(self.stack[-1]).st_mode):
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        elif name in (".", ".."):
            # The kernel asks for the right to search even where it only stays or goes back.
            os.close(os.open(".", _PATH_FLAGS, dir_fd=self.stack[-1]))
            if name == ".." and len(self.stack) > 1:
                os.close(self.stack.pop())
        else:
            found = os.open(name, _PATH_FLAGS | os.O_NOFOLLOW, dir_fd=self.stack[-1])
            if stat.S_ISLNK(os.fstat(found).st_mode):
                self._follow(found)
            else:
                self.stack.append(found)

    def _follow(self, link: int) -> None:
        try:
            self._links += 1
            if self._links > MAXIMUM_LINKS or _is_magic(link, self.stack[-1]):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = os.readlink("", dir_fd=link)
        finally:
            os.close(link)
        names = [name for name in target.split("/") if name]
        if target.endswith("/"):
            names.append(_SLASH)
        self.waiting.extendleft(reversed(names))
        if target.startswith("/"):
            self.back_to_root()

    def back_to_root(self) -> None:
        """Leave every directory but the root."""
        while len(self.stack) > 1:
            os.close(self.stack.pop())


_status_of = os.stat


def _is_magic(link: int, directory: int) -> bool:
    """Tell whether a link is one of procfs that leads to an open file instead of a path."""
    try:
        proc = _status_of("/proc")
    except OSError:
        return False
    return os.fstat(link).st_dev == proc.st_dev and os.fstat(directory).st_ino != _PROC_ROOT_INODE
