# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
PORT, PASV, EPRT and EPSV: section D of the registry, its first part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import SkipTest

from benchmarks.ports import free_ports

from .client import Client, announced_port, target
from .clients import has_ipv6
from .conformance import ConformanceTestCase, holds
from .harness import open_descriptors

#: Another address of this machine, so that nothing ever leaves it.
STRANGER = "127.0.0.2"


class PortTestCase(ConformanceTestCase):
    """A server with one file."""

    async def start_server(self, **keywords: Any) -> None:
        """Make the file."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    async def assert_closed(self, client: Client, port: int) -> None:
        """Check that nobody listens on *port*."""
        with self.assertRaises(ConnectError):
            await client.open_data(port)


class ActiveTests(PortTestCase):
    """PORT and EPRT."""

    @holds("D01")
    async def test_the_connection_waits_for_the_transfer(self) -> None:
        """The server connects to the client's port when RETR comes, and not before."""
        client = await self.session()
        listener = await client.active("PORT")
        await client.command("NOOP", 200)
        self.assertEqual(listener.connections, [])
        await client.command("RETR f", 150)
        data = await listener.connection()
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)

    @holds("D02")
    async def test_another_host_is_refused(self) -> None:
        """PORT and EPRT of another address are refused, and nothing is sent to it by the transfer that follows."""
        for verb in ("PORT", "EPRT"):
            client = await self.session()
            client.source = STRANGER
            listener = await client.active(verb, 500, 501, 504)
            await client.command("RETR f", 425)
            self.assertEqual(listener.connections, [], verb)

    @holds("D03")
    async def test_a_low_port_is_refused(self) -> None:
        """Ports below 1024 belong to services."""
        client = await self.session()
        for verb in ("PORT", "EPRT"):
            for port in (0, 1, 25, 1023):
                await client.command(f"{verb} {target(verb, '127.0.0.1', port)}", 500, 501, 504)

    @holds("D04")
    async def test_a_malformed_port_forgets_the_last_one(self) -> None:
        """PORT without six numbers up to 255 is refused, and no data port is left."""
        client = await self.session()
        for argument in (
            "1,2,3",
            "300,0,0,1,4,1",
            "a,b,c,d,e,f",
            "127,0,0,1,200,1,1",
            "127,0,0,1,-1,1",
            "127,0,0,1,256,1",
        ):
            await client.passive_port()
            await client.command(f"PORT {argument}", 501)
            await client.command("RETR f", 425)

    @holds("D14")
    async def test_any_delimiter_is_taken(self) -> None:
        """EPRT may use every printable character that is not part of an address."""
        client = await self.session()
        for number in range(33, 127):
            delimiter = chr(number)
            if not delimiter.isdigit() and delimiter != ".":
                await client.command(f"EPRT {'|1|127.0.0.1|50000|'.replace('|', delimiter)}", 200)

    @holds("D14")
    async def test_eprt_leads_to_a_transfer(self) -> None:
        """The server connects to the address that EPRT names."""
        client = await self.session()
        listener = await client.active("EPRT")
        await client.command("RETR f", 150)
        data = await listener.connection()
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)

    @holds("D15")
    async def test_an_unknown_family_is_told_from_the_known_ones(self) -> None:
        """The reply to a family that is not there lists those that are."""
        client = await self.session()
        reply = await client.command("EPRT |3|x|50000|", 522)
        self.assertTrue(re.search(r"\(1(,2)?\)", reply.text), reply.text)

    @holds("D16")
    async def test_a_malformed_eprt_is_refused(self) -> None:
        """Missing parts, numbers out of range and scopes are syntax errors."""
        client = await self.session()
        for argument in (
            "1|127.0.0.1|50000|", "|1|127.0.0.1|50000", "|1|127.0.0.1|", "|1||50000|", "|1|127.0.0.1|65536|",
            "|1|127.0.0.1|x|", "|1|::1|50000|", "|2|127.0.0.1|50000|", "|2|fe80::1%lo|50000|", "||127.0.0.1|50000|",
            "|1|127.0.0.1|50000||", "|1|localhost|50000|",
        ):  # fmt: skip
            await client.command(f"EPRT {argument}", 501)

    @holds("D31")
    async def test_a_client_that_does_not_listen_gets_425(self) -> None:
        """When the port is closed, the transfer is refused, and the session goes on."""
        client = await self.session()
        port = free_ports(1)[0]
        await client.command(f"PORT {target('PORT', '127.0.0.1', port)}", 200)
        if (await client.command("RETR f", 150, 425)).code == 150:
            await client.reply(425)
        self.assertEqual(await client.fetch("RETR f"), b"content")


