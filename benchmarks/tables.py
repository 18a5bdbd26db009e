# -*- test-case-name: tests.test_benchmarks_tables -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tables of what was measured, as plain text, Markdown or reStructuredText.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .results import OURS, CaseResult, Run, Spread, spread

__all__ = ["FORMATS", "case_rows", "missing", "number", "overview_rows", "report"]

Rows = Sequence[Sequence[str]]


def number(value: float) -> str:
    """Return a number with the three digits that count, and without an exponent."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(digits, 0), 6)}f}"


def _range(values: Spread) -> str:
    return f"{number(values.lowest)} - {number(values.highest)}"


def case_rows(result: CaseResult) -> list[list[str]]:
    """Return the table of one case: its head, and a row for each server."""
    labels = result.extra()
    head = ["Server", result.figure, "(min - max)", "times ours", "(min - max)", f"wall s per {result.unit}", *labels]
    if not result.compares:
        del head[3:5]
    return [head, *(_row(result, server, labels) for server in result.rounds)]


def _row(result: CaseResult, server: str, labels: Sequence[str]) -> list[str]:
    rounds = result.rounds[server]
    figures = spread(result.figures(server))
    cells = [server, number(figures.median), _range(figures)]
    if result.compares:
        times = result.ratio(server)
        cells += [number(times.median), _range(times)] if times else ["", ""]
    cells.append(number(spread([one.wall / one.units for one in rounds]).median))
    for label in labels:
        values = [one.extra[label] for one in rounds if label in one.extra]
        cells.append(number(spread(values).median) if values else "")
    return cells


def overview_rows(run: Run) -> list[list[str]]:
    """
    Return a table of ratios: a row for each case, a column for each server.

    Ours has its figure instead, which is what 1 stands for.
    """
    others = [server for server in run.servers if server != OURS]
    rows = [["Case", OURS, *others]]
    for result in run.cases:
        ours = result.figures(OURS)
        mine = f"{number(spread(ours).median)} {result.figure}" if ours else ""
        rows.append([result.title, mine, *(_cell(result, server) for server in others)])
    return rows


def _cell(result: CaseResult, server: str) -> str:
    if not result.compares:
        figures = result.figures(server)
        return number(spread(figures).median) if figures else ""
    times = result.ratio(server)
    return f"{number(times.median)} x" if times else ""


def _widths(rows: Rows) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _text(rows: Rows) -> str:
    widths = _widths(rows)
    head, *body = (_line(row, widths) for row in rows)
    return "\n".join([head, "-" * len(head), *body]) + "\n"


def _markdown(rows: Rows) -> str:
    widths = _widths(rows)
    rule = ["-" * width for width in widths]
    lines = [rows[0], rule, *rows[1:]]
    return "".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |\n" for row in lines
    )


def _rst(rows: Rows) -> str:
    widths = _widths(rows)
    rule = _line(["=" * width for width in widths], widths)
    head, *body = (_line(row, widths) for row in rows)
    return "\n".join([rule, head, rule, *body, rule]) + "\n"


#: What makes a table out of rows of equal length, the first of which is the head.
FORMATS: dict[str, Callable[[Rows], str]] = {"text": _text, "markdown": _markdown, "rst": _rst}


def _title(text: str, format: str) -> str:
    if format == "markdown":
        return f"### {text}\n"
    return f"{text}\n{'~' * len(text)}\n" if format == "rst" else f"== {text}\n"


def missing(absent: dict[str, str]) -> list[str]:
    """Return a line for each server that was left out."""
    return [f"Without {server}: {reason.rstrip('.')}." for server, reason in absent.items()]


def report(run: Run, format: str = "text") -> str:
    """Return everything of a run: a table for each case, and the ratios of all."""
    table = FORMATS[format]
    versions = ", ".join(f"{server} {run.versions[server]}" for server in run.servers)
    parts = [
        f"{run.machine.sentence}.\n\n{versions}.\n\nOne round: {run.work}; {run.medians}.\n",
        "\n\n".join(missing(run.absent)),
    ]
    for result in run.cases:
        parts += [_title(f"{result.title} ({result.name})", format)]
        parts += [table(case_rows(result)) if result.rounds else "", "\n\n".join(missing(result.absent))]
    parts += [_title("How many times as much as ours", format), table(overview_rows(run))]
    return "\n".join(part for part in parts if part)
