# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the table of cases; tests/integration/test_benchmarks.py does the work of each.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.cases import CASES
from benchmarks.cases.latency import percentile


class CaseTests(SynchronousTestCase):
    """The table of cases."""

    def test_every_case_says_what_its_figure_is(self) -> None:
        """CPU time for each unit, unless it is about something else."""
        self.assertEqual(CASES["download"].label, "CPU s per GiB")
        self.assertEqual(CASES["idle"].label, "KiB per session")
        self.assertEqual(len({case.title for case in CASES.values()}), len(CASES))

    def test_percentiles_are_values_that_were_measured(self) -> None:
        """The one that so many of a hundred do not exceed."""
        values = [float(value) for value in range(100, 0, -1)]
        self.assertEqual([percentile(values, share) for share in (0.5, 0.99, 1.0)], [50.0, 99.0, 100.0])
        self.assertEqual(percentile([7.0], 0.5), 7.0)
