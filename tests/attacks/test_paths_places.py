# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Paths that are no plain files: special files, the root, directories that vanish, and what an account may not see.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
from collections.abc import Iterator
from typing import Any

from ftpserver import Permission, User
from ftpserver.pathio.leftovers import hidden_name

from ..integration.harness import open_descriptors
from .harness import AttackTestCase
from .outside import SECRET, OutsideTestCase, serve_threads, serve_walk
from .verbs import Attempt, Attempts, paths_of

#: Verbs that open what they name, or enter it.
OPENING = frozenset({"RETR", "STOR", "APPE", "CWD", "XCWD", "MLSD", "SIZE"})

#: Ways to write the root.
ROOTS = ("/", "//", "/.", "/..", "/./", "/../..", ".", "./", "..", "d/..", "/d/../", "d/../../", "missing/..")

#: Verbs that change what they name, or take it for a file.
AGAINST_THE_ROOT = frozenset({"RMD", "XRMD", "RNFR", "DELE", "RETR", "STOR", "APPE", "MKD", "XMKD", "RNTO", "SIZE"})

#: What is asked for in a forbidden place: itself, and what is there.
NAMES_BELOW = (b"", b"/", b"/file", b"/file/", b"/file/x", b"/directory", b"/directory/full", b"/link", b"/fifo")

#: Listings that would show it.
LISTINGS = ("LIST", "LIST -R", "LIST -a", "NLST", "NLST h*", "LIST */*", "NLST hid*/f*", "MLSD", "LIST h[i]d*")


class SpecialFileTests(OutsideTestCase):
    """A FIFO, a socket and, where that is allowed, devices, in every verb."""

    def plant(self) -> Iterator[str]:
        """Make each that is missing; yield their names."""
        if not (self.inside / "fifo").exists():
            os.mkfifo(self.inside / "fifo")
        yield "fifo"
        if not (self.inside / "socket").exists():
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(os.fspath(self.inside / "socket"))
        yield "socket"
        (self.inside / "link-to-fifo").unlink(missing_ok=True)
        (self.inside / "link-to-fifo").symlink_to("fifo")
        yield "link-to-fifo"
        # What is always empty, what is always full, a disk that is not there.
        for name, kind, number in (("null", stat.S_IFCHR, 3), ("full", stat.S_IFCHR, 7), ("disk", stat.S_IFBLK, 255)):
            if os.geteuid() == 0:
                if not (self.inside / name).exists():
                    os.mknod(self.inside / name, kind | 0o666, os.makedev(1 if kind == stat.S_IFCHR else 7, number))
                yield name

    async def try_all(self) -> None:
        """Try each in every verb that takes a path."""
        attempts = await self.attempts()
        for verb, between in paths_of(self.server.commands).items():
            for name in list(self.plant()):
                (self.inside / "mine").write_bytes(b"mine")
                attempt = await attempts(verb, between + name.encode())
                if verb in OPENING:
                    self.assertIn(attempt.reply.code, (501, 550) if verb == "MLSD" else (550,), str(attempt))
                self.assert_unopened()
                await self.witness.command("NOOP", 200)
            self.empty()
        await attempts.client.command("NOOP", 200)

    def assert_unopened(self) -> None:
        """Assert that nobody has the FIFO open to read or to write."""
        path = self.inside / "fifo"
        if not path.is_fifo():
            return
        with self.assertRaises(OSError) as raised:
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        self.assertEqual(raised.exception.errno, errno.ENXIO)
        self.assertNotIn(os.fspath(path), open_descriptors().values())

    async def test_special_files_are_never_opened(self) -> None:
        """Each is refused with 550 at once by what would open it, and the server and the session go on."""
        await self.try_all()
        await self.assert_served()

    async def test_special_files_are_never_opened_in_threads(self) -> None:
        """The same where calls to files are made in threads: none is left waiting."""
        await self.restart_server(**serve_threads(self))
        await self.try_all()

    async def test_special_files_are_never_opened_without_the_kernel(self) -> None:
        """The same where files are found component by component."""
        await self.restart_server(**serve_walk(self))
        await self.try_all()


