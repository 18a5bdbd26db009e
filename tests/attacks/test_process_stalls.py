# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A backend that hangs for one user, and everybody else.
"""

from __future__ import annotations

import statistics
import threading
from typing import Any

from twisted.internet.defer import Deferred

from ftpserver import MemoryPathIO, PathIO, User, VirtualPath
from ftpserver.core.status import FileStatus
from ftpserver.pathio.system import FileSystem

from .harness import AttackTestCase

#: Sessions of the user whose backend hangs, each with a command that waits for it.
WAITING = 50

#: Seconds within which NOOP of another session is answered.
BOUND = 0.05


class HungDisk(FileSystem):
    """A disk that answers nothing until a gate is opened."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate

    def open_unnamed(self, directory: int, flags: int, mode: int) -> int:
        """Wait."""
        self._gate.wait()
        return super().open_unnamed(directory, flags, mode)

    def read(self, descriptor: int, amount: int, offset: int) -> bytes:
        """Wait."""
        self._gate.wait()
        return super().read(descriptor, amount, offset)


class SilentStore(MemoryPathIO):
    """A store that does not answer for anything but its root."""

    async def stat(self, path: VirtualPath) -> FileStatus:
        """Never answer."""
        return await super().stat(path) if path.is_root else await Deferred()


class StallTests(AttackTestCase):
    """One user's backend hangs."""

    def users(self) -> list[User]:
        """Add a user of a disk that hangs, and one of a store that does not answer."""
        below = self.root / "hung"
        below.mkdir(exist_ok=True)
        (below / "f").write_bytes(b"content")
        return [*super().users(), User("hung", "secret", base_path=below), User("silent", "secret", base_path=below)]

    def server_keywords(self) -> dict[str, Any]:
        """Choose the store by the user, and give up a call after a minute."""
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        keywords = {
            "path_io_factory": self.store,
            "path_calls": "threads",
            "path_timeout": 60,
            "data_plane": "portable",
        }
        return {**super().server_keywords(), **keywords}

    def store(self, connection: Any) -> Any:
        """Return the store of a session."""
        if connection.user.login == "silent":
            return SilentStore(connection)
        system = HungDisk(self.gate) if connection.user.login == "hung" else None
        roots, threads = connection.server.roots, connection.storage_threads
        base = connection.user.base_path
        return PathIO.at(base, uploads=connection.uploads, threads=threads, roots=roots, system=system)

    async def test_nobody_else_waits(self) -> None:
        """With 50 commands that wait for hung backends, NOOP of others takes less than 50 ms, and transfers work."""
        self.write("g", b"something else")
        # Once the disk hangs, nobody else can log in to it.
        waiting = [await self.session("silent" if number % 2 else "hung") for number in range(WAITING)]
        for number, client in enumerate(waiting):
            if not number % 2:
                await client.passive()
            client.send_line(("STOR new", "SIZE f", "RETR f", "MDTM f")[number % 4])
        answers = await self.answers(self.busy())
        self.assertLess(max(answer.processor for answer in answers), BOUND)
        # Half of them: what else the machine does cannot be asked to wait.
        self.assertLess(statistics.median(answer.seconds for answer in answers), BOUND)
        self.assertGreater(len(answers), 10)
        # Nobody was served, were it that he was told so.
        codes = {bytes(client.received[:1]) for client in waiting} | {b""}
        self.assertLessEqual(codes, {b"", b"1", b"4"})
        await self.assert_served()
        self.gate.set()

    async def busy(self) -> None:
        """Use another user's backend."""
        client = await self.session()
        for number in range(10):
            await client.store(f"STOR f{number}", b"content")
            self.assertEqual(await client.fetch("RETR g"), b"something else")
            await client.command("SIZE g", 213)
