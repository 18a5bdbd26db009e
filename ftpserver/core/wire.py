# -*- test-case-name: tests.test_wire -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
From octets to requests: lines, the Telnet that FTP inherited, verb and argument.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

__all__ = [
    "MAXIMUM_LINE",
    "OVERLONG",
    "LineBuffer",
    "MalformedRequest",
    "NumberTooLarge",
    "Overlong",
    "Request",
    "begins_like_tls",
    "foreign_protocol",
    "parse_decimal",
    "parse_request",
]

#: Longest line in octets: a path of PATH_MAX (4,096) octets with each octet doubled by Telnet, twice over. h11 and
#: nginx bound their lines between 8 and 16 KiB, too.
MAXIMUM_LINE = 16384

#: Longest verb; the longest of the registry (RFC 5797) have four letters, private ones such as XSHA512 seven.
MAXIMUM_VERB = 16


class Overlong(enum.Enum):
    """Stands for a line that was longer than the limit and was thrown away."""

    OVERLONG = "overlong"


OVERLONG = Overlong.OVERLONG

_CR = 13
_SE, _SB, _WILL, _DONT = 240, 250, 251, 254

#: Where in Telnet the octets are: in data; after IAC; after WILL, WONT, DO or DONT; after SB; after an IAC within that.
#: Numbers, because an enumeration would make a segment full of IAC cost ten times as much.
_DATA, _COMMAND, _OPTION, _SUBNEGOTIATION, _SUBNEGOTIATION_COMMAND = range(5)

#: What an IAC makes of each; the second of two IAC in data is an octet of it.
_AFTER_IAC = (_COMMAND, _DATA, _DATA, _SUBNEGOTIATION_COMMAND, _SUBNEGOTIATION)


