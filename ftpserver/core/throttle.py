# -*- test-case-name: tests.test_throttle -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Token buckets, and how several of them agree on one delay.

A bucket never sleeps and never reads a clock: it is told the time and answers how long to wait.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Throttle", "TokenBucket"]

#: What an idle bucket saves up, in seconds of its rate and at most in octets: enough to bridge one late timer, and too
#: little to be seen as a burst (at most 64 KiB in the first 100 ms beside the share).
BURST_SECONDS = 0.02
MAXIMUM_BURST = 65536

#: Seconds of the rate in one piece: 20 pieces a second look smooth and cost little.
PIECE_SECONDS = 0.05
SMALLEST_PIECE = 1024


class TokenBucket:
    """
    A rate with a bounded burst.

    :param rate: octets per second.
    :param burst: octets that an idle bucket saves up; by default a fiftieth of the rate, at most 64 KiB.
    :raises ValueError: on a rate that is not positive or a negative burst.
    """

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self.rate = rate
        if burst is not None and burst < 0:
            raise ValueError(f"a burst is not negative: {burst!r}")
        self.burst = min(rate * BURST_SECONDS, MAXIMUM_BURST) if burst is None else burst
        self._free_at = float("-inf")

    @property
    def rate(self) -> float:
        """Octets per second; may be set while transfers run."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        if not value > 0:
            raise ValueError(f"a rate is a positive number of octets per second, not {value!r}")
        self._rate = value

    def take(self, amount: int, now: float) -> float:
        """
        Spend *amount* tokens.

        Spending may run the bucket into debt; the debt is what the delay repays.

        :param amount: octets that were moved or are about to be.
        :param now: the reading of a monotonic clock, in seconds.
        :returns: seconds to wait before moving more; zero if within the rate.
        """
        saved_up = now - self.burst / self._rate
        self._free_at = max(self._free_at, saved_up) + amount / self._rate
        return max(0.0, self._free_at - now)


class Throttle:
    """
    Several buckets that each octet of a flow passes: server, server per connection, user, user per connection.

    :param buckets: those that apply; none is no limit.
    """

    def __init__(self, buckets: Iterable[TokenBucket] = ()) -> None:
        self.buckets = tuple(buckets)

    def take(self, amount: int, now: float) -> float:
        """
        Spend *amount* tokens of every bucket.

        :returns: seconds to wait, as the slowest bucket says; see :meth:`TokenBucket.take`.
        """
        return max((bucket.take(amount, now) for bucket in self.buckets), default=0.0)

    def piece(self, maximum: int) -> int:
        """
        Return how many octets to move at once, so that the flow is even and flows that share a bucket take turns.

        :param maximum: the largest piece that the caller would take.
        """
        slowest = min((bucket.rate for bucket in self.buckets), default=None)
        if slowest is None:
            return maximum
        return max(1, min(maximum, max(SMALLEST_PIECE, int(slowest * PIECE_SECONDS))))
