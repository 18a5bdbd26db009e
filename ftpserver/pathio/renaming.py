# -*- test-case-name: tests.test_renaming -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Giving files and directories other names: replacing a file, but never a directory.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from ..errors import CrossesDevices, PathExists, translating
from .system import FileSystem

__all__ = ["Name", "rename", "rename_new"]

#: What link says where the file system has no second names.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Name:
    """
    An entry of a directory.

    :ivar directory: descriptor of the directory.
    :ivar name: one component.
    """

    directory: int
    name: str

    def status(self) -> os.stat_result:
        """Return the stat values of what has the name, a link not followed."""
        return os.lstat(self.name, dir_fd=self.directory)

    def is_same_entry(self, other: Name) -> bool:
        """Tell whether *other* is the same name in the same directory."""
        return self.name == other.name and os.path.samestat(os.fstat(self.directory), os.fstat(other.directory))


def rename(system: FileSystem, source: Name, target: Name, *, replace: bool) -> None:
    """
    Rename *source* to *target* as :meth:`~ftpserver.interfaces.IPathIO.rename` says.

    :raises PathError: what it says there.
    """
    with translating():
        try:
            status = source.status()
            # A directory would take the place of an empty one, too.
            if not replace or stat.S_ISDIR(status.st_mode):
                rename_new(system, source, target)
            elif status.st_nlink == 1 or not _is_another_name(status, target):
                # What has one name has it in another spelling, too, where case is folded: that is no second to remove.
                system.rename(source.name, target.name, source.directory, target.directory)
            elif not source.is_same_entry(target):
                # Two names of one file: rename would leave both where they are, and call it a success.
                os.unlink(source.name, dir_fd=source.directory)
        except IsADirectoryError as error:
            raise PathExists(target.name) from error
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise CrossesDevices(target.name) from error
            raise


def _is_another_name(status: os.stat_result, target: Name) -> bool:
    try:
        return os.path.samestat(status, target.status())
    except FileNotFoundError:
        return False


def rename_new(system: FileSystem, source: Name, target: Name) -> None:
    """
    Rename *source* to *target* unless that is there, also where no single call does it (NFS, some FUSE).

    :raises FileExistsError: if it is.
    :raises OSError: as rename does.
    """
    try:
        system.rename_new(source.name, target.name, source.directory, target.directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        if stat.S_ISDIR(source.status().st_mode):
            _rename_checked(system, source, target)
        else:
            _rename_file(system, source, target)


def _rename_file(system: FileSystem, source: Name, target: Name) -> None:
    try:
        # For a moment the file has both names; it is never without one, and nothing is replaced.
        system.link_name(source.name, target.name, source.directory, target.directory)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_checked(system, source, target)
    else:
        os.unlink(source.name, dir_fd=source.directory)


def _rename_checked(system: FileSystem, source: Name, target: Name) -> None:
    # Between the two calls a rename would replace an empty directory; and where the file system has no links either, a
    # file that somebody makes in this very moment. Nothing can be done about that there.
    try:
        target.status()
    except FileNotFoundError:
        system.rename(source.name, target.name, source.directory, target.directory)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
