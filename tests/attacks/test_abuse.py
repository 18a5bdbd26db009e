# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Those who guess, make noise or connect without end are shut out, at little cost, and nobody else is.
"""

from __future__ import annotations

import ftplib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ..integration.processes import PASSWORD, PATIENCE, ProcessTestCase, Running, connect
from ..test_fail2ban import Filter
from .harness import forget_peak, vitals_of

#: The attacker, and somebody else.
BAD, GOOD = "127.0.0.3", "127.0.0.4"

HTTP = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"

#: Connections of the flood, and how many of them are open at a time.
FLOOD, AT_A_TIME = 2000, 100


class AbuseTestCase(ProcessTestCase):
    """A test case with a server that trusts nobody."""

    def serve(self, *lines: str, bans: tuple[str, ...] = ()) -> tuple[Running, int]:
        """Start a server with *lines* in its section, and return it with its port."""
        running = self.start("--config", self.configure("trusted_networks = []", *lines, "[bans]", *bans))
        return running, running.port()

    @contextmanager
    def connected(self, port: int, source: str = BAD) -> Iterator[socket.socket]:
        """Provide a connection from an address."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)) as one:
            yield one

    def heard(self, port: int, octets: bytes = b"", source: str = BAD) -> bytes:
        """Return all that a client hears until the server hangs up."""
        heard = b""
        with self.connected(port, source) as one:
            try:
                one.sendall(octets)
                while piece := one.recv(4096):
                    heard += piece
            except ConnectionError:
                # Closed before it has read what was sent: all that it had to say has been lost on the way.
                return heard
        return heard

    def guess(self, port: int, times: int) -> None:
        """Log in with wrong passwords."""
        for _ in range(times):
            commands = b"USER alice\r\nPASS wrong\r\n"
            with self.connected(port) as one, one.makefile("rb") as replies:
                one.sendall(commands)
                codes = [next(replies)[:3] for _ in range(3)]
                self.assertEqual(codes, [b"220", b"331", b"530"])

    def assert_found(self, lines: list[str], times: int) -> None:
        """Assert that fail2ban finds the attacker so often in a log, and nobody else."""
        found = [Filter().found(line.rstrip("\n")) for line in lines]
        self.assertEqual([one for one in found if one is not None], [BAD] * times)

    def assert_served(self, port: int, source: str = GOOD) -> None:
        """Assert that somebody can log in and list."""
        with ftplib.FTP(timeout=PATIENCE, source_address=(source, 0)) as client:
            client.connect("127.0.0.1", port)
            client.login("alice", PASSWORD)
            self.assertEqual(client.nlst(), ["hello.txt"])


class BanTests(AbuseTestCase):
    """Bans, as they are seen from outside."""

    def test_a_guesser_is_shut_out_and_nobody_else(self) -> None:
        """After so many failed logins the address hears 421, then nothing; a session that is logged in goes on."""
        running, port = self.serve(bans=("failed_logins = 4",))
        with ftplib.FTP(timeout=PATIENCE, source_address=(BAD, 0)) as neighbour:
            neighbour.connect("127.0.0.1", port)
            neighbour.login("alice", PASSWORD)
            self.guess(port, 4)
            running.find(re.compile(rf"\] {re.escape(BAD)} banned for 600 s: 4 failed logins\n"))
            heard = [self.heard(port) for _ in range(20)]
            self.assertEqual([one[:4] for one in heard], [b"421 "] * 3 + [b""] * 17)
            self.assert_served(port)
            self.assertEqual(neighbour.nlst(), ["hello.txt"])
        lines = running.stop()
        self.assertEqual(sum("banned" in line for line in lines), 1, "a ban is one line, however many knock")
        self.assert_found(lines, 4)

    def test_a_ban_ends(self) -> None:
        """When the time is over the log says how many were turned away, and the address is served again."""
        running, port = self.serve(bans=("failed_logins = 2", 'duration = "1s"'))
        self.guess(port, 2)
        running.find(re.compile(rf"{re.escape(BAD)} banned for 1 s"))
        running.find(re.compile(rf"{re.escape(BAD)} banned no more; 0 connections were refused\n"))
        self.assert_served(port, BAD)

    def test_noise_is_hung_up_on_and_banned(self) -> None:
        """HTTP, TLS and SMTP are cut off at the first line; after so many the address is turned away."""
        running, port = self.serve('log_format = "json"', bans=("foreign_protocols = 3",))
        for octets in (HTTP, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"EHLO a\r\nMAIL FROM:<a@b>\r\n"):
            self.assertNotIn(b"500", self.heard(port, octets))
        running.find(re.compile(rf"{re.escape(BAD)} banned for 600 s: 3 foreign protocols"))
        self.assertTrue(self.heard(port).startswith(b"421 "))
        self.assert_served(port)
        running.stop()
        self.assert_found(running.lines, 3)


class NetworkTests(AbuseTestCase):
    """Networks that may not connect."""

    def test_a_denied_network_hears_nothing(self) -> None:
        """A client of a denied network is closed without a word; the most specific network decides."""
        _running, port = self.serve(f'denied_networks = ["127.0.0.0/28", "{GOOD}"]', f'allowed_networks = ["{BAD}"]')
        self.assertEqual([self.heard(port, b"", source) for source in ("127.0.0.1", GOOD, "127.0.0.77")], [b""] * 3)
        self.assert_served(port, BAD)


class FloodTests(AbuseTestCase):
    """Connections without end."""

    def test_a_flood_of_connections_costs_little(self) -> None:
        """2,000 connections cost no memory, no descriptor, little time and few lines; others are served meanwhile."""
        running, port = self.serve("connections_per_minute_per_host = 50")
        with connect(port) as witness:
            witness.nlst()
            process = running.process.pid
            self._flood(port, witness, 2 * AT_A_TIME)
            forget_peak(process)
            before = vitals_of(process)
            self._flood(port, witness, FLOOD)
            after = vitals_of(process)
            while vitals_of(process).descriptors > before.descriptors:
                witness.voidcmd("NOOP")
            self.assert_served(port)
        self.assertLess(after.peak - before.resident, 4 << 20)
        self.assertLess(after.processor - before.processor, 2.0)
        lines = running.stop()
        self.assertLess(len(lines), 250)
        self.assertTrue(any(f"{BAD} refused: too many connections in a minute" in line for line in lines))
        self.assertTrue(any("more connections were refused" in line for line in lines))

    def _flood(self, port: int, witness: ftplib.FTP, number: int) -> None:
        for _ in range(number // AT_A_TIME):
            opened = [socket.create_connection(("127.0.0.1", port), PATIENCE, (BAD, 0)) for _ in range(AT_A_TIME)]
            witness.voidcmd("NOOP")
            for one in opened:
                one.close()