class PassiveTests(PortTestCase):
    """PASV and EPSV."""

    @holds("D05")
    async def test_six_numbers_tell_the_address(self) -> None:
        """The first six numbers in the reply are the address to connect to."""
        client = await self.session()
        reply = await client.command("PASV", 227)
        numbers = re.search(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)", reply.text)
        assert numbers is not None
        self.assertEqual(numbers.groups()[:4], ("127", "0", "0", "1"))
        self.assertEqual(re.findall(r"\d+", reply.text)[:6], list(numbers.groups()))
        await client.open_data(announced_port(reply))

    @holds("D07", "D08")
    async def test_the_last_agreement_counts(self) -> None:
        """Each PASV, EPSV or PORT ends the agreement before; there is never a second listener."""
        client = await self.session()
        for verb in ("PASV", "EPSV"):
            early = await client.open_data(await client.passive_port(verb))
            before = len(open_descriptors())
            second = await client.passive_port("PASV")
            self.assertEqual(len(open_descriptors()), before)
            self.assertEqual(await early.everything(), b"")
            await client.active("PORT")
            await self.assert_closed(client, second)

    @holds("D10")
    async def test_a_stranger_gets_nothing(self) -> None:
        """A connection from another address is dropped, and the client still gets the file."""
        client = await self.session()
        port = await client.passive_port()
        stranger = await client.open_data(port, STRANGER)
        client.send_line("RETR f")
        self.assertEqual(await stranger.everything(), b"")
        data = await client.open_data(port)
        self.assertEqual(await data.everything(), b"content")
        await client.replies(150, 226)

    @holds("D11")
    async def test_a_second_connection_is_closed(self) -> None:
        """Of two connections to one passive port, one gets the file and the other nothing."""
        client = await self.session()
        port = await client.passive_port()
        connections = [await client.open_data(port), await client.open_data(port)]
        await client.command("RETR f", 125, 150)
        received = sorted([await one.everything() for one in connections])
        self.assertEqual(received, [b"", b"content"])
        await client.reply(226)
        late = await client.open_data(port)
        await client.passive_port()
        self.assertEqual(await late.everything(), b"")

    @holds("D11")
    async def test_a_numbered_port_is_closed(self) -> None:
        """A port of data_ports is closed when its transfer has its connection."""
        await self.restart_server(data_ports=free_ports(1))
        client = await self.session()
        port = await client.passive_port()
        data = await client.open_data(port)
        await client.command("RETR f", 125, 150)
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)
        await self.assert_closed(client, port)

    @holds("D12")
    async def test_a_port_serves_one_transfer(self) -> None:
        """The next transfer needs an agreement of its own."""
        client = await self.session()
        await client.fetch("RETR f")
        await client.command("RETR f", 425)
        await client.command("LIST", 425)

    @holds("D13")
    async def test_a_refused_transfer_leaves_the_port(self) -> None:
        """After a 550 the next command may use the port that was agreed."""
        client = await self.session()
        data = await client.passive()
        await client.command("RETR missing", 550)
        await client.command("RETR f", 150)
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)

    @holds("D17")
    async def test_epsv_tells_a_port_of_the_same_address(self) -> None:
        """The reply has the form of the standard, and the port is at the address of the control connection."""
        client = await self.session()
        reply = await client.command("EPSV", 229)
        self.assertTrue(re.search(r"\(\|\|\|[0-9]+\|\)", reply.text))
        await client.open_data(announced_port(reply))

    @holds("D18")
    async def test_epsv_takes_a_family(self) -> None:
        """The family of the control connection is there; others are refused with the list."""
        client = await self.session()
        await client.command("EPSV 1", 229)
        for family in ("2", "3"):
            reply = await client.command(f"EPSV {family}", 522)
            self.assertIn("(1)", reply.text.replace("(1,2)", "(1)"))

    @holds("D19")
    async def test_epsv_takes_nothing_else(self) -> None:
        """An argument that is neither a family nor ALL is a syntax error."""
        client = await self.session()
        for argument in ("x", "1 2", "-1", "ALLES"):
            await client.command(f"EPSV {argument}", 501)

    async def assert_only_epsv(self, client: Client) -> None:
        """Check that EPSV works and the other ways are refused."""
        for line in ("PASV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|50000|"):
            reply = await client.command(line)
            self.assertTrue(500 <= reply.code <= 599, f"{line}: {reply}")
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("D20")
    async def test_epsv_all_leaves_only_epsv(self) -> None:
        """After EPSV ALL the other ways are refused for the whole session."""
        client = await self.session()
        await client.command("EPSV ALL", 200)
        await self.assert_only_epsv(client)
        await client.command("NOOP", 200)
        await self.assert_only_epsv(client)

    @holds("D21")
    async def test_epsv_all_outlives_an_abort(self) -> None:
        """An aborted transfer does not bring the other ways back."""
        client = await self.session()
        await client.command("epsv all", 200)
        await client.begin("STOR x")
        await client.command("ABOR", 426)
        await client.reply(226)
        await self.assert_only_epsv(client)


