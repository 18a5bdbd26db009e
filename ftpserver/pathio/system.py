# -*- test-case-name: tests.test_local -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The system calls of local files as one object, so that a test can make each of them fail.
"""

from __future__ import annotations

import os

__all__ = ["FileSystem"]


class FileSystem:
    """What :class:`~ftpserver.pathio.local.PathIO` asks of an open file."""

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
