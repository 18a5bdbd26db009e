# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.shaping.
"""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.data.shaping import FromNetwork, ToNetwork

TEXTS = st.lists(st.sampled_from(b"\r\na")).map(bytes)
CUTS = st.lists(st.integers(0, 30))


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    """Cut *octets*."""
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in itertools.pairwise(edges)]


def received(octets: bytes, cuts: list[int]) -> bytes:
    """Return what a file gets of *octets* that come in pieces."""
    shape = FromNetwork()
    return b"".join([*(shape.convert(piece) for piece in pieces(octets, cuts)), shape.finish()])


def sent(octets: bytes, cuts: list[int]) -> bytes:
    """Return what a client gets of *octets* that are read in pieces."""
    shape = ToNetwork()
    return b"".join(shape.convert(piece) for piece in pieces(octets, cuts))


class ToNetworkTests(SynchronousTestCase):
    """RETR in TYPE A."""

    def test_line_ends(self) -> None:
        """LF becomes CRLF, and a CRLF that is there already is not doubled."""
        for octets, expected in (
            (b"", b""),
            (b"a\nb\n", b"a\r\nb\r\n"),
            (b"a\r\nb", b"a\r\nb"),
            (b"a\rb", b"a\rb"),
            (b"\n\n", b"\r\n\r\n"),
            (b"\r\r\n", b"\r\r\n"),
            (b"\n\r", b"\r\n\r"),
        ):
            for cuts in ([], [1], [2], list(range(len(octets)))):
                self.assertEqual(sent(octets, cuts), expected, f"for {octets!r} cut at {cuts}")

    @given(TEXTS, CUTS)
    def test_pieces_do_not_matter(self, octets: bytes, cuts: list[int]) -> None:
        """Wherever pieces end, the client gets what converting the whole at once gives."""
        self.assertEqual(sent(octets, cuts), re.sub(rb"(?<!\r)\n", b"\r\n", octets))


class FromNetworkTests(SynchronousTestCase):
    """STOR in TYPE A."""

    def test_line_ends(self) -> None:
        """CRLF becomes LF; a CR alone and an LF alone stay."""
        for octets, expected in (
            (b"", b""),
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"a\rb\nc", b"a\rb\nc"),
            (b"a\r", b"a\r"),
            (b"\r\r\n", b"\r\n"),
        ):
            for cuts in ([], [1], [2], list(range(len(octets)))):
                self.assertEqual(received(octets, cuts), expected, f"for {octets!r} cut at {cuts}")

    @given(TEXTS, CUTS)
    def test_pieces_do_not_matter(self, octets: bytes, cuts: list[int]) -> None:
        """Wherever pieces end, the file gets what converting the whole at once gives."""
        self.assertEqual(received(octets, cuts), octets.replace(b"\r\n", b"\n"))

    @given(TEXTS, CUTS, CUTS)
    def test_a_text_comes_back(self, octets: bytes, there: list[int], back: list[int]) -> None:
        """A file with LF line ends is the same after a download and an upload."""
        text = octets.replace(b"\r", b"")
        self.assertEqual(received(sent(text, there), back), text)
