# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.listing.
"""

from __future__ import annotations

import calendar
import stat
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.listing import (
    VALUES_KEPT,
    ListOptions,
    LongListing,
    Remembered,
    format_names,
    format_time,
    is_listable,
    parse_list_options,
    parse_time,
)
from ftpserver.core.replies import decode_name, encode_lines
from ftpserver.core.status import Entry, FileStatus, Status
from tests.listing_entries import can_stand, entries, moment_of, written

FILE = stat.S_IFREG | 0o644
NOW = float(calendar.timegm((2026, 7, 1, 12, 0, 0)))
DAY = 86400


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plain_line(name: str, status: FileStatus) -> str:
    """Return the line of LIST in the plainest way."""
    when = moment_of(status)
    recent = timedelta(days=-182.625) < when - datetime.fromtimestamp(NOW, UTC) < timedelta(days=1)
    clock = f"{when.hour:02}:{when.minute:02}" if recent else f" {when.year:04}"
    return " ".join(
        [
            stat.filemode(status.st_mode),
            str(1 if stat.S_ISDIR(status.st_mode) else status.st_nlink).rjust(3),
            str(status.st_uid).ljust(8),
            str(status.st_gid).ljust(8),
            str(status.st_size).rjust(8),
            MONTHS[when.month - 1],
            str(when.day).rjust(2),
            clock,
            name,
        ]
    )


def line_of(modified: float) -> str:
    """Return the line of a file that changed at *modified*."""
    (line,) = LongListing(NOW).lines([("name", Status(FILE, 5, modified))])
    return line


class LongListingTests(SynchronousTestCase):
    """LIST."""

    def test_a_line(self) -> None:
        """A line is as ``ls -l`` writes it: mode, links, owner, group, size, time and name."""
        listed = [
            ("a b", Status(FILE, 1234, NOW - DAY, st_nlink=2, st_uid=1000, st_gid=100)),
            ("d", Status(stat.S_IFDIR | 0o1777, 0, NOW - DAY)),
        ]
        self.assertEqual(
            LongListing(NOW).format(listed),
            b"-rw-r--r--   2 1000     100          1234 Jun 30 12:00 a b\r\n"
            b"drwxrwxrwt   1 0        0               0 Jun 30 12:00 d\r\n",
        )

    def test_an_empty_directory(self) -> None:
        """An empty directory has no line."""
        self.assertEqual(LongListing(NOW).format([]), b"")

    def test_recent_times_show_the_clock(self) -> None:
        """Times of the last half year show hour and minute, others the year."""
        for modified, shown in (
            (NOW, "Jul  1 12:00"),
            (NOW - 182 * DAY, "Dec 31 12:00"),
            (NOW - 184 * DAY, "Dec 29  2025"),
            (NOW + DAY / 2, "Jul  2 00:00"),
            (NOW + 2 * DAY, "Jul  3  2026"),
            (-1.0, "Dec 31  1969"),
            (2**31, "Jan 19  2038"),
            (1e18, "Dec 31  9999"),
            (-1e18, "Jan  1  0001"),
        ):
            self.assertIn(f" {shown} name", line_of(modified), f"for {modified}")

    def test_names_that_would_break_lines_are_left_out(self) -> None:
        """A name with CR, LF or NUL is in no listing, and the other names are."""
        listed = [(name, Status(FILE)) for name in ("a", "b\r\nc", "d\0", "e")]
        octets = LongListing(NOW).format(listed)
        self.assertEqual([line[-1:] for line in octets.split(b"\r\n")], [b"a", b"e", b""])

    def test_names_are_octets(self) -> None:
        """A name that is not of the encoding is listed with the octets it has."""
        listed = [(decode_name(b"\xff\xe9"), Status(FILE))]
        self.assertTrue(LongListing(NOW).format(listed).endswith(b" \xff\xe9\r\n"))
        self.assertTrue(LongListing(NOW, "latin-1").format([("é", Status(FILE))]).endswith(b" \xe9\r\n"))

    @given(st.lists(st.text()), st.sampled_from(["utf-8", "latin-1"]))
    def test_as_many_lines_as_names(self, names: list[str], encoding: str) -> None:
        """No name forges a line."""
        octets = LongListing(NOW, encoding).format([(name, Status(FILE)) for name in names])
        shown = [name for name in names if is_listable(name)]
        self.assertEqual(octets.count(b"\n"), len(shown))
        self.assertEqual(octets.count(b"\r"), len(shown))
        self.assertEqual(octets.count(b"\r\n"), len(shown))

    @given(st.lists(entries(), max_size=3), st.sampled_from(["utf-8", "latin-1", "utf-16"]))
    def test_every_line_is_as_the_plainest_way_writes_it(self, batches: list[list[Entry]], encoding: str) -> None:
        """Whatever the values, what is remembered from entry to entry changes no octet."""
        listing = LongListing(NOW, encoding)
        for batch in batches:
            lines = [plain_line(name, status) for name, status in batch if can_stand(name)]
            self.assertEqual(listing.lines(batch), lines)
            self.assertEqual(listing.format(batch), encode_lines(lines, encoding))


class NamesTests(SynchronousTestCase):
    """NLST."""

    @given(st.lists(st.text(max_size=8)), st.sampled_from(["", "a/", "é%s/"]), st.sampled_from(["utf-8", "latin-1"]))
    def test_every_line_is_a_name(self, names: list[str], prefix: str, encoding: str) -> None:
        """Each is the prefix and a name, and those that would break lines are left out."""
        lines = [prefix + name for name in names if can_stand(name)]
        self.assertEqual(format_names(names, encoding, prefix), written(lines, encoding))

    def test_names(self) -> None:
        """A line is a name behind the prefix; names that would break lines are left out."""
        self.assertEqual(format_names(["a", "b\n", "c d"]), b"a\r\nc d\r\n")
        self.assertEqual(format_names(["é"], "latin-1", "x/"), b"x/\xe9\r\n")
        self.assertEqual(format_names([]), b"")


class TimeTests(SynchronousTestCase):
    """Times of MDTM, MFMT and the facts."""

    def test_times(self) -> None:
        """A time is fourteen digits in UTC."""
        for seconds, text in (
            (0, "19700101000000"),
            (-1, "19691231235959"),
            (-0.5, "19691231235959"),
            (1.9, "19700101000001"),
            (2**31, "20380119031408"),
            (951782400, "20000229000000"),
            (1e300, "99991231235959"),
            (-1e300, "00010101000000"),
        ):
            self.assertEqual(format_time(seconds), text, f"for {seconds}")

    def test_fractions(self) -> None:
        """A fraction of a second may follow, before 1970 as well; digits behind the sixth mean nothing."""
        for text, seconds in (
            (b"19700101000000.5", 0.5),
            (b"19691231235959.25", -0.75),
            (b"20380119031408.001", 2**31 + 0.001),
            (b"19700101000001.0", 1.0),
            (b"20240101000000.9999999", 1704067200.999999),
            (b"19700101000000.1234567891" + b"9" * 5000, 0.123456),
        ):
            self.assertEqual(parse_time(text), seconds, f"for {text[:30]!r}")

    def test_what_is_no_time(self) -> None:
        """Another form, or a moment that no calendar has, is refused."""
        for text in (
            b"",
            b"2026010203040",
            b"202601020304055",
            b"20260102030405.",
            b"20260102030405.x",
            b"20260102030405.-1",
            b"20260102030405.1.2",
            b"+2026010203040",
            b" 20260102030405",
            b"20260102030405 ",
            b"20260102030405\n",
            b"2026 102030405",
            b"20260230000000",
            b"20250229000000",
            b"20261301000000",
            b"20260001000000",
            b"20260100000000",
            b"20260101240000",
            b"20260101006000",
            b"20260101000060",
            b"00000101000000",
            b"99999999999999",
            "2026010203040٥".encode(),
        ):
            self.assertRaises(ValueError, parse_time, text)

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_a_time_comes_back(self, moment: datetime) -> None:
        """From year 1 to 9999, a whole second is the same after both ways."""
        text = moment.strftime("%Y%m%d%H%M%S").rjust(14, "0")
        seconds = parse_time(text.encode())
        self.assertEqual(seconds, calendar.timegm(moment.timetuple()))
        self.assertEqual(format_time(seconds), text)

    @given(st.binary(max_size=20) | st.text("0123456789.", max_size=24).map(str.encode))
    def test_any_text_is_a_time_or_refused(self, text: bytes) -> None:
        """No argument raises anything else."""
        try:
            seconds = parse_time(text)
        except ValueError:
            return
        self.assertEqual(format_time(seconds).encode(), text[:14])


class RememberedTests(SynchronousTestCase):
    """Values that are asked for again and again."""

    def test_values_are_remembered(self) -> None:
        """Each is made once, and what is remembered is bounded."""
        asked: list[int] = []

        def made(key: int) -> str:
            asked.append(key)
            return str(key)

        values = Remembered(made)
        self.assertEqual([values[1], values[1], values[-1]], ["1", "1", "-1"])
        self.assertEqual(asked, [1, -1])
        for key in range(2, VALUES_KEPT + 1):
            self.assertEqual(values[key], str(key))
        self.assertEqual(len(values), 1)
        asked.clear()
        self.assertEqual(values[1], "1")
        self.assertEqual(asked, [1])


class OptionsTests(SynchronousTestCase):
    """What LIST gets beside a path."""

    def test_options_are_split_from_the_path(self) -> None:
        """Words that begin with a dash are options until ``--``; of their letters only R means something."""
        for argument, options in (
            ("", ListOptions()),
            ("a b", ListOptions(path="a b")),
            ("-a", ListOptions()),
            ("-la /path", ListOptions(path="/path")),
            ("-l -a  lead", ListOptions(path=" lead")),
            ("-lR x", ListOptions(True, "x")),
            ("-R", ListOptions(True)),
            ("-- -R", ListOptions(path="-R")),
            ("-l -- -dash", ListOptions(path="-dash")),
            ("--", ListOptions()),
            ("-", ListOptions()),
            ("x -R", ListOptions(path="x -R")),
        ):
            self.assertEqual(parse_list_options(argument), options, f"for {argument!r}")
