# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Floods of the control connection: what they cost the server's process, and who is served meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..integration.client import Client
from ..integration.client_contract import Recorder
from .harness import AttackTestCase, ProcessAttackTestCase, all_of

#: Octets of memory that a flood may cost, whatever its size.
FLAT = 8 << 20

MILLION = 1_000_000

#: Sessions that attack together.
MANY = 10


class EndlessLineTests(ProcessAttackTestCase):
    """Lines without an end."""

    async def test_20_megabytes_without_a_line_end(self) -> None:
        """They are thrown away as they come; once the line ends, it is refused and the session goes on."""
        before = self.vitals_before()
        client = await self.session()
        await client.pour(b"x" * 65536, 320)
        await self.assert_served()
        client.send_line("")
        await client.reply(500)
        await client.command("NOOP", 200)
        self.assert_peak(before, FLAT)
        await client.leave()
        await self.settled(before)

    async def test_telnet_commands_without_an_end(self) -> None:
        """A subnegotiation that never ends, and nothing but Telnet commands, cost no memory either."""
        before = self.vitals_before()
        for beginning, flood in (
            (b"\xff\xfa", b"x" * 65536),
            (b"", b"\xff\xf1" * 32768),
            (b"", b"\r" * 65536),
            (b"", b"\r\0" * 32768),
        ):
            client = await self.session()
            await client.send_raw(beginning)
            await client.pour(flood, 320)
            await self.assert_served()
            await client.leave()
        self.assert_peak(before, FLAT)
        await self.settled(before)

    async def test_the_tail_of_a_long_line_is_no_command(self) -> None:
        """Of a line of 100 kB nothing is run, wherever segments and Telnet commands cut it."""
        client = await self.session()
        for filling in (b"x", b"MKD tail ", b"x\rMKD tail\r", b"x\xff\xf1MKD tail", b"x\0"):
            await client.send_raw(filling * (100_000 // len(filling)) + b" MKD tail\r\n")
            await client.reply(500)
            await client.command("NOOP", 200)
        self.assertEqual(list(self.root.iterdir()), [])


class UnreadTests(ProcessAttackTestCase):
    """A million commands whose replies nobody reads."""

    async def flood(self, line: bytes) -> None:
        """Send them until the server does not read any more, look at its process, and go."""
        before = self.vitals_before()
        client = await self.session()
        client.pause()
        sent = await self._sent_unread(client, memoryview(line * MILLION))
        self.assertLess(sent, len(line) * MILLION, "the server reads on and on")
        await self.assert_served()
        self.assert_peak(before, FLAT)
        await client.leave()
        await self.settled(before)

    async def _sent_unread(self, client: Client, octets: memoryview) -> int:
        """Return how many octets the server and the systems between have taken when they take no more."""
        sent = still = 0
        # So many replies to another one, in each of whose turns the server would read on.
        while still < 50 and sent < len(octets):
            try:
                sent += client.handle.send(octets[sent:])
                still = 0
            except BlockingIOError:
                still += 1
                await self.witness.command("NOOP", 200)
        return sent

    async def test_a_million_noops(self) -> None:
        """The server stops to answer and to read; others are served; when the client goes, everything is given back."""
        await self.flood(b"NOOP\r\n")

    async def test_a_million_helps(self) -> None:
        """Long replies fill no more memory than short ones."""
        await self.flood(b"HELP\r\n")


class WaitingTests(ProcessAttackTestCase):
    """Commands that wait, before any login."""

    keywords: ClassVar[Mapping[str, Any]] = {"failed_login_delay": 1}

    async def wait(self, flood: bytes) -> None:
        """Let many clients, none of whom is anybody, wait for a refusal with a flood behind it."""
        before = self.vitals_before()
        clients: list[Client] = []
        for _ in range(MANY):
            client = await self.connect()
            clients.append(client)
            await client.command("USER nobody", 331)
            await client.send_raw(b"PASS x\r\n")
            client.send(flood)
        for _ in range(3):
            await self.assert_served()
        self.assert_peak(before, FLAT + MANY * 400_000)
        for client in clients:
            await client.leave()
        await self.settled(before)

    async def test_a_flood_of_short_lines(self) -> None:
        """A session keeps no more of them than a segment, as it came."""
        await self.wait(b"NO\n" * 40_000)

    async def test_a_flood_of_long_lines(self) -> None:
        """Nor of the longest ones, 64 of which would be a megabyte."""
        await self.wait((b"A" + b" " * 16_000 + b"\r\n") * 100)


class TurnTests(AttackTestCase):
    """Commands that keep the server busy."""

    def server_keywords(self) -> dict[str, Any]:
        """Count the commands."""
        self.recorder = Recorder()
        return {"hooks": [self.recorder], **super().server_keywords()}

    async def busy(self, client: Client, line: str, number: int) -> int:
        """Return how many of so many commands were run before somebody who came later was answered."""
        verb = line.partition(" ")[0]
        before = self.recorder.verbs[verb]
        client.send(f"{line}\r\n".encode() * number)
        await client.reply()
        await self.witness.command("NOOP", 200)
        ran = self.recorder.verbs[verb] - before
        for _ in range(number - 1):
            await client.reply()
        return ran

    async def test_listings_over_the_control_connection_take_turns(self) -> None:
        """Many STATs of a large directory in one segment leave time to others, between its parts, too."""
        for number in range(1200):
            self.write(f"file{number:06}")
        client = await self.session()
        self.assertLess(await self.busy(client, "STAT /", 40), 10)
        self.assertLess(await self.busy(client, "STAT /*f*i*l*e*z", 40), 10)

    async def test_commands_take_turns(self) -> None:
        """So do many of any command that asks the store."""
        self.write("f")
        client = await self.session()
        for line in ("MLST f", "SIZE f", "MDTM f", "CWD /", "HELP STOR", "OPTS MLST size;"):
            self.assertLess(await self.busy(client, line, 1000), 500, line)

    async def test_what_overtakes_a_transfer_is_bounded(self) -> None:
        """Floods of STAT and NOOP during a transfer are answered while the client reads; others are served."""
        with self.write("huge").open("wb") as file:
            file.truncate(64 << 20)
        client = await self.session()
        data = await client.begin("RETR huge")
        data.pause()
        client.pause()
        client.send(b"STAT\r\nNOOP\r\n" * 20_000)
        for _ in range(10):
            await self.assert_served()
        self.assertLess(self.recorder.verbs["STAT"], 20_000)
        await client.leave()

    async def test_sessions_that_flood_together(self) -> None:
        """Thirty sessions that send commands as fast as they can leave another one its turn in every round of them."""
        clients = await all_of(*(self.session() for _ in range(30)))
        for client in clients:
            client.send(b"CWD /\r\n" * 1000)
        await clients[0].reply(250)
        before = self.recorder.verbs["CWD"]
        await self.witness.command("NOOP", 200)
        self.assertLess(self.recorder.verbs["CWD"] - before, 30 * 300)
        for client in clients:
            client.send_line("PWD")
        for client in clients:
            while (await client.reply()).code != 257:
                pass
