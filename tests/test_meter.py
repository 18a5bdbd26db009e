# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.meter.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.throttle import LARGEST_PIECE, Throttle, TokenBucket
from ftpserver.data.meter import MAXIMUM_LATENESS, Meter

RATE = 1000


class MeterTestCase(SynchronousTestCase):
    """A transfer with a limit of 1000 octets a second, and a clock."""

    def setUp(self) -> None:
        """Make the subject."""
        self.clock = Clock()
        self.clock.advance(100)
        self.bucket = TokenBucket(RATE, burst=0)
        self.subject = Meter(self.clock.seconds, Throttle([self.bucket]))

    def wait(self, wanted: int) -> int:
        """Wait as long as it says, and return what may move then."""
        self.assertEqual(self.subject.allowance(wanted), 0)
        self.clock.advance(self.subject.delay)
        return self.subject.allowance(wanted)


class CountTests(MeterTestCase):
    """What has moved."""

    def test_the_beginning(self) -> None:
        """Before anything moves, nothing has, and nobody is waited for."""
        self.assertEqual((self.subject.bytes_moved, self.subject.last_progress), (0, 100))
        self.assertIsNone(self.subject.waiting_since)

    def test_octets(self) -> None:
        """Octets are counted, and when the last of them moved."""
        for amount in (5, 7):
            self.clock.advance(1)
            self.subject.moved(amount)
        self.assertEqual((self.subject.bytes_moved, self.subject.last_progress), (12, 102))

    def test_a_client_that_keeps_the_transfer_waiting(self) -> None:
        """Since when the client is waited for is known until it goes on."""
        self.clock.advance(1)
        self.subject.must_wait()
        self.clock.advance(1)
        self.assertEqual(self.subject.waiting_since, 101)
        self.subject.goes_on()
        self.assertIsNone(self.subject.waiting_since)

    def test_a_client_that_may_keep_the_transfer_waiting(self) -> None:
        """A client that may have stopped is waited for since then, and one that has stopped before since before."""
        self.subject.may_wait()
        self.clock.advance(1)
        self.subject.may_wait()
        self.assertEqual(self.subject.waiting_since, 100)
        self.subject.goes_on()
        self.subject.must_wait()
        self.clock.advance(1)
        self.subject.may_wait()
        self.assertEqual(self.subject.waiting_since, 101)


class AllowanceTests(MeterTestCase):
    """What may move."""

    def test_without_a_limit(self) -> None:
        """Without a limit everything may move at any time."""
        subject = Meter(self.clock.seconds, Throttle())
        for wanted in (1, 1048576):
            self.assertEqual(subject.allowance(wanted), wanted)
            subject.moved(wanted)
        subject.must_wait()
        subject.give_back()
        self.assertEqual(subject.allowance(5), 5)

    def test_paid_before_it_moves(self) -> None:
        """A piece may move when the time that it takes at the rate has passed."""
        self.assertEqual(self.wait(100), 100)
        self.assertAlmostEqual(self.subject.delay, 0.1)

    def test_within_the_rate(self) -> None:
        """What an idle limit has saved up may move at once."""
        subject = Meter(self.clock.seconds, Throttle([TokenBucket(RATE, burst=100)]))
        self.assertEqual(subject.allowance(100), 100)
        subject.moved(100)
        self.assertEqual(subject.allowance(100), 0)

    def test_parts_of_what_was_paid_for(self) -> None:
        """What was paid for is used up before anything is paid again."""
        self.assertEqual(self.wait(100), 100)
        self.subject.moved(30)
        self.assertEqual(self.subject.allowance(100), 70)
        self.assertEqual(self.subject.allowance(50), 50)
        self.subject.moved(50)
        self.assertEqual(self.subject.allowance(100), 20)
        self.subject.moved(20)
        self.assertEqual(self.subject.allowance(100), 0)

    def test_pieces(self) -> None:
        """A fast limit is paid for in pieces of 64 KiB at most, so that others have their turn."""
        subject = Meter(self.clock.seconds, Throttle([TokenBucket(1e9)]))
        self.assertEqual(subject.allowance(1048576), LARGEST_PIECE)

    def test_a_late_timer(self) -> None:
        """What comes late by a moment, as timers do, is no slower for it; no more than a moment is made up for."""
        for late, expected in ((0.0, 0.1), (0.02, 0.08), (MAXIMUM_LATENESS, 0.05), (10.0, 0.05)):
            self.setUp()
            self.subject.moved(self.wait(100))
            self.clock.advance(late)
            self.assertEqual(self.subject.allowance(100), 0)
            self.assertAlmostEqual(self.subject.delay, expected)

    def test_lateness_lasts_while_it_catches_up(self) -> None:
        """A flow that is late by several pieces pays for each of them at once, until it has caught up."""
        # Powers of two, so that the sums are exact.
        subject = Meter(self.clock.seconds, Throttle([TokenBucket(8192, burst=0)]))
        self.clock.advance(3 * 64 / 8192)
        for _ in range(3):
            self.assertEqual(subject.allowance(64), 64)
            subject.moved(64)
        self.assertEqual(subject.allowance(64), 0)
        self.assertEqual(subject.delay, 64 / 8192)

    def test_a_client_is_not_late(self) -> None:
        """The time for which the client kept the transfer waiting is not made up for."""
        self.subject.moved(self.wait(100))
        self.subject.must_wait()
        self.clock.advance(10)
        self.subject.goes_on()
        self.assertEqual(self.subject.allowance(100), 0)
        self.assertAlmostEqual(self.subject.delay, 0.1)


class GivingBackTests(MeterTestCase):
    """What was paid for and has not moved."""

    def test_a_transfer_that_is_given_up(self) -> None:
        """Others can use what it has paid for."""
        self.subject.allowance(100)
        self.subject.give_back()
        self.subject.give_back()
        self.assertAlmostEqual(self.bucket.take(100, 100.0), 0.1)

    def test_a_client_that_keeps_the_transfer_waiting(self) -> None:
        """While a client is waited for, others can use what was paid for; then it is paid again."""
        self.subject.moved(self.wait(100) - 40)
        self.clock.advance(0.1)
        self.subject.must_wait()
        self.assertAlmostEqual(self.bucket.take(40, self.clock.seconds()), 0.04)
        self.subject.goes_on()
        self.assertEqual(self.subject.allowance(40), 0)
        self.assertAlmostEqual(self.subject.delay, 0.08)
