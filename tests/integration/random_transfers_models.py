# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What must be where after a transfer of :mod:`.random_transfers`, worked out without the server.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

__all__ = ["Upload", "agreement", "difference", "from_network", "octets", "text", "to_network"]

#: Half of the octets of a text are line ends, so that pieces of it end amid them.
_LINE_ENDS = bytes.maketrans(bytes(range(128)), b"\n" * 64 + b"\r" * 64)


def octets(seed: str, amount: int) -> bytes:
    """Return random octets, the same for the same *seed*."""
    return random.Random(seed).randbytes(amount)


def text(seed: str, amount: int) -> bytes:
    """Return random octets with many CRs and LFs, alone and together."""
    return octets(seed, amount).translate(_LINE_ENDS)


def to_network(data: bytes) -> bytes:
    """Return a file as TYPE A sends it: each line ends with CRLF, and what is CRLF already stays."""
    *lines, last = data.split(b"\n")
    return b"".join(line.removesuffix(b"\r") + b"\r\n" for line in lines) + last


def from_network(data: bytes) -> bytes:
    """Return what TYPE A makes of octets that were sent: CRLF is LF, a CR or LF alone stays."""
    return b"\n".join(data.split(b"\r\n"))


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data).digest()


def agreement(one: bytes, other: bytes) -> int:
    """Return how many octets at the beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def difference(found: bytes | None, expected: bytes | None) -> str:
    """Compare by checksum; return in words how *found* differs from what was *expected*, or nothing."""
    if found is None or expected is None:
        return "" if found is expected else f"{_shown(found)} instead of {_shown(expected)}"
    if len(found) == len(expected) and _checksum(found) == _checksum(expected):
        return ""
    return f"{_shown(found)} instead of {_shown(expected)}, the same up to octet {agreement(found, expected)}"


def _shown(data: bytes | None) -> str:
    return "no file" if data is None else f"{len(data)} octets"


@dataclass(frozen=True)
class Upload:
    """
    What an upload does to a file.

    :ivar before: the file before it; ``None`` where there was none.
    :ivar content: what the client means the server to write, in the form of the file.
    :ivar offset: where: after REST; ``None`` is the whole file.
    :ivar appends: whether at the end.
    :ivar is_atomic: whether the server replaces only by a whole file.
    :ivar keeps: whether a part of a new file stays.
    """

    before: bytes | None
    content: bytes
    offset: int | None
    appends: bool
    is_atomic: bool
    keeps: bool

    @property
    def whole(self) -> bytes:
        """The file after success."""
        if self.appends:
            return (self.before or b"") + self.content
        if self.offset is not None:
            return self._overwritten(len(self.content))
        return self.content

    def _overwritten(self, amount: int) -> bytes:
        before, offset = self.before or b"", self.offset or 0
        return before[:offset] + self.content[:amount] + before[offset + amount :]

    def success(self, found: bytes | None) -> str:
        """Return what is wrong with the file after a 226."""
        return difference(found, self.whole)

    def failure(self, found: bytes | None) -> str:
        """Return what is wrong with the file after an upload that was cut."""
        if self.before is None:
            return self._new(found)
        if self.appends or self.offset is not None:
            return self._in_place(found)
        if self.is_atomic or found == self.before:
            return difference(found, self.before)
        return self._part(found)

    def _new(self, found: bytes | None) -> str:
        if found is None:
            return ""
        return self._part(found) if self.keeps else f"a part of {len(found)} octets was not removed"

    def _part(self, found: bytes | None) -> str:
        if not found:
            return f"{_shown(found)} in place of a part"
        return difference(found, self.content[: len(found)])

    def _in_place(self, found: bytes | None) -> str:
        """Return what is wrong unless the file is as it was but for the beginning of what was sent."""
        if found is None:
            return "the old file is gone"
        before = self.before or b""
        offset = len(before) if self.appends else self.offset or 0
        amount = agreement(found[offset:], self.content)
        return difference(found, before[:offset] + self.content[:amount] + before[offset + amount :])
