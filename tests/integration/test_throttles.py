# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Speed limits on real sockets: none is exceeded, and none slows what it is not about.

How near a transfer comes to its limit depends on the machine and fails no test; ``python -m
tests.integration.measure_throttles`` tells.
"""

from __future__ import annotations

from typing import Any

from ftpserver import User
from ftpserver.core.throttle import TokenBucket

from .client import Client, DataConnection
from .harness import ServerTestCase
from .throttling import SCOPES, Scope, limited_server, measure, open_sessions, together

#: Octets per second, and what a test moves at that rate.
AMOUNTS = {1_000_000: 200_000, 20_000_000: 4_000_000}

#: What a clock may be wrong by.
TOLERANCE = 0.97


def shortest(rate: float, octets: int) -> float:
    """Return the seconds that *octets* take at the least."""
    return (octets - TokenBucket(rate).burst) / rate * TOLERANCE


class UpperBoundTests(ServerTestCase):
    """Nothing is faster than its limit."""

    async def test_one_session_keeps_to_every_limit(self) -> None:
        """Each of the eight limits holds for a single transfer, slow and fast."""
        for rate, octets in AMOUNTS.items():
            for scope in SCOPES:
                await self._holds(scope, rate, octets, sessions=1)

    async def test_sessions_share_a_limit_or_have_their_own(self) -> None:
        """Three transfers together keep to a shared limit; each keeps to one of its own."""
        for scope in SCOPES:
            await self._holds(scope, 1_000_000, 70_000, sessions=3)

    async def _holds(self, scope: Scope, rate: int, octets: int, sessions: int) -> None:
        server = limited_server(self.root, scope, rate)
        await server.start(self.host)
        clients = await open_sessions(*server.address, sessions)
        measured = await measure(clients, self.root, scope, octets)
        for client in clients:
            await client.leave()
        await server.close()
        for one in [together(measured)] if scope.is_shared else measured:
            least = shortest(rate, one.octets)
            self.assertGreaterEqual(one.seconds, least, f"{scope}: {one.octets} octets at {rate}/s")
        self.assertEqual([one.octets for one in measured], [octets] * sessions, str(scope))


#: So slow that it takes most of an hour: what ends meanwhile was not held up by it.
CRAWL = 1000
LONG = 3_000_000


class IndependenceTests(ServerTestCase):
    """A limit slows nothing that it is not about, however slow it is."""

    def users(self) -> list[User]:
        """Return accounts of which one downloads, and one uploads, very slowly."""
        return [
            User("alice", "secret", base_path=self.root, write_speed_limit=CRAWL),
            User("carol", "secret", base_path=self.root, read_speed_limit_per_connection=CRAWL),
            User("bob", "secret", base_path=self.root),
        ]

    async def _crawling(self, user: str, line: str) -> tuple[Client, DataConnection]:
        client = await self.session(user)
        data = await client.begin(line)
        if line.startswith("RETR"):
            await data.some()
        else:
            data.send(bytes(LONG))
        return client, data

    async def _still_runs(self, client: Client) -> None:
        """End a slow transfer at once by ABOR, which shows that it had not ended before."""
        client.send_line("ABOR")
        await client.replies(426, 226)
        await client.command("PWD", 257)

    async def test_the_control_connection_is_exempt(self) -> None:
        """NOOP and STAT are answered while the transfer of the same session waits for its limit."""
        self.write("large", bytes(LONG))
        client, _ = await self._crawling("alice", "RETR large")
        for _round in range(20):
            await client.command("NOOP", 200)
            await client.command("STAT", 211)
        await self._still_runs(client)

    async def test_the_other_direction_is_free(self) -> None:
        """A limit of downloads leaves uploads alone, and the other way round."""
        self.write("large", bytes(LONG))
        slow, _ = await self._crawling("alice", "RETR large")
        await (await self.session("alice")).store("STOR up", bytes(LONG))
        await self._still_runs(slow)
        slow, _ = await self._crawling("carol", "STOR slow")
        self.assertEqual(len(await (await self.session("carol")).fetch("RETR large")), LONG)
        await self._still_runs(slow)

    async def test_other_users_are_free(self) -> None:
        """The limit of one account leaves the others alone."""
        self.write("large", bytes(LONG))
        slow, _ = await self._crawling("alice", "RETR large")
        client = await self.session("bob")
        self.assertEqual(len(await client.fetch("RETR large")), LONG)
        await client.store("STOR up", bytes(LONG))
        await self._still_runs(slow)

    async def test_a_limit_is_no_stall(self) -> None:
        """A transfer that waits for its own limit is not cut by socket_timeout, which is about the client."""
        self.write("large", bytes(LONG))
        await self.restart_server(socket_timeout=0.05)
        slow, data = await self._crawling("alice", "RETR large")
        # Ten pieces of a twentieth of a second at the least.
        await data.some(10 * 1024)
        await self._still_runs(slow)

    async def test_abort_does_not_wait_for_the_limit(self) -> None:
        """ABOR ends an upload that waits for its limit at once; the next transfer is as limited as before."""
        client, _ = await self._crawling("carol", "STOR slow")
        await self._still_runs(client)
        data = await client.begin("STOR slow")
        data.send(bytes(LONG))
        await client.command("NOOP", 200)
        await self._still_runs(client)

    def server_keywords(self) -> dict[str, Any]:
        """Write no part of an aborted upload."""
        return {**super().server_keywords(), "partial_uploads": "remove"}
