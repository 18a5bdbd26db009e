# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
226 is said of an upload only when all of it is where it belongs: disks that fail at every call.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred

from ..integration.client import Client
from .faults import Faults, FaultySystem, serve_faulty
from .harness import AttackTestCase

#: What is uploaded: several pieces of what a transfer moves at once.
OCTETS = bytes(range(256)) * 4096

OLD = b"the old content"

#: What a failing call is answered with.
REPLIES = {errno.ENOSPC: 452, errno.EDQUOT: 552, errno.EFBIG: 552, errno.EIO: 451}

#: Every verb that uploads, onto nothing and onto a file.
UPLOADS = ("STOR new", "STOR old", "APPE new", "APPE old", "STOU", "STOU old")


class FaultTests(AttackTestCase):
    """Uploads that fail at one of their system calls."""

    def server_keywords(self) -> dict[str, Any]:
        """Have a disk that can fail, and keep nothing of an upload that fails."""
        self.faults = Faults()
        store = serve_faulty(self.root, self.faults)
        return {
            **super().server_keywords(),
            "path_io_factory": store,
            "partial_uploads": "remove",
            "fsync": "directory",
        }

    def prepare(self) -> None:
        """Let data connections fail, too."""
        self.server.system = FaultySystem(self.faults)

    def failures(self) -> Iterator[tuple[str, int]]:
        """Yield each call and each way in which it can fail."""
        for number in REPLIES:
            yield "write", number
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            yield from ((call, number) for call in ("close", "fsync", "name"))

    async def upload(self, client: Client, line: str) -> int:
        """Upload, and return the code of the final reply."""
        data = await client.begin(line)
        data.send(OCTETS)
        data.finish()
        code = (await client.reply()).code
        await data.lost()
        return code

    async def try_all(self) -> None:
        """Let each call of each upload fail in each way."""
        client = await self.session()
        for line in UPLOADS:
            for call, number in self.failures():
                if call == "name" and line.startswith("APPE"):
                    # The name is there from the beginning.
                    continue
                self.write("old", OLD)
                self.faults.plan(call, number)
                code = await self.upload(client, line)
                failed, self.faults.call = self.faults.failed, ""
                what = f"{line}: {call}, {os.strerror(number)}"
                self.assertGreater(failed, 0, what)
                self.assertEqual(code, REPLIES[number], what)
                self.assert_as_before(line, call, what)
        await client.store("STOR new", b"whole")
        self.assertEqual((self.root / "new").read_bytes(), b"whole")

    def assert_as_before(self, line: str, call: str, what: str) -> None:
        """Assert that no name has come, and that the file that was there is as it was, or has been appended to."""
        content = (self.root / "old").read_bytes()
        if line == "APPE old" and call != "write":
            self.assertTrue(content.startswith(OLD), what)
        else:
            self.assertEqual(content, OLD, what)
        names = sorted(os.listdir(self.root))
        self.assertEqual([name for name in names if name != "old"], [], what)

    async def test_a_disk_that_fails(self) -> None:
        """Whatever call fails, the reply tells of it, the name does not come, and the session goes on."""
        await self.try_all()
        await self.assert_served()

    async def test_a_disk_that_fails_where_octets_move_in_python(self) -> None:
        """The same where the kernel does not move them."""
        await self.restart_server(data_plane="portable")
        await self.try_all()

    async def test_a_disk_that_fails_in_threads(self) -> None:
        """The same where calls to files are made in threads."""
        await self.restart_server(path_calls="threads")
        await self.try_all()

    async def test_a_disk_that_fails_amid_an_upload(self) -> None:
        """A write that fails after others that did not is told as well, and takes the beginning away."""
        client = await self.session()
        for number, code in REPLIES.items():
            self.faults.plan("write", number, after=1)
            data = await client.begin("STOR new")
            data.send(b"a part")
            # The next piece comes when the first was written.
            while "6 octets so far" not in (await client.command("STAT", 211)).text:
                await client.turn()
            data.send(OCTETS)
            data.finish()
            await client.reply(code)
            await data.lost()
            self.assertEqual(os.listdir(self.root), [])
        self.faults.plan("", 0)

    async def test_an_upload_into_a_place_fails_as_well(self) -> None:
        """Where uploads are written in place, a new file whose end fails is not left looking whole."""
        await self.restart_server(atomic_uploads=False)
        client = await self.session()
        for call in ("write", "close", "fsync"):
            self.faults.plan(call, errno.EIO)
            self.assertEqual(await self.upload(client, "STOR new"), 451, call)
            self.faults.plan("", 0)
            self.assertEqual(os.listdir(self.root), [], call)

    async def test_the_reply_waits_for_the_name(self) -> None:
        """226 is said when the name is there, and not before."""
        await self.restart_server(path_calls="threads")
        client = await self.session()
        for name in ("new", "old"):
            self.write("old", OLD)
            self.faults.gate = gate = threading.Event()
            self.addCleanup(gate.set)
            uploading = Deferred.fromCoroutine(self.upload(client, f"STOR {name}"))
            for _ in range(50):
                await self.witness.command("NOOP", 200)
            self.assertFalse(uploading.called)
            self.assertEqual((self.root / "old").read_bytes(), OLD)
            self.assertFalse((self.root / "new").exists() and name == "new")
            gate.set()
            self.assertEqual(await uploading, 226)
            self.assertEqual((self.root / name).read_bytes(), OCTETS)
