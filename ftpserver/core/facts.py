# -*- test-case-name: tests.test_facts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The facts of MLST and MLSD (RFC 3659, section 7).
"""

from __future__ import annotations

import enum
import stat
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from .listing import Remembered, format_time, listable_lines
from .replies import encode_lines
from .status import Entry, FileStatus

__all__ = [
    "DEFAULT_FACTS",
    "Fact",
    "FactListing",
    "feature_line",
    "parse_fact_selection",
    "selection_reply",
]


class Fact(enum.Enum):
    """A fact that can be shown; the value is its name."""

    TYPE = "type"
    SIZE = "size"
    MODIFY = "modify"
    PERM = "perm"
    UNIQUE = "unique"
    MODE = "UNIX.mode"
    OWNER = "UNIX.owner"
    GROUP = "UNIX.group"


#: Shown until OPTS MLST says otherwise.
DEFAULT_FACTS = frozenset({Fact.TYPE, Fact.SIZE, Fact.MODIFY, Fact.PERM, Fact.UNIQUE, Fact.MODE})

_BY_NAME = {fact.value.lower(): fact for fact in Fact}


def parse_fact_selection(argument: str) -> frozenset[Fact]:
    """
    Return the facts that ``OPTS MLST type;size;`` selects; those that are not known are left out.

    :raises ValueError: unless each name is followed by a semicolon (RFC 3659, section 7.9).
    """
    if not argument:
        return frozenset()
    if not argument.endswith(";") or " " in argument:
        raise ValueError("names of facts, each followed by a semicolon")
    names = argument[:-1].lower().split(";")
    if not all(names):
        raise ValueError("a name before each semicolon")
    return frozenset(_BY_NAME[name] for name in names if name in _BY_NAME)


def feature_line(selected: frozenset[Fact]) -> str:
    """Return the line of FEAT, which stars the facts that are shown (RFC 3659, section 7.8)."""
    return "MLST " + "".join(f"{fact.value}{'*' if fact in selected else ''};" for fact in Fact)


def selection_reply(selected: frozenset[Fact]) -> str:
    """Return the text of the reply to OPTS MLST (RFC 3659, section 7.9)."""
    return "MLST OPTS " + "".join(f"{fact.value};" for fact in Fact if fact in selected) if selected else "MLST OPTS"


class FactListing:
    """
    Lines of facts.

    :param selected: the facts to show.
    :param permissions: gives the *perm* fact of each entry (RFC 3659, section 7.5.5); asked only if that is shown.
    :param encoding: of names.
    """

    def __init__(
        self,
        selected: frozenset[Fact],
        permissions: Callable[[Sequence[Entry]], Iterable[str]],
        encoding: str = "utf-8",
    ) -> None:
        self._selected = selected
        self._permissions = permissions if Fact.PERM in selected else _no_permissions
        self._encoding = encoding
        self._times = Remembered(format_time)
        self._templates = Remembered(self._template)

    def format(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of *entries*, each with CRLF."""
        return encode_lines(listable_lines(entries, self._lines), self._encoding)

    def line(self, name: str, status: FileStatus) -> str:
        """
        Return one line without its end.

        :param name: a name without a path for MLSD, a whole path for MLST.
        """
        return self._lines([(name, status)])[0]

    def _lines(self, entries: Sequence[Entry]) -> list[str]:
        templates, times = self._templates, self._times
        # What changes from entry to entry is put into a text that is made once for all of a kind: 1.2 us in place of 7
        # for asking of each entry which facts are shown.
        return [
            templates[status.st_mode, status.st_dev, status.st_uid, status.st_gid]
            % (status.st_size, times[status.st_mtime // 1], permission, status.st_ino, name)
            for (name, status), permission in zip(entries, self._permissions(entries), strict=True)
        ]

    def _template(self, kind: tuple[int, int, int, int]) -> str:
        """Return the line of all entries of a *kind*, with places for size, time, permissions, number and name."""
        mode, device, owner, group = kind
        facts = {
            Fact.TYPE: f"type={_kind(mode)};",
            Fact.SIZE: "size=%s;" if stat.S_ISREG(mode) else _NOT_SHOWN,
            Fact.MODIFY: "modify=%s;",
            Fact.PERM: "perm=%s;",
            Fact.UNIQUE: f"unique={device:x}g%x;",
            Fact.MODE: f"UNIX.mode={stat.S_IMODE(mode):04o};",
            Fact.OWNER: f"UNIX.owner={owner};",
            Fact.GROUP: f"UNIX.group={group};",
        }
        shown = [text if fact in self._selected else _NOT_SHOWN * text.count("%") for fact, text in facts.items()]
        return f"{''.join(shown)} %s"


#: Takes a value and shows nothing of it.
_NOT_SHOWN = "%.0s"


def _no_permissions(entries: Sequence[Entry]) -> Iterable[str]:
    return repeat("", len(entries))


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return f"OS.unix={_SPECIAL.get(stat.S_IFMT(mode), 'special')}"


_SPECIAL = {
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
}
