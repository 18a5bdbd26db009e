# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of what the simulation is made of: a network that behaves as Linux does, and what may be in a file.
"""

from __future__ import annotations

import errno
import select
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from .chance import FAULTS, Chance
from .expectation import ABSENT, Allowed, Files, prefix, whole
from .network import Network, Wire
from .sockets import Poller, SimulatedSocket


class WireTests(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        self.wire = Wire("a wire", "10.0.0.1", (10, 10))

    def arrive(self) -> None:
        """Let everything arrive that is on its way."""
        for flow in (self.wire.up, self.wire.down):
            flow.deliver(len(flow.waiting))

    def test_octets_arrive_in_order_and_then_the_end(self) -> None:
        """Nothing can be read before it has come."""
        self.assertEqual(self.wire.client.send(b"octets"), 6)
        self.wire.client.end_output()
        self.assertRaises(BlockingIOError, self.wire.server.receive, 100)
        self.arrive()
        self.assertEqual(self.wire.server.receive(4), b"octe")
        self.assertEqual(self.wire.server.receive(100, peek=True), b"ts")
        self.assertEqual(self.wire.server.receive(100), b"ts")
        self.assertEqual(self.wire.server.receive(100), b"")

    def test_a_full_buffer_takes_no_more(self) -> None:
        """What was sent and not read counts."""
        self.assertEqual(self.wire.client.send(b"x" * 20), 10)
        self.arrive()
        self.assertRaises(BlockingIOError, self.wire.client.send, b"x")
        self.wire.server.receive(3)
        self.assertEqual(self.wire.client.send(b"x" * 20), 3)

    def test_a_reset_is_told_once(self) -> None:
        """What had arrived is read first; after the error there is an end, and sending fails."""
        self.wire.client.send(b"early")
        self.arrive()
        self.wire.client.send(b"late")
        self.wire.reset(self.wire.server)
        self.assertEqual(self.wire.server.receive(100), b"early")
        self.assertRaises(ConnectionResetError, self.wire.server.receive, 100)
        self.assertEqual(self.wire.server.receive(100), b"")
        self.assertRaises(BrokenPipeError, self.wire.server.send, b"x")
        self.assertEqual(self.assertRaises(OSError, self.wire.server.end_output).errno, errno.ENOTCONN)

    def test_closing_with_octets_unread_is_a_reset(self) -> None:
        """The other side loses what was on its way to it."""
        self.wire.server.send(b"reply")
        self.wire.client.send(b"octets")
        self.wire.up.deliver(6)
        self.wire.server.close()
        self.assertRaises(ConnectionResetError, self.wire.client.receive, 100)

    def test_closing_otherwise_is_an_end(self) -> None:
        """What was sent before arrives."""
        self.wire.server.send(b"reply")
        self.wire.server.close()
        self.arrive()
        self.assertEqual(self.wire.client.receive(100), b"reply")
        self.assertEqual(self.wire.client.receive(100), b"")


class PollerTests(SynchronousTestCase):
    """Waiting for many sockets by one descriptor."""

    def setUp(self) -> None:
        self.network = Network(Chance(0, Clock().seconds), frozenset({"10.0.0.1"}), 100)
        self.wire = Wire("a wire", "10.0.0.1", (10, 10))
        self.socket = SimulatedSocket(self.network, self.wire.server)
        self.addCleanup(self.socket.close)
        self.poller = Poller(self.network, 1)

    def test_sockets_are_told_that_are_ready(self) -> None:
        """For what they wait for."""
        self.poller.register(self.socket.number, select.EPOLLIN)
        self.assertEqual(self.poller.ready(), [])
        self.wire.client.send(b"x")
        self.wire.up.deliver(1)
        self.assertEqual(self.poller.ready(), [self.socket.number])

    def test_a_closed_socket_is_forgotten(self) -> None:
        """As the system forgets it, which knows its number no more."""
        self.poller.register(self.socket.number, select.EPOLLIN)
        self.socket.close()
        self.assertEqual(self.poller.ready(), [])
        self.assertRaises(OSError, self.poller.unregister, self.socket.number)

    def test_a_socket_is_registered_once(self) -> None:
        """As the system has it."""
        self.poller.register(self.socket.number, select.EPOLLIN)
        self.assertRaises(FileExistsError, self.poller.register, self.socket.number, select.EPOLLIN)
        self.poller.unregister(self.socket.number)
        self.assertRaises(FileNotFoundError, self.poller.unregister, self.socket.number)


class AllowedTests(SynchronousTestCase):
    """What may be in a file."""

    def test_a_whole_file_is_nothing_else(self) -> None:
        """Neither a part nor more."""
        allowed = whole(b"content")
        self.assertTrue(allowed.accepts(b"content"))
        for wrong in (None, b"", b"conten", b"content.", b"c0ntent"):
            self.assertFalse(allowed.accepts(wrong), wrong)

    def test_a_part_is_a_beginning(self) -> None:
        """Of any length."""
        for octets in (b"", b"con", b"content"):
            self.assertTrue(prefix(b"content").accepts(octets))
        for wrong in (None, b"ontent", b"content."):
            self.assertFalse(prefix(b"content").accepts(wrong), wrong)

    def test_what_is_written_in_place_shows_the_old_behind_it(self) -> None:
        """As far as the new has come."""
        allowed = Allowed(b"abNEW", 2, b"abcdefgh")
        for octets in (b"abcdefgh", b"abNdefgh", b"abNEWfgh"):
            self.assertTrue(allowed.accepts(octets), octets)
        for wrong in (b"abNEW", b"aXNEWfgh", b"abN", b"abcdefg"):
            self.assertFalse(allowed.accepts(wrong), wrong)

    def test_nothing_is_no_file(self) -> None:
        """Not an empty one."""
        self.assertTrue(ABSENT.accepts(None))
        self.assertFalse(ABSENT.accepts(b""))

    def test_files_that_nobody_made_are_wrong(self) -> None:
        """A hidden leftover is one."""
        with TemporaryDirectory() as directory:
            files = Files(Path(directory))
            files.now("a", whole(b"content"))
            (files.directory / "a").write_bytes(b"content")
            self.assertEqual(files.wrongs(), [])
            (files.directory / ".leftover").write_bytes(b"")
            self.assertEqual(len(files.wrongs()), 1)


class ChanceTests(SynchronousTestCase):
    """The dice."""

    def test_every_kind_of_fault_is_chosen_by_some_seed(self) -> None:
        """And some seed has none, so that the simulation itself is known to be well."""
        chosen = [Chance(seed, Clock().seconds).kinds for seed in range(200)]
        self.assertEqual(frozenset().union(*chosen), frozenset(FAULTS))
        self.assertIn(frozenset(), chosen)

    def test_who_is_spared_is_spared(self) -> None:
        """Whatever the seed has chosen."""
        chance = Chance(1, Clock().seconds)
        for kind in FAULTS:
            self.assertFalse(any(chance.strikes(kind, spared=True) for _ in range(100)))
