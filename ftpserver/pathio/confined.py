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
import sys
from collections.abc import Sequence
from functools import cache

from ..core.paths import ROOT, VirtualPath, resolve
from .holding import HeldDescriptor
from .mounts import Mount
from .procfs import place_of
from .walking import walk_to

__all__ = ["ABSENT", "UNCLEAR", "CrossesMounts", "Root"]

_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_IN_ROOT = 0x10

#: Times that the kernel is asked again when a rename somewhere kept it from being sure; then the walk decides.
ATTEMPTS = 8

#: PATH_MAX with the final NUL: the kernel takes no longer path in one call.
MAXIMUM_OCTETS = 4095

#: What the kernel says of a path that links or other mounts are on, and when it is not sure.
_PERHAPS_ANOTHER_WAY = (errno.ELOOP, errno.EXDEV, errno.EAGAIN)

_DELETED = " (deleted)"

# As os.fsencode does, at half of the cost.
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

_PATH_FLAGS = os.O_PATH | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


# Everything that does not change is converted once: 3.9 us a call instead of 5.1.
_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_OPENAT2 = ctypes.c_long(437)
_SIZE = ctypes.c_size_t(ctypes.sizeof(_OpenHow))


class _How:
    """One way to ask openat2; *resolve* is what is added to following links below the root."""

    def __init__(self, resolve: int = 0, flags: int = 0) -> None:
        self._how = _OpenHow(_PATH_FLAGS | flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS | resolve)
        self.address = ctypes.c_void_p(ctypes.addressof(self._how))


_ANYWHERE = _How()
_ON_THIS_MOUNT = _How(_RESOLVE_NO_XDEV)
_WITHOUT_LINKS = _How(_RESOLVE_NO_XDEV | _RESOLVE_NO_SYMLINKS)
_DIRECTORY_WITHOUT_LINKS = _How(_RESOLVE_NO_XDEV | _RESOLVE_NO_SYMLINKS, os.O_DIRECTORY)

#: What :meth:`Root.child_without_links` returns where nothing is, and where another way has to tell.
ABSENT, UNCLEAR = -1, -2


def _openat2(directory: int, path: bytes, how: _How = _ANYWHERE) -> int:
    descriptor: int = _syscall(_OPENAT2, directory, path, how.address, _SIZE)
    if descriptor < 0:
        raise _os_error(ctypes.get_errno())
    return descriptor


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@cache
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


class CrossesMounts(Exception):
    """A path leads to another mount, or may do so, where it was asked to stay on that of the root."""


