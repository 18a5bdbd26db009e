# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The log of a run: what no fault stands behind is a finding.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Watcher", "forget", "watching"]


@implementer(ILogObserver)
class Watcher:
    """
    Hears everything that is logged.

    :param is_expected: tells whether a fault stands behind a failure.
    :ivar findings: what is an error all the same.
    """

    def __init__(self, is_expected: Callable[[Failure], bool], findings: list[str]) -> None:
        self._is_expected = is_expected
        self._findings = findings

    def __call__(self, event: LogEvent) -> None:
        """Hear of one event."""
        failure = event.get("log_failure")
        if failure is not None and self._is_expected(failure):
            return
        if failure is not None or event.get("log_level", LogLevel.info) >= LogLevel.error:
            told = failure.getTraceback() if failure is not None else ""
            self._findings.append(f"logged: {formatEvent(event)}\n{told}")

    def hear_unraisable(self, what: Any) -> None:
        """Hear of an error in the end of an object, which nobody could be told."""
        self._findings.append(f"ignored: {what.exc_value!r} in {what.object!r}")


@implementer(ILogObserver)
def forget(event: LogEvent) -> None:
    """Keep nothing of what is logged."""


@contextmanager
def watching(is_expected: Callable[[Failure], bool], findings: list[str]) -> Iterator[None]:
    """Add every unexpected error to *findings*."""
    watcher = Watcher(is_expected, findings)
    globalLogPublisher.addObserver(watcher)
    unraisable, sys.unraisablehook = sys.unraisablehook, watcher.hear_unraisable
    # A failure that nobody has asked for is logged when it is forgotten. With the collector off, all that the run has
    # made is young, and looking at the young alone takes a thousandth of the time.
    gc.collect(0)
    gc.disable()
    try:
        yield
        told = len(findings)
        gc.collect(0)
        if told:
            # What was broken off has nothing to say that counts.
            del findings[told:]
    finally:
        gc.enable()
        sys.unraisablehook = unraisable
        globalLogPublisher.removeObserver(watcher)
