# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Some seconds of :mod:`.soak`, and tests of what it judges by.
"""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .random_transfers_server import Report
from .soak import Soak
from .soak_probe import Sample
from .soak_server import Log
from .soak_summary import MIB, Measured, memory_of, percentile, summary, waits_of


class SoakTests(SynchronousTestCase):
    """Everybody at once, with servers as they are run."""

    def test_clients_of_every_kind(self) -> None:
        """20 clients do all that clients do for some seconds: every octet is right, and nothing is left behind."""
        soak = Soak(seed=1, sessions=20, seconds=6, pace=1.0)
        soak.run()
        if soak.failures:
            self.fail(soak.summary())
        self.assertGreater(min(soak.counts[kind] for kind in ("transfers", "errands", "visits", "sessions")), 0)
        self.assertEqual([len(server.samples) > 1 for server in soak.measured], [True, True])
        self.assertEqual(json.loads(json.dumps(soak.as_json()))["counts"], soak.counts)


class LogTests(SynchronousTestCase):
    """What is read in the log of a server."""

    def setUp(self) -> None:
        """Follow a log."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "log"
        self.path.touch()
        self.complaints: list[str] = []
        self.log = Log(self.path, threading.Condition(), self.complaints.append)
        self.addCleanup(self.log.end)

    def write(self, **entry: Any) -> None:
        """Write an entry."""
        with self.path.open("a") as file:
            file.write(json.dumps({"level": "info", "message": "", **entry}) + "\n")

    def test_sessions_and_octets(self) -> None:
        """Sessions that began and ended are counted, and the octets of transfers; failed logins are no complaint."""
        self.write(message="listening on 127.0.0.1:2121, with explicit TLS")
        for peer in ("127.0.1.1", "127.0.1.2"):
            self.write(event="Connected", peer=peer)
        self.write(event="LoginFailed", level="warn", peer="127.0.1.1")
        self.write(event="Stored", command="STOR", bytes=10)
        self.write(event="Disconnected", peer="127.0.1.1")
        self.log.end()
        self.assertEqual((self.log.sessions, self.log.gone, self.log.ports), (1, {"127.0.1.1": 1}, [2121]))
        self.assertEqual(self.log.counts["octets: STOR"], 10)
        self.assertEqual(self.complaints, [])

    def test_errors(self) -> None:
        """A traceback and an error that no client has caused are complaints."""
        self.write(message="one", traceback="Traceback (most recent call last):")
        self.write(message="two", level="critical")
        self.log.end()
        self.assertEqual([json.loads(text)["message"] for text in self.complaints], ["one", "two"])


def sample(time: float, resident: int, *waits: float) -> Sample:
    """Return a sample."""
    return Sample(time, 10, 1, resident * MIB, 0, 0.0, waits)


def report(descriptors: int, **objects: int) -> Report:
    """Return what a process holds."""
    return Report({"socket": descriptors}, {}, 0, 0, objects, 0.0, 0)


class MeasuredTests(SynchronousTestCase):
    """What is said of a server."""

    def test_memory(self) -> None:
        """Growth is told by the hour, from when the server is warm."""
        memory = memory_of([sample(float(time), 50 + time) for time in range(0, 100, 10)], 30.0, 40 * MIB, 45 * MIB)
        self.assertEqual(
            [one // MIB for one in (memory.start, memory.warm, memory.busy, memory.end)], [40, 80, 140, 45]
        )
        self.assertAlmostEqual(memory.slope / MIB, 3600, delta=1)

    def test_a_moment_is_no_growth(self) -> None:
        """Memory that is taken for a moment, as for the hash of a password, is what is used at most, and no growth."""
        samples = [sample(float(time), 114 if time % 2 else 50) for time in range(1000)]
        memory = memory_of(samples, 100.0, 50 * MIB, 50 * MIB)
        self.assertEqual((memory.most, memory.warm, memory.slope), (114 * MIB, 50 * MIB, 0.0))

    def test_waits(self) -> None:
        """The median, what 99 of 100 do not exceed, and the most."""
        waits = waits_of([sample(0.0, 1, *(number / 100 for number in range(60))), sample(1.0, 1, *([2.0] * 40))])
        self.assertEqual(waits, {"p50": 0.5, "p99": 2.0, "max": 2.0})
        self.assertEqual(percentile([], 0.5), 0.0)

    def test_leaks(self) -> None:
        """Descriptors and objects that are left are told."""
        samples = [sample(0.0, 50), sample(1.0, 50)]
        before, after = report(5, Session=1), report(6, Session=4, Transfer=1)
        measured = Measured("one", samples, memory_of(samples, 0.0, 50 * MIB, 50 * MIB), before, after, {}, 1)
        self.assertEqual(measured.leaks, {"descriptors": "{'socket': 6}, not {'socket': 5}"})
        self.assertEqual(measured.grown, {"Session": 3, "Transfer": 1})
        text = summary("title", {"transfers": 1}, [measured], ["wrong"])
        self.assertIn("1 mismatches and other problems, 1 of them leaks\nwrong", text)
