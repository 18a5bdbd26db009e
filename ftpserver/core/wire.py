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

_IAC, _SE, _SB, _WILL, _DONT = 255, 240, 250, 251, 254


class _Telnet(enum.Enum):
    DATA = "data"
    COMMAND = "after IAC"
    OPTION = "after WILL, WONT, DO or DONT"
    SUBNEGOTIATION = "after SB"
    SUBNEGOTIATION_COMMAND = "after IAC within SB"
    RETURN = "after CR"


class LineBuffer:
    """
    Octets in, whole lines out, the same however the octets were cut into segments.

    Telnet commands are taken out (RFC 959, section 4.1; RFC 1123, section 4.1.2.12): the server never negotiates.

    :param limit: octets that a line may have without its end.
    """

    def __init__(self, limit: int = MAXIMUM_LINE) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget what has come of an unfinished line."""
        self._rest = b""
        self._discarding = False
        self._telnet = _Telnet.DATA

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """
        Take what the client sent.

        :param data: any number of octets.
        :returns: the lines that are whole now, without CRLF or LF; :data:`OVERLONG` for each that was too long.
        """
        if self._telnet is not _Telnet.DATA or b"\xff" in data or b"\0" in data or data[-1:] == b"\r":
            data = self._without_telnet(data)
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

    def _without_telnet(self, data: bytes) -> bytes:
        kept = bytearray()
        for octet in data:
            self._telnet = self._step(octet, kept)
        return bytes(kept)

    def _step(self, octet: int, kept: bytearray) -> _Telnet:
        state = self._telnet
        if state is _Telnet.COMMAND:
            return self._command(octet, kept)
        if state is _Telnet.OPTION:
            return _Telnet.DATA
        if state is _Telnet.SUBNEGOTIATION:
            return _Telnet.SUBNEGOTIATION_COMMAND if octet == _IAC else _Telnet.SUBNEGOTIATION
        if state is _Telnet.SUBNEGOTIATION_COMMAND:
            return _Telnet.DATA if octet == _SE else _Telnet.SUBNEGOTIATION
        if octet == _IAC:
            return _Telnet.COMMAND
        # CR NUL is a CR that ends no line (RFC 854); a NUL anywhere else is an octet like others.
        if not (state is _Telnet.RETURN and octet == 0):
            kept.append(octet)
        return _Telnet.RETURN if octet == 13 else _Telnet.DATA

    def _command(self, octet: int, kept: bytearray) -> _Telnet:
        if octet == _IAC:
            kept.append(_IAC)
            return _Telnet.DATA
        if octet == _SB:
            return _Telnet.SUBNEGOTIATION
        return _Telnet.OPTION if _WILL <= octet <= _DONT else _Telnet.DATA


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
