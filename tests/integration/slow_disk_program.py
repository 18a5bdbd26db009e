# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A file system of FUSE with one file, which answers as slowly as a disk that is busy.

It is run as a program: ``python slow_disk_program.py IMAGE MOUNTPOINT DELAY``. The file ``image`` below the mount point
has the octets of IMAGE; each read, write and fsync of it waits for as many seconds as the file DELAY says.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import mfusepy

NAME = "image"


class SlowDisk(mfusepy.Operations):  # type: ignore[misc]  # it has no types
    """
    One file that takes its time.

    :param image: what is in it.
    :param delay: a file with the seconds to wait.
    """

    use_ns = True

    def __init__(self, image: str, delay: str) -> None:
        self._descriptor = os.open(image, os.O_RDWR)
        self._delay = Path(delay)

    def _wait(self) -> None:
        time.sleep(float(self._delay.read_text()))

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Return the stat values."""
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path != f"/{NAME}":
            raise mfusepy.FuseOSError(errno.ENOENT)
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": os.fstat(self._descriptor).st_size}

    def readdir(self, path: str, fh: int) -> list[str]:
        """Return the names."""
        return [".", "..", NAME]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Read slowly."""
        self._wait()
        return os.pread(self._descriptor, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Write slowly."""
        self._wait()
        return os.pwrite(self._descriptor, data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """Do nothing, slowly."""
        self._wait()
        return 0


if __name__ == "__main__":
    mfusepy.FUSE(SlowDisk(sys.argv[1], sys.argv[3]), sys.argv[2], foreground=True, nothreads=False)
