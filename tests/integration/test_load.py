# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Many clients, and clients that behave badly: everybody else is served, and everything is bounded.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

import ftpserver
from benchmarks.ports import free_ports

from .client import Client, announced_port
from .client_contract import Recorder, content
from .clients import start
from .harness import ServerTestCase, open_descriptors
from .throttling import open_sessions

LISTEN = "0A"


def listeners() -> int:
    """Return how many TCP ports of this process listen."""
    inodes = {target[len("socket:[") : -1] for target in open_descriptors().values() if target.startswith("socket:[")}
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/self/net/{name}").read_text().splitlines()
    ]
    return sum(row[3] == LISTEN and row[9] in inodes for row in rows)


def resident() -> int:
    """Return the octets of memory that this process uses."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class LoadTestCase(ServerTestCase):
    """A server that many come to."""

    timeout = 120

    def server_keywords(self) -> dict[str, Any]:
        """Wait longer than by default for a client on a busy machine, and count the commands."""
        self.recorder = Recorder()
        return {"wait_future_timeout": 30, "hooks": [self.recorder], **super().server_keywords()}

    async def all_of(self, *doing: Any) -> list[Any]:
        """Wait for everything at the same time."""
        done: list[Any] = await gatherResults([Deferred.fromCoroutine(one) for one in doing], consumeErrors=True)
        return done


class ManySessionsTests(LoadTestCase):
    """Many sessions at a time."""

    async def test_200_sessions_at_once(self) -> None:
        """200 sessions upload, download and list at the same time, and each gets what is its own."""

        async def one(number: int) -> None:
            client = await self.session()
            octets = content(20_000 + number, number)
            await client.store(f"STOR file{number}", octets)
            self.assertEqual(await client.fetch(f"RETR file{number}"), octets, f"file{number}")
            self.assertIn(f"file{number}\r\n".encode(), await client.fetch("NLST"))

        await self.all_of(*(one(number) for number in range(200)))
        self.assertEqual(self.server.sessions, 200)
        self.assertEqual(len(list(self.root.iterdir())), 200)

    async def test_a_thousand_passive_ports_asked_for(self) -> None:
        """50 sessions ask 20 times each for a passive port: each holds one, and a further client gets one as well."""
        before = listeners()
        clients = await self.all_of(*(self.session() for _ in range(50)))

        async def ask(client: Client) -> None:
            for verb in ("PASV", "EPSV") * 10:
                await client.passive_port(verb)

        await self.all_of(*(ask(client) for client in clients))
        self.assertEqual(listeners(), before + 50)
        await (await self.session()).store("STOR file", b"x")

    async def test_four_ports_serve_twenty_sessions(self) -> None:
        """20 sessions take turns at 4 data ports; who finds none free is told so and asks again."""
        await self.restart_server(data_ports=free_ports(4))

        async def one(number: int) -> int:
            client = await self.session()
            refused = 0
            while (answer := await client.command("EPSV", 229, 425)).code == 425:
                refused += 1
                await client.turn()
            data = await client.open_data(announced_port(answer))
            await client.command(f"STOR file{number}", 150)
            await data.upload(content(50_000, number))
            await client.reply(226)
            return refused

        await self.all_of(*(one(number) for number in range(20)))
        for number in range(20):
            self.assertEqual((self.root / f"file{number}").read_bytes(), content(50_000, number))
        self.assertEqual(self.server.data_ports.free, 4)


class SilentTests(LoadTestCase):
    """Connections that never say anything."""

    holds_time = True

    async def test_one_address_cannot_take_every_place(self) -> None:
        """500 silent connections from one address leave another address served, and end with the login timeout."""
        await self.restart_server(maximum_connections_per_host=20, maximum_connections=100)
        greeted: Counter[int] = Counter()

        async def one() -> Client:
            client = await self.connect(greeting=False)
            greeted[(await client.reply(220, 421)).code] += 1
            return client

        clients = await self.all_of(*(one() for _ in range(500)))
        self.assertEqual(greeted, {220: 20, 421: 480})
        other = await self.session(source="127.0.0.2")
        await other.command("PWD", 257)
        self.time.advance(61)
        for client in clients:
            await client.lost()
        await self.until(lambda: self.server.sessions == 1)
        await other.command("PWD", 257)
        await self.session()


class UnreadTests(LoadTestCase):
    """A client that never reads its replies."""

    number = 100_000

    async def test_the_server_stops_to_answer(self) -> None:
        """Unread replies to 100,000 HELP take little memory; others are served, and once read every reply comes."""
        client, other = await self.session(), await self.session()
        before = resident()
        await self._flood(client, other, "HELP")
        self.assertLess(self.recorder.verbs["HELP"], self.number, "the server answers on and on")
        self.assertLess(resident() - before, 32 * 1024 * 1024)
        await self._read(client, b"\r\n214 ", "HELP")

    async def test_many_short_commands(self) -> None:
        """100,000 NOOP in one go are all answered, other sessions meanwhile as well."""
        client, other = await self.session(), await self.session()
        await self._flood(client, other, "NOOP")
        await self._read(client, b"200 ", "NOOP")

    async def _flood(self, client: Client, other: Client, verb: str) -> None:
        """Send everything unread, and return when the server does nothing more about it."""
        client.pause()
        client.send(f"{verb}\r\n".encode() * self.number)
        answered, still = -1, 0
        while still < 50:
            await other.command("PWD", 257)
            still = still + 1 if self.recorder.verbs[verb] == answered else 0
            answered = self.recorder.verbs[verb]

    async def _read(self, client: Client, last_line: bytes, verb: str) -> None:
        """Read every reply; those of a session are in order, so the last one tells that all are there."""
        client.send_line("PWD")
        client.resume()
        found, tail = 0, b""
        while b"\r\n257 " not in tail:
            await client.changes.until(lambda: bool(client.received) or client.has_ended)
            self.assertFalse(client.has_ended, "the session has ended")
            piece = tail + bytes(client.received)
            client.received.clear()
            # What may be the beginning of a match is looked at again.
            kept = max(0, len(piece) - len(last_line) + 1)
            found += piece.count(last_line)
            tail = piece[kept:] if b"\r\n257 " not in piece else piece
        self.assertEqual(found, self.number)
        self.assertEqual(self.recorder.verbs[verb], self.number)


#: A server whose process can be killed.
PROGRAM = """
import sys
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from ftpserver import Server, User

