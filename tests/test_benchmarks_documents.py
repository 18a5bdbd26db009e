# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the figures of the benchmark in the documentation.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.documents import BEGIN, END, Documents, figures, readme

from .benchmark_run import example_run


class DocumentTests(SynchronousTestCase):
    """A checkout that gets new figures."""

    def setUp(self) -> None:
        self.checkout = Path(self.mktemp())
        (self.checkout / "docs" / "explanation").mkdir(parents=True)
        self.documents = Documents(self.checkout)
        self.documents.readme.write_text(f"before\n{BEGIN}\n\nold\n{END}\nafter\n")

    def test_one_command_writes_all(self) -> None:
        """Run, picture, page and README agree afterwards."""
        self.documents.write(example_run())
        self.assertEqual(self.documents.stale(), [])
        text = self.documents.readme.read_text()
        self.assertEqual((text[:7], text[-6:], "old" in text), ("before\n", "after\n", False))

    def test_what_does_not_agree_is_named(self) -> None:
        """A figure that was changed by hand is found."""
        self.documents.write(example_run())
        for path in (self.documents.chart, self.documents.figures, self.documents.readme):
            text = path.read_text()
            path.write_text(text.replace("1.50", "1.49"))
            self.assertEqual(self.documents.stale(), [path])
            path.write_text(text)

    def test_a_readme_without_the_section_is_left_alone(self) -> None:
        """Nothing is written where nobody has asked for it."""
        self.documents.readme.write_text("text\n")
        self.documents.write(example_run())
        self.assertEqual((self.documents.readme.read_text(), self.documents.stale()), ("text\n", []))

    def test_figures_come_with_their_origin(self) -> None:
        """Date, machine and versions stand beside them."""
        for text in (figures(example_run()), readme(example_run())):
            for word in ("2026-11-25", "A processor", "aioftp 0.28.3", "large files of 1 MiB", "medians of 3 rounds"):
                self.assertIn(word, text)

    def test_who_is_missing_is_told(self) -> None:
        """The page names servers that were left out, with the reason."""
        self.assertIn("Without twisted: ``no TLS``", figures(example_run()))

    def test_a_case_without_figures_has_no_table(self) -> None:
        """It is named all the same."""
        run = example_run()
        run.cases[0].rounds.clear()
        self.assertIn("``--cases download``\n\nWithout twisted", figures(run))


class RealDocumentTests(SynchronousTestCase):
    """The documentation of this checkout."""

    def test_its_figures_are_those_of_one_run(self) -> None:
        """Page, picture and README show what ``speed.json`` holds; ``--again`` with ``--write-docs`` brings them so."""
        self.assertEqual(Documents().stale(), [])
