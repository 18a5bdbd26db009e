# -*- test-case-name: tests.test_benchmarks_results -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What was measured, and the statistics over its rounds.

A ratio is taken within each round, where both servers had the same minute of the machine, and only then is the median
of the rounds taken.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .machine import Machine

__all__ = ["OURS", "CaseResult", "Measured", "Run", "Spread", "from_json", "ratio", "spread", "to_json"]

#: The name of our server among the peers.
OURS = "ftpserver"


@dataclass(frozen=True, slots=True)
class Measured:
    """
    One round of one case at one server.

    :ivar figure: what the case is about: CPU seconds for each unit, unless its label says otherwise.
    :ivar units: how many units of work were done.
    :ivar wall: seconds that they took.
    :ivar extra: further figures by their labels.
    """

    figure: float
    units: float
    wall: float
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle one of several values, and how far they lie apart."""

    median: float
    lowest: float
    highest: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Spread | None:
    """
    Return how many times ours theirs is, round by round.

    :returns: ``None`` where a value is not positive, and a ratio would mean nothing.
    """
    pairs = list(zip(theirs, ours, strict=True))
    if not pairs or any(min(pair) <= 0 for pair in pairs):
        return None
    return spread([one / other for one, other in pairs])


@dataclass(slots=True)
class CaseResult:
    """
    One case at every server.

    :ivar name: of the case.
    :ivar title: the same for people.
    :ivar figure: label of the figure.
    :ivar unit: what is counted.
    :ivar compares: whether a ratio of two figures means something.
    :ivar rounds: by server, as many for each.
    :ivar absent: by server, why there is nothing.
    """

    name: str
    title: str
    figure: str
    unit: str
    compares: bool
    rounds: dict[str, list[Measured]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def figures(self, server: str) -> list[float]:
        """Return the figure of each round of one server."""
        return [measured.figure for measured in self.rounds.get(server, ())]

    def ratio(self, server: str) -> Spread | None:
        """Return what a server costs where ours costs 1; ``None`` without one of the two."""
        theirs, ours = self.figures(server), self.figures(OURS)
        return ratio(theirs, ours) if self.compares and theirs and ours else None

    def extra(self) -> list[str]:
        """Return the labels of all further figures."""
        labels = (label for rounds in self.rounds.values() for one in rounds for label in one.extra)
        return list(dict.fromkeys(labels))


@dataclass(slots=True)
class Run:
    """
    Everything of one run.

    :ivar versions: of each server that took part, by name.
    :ivar absent: of each that did not, why.
    :ivar count: rounds.
    :ivar work: of one round, in words.
    """

    machine: Machine
    versions: dict[str, str]
    absent: dict[str, str]
    count: int
    work: str
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def servers(self) -> list[str]:
        """The servers that took part, ours first."""
        return sorted(self.versions, key=lambda name: name != OURS)

    @property
    def medians(self) -> str:
        """How the figures of tables were come by."""
        return f"medians of {self.count} rounds" if self.count > 1 else "one round"


def to_json(run: Run) -> str:
    """Return a run as text that :func:`from_json` understands."""
    return json.dumps(asdict(run), indent=1) + "\n"


def from_json(text: str) -> Run:
    """
    Return the run that a text holds.

    :raises ValueError: if it holds none.
    """
    try:
        value = json.loads(text)
        return Run(
            Machine(**value["machine"]),
            value["versions"],
            value["absent"],
            value["count"],
            value["work"],
            [_case(one) for one in value["cases"]],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not what --json writes: {error!r}") from error


def _case(value: dict[str, Any]) -> CaseResult:
    rounds = {server: [Measured(**one) for one in measured] for server, measured in value["rounds"].items()}
    return CaseResult(**{**value, "rounds": rounds})
