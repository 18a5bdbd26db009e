# -*- test-case-name: tests.test_procfs -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What procfs tells of the descriptors of this process, and lets be done with them.

An O_PATH descriptor takes few calls; its name in ``/proc/self/fd`` takes the rest. Names are looked up below a
descriptor of that directory, which spares three of four components: 4.5 us instead of 5.9 to open a file again.
"""

from __future__ import annotations

import os
import threading

__all__ = ["descriptors_of_this_process", "place_of", "reopen"]

_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class _Directory:
    """Holds ``/proc/self/fd`` open; a child of a fork has one of its own."""

    def __init__(self) -> None:
        self.descriptor = -1
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def open(self) -> int:
        with self._lock:
            if self.descriptor < 0:
                self.descriptor = os.open("/proc/self/fd", _FLAGS)
            return self.descriptor

    def _forget(self) -> None:
        # It is that of the parent; and another thread may have held the lock when the process forked.
        self._lock = threading.Lock()
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_directory = _Directory()


def descriptors_of_this_process() -> int:
    """
    Return a descriptor of ``/proc/self/fd``; it stays open.

    :raises OSError: where there is no procfs.
    """
    descriptor = _directory.descriptor
    return descriptor if descriptor >= 0 else _directory.open()


def place_of(descriptor: int) -> str:
    """Return the real path that *descriptor* is at; the system adds a note where it was removed."""
    return os.readlink(str(descriptor), dir_fd=descriptors_of_this_process())


def reopen(descriptor: int, flags: int) -> int:
    """Open what an O_PATH descriptor stands for."""
    return os.open(str(descriptor), flags, dir_fd=descriptors_of_this_process())
