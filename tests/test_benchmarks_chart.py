# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the picture of the benchmark.
"""

from __future__ import annotations

from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.chart import LEFT, RIGHT, WIDTH, Scale, chart, ticks
from benchmarks.results import Run

from .benchmark_run import MACHINE, example_case, example_run

SVG = "{http://www.w3.org/2000/svg}"


class ScaleTests(SynchronousTestCase):
    """Where a ratio stands."""

    def test_marks_are_round_numbers(self) -> None:
        """They reach from below the least to above the greatest."""
        self.assertEqual(ticks(0.6, 7.0), [0.5, 1.0, 2.0, 5.0, 10.0])
        self.assertEqual(ticks(1.0, 2.0), [1.0, 2.0])

    def test_half_and_double_are_equally_far(self) -> None:
        """Twice as dear and half as dear look alike."""
        scale = Scale(0.1, 10.0)
        self.assertEqual((scale(0.1), scale(10.0)), (LEFT, WIDTH - RIGHT))
        self.assertAlmostEqual(scale(1) - scale(0.5), scale(2) - scale(1), 0)


class ChartTests(SynchronousTestCase):
    """The picture."""

    def bars(self, run: Run) -> dict[str, tuple[float, float]]:
        """Return start and width of each bar by what it says when it is pointed at."""
        root = ElementTree.fromstring(chart(run))
        found = {}
        for bar in root.iter(f"{SVG}rect"):
            title = bar.find(f"{SVG}title")
            if title is not None:
                found[str(title.text)] = (float(bar.attrib["x"]), float(bar.attrib["width"]))
        return found

    def test_bars_begin_where_ours_is(self) -> None:
        """A bar to the right is dearer than ours, one to the left is cheaper."""
        bars = self.bars(example_run())
        ((dear_start, _),) = (bar for words, bar in bars.items() if "vsftpd" in words)
        ((cheap_start, cheap_width),) = (bar for words, bar in bars.items() if "aioftp" in words)
        self.assertAlmostEqual(cheap_start + cheap_width, dear_start, 1)
        self.assertEqual(len(bars), 2)

    def test_bars_tell_the_figures(self) -> None:
        """Whoever points at a bar reads the ratio and how far its rounds lie apart."""
        self.assertIn("Download of a large file, vsftpd: 1.50 (1.50 - 2.00)", self.bars(example_run()))

    def test_names_are_no_markup(self) -> None:
        """What a server calls itself cannot break the picture."""
        run = example_run()
        run.versions["vsftpd"] = "<3>"
        self.assertIn("vsftpd <3>", [element.text for element in ElementTree.fromstring(chart(run)).iter()])

    def test_it_can_be_read_on_dark_pages(self) -> None:
        """Background and text change together."""
        drawing = chart(example_run())
        self.assertIn("prefers-color-scheme: dark", drawing)
        self.assertIn('class="page"', drawing)

    def test_nothing_leaves_the_page(self) -> None:
        """Rounds far apart, and ratios of a hundred, stay inside."""
        run = Run(MACHINE, {"ftpserver": "1", "new": "2"}, {}, 2, "", [example_case(ours=[1.0, 1.0], new=[1.0, 400.0])])
        for element in ElementTree.fromstring(chart(run)).iter():
            for name in ("x", "x1", "x2"):
                self.assertLessEqual(float(element.attrib.get(name, 0)), WIDTH)

    def test_without_another_server_there_is_nothing_to_draw(self) -> None:
        """It is said instead of drawing an empty page."""
        run = Run(MACHINE, {"ftpserver": "1"}, {}, 1, "", [example_case(ours=[1.0])])
        self.assertRaisesRegex(ValueError, "no server beside ours", chart, run)
