# -*- test-case-name: tests.test_benchmarks_site -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The folder that a run works in: what is served, configurations, a certificate.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ftpserver.tls import certificate

from .amounts import MIB

__all__ = ["RATE", "Site", "site"]

#: Bytes per second of the servers that are limited: a whole number of KiB, which is what some of them count in.
RATE = 5000 * 1024

#: Where no disk is measured.
_MEMORY = Path("/dev/shm")  # noqa: S108 (every user has a folder of their own in it)


@dataclass(frozen=True, slots=True)
class Site:
    """
    The places of one run.

    :ivar folder: for configurations and logs.
    :ivar root: what the servers serve.
    :ivar certificate: with its key, in one file.
    """

    folder: Path
    root: Path
    certificate: Path

    @property
    def uploads(self) -> Path:
        """The directory that uploads go to; its name for clients is ``up``."""
        return self.root / "up"

    def file(self, size: int) -> str:
        """Make a file of *size* bytes unless it is there, and return its name."""
        name = f"file-{size}"
        path = self.root / name
        if not path.exists():
            block = os.urandom(min(size, MIB))
            with path.open("wb") as file:
                for start in range(0, size, len(block)):
                    file.write(block[: size - start])
        return name

    def directory(self, count: int) -> str:
        """Make a directory of *count* files unless it is there, and return its name."""
        name = f"directory-{count}"
        path = self.root / name
        if not path.exists():
            path.mkdir()
            for number in range(count):
                (path / f"a-file-with-a-name-{number:06}.txt").touch()
        return name

    def write(self, name: str, text: str) -> Path:
        """Write a file that no other user may read, and return where it is."""
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text, "utf-8")
        return path

    def clear_uploads(self) -> None:
        """Take away what was uploaded."""
        for path in self.uploads.iterdir():
            path.unlink()


@contextmanager
def site(parent: Path | None = None) -> Iterator[Site]:
    """
    Make the places, and take them away in the end.

    :param parent: where; by default in memory where that can be, else in the temporary folder.
    """
    if parent is None and os.access(_MEMORY, os.W_OK):
        parent = _MEMORY
    folder = Path(tempfile.mkdtemp(prefix="ftpserver-benchmark-", dir=parent))
    try:
        # Servers that give up root must find their way, too.
        folder.chmod(0o711)
        made = Site(folder, folder / "served", folder / "certificate.pem")
        made.root.mkdir(0o755)
        made.uploads.mkdir()
        made.uploads.chmod(0o777)
        certificate.write(str(made.certificate), certificate.make(["localhost"], days=30).pem)
        yield made
    finally:
        shutil.rmtree(folder)
