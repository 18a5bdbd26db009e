# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
LIST, NLST and STAT: section G of the registry, its first part.
"""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from typing import Any

from ftpserver import Permission, User

from .conformance import ConformanceTestCase, holds
from .stores import LargeDirectory, VanishingEntry

#: One line of LIST (cr.yp.to/ftp/list/binls.html).
LINE = re.compile(
    rb"[-dlbcps][-r][-w][-xsS][-r][-w][-xsS][-r][-w][-xtT] +\d+ +\S+ +\S+ +\d+ "
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:[ \d]\d:\d\d| \d{4}) (?P<name>[^\r\n]+)\r\n"
)

HALF_A_YEAR = 183 * 86400


def names(listing: bytes) -> list[bytes]:
    """Return the names in a listing as LIST writes it, and check that it is nothing but such lines."""
    lines = listing.splitlines(keepends=True)
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), f"not lines of LIST: {listing!r}"
    return sorted(match["name"] for match in matches if match is not None)


class LongListingTests(ConformanceTestCase):
    """LIST."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve some files."""
        (self.root / "d").mkdir(exist_ok=True)
        (self.root / "empty").mkdir(exist_ok=True)
        self.write("d/inside", b"12345")
        self.write("f", b"content")
        self.write("-dash")
        await super().start_server(**keywords)

    @holds("G01", "G04")
    async def test_every_entry_is_a_line(self) -> None:
        """In every type, each file is one line of the known form that ends with CRLF."""
        client = await self.session()
        for line in ("TYPE I", "TYPE A"):
            await client.command(line, 200)
            self.assertEqual(names(await client.fetch("LIST")), [b"-dash", b"d", b"empty", b"f"])

    @holds("G02")
    async def test_a_path_is_listed(self) -> None:
        """A file is one line, an empty directory none; what is missing is refused."""
        client = await self.session()
        self.assertEqual(names(await client.fetch("LIST f")), [b"f"])
        self.assertEqual(await client.fetch("LIST empty"), b"")
        self.assertEqual(names(await client.fetch("LIST /d")), [b"inside"])
        await client.passive_port()
        await client.command("LIST missing", 450, 550)

    @holds("G03")
    async def test_options_of_ls_are_harmless(self) -> None:
        """Known and unknown options are taken for what they are, with and without a path."""
        client = await self.session()
        for options in ("-a", "-l", "-la", "-al", "-L -a", "-Z9", "--unknown"):
            self.assertIn(b"f", names(await client.fetch(f"LIST {options}")), options)
            self.assertEqual(names(await client.fetch(f"LIST {options} /d")), [b"inside"], options)

    @holds("G03")
    async def test_a_name_may_begin_with_a_dash(self) -> None:
        """What looks like options is the name of a file where there is one."""
        client = await self.session()
        self.assertEqual(names(await client.fetch("LIST -dash")), [b"-dash"])
        self.assertEqual(names(await client.fetch("LIST -- -dash")), [b"-dash"])

    @holds("G04")
    async def test_an_entry_shows_what_the_file_is(self) -> None:
        """Mode, links, size and name are those of the file."""
        os.chmod(self.root / "f", 0o640)
        client = await self.session()
        words = (await client.fetch("LIST f")).split()
        self.assertEqual((words[0], words[1], words[4], words[-1]), (b"-rw-r-----", b"1", b"7", b"f"))

    @holds("G04")
    async def test_the_time_tells_the_clock_or_the_year(self) -> None:
        """Files of the last half year show the time of day, older ones and those of the future the year."""
        client = await self.session()
        now = time.time()
        for seconds, shown in (
            (now - 3600, rb"\d\d:\d\d f"),
            (now - HALF_A_YEAR, rb" \d{4} f"),
            (now + HALF_A_YEAR, rb" \d{4} f"),
            (981173106, rb"Feb  3  2001 f"),
        ):
            os.utime(self.root / "f", (seconds, seconds))
            line = await client.fetch("LIST f")
            self.assertTrue(re.search(rb" " + shown + rb"\r\n$", line), line)

    @holds("G06")
    async def test_recursion_is_bounded(self) -> None:
        """LIST -R of a deep tree ends before its bottom."""
        deep = "/".join(["deep"] * 60)
        (self.root / deep).mkdir(parents=True)
        self.write(f"{deep}/bottom")
        client = await self.session()
        listing = await client.fetch("LIST -R")
        self.assertIn(b" deep\r\n", listing)
        self.assertNotIn(b"bottom", listing)


