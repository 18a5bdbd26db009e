# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Sessions that sit idle.
"""

from __future__ import annotations

from ..amounts import KIB
from ..processes import Usage
from ..results import Measured
from .base import Case, Incomplete, Task

__all__ = ["CASES"]

#: Sessions that are there before memory is looked at: the first ones bring what a server sets up but once.
FIRST = 50


def _memory(task: Task) -> Usage:
    try:
        return task.tree.memory()
    except PermissionError:
        # Of a process that has changed its user, as some do even where they cannot become another one.
        raise Incomplete("only root may read how much memory it has") from None


def _idle(task: Task) -> Measured:
    count, meter = task.amounts.sessions, task.meter()
    for _ in range(FIRST):
        task.session()
    before = _memory(task)
    with meter.running():
        for _ in range(count):
            task.session()
    after = _memory(task)
    each = (after.proportional - before.proportional) / KIB / count
    return Measured(each, count, meter.wall, {"resident KiB": (after.resident - before.resident) / KIB / count})


CASES = (Case("idle", "Memory of an idle session", "session", _idle, figure="KiB per session", is_fresh=True),)
