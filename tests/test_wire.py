# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.wire.
"""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.wire import (
    MAXIMUM_LINE,
    MAXIMUM_VERB,
    OVERLONG,
    LineBuffer,
    MalformedRequest,
    NumberTooLarge,
    Overlong,
    Request,
    begins_like_tls,
    foreign_protocol,
    parse_decimal,
    parse_request,
)

IAC, IP, DM, NOP = b"\xff", b"\xf4", b"\xf2", b"\xf1"
WILL, WONT, DO, DONT, SB, SE = b"\xfb", b"\xfc", b"\xfd", b"\xfe", b"\xfa", b"\xf0"

#: Octets of which each means something to the buffer, and a few that mean nothing.
LIVELY = st.lists(st.sampled_from([*b"\r\n\0aB ", *IAC, *IP, *WILL, *DONT, *SB, *SE]), max_size=60).map(bytes)

Lines = list[bytes | Overlong]


def fed(octets: bytes, limit: int = MAXIMUM_LINE) -> Lines:
    """Return the lines of *octets* that come in one segment."""
    return LineBuffer(limit).feed(octets)


def fed_in_pieces(octets: bytes, cuts: list[int], limit: int) -> Lines:
    """Return the lines of *octets* cut into segments."""
    buffer = LineBuffer(limit)
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    lines: Lines = []
    for start, end in itertools.pairwise(edges):
        lines.extend(buffer.feed(octets[start:end]))
    return lines


class LineTests(SynchronousTestCase):
    """Octets become lines."""

    def test_ends_of_lines(self) -> None:
        """A line ends with CRLF or with LF; a CR alone ends none."""
        for octets, lines in (
            (b"NOOP\r\n", [b"NOOP"]),
            (b"NOOP\n", [b"NOOP"]),
            (b"A\r\nB\nC\r\n", [b"A", b"B", b"C"]),
            (b"MKD a\rb\r\n", [b"MKD a\rb"]),
            (b"MKD a\r\r\n", [b"MKD a\r"]),
            (b"\r\n\n", [b"", b""]),
            (b"NOOP", []),
            (b"", []),
        ):
            self.assertEqual(fed(octets), lines, f"for {octets!r}")

    def test_a_line_in_single_octets(self) -> None:
        """A client may send one octet a segment."""
        buffer = LineBuffer()
        lines = [line for octet in b"STOR a b\r\n" for line in buffer.feed(bytes([octet]))]
        self.assertEqual(lines, [b"STOR a b"])

    def test_clear_forgets_an_unfinished_line(self) -> None:
        """Nothing of what was half said survives clear()."""
        for begun in (b"DELE ", b"a" * 20000, IAC, IAC + SB + b"x", b"x\r"):
            buffer = LineBuffer()
            buffer.feed(begun)
            buffer.clear()
            self.assertEqual(buffer.feed(b"\0NOOP\r\n"), [b"\0NOOP"], f"after {begun[:9]!r}")


class LimitTests(SynchronousTestCase):
    """Lines are bounded."""

    def test_the_longest_line(self) -> None:
        """A line as long as the limit is whole, and one octet more is thrown away."""
        for line, expected in ((b"a" * 10, b"a" * 10), (b"a" * 11, OVERLONG), (b"a" * 12, OVERLONG)):
            for end in (b"\r\n", b"\n"):
                for cuts in ([], [10], [11], list(range(12))):
                    lines = fed_in_pieces(line + end, cuts, 10)
                    self.assertEqual(lines, [expected], f"for {len(line)} octets, {end!r}, cut at {cuts}")

    def test_the_tail_of_an_overlong_line_is_no_request(self) -> None:
        """What follows the limit within the same line never runs; the next line does."""
        buffer = LineBuffer()
        self.assertEqual(buffer.feed(b"a" * 100000), [])
        self.assertEqual(buffer.feed(b"DELE x"), [])
        self.assertEqual(buffer.feed(b"\r\nNOOP\r\n"), [OVERLONG, b"NOOP"])

    def test_twenty_megabytes_without_an_end_are_not_kept(self) -> None:
        """What is held of an endless line stays below the limit."""
        buffer = LineBuffer()
        piece = b"a" * 65536
        for _ in range(320):
            buffer.feed(piece)
            self.assertLessEqual(held(buffer), MAXIMUM_LINE + 1)
        self.assertEqual(buffer.feed(b"\n"), [OVERLONG])


def held(buffer: LineBuffer) -> int:
    """Return how many octets a buffer holds, in whatever attribute."""
    values = [getattr(buffer, name) for name in LineBuffer.__slots__]
    return sum(len(value) for value in values if isinstance(value, bytes | bytearray))


class TelnetTests(SynchronousTestCase):
    """Telnet commands are taken out."""

    def test_commands_are_taken_out(self) -> None:
        """Telnet commands, options and subnegotiations leave no trace; a doubled IAC is one octet of a name."""
        for octets, line in (
            (IAC + IP + IAC + DM + b"NOOP", b"NOOP"),
            (b"NO" + IAC + NOP + b"OP", b"NOOP"),
            (IAC + WILL + b"\x01NOOP", b"NOOP"),
            (IAC + WONT + b"\x01NOOP", b"NOOP"),
            (IAC + DO + b"\x01NOOP", b"NOOP"),
            (IAC + DONT + IAC + b"NOOP", b"NOOP"),
            (b"MKD a" + IAC + IAC + b"b", b"MKD a\xffb"),
            (b"MKD " + IAC * 4, b"MKD \xff\xff"),
            (IAC + SB + b"\x18\x01" + IAC + SE + b"NOOP", b"NOOP"),
            (IAC + SB + b"x" + IAC + IAC + SE + b"y" + IAC + SE + b"NOOP", b"NOOP"),
            (IAC + SE + b"NOOP", b"NOOP"),
        ):
            self.assertEqual(fed(octets + b"\r\n"), [line], f"for {octets!r}")

    def test_a_line_end_in_a_subnegotiation_is_none(self) -> None:
        """A subnegotiation hides everything up to its end."""
        self.assertEqual(fed(IAC + SB + b"DELE x\r\n" + IAC + SE + b"NOOP\r\n"), [b"NOOP"])

    def test_a_return_that_ends_no_line(self) -> None:
        """CR NUL is a CR (RFC 854); a NUL elsewhere stays."""
        for octets, line in (
            (b"MKD a\r\0b", b"MKD a\rb"),
            (b"MKD a\0b", b"MKD a\0b"),
            (b"MKD a\r\0\0b", b"MKD a\r\0b"),
            (b"\0NOOP", b"\0NOOP"),
        ):
            for cuts in ([], list(range(len(octets)))):
                lines = fed_in_pieces(octets + b"\r\n", cuts, MAXIMUM_LINE)
                self.assertEqual(lines, [line], f"for {octets!r}, cut at {cuts}")

    @given(LIVELY, st.lists(st.integers(0, 60)), st.integers(0, 12))
    def test_segments_do_not_matter(self, octets: bytes, cuts: list[int], limit: int) -> None:
        """However the octets are cut into segments, the lines are the same."""
        self.assertEqual(fed_in_pieces(octets, cuts, limit), fed(octets, limit))

    @given(st.lists(LIVELY | st.binary(max_size=200)), st.integers(0, 30))
    def test_any_octets_are_taken(self, segments: list[bytes], limit: int) -> None:
        """No octets raise, no line is longer than the limit or has an LF, and what is held is bounded."""
        buffer = LineBuffer(limit)
        for segment in segments:
            for line in buffer.feed(segment):
                if isinstance(line, bytes):
                    self.assertLessEqual(len(line), limit)
                    self.assertNotIn(b"\n", line)
            self.assertLessEqual(held(buffer), limit + 1)

    @given(st.binary(max_size=80).filter(lambda name: not set(name) & set(b"\r\n")))
    def test_names_are_eight_bit_clean(self, name: bytes) -> None:
        """Every octet but CR and LF can be sent, 0xFF doubled."""
        self.assertEqual(fed(b"MKD " + name.replace(IAC, IAC + IAC) + b"\r\n"), [b"MKD " + name])


class RequestTests(SynchronousTestCase):
    """Lines become requests."""

    def test_verb_and_argument(self) -> None:
        """One blank separates verb and argument; the verb's case does not matter."""
        for line, request in (
            (b"NOOP", Request("NOOP")),
            (b"NoOp", Request("NOOP")),
            (b"NOOP ", Request("NOOP", b"")),
            (b"MKD  lead ", Request("MKD", b" lead ")),
            (b"XSHA512 a", Request("XSHA512", b"a")),
            (b"PASS \xff\0%s", Request("PASS", b"\xff\0%s")),
            (b"A" * MAXIMUM_VERB, Request("A" * MAXIMUM_VERB)),
        ):
            self.assertEqual(parse_request(line), request, f"for {line!r}")

    def test_what_is_no_request(self) -> None:
        """A line without a verb is refused."""
        for line in (b"", b" ", b" NOOP", b"1NOOP", b"NO\0OP", b"NOOP\t", b"NOOP\n", b"\xc3\x84B", b"A" * 17, b"A-B"):
            self.assertRaises(MalformedRequest, parse_request, line)

    def test_blank_arguments(self) -> None:
        """Blanks alone are no argument."""
        for argument, blank in ((None, True), (b"", True), (b"  ", True), (b" a", False), (b"\t", False)):
            self.assertIs(Request("PASV", argument).is_blank, blank, f"for {argument!r}")

    @given(st.binary(max_size=60) | st.from_regex(rb"\A[A-Za-z][A-Za-z0-9]{0,17}( [^\n]*)?\Z"))
    def test_any_line_is_a_request_or_refused(self, line: bytes) -> None:
        """A request has a verb in capitals, and verb and argument are the line again."""
        try:
            request = parse_request(line)
        except MalformedRequest:
            return
        self.assertRegex(request.verb, r"\A[A-Z][A-Z0-9]{0,15}\Z")
        rest = b"" if request.argument is None else b" " + request.argument
        self.assertEqual(line[: len(request.verb)].upper() + line[len(request.verb) :], request.verb.encode() + rest)


