# -*- test-case-name: tests.test_rates -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How often something may happen: connections of each client, lines in a log.

Nothing here waits or reads a clock. A :class:`~ftpserver.core.throttle.TokenBucket` lets everything pass sooner or
later and says when; what comes too often here is turned away, and costs nothing to those who come after it.
"""

from __future__ import annotations

__all__ = ["ArrivalRate", "ArrivalRates"]

#: Clients whose connections are counted at a time, at about 150 octets each. One more lets the one that was heard of
#: longest ago be forgotten; whoever commands that many networks is not held by a rate for each of them.
MAXIMUM_SOURCES = 16384

#: Seconds by which sums of times since the epoch miss.
ROUNDING = 1e-6


class ArrivalRate:
    """
    A rate that saves up a burst.

    :param interval: seconds between two at the rate.
    :param burst: how many may come at once after a silence.
    :raises ValueError: unless both are positive.
    """

    __slots__ = ("_due", "_interval", "_tolerance")

    def __init__(self, interval: float, burst: int) -> None:
        if not (interval > 0 and burst >= 1):
            raise ValueError(f"a rate has a positive interval and burst, not {interval!r} and {burst!r}")
        self._interval = interval
        self._tolerance = interval * (burst - 1)
        # When the next one was due if all came evenly.
        self._due = float("-inf")

    def admits(self, now: float) -> bool:
        """Count one that comes now, and tell whether it may; one that may not does not count."""
        due = _next_due(self._due, now, self._interval, self._tolerance)
        if due is None:
            return False
        self._due = due
        return True


def _next_due(due: float, now: float, interval: float, tolerance: float) -> float | None:
    """
    Return when the next one is due if one comes now; ``None`` if it comes too early.

    :param due: when this one is.
    :param interval: seconds between two.
    :param tolerance: how much earlier one may come, in seconds.
    """
    # As late as that it can only be if the clock was set back, which must not lock anybody out.
    due = now if due > now + tolerance + interval + ROUNDING else max(due, now)
    return due + interval if due - now <= tolerance + ROUNDING else None


class ArrivalRates:
    """
    The same rate for each of many.

    :param interval: seconds between two at the rate.
    :param burst: how many may come at once after a silence.
    :param maximum: how many sources are remembered.
    """

    def __init__(self, interval: float, burst: int, maximum: int = MAXIMUM_SOURCES) -> None:
        self._interval = interval
        self._tolerance = interval * (burst - 1)
        self._maximum = maximum
        # Those that were heard of last are last.
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def admits(self, source: str, now: float) -> bool:
        """Count one that comes from *source* now, and tell whether it may; one that may not does not count."""
        self._forget(now)
        due = self._due.pop(source, now)
        after = _next_due(due, now, self._interval, self._tolerance)
        self._due[source] = due if after is None else after
        if len(self._due) > self._maximum:
            del self._due[next(iter(self._due))]
        return after is not None

    def _forget(self, now: float) -> None:
        # Two for each that comes, so that the idle ones become fewer and nobody waits for it.
        for _ in range(2):
            first = next(iter(self._due), None)
            if first is None or self._due[first] > now:
                break
            del self._due[first]
