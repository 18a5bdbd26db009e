# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Handshakes that fail, stall, or are none: section T of the registry, its last part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.internet.task import deferLater
from twisted.internet.tcp import Server as ServerTransport

from .conformance import holds
from .harness import open_descriptors, reactor
from .tls_client import VERSIONS, End, SecureClient, client_context
from .tls_harness import EXPLICIT, IMPLICIT, SecureTestCase
from .tls_wire import TLS_1_2, is_tls, make_client_hello

#: How long the server is watched for doing nothing, and how often the reactor may turn meanwhile.
WATCHED, TURNS = 0.2, 50

HELLO = make_client_hello(TLS_1_2)

#: What scanners, and clients of other protocols, say to a port that expects a handshake.
GARBAGE: Mapping[str, bytes] = {
    "FTP": b"USER anonymous\r\nPASS guest@example.org\r\nRETR f\r\n",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "SSH": b"SSH-2.0-scanner\r\n",
    "RDP": bytes.fromhex("030000130ee000000000000100080003000000"),
    "SMB": b"\x00\x00\x00\x85\xffSMBr" + bytes(124),
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "line ends": b"\r\n" * 500,
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
    "too long a record": b"\x16\x03\x01\xff\xff" + bytes(70000),
    "a hello of another length": HELLO[:5] + b"\x01\xff\xff\xff" + HELLO[9:],
    "a hello with a wrong end": HELLO[:-9] + b"\xff" * 9,
    "a hello of nothing": b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    "a server's hello": HELLO[:5] + b"\x02" + HELLO[6:],
    "application data": b"\x17\x03\x03\x00\x20" + bytes(32),
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "close_notify": b"\x15\x03\x03\x00\x02\x01\x00",
    "a heartbeat": b"\x18\x03\x02\x00\x03\x01\x40\x00",
    "a change of the cipher": b"\x14\x03\x03\x00\x01\x01" * 100,
    "empty records": b"\x16\x03\x01\x00\x00" * 2000,
    "two hellos": HELLO + HELLO,
}

#: What a client may have said of its handshake when it says no more.
STALLS = (b"", HELLO[:1], HELLO[:5], HELLO[:60], HELLO)


class HandshakeTestCase(SecureTestCase):
    """Clients that do not get through the handshake."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file that must not change."""
        self.write("f", b"kept")
        await super().start_server(**keywords)

    async def begun(self, listener: int, source: str | None = None) -> SecureClient:
        """Return a client that is expected to shake hands now; what comes is kept as it comes."""
        client = await self.reach(SecureClient(reactor, source or self.host), listener)
        if listener == EXPLICIT:
            await client.reply(220)
            await client.command("AUTH TLS", 234)
            client.wire.clear()
        return client

    def assert_silent(self, client: SecureClient) -> None:
        """Expect nothing in clear since the handshake was to begin: records of TLS, or nothing at all."""
        self.assertTrue(not client.wire or is_tls(client.wire), bytes(client.wire))

    async def assert_free(self, sessions: int, descriptors: Mapping[int, str]) -> None:
        """Expect slots and descriptors to be given back."""
        await self.until(lambda: self.server.sessions == sessions)
        await self.until(lambda: len(open_descriptors()) == len(descriptors))

    async def assert_idle(self) -> None:
        """Expect that the reactor sleeps, and that the server touches no connection meanwhile."""
        touched: list[str] = []
        turns = 0

        def counted(name: str) -> Any:
            original = getattr(ServerTransport, name)

            def count(transport: Any) -> Any:
                touched.append(name)
                return original(transport)

            return count

        iterate = reactor.doIteration

        def turn(delay: float | None) -> None:
            nonlocal turns
            turns += 1
            iterate(delay)

        patches = [self.patch(ServerTransport, name, counted(name)) for name in ("doRead", "doWrite")]
        patches.append(self.patch(reactor, "doIteration", turn))
        await deferLater(reactor, WATCHED)
        for patch in patches:
            patch.restore()
        self.assertEqual(touched, [])
        self.assertLess(turns, TURNS)


