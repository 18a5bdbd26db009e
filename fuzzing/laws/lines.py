# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Lines: the same however they were cut, as the plainest reading of Telnet gives them, and never much of them held.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from ftpserver.core.wire import (
    LineBuffer,
    MalformedRequest,
    NumberTooLarge,
    Overlong,
    Request,
    foreign_protocol,
    parse_decimal,
    parse_request,
)

__all__ = ["check_decimal", "check_lines", "check_request", "plain_lines"]

_IAC, _SB, _SE, _CR, _LF = 255, 250, 240, 13, 10


def _without_telnet(octets: bytes) -> Iterator[int]:
    """Give the octets that are data (RFC 854)."""
    coming = iter(octets)
    for octet in coming:
        if octet != _IAC:
            yield octet
            continue
        command = next(coming, None)
        if command == _IAC:
            yield _IAC
        elif command == _SB:
            _skip_subnegotiation(coming)
        elif command is not None and 251 <= command <= 254:
            next(coming, None)


def _skip_subnegotiation(coming: Iterator[int]) -> None:
    for octet in coming:
        if octet == _IAC and next(coming, None) == _SE:
            return


def plain_lines(octets: bytes, limit: int) -> list[bytes | None]:
    """Return the lines, octet by octet; ``None`` for one that is longer than *limit*."""
    lines: list[bytes | None] = []
    line = bytearray()
    last = None
    for octet in _without_telnet(octets):
        # NUL behind CR is padding (RFC 854), and a CR that ends no line is an octet.
        is_padding = octet == 0 and last == _CR
        last = octet
        if octet == _LF:
            text = bytes(line).removesuffix(b"\r")
            lines.append(text if len(text) <= limit else None)
            line.clear()
        elif not is_padding:
            line.append(octet)
    return lines


def check_lines(octets: bytes, cuts: Iterable[int], limit: int) -> list[bytes | None]:
    """
    Feed *octets*, cut into segments of the lengths *cuts* as often as need be, and compare.

    :returns: the lines.
    """
    buffer = LineBuffer(limit)
    lengths = itertools.cycle([max(1, cut) for cut in cuts] or [len(octets) or 1])
    lines: list[bytes | None] = []
    start = 0
    while start < len(octets):
        segment = octets[start : start + next(lengths)]
        start += len(segment)
        lines.extend(None if isinstance(line, Overlong) else line for line in buffer.feed(segment))
        assert len(buffer._rest) <= limit + 1, f"{len(buffer._rest)} octets are held"
    wanted = plain_lines(octets, limit)
    assert lines == wanted, f"{lines!r} instead of {wanted!r}"
    return lines


_VERB_BEGINS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VERB_GOES_ON = _VERB_BEGINS + b"0123456789"


def check_request(line: bytes) -> None:
    """A line is a request, or refused; nothing of it is lost or added."""
    verb, blank, rest = line.partition(b" ")
    is_verb = bool(verb) and verb[0] in _VERB_BEGINS and not set(verb) - set(_VERB_GOES_ON) and len(verb) <= 16
    try:
        request = parse_request(line)
    except MalformedRequest:
        assert not is_verb, f"{line!r} is refused"
        return
    assert is_verb, f"{line!r} is taken"
    wanted = Request(verb.decode("ascii").upper(), rest if blank else None)
    assert request == wanted, f"{request} instead of {wanted}"
    assert foreign_protocol(line) in (None, "HTTP", "SMTP", "SSH"), f"a foreign protocol in {line!r}"


def check_decimal(text: bytes, maximum: int) -> None:
    """Digits are a number, up to a bound; anything else is refused."""
    is_number = bool(text) and not set(text) - set(b"0123456789")
    wanted: int | type[Exception] = ValueError
    if is_number:
        # Long numbers are compared as texts: reading 16,384 digits is work, which is what the bound is for.
        digits, bound = text.lstrip(b"0") or b"0", str(maximum).encode()
        is_larger = (len(digits), digits) > (len(bound), bound)
        wanted = NumberTooLarge if is_larger else int(digits)
    try:
        answer: int | type[Exception] = parse_decimal(text, maximum)
    except ValueError as error:
        answer = type(error)
    assert answer == wanted, f"{text!r} is {answer}, not {wanted}"
