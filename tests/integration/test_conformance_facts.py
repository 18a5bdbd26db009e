# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
MLST, MLSD and OPTS MLST: section G of the registry, its second part.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from typing import Any

from ftpserver import Permission, User

from .client import Client
from .conformance import ConformanceTestCase, holds

#: An entry (RFC 3659, section 7.2): facts that each end with a semicolon, one blank, the name.
ENTRY = re.compile(rb"(?P<facts>(?:[A-Za-z][A-Za-z0-9.-]*=[^;\r\n]*;)*) (?P<name>[^\r\n]+)")


def entries(listing: bytes) -> dict[str, dict[str, str]]:
    """Return the facts of each name in an MLSD listing; names of facts in lower case."""
    assert not listing or listing.endswith(b"\r\n"), listing
    return dict(entry(line) for line in listing.split(b"\r\n")[:-1])


def entry(line: bytes) -> tuple[str, dict[str, str]]:
    """Return name and facts of one entry."""
    match = ENTRY.fullmatch(line)
    assert match is not None, f"not an entry: {line!r}"
    pairs = [fact.split("=", 1) for fact in match["facts"].decode().split(";")[:-1]]
    return os.fsdecode(match["name"]), {name.lower(): value for name, value in pairs}


async def facts_of(client: Client, path: str) -> dict[str, str]:
    """Return the facts that MLST tells of *path*."""
    reply = await client.command(f"MLST {path}", 250)
    return entry(reply.raw.split(b"\r\n")[1].removeprefix(b" "))[1]


class FactTestCase(ConformanceTestCase):
    """A server with some files."""

    async def start_server(self, **keywords: Any) -> None:
        """Make them."""
        (self.root / "d").mkdir()
        self.write("d/inside", b"12345")
        self.write("f", b"one\ntwo\n")
        os.utime(self.root / "f", (981173106.75, 981173106.75))
        await super().start_server(**keywords)


class ListingTests(FactTestCase):
    """MLSD."""

    def users(self) -> list[User]:
        """Hide a directory from alice."""
        permissions = [Permission("/"), Permission("/denied", readable=False, writable=False)]
        return [User("alice", "secret", base_path=self.root, permissions=permissions)]

    @holds("G11", "G12", "G15")
    async def test_a_directory_is_listed(self) -> None:
        """Each entry is facts, one blank and a name without a path; there is no other line."""
        client = await self.session()
        listed = entries(await client.fetch("MLSD"))
        own = {name: facts for name, facts in listed.items() if facts["type"] not in ("cdir", "pdir")}
        self.assertEqual({name: facts["type"] for name, facts in own.items()}, {"d": "dir", "f": "file"})
        self.assertFalse([name for name in own if "/" in name])
        self.assertEqual(list(entries(await client.fetch("MLSD /d"))), ["inside"])

    @holds("G11")
    async def test_what_is_no_directory_is_refused(self) -> None:
        """Files get 501, what is missing or forbidden 550, and the server connects to nobody."""
        (self.root / "denied").mkdir()
        client = await self.session()
        listener = await client.active()
        await client.command("MLSD f", 501)
        await client.command("MLSD missing", 550)
        await client.command("MLSD denied", 550)
        self.assertEqual(listener.connections, [])

    @holds("G14")
    async def test_the_type_does_not_matter(self) -> None:
        """The listing is the same in every type, and the type stays what it was."""
        (self.root / os.fsdecode(b"\xe9\x85")).mkdir()
        client = await self.session()
        image = await client.fetch("MLSD")
        self.assertIn(b" \xe9\x85\r\n", image)
        self.assertEqual(await client.fetch("RETR f"), b"one\ntwo\n")
        await client.command("TYPE A", 200)
        self.assertEqual(await client.fetch("MLSD"), image)
        self.assertEqual(await client.fetch("RETR f"), b"one\r\ntwo\r\n")

    @holds("G15")
    async def test_no_entry_of_the_directory_itself_without_types(self) -> None:
        """Without the type fact nothing tells such an entry apart, so there is none."""
        client = await self.session()
        await client.command("OPTS MLST size;", 200)
        self.assertEqual(sorted(entries(await client.fetch("MLSD"))), ["d", "f"])


