# -*- test-case-name: tests.test_benchmarks_chart -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The picture: what each case costs at each server, where ours is 1.

The scale is logarithmic, so that half as much and twice as much look alike. It is SVG that needs no other program, and
brings its own background, so that it can be read on a light page and on a dark one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from .results import OURS, CaseResult, Run, Spread
from .tables import number

__all__ = ["Scale", "chart", "ticks"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 230, 64, 104, 40
BAR, GAP = 9, 16

#: One colour a server in every chart, told apart by the colour-blind, too.
_COLOURS = {
    "pyftpdlib": "#4477aa",
    "aioftp": "#ee6677",
    "twisted": "#228833",
    "vsftpd": "#ccbb44",
    "proftpd": "#66bbdd",
    "pure-ftpd": "#aa3377",
}
_OTHER = "#999999"

_STYLE = """\
.page { fill: #ffffff } .rule { stroke: #dddddd } .ours { stroke: #222222; stroke-width: 1.5 }
text { fill: #222222 } .quiet { fill: #666666 } .range { stroke: #222222; stroke-opacity: 0.55 }
@media (prefers-color-scheme: dark) {
.page { fill: #161b22 } .rule { stroke: #30363d } .ours { stroke: #e6edf3 }
text { fill: #e6edf3 } .quiet { fill: #9da7b3 } .range { stroke: #e6edf3 }
}"""


def ticks(lowest: float, highest: float) -> list[float]:
    """Return the numbers 1, 2 and 5 of each decade from the last below *lowest* to the first above *highest*."""
    exponents = range(math.floor(math.log10(lowest)) - 1, math.ceil(math.log10(highest)) + 2)
    steps = [step * 10.0**exponent for exponent in exponents for step in (1, 2, 5)]
    first = max(step for step in steps if step <= lowest)
    last = min(step for step in steps if step >= highest)
    return [step for step in steps if first <= step <= last]


@dataclass(frozen=True, slots=True)
class Scale:
    """
    Where a ratio stands.

    :ivar lowest: the ratio at the left end.
    :ivar highest: the ratio at the right end.
    """

    lowest: float
    highest: float

    def __call__(self, value: float) -> float:
        """Return how far from the left a ratio is drawn."""
        share = math.log(value / self.lowest) / math.log(self.highest / self.lowest)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _shown(run: Run) -> list[tuple[CaseResult, dict[str, Spread]]]:
    """Return the cases that have ratios, with the ratio of each server."""
    found = []
    for result in run.cases:
        ratios = {server: result.ratio(server) for server in run.servers if server != OURS}
        known = {server: times for server, times in ratios.items() if times is not None}
        if known:
            found.append((result, known))
    return found


def chart(run: Run) -> str:
    """
    Return the picture of a run.

    :raises ValueError: if there is no other server to compare with.
    """
    shown = _shown(run)
    if not shown:
        raise ValueError("there is no ratio to draw: no server beside ours was measured")
    times = [times for _, ratios in shown for times in ratios.values()]
    marks = ticks(min([1.0, *(each.lowest for each in times)]), max([2.0, *(each.highest for each in times)]))
    scale = Scale(marks[0], marks[-1])
    height = TOP + BOTTOM + sum(len(ratios) * BAR + GAP for _, ratios in shown)
    servers = [server for server in run.servers if any(server in ratios for _, ratios in shown)]
    parts = [*_head(run, servers, height), *_grid(scale, marks, height)]
    y = TOP + GAP // 2
    for result, ratios in shown:
        parts += _group(result, ratios, scale, y)
        y += len(ratios) * BAR + GAP
    return "\n".join([*parts, "</svg>", ""])


def _head(run: Run, servers: Iterable[str], height: int) -> Iterator[str]:
    title = "What each server costs, where ftpserver is 1"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{title}" font-family="sans-serif" font-size="12">'
    )
    yield f"<title>{title}</title>\n<style>\n{_STYLE}\n</style>"
    yield '<rect class="page" width="100%" height="100%" rx="6"/>'
    yield f'<text x="16" y="26" font-size="16" font-weight="bold">{title}</text>'
    legend = "CPU time for the same work (memory, waiting time where it says so); longer to the right is dearer"
    yield f'<text class="quiet" x="16" y="45">{legend}</text>'
    x = 16
    for server in servers:
        label = f"{server} {run.versions[server]}"
        yield f'<rect x="{x}" y="58" width="10" height="10" fill="{_COLOURS.get(server, _OTHER)}"/>'
        yield f'<text x="{x + 15}" y="67">{escape(label)}</text>'
        x += 32 + 7 * len(label)
    yield f'<text class="quiet" x="16" y="{height - 10}" font-size="10">{escape(run.machine.sentence)}</text>'


def _grid(scale: Scale, marks: Iterable[float], height: int) -> Iterator[str]:
    for mark in marks:
        x = scale(mark)
        kind = "ours" if mark == 1 else "rule"
        yield f'<line class="{kind}" x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{height - BOTTOM + 6}"/>'
        yield f'<text class="quiet" x="{x}" y="{TOP - 11}" text-anchor="middle" font-size="11">{mark:g} x</text>'


def _group(result: CaseResult, ratios: dict[str, Spread], scale: Scale, y: int) -> Iterator[str]:
    middle = y + len(ratios) * BAR / 2 + 4
    yield f'<text x="{LEFT - 28}" y="{middle}" text-anchor="end">{escape(result.title)}</text>'
    for place, (server, times) in enumerate(ratios.items()):
        yield from _bar(server, result.title, times, scale, y + place * BAR)


def _bar(server: str, title: str, times: Spread, scale: Scale, y: int) -> Iterator[str]:
    start, end = sorted((scale(1), scale(times.median)))
    middle = y + (BAR - 1) / 2
    low, high = scale(times.lowest), scale(times.highest)
    words = escape(f"{title}, {server}: {number(times.median)} ({number(times.lowest)} - {number(times.highest)})")
    yield (
        f'<rect x="{start}" y="{y}" width="{round(end - start, 1)}" height="{BAR - 1}" '
        f'fill="{_COLOURS.get(server, _OTHER)}"><title>{words}</title></rect>'
    )
    yield f'<line class="range" x1="{low}" y1="{middle}" x2="{high}" y2="{middle}"/>'
    x, anchor = (max(end, high) + 4, "start") if times.median >= 1 else (min(start, low) - 4, "end")
    label = number(times.median)
    yield f'<text x="{round(x, 1)}" y="{y + BAR - 1}" text-anchor="{anchor}" font-size="9">{label}</text>'
