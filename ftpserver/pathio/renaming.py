# -*- test-case-name: tests.test_renaming -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Renaming without replacing, which Python has no call for.
"""

from __future__ import annotations

import ctypes
import os

__all__ = ["rename_new"]

_RENAME_NOREPLACE = 1

_libc = ctypes.CDLL(None, use_errno=True)


def rename_new(source: str, target: str, source_directory: int, target_directory: int) -> None:
    """
    Rename *source* to *target* unless that is there.

    :raises FileExistsError: if it is.
    :raises OSError: as rename does.
    """
    outcome = _libc.renameat2(
        source_directory, os.fsencode(source), target_directory, os.fsencode(target), _RENAME_NOREPLACE
    )
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
