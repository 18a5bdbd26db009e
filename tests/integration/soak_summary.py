# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a run of :mod:`.soak` has measured, in numbers and in words.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .random_transfers_server import Report
from .soak_probe import Sample

__all__ = ["Measured", "Memory", "memory_of", "percentile", "summary", "waits_of"]

MIB = 1024 * 1024

#: Parts of a run of which each counts by its least memory: what is taken only while a password is hashed is no growth.
PARTS = 60


@dataclass(frozen=True)
class Memory:
    """
    The memory of a server, in octets.

    :ivar start: before anybody came, free memory given back.
    :ivar warm: when everybody was there for some time.
    :ivar most: at any time.
    :ivar busy: at the end of the work.
    :ivar end: when everybody had gone, free memory given back.
    :ivar slope: octets an hour, from the time when it was warm to the end of the work.
    """

    start: int
    warm: int
    most: int
    busy: int
    end: int
    slope: float


def memory_of(samples: Sequence[Sample], warm: float, start: int, end: int) -> Memory:
    """
    Return what became of the memory.

    :param warm: when the server was warm, in seconds.
    :param start: octets before anybody came.
    :param end: octets when everybody had gone.
    """
    behind = _least([sample for sample in samples if sample.time >= warm] or samples[-1:])
    slope = 0.0
    if len(behind) > 1:
        times, octets = [sample.time for sample in behind], [sample.resident for sample in behind]
        slope = statistics.linear_regression(times, octets).slope * 3600
    return Memory(
        start=start,
        warm=behind[0].resident,
        most=max(sample.resident for sample in samples),
        busy=behind[-1].resident,
        end=end,
        slope=slope,
    )


def _least(samples: Sequence[Sample]) -> list[Sample]:
    """Return the sample with the least memory of each part of the time."""
    size = max(1, len(samples) // PARTS)
    parts = (samples[first : first + size] for first in range(0, len(samples), size))
    return [min(part, key=lambda sample: sample.resident) for part in parts]


def percentile(values: Sequence[float], part: float) -> float:
    """Return what that *part* of the values does not exceed; zero if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def waits_of(samples: Sequence[Sample]) -> Mapping[str, float]:
    """Return how long NOOP took, in seconds."""
    waits = [wait for sample in samples for wait in sample.waits]
    return {"p50": percentile(waits, 0.5), "p99": percentile(waits, 0.99), "max": max(waits, default=0.0)}


@dataclass(frozen=True)
class Measured:
    """
    One server.

    :ivar before: what it held before the work.
    :ivar after: what it held behind it.
    :ivar log: entries of its log, by kind, and octets.
    :ivar most_sessions: at a time.
    """

    name: str
    samples: Sequence[Sample]
    memory: Memory
    before: Report
    after: Report
    log: Mapping[str, int]
    most_sessions: int

    @property
    def leaks(self) -> dict[str, str]:
        """What it holds that it did not hold before."""
        before, after = self.before.held, self.after.held
        return {kind: f"{after[kind]}, not {before[kind]}" for kind in before if before[kind] != after[kind]}

    @property
    def grown(self) -> dict[str, int]:
        """By how much there are more objects, by class."""
        return dict(Counter(self.after.objects) - Counter(self.before.objects))

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {**asdict(self), "leaks": self.leaks, "waits": waits_of(self.samples)}

    def lines(self) -> list[str]:
        """Return it in words."""
        waits, memory = waits_of(self.samples), self.memory
        octets = {kind: count for kind, count in self.log.items() if kind.startswith("octets")}
        return [
            f"server {self.name}: {sum(octets.values()) / MIB:.0f} MiB moved, {self.most_sessions} sessions at a time, "
            f"{self.samples[-1].processor:.0f} s of processor time",
            f"    memory: {memory.start / MIB:.1f} MiB at the start, {memory.warm / MIB:.1f} warm, "
            f"{memory.most / MIB:.1f} at most, {memory.busy / MIB:.1f} at the end of the work, "
            f"{memory.end / MIB:.1f} behind it; {memory.slope / MIB:+.2f} MiB an hour",
            f"    proportional: {self.samples[0].proportional / MIB:.1f} MiB at the start, "
            f"{self.samples[-1].proportional / MIB:.1f} at the end of the work",
            f"    descriptors: {self.samples[0].descriptors} at the start, "
            f"{max(one.descriptors for one in self.samples)} at most; "
            f"threads: {self.samples[0].threads} and {max(one.threads for one in self.samples)}",
            f"    NOOP: {waits['p50'] * 1000:.1f} ms in the median, {waits['p99'] * 1000:.1f} for 99 of 100, "
            f"{waits['max'] * 1000:.0f} at most, of {sum(len(one.waits) for one in self.samples)}",
            f"    before: {_held(self.before)}",
            f"    after: {_held(self.after)}",
            f"    log: {', '.join(f'{count} {kind}' for kind, count in sorted(self.log.items()))}",
        ]


def _held(report: Report) -> str:
    return (
        f"{sum(report.descriptors.values())} descriptors, {sum(report.threads.values())} threads beside pools, "
        f"{report.delayed_calls} timers, {report.sessions} sessions, {sum(report.objects.values())} objects"
    )


def summary(title: str, counts: Mapping[str, int], servers: Sequence[Measured], failures: Sequence[str]) -> str:
    """Return all in words."""
    lines = [title, *(f"{count:9}  {kind}" for kind, count in sorted(counts.items()))]
    for server in servers:
        lines += server.lines()
    leaks = [f"{server.name}: {kind}: {text}" for server in servers for kind, text in server.leaks.items()]
    lines.append(f"{len(failures)} mismatches and other problems, {len(leaks)} of them leaks")
    return "\n".join([*lines, *failures])
