# -*- test-case-name: tests.test_path_system -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The system calls of local files as one object, so that a test can make each of them fail.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import time

from .procfs import descriptors_of_this_process

__all__ = ["FileSystem"]

_RENAME_NOREPLACE = 1

# A C library without it (musl) is a system without it.
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


class FileSystem:
    """What :class:`~ftpserver.pathio.local.PathIO` asks of the system for a file that is open or gets its name."""

    def read(self, descriptor: int, amount: int, offset: int) -> bytes:
        """See :func:`os.pread`."""
        return os.pread(descriptor, amount, offset)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """See :func:`os.pwrite`; it may write less than was given."""
        return os.pwrite(descriptor, data, offset)

    def append(self, descriptor: int, data: memoryview) -> int:
        """See :func:`os.write`, on a descriptor with O_APPEND."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """See :func:`os.fsync`."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """See :func:`os.close`."""
        os.close(descriptor)

    def open_unnamed(self, directory: int, flags: int, mode: int) -> int:
        """
        Open a new file that has no name yet, on the file system of *directory*.

        :raises OSError: with EOPNOTSUPP (or, from old kernels, EISDIR or EINVAL) where the file system has no such.
        """
        return os.open(".", flags | os.O_TMPFILE, mode, dir_fd=directory)

    def lock(self, descriptor: int) -> None:
        """
        Lock an open file until the last descriptor of it is closed, without waiting.

        :raises OSError: if somebody else holds the lock, or the file system has none.
        """
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def link(self, descriptor: int, name: str, directory: int) -> None:
        """
        Give an open file that has no name the name *name*.

        :raises FileExistsError: if that is taken.
        """
        os.link(
            str(descriptor),
            name,
            src_dir_fd=descriptors_of_this_process(),
            dst_dir_fd=directory,
            follow_symlinks=True,
        )

    def link_name(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """
        Give the file *source*, or the link itself, a second name.

        :raises FileExistsError: if that is taken.
        """
        os.link(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory, follow_symlinks=False)

    def rename(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """See :func:`os.rename`; a file at *target* is replaced."""
        os.rename(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory)

    def rename_new(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        """
        Rename unless *target* is there, in one step; Python has no call for that.

        :raises FileExistsError: if it is.
        :raises OSError: with EINVAL or ENOSYS where the file system or the C library cannot; else as rename does.
        """
        if _renameat2 is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        outcome = _renameat2(
            source_directory, os.fsencode(source), target_directory, os.fsencode(target), _RENAME_NOREPLACE
        )
        if outcome < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def time(self) -> float:
        """Return the seconds since the epoch, as the times of files have them."""
        return time.time()
