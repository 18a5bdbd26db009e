# -*- test-case-name: tests.test_benchmarks_micro -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How a function that takes less than a clock can tell is measured: in loops, long enough, several times.

The clock is the CPU time of the process, which other work on the machine disturbs least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..results import Spread, spread

__all__ = ["Loop", "Subject", "calibrate", "measure"]

#: Does something as often as it is told.
Loop = Callable[[int], object]

#: Seconds that a loop must take: a thousand times what reading the clock does.
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Subject:
    """
    Something to measure.

    :ivar name: for the command line.
    :ivar title: what one pass of the loop does.
    :ivar make: sets up and returns the loop.
    """

    name: str
    title: str
    make: Callable[[], Loop]


def _time(loop: Loop, count: int, clock: Callable[[], float]) -> float:
    began = clock()
    loop(count)
    return clock() - began


def calibrate(loop: Loop, least: float = LEAST, clock: Callable[[], float] = time.process_time) -> int:
    """
    Return how many passes take long enough.

    :param least: seconds.
    :param clock: of the process.
    """
    count = 1
    while _time(loop, count, clock) < least:
        count *= 2
    return count


def measure(subject: Subject, runs: int, least: float = LEAST) -> Spread:
    """
    Return the seconds that one pass takes.

    :param runs: how often the loop is measured; finding out how long it must be is the warm-up.
    """
    loop = subject.make()
    count = calibrate(loop, least)
    return spread([_time(loop, count, time.process_time) / count for _ in range(runs)])