class FailedHandshakeTests(HandshakeTestCase):
    """Handshakes that fail."""

    @holds("T06", "T26")
    async def test_garbage_ends_the_connection(self) -> None:
        """Whatever is no hello ends the connection without a word in clear; nothing of it is run."""
        witness = await self.private()
        await witness.command("NOOP", 200)
        for listener in (EXPLICIT, IMPLICIT):
            for name, octets in GARBAGE.items():
                client = await self.begun(listener)
                await client.pour(octets, 1)
                # What is not yet a whole record may still become one; the end of the client ends it in any case.
                client.cut()
                await client.lost()
                self.assertTrue(not client.wire or is_tls(client.wire), f"{name}: {bytes(client.wire)!r}")
                await witness.command("NOOP", 200)
        self.assertEqual((self.root / "f").read_bytes(), b"kept")
        await self.until(lambda: self.server.sessions == 1)

    @holds("T06")
    async def test_the_server_drops_a_failed_handshake_by_itself(self) -> None:
        """What cannot be a handshake any more is dropped at once, though the client stays; slot and descriptor go."""
        witness = await self.private()
        descriptors = open_descriptors()
        for listener in (EXPLICIT, IMPLICIT):
            for name in ("FTP", "HTTP", "zeros", "ones", "too long a record", "an alert", "a server's hello"):
                client = await self.begun(listener)
                await client.pour(GARBAGE[name], 1)
                await client.lost()
                self.assert_silent(client)
                await self.assert_free(1, descriptors)
        await witness.command("NOOP", 200)

    @holds("T06")
    async def test_a_client_that_refuses_the_certificate_is_let_go(self) -> None:
        """Where the client ends the handshake with an alert, the session ends."""
        for version in VERSIONS:
            for listener in (EXPLICIT, IMPLICIT):
                client = await self.begun(listener)
                client.begin_tls(End(client_context(version), server_name="other.example.org"))
                await client.settled()
                self.assertIn("CERTIFICATE_VERIFY_FAILED", client.end.failure)
                await client.lost()
                self.assert_silent(client)
        await self.until(lambda: self.server.sessions == 0)

    @holds("T06")
    async def test_a_client_that_goes_amid_the_handshake_leaves_nothing(self) -> None:
        """A close or a reset at any point of the handshake gives slot and descriptor back."""
        await self.begun(EXPLICIT)
        descriptors = open_descriptors()
        for listener in (EXPLICIT, IMPLICIT):
            for octets in STALLS:
                for how in ("close", "reset"):
                    client = await self.begun(listener)
                    await client.send_raw(octets)
                    await client.turn()
                    getattr(client, how)()
                    await client.vanish()
                    await self.assert_free(1, descriptors)

    @holds("T06")
    async def test_many_failures_leave_nothing(self) -> None:
        """After hundreds of them the server is as before, and serves."""
        descriptors = open_descriptors()
        names = list(GARBAGE)
        for number in range(200):
            client = await self.begun(number % 2)
            await client.pour(GARBAGE[names[number % len(names)]], 1)
            client.cut()
            await client.lost()
        await self.assert_free(0, descriptors)
        await (await self.private()).command("NOOP", 200)

    @holds("T06")
    async def test_a_place_of_the_server_is_given_back(self) -> None:
        """With one place for all, it is free again after each failure."""
        await self.restart_server(maximum_connections=1)
        for listener in (EXPLICIT, IMPLICIT, EXPLICIT):
            client = await self.begun(listener)
            await client.pour(GARBAGE["HTTP"], 1)
            await client.lost()
            await self.until(lambda: self.server.sessions == 0)
        await self.private()


