# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the commands that the README promises, and of the scripts that run them for ``.ci/run``.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent


def script(name: str) -> dict[str, Any]:
    """Return the names of a script of ``.ci``."""
    return runpy.run_path(str(ROOT / ".ci" / name))


class ReadmeCommandTests(SynchronousTestCase):
    """Tests of the commands in the README."""

    def setUp(self) -> None:
        self.readme_command = script("readme_command.py")["readme_command"]
        self.text = (ROOT / "README.rst").read_text("utf-8")

    def test_one_command_starts_a_server(self) -> None:
        """One line installs the server and starts it, with no configuration."""
        command = self.readme_command("start", self.text)
        self.assertTrue(command.startswith("python3 -m venv .venv && .venv/bin/pip install . && "), command)
        self.assertTrue(command.endswith("/twistd -n ftpserver"), command)

    def test_one_command_runs_the_tests(self) -> None:
        """One line installs what the tests need and runs them with every warning an error."""
        command = self.readme_command("test", self.text)
        self.assertIn("pip install '.[test]'", command)
        self.assertTrue(command.endswith("python -W error -m twisted.trial tests"), command)

    def test_they_stand_on_the_first_screen(self) -> None:
        """Both are found without scrolling far."""
        first_screen = "".join(self.text.splitlines(keepends=True)[:30])
        for name in ("start", "test"):
            self.assertIn(self.readme_command(name, self.text), first_screen)

    def test_two_lines_are_no_command(self) -> None:
        """CI does not guess which of two lines it should run."""
        text = self.text.replace("   python3 -m venv", "   true\n   python3 -m venv")
        self.assertRaises(ValueError, self.readme_command, "start", text)


class SummaryTests(SynchronousTestCase):
    """Tests of the last line of ``.ci/run``."""

    def summary(self, text: str) -> tuple[int, int, int]:
        counts: tuple[int, int, int] = script("trial_summary.py")["trial_summary"](text)
        return counts

    def test_a_run_that_passed(self) -> None:
        """The number of passed tests is that of trial."""
        self.assertEqual(self.summary("Ran 2 tests in 0.1s\n\nPASSED (successes=2)\n"), (2, 0, 0))

    def test_skips_are_counted(self) -> None:
        """A test that was skipped, or was expected to fail, did not pass."""
        text = "Ran 5 tests in 0.1s\n\nPASSED (skips=1, expectedFailures=1, successes=3)\n"
        self.assertEqual(self.summary(text), (3, 0, 2))

    def test_what_does_not_apply_is_told_apart(self) -> None:
        """Only skips whose reason says that the test does not apply are no skips in CI."""
        text = (
            "=====\n[SKIPPED]\ndoes not apply: this store has no links\n\ntests.test_a.ATests.test_x\n"
            "tests.test_b.BTests.test_x\n=====\n[SKIPPED]\nlftp is missing\n\ntests.test_c.CTests.test_y\n-----\n"
        )
        self.assertEqual(script("trial_summary.py")["not_applicable"](text), 2)

    def test_failures_are_counted(self) -> None:
        """Failures and errors are both failures."""
        text = "Ran 9 tests in 0.1s\n\nFAILED (failures=2, errors=1, successes=6)\n"
        self.assertEqual(self.summary(text), (6, 3, 0))

    def test_no_summary_is_no_success(self) -> None:
        """A run that died before its end is not taken for one that passed."""
        self.assertRaises(ValueError, self.summary, "tests.test_x ... [OK]\n")
