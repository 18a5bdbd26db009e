# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for LIST, NLST, MLSD, MLST and STAT.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from zope.interface import implementer_only

from ftpserver import IPathIO, MemoryPathIO, Permission, VirtualPath
from ftpserver.commands import listings
from ftpserver.commands.directories import BATCH
from ftpserver.core.events import Listed
from ftpserver.core.status import Entry, FileStatus, Status
from ftpserver.errors import NoSuchPath
from ftpserver.testing import Dialogue, DialogueFiles
from tests.conversation import ConversationTestCase, user_with


def names_of(lines: bytes) -> list[str]:
    """Return the names in the lines of LIST, sorted."""
    return sorted(line.split(None, 8)[8].decode() for line in lines.splitlines())


class ListTests(ConversationTestCase):
    """LIST."""

    def test_a_directory_is_listed_as_ls_does(self) -> None:
        """Each entry is a line with mode, links, owner, group, size, time and name, whatever the type."""
        dialogue = self.logged_in()
        dialogue.files.write("/f", b"12345").modified = 938_573_000
        dialogue.files.make_directory("/d").modified = 0
        for text in ("A", "I"):
            dialogue.say(f"TYPE {text}", expect=200)
            self.assertEqual(
                dialogue.download("LIST"),
                b"-rw-r--r--   1 0        0               5 Sep 29  1999 f\r\n"
                b"drwxr-xr-x   1 0        0               0 Jan  1  1970 d\r\n",
            )

    def test_an_empty_directory_has_no_lines(self) -> None:
        """Nothing is sent for a directory that holds nothing, and that is a success."""
        self.assertEqual(self.logged_in().download("LIST"), b"")

    def test_a_file_is_one_line(self) -> None:
        """LIST of a file shows the file."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/f", b"12345")
        self.assertEqual(names_of(dialogue.download("LIST d/f")), ["f"])

    def test_what_is_missing_is_refused_before_the_connection(self) -> None:
        """550 comes without a 150, and the data port can be used for another command."""
        dialogue = self.logged_in()
        for line in ("LIST missing", "NLST missing", "MLSD missing", "LIST missing/*"):
            dialogue.agree()
            dialogue.say(line, expect=550)

    def test_options_mean_nothing(self) -> None:
        """Options of ``ls`` are taken and left aside, whatever they are."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/f")
        for text in ("-a d", "-la d", "-l -a d", "--color=never d", "-- d", "-Z d"):
            self.assertEqual(names_of(dialogue.download(f"LIST {text}")), ["f"], text)
        self.assertEqual(names_of(dialogue.download("LIST -la")), ["d"])

    def test_a_name_may_begin_with_a_dash(self) -> None:
        """A file that is really named like an option is found."""
        dialogue = self.logged_in()
        dialogue.files.write("/-l")
        dialogue.files.write("/-d f/g")
        self.assertEqual(names_of(dialogue.download("LIST -l")), ["-l"])
        self.assertEqual(names_of(dialogue.download("LIST -d f")), ["g"])

    def test_patterns_choose_entries(self) -> None:
        """A pattern in the last component shows the entries that match it."""
        dialogue = self.logged_in()
        for name in ("a.txt", "b.txt", "c.bin", ".hidden.txt"):
            dialogue.files.write(f"/d/{name}")
        self.assertEqual(names_of(dialogue.download("LIST d/*.txt")), ["a.txt", "b.txt"])
        self.assertEqual(names_of(dialogue.download("LIST d/[ac]*")), ["a.txt", "c.bin"])
        self.assertEqual(dialogue.download("LIST d/*.no"), b"")

    def test_a_name_that_looks_like_a_pattern_is_a_name(self) -> None:
        """What is there under the very name is listed, not what the pattern would match."""
        dialogue = self.logged_in()
        dialogue.files.write("/*")
        dialogue.files.write("/other")
        self.assertEqual(names_of(dialogue.download("LIST *")), ["*"])

    def test_a_pattern_in_a_forbidden_directory_shows_nothing(self) -> None:
        """Listing by a pattern asks for the right to list the directory."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/d", list=False)))
        dialogue.files.write("/d/f")
        for line in ("LIST d/*", "LIST d", "NLST d/*", "MLSD d", "LIST d/f"):
            dialogue.download(line, expect=550)

    def test_many_entries_are_all_sent(self) -> None:
        """A directory of more entries than one batch is listed whole, in one event."""
        dialogue = self.logged_in()
        wanted = [f"{number:04}" for number in range(1000)]
        for name in wanted:
            dialogue.files.write(f"/{name}")
        self.assertEqual(names_of(dialogue.download("LIST")), wanted)
        (event,) = dialogue.events.of(Listed)
        self.assertEqual((event.command, event.path, event.code), ("LIST", "/", 226))

    def test_names_with_line_ends_are_left_out(self) -> None:
        """A name with CR or LF forges no line."""
        dialogue = self.logged_in()
        for name in ("good", "a\r\n-rw-r--r--", "b\nc", "d\re"):
            dialogue.files.root.children[name] = dialogue.files.write("/good")
        for line in ("LIST", "NLST", "MLSD"):
            data = dialogue.download(line)
            self.assertEqual((data.count(b"\r\n"), data.count(b"\n"), data.count(b"\r")), (1, 1, 1), line)

    def test_names_in_any_encoding_are_sent_as_they_are(self) -> None:
        """Octets that are not UTF-8 are listed as they are."""
        dialogue = self.logged_in()
        dialogue.files.write("/\udce9\xe9")
        self.assertEqual(dialogue.download("NLST"), b"\xe9\xc3\xa9\r\n")
        self.assertTrue(dialogue.download("LIST").endswith(b" \xe9\xc3\xa9\r\n"))


class RecursiveTests(ConversationTestCase):
    """LIST -R."""

    def test_a_tree_is_listed(self) -> None:
        """Each directory has its path, its entries and an empty line."""
        dialogue = self.logged_in()
        dialogue.files.write("/a/b/f")
        dialogue.files.write("/a/g")
        lines = dialogue.download("LIST -R a").decode().split("\r\n")
        shown = [line.split()[-1] if line else "" for line in lines]
        self.assertEqual(shown, ["/a:", "b", "g", "", "/a/b:", "f", "", ""])

    def test_a_file_is_one_line(self) -> None:
        """LIST -R of a file or a pattern is the same as without the R."""
        dialogue = self.logged_in()
        dialogue.files.write("/a/f")
        self.assertEqual(names_of(dialogue.download("LIST -R a/f")), ["f"])
        self.assertEqual(names_of(dialogue.download("LIST -R a/*")), ["f"])

    def test_depth_and_number_are_bounded(self) -> None:
        """One command walks so deep and shows so many directories, no more."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a/b/c/d")
        with patch.object(listings, "MAXIMUM_DEPTH", 2):
            self.assertEqual(self.headings(dialogue), ["/:", "/a:", "/a/b:"])
        for number in range(5):
            dialogue.files.make_directory(f"/{number}")
        with patch.object(listings, "MAXIMUM_DIRECTORIES", 3):
            self.assertEqual(len(self.headings(dialogue)), 3)

    def headings(self, dialogue: Dialogue) -> list[str]:
        """Return the paths that LIST -R shows."""
        lines = dialogue.download("LIST -R").decode().splitlines()
        return [line for line in lines if line.endswith(":")]

    def test_forbidden_directories_are_shown_empty(self) -> None:
        """What may not be listed below has its heading and nothing else."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/d", list=False)))
        dialogue.files.write("/d/f")
        self.assertTrue(dialogue.download("LIST -R").endswith(b"/d:\r\n\r\n"))


class NlstTests(ConversationTestCase):
    """NLST."""

    def test_each_name_can_be_retrieved(self) -> None:
        """What NLST shows is a path that RETR understands in the current directory."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/e/f", b"octets")
        dialogue.say("CWD d", expect=250)
        dialogue.say("TYPE I", expect=200)
        for text, shown in (
            (" e", "e/f"),
            (" e/f", "e/f"),
            (" e/*", "e/f"),
            (" /d/e", "/d/e/f"),
            (" ../d/e", "e/f"),
            (" -la e", "e/f"),
        ):
            self.assertEqual(dialogue.download(f"NLST{text}"), shown.encode() + b"\r\n", text)
            self.assertEqual(dialogue.download(f"RETR {shown}"), b"octets")

    def test_the_current_directory_needs_no_prefix(self) -> None:
        """Names in the current directory stand alone, however the client writes it."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/f")
        for text in ("", " ", " .", " *"):
            self.assertEqual(dialogue.download(f"NLST{text}"), b"d\r\n", text)
        dialogue.say("CWD d", expect=250)
        self.assertEqual(dialogue.download("NLST .."), b"/d\r\n")


class FactsTests(ConversationTestCase):
    """MLSD and MLST."""

    def test_entries_have_facts(self) -> None:
        """Each line of MLSD is facts, a blank and the name, whatever the type."""
        dialogue = self.logged_in(user_with(Permission("/", writable=False)))
        node = dialogue.files.write("/f", b"1\n2\n")
        node.modified = 938_573_000
        for text in ("A", "I"):
            dialogue.say(f"TYPE {text}", expect=200)
            self.assertEqual(
                dialogue.download("MLSD"),
                b"type=file;size=4;modify=19990929024320;perm=r;unique=1g%x;UNIX.mode=0644; f\r\n" % node.number,
            )

    def test_mlsd_is_for_directories(self) -> None:
        """501 comes for a file, without a data connection."""
        dialogue = self.logged_in()
        dialogue.files.write("/f")
        dialogue.agree()
        dialogue.say("MLSD f", expect=501)

    def test_mlst_shows_one_path(self) -> None:
        """The facts of a file or directory come with its absolute path over the control connection."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/f f", b"12345")
        dialogue.say("OPTS MLST type;size;", expect=200)
        self.assertEqual(dialogue.say("MLST d/f f", expect=250).lines[1], "type=file;size=5; /d/f f")
        dialogue.say("CWD d", expect=250)
        self.assertEqual(dialogue.say("MLST", expect=250).lines[1], "type=dir; /d")
        dialogue.say("MLST missing", expect=550)

    def test_names_are_literal(self) -> None:
        """A sign of patterns in a name means itself."""
        dialogue = self.logged_in()
        dialogue.files.write("/f")
        for line in ("MLST *", "MLSD *", "MLST ?", "MLST ~"):
            dialogue.agree()
            dialogue.say(line, expect=550)

    def test_mlst_needs_a_right(self) -> None:
        """Whoever may read or list may see the facts, and nobody else."""
        permissions = [Permission("/"), Permission("/r", list=False), Permission("/n", readable=False, writable=False)]
        dialogue = self.logged_in(user_with(*permissions))
        dialogue.files.write("/r")
        dialogue.files.write("/n")
        dialogue.say("MLST r", expect=250)
        dialogue.say("MLST n", expect=550)


