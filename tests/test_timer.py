# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.timer`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.timer import Deadlines, Timer


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


class DeadlinesTests(SynchronousTestCase):
    """Many have the same time, and one delayed call keeps it for all of them."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.over: list[tuple[str, float]] = []
        self.deadlines: Deadlines[str] = Deadlines(self.clock, 10, self.note)

    def note(self, owner: str) -> None:
        """Take note of whose time is over, and when."""
        self.over.append((owner, self.clock.seconds()))

    def test_each_has_its_own_time(self) -> None:
        """Each is told of exactly when its time is over, by one delayed call at a time."""
        for owner in "abc":
            self.deadlines.start(owner)
            self.clock.advance(1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1] * 20)
        self.assertEqual(self.over, [("a", 10), ("b", 11), ("c", 12)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_whoever_starts_anew_has_the_whole_time(self) -> None:
        """The time before is forgotten."""
        self.deadlines.start("a")
        self.deadlines.start("b")
        self.clock.advance(9)
        self.deadlines.start("a")
        self.clock.pump([1] * 10)
        self.assertEqual(self.over, [("b", 10), ("a", 19)])

    def test_one_may_have_less(self) -> None:
        """A time of its own is kept among those of the others."""
        self.deadlines.start("a")
        self.deadlines.start_with("b", 3)
        self.deadlines.start_with("a", 12)
        self.clock.pump([1] * 12)
        self.assertEqual(self.over, [("b", 3), ("a", 12)])

    def test_who_stops_is_not_told_of(self) -> None:
        """Stopping leaves nothing behind, also when it is done twice."""
        self.deadlines.start("a")
        self.deadlines.start("b")
        self.deadlines.stop("a")
        self.assertEqual(("a" in self.deadlines, "b" in self.deadlines), (False, True))
        self.deadlines.stop("b")
        self.deadlines.stop("b")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(20)
        self.assertEqual(self.over, [])

    def test_no_time_is_never(self) -> None:
        """Where there is no bound, nothing is started."""
        never: Deadlines[str] = Deadlines(self.clock, None, self.note)
        never.start("a")
        self.assertNotIn("a", never)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_is_told_may_start_and_stop(self) -> None:
        """What is called may let its own time run anew, and end that of another."""

        def again(owner: str) -> None:
            self.note(owner)
            deadlines.stop("b")
            deadlines.start(owner)

        deadlines = Deadlines(self.clock, 10, again)
        deadlines.start("a")
        deadlines.start("b")
        self.clock.advance(10)
        self.clock.advance(10)
        self.assertEqual(self.over, [("a", 10), ("a", 20)])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_an_error_stops_nobody_else(self) -> None:
        """When what is called fails, the others are told all the same."""

        def failing(owner: str) -> None:
            self.note(owner)
            if owner == "a":
                raise ZeroDivisionError

        deadlines = Deadlines(self.clock, 10, failing)
        deadlines.start("a")
        deadlines.start("b")
        self.assertRaises(ZeroDivisionError, self.clock.advance, 10)
        self.clock.advance(0)
        self.assertEqual([owner for owner, _ in self.over], ["a", "b"])
