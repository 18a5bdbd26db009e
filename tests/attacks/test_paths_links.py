# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Symbolic links that lead out of the root, in every verb, and from an allowed place to a forbidden one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftpserver import Permission, User

from ..integration.client import Client
from .harness import AttackTestCase
from .outside import SECRET, OutsideTestCase, serve_threads, serve_walk
from .verbs import Attempt, Attempts, paths_of

#: Verbs that act on a link itself, or beside it, and may do so.
ON_THE_LINK = frozenset({"DELE", "RNFR", "RNTO", "STOU"})


class LinksOutTests(OutsideTestCase):
    """Files, directories, nothing, chains and open files outside that links lead to."""

    def links(self) -> Mapping[str, str | Path]:
        """Return where each link leads."""
        up = "../outside"
        return {
            "file": self.outside / "secret",
            "relative": f"{up}/secret",
            "directory": self.outside,
            "relative-directory": up,
            "parent": "..",
            "many-parents": "../" * 30 + str(self.outside).lstrip("/"),
            "dangling": self.outside / "made",
            "relative-dangling": f"{up}/made",
            "chain": "chain1",
            "chain1": "d/../chain2",
            "chain2": f"d/../{up}",
            "loop": "loop1",
            "loop1": "loop",
            "open-file": f"/proc/self/fd/{self.opened}",
            "open-directory": f"/proc/{os.getpid()}/fd/{self.opened_directory}",
            "working-directory": "/proc/self/cwd",
            "root": "/proc/self/root",
            "thread-root": "/proc/thread-self/root",
        }

    async def start_server(self, **keywords: Any) -> None:
        """Have a file and a directory outside open in the server's process."""
        await super().start_server(**keywords)
        self.opened = os.open(self.outside / "secret", os.O_RDWR)
        self.opened_directory = os.open(self.outside, os.O_RDONLY)

    async def stop_server(self) -> None:
        """Close them."""
        os.close(self.opened)
        os.close(self.opened_directory)
        await super().stop_server()

    def plant(self) -> None:
        """Put every link in its place."""
        (self.inside / "d").mkdir(exist_ok=True)
        (self.inside / "mine").write_bytes(b"mine")
        for name, target in self.links().items():
            if not (self.inside / name).is_symlink():
                (self.inside / name).unlink(missing_ok=True)
                (self.inside / name).symlink_to(target)

    async def try_all(self, *forms: str) -> None:
        """Try each link, in each of *forms*, in every verb that takes a path."""
        attempts = await self.attempts()
        self.plant()
        before = self.world()
        for verb, between in paths_of(self.server.commands).items():
            for name in self.links():
                for path in (form.format(name) for form in forms):
                    attempt = await attempts(verb, between + path.encode())
                    self.assert_refused(verb, path, attempt)
                    if attempt.succeeded:
                        self.plant()
            self.assertEqual(self.world(), before, verb)
            self.empty()
            self.plant()

    def assert_refused(self, verb: str, path: str, attempt: Attempt) -> None:
        """Assert that nothing was done where the link leads."""
        self.assert_nothing_seen(attempt)
        if "parent/" in f"{path}/":
            # The root is its own parent.
            return
        if "/" not in path.rstrip("/") and verb in ON_THE_LINK:
            return
        self.assertIn(attempt.reply.code, (450, 550, 553), str(attempt))

    async def test_no_verb_follows_a_link_out(self) -> None:
        """Nothing outside is read, listed, entered, made, changed or removed, and the session goes on."""
        await self.try_all("{}", "{}/", "{}/secret", "d/../{}/made")
        await self.assert_served()

    async def test_no_verb_follows_a_link_out_without_the_kernel(self) -> None:
        """The same where files are found component by component, for kernels without openat2."""
        await self.restart_server(**serve_walk(self))
        await self.try_all("{}", "{}/secret")

    async def test_no_verb_follows_a_link_out_in_threads(self) -> None:
        """The same where calls to files are made in threads."""
        await self.restart_server(**serve_threads(self))
        await self.try_all("{}/secret")

    async def test_listings_show_nothing_of_where_links_lead(self) -> None:
        """A listing of the directory that holds the links shows no size, time or name of what is outside."""
        self.plant()
        client = await self.session()
        for line in ("LIST", "LIST -R", "LIST -L", "LIST -la *", "MLSD", "NLST *", "LIST */*", "NLST directory/*"):
            data = await client.passive()
            reply = await client.command(line)
            if reply.code < 200:
                octets = await data.everything()
                await client.reply()
                self.assertNotIn(SECRET, octets, line)
                # The length of each secret.
                self.assertNotIn(b" %d " % len(SECRET), octets, line)
                self.assertNotIn(b"ize=%d;" % len(SECRET), octets, line)