class StatTests(ConversationTestCase):
    """STAT."""

    def test_the_state_of_the_session_is_told(self) -> None:
        """STAT without a path tells the client, the login and the type."""
        dialogue = self.converse(client_host="192.0.2.7")
        self.assertEqual(
            dialogue.say("STAT", expect=211).lines, ("State of the session:", "Connected from 192.0.2.7.", "End.")
        )
        dialogue.login()
        self.assertIn("Logged in; the type is A.", dialogue.say("STAT", expect=211).lines)

    def test_a_path_is_listed_over_the_control_connection(self) -> None:
        """STAT of a directory is 212, of a file 213, each with the lines of LIST."""
        dialogue = self.logged_in()
        dialogue.files.write("/d/f")
        for text, code in (("d", 212), ("d/f", 213), ("-la d", 212), ("d/*", 212)):
            lines = dialogue.say(f"STAT {text}", expect=code).lines
            self.assertEqual([line.split()[-1] for line in lines[1:-1]], ["f"], text)

    def test_a_path_needs_a_login_and_a_right(self) -> None:
        """STAT of a path shows nothing that LIST would not."""
        dialogue = self.converse(user_with(Permission("/"), Permission("/d", list=False)))
        dialogue.files.write("/d/f")
        dialogue.say("STAT d", expect=530)
        dialogue.login()
        for path in ("d", "d/f", "d/*", "missing"):
            dialogue.say(f"STAT {path}", expect=550)

    def test_the_lines_are_bounded(self) -> None:
        """A reply is kept in memory, so a big directory is shown in part."""
        dialogue = self.logged_in()
        for number in range(700):
            dialogue.files.write(f"/{number}")
        with patch.object(listings, "MAXIMUM_STATUS_LINES", 300):
            self.assertEqual(len(dialogue.say("STAT /", expect=212).lines), 302)