class RootTests(OutsideTestCase):
    """The root itself, and directories that vanish."""

    async def test_the_root_is_not_changed(self) -> None:
        """RMD, RNFR, DELE and the like refuse the root, however it is written, and it stays what it is."""
        attempts = await self.attempts()
        (self.inside / "d").mkdir()
        before, number = self.world(), self.inside.stat().st_ino
        for verb in AGAINST_THE_ROOT:
            between = paths_of(self.server.commands)[verb]
            for way in ROOTS:
                attempt = await attempts(verb, between + way.encode())
                self.assertIn(attempt.reply.code, (450, 550, 553), str(attempt))
        self.assertEqual(self.world(), before)
        self.assertEqual((self.inside.stat().st_ino, sorted(os.listdir(self.inside))), (number, ["d", "mine"]))
        await self.assert_served()

    async def refused_where_nothing_is(self, attempts: Attempts, paths: tuple[str, ...]) -> None:
        """Try everything where no directory is any more; nothing works but what needs none."""
        for verb, between in paths_of(self.server.commands).items():
            if verb == "RNTO":
                continue
            for path in paths:
                attempt = await attempts(verb, between + path.encode())
                self.assert_nothing_seen(attempt)
                self.assertIn(attempt.reply.code // 100, (4, 5), str(attempt))
                self.assertNotIn(b"etc", attempt.octets + attempt.reply.raw, str(attempt))

    async def test_the_current_directory_may_vanish(self) -> None:
        """A session whose directory is removed reaches nothing by names in it, and can go elsewhere."""
        for remove in (self.by_another_session, self.from_the_disk, self.by_a_link):
            for place in (self.inside / "d" / "here", self.inside / "d"):
                place.mkdir(parents=True, exist_ok=True)
            attempts = await self.attempts()
            await attempts.client.command("CWD /d/here", 250)
            await remove()
            before = self.world()
            await self.refused_where_nothing_is(attempts, ("secret", "./secret", "passwd", "here"))
            self.assertIn('"/d/here"', (await attempts.client.command("PWD", 257)).text)
            self.assertEqual(self.world(), before)
            await attempts.client.command("CDUP", 200, 250, 550)
            await attempts.client.command("CWD /", 250)
            await attempts.client.fetch("NLST")
            self.empty()
        await self.assert_served()

    async def by_another_session(self) -> None:
        """Remove the directory in another session."""
        await self.witness.command("RMD /d/here", 250)

    async def from_the_disk(self) -> None:
        """Remove it and what holds it."""
        shutil.rmtree(self.inside / "d")

    async def by_a_link(self) -> None:
        """Put a link to the outside in its place."""
        (self.inside / "d" / "here").rmdir()
        (self.inside / "d" / "here").symlink_to(self.outside)

    async def test_a_root_that_vanishes_is_empty(self) -> None:
        """A session whose whole root is removed reaches nothing, and nobody gets the real root in its place."""
        attempts = await self.attempts()
        shutil.rmtree(self.inside)
        before = self.world()
        await self.refused_where_nothing_is(attempts, ("secret", "/secret", "/etc/passwd", "/.."))
        self.assertEqual(self.world(), before)
        client = await self.connect()
        await client.command("USER alice", 331)
        await client.command("PASS secret", 530)

    async def test_a_root_that_becomes_a_link_is_not_left(self) -> None:
        """A session keeps the directory that it began with, whatever takes its name."""
        attempts = await self.attempts()
        self.inside.rename(self.root / "moved")
        self.inside.symlink_to(self.outside)
        for verb in ("RETR", "SIZE", "MLST", "CWD", "LIST"):
            attempt = await attempts(verb, b"/below/secret")
            self.assertEqual(attempt.reply.code, 550, str(attempt))
        self.assertNotIn(SECRET, (await attempts("MLSD", b"/")).octets)
        self.inside.unlink()
        (self.root / "moved").rename(self.inside)


class HomeTests(AttackTestCase):
    """Accounts whose place cannot be."""

    def users(self) -> list[User]:
        """Give accounts bases and homes that are not there, or no directories."""
        self.write("file", b"content")
        (self.root / "nowhere").symlink_to("missing")
        (self.root / "round").symlink_to("round")
        bases = {"gone": "gone", "file": "file", "dangling": "nowhere", "loop": "round", "below": "file/below"}
        homes = {"home-gone": "/gone", "home-file": "/file", "home-out": "/out", "home-dangling": "/nowhere"}
        (self.root / "out").symlink_to("/etc")
        return [
            *super().users(),
            *(User(name, "secret", base_path=self.root / base) for name, base in bases.items()),
            *(User(name, "secret", base_path=self.root, home_path=home) for name, home in homes.items()),
        ]

    async def test_nothing_stands_in_for_it(self) -> None:
        """Each login is refused, and no file of the machine can be reached behind it."""
        for account in self.users_without_place():
            client = await self.connect()
            await client.command(f"USER {account}", 331)
            await client.command("PASS secret", 530)
            for line in ("PWD", "CWD /", "EPSV", "RETR /etc/passwd", "MLST /etc"):
                await client.command(line, 530)
            await client.vanish()
        await self.assert_served()

    def users_without_place(self) -> list[str]:
        """Return the names of the accounts."""
        return ["gone", "file", "dangling", "loop", "below", "home-gone", "home-file", "home-out", "home-dangling"]


class InvisibleTests(AttackTestCase):
    """What an account may not see, in every verb: as if it were not there."""

    def users(self) -> list[User]:
        """Forbid alice a place that is there and one that is not, and let her do everything elsewhere."""
        hidden = [Permission("/hidden", False, False), Permission("/nowhere", False, False)]
        return [User("alice", "secret", base_path=self.root, permissions=[Permission(), *hidden])]

    async def start_server(self, **keywords: Any) -> None:
        """Make the place that is there, with everything that might answer otherwise."""
        place = self.root / "hidden"
        if not place.exists():
            (place / "directory" / "full").mkdir(parents=True)
            (place / "file").write_bytes(SECRET)
            (place / "link").symlink_to("file")
            os.mkfifo(place / "fifo")
        await super().start_server(**keywords)

    def like(self, attempt: Attempt, place: bytes) -> tuple[bytes, bytes]:
        """Return what the client saw, without the name that it asked for."""
        return attempt.reply.raw.replace(place, b"..."), attempt.octets

    async def test_what_is_forbidden_seems_missing(self) -> None:
        """Each verb answers the same, octet by octet, about a forbidden thing and a forbidden nothing."""
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        self.write("mine")
        for verb, between in paths_of(self.server.commands).items():
            for name in (
                b"",
                b"/",
                b"/file",
                b"/file/",
                b"/file/x",
                b"/directory",
                b"/directory/full",
                b"/link",
                b"/fifo",
            ):
                there = await attempts(verb, between + b"/hidden" + name)
                nothing = await attempts(verb, between + b"/nowhere" + name)
                self.assertEqual(self.like(there, b"hidden"), self.like(nothing, b"nowhere"), str(there))
                self.assertEqual(there.reply.code // 100, 5, str(there))
                self.assertNotIn(b"hidden", there.reply.raw)

    async def test_names_that_look_like_options_tell_nothing(self) -> None:
        """What may be options or a name names no forbidden thing, whether that is there, missing or linked to."""
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        (self.root / "-to-something").symlink_to("hidden/file")
        (self.root / "-to-nothing").symlink_to("hidden/absent")
        pairs = [
            (b"-a/../hidden/file", b"-a/../hidden/absent"),
            (b"-a/../hidden", b"-a/../absent"),
            (b"-to-something", b"-to-nothing"),
        ]
        for verb in ("LIST", "NLST", "STAT"):
            for something, nothing in pairs:
                there, missing = await attempts(verb, something), await attempts(verb, nothing)
                self.assertEqual(self.like(there, something), self.like(missing, nothing), str(there))

    async def test_what_is_forbidden_is_like_what_is_missing(self) -> None:
        """Verbs that need something to be there answer the same where it may not be seen and where it is not there."""
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        self.write("mine")
        creating = {"STOR", "APPE", "STOU", "MKD", "XMKD", "RNTO"}
        for verb, between in paths_of(self.server.commands).items():
            if verb not in creating:
                there = await attempts(verb, between + b"/hidden/file")
                missing = await attempts(verb, between + b"/absent/file")
                self.assertEqual(self.like(there, b"hidden"), self.like(missing, b"absent"), str(there))

    async def test_no_listing_names_what_is_forbidden(self) -> None:
        """No listing, pattern or recursive listing shows a forbidden name or anything below it."""
        client = await self.session()
        self.write("shown", b"")
        for line in (
            "LIST",
            "LIST -R",
            "LIST -a",
            "NLST",
            "NLST h*",
            "LIST */*",
            "NLST hid*/f*",
            "MLSD",
            "LIST h[i]d*",
        ):
            data = await client.passive()
            reply = await client.command(line)
            if reply.code < 200:
                octets = await data.everything()
                self.assertNotIn(b"hidden", octets, line)
                self.assertFalse(re.search(rb"[ /]file\r\n", octets), line)
                await client.reply()
        for line in ("STAT /", "STAT h*", "STAT */f*", "MLST /"):
            self.assertNotIn("hidden", (await client.command(line)).text, line)

    async def test_names_of_unfinished_uploads_are_nobodys(self) -> None:
        """What the server itself keeps hidden is missing for every verb."""
        name = hidden_name()
        self.write(name, SECRET)
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        for verb, between in paths_of(self.server.commands).items():
            self.write("mine")
            attempt = await attempts(verb, between + name.encode())
            self.assertNotIn(SECRET, attempt.octets, str(attempt))
            if verb != "STOU":
                self.assertEqual(attempt.reply.code // 100, 5, str(attempt))
        self.assertEqual((self.root / name).read_bytes(), SECRET)