class StalledHandshakeTests(HandshakeTestCase):
    """Handshakes that never end."""

    holds_time = True
    keywords: ClassVar[Mapping[str, Any]] = {"login_timeout": 30, "idle_timeout": 600}

    @holds("T06")
    async def test_the_login_timeout_ends_it(self) -> None:
        """A handshake that was not begun, or stopped anywhere, ends with the time for the login, silently."""
        descriptors = open_descriptors()
        for listener in (EXPLICIT, IMPLICIT):
            for octets in STALLS:
                client = await self.begun(listener)
                await client.send_raw(octets)
                await client.turn()
                self.time.advance(29)
                await client.turn()
                self.assertEqual(self.server.sessions, 1)
                self.time.advance(2)
                await client.lost()
                self.assert_silent(client)
                await self.assert_free(0, descriptors)

    @holds("T06")
    async def test_octets_do_not_prolong_it(self) -> None:
        """One octet after another, ever so slowly, does not put the end off."""
        for listener in (EXPLICIT, IMPLICIT):
            client = await self.begun(listener)
            for octet in HELLO[:40]:
                if client.has_ended:
                    break
                await client.send_raw(bytes([octet]))
                await client.turn()
                self.time.advance(1)
                await client.turn()
            await client.lost()
            self.assert_silent(client)

    @holds("T06")
    async def test_the_time_goes_on_after_the_handshake(self) -> None:
        """Who has finished the handshake must still log in; the 421 is protected, and TLS ended in order."""
        for version in VERSIONS:
            client = await self.begun(EXPLICIT)
            client.begin_tls(End(client_context(version)))
            await client.secured()
            await client.command("USER alice", 331)
            self.time.advance(31)
            await client.reply(421)
            await client.at_end()
            self.assertTrue(client.end.has_ended)
            self.assert_silent(client)

    @holds("T06")
    async def test_waiting_costs_nothing(self) -> None:
        """While handshakes stall, the server does nothing at all, and others are served."""
        witness = await self.private()
        for listener in (EXPLICIT, IMPLICIT):
            for octets in STALLS:
                await (await self.begun(listener)).send_raw(octets)
        await witness.command("NOOP", 200)
        for _ in range(20):
            await witness.turn()
        await self.assert_idle()
        self.assertEqual(await witness.fetch("RETR f"), b"kept")

    @holds("T06")
    async def test_a_failure_costs_nothing_afterwards(self) -> None:
        """Nor does it after handshakes that failed, though their clients are still there."""
        witness = await self.private()
        for listener in (EXPLICIT, IMPLICIT):
            for octets in GARBAGE.values():
                client = await self.begun(listener)
                await client.pour(octets, 1)
        await witness.command("NOOP", 200)
        for _ in range(20):
            await witness.turn()
        await self.assert_idle()
        self.assertEqual(await witness.fetch("RETR f"), b"kept")

    @holds("T06")
    async def test_stalled_clients_keep_nobody_else_out(self) -> None:
        """Where each address has its limit, clients of one that stall leave those of another alone."""
        await self.restart_server(maximum_connections_per_host=3)
        for _ in range(3):
            await self.begun(EXPLICIT, "127.0.0.2")
        turned_away = await self.reach(SecureClient(reactor, "127.0.0.2"))
        await turned_away.reply(421)
        await self.private()
        self.time.advance(31)
        await self.until(lambda: self.server.sessions == 1)
        await (await self.reach(SecureClient(reactor, "127.0.0.2"))).reply(220)

    @holds("T06", "C28")
    async def test_the_end_of_the_server_says_nothing_in_clear(self) -> None:
        """A server that stops while somebody shakes hands closes silently; established sessions hear 421 under TLS."""
        client, witness = await self.begun(EXPLICIT), await self.private()
        implicit = await self.begun(IMPLICIT)
        await client.send_raw(HELLO[:60])
        closing = self.server.close()
        await witness.reply(421)
        for one in (client, implicit, witness):
            await one.lost()
            self.assert_silent(one)
        await closing

    @holds("C24")
    async def test_silence_ends_a_session_under_tls(self) -> None:
        """The 421 for silence is protected, and TLS ended in order."""
        client = await self.private()
        self.time.advance(601)
        await client.reply(421)
        await client.at_end()
        self.assertTrue(client.end.has_ended)


class EndTests(HandshakeTestCase):
    """Control connections whose TLS ends."""

    @holds("T06", "C27")
    async def test_the_end_of_tls_ends_the_session(self) -> None:
        """A client that says close_notify has gone; what it says behind that in clear is not run."""
        for behind in (b"", b"DELE f\r\n"):
            client = await self.private()
            client.end.end()
            client.send_in_clear(client.end.outgoing() + behind)
            await client.lost()
            self.assertEqual(client.received, b"")
            self.assert_silent(client)
        self.assertEqual((self.root / "f").read_bytes(), b"kept")
        await self.until(lambda: self.server.sessions == 0)

    @holds("C27")
    async def test_a_part_of_a_command_is_none(self) -> None:
        """Where the connection is cut amid a command, or its record, nothing is run."""
        for part in (3, 20):
            client = await self.private()
            await client.send_raw(b"DELE f")
            client.send_in_clear(client.protect(b"\r\n")[:part])
            client.cut()
            await client.lost()
        self.assertEqual((self.root / "f").read_bytes(), b"kept")

    @holds("L13")
    async def test_quit_ends_tls_in_order(self) -> None:
        """The 221 is protected, and close_notify comes before the end of the connection."""
        for version in VERSIONS:
            client = await self.privately(version)
            await client.command("QUIT", 221)
            await client.at_end()
            self.assertTrue(client.end.has_ended)
            self.assertFalse(client.was_reset)
