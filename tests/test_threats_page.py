# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests that each promise of docs/explanation/threats.rst is held by tests that there are.
"""

from __future__ import annotations

import importlib
import inspect
import re
import unittest
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "threats.rst"

#: Packages of which every test is there for a promise.
PACKAGES = ("attacks", "simulation", "properties")

#: A row: the promise, and the names behind it.
_ROW = re.compile(r"^   \* - ((?:.+\n)(?:       .+\n)*)     - ((?:.+\n)(?:       .+\n)*)", re.MULTILINE)


def promises(text: str) -> Mapping[str, list[str]]:
    """Return the names of tests that stand behind each promise of the page."""
    _, _, rest = text.partition(".. promises: begin\n")
    tables, end, _ = rest.partition(".. promises: end\n")
    assert end, "the page has no promises"
    rows = [(" ".join(promise.split()), names) for promise, names in _ROW.findall(tables)]
    return {promise: re.findall("``([^`]*)``", names) for promise, names in rows if promise != "Promise"}


def named(name: str) -> object:
    """
    Return the module, class or function of that dotted name.

    :raises ImportError: if there is no such module.
    :raises AttributeError: if there is nothing of that name in it.
    """
    module, *attributes = re.split(r"\.(?=[A-Z])", name, maxsplit=1)
    found: object = importlib.import_module(module)
    for attribute in ".".join(attributes).split(".") if attributes else ():
        found = getattr(found, attribute)
    return found


def is_test(found: object) -> bool:
    """Tell whether trial can run that: a module or a class with tests, or one test."""
    if isinstance(found, ModuleType):
        return any(is_test(one) for one in vars(found).values() if inspect.isclass(one))
    if inspect.isclass(found):
        return issubclass(found, unittest.TestCase) and any(name.startswith("test_") for name in dir(found))
    return inspect.isfunction(found) and found.__name__.startswith("test_")


class PromiseTests(SynchronousTestCase):
    """The table of promises."""

    def setUp(self) -> None:
        """Read the page."""
        self.text = PAGE.read_text("utf-8")
        self.promises = promises(self.text)

    def test_every_row_is_read(self) -> None:
        """No row is in another form, which would hide it from the tests below."""
        _, _, rest = self.text.partition(".. promises: begin\n")
        tables, _, _ = rest.partition(".. promises: end\n")
        self.assertEqual(tables.count("\n   * - ") - tables.count("\n   * - Promise\n"), len(self.promises))
        self.assertGreater(len(self.promises), 40)

    def test_every_promise_has_a_test(self) -> None:
        """Each promise is a sentence, with names of tests that there are."""
        for promise, names in self.promises.items():
            self.assertTrue(promise.endswith("."), promise)
            self.assertTrue(names, promise)
            for name in names:
                self.assertTrue(is_test(named(name)), f"{name}: no test")

    def test_every_attack_is_there_for_a_promise(self) -> None:
        """Each module of the attacks, the simulation and the properties stands behind a promise."""
        names = [name for behind in self.promises.values() for name in behind]
        for package in PACKAGES:
            modules = sorted(path.stem for path in (ROOT / "tests" / package).glob("test_*.py"))
            self.assertTrue(modules, package)
            for module in modules:
                whole = f"tests.{package}.{module}"
                self.assertTrue([name for name in names if f"{name}.".startswith(f"{whole}.")], whole)

    def test_names_of_nothing_are_seen(self) -> None:
        """A module, a class and a test that are not there, and what is no test, are told."""
        here = "tests.test_threats_page"
        self.assertRaises(ImportError, named, "tests.test_missing.SomeTests")
        self.assertRaises(AttributeError, named, f"{here}.MissingTests")
        self.assertRaises(AttributeError, named, f"{here}.PromiseTests.test_missing")
        self.assertTrue(is_test(named(f"{here}.PromiseTests.test_every_row_is_read")))
        self.assertTrue(is_test(named(here)))
        for name in (f"{here}.PromiseTests.setUp", "tests.integration.harness.ServerTestCase", "ftpserver"):
            self.assertFalse(is_test(named(name)), name)


class SecurityTests(SynchronousTestCase):
    """SECURITY.rst."""

    def test_it_leads_to_the_page(self) -> None:
        """Who wants to report something finds what counts, and each file that is linked to is there."""
        text = (ROOT / "SECURITY.rst").read_text("utf-8")
        targets = re.findall(r"`[^`<]*<([^`>:]+)>`__?", text)
        self.assertIn("docs/explanation/threats.rst", targets)
        for target in targets:
            self.assertTrue((ROOT / target).is_file(), target)
