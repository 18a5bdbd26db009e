# -*- test-case-name: tests.test_leftovers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The hidden names of uploads under way, and what to do with those that a killed server has left.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat

from .system import FileSystem

__all__ = ["HIDDEN_PREFIX", "clear_leftover", "hidden_name", "is_hidden"]

#: Names that begin so are of uploads under way; no client can list, read or guess them.
HIDDEN_PREFIX = ".ftpserver-"

#: Seconds without a change after which a hidden name may be a leftover: longer than any step between its making and its
#: lock. A living upload may be silent for longer, and is known by its lock.
LEFTOVER_AFTER = 3600.0

_OF_UPLOAD = re.compile(re.escape(HIDDEN_PREFIX) + r"[0-9a-f]{32}\.part")

_LOOKING = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


def hidden_name() -> str:
    """Return a name for an upload under way."""
    return f"{HIDDEN_PREFIX}{secrets.token_hex(16)}.part"


def is_hidden(name: str) -> bool:
    """Tell whether *name* is kept from clients."""
    return name.startswith(HIDDEN_PREFIX)


def clear_leftover(system: FileSystem, name: str, directory: int) -> bool:
    """
    Remove *name* if it is of an upload whose process is dead.

    :param name: a hidden name that a listing has met.
    :param directory: descriptor of the directory.
    :returns: whether it was removed. One that may not be removed, or is gone, is left to itself.
    """
    if not _OF_UPLOAD.fullmatch(name):
        return False
    # Whoever lists has asked for something else, and gets it whatever becomes of this.
    with contextlib.suppress(OSError):
        status = os.lstat(name, dir_fd=directory)
        if stat.S_ISREG(status.st_mode) and system.time() - status.st_mtime > LEFTOVER_AFTER:
            return _remove_if_free(system, name, directory)
    return False


def _remove_if_free(system: FileSystem, name: str, directory: int) -> bool:
    descriptor = _open_to_lock(name, directory)
    try:
        system.lock(descriptor)
        os.unlink(name, dir_fd=directory)
    finally:
        os.close(descriptor)
    return True


def _open_to_lock(name: str, directory: int) -> int:
    # NFS locks only what is open to write, and an upload that replaces a read-only file cannot be opened so.
    try:
        return os.open(name, os.O_WRONLY | _LOOKING, dir_fd=directory)
    except PermissionError:
        return os.open(name, os.O_RDONLY | _LOOKING, dir_fd=directory)
