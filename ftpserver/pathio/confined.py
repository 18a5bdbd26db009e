# -*- test-case-name: tests.test_confined -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Finding files below a root, and nowhere else: in the kernel, or by a walk that follows the same links.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections import deque
from collections.abc import Sequence

from ..core.paths import VirtualPath, resolve

__all__ = ["Root"]

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10

#: Links followed on one path; the kernel has the same bound.
MAXIMUM_LINKS = 40

_PATH_FLAGS = os.O_PATH | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


def _openat2(directory: int, path: bytes) -> int:
    how = _OpenHow(_PATH_FLAGS, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    descriptor = int(_libc.syscall(_OPENAT2, directory, path, ctypes.byref(how), ctypes.sizeof(how)))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor


def kernel_confines() -> bool:
    """Tell whether this kernel has openat2 and lets this process use it."""
    descriptor = os.open("/", _PATH_FLAGS)
    try:
        os.close(_openat2(descriptor, b"."))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


class Root:
    """
    A directory that is the root of everything.

    Links inside are followed as after chroot: an absolute one starts at the root, ``..`` stops there.

    :param base_path: real path of the directory.
    :param walk: find files component by component even where the kernel could do it in one call.
    :raises OSError: if it is not there or no directory.
    """

    def __init__(self, base_path: str, *, walk: bool = False) -> None:
        self.descriptor = os.open(base_path, _PATH_FLAGS | os.O_DIRECTORY)
        self._walks = walk or not kernel_confines()
        self._own_path = os.readlink(f"/proc/self/fd/{self.descriptor}")

    def close(self) -> None:
        """Close the descriptor of the root."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def locate(self, parts: Sequence[str]) -> int:
        """
        Return an O_PATH descriptor of what *parts* lead to, every link followed.

        :raises OSError: if there is nothing, or only a way out.
        """
        if self._walks:
            return self._walk(parts)
        return _openat2(self.descriptor, os.fsencode("/".join(parts)) or b".")

    def _walk(self, parts: Sequence[str]) -> int:
        stack = [os.dup(self.descriptor)]
        waiting = deque(parts)
        links = 0
        try:
            while waiting:
                name = waiting.popleft()
                if name == "..":
                    if len(stack) > 1:
                        os.close(stack.pop())
                    continue
                found = os.open(name, _PATH_FLAGS | os.O_NOFOLLOW, dir_fd=stack[-1])
                if not stat.S_ISLNK(os.fstat(found).st_mode):
                    stack.append(found)
                    continue
                links += 1
                target = _target(found, links)
                waiting.extendleft(name for name in reversed(target.split("/")) if name not in ("", "."))
                if target.startswith("/"):
                    self._back_to_root(stack)
            return stack.pop()
        finally:
            for descriptor in stack:
                os.close(descriptor)

    @staticmethod
    def _back_to_root(stack: list[int]) -> None:
        while len(stack) > 1:
            os.close(stack.pop())

    def reached(self, descriptor: int) -> VirtualPath:
        """
        Return the virtual path that *descriptor* is at.

        :raises OSError: if it is at no path below the root any more.
        """
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        prefix = self._own_path.rstrip("/")
        if real != self._own_path and not real.startswith(prefix + "/"):
            raise FileNotFoundError(errno.ENOENT, "outside of the root")
        return resolve(real[len(prefix) :] or "/")


def _target(link: int, links: int) -> str:
    try:
        if links > MAXIMUM_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return os.readlink("", dir_fd=link)
    finally:
        os.close(link)
