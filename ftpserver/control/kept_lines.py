# -*- test-case-name: tests.test_kept_lines -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Lines that wait as they came: understood, those of one segment would take a hundred times its size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..core.wire import Overlong

__all__ = ["LINES_AT_A_TIME", "KeptLines"]

#: Lines that are cut from the rest at once, which is copied each time.
LINES_AT_A_TIME = 256


class KeptLines:
    """
    An iterator over lines that came together, in their order; it can be put aside at any time.

    It is false when there is none left.
    """

    __slots__ = ("_lines", "_pieces")

    def __init__(self, lines: Iterable[bytes | Overlong]) -> None:
        #: Lines in a row are one object, joined by LF, which is in none of them.
        self._pieces: deque[bytes | Overlong] = deque()
        #: Those that were cut from it, the next one last.
        self._lines: list[bytes | Overlong] = []
        self.add(lines)

    def add(self, lines: Iterable[bytes | Overlong]) -> None:
        """Keep more lines, behind those that there are."""
        together: list[bytes] = []
        for line in lines:
            if isinstance(line, bytes):
                together.append(line)
                continue
            if together:
                self._pieces.append(b"\n".join(together))
                together = []
            self._pieces.append(line)
        if together:
            self._pieces.append(b"\n".join(together))

    def put_back(self, line: bytes | Overlong) -> None:
        """Keep *line* before all others."""
        self._lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._lines or self._pieces)

    def __iter__(self) -> KeptLines:
        return self

    def __next__(self) -> bytes | Overlong:
        if self._lines:
            return self._lines.pop()
        if not self._pieces:
            raise StopIteration
        piece = self._pieces.popleft()
        if not isinstance(piece, bytes):
            return piece
        lines: list[bytes | Overlong] = [*piece.split(b"\n", LINES_AT_A_TIME)]
        if len(lines) > LINES_AT_A_TIME:
            self._pieces.appendleft(lines.pop())
        lines.reverse()
        self._lines = lines
        return self._lines.pop()
