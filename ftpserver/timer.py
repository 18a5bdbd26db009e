# -*- test-case-name: tests.test_timer -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A delayed call that can be set, set again and stopped.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Timer"]


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