class NameListingTests(ConformanceTestCase):
    """NLST."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve some files."""
        (self.root / "d").mkdir()
        self.write("d/inside", b"inside")
        self.write("f", b"content")
        await super().start_server(**keywords)

    @holds("G07")
    async def test_each_line_names_a_file(self) -> None:
        """RETR in the same directory takes each line as it is, whichever directory was listed, and however."""
        client = await self.session()
        for line in ("NLST d", "NLST /d", "NLST d/inside", "NLST f", "NLST -l d"):
            for name in (await client.fetch(line)).decode().split("\r\n")[:-1]:
                self.assertFalse(name.startswith("./"), name)
                self.assertIn(await client.fetch(f"RETR {name}"), (b"inside", b"content"), line)

    @holds("G08")
    async def test_the_current_directory_is_listed(self) -> None:
        """Without an argument the names of the current directory come; what is missing is refused."""
        client = await self.session()
        self.assertEqual(sorted((await client.fetch("NLST")).splitlines()), [b"d", b"f"])
        await client.command("CWD d", 250)
        self.assertEqual(await client.fetch("NLST"), b"inside\r\n")
        await client.passive_port()
        await client.command("NLST missing", 450, 550)


class AwkwardNameTests(ConformanceTestCase):
    """Names and entries that are not as one wishes."""

    @holds("G05")
    async def test_broken_entries_do_not_spoil_the_listing(self) -> None:
        """A link to nowhere and a directory that nobody may read leave the others listed."""
        (self.root / "dangling").symlink_to("nowhere")
        (self.root / "loop").symlink_to("loop")
        (self.root / "closed").mkdir(mode=0)
        self.write("f")
        client = await self.session()
        for verb in ("LIST", "NLST", "MLSD", "LIST -R"):
            self.assertIn(b" f\r\n" if verb != "NLST" else b"f\r\n", await client.fetch(verb), verb)

    @holds("G05")
    async def test_links_in_a_large_directory_are_listed(self) -> None:
        """Each of many entries is examined, links in every part of the listing, too."""
        self.write("f")
        for number in range(600):
            (self.root / f"link{number}").symlink_to("f")
        client = await self.session()
        for verb in ("LIST", "NLST", "MLSD"):
            self.assertEqual((await client.fetch(verb)).count(b"\r\n"), 601, verb)

    @holds("G05")
    async def test_an_entry_that_is_gone_is_left_out(self) -> None:
        """A file that is deleted during the listing does not end it."""
        await self.restart_server(path_io_factory=VanishingEntry)
        client = await self.session()
        await client.store("STOR f", b"content")
        for verb in ("LIST", "MLSD"):
            listing = await client.fetch(verb)
            self.assertTrue(listing.endswith(b" f\r\n"), listing)
            self.assertNotIn(b"gone", listing)

    @holds("G09")
    async def test_names_in_other_encodings_keep_their_octets(self) -> None:
        """A name that is not UTF-8 is listed as it is, and every command takes it so."""
        name = b"caf\xe9 \xfe"
        client = await self.session()
        await client.store(b"STOR " + name, b"content")
        self.assertEqual(os.listdir(os.fsencode(self.root)), [name])
        self.assertEqual(await client.fetch("NLST"), name + b"\r\n")
        self.assertEqual(names(await client.fetch("LIST")), [name])
        self.assertEqual(await client.fetch(b"RETR " + name), b"content")
        await client.command(b"RNFR " + name, 350)
        await client.command(b"RNTO " + name + b"\xe8", 250)
        await client.command(b"DELE " + name + b"\xe8", 250)
        self.assertEqual(os.listdir(self.root), [])

    @holds("G10")
    async def test_line_ends_in_names_break_no_line(self) -> None:
        """A name with CR or LF is left out or written otherwise; each line is still one entry."""
        for name in ("one\r\n-rw------- forged", "two\nforged", "three\rforged", "f"):
            self.write(name)
        client = await self.session()
        for verb in ("LIST", "NLST", "MLSD"):
            lines = (await client.fetch(verb)).split(b"\r\n")
            self.assertEqual(lines.pop(), b"")
            self.assertFalse([line for line in lines if b"\r" in line or b"\n" in line], verb)
            self.assertFalse([line for line in lines if line.startswith((b"forged", b"-rw------- forged"))], verb)
        self.assertEqual(len((await client.command("STAT /", 212, 213)).lines), 3)