class LineBuffer:
    """
    Octets in, whole lines out, the same however the octets were cut into segments.

    Telnet commands are taken out (RFC 959, section 4.1; RFC 1123, section 4.1.2.12): the server never negotiates.

    :param limit: octets that a line may have without its end.
    """

    __slots__ = ("_after_return", "_discarding", "_limit", "_rest", "_telnet")

    def __init__(self, limit: int = MAXIMUM_LINE) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget what has come of an unfinished line."""
        self._rest = b""
        self._discarding = False
        self._telnet = _DATA
        self._after_return = False

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """
        Take what the client sent.

        :param data: any number of octets.
        :returns: the lines that are whole now, without CRLF or LF; :data:`OVERLONG` for each that was too long.
        """
        if self._telnet != _DATA or b"\xff" in data:
            data = self._without_commands(data)
        follows_return = self._after_return
        if data:
            self._after_return = data[-1] == _CR
        if b"\0" in data:
            data = _without_padding(data, follows_return)
        if data[-2:] == b"\r\n" and not self._rest and len(data) <= self._limit and not self._discarding:
            # What nearly every client sends nearly always: whole lines, and no LF but those of their ends.
            ends: list[bytes | Overlong] = [*data.split(b"\r\n")]
            del ends[-1]
            if len(ends) == data.count(b"\n"):
                return ends
        *lines, rest = data.split(b"\n")
        if not lines:
            self._keep(self._rest + rest)
            return []
        lines[0] = self._rest + lines[0]
        whole: list[bytes | Overlong] = [
            OVERLONG if len(line) > self._limit + 1 else line[:-1] if line[-1:] == b"\r" else line for line in lines
        ]
        if self._discarding:
            whole[0] = OVERLONG
        self._discarding = False
        self._keep(rest)
        return [OVERLONG if line is not OVERLONG and len(line) > self._limit else line for line in whole]

    def _keep(self, rest: bytes) -> None:
        # One octet more than the limit may be the CR of the line's end.
        if self._discarding or len(rest) > self._limit + 1:
            self._discarding = True
            rest = b""
        self._rest = rest

    def _without_commands(self, data: bytes) -> bytes:
        # Going from IAC to IAC, not from octet to octet, keeps a segment full of them at a few milliseconds.
        first, *others = data.split(b"\xff")
        place, rest = _text(self._telnet, first)
        kept = [rest]
        for piece in others:
            if place == _COMMAND:
                kept.append(b"\xff")
            place = _AFTER_IAC[place]
            if piece:
                place, rest = _text(place, piece)
                kept.append(rest)
        self._telnet = place
        return b"".join(kept)


def _text(place: int, piece: bytes) -> tuple[int, bytes]:
    """Return where in Telnet the end of octets without IAC is, and what of them is data."""
    if not piece:
        return place, piece
    if place == _COMMAND:
        place = _SUBNEGOTIATION if piece[0] == _SB else _OPTION if _WILL <= piece[0] <= _DONT else _DATA
        piece = piece[1:]
    elif place == _SUBNEGOTIATION_COMMAND:
        place = _DATA if piece[0] == _SE else _SUBNEGOTIATION
        piece = piece[1:]
    if piece and place == _OPTION:
        place = _DATA
        piece = piece[1:]
    return place, piece if place == _DATA else b""


def _without_padding(data: bytes, follows_return: bool) -> bytes:
    """Take out the NUL behind a CR that ends no line (RFC 854); a NUL anywhere else is an octet like others."""
    if follows_return and data[:1] == b"\0":
        data = data[1:]
    return data.replace(b"\r\0", b"\r")


class MalformedRequest(ValueError):
    """A line that is no request; answered with 500."""


@dataclass(frozen=True, slots=True)
class Request:
    """
    What the client asks for.

    :ivar verb: upper-case ASCII letters and digits.
    :ivar argument: everything behind the one blank after the verb, ``None`` without one.
    """

    verb: str
    argument: bytes | None = None

    @property
    def is_blank(self) -> bool:
        """Tell whether there is nothing but blanks behind the verb."""
        return self.argument is None or not self.argument.strip(b" ")


_VERB = re.compile(rb"[A-Za-z][A-Za-z0-9]{0,%d}\Z" % (MAXIMUM_VERB - 1))


def parse_request(line: bytes) -> Request:
    """
    Return the request that a line is.

    Exactly one blank separates verb and argument; further ones belong to the argument (RFC 2640, section 3.1).

    :raises MalformedRequest: on an empty line or a verb that cannot be one.
    """
    verb, blank, argument = line.partition(b" ")
    if not _VERB.match(verb):
        raise MalformedRequest("a request begins with a verb of ASCII letters")
    return Request(verb.decode("ascii").upper(), argument if blank else None)


def begins_like_tls(data: bytes) -> bool:
    """Tell whether the first octets of a connection are a TLS handshake record (RFC 8446, section 5.1)."""
    return data[:2] == b"\x16\x03"


_FOREIGN = (
    (re.compile(rb"\x16\x03"), "TLS"),
    (re.compile(rb"[A-Z]+ \S+ HTTP/\d"), "HTTP"),
    (re.compile(rb"(GET|POST|PUT|HEAD|OPTIONS|CONNECT) /"), "HTTP"),
    (re.compile(rb"(EHLO|HELO) ", re.IGNORECASE), "SMTP"),
    (re.compile(rb"SSH-\d"), "SSH"),
)


def foreign_protocol(line: bytes) -> str | None:
    """
    Return the name of the protocol that a first line belongs to when it cannot be FTP, else ``None``.

    Such a client is cut off at once: a browser could otherwise be made to send commands in the lines that follow.
    """
    for pattern, name in _FOREIGN:
        if pattern.match(line):
            return name
    return None


class NumberTooLarge(ValueError):
    """A decimal number beyond what is allowed."""


def parse_decimal(text: bytes, maximum: int = 2**63 - 1) -> int:
    """
    Return the number that ASCII digits make.

    ``int`` would take signs, blanks, underscores and the digits of other scripts, too.

    :raises NumberTooLarge: beyond *maximum*.
    :raises ValueError: on anything but digits.
    """
    if not text or text.strip(b"0123456789"):
        raise ValueError("a number is written with the digits 0 to 9 only")
    digits = text.lstrip(b"0")
    if len(digits) > len(str(maximum)) or int(digits or b"0") > maximum:
        raise NumberTooLarge(f"a number is at most {maximum}")
    return int(digits or b"0")
