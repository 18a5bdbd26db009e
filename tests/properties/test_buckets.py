# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Token buckets under any use: no more than the rate, and no more waiting than it asks for, whatever becomes of the clock.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.throttle import SET_BACK, Throttle, TokenBucket
from tests.properties import fewer

RATES = st.floats(10, 1e9)


class Account:
    """What one bucket owes, by a clock that is never set."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.tokens = burst

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.tokens = min(self.burst, self.tokens + seconds * self.rate)

    def take(self, amount: int) -> float:
        """Spend; return for how long to wait."""
        self.tokens -= amount
        return max(0.0, -self.tokens / self.rate)

    def give_back(self, amount: int) -> None:
        """Return tokens; there is no credit beyond the burst."""
        self.tokens = min(self.burst, self.tokens + amount)


class BucketsMachine(RuleBasedStateMachine):
    """Uses up to three buckets at once, and sets the clock as it likes."""

    @initialize(limits=st.lists(st.tuples(RATES, st.none() | st.floats(0, 1e6)), min_size=1, max_size=3))
    def begin(self, limits: list[tuple[float, float | None]]) -> None:
        """Make the buckets."""
        self.buckets = [TokenBucket(rate, burst) for rate, burst in limits]
        self.throttle = Throttle(self.buckets)
        self.accounts = [Account(bucket.rate, bucket.burst) for bucket in self.buckets]
        self.now = self.heard = 1e9
        self.lost = 0.0
        self.last = 0

    @rule(amount=st.integers(1, 10**6))
    def take(self, amount: int) -> None:
        """The delay is that of the slowest, but for time that nobody could tell from that of a clock set back."""
        self.heard = max(self.heard, self.now)
        delay = self.throttle.take(amount, self.now)
        wanted = max([account.take(amount) for account in self.accounts])
        # Times of day have six digits behind the point.
        tolerance = 1e-5 + wanted * 1e-6
        assert wanted - tolerance <= delay <= wanted + self.lost + tolerance, f"{delay} instead of {wanted}"
        self.last = amount

    @rule(share=st.floats(0, 1))
    def give_back(self, share: float) -> None:
        """What did not move is not paid for."""
        amount = int(self.last * share)
        self.last -= amount
        self.throttle.give_back(amount)
        for account in self.accounts:
            account.give_back(amount)

    @rule(maximum=st.integers(1, 10**6))
    def piece(self, maximum: int) -> None:
        """There is always something to take, and never more than was asked."""
        self.heard = max(self.heard, self.now)
        assert 1 <= self.throttle.piece(maximum, self.now) <= maximum

    @rule(seconds=st.floats(0, 1) | st.floats(0, 1e5))
    def pass_time(self, seconds: float) -> None:
        """Time passes; a clock that is set forward looks the same."""
        before, self.now = self.now, self.now + seconds
        for account in self.accounts:
            account.pass_(self.now - before)

    @rule(seconds=st.floats(0, 3) | st.floats(0, 1e6))
    def set_back(self, seconds: float) -> None:
        """The clock is set back, and no time passes."""
        before, self.now = self.now, self.now - seconds
        if self.now < self.heard - SET_BACK:
            # This is noticed: only what had passed since the buckets heard the time last is lost.
            self.lost = max(0.0, self.lost + before - self.heard)
            self.heard = self.now
        else:
            self.lost += seconds


class BucketsTests(SynchronousTestCase):
    """Rates hold."""

    def test_buckets_are_as_their_accounts(self) -> None:
        """Whatever is taken and given back at whatever times, each octet waits for its token, and for nothing else."""
        run_state_machine_as_test(BucketsMachine, settings=fewer(1, steps=40))