class StatusTests(ConformanceTestCase):
    """STAT."""

    def users(self) -> list[User]:
        """Hide a directory from alice."""
        permissions = [Permission("/"), Permission("/hidden", readable=False, writable=False)]
        return [User("alice", "secret", base_path=self.root, permissions=permissions)]

    @holds("G24")
    async def test_stat_tells_the_state_or_lists_a_path(self) -> None:
        """Without a path it is about the session; with one it lists on the control connection."""
        (self.root / "d").mkdir()
        self.write("d/f", b"content")
        client = await self.session()
        await client.command("STAT", 211)
        self.assertTrue((await client.command("STAT d/f", 213)).lines[1].endswith(" f"))
        self.assertTrue((await client.command("STAT d", 212, 213)).lines[1].endswith(" f"))
        await client.command("STAT missing", 450, 550)

    @holds("G24")
    async def test_stat_shows_nothing_that_list_hides(self) -> None:
        """An entry without any right is in neither listing."""
        (self.root / "hidden").mkdir()
        self.write("hidden/f")
        self.write("f")
        client = await self.session()
        self.assertEqual(names(await client.fetch("LIST")), [b"f"])
        self.assertNotIn("hidden", (await client.command("STAT /", 212, 213)).text)
        await client.command("STAT hidden", 450, 550)
        await client.command("STAT hidden/f", 450, 550)


class LargeDirectoryTests(ConformanceTestCase):
    """A directory of 100,000 entries."""

    def server_keywords(self) -> dict[str, Any]:
        """Serve the directory, and keep hold of its store."""
        self.stores: list[LargeDirectory] = []
        return {**super().server_keywords(), "path_io_factory": self.make_store}

    def make_store(self, connection: Any) -> LargeDirectory:
        """Make the store of a session."""
        self.stores.append(LargeDirectory(connection))
        return self.stores[-1]

    @holds("G25")
    async def test_the_listing_is_streamed(self) -> None:
        """Octets come, and another session is answered, while most entries were not even asked for."""
        client, other = await self.session(), await self.session()
        for verb in ("LIST", "MLSD"):
            data = await client.begin(verb)
            await data.some()
            data.pause()
            await other.command("NOOP", 200)
            store = self.stores[0]
            self.assertLess(store.given, LargeDirectory.amount, verb)
            data.resume()
            self.assertEqual((await data.everything()).count(b"\r\n"), LargeDirectory.amount, verb)
            await client.reply(226)
            store.given = 0

    @holds("G25")
    async def test_memory_stays_flat(self) -> None:
        """What the server holds does not grow with the directory; the client here throws away what it gets."""
        client = await self.session()
        data = await client.passive()
        data.keeps = False
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        await client.command("LIST", 150)
        await data.lost()
        await client.reply(226)
        # The listing has 27 MB.
        self.assertLess(tracemalloc.get_traced_memory()[1], 4_000_000)
