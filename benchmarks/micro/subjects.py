# -*- test-case-name: tests.test_benchmarks_micro -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The functions that every command, every listing and every piece of a limited transfer goes through.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from ipaddress import IPv4Address

from ftpserver.core.addresses import format_pasv, parse_eprt, parse_port
from ftpserver.core.facts import DEFAULT_FACTS, FactListing
from ftpserver.core.listing import LongListing
from ftpserver.core.paths import resolve
from ftpserver.core.status import Entry, Status
from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.core.wire import LineBuffer, Overlong, parse_request
from ftpserver.testing import Dialogue

from .runner import Loop, Subject

__all__ = ["SUBJECTS"]

#: Entries of a batch, as large as those of a real listing.
BATCH = 256

#: Commands of a block that a client sends at once.
PIPELINED = 100

#: Passes after which what the server has written is thrown away.
_FORGET = 1000


def _repeated(function: Callable[[], object]) -> Loop:
    def loop(count: int) -> None:
        for _ in range(count):
            function()

    return loop


def _lines(block: bytes) -> Loop:
    buffer = LineBuffer()

    def once() -> None:
        for line in buffer.feed(block):
            if not isinstance(line, Overlong):
                parse_request(line)

    return _repeated(once)


def _one_line() -> Loop:
    return _lines(b"RETR a/file/somewhere.txt\r\n")


def _many_lines() -> Loop:
    return _lines(b"NOOP\r\n" * PIPELINED)


def _conversation(block: bytes) -> Loop:
    dialogue = Dialogue()
    dialogue.login()
    protocol, transport = dialogue.protocol, dialogue.transport

    def loop(count: int) -> None:
        for number in range(count):
            protocol.dataReceived(block)
            if number % _FORGET == 0:
                transport.take_written()
        transport.take_written()

    return loop


def _noop() -> Loop:
    return _conversation(b"NOOP\r\n")


def _noop_pipelined() -> Loop:
    return _conversation(b"NOOP\r\n" * PIPELINED)


def _pwd() -> Loop:
    return _conversation(b"PWD\r\n")


def _entries() -> list[Entry]:
    # Seconds that repeat, as those of files that were copied together.
    return [
        (f"a-file-with-a-name-{number:06}.txt", Status(stat.S_IFREG | 0o644, number * 1000, 1.7e9 + number // 16))
        for number in range(BATCH)
    ]


def _long_listing() -> Loop:
    entries, listing = _entries(), LongListing(1.7e9)
    return _repeated(lambda: listing.format(entries))


def _facts_listing() -> Loop:
    entries, listing = _entries(), FactListing(DEFAULT_FACTS, lambda some: ["adfrw"] * len(some))
    return _repeated(lambda: listing.format(entries))


def _bucket() -> Loop:
    throttle = Throttle([TokenBucket(1e9), TokenBucket(2e9)])

    def loop(count: int) -> None:
        for number in range(count):
            now = number * 1e-4
            throttle.take(throttle.piece(65536, now), now)

    return loop


def _resolve() -> Loop:
    directory = resolve("/some/directory/below")
    return _repeated(lambda: resolve("../a/./file.txt", directory))


def _contains() -> Loop:
    directory, path = resolve("/some/directory"), resolve("/some/directory/below/file.txt")
    return _repeated(lambda: (directory.contains(path), str(path), path.parent.child("other.txt")))


def _pasv() -> Loop:
    address = IPv4Address("192.0.2.17")
    return _repeated(lambda: format_pasv(address, 50123))


def _port() -> Loop:
    return _repeated(lambda: parse_port(b"192,0,2,17,195,203"))


def _eprt() -> Loop:
    return _repeated(lambda: parse_eprt(b"|2|2001:db8::17|50123|"))


SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject("line", "A line with an argument, parsed", _one_line),
        Subject("lines", f"{PIPELINED} lines in one block, parsed", _many_lines),
        Subject("noop", "NOOP, from octets to octets", _noop),
        Subject("noop_pipelined", f"{PIPELINED} NOOP in one block, from octets to octets", _noop_pipelined),
        Subject("pwd", "PWD, from octets to octets", _pwd),
        Subject("list", f"LIST, {BATCH} entries", _long_listing),
        Subject("mlsd", f"MLSD, {BATCH} entries", _facts_listing),
        Subject("bucket", "A piece out of two token buckets", _bucket),
        Subject("resolve", "A relative path, resolved", _resolve),
        Subject("path", "Contains, text, parent and child of a path", _contains),
        Subject("pasv", "The address of a 227 reply, written", _pasv),
        Subject("port", "The argument of PORT, read", _port),
        Subject("eprt", "The argument of EPRT, IPv6, read", _eprt),
    )
}
