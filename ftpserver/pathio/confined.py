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
import threading
from collections.abc import Sequence

from ..core.paths import ROOT, VirtualPath, resolve
from .holding import HeldDescriptor
from .walking import walk_to

__all__ = ["LazyRoot", "Root"]

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10

#: Times that the kernel is asked again when a rename somewhere kept it from being sure; then the walk decides.
ATTEMPTS = 8

#: PATH_MAX with the final NUL: the kernel takes no longer path in one call.
MAXIMUM_OCTETS = 4095

_DELETED = " (deleted)"

_PATH_FLAGS = os.O_PATH | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)


def _openat2(directory: int, path: bytes) -> int:
    how = _OpenHow(_PATH_FLAGS, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    descriptor = int(_syscall(_OPENAT2, directory, path, ctypes.addressof(how), ctypes.sizeof(how)))
    if descriptor < 0:
        raise _os_error(ctypes.get_errno())
    return descriptor


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


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
        self._held = HeldDescriptor(os.open(base_path, _PATH_FLAGS | os.O_DIRECTORY))
        self._walks = walk or not kernel_confines()

    def close(self) -> None:
        """Close the descriptor of the root, once no call uses it any more."""
        self._held.close()

    def locate(self, parts: Sequence[str]) -> int:
        """
        Return an O_PATH descriptor of what *parts* lead to, every link followed.

        :raises OSError: if there is nothing, or only a way out.
        """
        path = _encoded(parts)
        with self._held as root:
            if not self._walks:
                for _ in range(ATTEMPTS):
                    try:
                        return self._ask_kernel(root, path)
                    except BlockingIOError:
                        # A rename or a mount came in between, perhaps of somebody who wants just that.
                        continue
            return walk_to(root, parts)

    def _ask_kernel(self, root: int, path: bytes) -> int:
        return _openat2(root, path)

    def reached(self, descriptor: int, asked: VirtualPath = ROOT) -> VirtualPath:
        """
        Return the virtual path that *descriptor* is at.

        :param asked: what it probably is: that is returned as it is where it is right.
        :raises OSError: if it is at no path below the root any more, or at one that no client can name.
        """
        with self._held as root:
            own = os.readlink(f"/proc/self/fd/{root}")
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        prefix = own.rstrip("/")
        if real != own and not real.startswith(prefix + "/"):
            raise FileNotFoundError(errno.ENOENT, "outside of the root")
        if real.endswith(_DELETED) and _is_deleted(real, descriptor):
            raise FileNotFoundError(errno.ENOENT, "removed meanwhile")
        below = real[len(prefix) :] or "/"
        if below == str(asked):
            return asked
        try:
            return resolve(below)
        except ValueError as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from error


def _is_deleted(real: str, descriptor: int) -> bool:
    """Tell what has been removed from what only has a name like that."""
    status = os.fstat(descriptor)
    if status.st_nlink == 0:
        return True
    # Of a file with several names the one that led here may be gone.
    try:
        return not os.path.samestat(os.lstat(real), status)
    except FileNotFoundError:
        return True


def _encoded(parts: Sequence[str]) -> bytes:
    try:
        path = os.fsencode("/".join(parts)) or b"."
    except UnicodeEncodeError as error:
        raise _os_error(errno.EILSEQ) from error
    if len(path) > MAXIMUM_OCTETS:
        raise _os_error(errno.ENAMETOOLONG)
    return path


class LazyRoot:
    """
    The root of one login, opened by the first call that needs it: the file system may be slow or gone.

    :param base_path: real path of the directory.
    :param walk: see :class:`Root`.
    """

    def __init__(self, base_path: str, *, walk: bool = False) -> None:
        self._base_path = base_path
        self._walk = walk
        self._lock = threading.Lock()
        self._root: Root | None = None
        self._is_closed = False

    def get(self) -> Root:
        """
        Return the root, in any thread.

        :raises OSError: if it cannot be opened, or was closed.
        """
        root = self._root
        return root if root is not None else self._opened()

    def _opened(self) -> Root:
        opened = Root(self._base_path, walk=self._walk)
        # Opening may block for long, so it holds no lock; of two at once the first stays.
        with self._lock:
            if self._root is None and not self._is_closed:
                self._root = opened
                return opened
        opened.close()
        if self._root is None:
            raise _os_error(errno.EBADF)
        return self._root

    def close(self) -> None:
        """Close the root; a call that is still in a thread fails or finishes with it."""
        with self._lock:
            self._is_closed = True
            root, self._root = self._root, None
        if root is not None:
            root.close()
