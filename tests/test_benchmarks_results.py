# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the statistics of the benchmark.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.results import OURS, Spread, from_json, ratio, spread, to_json

from .benchmark_run import example_case, example_run


class SpreadTests(SynchronousTestCase):
    """Several values of the same thing."""

    def test_the_middle_counts(self) -> None:
        """One round that went wrong does not change the figure, but it can be seen."""
        self.assertEqual(spread([1.0, 90.0, 2.0]), Spread(2.0, 1.0, 90.0))

    def test_one_value_is_its_own_middle(self) -> None:
        """A single round has a figure, too."""
        self.assertEqual(spread([7.0]), Spread(7.0, 7.0, 7.0))


class RatioTests(SynchronousTestCase):
    """One server beside ours."""

    def test_a_ratio_is_taken_within_each_round(self) -> None:
        """A minute in which the whole machine was slow cancels out."""
        self.assertEqual(ratio([2.0, 20.0, 4.0], [1.0, 10.0, 2.0]), Spread(2.0, 2.0, 2.0))

    def test_there_is_none_where_it_would_mean_nothing(self) -> None:
        """A figure that is zero or less, such as memory that was given back, has no ratio."""
        self.assertIsNone(ratio([1.0, 1.0], [1.0, 0.0]))
        self.assertIsNone(ratio([-1.0], [1.0]))
        self.assertIsNone(ratio([], []))

    def test_rounds_must_be_the_same(self) -> None:
        """Rounds that were not measured side by side are not compared."""
        self.assertRaises(ValueError, ratio, [1.0, 2.0], [1.0])

    def test_ours_costs_one(self) -> None:
        """What others cost is told in units of what ours costs."""
        case = example_case(ours=[0.2, 0.4], vsftpd=[0.4, 0.6])
        self.assertEqual(case.ratio(OURS), Spread(1.0, 1.0, 1.0))
        times = case.ratio("vsftpd")
        assert times is not None
        self.assertAlmostEqual(times.median, 1.75)

    def test_a_case_without_ours_has_no_ratio(self) -> None:
        """Where our server has failed the others are shown alone."""
        self.assertIsNone(example_case(vsftpd=[0.4]).ratio("vsftpd"))
        self.assertIsNone(example_case(ours=[0.4]).ratio("vsftpd"))

    def test_some_cases_have_no_ratio(self) -> None:
        """How well a limit is kept is not better for being more."""
        self.assertIsNone(example_run().cases[1].ratio("vsftpd"))


class RunTests(SynchronousTestCase):
    """All cases of one run."""

    def test_ours_is_the_first_server(self) -> None:
        """Whatever the order in which servers were found, ours leads."""
        self.assertEqual(example_run().servers, [OURS, "vsftpd", "aioftp", "twisted"])

    def test_a_run_can_be_kept(self) -> None:
        """What --json writes, --again reads."""
        run = example_run()
        self.assertEqual(from_json(to_json(run)), run)

    def test_another_file_is_refused(self) -> None:
        """A file that is no run is told apart."""
        for text in ("{}", "[]", '{"machine": {"unknown": 1}}', "no JSON"):
            self.assertRaises(ValueError, from_json, text)

    def test_one_round_is_no_median(self) -> None:
        """The text says how many rounds there were."""
        run = example_run()
        self.assertEqual(run.medians, "medians of 3 rounds")
        run.count = 1
        self.assertEqual(run.medians, "one round")