class Root:
    """
    A directory that is the root of everything.

    Links inside are followed as after chroot: an absolute one starts at the root, ``..`` stops there.

    :param base_path: real path of the directory.
    :param walk: find files component by component even where the kernel could do it in one call.
    :ivar held: O_PATH descriptor of the directory.
    :ivar device: number of its device.
    :ivar mount: what is known of its mount.
    :ivar is_exact: whether names on that mount are the same only where their octets are.
    :ivar seems_exact: whether that is so as far as is known; a directory below may be another matter.
    :ivar stays: whether calls that stay on that mount wait for no other.
    :ivar is_alone: whether nothing was mounted below when it was opened.
    :ivar generation: of the table of mounts then.
    :ivar users: how many have it.
    :ivar walks: whether files are found component by component.
    :raises OSError: if it is not there or no directory.
    """

    __slots__ = (
        "_inode",
        "base_path",
        "device",
        "generation",
        "held",
        "is_alone",
        "is_exact",
        "mount",
        "seems_exact",
        "stays",
        "users",
        "walks",
    )

    mount: Mount

    def __init__(self, base_path: str, *, walk: bool = False) -> None:
        self.base_path = base_path
        descriptor = os.open(base_path, _PATH_FLAGS | os.O_DIRECTORY)
        self.held = HeldDescriptor(descriptor)
        status = os.fstat(descriptor)
        self.device, self._inode = status.st_dev, status.st_ino
        self.walks = walk or not kernel_confines()
        self.is_exact = self.seems_exact = self.stays = self.is_alone = False
        self.generation = 0
        self.users = 1

    def is_at(self, status: os.stat_result) -> bool:
        """Tell whether *status* is of this directory."""
        return status.st_ino == self._inode and status.st_dev == self.device

    def is_same(self, other: Root) -> bool:
        """Tell whether *other* is the same directory."""
        return other._inode == self._inode and other.device == self.device

    def close(self) -> None:
        """Close the descriptor of the root, once no call uses it any more."""
        self.held.close()

    def find(self, path: VirtualPath, *, stay: bool = False, takes_names: bool = False) -> tuple[int, VirtualPath]:
        """
        Return an O_PATH descriptor of what *path* leads to, every link followed, and the path that is reached.

        :param stay: stay on the mount of the root.
        :param takes_names: see :meth:`~ftpserver.pathio.roots.LazyRoot.takes_names`.
        :raises CrossesMounts: where it cannot stay, or that cannot be told.
        :raises OSError: if there is nothing, or only a way out.
        """
        if takes_names:
            descriptor = self._without_links(path.parts, _WITHOUT_LINKS)
            if descriptor >= 0:
                if not path.parts:
                    _require_linked(descriptor)
                return descriptor, path
        if stay and self.walks:
            raise CrossesMounts(str(path))
        descriptor = self.locate(path.parts, stay=stay)
        try:
            return descriptor, self.reached(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise

    def _without_links(self, parts: Sequence[str], how: _How) -> int:
        """
        Return what *parts* lead to where no link is on the way; :data:`UNCLEAR` where there may be one, or a mount.

        The path that is reached is then the one that was asked for, and need not be read: 4 us of 8.
        """
        path = _encoded(parts)
        with self.held as root:
            descriptor: int = _syscall(_OPENAT2, root, path, how.address, _SIZE)
        if descriptor < 0:
            number = ctypes.get_errno()
            if number not in _PERHAPS_ANOTHER_WAY:
                raise _os_error(number)
            return UNCLEAR
        return descriptor

    def parent_without_links(self, path: VirtualPath) -> int:
        """
        Return an O_PATH descriptor of the directory that holds the last component of *path*.

        Only for who takes names, see :meth:`~ftpserver.pathio.roots.LazyRoot.takes_names`.

        :returns: :data:`UNCLEAR` unless it is one on the mount of the root with no link on the way.
        :raises OSError: if there is nothing.
        """
        if not path.parts:
            return UNCLEAR
        try:
            return self._without_links(path.parts[:-1], _DIRECTORY_WITHOUT_LINKS)
        except NotADirectoryError:
            return UNCLEAR

    def child_without_links(self, directory: int, name: str) -> int:
        """
        Return an O_PATH descriptor of the entry *name*.

        :returns: :data:`ABSENT` where nothing is; :data:`UNCLEAR` where a link is, a mount, or an error.
        """
        descriptor: int = _syscall(_OPENAT2, directory, _encoded((name,)), _WITHOUT_LINKS.address, _SIZE)
        if descriptor >= 0:
            return descriptor
        return ABSENT if ctypes.get_errno() == errno.ENOENT else UNCLEAR

    def locate(self, parts: Sequence[str], *, stay: bool = False) -> int:
        """
        Return an O_PATH descriptor of what *parts* lead to, every link followed.

        :param stay: see :meth:`find`.
        :raises OSError: if there is nothing, or only a way out.
        """
        path = _encoded(parts)
        with self.held as root:
            if not self.walks:
                for _ in range(ATTEMPTS):
                    try:
                        return self._ask_kernel(root, path, _ON_THIS_MOUNT if stay else _ANYWHERE)
                    except BlockingIOError:
                        # A rename or a mount came in between, perhaps of somebody who wants just that.
                        continue
                    except OSError as error:
                        if stay and error.errno == errno.EXDEV:
                            raise CrossesMounts("/".join(parts)) from error
                        raise
            if stay:
                raise CrossesMounts("/".join(parts))
            return walk_to(root, parts)

    def _ask_kernel(self, root: int, path: bytes, how: _How) -> int:
        return _openat2(root, path, how)

    def reached(self, descriptor: int, asked: VirtualPath = ROOT) -> VirtualPath:
        """
        Return the virtual path that *descriptor* is at.

        :param asked: what it probably is: that is returned as it is where it is right.
        :raises OSError: if it is at no path below the root any more, or at one that no client can name.
        """
        with self.held as root:
            own = place_of(root)
        real = place_of(descriptor)
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


def _require_linked(descriptor: int) -> None:
    """Refuse the directory that *descriptor* is at where it was removed; else leave it open."""
    if os.fstat(descriptor).st_nlink == 0:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "removed meanwhile")


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
        path = "/".join(parts).encode(_ENCODING, _ERRORS) or b"."
    except UnicodeEncodeError as error:
        raise _os_error(errno.EILSEQ) from error
    if len(path) > MAXIMUM_OCTETS:
        raise _os_error(errno.ENAMETOOLONG)
    return path
