# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Listings of a large directory.
"""

from __future__ import annotations

import time

from ..client import Session
from ..results import Measured
from .base import Case, Incomplete, Task

__all__ = ["CASES"]


def _list(task: Task, verb: str) -> Measured:
    count, meter = task.amounts.entries, task.meter()
    name, session = task.site.directory(count), task.session()
    with meter.running():
        lines, first = _lines(session, f"{verb} {name}")
    if lines < count:
        raise Incomplete(f"{lines} of {count} entries came")
    return meter.per(count / 1000, first_byte_ms=first * 1000)


def _lines(session: Session, command: str) -> tuple[int, float]:
    """Return the lines of a listing, and the seconds until its first piece came."""
    began = time.perf_counter()
    data = session.begin(command)
    octets = data.recv(65536)
    first = time.perf_counter() - began
    lines = octets.count(b"\n")
    while octets := data.recv(1 << 20):
        lines += octets.count(b"\n")
    session.finish(data)
    return lines, first


def _long(task: Task) -> Measured:
    return _list(task, "LIST")


def _facts(task: Task) -> Measured:
    return _list(task, "MLSD")


CASES = (
    Case("list", "LIST of a large directory", "1,000 entries", _long),
    Case("mlsd", "MLSD of a large directory", "1,000 entries", _facts, command="MLSD"),
)