class ForeignProtocolTests(SynchronousTestCase):
    """Clients of other protocols are recognised by their first line."""

    def test_other_protocols_are_recognised(self) -> None:
        """HTTP, SMTP, SSH and TLS are told by their first line, and FTP is none of them."""
        for line, name in (
            (b"GET / HTTP/1.1", "HTTP"),
            (b"PROPFIND /x HTTP/2", "HTTP"),
            (b"POST /upload", "HTTP"),
            (b"EHLO host", "SMTP"),
            (b"helo host", "SMTP"),
            (b"SSH-2.0-x", "SSH"),
            (b"\x16\x03\x01\x02\x00", "TLS"),
            (b"USER anonymous", None),
            (b"HELP", None),
            (b"OPTS UTF8 ON", None),
            (b"", None),
        ):
            self.assertEqual(foreign_protocol(line), name, f"for {line!r}")

    def test_tls_is_told_by_two_octets(self) -> None:
        """A handshake record is recognised before a line is whole."""
        for octets, expected in ((b"\x16\x03\x01", True), (b"\x16\x03", True), (b"\x16", False), (b"USER", False)):
            self.assertIs(begins_like_tls(octets), expected, f"for {octets!r}")


class DecimalTests(SynchronousTestCase):
    """Numbers are ASCII digits and nothing else."""

    def test_digits_are_a_number(self) -> None:
        """Leading zeros do not matter, however many there are."""
        for text, number in ((b"0", 0), (b"007", 7), (b"0" * 16000 + b"1", 1), (b"9223372036854775807", 2**63 - 1)):
            self.assertEqual(parse_decimal(text), number, f"for {text[:30]!r}")

    def test_what_is_no_number(self) -> None:
        """Signs, blanks, exponents, underscores, points and digits of other scripts are refused."""
        for text in (b"", b"-1", b"+1", b" 1", b"1 ", b"1e3", b"1_0", b"1.0", b"0x1", "٣".encode(), b"\xb2", b"1\n"):
            error = self.assertRaises(ValueError, parse_decimal, text)
            self.assertIs(type(error), ValueError, f"for {text!r}")

    def test_numbers_that_are_too_large(self) -> None:
        """A number beyond the bound is refused, whatever its length."""
        for text, maximum in ((b"256", 255), (b"9223372036854775808", 2**63 - 1), (b"9" * 16000, 2**63 - 1)):
            self.assertRaises(NumberTooLarge, parse_decimal, text, maximum)

    @given(st.integers(0, 2**70), st.integers(0, 2**63 - 1))
    def test_every_number_up_to_the_bound(self, number: int, maximum: int) -> None:
        """A number is taken exactly when it is within the bound."""
        text = b"%d" % number
        if number <= maximum:
            self.assertEqual(parse_decimal(text, maximum), number)
        else:
            self.assertRaises(NumberTooLarge, parse_decimal, text, maximum)
