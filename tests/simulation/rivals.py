# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files that several clients write at the same time: each is whole, whoever was the last.
"""

from __future__ import annotations

from pathlib import Path

from .expectation import ABSENT, Allowed, prefix
from .sent import Sent

__all__ = ["Rivals"]


class Rivals:
    """
    The files of one directory, and everything that anybody has sent to any of them.

    :param root: real root of those who compete.
    """

    names = ("x", "y")

    def __init__(self, root: Path) -> None:
        self._directory = root / "rivals"
        self._directory.mkdir()
        self._allowed: list[Allowed] = [ABSENT]
        self._sent: list[Sent] = []

    def may_be(self, sent: Sent, octets: bytes, *, part: bool) -> None:
        """
        Note what may be under one of the names from now on.

        :param sent: what is there where the client has finished.
        :param octets: everything that it might send.
        :param part: whether any part of them may be there, too.
        """
        self._sent.append(sent)
        if part:
            self._allowed.append(prefix(octets))

    def accept(self, octets: bytes | None) -> bool:
        """Tell whether a file may be that."""
        if any(sent.is_finished and octets == sent.stored(text=False) for sent in self._sent):
            return True
        return any(one.accepts(octets) for one in self._allowed)

    def wrongs(self) -> list[str]:
        """Return what is wrong with what is there."""
        found = []
        for path in sorted(self._directory.iterdir()):
            if path.name not in self.names:
                found.append(f"{path} is of nobody")
            elif not self.accept(path.read_bytes()):
                found.append(f"{path}: {path.stat().st_size} octets that nobody has sent so")
        return found