class PoolTests(PortTestCase):
    """A range of passive ports."""

    holds_time = True

    async def serve(self, ports: Sequence[int]) -> None:
        """Restrict the passive ports to *ports*."""
        await self.restart_server(data_ports=ports)

    @holds("D09")
    async def test_a_client_that_does_not_come_gets_425(self) -> None:
        """The transfer is given up after the wait; session and port are free again."""
        await self.serve(free_ports(1))
        client = await self.session()
        await client.passive_port()
        await client.command("RETR f", 150)
        self.time.advance(60)
        await client.reply(425)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("D22")
    async def test_ports_are_of_the_range_and_not_shared(self) -> None:
        """Sessions get different ports, all of the range, in an order that nobody can tell."""
        ports = free_ports(8)
        await self.serve(ports)
        client, other = await self.session(), await self.session()
        kept = await other.passive_port()
        taken = [await client.passive_port() for _ in range(40)]
        self.assertLessEqual({kept, *taken}, set(ports))
        self.assertNotIn(kept, taken)
        # 40 draws of one port, or in one order, are as good as impossible.
        self.assertGreater(len(set(taken)), 1)
        steps = {ports.index(second) - ports.index(first) for first, second in pairwise(taken)}
        self.assertGreater(len(steps), 2)

    @holds("D23")
    async def test_an_empty_pool_is_told_at_once(self) -> None:
        """A session beyond the range is refused a port, nothing else; the other one is not disturbed."""
        await self.serve(free_ports(1))
        first, second = await self.session(), await self.session()
        data = await first.passive()
        for verb in ("PASV", "EPSV"):
            await second.command(verb, 425)
        await second.command("NOOP", 200)
        await first.command("RETR f", 150)
        self.assertEqual(await data.everything(), b"content")
        await first.reply(226)
        self.assertEqual(await second.fetch("RETR f"), b"content")


class InternetProtocol6Tests(PortTestCase):
    """A control connection over IPv6."""

    host = "::1"

    async def start_server(self, **keywords: Any) -> None:
        """Skip where the machine has no IPv6."""
        if not has_ipv6():
            raise SkipTest("this machine has no IPv6")
        await super().start_server(**keywords)

    @holds("D06")
    async def test_pasv_is_refused(self) -> None:
        """There is no IPv4 address to tell; the session goes on with EPSV."""
        client = await self.session()
        await client.command("PASV", 425, 500, 501, 502, 522)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("D14", "D17", "D18")
    async def test_the_extended_commands_work(self) -> None:
        """EPRT and EPSV agree ports of the same family."""
        client = await self.session()
        await client.command("EPSV 2", 229)
        await client.command("EPSV 1", 522)
        listener = await client.active("EPRT")
        await client.command("RETR f", 150)
        data = await listener.connection()
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)
