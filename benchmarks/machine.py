# -*- test-case-name: tests.test_benchmarks_machine -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The machine that figures come from, and the two processors that server and load run on.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from OpenSSL import SSL

__all__ = ["Machine", "Unsuitable", "check", "choose_processors", "describe", "processor_name", "siblings"]


class Unsuitable(Exception):
    """This machine cannot run the benchmark; the text says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """
    Where and when something was measured.

    :ivar date: the day, as ``2026-11-25``.
    :ivar processor: the model.
    :ivar processors: how many of them the benchmark may use.
    """

    date: str
    processor: str
    processors: int
    kernel: str
    python: str
    twisted: str
    openssl: str

    @property
    def sentence(self) -> str:
        """All of it in words."""
        return (
            f"{self.processor}, {self.processors} processors, {self.kernel}, Python {self.python}, "
            f"Twisted {self.twisted}, {self.openssl}; {self.date}"
        )


def describe() -> Machine:
    """Return this machine, today."""
    return Machine(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        processor=processor_name(Path("/proc/cpuinfo").read_text("utf-8")),
        processors=len(os.sched_getaffinity(0)),
        kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        twisted=importlib.metadata.version("twisted"),
        # That of the cryptography package, which serves TLS here; the ssl module may have another one.
        openssl=" ".join(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode("ascii").split()[:2]),
    )


def processor_name(information: str) -> str:
    """Return the model that ``/proc/cpuinfo`` names; some architectures name none."""
    for line in information.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return platform.machine()


def check(system: str = sys.platform) -> None:
    """
    Find out whether the benchmark can run.

    :raises Unsuitable: where it cannot.
    """
    if system != "linux":
        raise Unsuitable("the CPU time of other processes is read from /proc, which only Linux has")
    if len(os.sched_getaffinity(0)) < 2:
        raise Unsuitable("two processors are needed, one for the server and one for the load; there is one")


def siblings(processor: int) -> frozenset[int]:
    """Return the processors that are threads of the same core, itself included."""
    listed = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    if not listed.exists():
        return frozenset({processor})
    found: set[int] = set()
    for part in listed.read_text("ascii").strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def choose_processors(allowed: Iterable[int], threads: Mapping[int, frozenset[int]]) -> tuple[int, int]:
    """
    Return the processor of the server and that of the load.

    Two threads of one core slow each other down, so two cores are taken where there are two.

    :param allowed: those that this process may run on, two at least.
    :param threads: the processors of the core that each belongs to.
    """
    first, *others = sorted(allowed)
    apart = [other for other in others if other not in threads.get(first, frozenset())]
    return first, (apart or others)[-1]