class ProcTests(AttackTestCase):
    """A root that holds the real procfs, as a careless one may."""

    def users(self) -> list[User]:
        """Give alice everything, as only a careless operator does."""
        return [User("alice", "secret", base_path="/")]

    async def test_no_verb_opens_what_the_process_has_open(self) -> None:
        """The links of procfs to open files lead to nothing, and not to the file."""
        secret = self.write("secret", SECRET)
        attempts = Attempts(await self.session(), self.server.commands, f"{self.root}/mine")
        with secret.open("rb+") as opened:
            links = [f"/proc/self/fd/{opened.fileno()}", f"/proc/{os.getpid()}/fd/{opened.fileno()}"]
            links += [f"/proc/self/root{secret}", f"/proc/self/cwd/{secret}", f"/proc/thread-self/root{secret}"]
            for verb, between in paths_of(self.server.commands).items():
                for link in links:
                    self.write("mine")
                    attempt = await attempts(verb, between + link.encode())
                    self.assertEqual((attempt.reply.code // 100, attempt.octets), (5, b""), str(attempt))
        self.assertEqual(secret.read_bytes(), SECRET)


#: A tree with a forbidden part, as allowed links, directories and spellings may lead to it.
HIDDEN = "hidden"


class ForbiddenTests(AttackTestCase):
    """What is forbidden inside of the root stays so, however it is reached."""

    def users(self) -> list[User]:
        """Forbid alice a directory, and one below an allowed one."""
        forbidden = [Permission(f"/{HIDDEN}", False, False), Permission(f"/open/below/{HIDDEN}", False, False)]
        return [User("alice", "secret", base_path=self.root, permissions=[Permission(), *forbidden])]

    async def start_server(self, **keywords: Any) -> None:
        """Make the tree."""
        for place in (self.root / HIDDEN, self.root / "open" / "below" / HIDDEN):
            if not place.exists():
                place.mkdir(parents=True)
                (place / "secret").write_bytes(SECRET)
        await super().start_server(**keywords)
        self.plant()

    def plant(self) -> None:
        """Put every link in its place."""
        links = {
            "to-directory": HIDDEN, "to-file": f"{HIDDEN}/secret", "to-nothing": f"{HIDDEN}/made",
            "absolute": f"/{HIDDEN}", "chain": "to-directory", "open/up": f"../{HIDDEN}", "alias": "open",
            "to-below": f"open/below/{HIDDEN}",
        }  # fmt: skip
        for name, target in links.items():
            if not (self.root / name).is_symlink():
                (self.root / name).unlink(missing_ok=True)
                (self.root / name).symlink_to(target)
        self.write("mine", b"mine")

    def forbidden(self) -> list[tuple[object, ...]]:
        """Return all that can be changed in the forbidden places."""
        found: list[tuple[object, ...]] = []
        for top in (self.root / HIDDEN, self.root / "open" / "below" / HIDDEN):
            for path in (top, *top.iterdir()):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found.append((str(path), status.st_mode, status.st_mtime_ns, status.st_nlink, content))
        return found

    async def try_all(self) -> None:
        """Try each link in every verb that takes a path."""
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        before = self.forbidden()
        names = ("to-directory", "absolute", "chain", "open/up", "to-below", f"alias/below/{HIDDEN}")
        paths = [f"{name}{rest}" for name in names for rest in ("", "/secret", "/made")] + ["to-file", "to-nothing"]
        for verb, between in paths_of(self.server.commands).items():
            for path in paths:
                attempt = await attempts(verb, between + b"/" + path.encode())
                self.assertNotIn(SECRET, attempt.octets + attempt.reply.raw, str(attempt))
                if verb not in ON_THE_LINK or path.endswith(("/secret", "/made")):
                    self.assertEqual(attempt.reply.code // 100, 5, str(attempt))
                if attempt.succeeded:
                    self.plant()
            self.assertEqual(self.forbidden(), before, verb)

    async def test_no_link_leads_to_a_forbidden_place(self) -> None:
        """No verb reads or changes a forbidden place through a link, and every one says 5xx."""
        await self.try_all()
        await self.assert_served()

    async def test_no_listing_looks_behind_links(self) -> None:
        """Whatever is asked while a listing waits, in a directory of any size, no link shows where it must not lead."""
        client = await self.session()
        many = self.root / "many"
        many.mkdir()
        for number in range(600):
            (many / f"f{number}").touch()
            if number % 50 == 0:
                (many / f"to-file{number}").symlink_to(f"../{HIDDEN}/secret")
        for line in ("LIST -R /", "LIST /many", "NLST /many", "MLSD /many"):
            port = await client.passive_port()
            await client.command(line, 150)
            await client.command("NOOP", 200)
            await client.command("STAT", 211)
            octets = await (await client.open_data(port)).everything()
            await client.reply(226)
            self.assertIn(b"f599", octets)
            for telling in (b"to-", b"secret", b"chain", b"absolute"):
                self.assertNotIn(telling, octets, line)

    async def test_a_listing_hides_what_its_place_hides(self) -> None:
        """A directory that is listed through a link shows nothing that it does not show by itself."""
        client = await self.session()
        for verb in ("LIST", "NLST", "MLSD"):
            for path in ("alias/below", "/open/below", "/alias/below/*"):
                if verb != "MLSD" or "*" not in path:
                    self.assertNotIn(HIDDEN.encode(), await client.fetch(f"{verb} {path}"), f"{verb} {path}")
        for path in ("alias/below", "alias/below/*"):
            reply = await client.command(f"STAT {path}", 212)
            self.assertNotIn(HIDDEN, reply.text.partition("\n")[2])

    async def test_no_error_tells_what_is_behind_a_link(self) -> None:
        """What lies below a forbidden file, directory or nothing is answered the same, however long its name is."""
        attempts = Attempts(await self.session(), self.server.commands, "/mine")
        ways = (b"to-directory/secret", b"to-directory/absent", b"to-directory", b"to-file", b"to-nothing")
        for verb, between in paths_of(self.server.commands).items():
            for below in (b"/x", b"/x/y", b"/" + b"n" * 300):
                told = {
                    (attempt := await attempts(verb, between + way + below)).reply.raw.replace(way, b"...")
                    for way in ways
                }
                self.assertEqual(len(told), 1, f"{verb} {below!r}: {told}")
                self.assertEqual(attempt.reply.code // 100, 5, str(attempt))

    async def test_no_link_leads_to_a_forbidden_place_without_the_kernel(self) -> None:
        """The same where files are found component by component."""
        await self.restart_server(**serve_walk(self))
        await self.try_all()

    async def refuse_rename(self, client: Client, source: str, target: str) -> None:
        """Check that *source* keeps its name."""
        reply = await client.command(f"RNFR {source}")
        if reply.code == 350:
            await client.command(f"RNTO {target}", 550, 553)
        else:
            self.assertIn(reply.code, (550, 553))

    async def test_renaming_a_parent_opens_nothing(self) -> None:
        """A directory that holds a forbidden one keeps its name, whichever way it is named."""
        client = await self.session()
        before = self.forbidden()
        for source in ("open", "/open/below", "alias/below", "open/./below/", "open/up/../below"):
            await self.refuse_rename(client, source, "/moved")
        self.assertEqual(self.forbidden(), before)
        for name in ("moved/secret", f"moved/{HIDDEN}/secret", f"moved/below/{HIDDEN}/secret"):
            await client.passive_port()
            await client.command(f"RETR {name}", 550)

    async def test_nothing_is_put_in_the_place_of_a_parent(self) -> None:
        """A directory cannot take the name of one that holds a forbidden one, nor a link that of the forbidden one."""
        client = await self.session()
        before = self.forbidden()
        (self.root / "other" / HIDDEN).mkdir(parents=True)
        for target in ("/open/below", "alias/below", f"/{HIDDEN}", f"alias/below/{HIDDEN}", f"to-directory/{HIDDEN}"):
            for source in ("/other", "/alias"):
                await self.refuse_rename(client, source, target)
        self.assertEqual(self.forbidden(), before)
