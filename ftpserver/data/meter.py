# -*- test-case-name: tests.test_meter -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a transfer has moved, and what it may move now.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.throttle import Throttle

__all__ = ["Meter"]

#: Seconds by which a timer or the store may be late without the flow losing its rate. At 20 MB/s a piece takes 3 ms and
#: timers of a busy reactor come 1 ms late: the rate was 3 % too low.
MAXIMUM_LATENESS = 0.05


class Meter:
    """
    Octets of one transfer, under its speed limits.

    :param seconds: reads the clock.
    :param throttle: the limits.
    :ivar bytes_moved: octets so far.
    :ivar last_progress: when the last of them moved.
    :ivar waiting_since: since when the client has kept the transfer waiting; ``None`` while it does not.
    :ivar delay: seconds to wait when :meth:`allowance` gave nothing.
    """

    __slots__ = (
        "_due",
        "_is_limited",
        "_paid",
        "_seconds",
        "_throttle",
        "bytes_moved",
        "delay",
        "last_progress",
        "waiting_since",
    )

    def __init__(self, seconds: Callable[[], float], throttle: Throttle) -> None:
        self._seconds = seconds
        self._throttle = throttle
        self._is_limited = bool(throttle.buckets)
        self._paid = 0
        self._due = self.last_progress = seconds()
        self.bytes_moved = 0
        self.waiting_since: float | None = None
        self.delay = 0.0

    def allowance(self, wanted: int) -> int:
        """
        Return how many of *wanted* octets may move now.

        :returns: zero when :attr:`delay` has to pass first; the next call gives what was paid for then.
        """
        if not self._is_limited:
            return wanted
        if not self._paid:
            now = self._seconds()
            late = min(now - self._due, MAXIMUM_LATENESS)
            self._paid = self._throttle.piece(wanted, now)
            self.delay = self._throttle.take(self._paid, now, late)
            if self.delay > 0:
                # While it catches up, a flow stays as late as it was.
                self._due = now + self.delay
                return 0
        return min(wanted, self._paid)

    def moved(self, amount: int) -> None:
        """Count octets that have moved."""
        self.bytes_moved += amount
        self.last_progress = self._seconds()
        if self._paid:
            self._paid -= amount

    def give_back(self) -> None:
        """Give back what was paid for: a client that keeps the transfer waiting, or goes, must not use it up."""
        if self._paid:
            self._throttle.give_back(self._paid)
            self._paid = 0

    def must_wait(self) -> None:
        """Note that the client keeps the transfer waiting from now on."""
        self.give_back()
        self.waiting_since = self._seconds()

    def may_wait(self) -> None:
        """Note that the client may keep the transfer waiting from now on, which only its socket will tell."""
        if self.waiting_since is None:
            self.waiting_since = self._seconds()

    def goes_on(self) -> None:
        """Note that it waits no more."""
        self.waiting_since = None
        self._due = self._seconds()