class CountedStatus:
    """Stat values that know how many of their kind there are."""

    alive = most = 0

    st_mode, st_size, st_mtime, st_ino, st_dev, st_nlink, st_uid, st_gid = 0o100644, 1, 1.0, 1, 1, 1, 0, 0

    def __init__(self) -> None:
        CountedStatus.alive += 1
        CountedStatus.most = max(self.alive, self.most)

    def __del__(self) -> None:
        CountedStatus.alive -= 1


class Endless(MemoryPathIO):
    """A store with a directory of a hundred thousand files, of which none is there before it is asked for."""

    ENTRIES = 100_000

    async def scan(self, path: VirtualPath, amount: int) -> Any:
        """Make the entries batch by batch."""
        return self.batches(amount)

    async def batches(self, amount: int) -> AsyncGenerator[list[Entry], None]:
        """Make each batch when it is asked for."""
        for start in range(0, self.ENTRIES, amount):
            yield [(f"{number:06}", CountedStatus()) for number in range(start, min(start + amount, self.ENTRIES))]


class LongTests(ConversationTestCase):
    """Directories of any length."""

    def test_the_memory_does_not_grow_with_the_directory(self) -> None:
        """Of a hundred thousand entries the server holds but a few batches at any time."""
        dialogue = self.logged_in(path_io_factory=partial(Endless, files=DialogueFiles()))
        for command in ("LIST", "MLSD", "NLST", "LIST 0*"):
            CountedStatus.most = 0
            self.assertEqual(dialogue.download(command).count(b"\r\n"), Endless.ENTRIES, command)
            self.assertLessEqual(CountedStatus.most, 3 * BATCH, command)
            self.assertEqual(CountedStatus.alive, 0, command)

    def test_the_first_entries_come_at_once(self) -> None:
        """What is known of a directory is sent while the store is still asked for more."""

        class Slow(MemoryPathIO):
            async def scan(self, path: VirtualPath, amount: int) -> Any:
                return self.slowly()

            async def slowly(self) -> Any:
                yield [("first", Status(0o100644))]
                await Deferred()

        dialogue = self.logged_in(path_io_factory=Slow)
        for command in ("LIST", "LIST -R", "MLSD", "NLST"):
            data = dialogue.agree()
            dialogue.say(command, expect=150)
            self.assertTrue(data.received.endswith(b"first\r\n"), command)
            dialogue.say("ABOR", expect=[426, 226])

    def test_a_pattern_that_nothing_matches_is_looked_for_to_the_end(self) -> None:
        """Of the longest directory nothing is sent, and the end is a success."""
        dialogue = self.logged_in(path_io_factory=partial(Endless, files=DialogueFiles()))
        self.assertEqual(dialogue.download("NLST *x"), b"")

    def test_the_status_reads_no_more_than_it_shows(self) -> None:
        """STAT of a long directory ends with its last line."""
        dialogue = self.logged_in(path_io_factory=partial(Endless, files=DialogueFiles()))
        CountedStatus.most = 0
        self.assertEqual(len(dialogue.say("STAT /", expect=212).lines), listings.MAXIMUM_STATUS_LINES + 2)
        self.assertLessEqual(CountedStatus.most, 3 * BATCH)


