# -*- test-case-name: tests.test_facts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The facts of MLST and MLSD (RFC 3659, section 7).
"""

from __future__ import annotations

import enum
import stat
from collections.abc import Callable, Iterable

from .listing import TimeCache, format_time, is_listable
from .replies import encode_lines
from .status import Entry, FileStatus, is_directory, is_regular_file

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
    :param permissions: gives the *perm* fact of an entry (RFC 3659, section 7.5.5).
    :param encoding: of names.
    """

    def __init__(
        self, selected: frozenset[Fact], permissions: Callable[[str, FileStatus], str], encoding: str = "utf-8"
    ) -> None:
        self._selected = selected
        self._permissions = permissions
        self._encoding = encoding
        self._time = TimeCache(format_time)

    def format(self, entries: Iterable[Entry]) -> bytes:
        """Return the lines of *entries*, each with CRLF."""
        return encode_lines([self.line(name, status) for name, status in entries if is_listable(name)], self._encoding)

    def line(self, name: str, status: FileStatus) -> str:
        """
        Return one line without its end.

        :param name: a name without a path for MLSD, a whole path for MLST.
        """
        selected = self._selected
        facts = []
        if Fact.TYPE in selected:
            facts.append(f"type={_kind(status)};")
        if Fact.SIZE in selected and is_regular_file(status):
            facts.append(f"size={status.st_size};")
        if Fact.MODIFY in selected:
            facts.append(f"modify={self._time(status.st_mtime)};")
        if Fact.PERM in selected:
            facts.append(f"perm={self._permissions(name, status)};")
        if Fact.UNIQUE in selected:
            facts.append(f"unique={status.st_dev:x}g{status.st_ino:x};")
        if Fact.MODE in selected:
            facts.append(f"UNIX.mode={stat.S_IMODE(status.st_mode):04o};")
        if Fact.OWNER in selected:
            facts.append(f"UNIX.owner={status.st_uid};")
        if Fact.GROUP in selected:
            facts.append(f"UNIX.group={status.st_gid};")
        return f"{''.join(facts)} {name}"


def _kind(status: FileStatus) -> str:
    if is_regular_file(status):
        return "file"
    if is_directory(status):
        return "dir"
    return f"OS.unix={_SPECIAL.get(stat.S_IFMT(status.st_mode), 'special')}"


_SPECIAL = {
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
}
