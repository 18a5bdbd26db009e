# -*- test-case-name: tests.test_tls_certificate -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A self-signed certificate for trying TLS out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .files import checked_name

__all__ = ["SelfSigned", "make", "write"]

#: A tenth of the years that a date in a certificate can tell, and more than anybody tries something out.
LONGEST = 36500

#: Characters of a common name, at most (RFC 5280, appendix A.1).
_COMMON_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """
    A certificate and its key.

    :ivar certificate: the certificate.
    :ivar pem: key and certificate, as ``certificate`` of :class:`~ftpserver.TLS` takes them in one file.
    """

    certificate: x509.Certificate
    pem: bytes

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint, as clients show it."""
        return self.certificate.fingerprint(SHA256()).hex(":").upper()


def make(names: Sequence[str], days: int, now: datetime | None = None) -> SelfSigned:
    """
    Make a certificate.

    :param names: hosts and addresses that it is for, at least one.
    :param days: how long it is valid.
    :param now: when that begins; by default now.
    :raises ValueError: on what is no name, or no number of days.
    """
    if not 1 <= days <= LONGEST:
        raise ValueError(f"a certificate is valid for 1 to {LONGEST} days, not {days}")
    alternatives = [_general_name(name) for name in names]
    start = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_COMMON_NAME_LENGTH])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock of a client may be a little slow.
        .not_valid_before(start - timedelta(minutes=5))
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(key, SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SelfSigned(certificate, secret + certificate.public_bytes(Encoding.PEM))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        # Not an address: a name.
        return x509.DNSName(checked_name(name))


def write(path: str, octets: bytes) -> None:
    """
    Write a file that nobody else may read.

    :raises FileExistsError: if there is something of that name; it is not touched.
    :raises OSError: if it cannot be written; nothing is left of it then.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            # Whatever the mask of the process says.
            os.fchmod(file.fileno(), 0o600)
            file.write(octets)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(path)
        raise
