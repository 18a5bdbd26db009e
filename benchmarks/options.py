# -*- test-case-name: tests.test_benchmarks_options -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The command line of the benchmark.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .amounts import QUICK, Amounts, parse_size
from .cases import CASES
from .machine import choose_processors, siblings
from .peers import PEERS, Given
from .results import OURS
from .tables import FORMATS

__all__ = ["Options", "parse"]


@dataclass(frozen=True, slots=True)
class Options:
    """
    What the user wants.

    :ivar cases: names, in order.
    :ivar peers: names of servers, ours among them.
    :ivar given: where servers are.
    :ivar amounts: of work.
    :ivar rounds: how often.
    :ivar processors: of the server and of the load.
    :ivar format: of the tables.
    :ivar json: a file for every figure.
    :ivar chart: a file for the picture.
    :ivar again: a file that an earlier run has written, to be shown anew.
    :ivar write_docs: whether the documentation gets the figures.
    """

    cases: list[str]
    peers: list[str]
    given: Given
    amounts: Amounts
    rounds: int
    processors: tuple[int, int]
    format: str
    json: Path | None
    chart: Path | None
    again: Path | None
    write_docs: bool


def _names(text: str, known: Iterable[str]) -> list[str]:
    """Return those that a list with commas names, in the order of the list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'}; there are {', '.join(known)}")
    return names


def _cases(text: str) -> list[str]:
    return _names(text, CASES)


def _peers(text: str) -> list[str]:
    return list(dict.fromkeys([OURS, *_names(text, PEERS)]))


def _place(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if name not in PEERS or not equals or not path:
        raise argparse.ArgumentTypeError(f"NAME=PATH, with a name out of {', '.join(PEERS)}")
    # Not resolved: the interpreter of a virtual environment is a link that must not be followed.
    return name, Path(path).absolute()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _processors(text: str) -> tuple[int, int]:
    server, load = (int(number) for number in text.split(","))
    return server, load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure FTP servers side by side: CPU time for each unit of work, where this server's is 1. "
        "Servers that are not there are left out; nothing is installed.",
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument("--cases", type=_cases, default=list(CASES), help=f"some of {', '.join(CASES)} (default: all)")
    what.add_argument("--peers", type=_peers, default=list(PEERS), help=f"some of {', '.join(PEERS)} (default: all)")
    what.add_argument("--rounds", type=_positive, default=5, help="how often, in turns (default: %(default)s)")
    what.add_argument("--size", type=parse_size, metavar="512MiB", help="of large files; the others in proportion")
    what.add_argument("--quick", action="store_true", help="so little work that figures mean nothing, to try it out")
    what.add_argument("--processors", type=_processors, metavar="SERVER,LOAD", help="numbers (default: two cores)")
    where = parser.add_argument_group("where servers are")
    for name, text in (("--python", "an interpreter that has the package"), ("--server", "a program")):
        where.add_argument(name, type=_place, action="append", default=[], metavar="NAME=PATH", help=text)
    _add_output(parser.add_argument_group("what is written"))
    return parser


def _add_output(group: argparse._ArgumentGroup) -> None:
    formats = group.add_mutually_exclusive_group()
    for name in FORMATS:
        text = f"tables as {name}" + (" (default)" if name == "text" else "")
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, default="text", help=text)
    group.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round")
    group.add_argument("--chart", type=Path, metavar="FILE", help="draw the ratios, as SVG")
    group.add_argument("--write-docs", action="store_true", help="write figures and chart into README and docs")
    group.add_argument("--again", type=Path, metavar="FILE", help="measure nothing; show what --json has written")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """
    Read the command line.

    :param arguments: without the name of the command; by default those of the process.
    :raises SystemExit: on one that is wrong, and after ``--help``.
    """
    parser = _parser()
    words = parser.parse_args(arguments)
    if words.quick and words.write_docs:
        parser.error("figures of --quick mean nothing, and do not belong into the documentation")
    amounts = QUICK if words.quick else Amounts()
    allowed = os.sched_getaffinity(0)
    processors = words.processors
    if processors is None and len(allowed) > 1:
        processors = choose_processors(allowed, {number: siblings(number) for number in allowed})
    return Options(
        cases=words.cases,
        peers=words.peers,
        given=Given(dict(words.python), dict(words.server)),
        amounts=amounts.sized(words.size) if words.size else replace(amounts),
        rounds=words.rounds,
        processors=processors or (0, 0),
        format=words.format,
        json=words.json,
        chart=words.chart,
        again=words.again,
        write_docs=words.write_docs,
    )