@implementer_only(IPathIO)
class OneByOne(MemoryPathIO):
    """A store that does not list in batches, where files named so vanish when they are looked at."""

    async def stat(self, path: VirtualPath) -> FileStatus:
        """Lose the file that vanishes."""
        if path.name == "vanishes":
            raise NoSuchPath(str(path))
        return await super().stat(path)


class SlowTests(ConversationTestCase):
    """Stores that are not like the others."""

    def test_a_store_without_batches_is_listed(self) -> None:
        """Every entry is asked for, and one that vanishes meanwhile is left out."""

        files = DialogueFiles()
        for name in ("a", "vanishes", "b"):
            files.write(f"/{name}")
        dialogue = self.logged_in(path_io_factory=partial(OneByOne, files=files))
        self.assertEqual(dialogue.download("NLST"), b"a\r\nb\r\n")

    def test_an_aborted_listing_closes_its_directory(self) -> None:
        """ABOR while the store is asked for more ends the listing, and the store hears of it."""
        closed: list[str] = []
        first: Deferred[Sequence[Any]] = Deferred()

        class Slow(MemoryPathIO):
            async def scan(self, path: VirtualPath, amount: int) -> Any:
                return self.slowly()

            async def slowly(self) -> Any:
                try:
                    yield await first
                finally:
                    closed.append("closed")

        dialogue = self.logged_in(path_io_factory=Slow)
        dialogue.agree()
        dialogue.send(b"LIST\r\n")
        dialogue.say("ABOR", expect=[426, 226])
        self.assertEqual(closed, ["closed"])