class SingleEntryTests(FactTestCase):
    """MLST."""

    @holds("G12", "G13")
    async def test_the_entry_is_the_middle_line(self) -> None:
        """The reply is three lines; the middle one begins with a blank and names the absolute path."""
        client = await self.session()
        for argument, path in ((" f", "/f"), ("", "/"), (" d/inside", "/d/inside")):
            reply = await client.command(f"MLST{argument}", 250)
            first, middle, last, rest = reply.raw.split(b"\r\n")
            self.assertTrue(first.startswith(b"250-") and last.startswith(b"250 ") and not rest, reply)
            self.assertTrue(middle.startswith(b" "), reply)
            self.assertEqual(entry(middle[1:])[0], path)

    @holds("G13")
    async def test_the_current_directory_has_its_absolute_path(self) -> None:
        """Without an argument MLST is about the current directory."""
        client = await self.session()
        await client.command("CWD d", 250)
        reply = await client.command("MLST", 250)
        self.assertEqual(entry(reply.raw.split(b"\r\n")[1][1:])[0], "/d")

    @holds("G16")
    async def test_the_time_is_exact_and_nothing_is_made_up(self) -> None:
        """The modify fact is the time of the file in UTC; there is no fact of its creation."""
        client = await self.session()
        facts = await facts_of(client, "f")
        self.assertIn(facts["modify"], ("20010203040506", "20010203040506.75", "20010203040506.750"))
        self.assertNotIn("create", facts)

    @holds("G18")
    async def test_the_unique_fact_is_that_of_the_file(self) -> None:
        """Two names of one file have the same one, two files different ones, and it stays."""
        os.link(self.root / "f", self.root / "same")
        self.write("other", b"one\ntwo\n")
        client = await self.session()
        listed = {name: facts["unique"] for name, facts in entries(await client.fetch("MLSD")).items()}
        self.assertEqual(listed["f"], listed["same"])
        self.assertEqual(len({listed["f"], listed["other"], listed["d"]}), 3)
        self.assertEqual((await facts_of(client, "f"))["unique"], listed["f"])

    @holds("G19")
    async def test_a_link_shows_what_it_leads_to(self) -> None:
        """The type of a link is that of its target, or says that it is a link."""
        (self.root / "to-file").symlink_to("f")
        (self.root / "to-directory").symlink_to("d")
        (self.root / "dangling").symlink_to("nowhere")
        client = await self.session()
        listed = {name: facts["type"].lower() for name, facts in entries(await client.fetch("MLSD")).items()}
        self.assertIn(listed["to-file"], ("file", "os.unix=symlink"))
        self.assertIn(listed["to-directory"], ("dir", "os.unix=symlink"))
        self.assertIn(listed.get("dangling", "os.unix=symlink"), ("os.unix=symlink",))

    @holds("G20")
    async def test_owners_do_not_break_the_grammar(self) -> None:
        """With the facts of owner and group each line is still an entry."""
        client = await self.session()
        await client.command("OPTS MLST UNIX.owner;UNIX.group;", 200)
        for facts in entries(await client.fetch("MLSD")).values():
            self.assertEqual(sorted(facts), ["unix.group", "unix.owner"])


class SelectionTests(FactTestCase):
    """OPTS MLST."""

    @holds("G21")
    async def test_facts_are_chosen(self) -> None:
        """The reply tells the facts that are shown from now on; unknown ones are left out."""
        client = await self.session()
        for argument, told, shown in (
            (" type;size;", "MLST OPTS type;size;", ["size", "type"]),
            (" Size;nosuch;", "MLST OPTS size;", ["size"]),
            (" nosuch;", "MLST OPTS", []),
            ("", "MLST OPTS", []),
        ):
            reply = await client.command(f"OPTS MLST{argument}", 200)
            self.assertEqual(reply.text.lower().rstrip(), told.lower())
            self.assertEqual(sorted(await facts_of(client, "f")), shown)

    @holds("G21")
    async def test_no_facts_leave_the_blank(self) -> None:
        """With no fact chosen each line is a blank and the name."""
        client = await self.session()
        await client.command("OPTS MLST", 200)
        self.assertEqual(sorted((await client.fetch("MLSD")).splitlines()), [b" d", b" f"])

    @holds("G21")
    async def test_another_form_is_refused(self) -> None:
        """Without the semicolons, or with blanks, nothing is changed."""
        client = await self.session()
        for argument in ("type", "type;size", "type; size;", ";", "type;;"):
            await client.command(f"OPTS MLST {argument}", 501)
        self.assertIn("modify", await facts_of(client, "f"))

    @holds("G22")
    async def test_feat_stars_what_is_chosen(self) -> None:
        """The facts with a star in FEAT are those that MLSD shows, before and after the choice."""
        client = await self.session()
        for argument in (None, "type;modify;", "UNIX.group;"):
            if argument is not None:
                await client.command(f"OPTS MLST {argument}", 200)
            line = next(line for line in (await client.command("FEAT", 211)).lines if line.startswith(" MLST "))
            starred = [fact[:-1].lower() for fact in line.removeprefix(" MLST ").split(";") if fact.endswith("*")]
            self.assertEqual(sorted(starred), sorted(await facts_of(client, "f")))


