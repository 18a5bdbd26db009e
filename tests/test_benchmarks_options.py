# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the command line of the benchmark.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.amounts import MIB, QUICK, Amounts
from benchmarks.cases import CASES
from benchmarks.options import parse
from benchmarks.peers import PEERS


class OptionTests(SynchronousTestCase):
    """What can be said."""

    def setUp(self) -> None:
        self.said = io.StringIO()
        self.patch(sys, "stderr", self.said)
        self.patch(os, "sched_getaffinity", lambda _pid: {0, 1})

    def refused(self, *words: str) -> str:
        """Assert that a command line is wrong; return what is said to it."""
        self.assertRaises(SystemExit, parse, words)
        return self.said.getvalue()

    def test_without_options_everything_is_measured(self) -> None:
        """Every case, every server, five rounds, tables as text."""
        options = parse([])
        self.assertEqual((options.cases, options.peers), (list(CASES), list(PEERS)))
        self.assertEqual((options.amounts, options.rounds, options.format), (Amounts(), 5, "text"))

    def test_cases_are_chosen_by_name(self) -> None:
        """They are done in the order given."""
        self.assertEqual(parse(["--cases", "noop,download"]).cases, ["noop", "download"])
        self.assertIn("there are download, upload", self.refused("--cases", "nope"))
        self.assertIn("nothing", self.refused("--cases", ","))

    def test_ours_is_always_measured(self) -> None:
        """Without it there would be no ratio."""
        self.assertEqual(parse(["--peers", "vsftpd"]).peers, ["ftpserver", "vsftpd"])
        self.assertEqual(parse(["--peers", "vsftpd,ftpserver"]).peers, ["ftpserver", "vsftpd"])

    def test_places_of_servers_can_be_told(self) -> None:
        """Interpreters and programs that are elsewhere; a link to an interpreter stays one."""
        given = parse(["--python", "aioftp=/venv/bin/python", "--server", "vsftpd=/opt/vsftpd"]).given
        self.assertEqual(given.pythons, {"aioftp": Path("/venv/bin/python")})
        self.assertEqual(given.programs, {"vsftpd": Path("/opt/vsftpd")})
        for word in ("aioftp", "aioftp=", "other=/bin/true"):
            self.refused("--python", word)

    def test_less_work_can_be_asked_for(self) -> None:
        """--quick shows that all works, --size sets the size of large files."""
        self.assertEqual(parse(["--quick"]).amounts, QUICK)
        self.assertEqual(parse(["--size", "64MiB"]).amounts.size, 64 * MIB)
        self.refused("--size", "large")

    def test_figures_that_mean_nothing_are_not_published(self) -> None:
        """--quick does not write into the documentation."""
        self.assertTrue(parse(["--write-docs"]).write_docs)
        self.assertIn("mean nothing", self.refused("--quick", "--write-docs"))

    def test_a_round_is_the_least(self) -> None:
        """Nothing cannot be measured."""
        self.refused("--rounds", "0")

    def test_one_format_is_chosen(self) -> None:
        """Two at a time are refused."""
        self.assertEqual(parse(["--markdown"]).format, "markdown")
        self.refused("--markdown", "--rst")

    def test_processors_are_chosen_or_given(self) -> None:
        """Where there is but one, the check of the machine will say so."""
        self.patch(os, "sched_getaffinity", lambda _pid: {0})
        self.assertEqual(parse([]).processors, (0, 0))
        self.assertEqual(parse(["--processors", "3,5"]).processors, (3, 5))
        self.refused("--processors", "3")
