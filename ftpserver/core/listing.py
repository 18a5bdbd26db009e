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
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from .replies import encode_lines
from .status import Entry

__all__ = [
    "ListOptions",
    "LongListing",
    "Remembered",
    "format_names",
    "format_time",
    "is_listable",
    "listable_lines",
    "parse_list_options",
    "parse_time",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Values that are kept: a directory has few different modes, owners and times beside its names.
VALUES_KEPT = 4096

_DAY = 86400
_HALF_A_YEAR = 182.625 * _DAY

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(dict[K, V]):
    """
    Values by key, each made when it is asked for first: a look-up costs a fifth of making one.

    :param make: returns the value of a key.
    """

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> V:
        if len(self) >= VALUES_KEPT:
            self.clear()
        value = self[key] = self._make(key)
        return value


def is_listable(name: str) -> bool:
    """Tell whether *name* can stand in a listing."""
    return "\n" not in name and "\r" not in name and "\0" not in name


def listable_lines(entries: Sequence[Entry], as_lines: Callable[[Sequence[Entry]], list[str]]) -> list[str]:
    """
    Return the lines of those of *entries* that can stand in a listing.

    :param as_lines: gives one line for each entry, which holds CR, LF or NUL only if the name does.
    """
    lines = as_lines(entries)
    # One look at all lines together costs a tenth of a look at each name.
    if is_listable("".join(lines)):
        return lines
    return as_lines([entry for entry in entries if is_listable(entry[0])])


class LongListing:
    """
    Lines as ``ls -l`` writes them, with English months and UTC times whatever the locale.

    :param now: seconds since the epoch; times within half a year before it show the clock, others the year.
    :param encoding: of names.
    """

    def __init__(self, now: float, encoding: str = "utf-8") -> None:
        self._encoding = encoding
        self._now = now
        self._times = Remembered(self._date)
        self._templates = Remembered(_long_template)

    def format(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of *entries*, each with CRLF."""
        return encode_lines(self.lines(entries), self._encoding)

    def lines(self, entries: Sequence[Entry]) -> list[str]:
        """Return the lines of *entries* without their ends."""
        return listable_lines(entries, self._lines)

    def _lines(self, entries: Sequence[Entry]) -> list[str]:
        templates, times = self._templates, self._times
        # What changes from entry to entry is put into a text that is made once for all of a kind: 1.0 us in place of
        # 1.9 for one expression that formats everything, and a call for each entry would be another 0.1.
        return [
            templates[status.st_mode, status.st_nlink, status.st_uid, status.st_gid]
            % (status.st_size, times[status.st_mtime // 1], name)
            for name, status in entries
        ]

    def _date(self, seconds: float) -> str:
        day, rest = _day_and_second(seconds)
        if self._now - _HALF_A_YEAR < seconds < self._now + _DAY:
            return f"{_day_of_year(day)} {_TWO_DIGITS[rest // 3600]}:{_TWO_DIGITS[rest // 60 % 60]}"
        return _day_and_year(day)


def _long_template(kind: tuple[int, int, int, int]) -> str:
    mode, links, owner, group = kind
    if stat.S_ISDIR(mode):
        # The subdirectories that it has are for its own listing to tell, which leaves some out.
        links = 1
    return f"{stat.filemode(mode)} {links:3} {owner:<8} {group:<8} %8s %s %s"


#: What ``datetime`` and fourteen digits can hold: the years 1 to 9999.
_EARLIEST, _LATEST = -62135596800, 253402300799

_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))


def _day_and_second(seconds: float) -> tuple[int, int]:
    """Return the day since the epoch and the second of it."""
    if not _EARLIEST <= seconds <= _LATEST:
        seconds = min(max(seconds, _EARLIEST), _LATEST)
    return divmod(int(seconds // 1), _DAY)


# The calendar costs most of formatting a time (1.3 us of 1.9), and times of different files are of few days.


@lru_cache(maxsize=VALUES_KEPT)
def _digits_of_date(day: int) -> str:
    when = time.gmtime(day * _DAY)
    return f"{when.tm_year:04}{when.tm_mon:02}{when.tm_mday:02}"


@lru_cache(maxsize=VALUES_KEPT)
def _day_of_year(day: int) -> str:
    when = time.gmtime(day * _DAY)
    return f"{_MONTHS[when.tm_mon - 1]} {when.tm_mday:2}"


@lru_cache(maxsize=VALUES_KEPT)
def _day_and_year(day: int) -> str:
    return f"{_day_of_year(day)}  {_digits_of_date(day)[:4]}"


def format_names(entries: Iterable[str], encoding: str = "utf-8", prefix: str = "") -> bytes:
    """
    Return the lines of NLST.

    :param prefix: written before each name, so that RETR understands the line in the current directory.
    """
    names = list(entries)
    if not is_listable("".join(names)):
        names = [name for name in names if is_listable(name)]
    return encode_lines([prefix + name for name in names] if prefix else names, encoding)


def format_time(seconds: float) -> str:
    """Return ``YYYYMMDDHHMMSS`` in UTC, whole seconds (RFC 3659, section 2.3)."""
    day, rest = _day_and_second(seconds)
    clock = f"{_TWO_DIGITS[rest // 3600]}{_TWO_DIGITS[rest // 60 % 60]}{_TWO_DIGITS[rest % 60]}"
    return _digits_of_date(day) + clock


_TIME = re.compile(rb"(\d{4})" + rb"(\d\d)" * 5 + rb"(?:\.(\d+))?\Z")

#: What a float tells apart in our days; what stands behind is read and means nothing.
_FRACTION_DIGITS = 6


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
