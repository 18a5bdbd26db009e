# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the standards oblige to, what is tested of it, and the page that tells.

Run the conformance tests with ``FTPSERVER_CONFORMANCE`` naming a file, and each test appends its outcome there as one
line of JSON. The page is made from that::

    python -m tests.integration.conformance RESULTS docs/conformance.rst
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from twisted.trial.itrial import IReporter
from zope.interface import directlyProvides

from .harness import ServerTestCase
from .requirements import REQUIREMENTS, SECTIONS, Requirement

__all__ = ["ConformanceTestCase", "holds", "outcomes_of_page", "render", "tests_by_requirement"]

ENVIRONMENT = "FTPSERVER_CONFORMANCE"

HOLDS = "holds"

Test = TypeVar("Test", bound=Callable[..., Any])


def holds(*identifiers: str) -> Callable[[Test], Test]:
    """
    Note which requirements a test shows to hold.

    :raises KeyError: on one that is not in the registry, or does not apply yet.
    """
    for identifier in identifiers:
        if REQUIREMENTS[identifier].later:
            raise KeyError(f"{identifier} does not apply yet")

    def note(test: Test) -> Test:
        test.__dict__["holds"] = identifiers
        return test

    return note


class Recorder:
    """
    A reporter that notes the outcome of one test, and tells the real reporter everything.

    :ivar outcome: in words; :data:`HOLDS` unless something else was heard.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self.outcome = HOLDS
        directlyProvides(self, IReporter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reporter, name)

    def addFailure(self, test: Any, failure: Any) -> None:
        """Note that the requirement does not hold."""
        self.outcome = f"does not hold: {first_line(failure)}"
        self._reporter.addFailure(test, failure)

    def addError(self, test: Any, error: Any) -> None:
        """Note that the requirement could not be shown to hold."""
        self.outcome = f"does not hold: {first_line(error)}"
        self._reporter.addError(test, error)

    def addSkip(self, test: Any, reason: str) -> None:
        """Note that the test could not run here."""
        self.outcome = f"not tested here: {reason}"
        self._reporter.addSkip(test, reason)


def first_line(failure: Any) -> str:
    """Return what went wrong, in one line."""
    error = getattr(failure, "value", failure)
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class ConformanceTestCase(ServerTestCase):
    """A test case whose tests state what they show by :func:`holds`."""

    def run(self, result: Any = None) -> Any:
        """Run the test, and write down its outcome."""
        recorder = Recorder(IReporter(result, result))
        run: Any = super().run
        outcome = run(recorder)
        path = os.environ.get(ENVIRONMENT)
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"test": self.id(), "outcome": recorder.outcome}) + "\n")
        return outcome


# The tests of each requirement.


def test_modules() -> list[str]:
    """Return the names of the modules that hold conformance tests."""
    return sorted(f"{__package__}.{path.stem}" for path in Path(__file__).parent.glob("test_conformance_*.py"))


def tests_of(module: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name of each conformance test of *module* and the requirements that it is about."""
    for case in vars(module).values():
        if isinstance(case, type) and issubclass(case, ServerTestCase) and case.__module__ == module.__name__:
            for name, test in sorted(vars(case).items()):
                if name.startswith("test_"):
                    yield f"{module.__name__}.{case.__name__}.{name}", getattr(test, "holds", ())


def tests_by_requirement() -> dict[str, list[str]]:
    """Return the names of the tests of each requirement."""
    found: dict[str, list[str]] = {identifier: [] for identifier in REQUIREMENTS}
    for name in test_modules():
        for test, identifiers in tests_of(import_module(name)):
            for identifier in identifiers:
                found[identifier].append(test)
    return found


# The page.

_HEAD = """\
.. This page is made by the conformance tests: python -m tests.integration.conformance RESULTS docs/conformance.rst

Conformance
===========

What the standards oblige an FTP server to, and what the tests show of it. Each line has at least one test that talks to
a real server over real sockets; the tests are in ``tests/integration``. A number alone is an RFC with its section.
"""

_TABLE = """
.. list-table::
   :header-rows: 1
   :widths: 6 44 14 16 20

   * - ID
     - Requirement
     - Source
     - Outcome
     - Tests
"""


def render(outcomes: Mapping[str, str]) -> str:
    """
    Return the page.

    :param outcomes: by requirement.
    """
    tests = tests_by_requirement()
    parts = [_HEAD]
    for letter, title in SECTIONS.items():
        parts.append(f"\n{title}\n{'-' * len(title)}\n{_TABLE}")
        parts.extend(
            _row(one, outcomes.get(one.identifier, "not run"), tests[one.identifier])
            for one in REQUIREMENTS.values()
            if one.identifier.startswith(letter)
        )
    return "".join(parts)


def _row(requirement: Requirement, outcome: str, tests: Iterable[str]) -> str:
    shown = f"not yet: {requirement.later}" if requirement.later else outcome
    names = "; ".join(f"``{test.rsplit('.', 1)[1]}``" for test in tests)
    cells = [requirement.identifier, _escaped(requirement.text), requirement.source, _escaped(shown), names]
    return "   * - " + "\n     - ".join(cells).rstrip() + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def outcomes_of_page(page: str) -> dict[str, str]:
    """Return the outcomes that *page* tells."""
    rows = re.findall(r"^   \* - (\w\d\d)\n     - .*\n     - .*\n     - (.*)$", page, re.MULTILINE)
    return {identifier: re.sub(r"\\(.)", r"\1", outcome) for identifier, outcome in rows}


def outcomes_of_run(lines: Iterable[str]) -> dict[str, str]:
    """Return the outcome of each requirement out of the lines that the tests wrote; the last of a test counts."""
    by_test = {entry["test"]: entry["outcome"] for entry in map(json.loads, lines)}
    outcomes = {}
    for identifier, tests in tests_by_requirement().items():
        found = [by_test.get(test, "not run") for test in tests]
        outcomes[identifier] = _together(found)
    return outcomes


def _together(outcomes: Sequence[str]) -> str:
    """Return what several tests show: one that went wrong decides; one that could not run only where none did."""
    for outcome in outcomes:
        if outcome != HOLDS and not outcome.startswith("not tested"):
            return outcome
    return HOLDS if HOLDS in outcomes else outcomes[0] if outcomes else "not tested"


def main(results: str, page: str) -> int:
    """Make the page; return how many requirements do not hold."""
    with open(results, encoding="utf-8") as file:
        outcomes = outcomes_of_run(file)
    Path(page).write_text(render(outcomes), encoding="utf-8")
    return sum(outcome.startswith("does not hold") for outcome in outcomes.values())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
