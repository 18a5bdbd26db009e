# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
CPU time and memory of a process and all that it has started.

Nothing here needs a privilege or a control group: a supervisor (:mod:`benchmarks.supervisor`) inherits every orphan of
its server, so that the time of each process that has ended is found with it. The kernel tells that time in hundredths
of a second for each process, rounded down, so that a server with a process a session may seem to cost 0.02 seconds less
than it does; one that is a single process is measured in nanoseconds.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessTree", "Usage", "descendants"]

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")

#: Where in ``/proc/PID/stat`` the fields are, counted from behind the name.
_PARENT, _USER, _CHILDREN, _CHILDREN_END = 1, 11, 13, 15

#: Which clock of a process ``clock_gettime`` reads: the scheduler's, of all of its threads (CPUCLOCK_SCHED of Linux).
_SCHEDULER_CLOCK = 2


def _fields(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        # It has ended meanwhile.
        return None
    return text.rpartition(")")[2].split()


def descendants(pid: int) -> list[int]:
    """Return the children of a process, their children, and so on; not the process itself."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in os.scandir(_PROC):
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))) is not None:
            children[int(fields[_PARENT])].append(int(entry.name))
    found = list(children[pid])
    for one in found:
        found += children[one]
    return found


def _own_seconds(pid: int, fields: list[str]) -> float:
    # The clock has nanoseconds where stat has hundredths of a second; it is gone when the process has ended.
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULER_CLOCK)
    except OSError:
        return sum(map(int, fields[_USER:_CHILDREN])) / _TICKS


@dataclass(frozen=True, slots=True)
class Usage:
    """
    Memory in bytes.

    :ivar resident: pages that are there, those that processes share counted in each.
    :ivar proportional: the same with a shared page divided among those that share it.
    """

    resident: int
    proportional: int


class ProcessTree:
    """
    What the processes below one process use.

    :param root: its identifier; its own time and memory do not count.
    """

    def __init__(self, root: int) -> None:
        self.root = root

    def cpu(self) -> float:
        """Return the seconds of CPU that all of them have used, those that have ended included."""
        return sum(self._shares())

    def _shares(self) -> Iterator[float]:
        for pid in [self.root, *descendants(self.root)]:
            fields = _fields(pid)
            if fields is not None:
                yield sum(map(int, fields[_CHILDREN:_CHILDREN_END])) / _TICKS
                if pid != self.root:
                    yield _own_seconds(pid, fields)

    def memory(self) -> Usage:
        """Return the memory that all of them have now."""
        resident = proportional = 0
        for pid in descendants(self.root):
            values = _rollup(pid)
            resident += values.get("Rss", 0)
            proportional += values.get("Pss", 0)
        return Usage(resident, proportional)

    def settled_cpu(self, patience: float = 1.0, pause: float = 0.02) -> float:
        """
        Return :meth:`cpu` once the server has finished what the last client left it.

        :param patience: seconds after which one that never rests is taken as it is.
        :param pause: seconds without work that count as rest.
        """
        deadline = time.monotonic() + patience
        seconds = self.cpu()
        while time.monotonic() < deadline:
            time.sleep(pause)
            before, seconds = seconds, self.cpu()
            if seconds - before < pause / 100:
                break
        return seconds


def _rollup(pid: int) -> dict[str, int]:
    """Return the sums of the memory map of one process in bytes; nothing for one that has ended."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    lines = (line.split() for line in text.splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}
