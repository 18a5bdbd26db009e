# -*- test-case-name: tests.test_benchmarks_amounts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How much work each case gives to each server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

__all__ = ["GIB", "KIB", "MIB", "QUICK", "Amounts", "parse_size"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

_SIZE = re.compile(r"(\d+)\s*(KiB|MiB|GiB)?\Z")
_FACTORS = {None: 1, "KiB": KIB, "MiB": MIB, "GiB": GIB}


def parse_size(text: str) -> int:
    """
    Return the bytes that ``512MiB`` or ``4096`` means.

    :raises ValueError: on anything else.
    """
    match = _SIZE.match(text)
    if match is None or not int(match[1]):
        raise ValueError(f"a size is a number with KiB, MiB, GiB or nothing behind it, not {text!r}")
    return int(match[1]) * _FACTORS[match[2]]


def _shown(size: int) -> str:
    return f"{size / MIB:g} MiB" if size >= MIB else f"{size / KIB:g} KiB"


@dataclass(frozen=True, slots=True)
class Amounts:
    """
    The work of one round.

    :ivar size: bytes of one large file.
    :ivar tls_size: the same where it is encrypted, which takes longer.
    :ivar parallel: downloads at a time.
    :ivar parallel_size: bytes of each of them.
    :ivar files: small files.
    :ivar small_size: bytes of each of them.
    :ivar logins: sessions, one after another.
    :ivar commands: commands without a transfer.
    :ivar entries: of the large directory.
    :ivar sessions: that sit idle.
    :ivar seconds: that latency and speed limits are watched for.
    """

    size: int = 512 * MIB
    tls_size: int = 256 * MIB
    parallel: int = 50
    parallel_size: int = 20 * MIB
    files: int = 1000
    small_size: int = 4 * KIB
    logins: int = 500
    commands: int = 20_000
    entries: int = 100_000
    sessions: int = 1000
    seconds: float = 5.0

    @property
    def sentence(self) -> str:
        """All of it in words."""
        return (
            f"large files of {_shown(self.size)}, {_shown(self.tls_size)} over TLS; {self.parallel} downloads of "
            f"{_shown(self.parallel_size)} at a time; {self.files:,} small files of {_shown(self.small_size)}; "
            f"{self.logins:,} logins; {self.commands:,} commands; a directory of {self.entries:,} entries; "
            f"{self.sessions:,} idle sessions; {self.seconds:g} seconds"
        )

    def sized(self, size: int) -> Amounts:
        """Return the same with large files of *size* bytes, and the others in proportion."""
        share = size / self.size
        return replace(
            self,
            size=size,
            tls_size=max(1, int(self.tls_size * share)),
            parallel_size=max(1, int(self.parallel_size * share)),
        )

    def part(self, share: float) -> Amounts:
        """Return a share of the work, a little of each at least; the large directory stays as it is."""
        return Amounts(
            size=max(64 * KIB, int(self.size * share)),
            tls_size=max(64 * KIB, int(self.tls_size * share)),
            parallel=max(2, int(self.parallel * share)),
            parallel_size=max(64 * KIB, int(self.parallel_size * share)),
            files=max(20, int(self.files * share)),
            small_size=self.small_size,
            logins=max(20, int(self.logins * share)),
            commands=max(100, int(self.commands * share)),
            entries=self.entries,
            sessions=max(20, int(self.sessions * share)),
            seconds=max(0.5, self.seconds * share),
        )


#: What ``--quick`` does: enough to see that everything works.
QUICK = Amounts(
    size=16 * MIB,
    tls_size=8 * MIB,
    parallel=10,
    parallel_size=2 * MIB,
    files=100,
    logins=50,
    commands=1000,
    entries=2000,
    sessions=50,
    seconds=1.0,
)
