# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Renaming, deleting, directories and paths: section F of the registry, its second part.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ftpserver import Permission, User

from .client import Client
from .conformance import ConformanceTestCase, holds
from .stores import mount_small, several_file_systems, unmount


class RenameTests(ConformanceTestCase):
    """RNFR and RNTO."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file and two directories, one of them with a file."""
        self.write("f", b"content")
        for name in ("d", "e"):
            (self.root / name).mkdir(exist_ok=True)
        self.write("d/inside", b"")
        await super().start_server(**keywords)

    @holds("F21")
    async def test_the_source_must_be_there(self) -> None:
        """RNFR of a file or directory asks for the new name; of anything else it is refused."""
        client = await self.session()
        await client.command("RNFR f", 350)
        await client.command("RNFR d", 350)
        await client.command("RNFR missing", 550)
        await client.command("RNTO new", 503)

    @holds("F22")
    async def test_the_target_must_follow_at_once(self) -> None:
        """RNTO without RNFR, or with a command in between, is out of sequence."""
        client = await self.session()
        await client.command("RNTO new", 503)
        await client.command("RNFR f", 350)
        await client.command("NOOP", 200)
        await client.command("RNTO new", 503)
        self.assertTrue((self.root / "f").exists())

    @holds("F23")
    async def test_a_file_gets_its_new_name(self) -> None:
        """After 250 the file has the new name only, in this or another directory."""
        client = await self.session()
        for old, new in (("f", "g"), ("g", "e/h"), ("e/h", "/i")):
            await client.command(f"RNFR {old}", 350)
            await client.command(f"RNTO {new}", 250)
        self.assertEqual((self.root / "i").read_bytes(), b"content")
        self.assertEqual(sorted(path.name for path in self.root.rglob("*")), ["d", "e", "i", "inside"])

    @holds("F23")
    async def test_what_cannot_be_a_target_is_refused(self) -> None:
        """A target without a parent, or within the source itself, is refused, and everything stays."""
        client = await self.session()
        for old, new in (("f", "missing/f"), ("d", "d/d"), ("f", "d")):
            await client.command(f"RNFR {old}", 350)
            await client.command(f"RNTO {new}", 550, 553)
        self.assertEqual(sorted(path.name for path in self.root.rglob("*")), ["d", "e", "f", "inside"])

    @holds("F23")
    async def test_directories_are_not_merged(self) -> None:
        """A directory does not go into another one of that name."""
        client = await self.session()
        await client.command("RNFR d", 350)
        await client.command("RNTO e", 550, 553)
        self.assertTrue((self.root / "d" / "inside").exists())

    @holds("F23")
    async def test_an_existing_file_is_replaced_as_a_whole(self) -> None:
        """A file at the target is replaced, or the rename is refused."""
        self.write("g", b"old")
        client = await self.session()
        await client.command("RNFR f", 350)
        code = (await client.command("RNTO g", 250, 550, 553)).code
        self.assertEqual((self.root / "g").read_bytes(), b"content" if code == 250 else b"old")

    async def assert_no_trap(self) -> None:
        """Rename into a directory that is another file system; the file must be whole in one of the places."""
        client = await self.session()
        await client.command("RNFR f", 350)
        code = (await client.command("RNTO e/f", 250, 553)).code
        self.assertEqual((self.root / ("e/f" if code == 250 else "f")).read_bytes(), b"content")
        await client.command("QUIT", 221)

    @holds("F24")
    async def test_another_file_system_is_no_trap(self) -> None:
        """A rename across file systems works or is refused with 553."""
        await self.restart_server(path_io_factory=several_file_systems(self.root))
        await self.assert_no_trap()

    @holds("F24")
    async def test_a_mounted_file_system_is_no_trap(self) -> None:
        """It is so with one that is really mounted."""
        mount_small(self.root / "e", "64k")
        self.addCleanup(unmount, self.root / "e")
        await self.restart_server()
        await self.assert_no_trap()


