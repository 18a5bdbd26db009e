# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the harness of the attacks.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from .harness import ProcessAttackTestCase, forget_peak, vitals_of


@contextmanager
def used_memory() -> Iterator[None]:
    """Have 32 MiB that come from the system: what other tests have freed is taken again where it can be."""
    with mmap.mmap(-1, 32 << 20) as memory:
        for _ in range(32):
            memory.write(bytes(1 << 20))
        yield


class VitalsTests(SynchronousTestCase):
    """What is seen of a process."""

    def test_a_port_that_listens_is_seen(self) -> None:
        """A port that is opened counts as a descriptor and as a listener."""
        before = vitals_of()
        with socket.create_server(("127.0.0.1", 0)):
            after = vitals_of(os.getpid())
        self.assertEqual((after.descriptors, after.listeners), (before.descriptors + 1, before.listeners + 1))

    def test_memory_that_is_used_is_seen(self) -> None:
        """32 MiB that are written to count as memory."""
        before = vitals_of().resident
        with used_memory():
            self.assertGreater(vitals_of().resident - before, 16 << 20)

    def test_memory_that_is_given_back_is_seen(self) -> None:
        """32 MiB that were written to are in the peak when they are gone, until it is forgotten."""
        forget_peak()
        before = vitals_of().resident
        with used_memory():
            pass
        self.assertGreater(vitals_of().peak - before, 16 << 20)
        forget_peak()
        self.assertLess(vitals_of().peak - before, 16 << 20)


class ProcessTests(ProcessAttackTestCase):
    """A server in a process of its own."""

    async def test_a_session_is_seen_and_its_end_as_well(self) -> None:
        """A session with a passive port has two descriptors more, of which one listens, until it has gone."""
        before = self.vitals()
        client = await self.session()
        await client.passive_port()
        # A thread of the server may have something open for a moment, still.
        await self.settled(replace(before, descriptors=before.descriptors + 2, listeners=before.listeners + 1))
        await client.vanish()
        await self.settled(before)
        await self.assert_served()
