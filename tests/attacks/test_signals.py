# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Signals in the middle of system calls (signal(7)).
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from ..integration.client_contract import content
from ..integration.harness import ServerTestCase

#: Octets of a file; a transfer of it takes many calls.
LENGTH = 3_000_001

#: Seconds between two signals: each transfer meets many.
INTERVAL = 0.0002


class InterruptedTests(ServerTestCase):
    """A process that is told something thousands of times a second."""

    timeout = 120

    def setUp(self) -> Any:
        """Let the signals come."""
        self.caught = 0
        before = signal.signal(signal.SIGALRM, self._catch)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        return super().setUp()

    def _catch(self, _number: int, _frame: FrameType | None) -> None:
        self.caught += 1

    async def test_transfers_are_whole(self) -> None:
        """On either plane, in either direction, in both types, and from an offset."""
        octets = content(LENGTH)
        lines = octets.replace(b"\r", b" ").replace(b"\n", b"\r\n")
        for plane in ("auto", "portable"):
            await self.restart_server(data_plane=plane)
            client = await self.session()
            for number in range(5):
                before = self.caught
                await client.command("TYPE I", 200)
                await client.store(f"STOR {plane}", octets)
                self.assertTrue((self.root / plane).read_bytes() == octets)
                self.assertTrue(await client.fetch(f"RETR {plane}") == octets)
                await client.command(f"REST {number + 1}", 350)
                self.assertTrue(await client.fetch(f"RETR {plane}") == octets[number + 1 :])
                await client.command("TYPE A", 200)
                await client.store(f"STOR {plane}", lines)
                self.assertTrue(await client.fetch(f"RETR {plane}") == lines)
                self.assertGreater(self.caught, before)
            await client.leave()