class DeleteTests(ConformanceTestCase):
    """DELE and RMD."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file, a link to it, and directories."""
        self.write("f", b"content")
        (self.root / "link").symlink_to("f")
        (self.root / "empty").mkdir()
        (self.root / "full").mkdir()
        self.write("full/f")
        await super().start_server(**keywords)

    @holds("F25")
    async def test_files_and_links_are_deleted(self) -> None:
        """DELE removes a link and not its target, and a file; nothing else."""
        client = await self.session()
        await client.command("DELE link", 250)
        self.assertTrue((self.root / "f").exists())
        await client.command("DELE f", 250)
        for path in ("f", "missing/f", "empty", "/"):
            await client.command(f"DELE {path}", 550)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["empty", "full"])

    @holds("F26")
    async def test_empty_directories_are_removed(self) -> None:
        """RMD removes an empty directory; a full one, a file and the root are refused."""
        client = await self.session()
        await client.command("RMD empty", 250)
        for path in ("empty", "full", "f", "link", "/", "..", "missing/d"):
            await client.command(f"RMD {path}", 550)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["f", "full", "link"])

    @holds("F26")
    async def test_the_current_directory_stays(self) -> None:
        """The directory that the session is in is not removed."""
        client = await self.session()
        await client.command("CWD empty", 250)
        for path in (".", "/empty", "../empty", ""):
            await client.command(f"RMD {path}", 550, 501)
        self.assertTrue((self.root / "empty").is_dir())


class DirectoryTests(ConformanceTestCase):
    """MKD, PWD, CWD and CDUP."""

    def users(self) -> list[User]:
        """Hide a directory from alice."""
        permissions = [Permission("/"), Permission("/denied", readable=False, writable=False)]
        return [User("alice", "secret", base_path=self.root, permissions=permissions)]

    @holds("F27")
    async def test_mkd_tells_the_absolute_path(self) -> None:
        """The path in the reply is absolute, in quotes, with each quote in it doubled."""
        client = await self.session()
        for written, shown in (("d", '"/d"'), ("d/e", '"/d/e"'), ('say "a"', '"/say ""a"""')):
            reply = await client.command(f"MKD {written}", 257)
            self.assertTrue(reply.text.startswith(shown), reply.text)

    @holds("F27")
    async def test_mkd_makes_one_new_directory(self) -> None:
        """What is there already, and what has no parent, is refused."""
        self.write("f")
        client = await self.session()
        await client.command("MKD d", 257)
        await client.command("MKD d", 550, 521)
        await client.command("MKD f", 550, 521)
        await client.command("MKD missing/d", 550)
        await client.command("MKD /", 550, 521)

    @holds("F28")
    async def test_pwd_quotes_the_path(self) -> None:
        """The path in the reply is in quotes, with each quote in it doubled."""
        (self.root / 'say "a"').mkdir()
        client = await self.session()
        self.assertTrue((await client.command("PWD", 257)).text.startswith('"/"'))
        await client.command('CWD say "a"', 250)
        self.assertTrue((await client.command("PWD", 257)).text.startswith('"/say ""a"""'))

    @holds("F29")
    async def test_cwd_leads_to_directories_only(self) -> None:
        """Missing, forbidden and other paths are refused, and the session stays where it is."""
        self.write("f")
        for name in ("d", "denied"):
            (self.root / name).mkdir()
        client = await self.session()
        await client.command("CWD d", 250)
        for path in ("missing", "../f", "/denied"):
            await client.command(f"CWD {path}", 550)
        await client.command("CWD", 501)
        self.assertIn('"/d"', (await client.command("PWD", 257)).text)

    @holds("F29")
    async def test_cdup_stops_at_the_root(self) -> None:
        """CDUP leads to the parent; the root is its own."""
        (self.root / "d").mkdir()
        client = await self.session()
        await client.command("CWD d", 250)
        for _ in range(2):
            await client.command("CDUP", 200, 250)
            self.assertIn('"/"', (await client.command("PWD", 257)).text)


#: Ways to write the path of ``secret`` beside the root.
WAYS_OUT = (
    "../secret", "/../secret", "./.././secret", "//..//secret", "d/../../secret", "d/./..//../secret",
    "/d/../../secret",
    "/./../secret/", "../../../../secret", "d/../../outside/../secret", "../inside/../secret", "link/secret",
    "absolute/secret", "nested/secret",
)  # fmt: skip


