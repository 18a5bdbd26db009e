# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`fuzzing`: the inputs that are kept, and the command that searches.
"""

from __future__ import annotations

import importlib.util
import io
from contextlib import redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from fuzzing import __main__ as command
from fuzzing.kept import CORPUS, inputs, keep, name_of
from fuzzing.targets import TARGETS, load

#: Octets of all inputs together: the repository is no place for more.
LARGEST_CORPUS = 1_000_000


class KeptInputsTests(SynchronousTestCase):
    """What was found once is tried again each time."""

    def test_every_input_is_taken(self) -> None:
        """No input that a search has found, a broken law of old among them, breaks a law now."""
        for target in TARGETS:
            check = load(target)
            for path, octets in inputs(target):
                try:
                    check(octets)
                except Exception as error:
                    raise AssertionError(f"{path.relative_to(CORPUS)}: {octets!r}") from error

    def test_every_target_has_some(self) -> None:
        """A search never begins with nothing."""
        for target in TARGETS:
            self.assertGreater(len(list(inputs(target))), 5, target)
        self.assertEqual({path.name for path in CORPUS.iterdir() if path.is_dir()}, set(TARGETS))

    def test_each_is_named_by_what_it_holds(self) -> None:
        """No input is there twice, and none was changed."""
        total = 0
        for target in TARGETS:
            for path, octets in inputs(target):
                self.assertEqual(path.name, name_of(octets), path)
                total += len(octets)
        self.assertLess(total, LARGEST_CORPUS)

    def test_keeping_an_input(self) -> None:
        """What breaks a law is kept where the next run of the tests finds it."""
        corpus = Path(self.mktemp())
        path = keep("lines", b"octets", corpus)
        self.assertEqual(list(inputs("lines", corpus)), [(path, b"octets")])
        self.assertEqual(path.name, name_of(b"octets"))


class TargetsTests(SynchronousTestCase):
    """What can be searched."""

    def test_a_target_that_is_none(self) -> None:
        """A name that is no target is refused with those that are."""
        error = self.assertRaises(ValueError, load, "os")
        self.assertIn("lines, addresses", str(error))

    def test_inputs_that_mean_nothing(self) -> None:
        """Octets that a target has no use for are taken."""
        for target in TARGETS:
            for octets in (b"", b"\0", b"QUIT", b"\xff" * 9):
                load(target)(octets)


class CommandTests(SynchronousTestCase):
    """``python -m fuzzing``."""

    def test_replaying(self) -> None:
        """Without atheris, the inputs that are kept can be replayed."""
        output = io.StringIO()
        with redirect_stdout(output):
            self.assertEqual(command.main(["addresses", "--replay"]), 0)
        self.assertEqual(len(output.getvalue().splitlines()), len(list(inputs("addresses"))))

    def test_without_atheris(self) -> None:
        """Where atheris is not there, the command says how to get it."""
        self.patch(importlib.util, "find_spec", lambda name: None)
        output = io.StringIO()
        with redirect_stdout(output):
            self.assertEqual(command.main(["lines", "--seconds", "1"]), 2)
        self.assertIn("pip install '.[fuzz]'", output.getvalue())

    def test_what_was_reached(self) -> None:
        """The number of inputs and of branches is read from what libFuzzer prints."""
        text = "#8\tINITED cov: 1309 ft: 2009 corp: 7/274b\n#9\tNEW    cov: 1600 ft: 3000 corp: 8/280b\n"
        text += "stat::number_of_executed_units: 7294\n"
        self.assertEqual(command.outcome_of(text), (7294, 1309, 1600))
        self.assertEqual(command.outcome_of("nothing"), (0, 0, 0))
