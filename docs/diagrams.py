# -*- test-case-name: tests.test_docs -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Drawings of the tables of the session, as SVG.

Each state is a column, each row of the table one arrow on a line of its own: nothing can overlap, whatever the table
holds, and no other program is needed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

__all__ = ["diagram"]

COLUMN, LINE, HEAD, MARGIN = 210, 36, 64, 24

_START = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 role="img" aria-label="{title}" font-family="sans-serif" font-size="13">
<title>{title}</title>
<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 L10 5 L0 10 z" fill="#333"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>"""


def diagram(name: str, table: Mapping[tuple[Any, Any], enum.Enum]) -> str:
    """
    Return the drawing of one machine.

    :param name: of the machine.
    :param table: as in :data:`ftpserver.core.session.TABLES`.
    """
    states = list(dict.fromkeys(state for (source, _), target in table.items() for state in (source, target)))
    places = {state: MARGIN + COLUMN // 2 + COLUMN * number for number, state in enumerate(states)}
    bottom = HEAD + LINE * len(table) + MARGIN
    parts = [
        _START.format(
            width=2 * MARGIN + COLUMN * len(states), height=bottom + MARGIN, title=escape(f"machine: {name}")
        ),
        *(part for state, x in places.items() for part in _column(state, x, bottom)),
    ]
    for number, ((source, happening), target) in enumerate(table.items()):
        y = HEAD + LINE * (number + 1)
        parts.extend(_arrow(places[source], places[target], y, str(happening.value)))
    return "\n".join([*parts, "</svg>", ""])


def _column(state: enum.Enum, x: int, bottom: int) -> Iterable[str]:
    yield f'<line x1="{x}" y1="{HEAD - 14}" x2="{x}" y2="{bottom}" stroke="#bbb"/>'
    left = x - COLUMN // 2 + 10
    yield f'<rect x="{left}" y="16" width="{COLUMN - 20}" height="34" rx="6" fill="#eef3fa" stroke="#456"/>'
    yield f'<text x="{x}" y="38" text-anchor="middle" font-weight="bold">{escape(str(state.value))}</text>'


def _arrow(start: int, end: int, y: int, label: str) -> Iterable[str]:
    stroke = 'fill="none" stroke="#333" stroke-width="1.3" marker-end="url(#arrow)"'
    if start == end:
        yield f'<path d="M{start} {y - 8} h28 v14 h-26" {stroke}/>'
        # On the left of its line: right of the last one the drawing ends.
        yield f'<text x="{start - 6}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
        return
    gap = 2 if end > start else -2
    yield f'<path d="M{start} {y} L{end - gap} {y}" {stroke}/>'
    yield f'<text x="{(start + end) // 2}" y="{y - 5}" text-anchor="middle">{escape(label)}</text>'
