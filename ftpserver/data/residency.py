# -*- test-case-name: tests.test_residency -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Whether a piece of a file is in memory, so that reading it does not wait for a disk.
"""

from __future__ import annotations

import errno

from .system import System

__all__ = ["Residency"]

PAGE = 4096

#: Octets between the places that are tried where the kernel does not count pages: what Linux reads ahead at least.
STRIDE = 131072

#: A file system that is memory itself (tmpfs), or that cannot tell; those that may be slow are known as such elsewhere.
_CANNOT_TELL = frozenset({errno.EOPNOTSUPP, errno.EINVAL})


class Residency:
    """
    Asks for one open file.

    :param file: its descriptor.
    :param size: its octets.
    """

    __slots__ = ("_counts", "_file", "_is_cut", "_is_memory", "_octet", "_size", "_system")

    def __init__(self, system: System, file: int, size: int) -> None:
        self._system = system
        self._file = file
        self._size = size
        self._is_memory = False
        self._is_cut = False
        self._counts = True
        self._octet = memoryview(bytearray(1))

    def holds(self, offset: int, amount: int) -> bool:
        """
        Tell whether *amount* octets from *offset* on are in memory, those that the file has.

        The system may throw them out in the next moment: then the read waits for the disk after all.
        """
        if self._is_memory:
            return True
        amount = min(amount, self._size - offset)
        if amount <= 0:
            # Its end, or what it has got since it was opened, and thus in memory.
            return True
        try:
            return self._holds(offset, amount)
        except OSError as error:
            # An error of the disk is told to whoever reads.
            self._is_memory = error.errno in _CANNOT_TELL
            return self._is_memory

    def _holds(self, offset: int, amount: int) -> bool:
        last = offset + amount - 1
        if not self._has_come(last):
            return False
        pages = last // PAGE - offset // PAGE + 1
        if pages == 1:
            # Where a file was cut there is nothing, and what is left of the page may be on the disk alone.
            return not self._is_cut or self._has_come(offset)
        if self._counts:
            try:
                return self._system.cached_pages(self._file, offset, amount) >= pages
            except OSError as error:
                if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP):
                    raise
                self._counts = False
        return all(map(self._has_come, range(offset, last, STRIDE)))

    def _has_come(self, place: int) -> bool:
        """Tell whether the octet there can be read now; a page that is counted may still be on its way."""
        try:
            self._is_cut = not self._system.read_cached(self._file, self._octet, place)
        except BlockingIOError:
            return False
        return True
