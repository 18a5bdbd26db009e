# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the tables of the benchmark.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.results import OURS
from benchmarks.tables import FORMATS, case_rows, missing, number, overview_rows, report

from .benchmark_run import example_case, example_run


class NumberTests(SynchronousTestCase):
    """Numbers in tables."""

    def test_three_digits_count(self) -> None:
        """Large and small figures are as exact as they were measured."""
        values = (0, 1234.5, 123.4, 12.345, 1.2345, 0.12345, 0.012345, -0.5)
        self.assertEqual(
            [number(value) for value in values], ["0", "1,234", "123", "12.3", "1.23", "0.123", "0.0123", "-0.500"]
        )

    def test_there_is_no_exponent(self) -> None:
        """What is next to nothing looks like it."""
        self.assertEqual(number(1e-9), "0.000000")


class CaseTests(SynchronousTestCase):
    """The table of one case."""

    def test_each_server_has_figure_ratio_and_spread(self) -> None:
        """A row tells what a server costs, how sure that is, and how many times ours it is."""
        head, ours, theirs = case_rows(example_case(ours=[0.2, 0.4, 0.3], vsftpd=[0.4, 0.6, 0.45]))
        self.assertEqual(
            head, ["Server", "CPU s per GiB", "(min - max)", "times ours", "(min - max)", "wall s per GiB"]
        )
        self.assertEqual(ours, [OURS, "0.300", "0.200 - 0.400", "1.00", "1.00 - 1.00", "4.00"])
        self.assertEqual(theirs, ["vsftpd", "0.450", "0.400 - 0.600", "1.50", "1.50 - 2.00", "4.00"])

    def test_without_ours_the_ratio_is_empty(self) -> None:
        """Figures are shown where there is nothing to compare them with."""
        self.assertEqual(case_rows(example_case(vsftpd=[0.4]))[1][3:5], ["", ""])

    def test_further_figures_have_columns(self) -> None:
        """A figure that one server lacks leaves a gap; a case that compares nothing has no ratios."""
        head, ours, theirs = case_rows(example_run().cases[1])
        self.assertEqual(head[3:], ["wall s per second", "KiB in the first 100 ms"])
        self.assertEqual((ours[-1], theirs[-1]), ("512", ""))


class OverviewTests(SynchronousTestCase):
    """The table of all cases."""

    def test_ratios_stand_beside_our_figure(self) -> None:
        """One look tells what ours costs and how many times that the others do."""
        head, download, upload = overview_rows(example_run())
        self.assertEqual(head, ["Case", OURS, "vsftpd", "aioftp", "twisted"])
        self.assertEqual(download, ["Download of a large file", "0.300 CPU s per GiB", "1.50 x", "0.500 x", ""])
        self.assertEqual(upload, ["Upload with a speed limit", "0.990 of the rate that was set", "1.20", "", ""])

    def test_a_case_that_ours_failed_is_empty(self) -> None:
        """Nothing is compared with nothing."""
        run = example_run()
        del run.cases[0].rounds[OURS], run.cases[1].rounds["vsftpd"]
        _, download, upload = overview_rows(run)
        self.assertEqual((download[1:3], upload[2]), (["", ""], ""))


class FormatTests(SynchronousTestCase):
    """Plain text, Markdown, reStructuredText."""

    ROWS = (("Server", "Cost"), ("one", "12"), ("another", ""))

    def test_text(self) -> None:
        """Columns are aligned."""
        self.assertEqual(FORMATS["text"](self.ROWS), "Server   Cost\n-------------\none      12\nanother\n")

    def test_markdown(self) -> None:
        """Rows are between bars."""
        self.assertEqual(
            FORMATS["markdown"](self.ROWS),
            "| Server  | Cost |\n| ------- | ---- |\n| one     | 12   |\n| another |      |\n",
        )

    def test_rst(self) -> None:
        """A simple table."""
        self.assertEqual(
            FORMATS["rst"](self.ROWS),
            "=======  ====\nServer   Cost\n=======  ====\none      12\nanother\n=======  ====\n",
        )


class ReportTests(SynchronousTestCase):
    """All of it."""

    def test_it_tells_who_is_missing_and_why(self) -> None:
        """A server that was left out, of everything or of one case, is named with the reason."""
        text = report(example_run())
        self.assertIn("Without proftpd: there is no proftpd.", text)
        self.assertIn("Without twisted: no TLS.", text)
        self.assertEqual(missing({"a": "It is over."}), ["Without a: It is over."])

    def test_it_tells_where_figures_come_from(self) -> None:
        """Machine, date, versions and the number of rounds come first."""
        text = report(example_run())
        for word in ("A processor", "2026-11-25", "vsftpd 3.0.3", "medians of 3 rounds"):
            self.assertIn(word, text)

    def test_every_format_has_titles(self) -> None:
        """Each case has a heading as the format writes them."""
        self.assertIn("== Download of a large file (download)\n", report(example_run()))
        self.assertIn("### Download of a large file (download)\n", report(example_run(), "markdown"))
        self.assertIn("Download of a large file (download)\n~~~~~~", report(example_run(), "rst"))

    def test_a_case_that_nobody_could_do_has_no_table(self) -> None:
        """It is named with the reasons all the same."""
        run = example_run()
        run.cases[0].rounds.clear()
        self.assertIn("(download)\n\nWithout twisted", report(run))
