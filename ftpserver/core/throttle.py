# -*- test-case-name: tests.test_throttle -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Token buckets, and how several of them agree on one delay.

A bucket never sleeps and never reads a clock: it is told the time and answers how long to wait. Octets are paid for
before they move, so that many transfers that begin at once do not each get a first piece for nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

__all__ = ["Throttle", "TokenBucket"]

#: What an idle bucket saves up: seconds of its rate, for a fast one fewer and 64 KiB. It is enough to bridge a late
#: timer, and so little that the first 100 ms carry 1.2 times their share and 64 KiB at most.
BURST_SECONDS, FAST_BURST_SECONDS, FAST_BURST = 0.05, 0.02, 65536

#: Seconds in which each flow that waits for a bucket gets its turn: 20 pieces a second look smooth and cost little.
ROUND_SECONDS = 0.05

#: Seconds by which readings of a clock differ that was set back: those of two flows in one turn differ by less.
SET_BACK = 1.0

#: Bounds of a piece in octets. The largest is never more than an idle bucket has saved up, so nobody waits at first.
SMALLEST_PIECE, LARGEST_PIECE = 256, 65536


class TokenBucket:
    """
    A rate with a bounded burst: no time carries more than the rate and once the burst.

    :param rate: octets per second.
    :param burst: octets that an idle bucket saves up; by default a twentieth of a second of the rate, less for rates
        beyond 2 MB/s.
    :raises ValueError: on a rate that is not positive or a negative burst.
    """

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self.rate = rate
        if burst is not None and not burst >= 0:
            raise ValueError(f"a burst is not negative: {burst!r}")
        self._burst = burst
        self._free_at = float("-inf")
        self._latest = float("-inf")
        # When the tokens of each piece that was taken will be there; one for each flow that waits.
        self._taken: deque[float] = deque()

    @property
    def rate(self) -> float:
        """Octets per second; may be set while transfers run."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        if not value > 0:
            raise ValueError(f"a rate is a positive number of octets per second, not {value!r}")
        self._rate = value

    @property
    def burst(self) -> float:
        """Octets that an idle bucket saves up."""
        if self._burst is not None:
            return self._burst
        return min(self._rate * BURST_SECONDS, self._rate * FAST_BURST_SECONDS + FAST_BURST)

    def is_full(self, now: float) -> bool:
        """Tell whether everything is saved up, so that a new bucket could take the place of this one."""
        self._hear_time(now)
        return self._free_at <= now - self.burst / self._rate

    def take(self, amount: int, now: float, late: float = 0.0) -> float:
        """
        Spend *amount* tokens, whether they are there yet or not.

        :param amount: octets that are to move next.
        :param now: the reading of a clock, in seconds; one that is set back takes the debt with it.
        :param late: seconds since the flow could have taken them, had its timer been exact; they are not lost.
        :returns: seconds to wait before they move; zero if within the rate.
        """
        if self._rate == float("inf"):
            return 0.0
        self._hear_time(now)
        self._free_at = max(self._free_at, now - late - self.burst / self._rate) + amount / self._rate
        self._taken.append(self._free_at)
        return max(0.0, self._free_at - now)

    def _hear_time(self, now: float) -> None:
        # The clock of a reactor is that of the day; what is owed for a second must not be owed for the hour by which
        # somebody has corrected it.
        if now < self._latest - SET_BACK:
            set_back = self._latest - now
            self._free_at -= set_back
            self._taken = deque(moment - set_back for moment in self._taken)
        elif now < self._latest:
            return
        self._latest = now

    def piece(self, now: float) -> float:
        """
        Return how many octets to take at once.

        The more flows wait the smaller are their pieces, so that a flow with a slower limit of its own, whose pieces
        are small, does not wait behind large ones and lose its share.
        """
        self._hear_time(now)
        while self._taken and self._taken[0] <= now:
            self._taken.popleft()
        return self._rate * ROUND_SECONDS / (1 + len(self._taken))

    def give_back(self, amount: int) -> None:
        """Return tokens that were spent for octets that did not move after all."""
        self._free_at -= amount / self._rate


class Throttle:
    """
    Several buckets that each octet of a flow passes: server, server per connection, user, user per connection.

    :param buckets: those that apply; none is no limit.
    """

    def __init__(self, buckets: Iterable[TokenBucket] = ()) -> None:
        self.buckets = tuple(buckets)

    def take(self, amount: int, now: float, late: float = 0.0) -> float:
        """
        Spend *amount* tokens of every bucket.

        :returns: seconds to wait, as the slowest bucket says; see :meth:`TokenBucket.take`.
        """
        return max((bucket.take(amount, now, late) for bucket in self.buckets), default=0.0)

    def give_back(self, amount: int) -> None:
        """Return tokens to every bucket; see :meth:`TokenBucket.give_back`."""
        for bucket in self.buckets:
            bucket.give_back(amount)

    def piece(self, maximum: int, now: float) -> int:
        """
        Return how many octets to pay for at once, so that the flow is even and flows that share a bucket take turns.

        :param maximum: the largest piece that the caller would take.
        """
        if not self.buckets:
            return maximum
        smallest = min(bucket.piece(now) for bucket in self.buckets)
        return min(maximum, int(min(max(SMALLEST_PIECE, smallest), LARGEST_PIECE)))