async def main():
    server = Server([User("alice", "secret", base_path=sys.argv[1])])
    await server.start("127.0.0.1")
    print(server.address[1], flush=True)
    await server.serve_forever()

react(lambda reactor: Deferred.fromCoroutine(main()))
"""


class KilledTests(LoadTestCase):
    """A server whose process is killed."""

    async def test_a_killed_server_leaves_no_part_of_an_upload(self) -> None:
        """After kill -9 in the middle of uploads, a new name is not there and an old file is as it was."""
        self.write("old", b"old content")
        packages = str(Path(ftpserver.__file__).parent.parent)
        running = start(sys.executable, "-c", PROGRAM, str(self.root), PYTHONPATH=packages)
        await running.wrote()
        clients = await open_sessions(self.host, int(bytes(running.output)), 2)
        self._clients.extend(clients)
        for client, name in zip(clients, ("new", "old"), strict=True):
            await self._upload_a_part(client, name)
        running.interrupt(signal.SIGKILL)
        await running.finished
        self.assertEqual({path.name: path.read_bytes() for path in self.root.iterdir()}, {"old": b"old content"})

    async def _upload_a_part(self, client: Client, name: str) -> None:
        data = await client.begin(f"STOR {name}")
        data.send(content(1_000_000))
        # What STAT counts is with the server.
        while "1000000 octets" not in (await client.command("STAT", 211)).text:
            await client.turn()
