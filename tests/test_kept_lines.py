# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.control.kept_lines.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.control.kept_lines import LINES_AT_A_TIME, KeptLines
from ftpserver.core.wire import OVERLONG, Overlong

LINES = st.lists(st.one_of(st.binary(max_size=5).map(lambda octets: octets.replace(b"\n", b"")), st.just(OVERLONG)))


class KeptLinesTests(SynchronousTestCase):
    """Keeping lines."""

    @given(LINES, LINES, st.integers(0, 20))
    def test_every_line_comes_in_its_order(
        self, lines: list[bytes | Overlong], more: list[bytes | Overlong], taken: int
    ) -> None:
        """Whatever lines are kept, empty ones too, they come as they were, and those that came later behind them."""
        subject = KeptLines(lines)
        first = [line for _, line in zip(range(taken), subject, strict=False)]
        subject.add(more)
        self.assertEqual(bool(subject), len(lines) + len(more) > len(first))
        self.assertEqual(first + list(subject), lines + more)
        self.assertFalse(subject)

    def test_more_than_are_cut_at_once(self) -> None:
        """A long segment loses nothing where it is cut."""
        lines: list[bytes | Overlong] = [b"%d" % number for number in range(3 * LINES_AT_A_TIME + 1)]
        self.assertEqual(list(KeptLines(lines)), lines)

    def test_a_line_that_is_put_back(self) -> None:
        """A line that has to wait after all is the next one again."""
        subject = KeptLines([b"a", OVERLONG, b"b"])
        for line in (b"a", OVERLONG, b"b"):
            subject.put_back(next(subject))
            self.assertTrue(subject)
            self.assertEqual(next(subject), line)
        self.assertRaises(StopIteration, next, subject)
