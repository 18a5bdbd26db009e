# -*- test-case-name: tests.test_listing -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The lines of LIST, NLST and MLSD out of stat values, a batch at a time.

Names with CR, LF or NUL are left out everywhere: they could not be asked for, and would forge lines.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .replies import encode_lines
from .status import Entry, FileStatus

__all__ = [
    "ListOptions",
    "LongListing",
    "format_names",
    "format_time",
    "is_listable",
    "parse_list_options",
    "parse_time",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Formatted times that are kept; a directory of files unpacked or copied together has few different ones, and a
#: look-up costs a third of formatting.
TIMES_KEPT = 4096

_HALF_A_YEAR = 182.625 * 86400
_A_DAY = 86400.0


def is_listable(name: str) -> bool:
    """Tell whether *name* can stand in a listing."""
    return "\n" not in name and "\r" not in name and "\0" not in name


class TimeCache:
    """
    Formatted times by second.

    :param format: what is remembered.
    """

    def __init__(self, format: Callable[[int], str]) -> None:
        self._format = format
        self._known: dict[int, str] = {}

    def __call__(self, seconds: float) -> str:
        second = int(seconds // 1)
        known = self._known.get(second)
        if known is None:
            if len(self._known) >= TIMES_KEPT:
                self._known.clear()
            known = self._known[second] = self._format(second)
        return known


class LongListing:
    """
    Lines as ``ls -l`` writes them, with English months and UTC times whatever the locale.

    :param now: seconds since the epoch; times within half a year before it show the clock, others the year.
    :param encoding: of names.
    """

    def __init__(self, now: float, encoding: str = "utf-8") -> None:
        self._encoding = encoding
        self._now = now
        self._time = TimeCache(self._date)
        self._modes: dict[int, str] = {}

    def format(self, entries: Iterable[Entry]) -> bytes:
        """Return the lines of *entries*, each with CRLF."""
        return encode_lines(self.lines(entries), self._encoding)

    def lines(self, entries: Iterable[Entry]) -> list[str]:
        """Return the lines of *entries* without their ends."""
        return [self._line(name, status) for name, status in entries if is_listable(name)]

    def _line(self, name: str, status: FileStatus) -> str:
        mode = self._modes.get(status.st_mode)
        if mode is None:
            mode = self._modes[status.st_mode] = stat.filemode(status.st_mode)
        return (
            f"{mode} {status.st_nlink:3} {status.st_uid:<8} {status.st_gid:<8} {status.st_size:8} "
            f"{self._time(status.st_mtime)} {name}"
        )

    def _date(self, seconds: int) -> str:
        when = _moment(seconds)
        recent = self._now - _HALF_A_YEAR < seconds < self._now + _A_DAY
        clock = f"{when.tm_hour:02}:{when.tm_min:02}" if recent else f" {when.tm_year:04}"
        return f"{_MONTHS[when.tm_mon - 1]} {when.tm_mday:2} {clock}"


#: What ``datetime`` and fourteen digits can hold: the years 1 to 9999.
_EARLIEST, _LATEST = -62135596800, 253402300799


def _moment(seconds: float) -> time.struct_time:
    return time.gmtime(min(max(seconds, _EARLIEST), _LATEST))


def format_names(entries: Iterable[str], encoding: str = "utf-8", prefix: str = "") -> bytes:
    """
    Return the lines of NLST.

    :param prefix: written before each name, so that RETR understands the line in the current directory.
    """
    return encode_lines([prefix + name for name in entries if is_listable(name)], encoding)


def format_time(seconds: float) -> str:
    """Return ``YYYYMMDDHHMMSS`` in UTC, whole seconds (RFC 3659, section 2.3)."""
    when = _moment(seconds // 1)
    return f"{when.tm_year:04}{when.tm_mon:02}{when.tm_mday:02}{when.tm_hour:02}{when.tm_min:02}{when.tm_sec:02}"


_TIME = re.compile(rb"(\d{4})" + rb"(\d\d)" * 5 + rb"(?:\.(\d+))?\Z")

#: A file system keeps nanoseconds; what stands behind them is read and means nothing.
_FRACTION_DIGITS = 9


def parse_time(text: bytes) -> float:
    """
    Return the seconds since the epoch that ``YYYYMMDDHHMMSS`` with an optional fraction means.

    :raises ValueError: on another form, or a moment that no calendar has.
    """
    match = _TIME.match(text)
    if match is None:
        raise ValueError("a time is written YYYYMMDDHHMMSS, with an optional fraction")
    *fields, fraction = match.groups(b"0")
    year, month, day, hour, minute, second = map(int, fields)
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    seconds: float = (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    digits = fraction[:_FRACTION_DIGITS]
    return seconds + int(digits) / float(10 ** len(digits))


@dataclass(frozen=True, slots=True)
class ListOptions:
    """
    What LIST, NLST and STAT are asked beside a path.

    :ivar recursive: directories below, too (``-R``).
    :ivar path: as the client wrote it; may be empty.
    """

    recursive: bool = False
    path: str = ""


def parse_list_options(argument: str) -> ListOptions:
    """
    Split words such as ``-la`` from the path; all letters but ``R`` mean nothing here, ``--`` ends the options.

    RFC 959 knows no options, yet many clients send those of ``ls``.
    """
    letters = ""
    rest = argument
    while rest.startswith("-"):
        word, _, rest = rest.partition(" ")
        if word == "--":
            break
        letters += word
    return ListOptions("R" in letters, rest)
