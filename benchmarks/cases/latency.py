# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How long one session waits for a reply while others move files.
"""

from __future__ import annotations

import math
import os
import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from ..amounts import GIB, MIB
from ..apart import Apart
from ..client import TIMEOUT, Session, receive
from ..results import Measured
from .base import Case, Incomplete, Task
from .commands import nothing

__all__ = ["CASES", "percentile"]

#: Downloads, and as many uploads, at a time, and the size of each.
EACH, SIZE = 20, 64 * MIB

#: Seconds between two questions.
PAUSE = 0.002


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all, 0 to 1, does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(slots=True)
class _Transfer:
    session: Session
    command: str
    left: int = SIZE


class _Traffic:
    """Transfers that begin anew when they have ended."""

    def __init__(self, task: Task, name: str) -> None:
        self._selector = selectors.EpollSelector()
        self._block = memoryview(bytes(MIB))
        self.moved = 0
        for number in range(EACH):
            self._begin(_Transfer(task.session(), f"RETR {name}"))
            self._begin(_Transfer(task.session(), f"STOR up/{number}"))

    def _begin(self, transfer: _Transfer) -> None:
        data = transfer.session.begin(transfer.command)
        data.setblocking(False)
        is_upload = transfer.command.startswith("STOR")
        self._selector.register(data, selectors.EVENT_WRITE if is_upload else selectors.EVENT_READ, transfer)

    def move(self, seconds: float) -> None:
        """Keep everything going for a while."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, events in self._selector.select(0.1):
                data = key.fileobj
                assert isinstance(data, socket.socket)
                self._proceed(data, key.data, events)

    def _proceed(self, data: socket.socket, transfer: _Transfer, events: int) -> None:
        try:
            count = receive(data) if events & selectors.EVENT_READ else data.send(self._block[: transfer.left])
        except BlockingIOError:
            return
        self.moved += count
        transfer.left -= count
        # A download is over when the server says so, an upload when the client does.
        if not (count and (transfer.left or events & selectors.EVENT_READ)):
            self._selector.unregister(data)
            transfer.session.finish(data)
            self._begin(_Transfer(transfer.session, transfer.command))


def _ask(session: Session, command: str, seconds: float) -> list[float]:
    """Return how long each answer took."""
    # The one who asks must not wait for the load; without the privilege it is only likely that it does not.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    waits = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        session.ask(command)
        waits.append(time.perf_counter() - began)
        time.sleep(PAUSE)
    return waits


def _latency(task: Task) -> Measured:
    seconds, quiet = task.amounts.seconds, task.session()
    traffic = _Traffic(task, task.site.file(SIZE))
    before, began = task.tree.cpu(), time.perf_counter()
    asking = Apart(lambda: _ask(quiet, nothing(task), seconds))
    traffic.move(seconds)
    cpu, wall = task.tree.cpu() - before, time.perf_counter() - began
    waits = asking.result(TIMEOUT)
    if not traffic.moved:
        raise Incomplete("nothing was moved")
    gib = traffic.moved / GIB
    extra = {
        "p50 ms": percentile(waits, 0.5) * 1000,
        "worst ms": max(waits) * 1000,
        "GiB/s meanwhile": gib / wall,
        "CPU s per GiB": cpu / gib,
    }
    return Measured(percentile(waits, 0.99) * 1000, len(waits), wall, extra)


CASES = (Case("latency", "NOOP while 40 transfers run", "NOOP", _latency, figure="ms that 99 of 100 wait at most"),)
