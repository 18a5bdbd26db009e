# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Clients that agree on a data connection and then do not keep to it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any, ClassVar

from benchmarks.ports import free_ports
from ftpserver.commands.registry import Direction

from ..integration.client import Client, DataConnection, target
from ..integration.stores import LargeDirectory
from .harness import AttackTestCase, ProcessAttackTestCase, all_of

#: Seconds that the server waits for a client to connect, and for octets to move.
CONNECTING, MOVING = 10, 30

#: More than the system buffers for a client that does not read.
HUGE = 64 << 20

#: Answers to somebody else while the server does what it can.
TURNS = 50

#: Sessions that misbehave at the same time.
MANY = 60


class SilenceTests(AttackTestCase):
    """With one data port for all: it is free again, or the next transfer would be refused."""

    holds_time = True

    def server_keywords(self) -> dict[str, Any]:
        """Have one data port, and bounds of time; files are written in no thread, for which time would have to wait."""
        times = {"wait_future_timeout": CONNECTING, "socket_timeout": MOVING}
        return {**super().server_keywords(), **times, "data_ports": free_ports(1), "path_calls": "inline"}

    async def start_server(self, **keywords: Any) -> None:
        """Have a file that no client reads to its end."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(HUGE)
        self.write("small", b"content")
        await super().start_server(**keywords)

    def lines(self, *directions: Direction) -> list[str]:
        """Return a command for each verb that moves data in one of *directions*."""
        found = [(verb, row.data) for verb, row in self.server.commands.items() if row.data in directions]
        return [
            f"{verb} {'huge' if verb == 'RETR' else 'new' if data is Direction.FROM_CLIENT else '/'}"
            for verb, data in found
        ]

    async def after(self, client: Client, seconds: float, *codes: int) -> None:
        """Check that nothing is said until *seconds* have passed, and one of *codes* then."""
        self.time.advance(seconds - 0.1)
        await self.witness.command("NOOP", 200)
        await client.turn()
        self.assertEqual(bytes(client.received), b"")
        self.time.advance(0.2)
        await client.reply(*codes)

    async def stalled(self, client: Client) -> None:
        """Let so much time pass that the server must find out that nothing moves any more, and no more than that."""
        await self.until_still(client)
        # It may look just before the client has held it up for the whole time, and then once more.
        for _ in range(2):
            if not client.received:
                self.time.advance(MOVING + 1)
                await self.pass_turns()
        await client.reply(426)

    async def until_still(self, client: Client) -> None:
        """Wait until the server has begun and can move nothing more."""
        moved, before = await self.moved(client), -1
        while not moved or moved != before:
            await self.pass_turns()
            moved, before = await self.moved(client), moved

    async def pass_turns(self) -> None:
        """Let the server do what it has to do already."""
        for _ in range(TURNS):
            await self.witness.command("NOOP", 200)

    async def moved(self, client: Client) -> int:
        """Return how many octets the server has moved in the transfer of a client."""
        found = re.search(r"(\d+) octets so far", (await client.command("STAT", 211)).text)
        return int(found[1]) if found is not None else 0

    async def assert_over(self, client: Client) -> None:
        """Assert that the session goes on, with its place and the only data port free again."""
        await client.command("NOOP", 200)
        self.assertEqual(await self.witness.fetch("RETR small"), b"content")
        self.assertEqual(await client.fetch("RETR small"), b"content")
        self.assertEqual(self.server.data_ports.free, 1)
        self.assertFalse((self.root / "new").exists())

    async def test_a_client_that_never_connects(self) -> None:
        """Each verb ends with 425 when the time for connecting is over, and not before."""
        client = await self.session()
        for line in self.lines(*Direction):
            await client.passive_port()
            await client.command(line, 150)
            await self.after(client, CONNECTING, 425)
            await self.assert_over(client)

    async def test_a_client_that_never_answers_a_call(self) -> None:
        """In active mode as well: refused at once where nobody listens, and in time where nobody answers."""
        client = await self.session()
        deaf = socket.create_server((self.host, 0), backlog=0)
        self.addCleanup(deaf.close)
        self.fill(deaf)
        refusing = free_ports(1)[0]
        for line in self.lines(*Direction):
            await client.command(f"PORT {target('PORT', self.host, refusing)}", 200)
            await client.command(line, 150)
            await client.reply(425)
            await client.command(f"PORT {target('PORT', self.host, deaf.getsockname()[1])}", 200)
            await client.command(line, 150)
            await self.after(client, CONNECTING, 425)
            await self.assert_over(client)

    def fill(self, deaf: socket.socket) -> None:
        """Take every place of a port that nobody accepts from, so that the system answers no further call."""
        for _ in range(3):
            caller = socket.socket()
            self.addCleanup(caller.close)
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())

    async def test_a_client_that_never_writes(self) -> None:
        """Each upload ends with 426 when nothing has come for the time allowed, at its beginning and later."""
        client = await self.session()
        for line in self.lines(Direction.FROM_CLIENT):
            for part in (b"", b"a part"):
                data = await client.begin(line)
                if part:
                    data.send(part)
                    await self.until_moved(client, len(part))
                    # Only after a write does the server wait for the client again.
                    await self.stalled(client)
                else:
                    await self.after(client, MOVING, 426)
                await data.vanish()
                self.remove_part()
                await self.assert_over(client)

    async def until_moved(self, client: Client, amount: int) -> None:
        """Wait until the server has received so many octets."""
        while await self.moved(client) != amount:
            await client.turn()

    def remove_part(self) -> None:
        """Remove what is kept of an upload that was cut."""
        for path in self.root.glob("new*"):
            path.unlink()

    async def test_a_client_that_never_reads(self) -> None:
        """A download ends with 426 when nothing was taken for the time allowed, and others are served meanwhile."""
        client = await self.session()
        data = await client.passive()
        data.pause()
        await client.command("RETR huge", 150)
        await self.stalled(client)
        await data.vanish()
        await self.assert_over(client)

    async def test_a_client_that_never_reads_a_listing(self) -> None:
        """The same holds for each listing."""
        await self.restart_server(path_io_factory=LargeDirectory)
        client = await self.session()
        for line in ("LIST", "NLST", "MLSD"):
            data = await client.passive()
            data.pause()
            await client.command(line, 150)
            await self.stalled(client)
            await data.vanish()
            await client.command("NOOP", 200)
            self.assertEqual(self.server.data_ports.free, 1)

    async def test_a_client_that_resets(self) -> None:
        """Each upload and download ends with 426 at once, and neither waits for a time to be over."""
        client = await self.session()
        for line in (*self.lines(Direction.FROM_CLIENT), "RETR huge"):
            data = await client.begin(line)
            await self.some_moved(client, data, line)
            data.reset()
            await client.reply(426)
            self.remove_part()
            await self.assert_over(client)

    async def test_a_client_that_resets_a_listing(self) -> None:
        """So does each listing, of a directory that is larger than what the systems between keep."""
        await self.restart_server(path_io_factory=LargeDirectory)
        client = await self.session()
        for line in ("LIST", "NLST", "MLSD"):
            data = await client.begin(line)
            await data.some()
            data.reset()
            await client.reply(426)
            await client.command("NOOP", 200)
            self.assertEqual(self.server.data_ports.free, 1)

    async def some_moved(self, client: Client, data: DataConnection, line: str) -> None:
        """Let some octets move."""
        if line.startswith("RETR"):
            await data.some()
        else:
            data.send(b"a part")
            await self.until_moved(client, 6)


class PortableSilenceTests(SilenceTests):
    """The same where all octets are moved in Python."""

    def server_keywords(self) -> dict[str, Any]:
        """Do without the kernel."""
        return {**super().server_keywords(), "data_plane": "portable"}


class CostTests(ProcessAttackTestCase):
    """What clients that do not keep to their agreements cost the process."""

    keywords: ClassVar[Mapping[str, Any]] = {"socket_timeout": 60, "wait_future_timeout": 60}

    async def test_many_of_them_cost_little_and_leave_nothing(self) -> None:
        """60 that do not read, do not write or do not connect cost 32 MB at most, and everything is given back."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(HUGE)
        # What the first transfers need stays.
        await self.witness.store("STOR small", b"content")
        await self.witness.fetch("RETR small")
        before = self.vitals_before()
        await all_of(*(self.misbehave(number) for number in range(MANY)))
        self.assert_peak(before, 32 << 20)
        self.assertLessEqual(self.vitals().threads, before.threads + 8)
        await self.witness.fetch("RETR small")
        for client in self._clients:
            if client is not self.witness:
                await client.leave()
        await self.settled(before)
        await self.assert_served()

    async def misbehave(self, number: int) -> None:
        """Agree on something and do not keep to it."""
        client = await self.session()
        if number % 3 == 0:
            data = await client.passive()
            data.pause()
            await client.command("RETR huge", 150)
        elif number % 3 == 1:
            await client.begin(f"STOR new{number}")
        else:
            await client.passive_port()
            await client.command("LIST", 150)
