# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a server of TLS 1.3 says behind its keys, read with the secrets that a client has logged.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .tls_wire import APPLICATION, HANDSHAKE, Reader, client_random, records

__all__ = ["ticket_extensions"]

_NEW_SESSION_TICKET = 4

#: Hash and length of the key (RFC 8446, appendix B.4).
_SUITES: dict[str, tuple[HashAlgorithm, int]] = {
    "TLS_AES_256_GCM_SHA384": (SHA384(), 32),
    "TLS_AES_128_GCM_SHA256": (SHA256(), 16),
}


def ticket_extensions(
    secrets: Path, sent: bytes | bytearray, came: bytes | bytearray, cipher: tuple[str, str, int] | None
) -> list[dict[int, bytes]]:
    """
    Return the extensions of each ticket that came.

    :param secrets: what the client has logged (SSLKEYLOGFILE).
    :param sent: every octet that the client sent, from its hello on.
    :param came: every octet that the server sent.
    :param cipher: as the client tells it.
    """
    assert cipher is not None
    algorithm, length = _SUITES[cipher[0]]
    secret = _secret(secrets, client_random(sent))
    key = _expand(algorithm, secret, b"key", length)
    vector = _expand(algorithm, secret, b"iv", 12)
    messages = b"".join(inner[:-1] for inner in _opened(key, vector, came) if inner[-1:] == bytes([HANDSHAKE]))
    return [_extensions(body) for kind, body in _messages(messages) if kind == _NEW_SESSION_TICKET]


def _secret(secrets: Path, random: bytes) -> bytes:
    for line in secrets.read_text(encoding="ascii").splitlines():
        label, _, rest = line.partition(" ")
        if label == "SERVER_TRAFFIC_SECRET_0" and rest.startswith(random.hex()):
            return bytes.fromhex(rest.rpartition(" ")[2])
    raise AssertionError("the client has logged no secret of this connection")


def _expand(algorithm: HashAlgorithm, secret: bytes, label: bytes, length: int) -> bytes:
    # HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"
    return HKDFExpand(algorithm, length, info).derive(secret)


def _opened(key: bytes, vector: bytes, came: bytes | bytearray) -> list[bytes]:
    """Return what is in the records of this key, with the type at its end; the handshake had another key."""
    found: list[bytes] = []
    for record in records(came):
        if record.kind != APPLICATION:
            continue
        nonce = (int.from_bytes(vector, "big") ^ len(found)).to_bytes(12, "big")
        try:
            found.append(AESGCM(key).decrypt(nonce, record.body, record.header).rstrip(b"\0"))
        except InvalidTag:
            assert not found, "a record that cannot be read"
    return found


def _messages(octets: bytes) -> list[tuple[int, bytes]]:
    reader, found = Reader(octets), []
    while reader.rest:
        found.append((reader.number(1), reader.vector(3)))
    return found


def _extensions(body: bytes) -> dict[int, bytes]:
    reader = Reader(body)
    reader.take(8)
    reader.vector(1)
    reader.vector(2)
    return reader.extensions()
