# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Replies as the strictest client reads them (RFC 959, section 4.2).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LEGAL_CODES", "LONGEST_LINE", "ReadReply", "ReplyReader"]

_CODES = (
    "110 120 125 150 200 202 211 212 213 214 215 220 221 225 226 227 229 230 232 234 250 257 331 332 350 "
    "421 425 426 450 451 452 500 501 502 503 504 521 522 530 532 533 534 536 550 551 552 553 554"
)

#: RFC 959, section 4.2.2, and those of RFC 2228, 2428 and 4217.
LEGAL_CODES = frozenset(int(code) for code in _CODES.split())

#: Octets of a line in all: code, text with each 0xFF doubled, CRLF.
LONGEST_LINE = 4 + 2 * 8300 + 2


class ReadReply(NamedTuple):
    """A reply: its code, and its texts as they came."""

    code: int
    texts: tuple[bytes, ...]

    @property
    def is_mark(self) -> bool:
        """Tell whether a final reply must follow."""
        return self.code < 200


class ReplyReader:
    """Reads what a server writes, and raises ``AssertionError`` at the first octet that is not as it must be."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = b""
        self._texts: list[bytes] = []

    def feed(self, octets: bytes) -> list[ReadReply]:
        """Return the replies that are whole now."""
        *lines, self._rest = (self._rest + octets).split(b"\r\n")
        return [reply for line in lines if (reply := self._line(line)) is not None]

    def finish(self) -> None:
        """See that nothing is left that has no end."""
        assert not self._rest, f"a line without its end: {self._rest!r}"
        assert not self._code, f"a reply without its end: {self._texts!r}"

    def _line(self, line: bytes) -> ReadReply | None:
        assert len(line) + 2 <= LONGEST_LINE, f"a line of {len(line)} octets"
        assert not set(line) & set(b"\r\n\0"), f"CR, LF or NUL in {line!r}"
        # An odd one would be a Telnet command.
        assert b"\xff" not in line.replace(b"\xff\xff", b""), f"0xFF that is not doubled in {line!r}"
        if self._code and line[:1] == b" ":
            self._texts.append(line[1:])
            return None
        code, sign, text = line[:3], line[3:4], line[4:]
        assert len(code) == 3 and code.isdigit() and int(code) in LEGAL_CODES, f"no code that there is: {line!r}"
        assert sign in (b" ", b"-"), f"neither a blank nor a hyphen behind the code: {line!r}"
        if sign == b"-":
            assert not self._code, f"a reply within a reply: {line!r}"
            self._code, self._texts = code, [text]
            return None
        assert self._code in (b"", code), f"{self._code!r} ends with {line!r}"
        texts, self._code, self._texts = (*self._texts, text), b"", []
        return ReadReply(int(code), texts)
