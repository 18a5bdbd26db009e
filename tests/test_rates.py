# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.rates.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.rates import ROUNDING, ArrivalRate, ArrivalRates

#: A time of a real clock, whose fractions are coarse.
NOW = 1_800_000_000.25


class ArrivalRateTests(SynchronousTestCase):
    """One rate."""

    def test_a_burst_and_then_the_rate(self) -> None:
        """So many may come at once; then one for each interval."""
        rate = ArrivalRate(10.0, 3)
        self.assertEqual([rate.admits(NOW) for _ in range(5)], [True, True, True, False, False])
        self.assertFalse(rate.admits(NOW + 9.9))
        self.assertTrue(rate.admits(NOW + 10))
        self.assertFalse(rate.admits(NOW + 10))

    def test_a_silence_brings_the_burst_back(self) -> None:
        """Whoever waited long enough may come as often again, and not more often."""
        rate = ArrivalRate(10.0, 3)
        for start in (NOW, NOW + 1000):
            self.assertEqual([rate.admits(start) for _ in range(4)], [True, True, True, False])

    def test_a_clock_that_is_set_back_locks_nobody_out(self) -> None:
        """An hour back, the rate goes on from there."""
        rate = ArrivalRate(10.0, 3)
        self.assertTrue(rate.admits(NOW))
        self.assertEqual([rate.admits(NOW - 3600) for _ in range(4)], [True, True, True, False])

    def test_what_cannot_be(self) -> None:
        """A rate without an interval, or that lets nobody in, is an error."""
        self.assertRaises(ValueError, ArrivalRate, 0, 1)
        self.assertRaises(ValueError, ArrivalRate, 1, 0)

    @given(
        st.floats(0.01, 100),
        st.integers(1, 20),
        st.lists(st.floats(0, 300), max_size=60),
    )
    def test_no_span_of_time_has_more_than_its_share(self, interval: float, burst: int, waits: list[float]) -> None:
        """Whenever they come, any span admits a burst and what the rate gives in it, no more."""
        rate = ArrivalRate(interval, burst)
        now, admitted = NOW, []
        for wait in waits:
            now += wait
            if rate.admits(now):
                admitted.append(now)
        for first, begin in enumerate(admitted):
            for last, end in enumerate(admitted[first:], 1):
                self.assertLessEqual(last, burst + (end - begin + last * ROUNDING * 2) / interval, (begin, end))


class ArrivalRatesTests(SynchronousTestCase):
    """The same rate for many."""

    def test_each_has_its_own(self) -> None:
        """One that comes too often takes nothing from another."""
        rates = ArrivalRates(10.0, 1)
        self.assertEqual([rates.admits(one, NOW) for one in ("a", "a", "b", "a")], [True, False, True, False])
        self.assertTrue(rates.admits("a", NOW + 10))

    def test_the_table_has_a_bound(self) -> None:
        """Beyond it, the one that was heard of longest ago is forgotten; the one that comes all the time is not."""
        rates = ArrivalRates(10.0, 1, maximum=3)
        self.assertTrue(rates.admits("busy", NOW))
        for number in range(100):
            self.assertTrue(rates.admits(f"other {number}", NOW))
            self.assertFalse(rates.admits("busy", NOW))
            self.assertLessEqual(len(rates), 3)
        self.assertTrue(rates.admits("other 0", NOW), "it was forgotten")

    def test_the_idle_are_forgotten(self) -> None:
        """Whoever has its whole burst again needs no entry, and the table becomes small by itself."""
        rates = ArrivalRates(10.0, 1)
        for number in range(100):
            rates.admits(str(number), NOW)
        for number in range(60):
            rates.admits("late", NOW + 100 + number)
        self.assertEqual(len(rates), 1)

    @given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 30)), max_size=60))
    def test_each_of_many_is_as_one_alone(self, arrivals: list[tuple[str, float]]) -> None:
        """A source is admitted as often as with a rate of its own."""
        rates, alone, now = ArrivalRates(10.0, 2), {name: ArrivalRate(10.0, 2) for name in "abcde"}, NOW
        for source, wait in arrivals:
            now += wait
            self.assertEqual(rates.admits(source, now), alone[source].admits(now))
