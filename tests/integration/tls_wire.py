# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The records and hellos of TLS, read and made octet by octet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "ALERT",
    "APPLICATION",
    "EARLY_DATA",
    "HANDSHAKE",
    "NO_APPLICATION_PROTOCOL",
    "PRE_SHARED_KEY",
    "PROTOCOL_VERSION",
    "SESSION_TICKET",
    "SSL_3",
    "SUPPORTED_VERSIONS",
    "TLS_1_0",
    "TLS_1_1",
    "TLS_1_2",
    "UNRECOGNIZED_NAME",
    "Hello",
    "Reader",
    "Record",
    "alerts",
    "client_hello",
    "client_random",
    "is_tls",
    "make_client_hello",
    "records",
    "server_hello",
]

#: Types of records (RFC 8446, section 5.1).
ALERT, HANDSHAKE, APPLICATION = 21, 22, 23
_TYPES = range(20, 24)

#: Alerts (RFC 8446, section 6).
PROTOCOL_VERSION, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 70, 112, 120

#: Extensions (RFC 8446, section 4.2; RFC 5077).
SESSION_TICKET, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS = 35, 41, 42, 43

SSL_3, TLS_1_0, TLS_1_1, TLS_1_2 = 0x0300, 0x0301, 0x0302, 0x0303


@dataclass(frozen=True)
class Record:
    """
    One record, protected or not.

    :ivar kind: its type.
    :ivar header: its five octets, which protection includes.
    :ivar body: the rest.
    """

    kind: int
    header: bytes
    body: bytes


def records(octets: bytes | bytearray) -> Iterator[Record]:
    """
    Yield the records of a connection.

    :raises AssertionError: on anything that is none, or cut.
    """
    rest = bytes(octets)
    while rest:
        length = 5 + int.from_bytes(rest[3:5], "big")
        is_record = rest[0] in _TYPES and rest[1:2] == b"\3" and len(rest) >= length
        assert is_record, f"no record: {rest[:80]!r}"
        yield Record(rest[0], rest[:5], rest[5:length])
        rest = rest[length:]


def is_tls(octets: bytes | bytearray) -> bool:
    """Tell whether *octets* are whole records and nothing else."""
    try:
        return bool([*records(octets)])
    except AssertionError:
        return False


def alerts(octets: bytes | bytearray) -> list[int]:
    """Return the alerts that went before there were keys to protect them."""
    return [record.body[1] for record in records(octets) if record.kind == ALERT and len(record.body) == 2]


@dataclass(frozen=True)
class Hello:
    """
    What a client or a server says first.

    :ivar compression: what the client offers, or the server chose.
    :ivar extensions: by number.
    """

    version: int
    session_id: bytes
    compression: bytes
    extensions: Mapping[int, bytes]


class Reader:
    """Takes fields off a message."""

    def __init__(self, octets: bytes) -> None:
        self.rest = octets

    def take(self, length: int) -> bytes:
        """Take octets."""
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self, length: int) -> int:
        """Take a number of so many octets."""
        return int.from_bytes(self.take(length), "big")

    def vector(self, length: int) -> bytes:
        """Take octets behind a length of so many octets."""
        return self.take(self.number(length))

    def extensions(self) -> dict[int, bytes]:
        """Take the extensions, which end the message."""
        inner, found = Reader(self.vector(2)), {}
        while inner.rest:
            number = inner.number(2)
            found[number] = inner.vector(2)
        return found


def _first_message(octets: bytes | bytearray, kind: int) -> Reader:
    reader = Reader(next(records(octets)).body)
    assert reader.number(1) == kind, "no hello"
    return Reader(reader.vector(3))


def client_random(octets: bytes | bytearray) -> bytes:
    """Return the random octets of what the client said first, by which its secrets are known."""
    return _first_message(octets, 1).take(34)[2:]


def client_hello(octets: bytes | bytearray) -> Hello:
    """Return what the client said first, out of all that it sent."""
    reader = _first_message(octets, 1)
    version = reader.number(2)
    reader.take(32)
    session_id = reader.vector(1)
    reader.vector(2)
    return Hello(version, session_id, reader.vector(1), reader.extensions())


def server_hello(octets: bytes | bytearray) -> Hello:
    """Return what the server said first, out of all that it sent."""
    reader = _first_message(octets, 2)
    version = reader.number(2)
    reader.take(32)
    session_id = reader.vector(1)
    reader.take(2)
    return Hello(version, session_id, reader.take(1), reader.extensions())


def extension(number: int, body: bytes) -> bytes:
    """Return an extension as it stands in a hello."""
    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


#: ECDHE with ECDSA: AES-GCM for TLS 1.2, AES-CBC for those before.
_SUITES = b"\xc0\x2b\xc0\x2c\xc0\x09\xc0\x0a\x00\x2f"

#: Groups x25519 and P-256, points that are not compressed, and ECDSA or RSA with SHA-256 or SHA-1.
_EXTENSIONS = (
    extension(10, b"\x00\x04\x00\x1d\x00\x17")
    + extension(11, b"\x01\x00")
    + extension(13, b"\x00\x08\x04\x03\x04\x01\x02\x03\x02\x01")
)


def make_client_hello(version: int, *, compression: bytes = b"\0") -> bytes:
    """
    Return a hello such as no library of today would say.

    :param version: the newest that the client speaks.
    :param compression: the methods that it offers.
    """
    body = version.to_bytes(2, "big") + bytes(range(32)) + b"\0"
    body += len(_SUITES).to_bytes(2, "big") + _SUITES + bytes([len(compression)]) + compression
    body += len(_EXTENSIONS).to_bytes(2, "big") + _EXTENSIONS
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
