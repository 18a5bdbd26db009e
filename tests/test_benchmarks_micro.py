# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the measuring of single functions.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.micro.__main__ import duration, main
from benchmarks.micro.runner import Subject, calibrate, measure
from benchmarks.micro.subjects import SUBJECTS


class RunnerTests(SynchronousTestCase):
    """Loops that are long enough."""

    def test_a_loop_is_made_longer_until_it_takes_long_enough(self) -> None:
        """A clock that ticks once a pass shows how long it gets."""
        passed: list[float] = [0.0]

        def loop(count: int) -> None:
            passed[0] += count

        self.assertEqual(calibrate(loop, 100.0, lambda: passed[0]), 128)

    def test_each_run_is_a_loop_of_its_own(self) -> None:
        """The same number of passes each time, after those that found it out."""
        counts: list[int] = []

        def loop(count: int) -> None:
            counts.append(count)
            sum(range(count * 1000))

        measured = measure(Subject("name", "title", lambda: loop), 3, 0.001)
        self.assertEqual(counts[-3:], [counts[-1]] * 3)
        self.assertTrue(0 < measured.lowest <= measured.median <= measured.highest)


class SubjectTests(SynchronousTestCase):
    """What is measured."""

    def test_every_subject_can_be_done(self) -> None:
        """Each sets itself up and goes round, once and several times."""
        for subject in SUBJECTS.values():
            loop = subject.make()
            loop(1)
            loop(3)


class CommandTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        self.output, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def test_times_are_shown_and_kept(self) -> None:
        """A table for people, seconds for programs."""
        file = Path(self.mktemp())
        self.assertEqual(main(["pasv", "port", "--runs", "2", "--least", "0.0001", "--json", str(file)]), 0)
        self.assertIn("The argument of PORT, read", self.output.getvalue())
        self.assertEqual(list(json.loads(file.read_text())), ["pasv", "port"])

    def test_an_unknown_name_is_refused(self) -> None:
        """The command says which."""
        self.assertRaises(SystemExit, main, ["nothing"])
        self.assertIn("there is no nothing", self.errors.getvalue())
        self.assertRaises(SystemExit, main, ["pasv", "--runs", "0"])

    def test_times_have_the_unit_that_suits_them(self) -> None:
        """Nobody counts zeros."""
        self.assertEqual(
            [duration(seconds) for seconds in (1.5e-7, 1.5e-5, 1.5e-2, 15.0)],
            ["150 ns", "15.0 us", "15.0 ms", "15.0 s"],
        )
