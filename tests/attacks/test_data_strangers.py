# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Strangers at a passive port, and data connections that are to go to strangers.
"""

from __future__ import annotations

import socket
from typing import Any

from ftpserver.commands.registry import Direction

from ..integration.client import Client, DataConnection, target
from ..integration.test_twistd_privileges import free_privileged_port
from .harness import AttackTestCase, all_of

STRANGER = "127.0.0.2"

#: More than any browser or scanner opens at one port.
MANY = 100


class StrangerTests(AttackTestCase):
    """Connections to a passive port from elsewhere."""

    def server_keywords(self) -> dict[str, Any]:
        """Wait for clients as long as the test does."""
        return {**super().server_keywords(), "wait_future_timeout": 60}

    async def strangers(self, client: Client, port: int, number: int) -> list[DataConnection]:
        """Let strangers connect who send something as well."""
        came: list[DataConnection] = await all_of(*(client.open_data(port, STRANGER) for _ in range(number)))
        for one in came:
            one.send(b"from a stranger")
        return came

    async def assert_nothing_for(self, strangers: list[DataConnection]) -> None:
        """Assert that the server closes each connection, and sends nothing over it."""
        for one in strangers:
            await one.lost()
            self.assertEqual(bytes(one.received), b"")

    async def test_many_strangers_do_not_keep_the_client_out(self) -> None:
        """A client that connects before its command is served, however many strangers are there before it."""
        self.write("f", b"content")
        client = await self.session()
        for verb in ("EPSV", "PASV"):
            port = await client.passive_port(verb)
            strangers = await self.strangers(client, port, MANY)
            data = await client.open_data(port)
            await client.command("RETR f", 150)
            self.assertEqual(await data.everything(), b"content")
            await client.reply(226)
            await self.assert_nothing_for(strangers)
        await self.assert_served()

    async def test_strangers_that_keep_coming(self) -> None:
        """A client that connects after its command is served between strangers that come before and after it."""
        self.write("f", b"content")
        client = await self.session()
        port = await client.passive_port()
        strangers = await self.strangers(client, port, MANY // 2)
        await client.command("RETR f", 150)
        strangers += await self.strangers(client, port, MANY // 2)
        await self.witness.command("NOOP", 200)
        data = await client.open_data(port)
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)
        await self.assert_nothing_for(strangers)

    async def test_nothing_of_a_stranger_is_stored(self) -> None:
        """An upload is what the client sends, whoever connects before, beside and after it."""
        client = await self.session()
        for number, source in enumerate((STRANGER, self.host)):
            port = await client.passive_port()
            # Of two from the client's own address the first is the client.
            before = await self.strangers(client, port, 3) if source == STRANGER else []
            data = await client.open_data(port)
            beside = [await client.open_data(port, source) for _ in range(3)]
            await client.command(f"STOR f{number}", 150)
            for one in beside:
                one.send(b"from a stranger")
            await data.upload(b"from the client")
            await client.reply(226)
            await client.command("EPSV", 229)
            await self.assert_nothing_for([*before, *beside])
            self.assertEqual((self.root / f"f{number}").read_bytes(), b"from the client")


class BounceTests(AttackTestCase):
    """PORT and EPRT that name somebody else, or a port of a service."""

    def victim(self, host: str, port: int = 0) -> socket.socket:
        """Listen where the data is to go."""
        listener = socket.create_server((host, port))
        listener.setblocking(False)
        self.addCleanup(listener.close)
        return listener

    async def assert_refused(self, client: Client, line: str) -> None:
        """Assert that an agreement is refused, and that no transfer finds one."""
        reply = await client.command(line)
        self.assertIn(reply.code, (500, 501, 504, 522), f"{line}: {reply}")
        for verb, row in self.server.commands.items():
            if row.data is not None:
                argument = "f" if row.data is Direction.FROM_CLIENT or verb == "RETR" else "/"
                await client.command(f"{verb} {argument}", 425)

    def assert_untouched(self, victim: socket.socket) -> None:
        """Assert that nobody has connected; a connection within the machine is there at once."""
        self.assertRaises(BlockingIOError, victim.accept)

    async def test_no_other_host_is_called(self) -> None:
        """However another host is written, the command is refused, each transfer too, and nothing is sent to it."""
        self.write("f", b"content")
        client = await self.session()
        victim = self.victim(STRANGER)
        port = victim.getsockname()[1]
        high, low = divmod(port, 256)
        own = target("PORT", self.host, port)
        for line in (
            f"PORT 127,0,0,2,{high},{low}", f"PORT 127,00,000,002,{high},{low}", f"PORT 127,0,0,2,{high},{low},",
            f"PORT 0,0,0,0,{high},{low}", f"PORT 255,255,255,255,{high},{low}", f"PORT 224,0,0,1,{high},{low}",
            f"PORT 127,0,0,258,{high},{low}", f"PORT 127,0,0,-254,{high},{low}", f"PORT 127.0.0.2,{high},{low}",
            f"EPRT |1|127.0.0.2|{port}|", f"EPRT |2|::ffff:127.0.0.2|{port}|", f"EPRT |2|::ffff:7f00:2|{port}|",
            f"EPRT |1|127.2|{port}|", f"EPRT |1|0177.0.0.2|{port}|", f"EPRT |1|2130706434|{port}|",
            f"EPRT |1|0x7f.0.0.2|{port}|", f"EPRT |1|localhost|{port}|", f"EPRT |1|0.0.0.0|{port}|",
            f"EPRT |2|::|{port}|", f"EPRT |2|::1|{port}|", f"EPRT |2|fe80::1%lo|{port}|",
            f"EPRT |2|::127.0.0.2|{port}|",
            f"EPRT |1|127.0.0.1|{port + 65536}|", f"EPRT |1|127.0.0.1\0.2|{port}|", f"EPRT |3|127.0.0.2|{port}|",
        ):  # fmt: skip
            # One that was agreed before is not used instead.
            await client.command(f"PORT {own}", 200)
            await self.assert_refused(client, line)
        self.assert_untouched(victim)
        await self.assert_served()

    async def test_no_service_of_the_client_is_called(self) -> None:
        """Ports below 1024 are refused for the client's own address as well, and nothing is sent to them."""
        self.write("f", b"content")
        client = await self.session()
        port = free_privileged_port()
        victim = self.victim(self.host, port)
        high, low = divmod(port, 256)
        for line in (
            f"PORT 127,0,0,1,{high},{low}", f"PORT 127,0,0,1,0{high},0{low}", f"EPRT |1|127.0.0.1|{port}|",
            f"EPRT |1|127.0.0.1|{port:06}|", f"EPRT |2|::ffff:127.0.0.1|{port}|", "PORT 127,0,0,1,3,255",
            "PORT 127,0,0,1,0,0", "PORT 127,0,0,1,0,21", "EPRT |1|127.0.0.1|0|", "EPRT |1|127.0.0.1|1023|",
        ):  # fmt: skip
            await self.assert_refused(client, line)
        self.assert_untouched(victim)
        await client.command("EPRT |1|127.0.0.1|1024|", 200)
