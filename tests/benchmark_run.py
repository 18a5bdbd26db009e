# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A run of the benchmark that was never measured, for the tests of what is made of one.
"""

from __future__ import annotations

from benchmarks.machine import Machine
from benchmarks.results import OURS, CaseResult, Measured, Run

__all__ = ["MACHINE", "example_case", "example_run"]

MACHINE = Machine("2026-11-25", "A processor", 4, "Linux 6.1", "3.11.2", "26.10.0", "OpenSSL 3.5.0")


def example_case(**servers: list[float]) -> CaseResult:
    """Return a case with one figure a round; ``ours`` stands for our server."""
    result = CaseResult("download", "Download of a large file", "CPU s per GiB", "GiB", compares=True)
    for name, figures in servers.items():
        rounds = [Measured(figure, 0.5, 2.0) for figure in figures]
        result.rounds[OURS if name == "ours" else name] = rounds
    return result


def example_run() -> Run:
    """Return a run with a case that compares, one that does not, and servers that lack something."""
    first = example_case(ours=[0.2, 0.4, 0.3], vsftpd=[0.4, 0.6, 0.45], aioftp=[0.1, 0.3, 0.15])
    first.absent["twisted"] = "no TLS"
    second = CaseResult("limited_upload", "Upload with a speed limit", "of the rate that was set", "second", False)
    second.rounds[OURS] = [Measured(0.99, 5, 5.05, {"KiB in the first 100 ms": 512.0})]
    second.rounds["vsftpd"] = [Measured(1.2, 5, 4.2)]
    versions = {"vsftpd": "3.0.3", OURS: "0.1.0", "aioftp": "0.28.3", "twisted": "26.10.0"}
    return Run(MACHINE, versions, {"proftpd": "there is no proftpd"}, 3, "large files of 1 MiB", [first, second])
