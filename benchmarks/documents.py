# -*- test-case-name: tests.test_benchmarks_documents -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Figures and picture in the documentation, and the table in the README.

All of it is made from the file of one run, which is kept beside it, so that a test can tell whether they agree.
"""

from __future__ import annotations

from pathlib import Path

from .chart import chart
from .results import Run, from_json, to_json
from .tables import FORMATS, case_rows, overview_rows

__all__ = ["Documents", "figures", "readme"]

_CHECKOUT = Path(__file__).parents[1]

#: Between these lines of the README stands what :func:`readme` returns.
BEGIN, END = ".. speed: begin (python -m benchmarks --write-docs)", ".. speed: end"

_PICTURE = """\
.. image:: {path}speed.svg
   :alt: CPU time for the same work of each server, where ftpserver is 1
"""


def _versions(run: Run) -> str:
    return ", ".join(f"{server} {run.versions[server]}" for server in run.servers)


def _origin(run: Run) -> str:
    return (
        f"Measured on {run.machine.date}: {run.machine.processor}, {run.machine.processors} processors, "
        f"{run.machine.kernel}, Python {run.machine.python}, Twisted {run.machine.twisted}, "
        f"{run.machine.openssl}. Versions: {_versions(run)}. One round: {run.work}; the figures are {run.medians}."
    )


def _missing(absent: dict[str, str]) -> list[str]:
    # Reasons are what programs have said, and no markup.
    return [f"Without {server}: ``{reason}``\n" for server, reason in absent.items()]


def readme(run: Run) -> str:
    """Return what the README holds: the picture, where it comes from, and the ratios."""
    picture = _PICTURE.format(path="docs/explanation/")
    return f"{picture}\n{_origin(run)}\n\n{FORMATS['rst'](overview_rows(run))}"


def figures(run: Run) -> str:
    """Return what the page of the documentation includes: the ratios, and a table for each case."""
    parts = [_PICTURE.format(path=""), _origin(run), "", FORMATS["rst"](overview_rows(run))]
    parts += _missing(run.absent)
    for result in run.cases:
        parts.append(f"{result.title}\n{'~' * len(result.title)}\n\n``--cases {result.name}``\n")
        if result.rounds:
            parts.append(FORMATS["rst"](case_rows(result)))
        parts += _missing(result.absent)
    return "\n".join(parts)


class Documents:
    """
    The files of one checkout that hold figures.

    :param checkout: where it is.
    """

    def __init__(self, checkout: Path = _CHECKOUT) -> None:
        explanation = checkout / "docs" / "explanation"
        self.run = explanation / "speed.json"
        self.chart = explanation / "speed.svg"
        self.figures = explanation / "speed.inc"
        self.readme = checkout / "README.rst"

    def write(self, run: Run) -> None:
        """Bring all of them up to date."""
        self.run.write_text(to_json(run), "utf-8")
        self.chart.write_text(chart(run), "utf-8")
        self.figures.write_text(figures(run), "utf-8")
        text = self.readme.read_text("utf-8")
        if BEGIN in text:
            before, _, rest = text.partition(BEGIN)
            _, _, after = rest.partition(END)
            self.readme.write_text(f"{before}{BEGIN}\n\n{readme(run)}\n{END}{after}", "utf-8")

    def stale(self) -> list[Path]:
        """Return the files that are not what the run beside them says."""
        run = from_json(self.run.read_text("utf-8"))
        _, begin, rest = self.readme.read_text("utf-8").partition(BEGIN)
        expected = [(self.chart, self.chart.read_text("utf-8"), chart(run))]
        expected.append((self.figures, self.figures.read_text("utf-8"), figures(run)))
        if begin:
            expected.append((self.readme, rest.partition(END)[0].strip(), readme(run).strip()))
        return [path for path, there, wanted in expected if there != wanted]
