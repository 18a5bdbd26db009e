# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.replies.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core import replies
from ftpserver.core.replies import (
    MAXIMUM_LINE_LENGTH,
    Reply,
    decode_name,
    encode,
    encode_lines,
    encode_name,
    greeting,
    quoted,
    reply,
)

ENCODINGS = st.sampled_from(["utf-8", "latin-1", "ascii", "cp1252"])


class ReplyTests(SynchronousTestCase):
    """The value."""

    def test_greetings(self) -> None:
        """A greeting has the lines that it is given, in whichever form, and one line at least."""
        self.assertEqual(greeting(None), replies.SERVICE_READY)
        self.assertEqual(greeting("a\nb"), reply(220, "a", "b"))
        self.assertEqual(greeting(["a", "b"]), reply(220, "a", "b"))
        self.assertEqual(greeting(""), reply(220, ""))

    def test_kinds_of_reply(self) -> None:
        """The first digit tells a mark from a final reply, and success from failure."""
        for code, is_mark, is_positive in (
            (100, True, True),
            (150, True, True),
            (200, False, True),
            (350, False, True),
            (399, False, True),
            (400, False, False),
            (559, False, False),
        ):
            value = reply(code, "text")
            self.assertEqual((value.is_mark, value.is_positive), (is_mark, is_positive), f"for {code}")

    def test_what_is_no_reply(self) -> None:
        """A code out of range, or no text, is an error of the programmer."""
        for code in (-1, 0, 99, 560, 1000):
            self.assertRaises(ValueError, reply, code, "text")
        self.assertRaises(ValueError, reply, 200)

    def test_a_reply_in_a_log(self) -> None:
        """As text a reply is one line."""
        self.assertEqual(str(reply(211, "a", "b")), "211 a / b")

    def test_constants_are_fit_to_send(self) -> None:
        """Each prepared reply is one line of plain text that says something."""
        prepared = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}
        self.assertIn("PATH_UNAVAILABLE", prepared)
        for name, value in prepared.items():
            self.assertRegex(encode(value), rb"\A[1-5]\d\d [A-Z][ -~]+\.\r\n\Z", name)


class EncodeTests(SynchronousTestCase):
    """How replies are written."""

    def test_a_reply_may_be_written_in_several_encodings(self) -> None:
        """The same reply goes to each client in the encoding of its server, whoever had it before."""
        value = reply(257, "\u00e9")
        for encoding in ("utf-8", "latin-1", "latin-1", "utf-8"):
            self.assertEqual(encode(value, encoding), "257 \u00e9\r\n".encode(encoding))
        self.assertEqual(value, reply(257, "\u00e9"))

    def test_one_line(self) -> None:
        """A single line has a blank behind its code."""
        self.assertEqual(encode(reply(200, "Okay.")), b"200 Okay.\r\n")

    def test_several_lines(self) -> None:
        """First and last line have the code; those between begin with a blank, and so look like no reply."""
        self.assertEqual(encode(reply(220, "Hello", "220 x", "End")), b"220-Hello\r\n 220 x\r\n220 End\r\n")
        self.assertEqual(encode(reply(211, "a", "b")), b"211-a\r\n211 b\r\n")

    def test_line_ends_in_texts(self) -> None:
        """CR, LF and NUL in a text become question marks."""
        self.assertEqual(encode(reply(257, "a\r\n230 b\0")), b"257 a??230 b?\r\n")

    def test_the_highest_octet_is_doubled(self) -> None:
        """0xFF is doubled as Telnet asks (RFC 3659, section 2.2)."""
        self.assertEqual(encode(reply(257, "\udcff")), b"257 \xff\xff\r\n")

    def test_long_texts_are_cut(self) -> None:
        """A line is bounded, and the longest path with every quote doubled still fits."""
        longest = quoted("/" + '"' * 4095)
        self.assertEqual(encode(reply(257, longest)), b"257 " + longest.encode() + b"\r\n")
        self.assertEqual(len(encode(reply(200, "a" * 10000))), MAXIMUM_LINE_LENGTH + 6)

    def test_an_encoding_with_line_ends_of_its_own(self) -> None:
        """Octets of a wide encoding cannot end a line either."""
        self.assertNotIn(b"\n", encode(reply(200, "Ċ"), "utf-16-be")[:-2])

    @given(st.integers(100, 559), st.lists(st.text() | st.text("\r\n\0 2-\udcff\udc80"), min_size=1), ENCODINGS)
    def test_no_text_forges_a_line(self, code: int, texts: list[str], encoding: str) -> None:
        """Whatever the texts, a reply has as many lines as texts, and only the last looks like an end."""
        octets = encode(reply(code, *texts), encoding)
        self.assertTrue(octets.endswith(b"\r\n"))
        lines = octets[:-2].split(b"\r\n")
        self.assertEqual(len(lines), len(texts))
        for line in lines:
            self.assertFalse(re.search(rb"[\r\n\0]", line), f"in {line!r}")
        ends = [re.match(rb"\d\d\d ", line) is not None for line in lines]
        self.assertEqual(ends, [False] * (len(lines) - 1) + [True])


class NameTests(SynchronousTestCase):
    """Names between octets and text."""

    @given(st.binary(max_size=300), ENCODINGS)
    def test_any_octets_come_back(self, octets: bytes, encoding: str) -> None:
        """The octets of a name go out as they came in, valid in the encoding or not."""
        self.assertEqual(encode_name(decode_name(octets, encoding), encoding), octets)

    def test_a_character_that_the_encoding_lacks(self) -> None:
        """Such a name goes out as UTF-8."""
        self.assertEqual(encode_name("é", "latin-1"), b"\xe9")
        self.assertEqual(encode_name("é€", "latin-1"), "é€".encode())

    def test_what_is_no_character(self) -> None:
        """A surrogate that stands for no octet is the only thing shown as a question mark."""
        self.assertEqual(encode_name("a\ud800b"), b"a?b")

    @given(st.text(st.characters(exclude_categories=[])), ENCODINGS)
    def test_any_text_can_be_sent(self, text: str, encoding: str) -> None:
        """No name from a store raises."""
        self.assertIsInstance(encode_name(text, encoding), bytes)

    def test_lines_do_not_share_the_trouble_of_one(self) -> None:
        """In a listing, one name that the encoding lacks leaves the octets of the others as they are."""
        self.assertEqual(encode_lines(["é", "ü"], "latin-1"), b"\xe9\r\n\xfc\r\n")
        self.assertEqual(encode_lines(["é", "€"], "latin-1"), b"\xe9\r\n" + "€".encode() + b"\r\n")
        self.assertEqual(encode_lines([]), b"")

    @given(st.lists(st.text(st.characters(exclude_categories=[])), max_size=5), ENCODINGS)
    def test_lines_are_names_with_their_ends(self, lines: list[str], encoding: str) -> None:
        """Many lines at once are encoded as each one alone."""
        alone = b"".join(encode_name(line, encoding) + b"\r\n" for line in lines)
        self.assertEqual(encode_lines(lines, encoding), alone)

    def test_quotes_are_doubled(self) -> None:
        """A path in a 257 reply has its quotes doubled (RFC 959, appendix II)."""
        self.assertEqual(quoted('/a"b'), '"/a""b"')
