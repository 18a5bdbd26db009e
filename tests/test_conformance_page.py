# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests that registry, conformance tests and the page in the documentation agree.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .integration.conformance import (
    HOLDS,
    holds,
    main,
    outcomes_of_page,
    outcomes_of_run,
    render,
    test_modules,
    tests_by_requirement,
)
from .integration.requirements import REQUIREMENTS, SECTIONS

PAGE = Path(__file__).parents[1] / "docs" / "conformance.rst"


class RegistryTests(SynchronousTestCase):
    """The registry and the tests."""

    def test_every_requirement_is_tested(self) -> None:
        """Each requirement that applies has a test, and none that does not apply has one."""
        for identifier, tests in tests_by_requirement().items():
            self.assertEqual(bool(tests), not REQUIREMENTS[identifier].later, identifier)

    def test_identifiers_are_numbered_without_gaps(self) -> None:
        """Each section counts from 1."""
        for letter in SECTIONS:
            numbers = [int(identifier[1:]) for identifier in REQUIREMENTS if identifier[0] == letter]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), letter)

    def test_a_test_names_requirements_that_apply(self) -> None:
        """A mark with an unknown identifier, or one that comes later, is refused."""
        for identifier in ("Z99", "T27"):
            self.assertRaises(KeyError, holds, identifier)

    def test_there_are_conformance_tests(self) -> None:
        """The modules are found by their names."""
        self.assertIn("tests.integration.test_conformance_login", test_modules())


class PageTests(SynchronousTestCase):
    """docs/conformance.rst."""

    def test_the_page_is_that_of_the_registry(self) -> None:
        """Every requirement, with its source and its tests, is on the page as the registry has it."""
        page = PAGE.read_text(encoding="utf-8")
        self.assertEqual(render(outcomes_of_page(page)), page)

    def test_the_page_tells_an_outcome_of_every_requirement(self) -> None:
        """Each line holds, does not hold for a reason, or says why it does not apply or could not be tried."""
        outcomes = outcomes_of_page(PAGE.read_text(encoding="utf-8"))
        self.assertEqual(list(outcomes), list(REQUIREMENTS))
        for identifier, outcome in outcomes.items():
            is_told = outcome == HOLDS or outcome.startswith(("does not hold: ", "not yet: ", "not tested here: "))
            self.assertTrue(is_told, f"{identifier}: {outcome}")


class OutcomeTests(SynchronousTestCase):
    """From the lines that the tests write to the page."""

    def results(self, *outcomes: str) -> list[str]:
        """Return lines for the tests of F24, which has two."""
        tests = tests_by_requirement()["F24"]
        self.assertEqual(len(tests), len(outcomes))
        return [f'{{"test": "{test}", "outcome": "{one}"}}' for test, one in zip(tests, outcomes, strict=True)]

    def outcome(self, *outcomes: str) -> str:
        """Return what those tests show together."""
        return outcomes_of_run(self.results(*outcomes))["F24"]

    def test_a_test_that_went_wrong_decides(self) -> None:
        """A requirement holds when all of its tests say so; one that could not run takes nothing away."""
        cases: Sequence[tuple[tuple[str, str], str]] = (
            ((HOLDS, HOLDS), HOLDS),
            ((HOLDS, "does not hold: x"), "does not hold: x"),
            (("not tested here: y", "does not hold: x"), "does not hold: x"),
            ((HOLDS, "not tested here: y"), HOLDS),
            (("not tested here: y", "not tested here: y"), "not tested here: y"),
            ((HOLDS, "not run"), "not run"),
        )
        for outcomes, expected in cases:
            self.assertEqual(self.outcome(*outcomes), expected)
            self.assertEqual(self.outcome(*reversed(outcomes)), expected)

    def test_the_page_is_made_from_the_results(self) -> None:
        """The outcomes are on the page, word by word, and what does not hold is counted."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        results, page = Path(directory.name, "results"), Path(directory.name, "page")
        results.write_text("\n".join(self.results(HOLDS, "does not hold: *x* `y` |z| a_b")), encoding="utf-8")
        self.assertEqual(main(str(results), str(page)), 1)
        outcomes = outcomes_of_page(page.read_text(encoding="utf-8"))
        self.assertEqual(outcomes["F24"], "does not hold: *x* `y` |z| a_b")
        self.assertEqual(outcomes["C01"], "not run")