class ConfinementTests(ConformanceTestCase):
    """The root is the root."""

    def users(self) -> list[User]:
        """Put the root of alice below the directory of the test."""
        return [User("alice", "secret", base_path=self.jail)]

    async def start_server(self, **keywords: Any) -> None:
        """Put a secret beside the root, and links that point to it."""
        self.jail = self.root / "inside"
        (self.jail / "d").mkdir(parents=True)
        (self.jail / "link").symlink_to("..")
        (self.jail / "absolute").symlink_to(self.root)
        (self.jail / "nested").symlink_to("d/../link/../..")
        self.write("secret", b"secret")
        await super().start_server(**keywords)

    @holds("F30")
    async def test_no_path_reads_outside(self) -> None:
        """However it is written, a path leads to nothing outside of the root."""
        client = await self.session()
        await client.passive_port()
        for path in WAYS_OUT:
            for verb in ("RETR", "SIZE", "MDTM", "MLST", "RNFR", "DELE", "CWD", "APPE d/../", "STAT"):
                line = f"{verb} {path}" if not verb.startswith("APPE") else f"{verb}{path}/x"
                reply = await client.command(line)
                self.assertIn(reply.code, (450, 550, 553), f"{line}: {reply}")
        self.assertEqual((self.root / "secret").read_bytes(), b"secret")

    @holds("F30")
    async def test_no_path_writes_outside(self) -> None:
        """What is stored or made by way of the parent of the root is inside of it, or refused."""
        client = await self.session()
        await client.store("STOR ../new", b"inside")
        await client.command("MKD /../made", 257)
        await client.command("MKD link/made2", 257, 550)
        await client.command("RNFR new", 350)
        await client.command("RNTO ../../renamed", 250)
        await client.command("SITE CHMOD 600 ../secret", 550)
        self.assertEqual(sorted(os.listdir(self.root)), ["inside", "secret"])
        self.assertEqual((self.jail / "renamed").read_bytes(), b"inside")

    @holds("F30")
    async def test_no_directory_is_above_the_root(self) -> None:
        """CWD and CDUP never leave, and the listing is that of the root."""
        client = await self.session()
        for line in ("CWD ..", "CDUP", "CWD /../../", "CWD d/../.."):
            await client.command(line, 200, 250)
            self.assertIn('"/"', (await client.command("PWD", 257)).text)
            self.assertNotIn(b"secret", await client.fetch("NLST"))


class HomeTests(ConformanceTestCase):
    """A home directory that is not there."""

    def users(self) -> list[User]:
        """Give one account a base, and another a home, that is gone."""
        return [
            User("baseless", "secret", base_path=self.root / "gone"),
            User("homeless", "secret", base_path=self.root, home_path="/gone"),
        ]

    @holds("F31")
    async def test_nothing_stands_in_for_it(self) -> None:
        """The login is refused, and no file can be reached."""
        for name in ("baseless", "homeless"):
            client = await self.connect()
            await client.command(f"USER {name}", 331)
            await client.command("PASS secret", 530)
            await client.command("PWD", 530)


class LengthTests(ConformanceTestCase):
    """Long names."""

    async def refused(self, client: Client, name: str) -> None:
        """Check that no command takes *name*, and that the session goes on."""
        for verb in ("STOR", "MKD", "CWD", "SIZE", "DELE"):
            await client.passive_port()
            await client.command(f"{verb} {name}", 501, 550, 553)
        await client.command("NOOP", 200)

    @holds("F32")
    async def test_the_longest_name_works(self) -> None:
        """A name of 255 octets can be stored, read, and made a directory."""
        client = await self.session()
        await client.store("STOR " + "n" * 255, b"content")
        self.assertEqual(await client.fetch("RETR " + "n" * 255), b"content")
        await client.command("MKD " + "\u00e4" * 127, 257)

    @holds("F32")
    async def test_longer_names_and_paths_are_refused(self) -> None:
        """Names beyond 255 octets, and paths beyond every limit of the system, are refused."""
        client = await self.session()
        await self.refused(client, "n" * 256)
        await self.refused(client, "\u00e4" * 128)
        await self.refused(client, "d/" * 3000)
        self.assertEqual(list(Path(self.root).iterdir()), [])
