# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.facts.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.facts import (
    DEFAULT_FACTS,
    Fact,
    FactListing,
    feature_line,
    parse_fact_selection,
    selection_reply,
)
from ftpserver.core.replies import encode_lines
from ftpserver.core.status import Entry, FileStatus, Status
from tests.listing_entries import can_stand, entries, moment_of

ALL = frozenset(Fact)
FILE = Status(stat.S_IFREG | 0o640, 12, 0.9, st_ino=255, st_dev=16, st_uid=7, st_gid=8)


def letters(entries: Sequence[Entry]) -> Iterable[str]:
    """Return what the *perm* facts show."""
    return ["adfr"] * len(entries)


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir"}
SPECIAL_KINDS = {
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
}


def plain_line(name: str, status: FileStatus, selected: frozenset[Fact]) -> str:
    """Return the line of MLSD in the plainest way."""
    kind = stat.S_IFMT(status.st_mode)
    when = moment_of(status)
    facts = {
        Fact.TYPE: KINDS.get(kind, "OS.unix=" + SPECIAL_KINDS.get(kind, "special")),
        Fact.SIZE: str(status.st_size),
        Fact.MODIFY: f"{when.year:04}" + when.strftime("%m%d%H%M%S"),
        Fact.PERM: f"of{len(name)}",
        Fact.UNIQUE: f"{status.st_dev:x}g{status.st_ino:x}",
        Fact.MODE: format(stat.S_IMODE(status.st_mode), "04o"),
        Fact.OWNER: str(status.st_uid),
        Fact.GROUP: str(status.st_gid),
    }
    if kind != stat.S_IFREG:
        del facts[Fact.SIZE]
    return "".join(f"{fact.value}={facts[fact]};" for fact in Fact if fact in facts and fact in selected) + " " + name


class LineTests(SynchronousTestCase):
    """Lines of facts."""

    def test_every_fact(self) -> None:
        """Each fact ends with a semicolon, and one blank precedes the name."""
        self.assertEqual(
            FactListing(ALL, letters).line("a b", FILE),
            "type=file;size=12;modify=19700101000000;perm=adfr;unique=10gff;"
            "UNIX.mode=0640;UNIX.owner=7;UNIX.group=8; a b",
        )

    def test_one_fact_at_a_time(self) -> None:
        """Only what is selected is shown."""
        for fact in Fact:
            line = FactListing(frozenset({fact}), letters).line("name", FILE)
            self.assertRegex(line, rf"\A{re.escape(fact.value)}=[^;]+; name\Z")

    def test_no_facts(self) -> None:
        """Without any fact a line is a blank and the name."""
        self.assertEqual(FactListing(frozenset(), letters).line("name", FILE), " name")

    def test_kinds_of_file(self) -> None:
        """A directory is told by its type and has no size; what is neither has a type of its own."""
        listing = FactListing(frozenset({Fact.TYPE, Fact.SIZE}), letters)
        for kind, line in (
            (stat.S_IFREG, "type=file;size=0; x"),
            (stat.S_IFDIR, "type=dir; x"),
            (stat.S_IFLNK, "type=OS.unix=symlink; x"),
            (stat.S_IFIFO, "type=OS.unix=pipe; x"),
            (stat.S_IFSOCK, "type=OS.unix=socket; x"),
            (stat.S_IFCHR, "type=OS.unix=chr; x"),
            (stat.S_IFBLK, "type=OS.unix=blk; x"),
            (0, "type=OS.unix=special; x"),
        ):
            self.assertEqual(listing.line("x", Status(kind | 0o644)), line)

    def test_hard_links_share_the_unique_fact(self) -> None:
        """Two names of one file are told by their unique fact, and two files by theirs."""
        listing = FactListing(frozenset({Fact.UNIQUE}), letters)
        lines = {listing.line("x", Status(FILE.st_mode, st_ino=ino, st_dev=dev)) for ino, dev in ((1, 11), (0x11, 1))}
        self.assertEqual(len(lines), 2)
        self.assertEqual(listing.line("x", FILE)[:-1], listing.line("y", FILE)[:-1])

    @given(st.lists(st.text()), st.sampled_from(["utf-8", "latin-1"]))
    def test_as_many_lines_as_names(self, names: list[str], encoding: str) -> None:
        """No name forges a line, and a name that would is left out."""
        octets = FactListing(ALL, letters, encoding).format([(name, FILE) for name in names])
        shown = [name for name in names if not set(name) & set("\r\n\0")]
        lines = octets.split(b"\r\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(len(lines), len(shown))
        for line in lines:
            self.assertRegex(line, rb"\A([A-Za-z.]+=[^; ]*;)+ [^\r\n]*\Z")

    @given(
        st.lists(entries(), max_size=3),
        st.frozensets(st.sampled_from(Fact)) | st.just(DEFAULT_FACTS),
        st.sampled_from(["utf-8", "latin-1", "utf-16"]),
    )
    def test_every_line_is_as_the_plainest_way_writes_it(
        self, batches: list[list[Entry]], selected: frozenset[Fact], encoding: str
    ) -> None:
        """Whatever the values and the selection, what is remembered from entry to entry changes no octet."""
        listing = FactListing(selected, lambda batch: [f"of{len(name)}" for name, _ in batch], encoding)
        for batch in batches:
            lines = [plain_line(name, status, selected) for name, status in batch if can_stand(name)]
            self.assertEqual(listing.format(batch), encode_lines(lines, encoding))
            for name, status in batch:
                self.assertEqual(listing.line(name, status), plain_line(name, status, selected))

    def test_permissions_are_asked_for_only_if_they_are_shown(self) -> None:
        """An account that takes long to decide does not slow a listing without the fact."""

        def asked(_entries: Sequence[Entry]) -> Iterable[str]:
            raise AssertionError("not shown")

        self.assertEqual(FactListing(frozenset({Fact.SIZE}), asked).format([("x", FILE)]), b"size=12; x\r\n")


class SelectionTests(SynchronousTestCase):
    """OPTS MLST and the line of FEAT."""

    def test_selections(self) -> None:
        """Names are taken in any case, and those that nobody knows are left out."""
        for argument, facts in (
            ("", frozenset()),
            ("type;size;", frozenset({Fact.TYPE, Fact.SIZE})),
            ("TYPE;unix.MODE;", frozenset({Fact.TYPE, Fact.MODE})),
            ("type;nonsense;", frozenset({Fact.TYPE})),
            ("nonsense;", frozenset()),
            ("type;type;", frozenset({Fact.TYPE})),
        ):
            self.assertEqual(parse_fact_selection(argument), facts, f"for {argument!r}")

    def test_what_is_no_selection(self) -> None:
        """Each name is followed by a semicolon, and nothing else stands between."""
        for argument in ("type", "type;size", ";", "type;;", ";type;", "type; size;", " "):
            self.assertRaises(ValueError, parse_fact_selection, argument)

    def test_feat_stars_what_is_shown(self) -> None:
        """FEAT tells every fact and stars those that are on."""
        self.assertEqual(
            feature_line(DEFAULT_FACTS), "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.owner;UNIX.group;"
        )
        self.assertNotIn("*", feature_line(frozenset()))

    def test_the_reply_tells_what_is_on(self) -> None:
        """The reply to OPTS MLST names the facts; without any nothing stands behind it."""
        self.assertEqual(selection_reply(frozenset({Fact.SIZE, Fact.TYPE})), "MLST OPTS type;size;")
        self.assertEqual(selection_reply(frozenset()), "MLST OPTS")
