# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How well a speed limit is kept.
"""

from __future__ import annotations

import os
import time

from ..amounts import KIB
from ..client import Session, drain, pour, receive
from ..results import Measured
from ..site import RATE
from .base import Case, Task

__all__ = ["CASES"]

#: Seconds whose bytes show whether a limit lets a burst through at first.
AT_FIRST = 0.1


def _download(task: Task) -> Measured:
    size = int(RATE * task.amounts.seconds)
    name, session = task.site.file(size), task.session()
    began = time.perf_counter()
    data = session.begin(f"RETR {name}")
    burst = 0
    while (left := began + AT_FIRST - time.perf_counter()) > 0:
        data.settimeout(left)
        try:
            burst += receive(data)
        except TimeoutError:
            break
    data.settimeout(None)
    drain(data, 0)
    wall = time.perf_counter() - began
    session.finish(data)
    return _kept(size, wall, {"KiB in the first 100 ms": burst / KIB})


def _upload(task: Task) -> Measured:
    size = int(RATE * task.amounts.seconds)
    session = task.session()
    file = os.open(task.site.root / task.site.file(size), os.O_RDONLY)
    try:
        began = time.perf_counter()
        _send(session, file, size)
        return _kept(size, time.perf_counter() - began, {})
    finally:
        os.close(file)


def _send(session: Session, file: int, size: int) -> None:
    data = session.begin("STOR up/slow")
    pour(data, file, size)
    session.finish(data)


def _kept(size: int, wall: float, extra: dict[str, float]) -> Measured:
    return Measured(size / wall / RATE, size / RATE, wall, extra)


_KEPT = "of the rate that was set"

CASES = (
    Case("limited_download", "Download with a speed limit", "second", _download, "limited", _KEPT, compares=False),
    Case("limited_upload", "Upload with a speed limit", "second", _upload, "limited", _KEPT, compares=False),
)
