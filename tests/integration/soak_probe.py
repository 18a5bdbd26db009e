# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What servers of :mod:`.soak` cost, and how long they let somebody wait, over time.

It measures in a process of its own, which the many threads of the clients do not disturb, and is run as a program:
``python -m tests.integration.soak_probe LOGIN PORT:PROCESS...``. It says NOOP to each server all the time, and writes
a line of JSON each second: a :class:`Sample` for each server. It ends with its standard input.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.attacks.harness import vitals_of

from .processes import CHECKOUT, environment
from .random_transfers_client import Control
from .random_transfers_server import PASSWORD
from .tls_client import VERSIONS, client_context

__all__ = ["Probe", "Sample"]

#: Seconds between two NOOP, and between two samples.
ASKING, SAMPLING = 0.05, 1.0

#: The address that the probe comes from.
SOURCE = "127.0.3.1"


@dataclass(frozen=True)
class Sample:
    """
    One server in one second.

    :ivar time: seconds since the probe began.
    :ivar resident: octets of memory.
    :ivar proportional: the same, with what is shared counted in part.
    :ivar processor: seconds of processor time since the process began.
    :ivar waits: seconds that each NOOP took.
    """

    time: float
    descriptors: int
    threads: int
    resident: int
    proportional: int
    processor: float
    waits: Sequence[float]


def proportional_of(process: int) -> int:
    """Return the octets of memory of a process, those that it shares with others in part."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system does not tell")


class _Asking:
    """One server that is asked."""

    def __init__(self, login: str, port: int, process: int) -> None:
        self._process = process
        self._control = Control(port, SOURCE, client_context(VERSIONS[1]))
        assert self._control.reply().code == 220
        self._control.command(f"USER {login}", 331)
        self._control.command(f"PASS {PASSWORD}", 230)
        self._waits: list[float] = []

    def ask(self) -> None:
        """Say NOOP."""
        began = time.monotonic()
        self._control.command("NOOP", 200)
        self._waits.append(time.monotonic() - began)

    def sample(self, now: float) -> Sample:
        """Return what was seen since the last time."""
        waits, self._waits = self._waits, []
        vitals = vitals_of(self._process)
        return Sample(
            time=now,
            descriptors=vitals.descriptors,
            threads=vitals.threads,
            resident=vitals.resident,
            proportional=proportional_of(self._process),
            processor=vitals.processor,
            waits=waits,
        )

    def leave(self) -> None:
        """End the session."""
        self._control.command("QUIT", 221)
        self._control.link.leave()


def _watch(servers: Sequence[_Asking]) -> None:
    began = told = time.monotonic()
    while not select.select([sys.stdin], [], [], ASKING)[0]:
        for server in servers:
            server.ask()
        now = time.monotonic()
        if now - told >= SAMPLING:
            told = now
            _tell(server.sample(now - began) for server in servers)
    for server in servers:
        server.leave()


def _tell(samples: Iterable[Sample]) -> None:
    sys.stdout.write(json.dumps([asdict(sample) for sample in samples]) + "\n")
    sys.stdout.flush()


class Probe:
    """
    The process that measures.

    :param servers: port and number of the process of each.
    :ivar samples: what it has seen of each.
    """

    def __init__(self, login: str, servers: Sequence[tuple[int, int]]) -> None:
        self.samples: list[list[Sample]] = [[] for _ in servers]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, login, *(f"{port}:{process}" for port, process in servers)],
            cwd=CHECKOUT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._has_begun = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            for samples, sample in zip(self.samples, json.loads(line), strict=True):
                samples.append(Sample(**sample))
            self._has_begun.set()
        self._has_begun.set()

    def begin(self) -> None:
        """Wait for the first samples."""
        self._has_begun.wait()
        assert all(self.samples), "the process that measures has ended"

    def end(self) -> int:
        """End the process, whatever it does; return its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join()
        self._process.stdout.close()
        return self._process.wait()


if __name__ == "__main__":
    pairs = [argument.split(":") for argument in sys.argv[2:]]
    _watch([_Asking(sys.argv[1], int(port), int(process)) for port, process in pairs])
