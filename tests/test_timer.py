# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.timer`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.timer import Timer


class TimerTests(SynchronousTestCase):
    """A timer calls its function once for each time that it is set."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[float] = []
        self.timer = Timer(self.clock, lambda: self.calls.append(self.clock.seconds()))

    def test_calls_when_the_time_is_over(self) -> None:
        """Nothing happens before the time is over, and one call then."""
        self.timer.set(2)
        self.clock.advance(1.9)
        self.assertEqual(self.calls, [])
        self.assertTrue(self.timer.is_set)
        self.clock.advance(0.1)
        self.assertEqual(self.calls, [2.0])
        self.assertFalse(self.timer.is_set)

    def test_setting_again_starts_the_time_anew(self) -> None:
        """A timer that is set again forgets the time before."""
        self.timer.set(2)
        self.clock.advance(1)
        self.timer.set(2)
        self.clock.advance(1.5)
        self.assertEqual(self.calls, [])
        self.clock.advance(0.5)
        self.assertEqual(self.calls, [3.0])

    def test_a_stopped_timer_calls_nothing(self) -> None:
        """Stopping leaves nothing behind, also when it is done twice."""
        self.timer.set(2)
        self.timer.stop()
        self.timer.stop()
        self.clock.advance(3)
        self.assertEqual(self.calls, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none_is_never(self) -> None:
        """A time of None stops what ran and starts nothing."""
        self.timer.set(2)
        self.timer.set(None)
        self.assertFalse(self.timer.is_set)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_can_be_set_by_its_own_function(self) -> None:
        """What happens when the time is over may set the timer again."""
        repeating = Timer(self.clock, lambda: repeating.set(1) if len(self.calls) < 2 else None)
        self.timer.set(1)
        repeating.set(1)
        self.clock.advance(1)
        self.assertTrue(repeating.is_set)
        repeating.stop()
