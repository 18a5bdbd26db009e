# -*- test-case-name: tests.test_status -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the server knows about a file: the part of ``os.stat_result`` that FTP shows.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Entry", "FileStatus", "Status", "is_directory", "is_regular_file"]


class FileStatus(Protocol):
    """
    The stat values of one file; any ``os.stat_result`` is one.

    Modification times are seconds since the epoch, sizes are bytes.
    """

    @property
    def st_mode(self) -> int: ...
    @property
    def st_ino(self) -> int: ...
    @property
    def st_dev(self) -> int: ...
    @property
    def st_nlink(self) -> int: ...
    @property
    def st_uid(self) -> int: ...
    @property
    def st_gid(self) -> int: ...
    @property
    def st_size(self) -> int: ...
    @property
    def st_mtime(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Status:
    """
    A :class:`FileStatus` for stores that have no ``os.stat_result`` to give.

    :ivar st_mode: type and permission bits, as ``stat.S_IFREG | 0o644``.
    :ivar st_size: length in bytes.
    :ivar st_mtime: time of the last change, seconds since the epoch.
    """

    st_mode: int
    st_size: int = 0
    st_mtime: float = 0.0
    st_ino: int = 0
    st_dev: int = 0
    st_nlink: int = 1
    st_uid: int = 0
    st_gid: int = 0


#: One line of a directory: the name and what is known of the file behind it.
Entry = tuple[str, FileStatus]


def is_directory(status: FileStatus) -> bool:
    """Tell whether *status* belongs to a directory."""
    return stat.S_ISDIR(status.st_mode)


def is_regular_file(status: FileStatus) -> bool:
    """Tell whether *status* belongs to a regular file."""
    return stat.S_ISREG(status.st_mode)
