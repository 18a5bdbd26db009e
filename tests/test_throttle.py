# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.throttle.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.throttle import LARGEST_PIECE, Throttle, TokenBucket

RATES = st.floats(1, 1e9)


class TokenBucketTests(SynchronousTestCase):
    """One rate."""

    def test_a_steady_flow(self) -> None:
        """Pieces that come as fast as they may are spaced by the rate."""
        bucket = TokenBucket(1000, burst=0)
        delays = [bucket.take(100, 0.0) for _ in range(4)]
        self.assertEqual([round(delay, 6) for delay in delays], [0.1, 0.2, 0.3, 0.4])

    def test_the_burst_of_an_idle_bucket(self) -> None:
        """An idle bucket saves up its burst and no more, however long it was idle."""
        bucket = TokenBucket(1000, burst=200)
        for idle_until in (0.0, 60.0, 1e6):
            delays = [bucket.take(100, idle_until) for _ in range(4)]
            self.assertEqual([round(delay, 6) for delay in delays], [0.0, 0.0, 0.1, 0.2], f"after {idle_until}")

    def test_what_is_given_back_can_be_taken_again(self) -> None:
        """Octets that did not move cost nothing."""
        bucket = TokenBucket(1000, burst=0)
        bucket.take(500, 0.0)
        bucket.give_back(400)
        self.assertAlmostEqual(bucket.take(100, 0.0), 0.2)

    def test_giving_back_makes_no_credit_beyond_the_burst(self) -> None:
        """What is given back late is no more than idle time."""
        bucket = TokenBucket(1000, burst=100)
        bucket.take(100000, 0.0)
        bucket.give_back(100000)
        self.assertEqual(bucket.take(100, 50.0), 0.0)
        self.assertAlmostEqual(bucket.take(100, 50.0), 0.1)

    def test_the_rate_may_change(self) -> None:
        """A rate set while transfers run holds for what is taken from then on."""
        bucket = TokenBucket(1000, burst=0)
        bucket.rate = 2000
        self.assertEqual(bucket.take(1000, 0.0), 0.5)
        self.assertEqual(bucket.rate, 2000)

    def test_bursts(self) -> None:
        """A burst is a twentieth of a second, for fast rates a fiftieth and 64 KiB, or what was asked for."""
        for rate, burst, expected in ((1000, None, 50), (1e8, None, 2e6 + 65536), (1000, 7, 7), (1000, 0, 0)):
            self.assertEqual(TokenBucket(rate, burst).burst, expected, f"{rate}, {burst}")

    def test_a_late_timer_loses_nothing(self) -> None:
        """A flow whose timers come late still gets its rate, for the time that it was late is not lost."""
        bucket = TokenBucket(20_000_000)
        now, moved, due = 0.0, 0, 0.0
        while now < 5:
            delay = bucket.take(65536, now, now - due)
            moved += 65536
            if delay:
                due = now + delay
                now = due + 0.03
        self.assertApproximates(moved / now, 20_000_000, 600_000)

    def test_a_clock_that_is_set_back(self) -> None:
        """Who waits for a second when the clock is set back by an hour does not wait for that hour, nor do others."""
        bucket = TokenBucket(1000, burst=0)
        self.assertEqual(bucket.take(1000, 7200.0), 1.0)
        self.assertEqual(bucket.take(1000, 3600.0), 2.0)
        self.assertEqual(bucket.piece(3600.0), 1000 * 0.05 / 3)
        self.assertEqual(bucket.piece(3602.0), 50)
        self.assertEqual(bucket.take(1000, 3602.0), 1.0)

    def test_readings_that_differ_a_little(self) -> None:
        """Two flows that read the clock at different moments of one turn get no more than the rate."""
        bucket = TokenBucket(1000, burst=0)
        delays = [bucket.take(1000, now) for now in (10.0, 9.5, 10.0, 9.5)]
        self.assertEqual(delays, [1.0, 2.5, 3.0, 4.5])

    def test_rates_that_cannot_be(self) -> None:
        """A rate is positive, and a burst is not negative."""
        for rate in (0, -1, float("nan")):
            self.assertRaises(ValueError, TokenBucket, rate)
            self.assertRaises(ValueError, setattr, TokenBucket(1), "rate", rate)
        for burst in (-1, float("nan")):
            self.assertRaises(ValueError, TokenBucket, 1, burst)

    def test_an_endless_rate(self) -> None:
        """A rate without end never waits."""
        bucket = TokenBucket(float("inf"))
        self.assertEqual([bucket.take(10**12, 0.0) for _ in range(3)], [0.0, 0.0, 0.0])

    @given(
        st.integers(1, 10**9),
        st.integers(1, 10**6),
        st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 10)), min_size=1, max_size=30),
    )
    def test_no_window_carries_more_than_its_share(self, rate: int, burst: int, flow: list[tuple[int, float]]) -> None:
        """In any window, pieces that are no larger than the burst carry the rate and the burst at most."""
        bucket, now = TokenBucket(rate, burst), 0.0
        moved: list[tuple[float, int]] = []
        for wanted, pause in flow:
            now += pause
            amount = min(wanted, burst)
            now += bucket.take(amount, now)
            moved.append((now, amount))
        for first, (start, _) in enumerate(moved):
            total = 0
            for end, amount in moved[first:]:
                total += amount
                allowed = rate * (end - start) + burst
                self.assertLessEqual(total, allowed * 1.000001 + 1, f"from {start} to {end}")

    @given(RATES, st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
    def test_the_rate_is_reached(self, rate: float, amounts: list[int]) -> None:
        """Who always has something to move gets the whole rate."""
        bucket, now = TokenBucket(rate), 0.0
        for amount in amounts:
            now += bucket.take(amount, now)
        self.assertApproximates(now, max(0.0, (sum(amounts) - bucket.burst) / rate), 1e-6 + now * 1e-9)


class ThrottleTests(SynchronousTestCase):
    """Several rates at once."""

    def test_without_buckets_there_is_no_limit(self) -> None:
        """No bucket never waits and moves what the caller likes."""
        throttle = Throttle()
        throttle.give_back(5)
        self.assertEqual((throttle.take(10**12, 0.0), throttle.piece(262144, 0.0)), (0.0, 262144))

    def test_the_slowest_decides(self) -> None:
        """The delay is the longest of all buckets, and each has spent the octets."""
        slow, fast = TokenBucket(100, burst=0), TokenBucket(1000, burst=0)
        throttle = Throttle([fast, slow])
        self.assertEqual(throttle.take(100, 0.0), 1.0)
        self.assertEqual(throttle.take(100, 0.0), 2.0)
        self.assertAlmostEqual(fast.take(0, 0.0), 0.2)

    def test_giving_back_reaches_every_bucket(self) -> None:
        """What did not move is owed to nobody."""
        buckets = [TokenBucket(100, burst=0), TokenBucket(1000, burst=0)]
        throttle = Throttle(buckets)
        throttle.take(100, 0.0)
        throttle.give_back(100)
        self.assertEqual([bucket.take(0, 0.0) for bucket in buckets], [0.0, 0.0])

    def test_pieces(self) -> None:
        """A piece is a twentieth of a second of the slowest rate, within bounds and within what is asked for."""
        for rates, maximum, piece in (
            ([100_000], 262144, 5000),
            ([100_000, 40_000], 262144, 2000),
            ([10], 262144, 256),
            ([10], 100, 100),
            ([1e12], 262144, LARGEST_PIECE),
            ([float("inf")], 262144, LARGEST_PIECE),
            ([1e6], 1, 1),
        ):
            throttle = Throttle(TokenBucket(rate) for rate in rates)
            self.assertEqual(throttle.piece(maximum, 0.0), piece, f"for {rates} and {maximum}")

    def test_pieces_of_those_that_wait(self) -> None:
        """The more flows wait the smaller are the pieces, until the waiting is over."""
        throttle = Throttle([TokenBucket(100_000, burst=0)])
        pieces = []
        for _ in range(4):
            pieces.append(throttle.piece(262144, 0.0))
            throttle.take(5000, 0.0)
        self.assertEqual(pieces, [5000, 2500, 1666, 1250])
        self.assertEqual(throttle.piece(262144, 0.1), 1666)
        self.assertEqual(throttle.piece(262144, 0.2), 5000)

    @given(st.floats(8000, 1e9), st.integers(1, 40))
    def test_a_fresh_rate_begins_gently(self, rate: float, flows: int) -> None:
        """The first 100 ms carry at most 1.2 times their share and 64 KiB, however many transfers begin at once."""
        for idle_until in (0.0, 60.0):
            moved = moved_by(rate, flows, idle_until, 0.1)
            self.assertLessEqual(sum(moved), 1.2 * 0.1 * rate + 65536)

    @given(st.floats(8000, 1e7), st.integers(1, 10))
    def test_five_seconds_carry_five_seconds_of_the_rate(self, rate: float, flows: int) -> None:
        """Over 5 s the rate is right within 3 %, and flows that share it differ by a burst and a piece at most."""
        moved = moved_by(rate, flows, 0.0, 5.0)
        self.assertApproximates(sum(moved) / (5 * rate), 1, 0.03)
        self.assertLessEqual(max(moved) - min(moved), LARGEST_PIECE + TokenBucket(rate).burst)


def moved_by(rate: float, flows: int, start: float, seconds: float) -> list[int]:
    """Return what each of several greedy flows moves through one bucket within *seconds*."""
    throttle = Throttle([TokenBucket(rate)])
    moved = [0] * flows

    def take(flow: int, now: float) -> tuple[float, int, int]:
        piece = throttle.piece(262144, now)
        return now + throttle.take(piece, now), flow, piece

    wakes = [take(flow, start) for flow in range(flows)]
    while wakes:
        wakes.sort()
        now, flow, piece = wakes.pop(0)
        if now < start + seconds:
            moved[flow] += piece
            wakes.append(take(flow, now))
    return moved
