# -*- test-case-name: tests.test_timer -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Delayed calls that can be set, set again and stopped: one for one, and one for many.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Deadlines", "Timer"]

Owner = TypeVar("Owner", bound=Hashable)

#: Seconds by which a sum of floating-point numbers may miss a deadline.
ROUNDING = 1e-6


class Timer:
    """
    One thing that happens later, unless it is stopped before.

    :param reactor: whose clock counts.
    :param function: called without arguments when the time is over.
    """

    __slots__ = ("_call", "_function", "_reactor")

    def __init__(self, reactor: IReactorTime, function: Callable[[], object]) -> None:
        self._reactor = reactor
        self._function = function
        self._call: IDelayedCall | None = None

    @property
    def is_set(self) -> bool:
        """Tell whether the time runs."""
        return self._call is not None

    def set(self, seconds: float | None) -> None:
        """
        Let the time run anew.

        :param seconds: ``None`` is never.
        """
        self.stop()
        if seconds is not None:
            self._call = self._reactor.callLater(seconds, self._over)

    def stop(self) -> None:
        """Forget it; harmless when the time does not run."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _over(self) -> None:
        self._call = None
        self._function()


class Deadlines(Generic[Owner]):
    """
    The same time for many, kept by one delayed call: one for each of ten thousand silent sessions would take half a
    kilobyte of each, and setting it anew with each command three microseconds.

    :param reactor: whose clock counts.
    :param seconds: ``None`` is never.
    :param function: called with each whose time is over.
    :ivar is_bounded: whether there is a time at all.
    """

    __slots__ = ("_call", "_ends", "_function", "_reactor", "_seconds", "is_bounded")

    def __init__(self, reactor: IReactorTime, seconds: float | None, function: Callable[[Owner], object]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self.is_bounded = seconds is not None
        self._function = function
        # In the order of the ends: whoever starts anew has the last one.
        self._ends: dict[Owner, float] = {}
        self._call: IDelayedCall | None = None

    def __contains__(self, owner: Owner) -> bool:
        return owner in self._ends

    def start(self, owner: Owner) -> None:
        """Let the time of *owner* run anew."""
        if self._seconds is None:
            return
        ends = self._ends
        if owner in ends:
            del ends[owner]
        ends[owner] = self._reactor.seconds() + self._seconds
        if self._call is None:
            self._call = self._reactor.callLater(self._seconds, self._look)

    def start_with(self, owner: Owner, left: float) -> None:
        """Let *left* seconds run for *owner*; meant for few, for all are put in order again."""
        self._ends[owner] = self._reactor.seconds() + left
        self._ends = dict(sorted(self._ends.items(), key=lambda item: item[1]))
        self._arm()

    def stop(self, owner: Owner) -> None:
        """Forget *owner*; harmless when no time runs for it."""
        if self._ends.pop(owner, None) is not None and not self._ends:
            self._arm()

    def _look(self) -> None:
        self._call = None
        try:
            while self._ends:
                owner, end = next(iter(self._ends.items()))
                if end > self._reactor.seconds() + ROUNDING:
                    break
                del self._ends[owner]
                self._function(owner)
        finally:
            self._arm()

    def _arm(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._ends:
            first = next(iter(self._ends.values()))
            self._call = self._reactor.callLater(max(0.0, first - self._reactor.seconds()), self._look)
