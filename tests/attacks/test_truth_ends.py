# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
226 is said of an upload only when all of it is where it belongs: real disks, clients that are cut off, lost places.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from ..integration.client import Client
from ..integration.stores import mount_small, unmount
from .harness import AttackTestCase, ProcessAttackTestCase

OCTETS = bytes(range(256)) * 1024

#: Uploads that are cut off in the suite; to search longer, raise it in the environment.
ROUNDS = int(os.environ.get("FTPSERVER_ROUNDS", "60"))
SEED = int(os.environ.get("FTPSERVER_SEED", "20260101"))


class SmallDiskTests(AttackTestCase):
    """A real file system of 64 kB."""

    async def serve(self, **keywords: Any) -> None:
        """Serve it."""
        mount_small(self.root, "64k")
        self.addCleanup(lambda: Deferred.fromCoroutine(self.leave_disk()))
        await self.restart_server(partial_uploads="remove", **keywords)

    async def leave_disk(self) -> None:
        """Let go of the file system, which is in use as long as the server has sessions."""
        await self.stop_server()
        unmount(self.root)
        await self.start_server()

    async def fill(self, client: Client, line: str) -> None:
        """Upload more than there is room for, and expect to be told."""
        data = await client.begin(line)
        data.send(OCTETS)
        data.finish()
        await client.reply(452)
        await data.lost()

    async def try_all(self) -> None:
        """Fill the disk in every way, and use what is left of it afterwards."""
        client = await self.session()
        for line in ("STOR new", "STOU", "APPE new", "STOR old"):
            await client.store("STOR old", b"old")
            await self.fill(client, line)
            self.assertEqual((os.listdir(self.root), (self.root / "old").read_bytes()), (["old"], b"old"), line)
        await client.command("REST 3", 350)
        await self.fill(client, "STOR old")
        await client.command("DELE old", 250)
        await client.store("STOR small", b"fits")

    async def test_a_full_file_system(self) -> None:
        """Each upload that does not fit ends with 452, gives its room back, and leaves the old file."""
        await self.serve()
        await self.try_all()
        await self.assert_served()

    async def test_a_full_file_system_where_octets_move_in_python(self) -> None:
        """The same where the kernel does not move them."""
        await self.serve(data_plane="portable")
        await self.try_all()


class BoundTests(ProcessAttackTestCase):
    """A process that may write no large files."""

    keywords: ClassVar[Mapping[str, Any]] = {"partial_uploads": "remove"}

    async def test_a_bound_of_the_process(self) -> None:
        """An upload beyond what the system allows ends with 552, and not the process by its signal."""
        resource.prlimit(self.process.number, resource.RLIMIT_FSIZE, (100_000, 100_000))
        client = await self.session()
        # What the first transfer opens stays.
        await client.store("STOR small", b"fits")
        await client.command("DELE small", 250)
        before = self.vitals()
        for line in ("STOR new", "APPE new", "STOU"):
            data = await client.begin(line)
            data.send(OCTETS)
            data.finish()
            await client.reply(552)
            await data.lost()
            self.assertEqual(os.listdir(self.root), [], line)
        await self.settled(before)
        await self.assert_served()


class CutTests(AttackTestCase):
    """Clients that are cut off, and places that are lost."""

    keywords: ClassVar[Mapping[str, Any]] = {"partial_uploads": "remove"}

    async def test_a_reset_is_never_the_end(self) -> None:
        """Whenever an upload is reset, even behind its last octet, the reply is 426 and the old file stays."""
        random = Random(SEED)
        client = await self.session()
        for number in range(ROUNDS):
            name = random.choice(("new", "old"))
            self.write("old", b"old")
            data = await client.begin(f"{random.choice(('STOR', 'APPE')) if name == 'new' else 'STOR'} {name}")
            amount = random.choice((0, 1, 1000, len(OCTETS)))
            data.send(OCTETS[:amount])
            for _ in range(random.randrange(4)):
                await client.turn()
            data.reset()
            await client.reply(426, 451)
            found = {path.name: path.read_bytes() for path in self.root.iterdir()}
            self.assertEqual(found, {"old": b"old"}, f"round {number}: {name}, {amount}")
        await client.store("STOR new", OCTETS)

    async def test_a_client_that_vanishes_is_no_end(self) -> None:
        """An upload whose control connection is reset as well replaces nothing."""
        self.write("old", b"old")
        for name in ("old", "new"):
            client = await self.session()
            data = await client.begin(f"STOR {name}")
            data.send(OCTETS)
            await data.vanish()
            await client.vanish()
        await self.until(lambda: self.server.sessions == 1)
        self.assertEqual([(path.name, path.read_bytes()) for path in self.root.iterdir()], [("old", b"old")])

    async def test_a_place_that_is_lost_meanwhile(self) -> None:
        """An upload whose directory is removed, or whose name becomes a directory, is refused at its end."""
        client = await self.session()
        for lose in (self.remove_directory, self.make_directory):
            (self.root / "d").mkdir()
            data = await client.begin("STOR d/f")
            data.send(OCTETS)
            lose()
            data.finish()
            await client.reply(450, 451, 550, 553)
            await data.lost()
            shutil.rmtree(self.root / "d", ignore_errors=True)
        await self.assert_served()

    def remove_directory(self) -> None:
        """Remove the directory of the upload."""
        shutil.rmtree(self.root / "d")

    def make_directory(self) -> None:
        """Take its name."""
        (self.root / "d" / "f" / "g").mkdir(parents=True)

    async def test_a_name_that_becomes_a_link_is_not_followed(self) -> None:
        """An upload whose name becomes a link meanwhile replaces the link, and writes nothing where it leads."""
        client = await self.session()
        outside = self.root.parent / f"{self.root.name}-outside"
        self.addCleanup(outside.unlink)
        outside.write_bytes(b"outside")
        for mode in ("new", "old"):
            path = self.root / "f"
            if mode == "old":
                path.write_bytes(b"old")
            data = await client.begin("STOR f")
            data.send(OCTETS)
            path.unlink(missing_ok=True)
            path.symlink_to(outside)
            data.finish()
            await client.reply(226)
            await data.lost()
            self.assertEqual((path.is_symlink(), path.read_bytes()), (False, OCTETS))
            path.unlink()
        self.assertEqual(outside.read_bytes(), b"outside")

    async def test_nothing_is_told_before_the_end(self) -> None:
        """While a client has not ended its upload, no 226 comes, however much has come and however long it takes."""
        client = await self.session()
        data = await client.begin("STOR f")
        data.send(OCTETS)
        told = Deferred.fromCoroutine(client.reply())
        while not self.has_come(data.handle):
            await self.witness.command("NOOP", 200)
        for _ in range(20):
            await self.witness.command("NOOP", 200)
        self.assertFalse(told.called or (self.root / "f").exists())
        data.finish()
        self.assertEqual((await told).code, 226)
        self.assertEqual((self.root / "f").read_bytes(), OCTETS)

    def has_come(self, handle: socket.socket) -> bool:
        """Tell whether the system of the server has acknowledged everything that was sent."""
        # tcpi_unacked, of struct tcp_info in linux/tcp.h.
        information = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
        return int.from_bytes(information[24:28], "little") == 0
