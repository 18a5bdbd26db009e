# -*- test-case-name: tests.test_benchmarks_micro -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``python -m benchmarks.micro``: measure single functions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..results import Spread
from ..tables import FORMATS, number
from .runner import LEAST, measure
from .subjects import SUBJECTS

__all__ = ["duration", "main"]


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds)} s"


def _rows(measured: dict[str, Spread]) -> list[list[str]]:
    rows = [["Name", "CPU time", "(min - max)", "What"]]
    for name, each in measured.items():
        between = f"{duration(each.lowest)} - {duration(each.highest)}"
        rows.append([name, duration(each.median), between, SUBJECTS[name].title])
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description="Measure single functions.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(SUBJECTS)} (default: all)")
    parser.add_argument("--runs", type=int, default=15, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--least", type=float, default=LEAST, help="seconds of each of them (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the seconds of each")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Measure what the command line names.

    :returns: the exit status.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SUBJECTS]
    if unknown or options.runs < 1:
        parser.error(f"there is no {', '.join(unknown)}" if unknown else "--runs is 1 at least")
    measured = {name: measure(SUBJECTS[name], options.runs, options.least) for name in options.names or SUBJECTS}
    sys.stdout.write(FORMATS["text"](_rows(measured)))
    if options.json is not None:
        options.json.write_text(json.dumps({name: asdict(each) for name, each in measured.items()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
