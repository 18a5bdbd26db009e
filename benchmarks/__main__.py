# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``python -m benchmarks``: measure, and show it.
"""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from .cases import CASES
from .chart import chart
from .documents import Documents
from .machine import Unsuitable, check, describe
from .options import Options, parse
from .peers import find_all
from .results import OURS, Run, from_json, to_json
from .running import Bench
from .site import site
from .tables import report

__all__ = ["main", "show"]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _terminated(_number: int, _frame: FrameType | None) -> None:
    # Unwinding the stack is what ends the servers.
    sys.exit(128 + signal.SIGTERM)


def measure(options: Options) -> Run:
    """
    Do the work.

    :raises Unsuitable: where it cannot be done.
    """
    check()
    # Two thousand sessions take as many descriptors, here and in the servers, which inherit the bound.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, _terminated)
    peers, absent = find_all(options.peers, options.given)
    run = Run(describe(), {peer.name: peer.version for peer in peers}, absent, options.rounds, options.amounts.sentence)
    for name, reason in absent.items():
        _say(f"without {name}: {reason}")
    with site() as places:
        bench = Bench(places, options.amounts, options.rounds, options.processors, _say)
        for name in options.cases:
            run.cases.append(bench.measure(CASES[name], peers))
            if options.json is not None:
                # What there is so far is worth keeping if the next case fails.
                options.json.write_text(to_json(run), "utf-8")
    return run


def show(options: Options, run: Run) -> None:
    """Print and write what the user has asked for."""
    sys.stdout.write(report(run, options.format))
    if options.chart is not None:
        options.chart.write_text(chart(run), "utf-8")
    if options.write_docs:
        Documents().write(run)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the benchmark.

    :returns: the exit status: 1 where our own server has failed, 2 where nothing can be measured.
    """
    options = parse(arguments)
    try:
        run = from_json(options.again.read_text("utf-8")) if options.again else measure(options)
        show(options, run)
    except (Unsuitable, ValueError, OSError) as error:
        _say(f"benchmarks: {error}")
        return 2
    failed = OURS in run.absent or any(result.absent.get(OURS) for result in run.cases)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