class LiteralPathTests(ConformanceTestCase):
    """Names with signs that a shell would understand."""

    @holds("G23")
    async def test_patterns_mean_nothing(self) -> None:
        """A name of such signs is that file; where there is none, nothing is found."""
        self.write("plain", b"12345")
        client = await self.session()
        for name in ("*", "?????", "[p]lain", "~", "{plain}", "pl*"):
            for verb in ("MLST", "SIZE", "MDTM"):
                await client.command(f"{verb} {name}", 550)
            (self.root / name).mkdir()
            self.write(f"{name}/*", b"123")
            await client.command(f"MLST {name}", 250)
            await client.command(f"MDTM {name}/*", 213)
            self.assertEqual((await client.command(f"SIZE {name}/*", 213)).text, "3")
            self.assertEqual(list(entries(await client.fetch(f"MLSD {name}"))), ["*"])


#: Rights of an account, of which each is a set that a property of the perm fact is tried with.
RIGHTS: tuple[Mapping[str, bool], ...] = (
    {},
    {"writable": False},
    {"readable": False},
    {"readable": False, "writable": False, "list": True},
    {"writable": False, "create": True},
    {"writable": False, "append": True},
    {"writable": False, "overwrite": True},
    {"delete": False, "rename": False},
    {"mkdir": False, "rmdir": False},
    {"list": False},
)

#: For each letter of a file: the command that it is about; of a directory: likewise.
FILE_LETTERS = {"r": "RETR f", "w": "STOR f", "a": "APPE f", "f": "RNFR f", "d": "DELE f"}
DIRECTORY_LETTERS = {
    "e": "CWD /d", "l": "NLST /d", "c": "STOR /d/new", "m": "MKD /d/made", "f": "RNFR /d", "p": "DELE /d/inside",
}  # fmt: skip


class PermissionTests(ConformanceTestCase):
    """The perm fact."""

    def users(self) -> list[User]:
        """Make an account for each set of rights, which knows of every file."""
        permissions = [[Permission("/", **rights)] for rights in RIGHTS]
        permissions.append([Permission("/"), Permission("/d/kept", writable=False)])
        return [
            User(f"user{number}", "secret", base_path=self.root, permissions=rights)
            for number, rights in enumerate(permissions)
        ]

    def restore(self) -> None:
        """Make the files anew that commands may have removed, and remove those that they may have made."""
        shutil.rmtree(self.root / "d", ignore_errors=True)
        for name in ("d", "empty"):
            (self.root / name).mkdir(exist_ok=True)
        for name in ("f", "d/inside"):
            self.write(name, b"content")

    async def allowed(self, client: Client, line: str) -> bool:
        """Tell whether the server does what *line* asks for."""
        self.restore()
        await client.command("CWD /")
        data = await client.passive()
        reply = await client.command(line)
        if reply.code == 150:
            data.finish()
            reply = await client.reply(226)
        return reply.code < 400

    async def assert_perm(self, user: str, path: str, letters: Mapping[str, str]) -> None:
        """Check that the perm fact of *path* has exactly the letters whose commands are allowed."""
        client = await self.session(user)
        self.restore()
        reply = await client.command(f"MLST {path}")
        if reply.code == 250:
            told = entry(reply.raw.split(b"\r\n")[1][1:])[1]["perm"]
            done = [letter for letter, line in letters.items() if await self.allowed(client, line)]
            self.assertEqual(sorted(set(told) & set(letters)), sorted(done), f"{user} {path}")
            self.assertLessEqual(set(told), set("acdeflmprw"))

    @holds("G17")
    async def test_the_letters_are_what_the_commands_do(self) -> None:
        """For every set of rights, each letter is there exactly when its command works."""
        for number in range(len(self.users())):
            await self.assert_perm(f"user{number}", "f", FILE_LETTERS)
            await self.assert_perm(f"user{number}", "d", DIRECTORY_LETTERS)
            await self.assert_perm(f"user{number}", "empty", {"d": "RMD /empty"})

    @holds("G17")
    async def test_what_cannot_be_moved_has_no_such_letters(self) -> None:
        """The root, the current directory and those above it can be neither renamed nor removed."""
        self.restore()
        (self.root / "d" / "e").mkdir()
        client = await self.session("user0")
        await client.command("CWD /d/e", 250)
        for path in ("/", "/d", "/d/e"):
            await client.command(f"RNFR {path}", 550)
            await client.command(f"RMD {path}", 550)
            self.assertFalse(set((await facts_of(client, path))["perm"]) & set("df"), path)
        listed = entries(await client.fetch("MLSD /"))
        self.assertFalse(set(listed["d"]["perm"]) & set("df"))
        self.assertTrue(set(listed["empty"]["perm"]) >= set("df"))
