# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Any octets in any segments: legal replies, one final one a line, in order, and never an error of the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.commands import COMMANDS
from fuzzing.laws.arguments import VERBS, check_argument
from fuzzing.laws.dialogue import ACTIONS, check_dialogue, script
from fuzzing.laws.lines import check_decimal, check_lines
from fuzzing.laws.replies import ReadReply
from fuzzing.laws.talk import Talk, nothing_fails
from tests.properties import fewer

WORDS = sorted({word for verb in COMMANDS for word in verb.split(" ")})

#: What stands behind verbs: paths, numbers, times, facts, and what is none of them.
ARGUMENTS = st.sampled_from(
    [
        b"",
        b"/file",
        b"directory",
        b"../../file",
        b"-la",
        b"*",
        b"I",
        b"A",
        b"S",
        b"F",
        b"5",
        b"99999999999999999999",
        b"user",
        b"password",
        b"ALL",
        b"|1|127.0.0.1|40001|",
        b"127,0,0,1,156,65",
        b"20200229235959 /file",
        b"644 /file",
        b"type;size;",
        b"\xff\xff\xff\xfa",
        b"%s{0}${x}",
    ]
) | st.binary(max_size=12)

WRITTEN = st.text("0123456789.;RNMLSTtypesize/ ", max_size=24).map(str.encode)
LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=5)

VERB = st.sampled_from([word.encode() for word in WORDS])
LINES = (st.tuples(VERB, ARGUMENTS) | st.tuples(VERB)).map(lambda words: b" ".join(words) + b"\r\n")
TELNET = st.sampled_from(
    [b"\xff\xf4", b"\xff\xf2", b"\xff\xfb\x01", b"\xff\xfax\r\n\xff\xf0", b"\r\0", b"\n", b"\r", b"\0"]
)
SEGMENTS = st.lists(LINES | TELNET | st.binary(max_size=20), max_size=8).map(b"".join)
PIECES = SEGMENTS | st.sampled_from([b"\x1f" + letter + b"octets" for letter in ACTIONS])

#: Commands whose answers do not depend on when they come; a transfer's would.
STEADY = [
    b"NOOP",
    b"PWD",
    b"CWD directory",
    b"CWD nothing",
    b"CDUP",
    b"TYPE I",
    b"TYPE A",
    b"REST 3",
    b"MKD new",
    b"RMD new",
    b"RNFR /file",
    b"RNTO /other",
    b"RNTO /file",
    b"DELE /other",
    b"SIZE /file",
    b"MLST /directory/inner",
    b"STAT /directory",
    b"OPTS MLST size;",
    b"FEAT",
    b"USER user",
    b"PASS password",
    b"REIN",
    b"RETR file",
    b"NOSUCH",
    b"A" * 20,
    b"",
]


class OctetsTests(SynchronousTestCase):
    """Whatever a client sends."""

    @fewer(1)
    @given(st.lists(PIECES, max_size=8), st.booleans())
    def test_each_line_is_answered_in_order(self, pieces: list[bytes], logs_in: bool) -> None:
        """Commands, noise and Telnet in any segments, with data connections and pauses: a final reply for each line."""
        check_dialogue(script(*([] if logs_in else [b"\x1fn"]), *pieces))

    @given(st.lists(st.binary(max_size=400), max_size=6), st.booleans())
    def test_noise(self, segments: list[bytes], logs_in: bool) -> None:
        """Octets that mean nothing are answered, too, and nothing of them is kept."""
        check_dialogue(script(*([] if logs_in else [b"\x1fn"]), *(one.replace(b"\x1e", b"") for one in segments)))

    @given(
        st.sampled_from(sorted(VERBS)), ARGUMENTS | st.text("0123456789.;RNMLSTtypesize/ ", max_size=24).map(str.encode)
    )
    def test_arguments(self, verb: bytes, argument: bytes) -> None:
        """What MLST, OPTS, MFMT, ALLO, REST and SITE take is what they say they have done."""
        check_argument(verb, argument)

    @given(SEGMENTS, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 40))
    def test_lines(self, octets: bytes, cuts: list[int], limit: int) -> None:
        """Lines are those that reading octet by octet gives, however they were cut."""
        check_lines(octets, cuts, limit)

    @given(st.text("0123456789", max_size=25).map(str.encode) | st.binary(max_size=6), st.integers(0, 2**64))
    def test_numbers(self, text: bytes, maximum: int) -> None:
        """A number is what digits make, up to its bound."""
        check_decimal(text, maximum)


class SegmentsTests(SynchronousTestCase):
    """The same commands, however they come."""

    @fewer(2)
    @given(
        st.lists(st.sampled_from(STEADY), min_size=1, max_size=15), st.lists(st.integers(1, 30), min_size=1, max_size=5)
    )
    def test_pipelined_is_one_by_one(self, lines: list[bytes], lengths: list[int]) -> None:
        """Commands in one segment, in pieces of any length, and one after another have the same replies."""
        octets = b"".join(line + b"\r\n" for line in lines)
        one_by_one = answers(line + b"\r\n" for line in lines)
        self.assertEqual(answers([octets]), one_by_one)
        self.assertEqual(answers(pieces_of(octets, lengths)), one_by_one)


def pieces_of(octets: bytes, lengths: list[int]) -> list[bytes]:
    """Cut *octets* into pieces of these lengths, over and over."""
    pieces: list[bytes] = []
    while octets:
        length = lengths[len(pieces) % len(lengths)]
        pieces.append(octets[:length])
        octets = octets[length:]
    return pieces


def answers(segments: Iterable[bytes]) -> list[ReadReply]:
    """Return what is answered to *segments* after a login."""
    with nothing_fails():
        talk = Talk(maximum_login_attempts=100)
        talk.login()
        for segment in segments:
            talk.send(segment)
        talk.finish(1000)
        talk.leave()
    return [one._replace(texts=tuple(_CHANGING.sub(b"", text) for text in one.texts)) for one in talk.replies]


#: Each tree is another one, made at another time.
_CHANGING = re.compile(rb"modify=\d+|unique=\w+|\w\w\w [ \d]\d \d\d:\d\d")
