# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A certificate that is the same in every process, so that a run under TLS is the same to the octet.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ftpserver.tls.settings import TLS

__all__ = ["client_context", "server_tls"]


@cache
def _pair() -> tuple[bytes, bytes]:
    """Return a key and its certificate; signatures of this kind have no chance in them, and one length."""
    key = Ed25519PrivateKey.from_private_bytes(sha256(b"a key that is no secret").digest())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 4711)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2120, 1, 1, tzinfo=UTC)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, None)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
    )


@cache
def server_tls() -> TLS:
    """Return the TLS of the server; without tickets, whose length is not always the same."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "server.pem"
        path.write_bytes(b"".join(_pair()))
        tls = TLS(certificate=path, session_reuse="off")
        tls.open_session()
        return tls


@cache
def client_context() -> ssl.SSLContext:
    """Return what the clients are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=_pair()[1].decode())
    return context
