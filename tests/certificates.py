# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Certificates for tests, made by trustme in memory and written where a test wants them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from trustme import CA, LeafCert
from twisted.trial.unittest import SynchronousTestCase

__all__ = [
    "authority",
    "leaf",
    "parsed",
    "revocation_list",
    "server_certificate",
    "signed",
    "write",
    "write_pair",
]

DAY = timedelta(days=1)


def authority(name: str = "ours") -> CA:
    """Return the authority of that name, the same for the whole run."""
    return _authority(name)


@cache
def _authority(name: str) -> CA:
    return CA(organization_name=f"The authority that is {name}")


@cache
def server_certificate(*names: str) -> LeafCert:
    """Return a certificate of our authority for hosts, the same for the whole run; without names, for localhost."""
    return authority().issue_cert(*(names or ("localhost",)))


def leaf(name: str, issuer: str = "ours") -> LeafCert:
    """Return a certificate of a client, with one e-mail address or DNS name and the same common name."""
    return _leaf(name, issuer)


@cache
def _leaf(name: str, issuer: str) -> LeafCert:
    return authority(issuer).issue_cert(name, common_name=name)


def parsed(certificate: LeafCert) -> x509.Certificate:
    """Return the certificate itself."""
    return x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())


@cache
def _directory(_case: str) -> Path:
    # trial runs in a directory of its own, and keeps what the last run left.
    return Path(tempfile.mkdtemp(dir=".")).resolve()


def write(case: SynchronousTestCase, octets: bytes, name: str = "file.pem") -> Path:
    """Write a file of a test."""
    path = _directory(case.id()) / name
    path.write_bytes(octets)
    return path


def write_pair(case: SynchronousTestCase, certificate: LeafCert, name: str = "server.pem") -> Path:
    """Write a key and its certificates into one file."""
    return write(case, certificate.private_key_and_cert_chain_pem.bytes(), name)


def signed(
    common_names: Sequence[str] = (),
    alternatives: Sequence[x509.GeneralName] = (),
    *,
    begins: datetime | None = None,
    ends: datetime | None = None,
    issuer: CA | None = None,
    usage: x509.ObjectIdentifier | None = None,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> tuple[x509.Certificate, bytes]:
    """
    Return a certificate such as trustme does not make, and it with its key in PEM.

    :param issuer: by default our authority.
    :param usage: what it is for; without it, for anything.
    :param key: by default a new one.
    """
    now = datetime.now(UTC)
    ca = issuer or authority()
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in common_names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_certificate_of(ca).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + DAY)
        .add_extension(_key_identifier(ca), critical=False)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = builder.sign(_key_of(ca), SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate, secret + certificate.public_bytes(Encoding.PEM)


def revocation_list(*revoked: LeafCert, issuer: str = "ours", updated_by: timedelta = DAY) -> bytes:
    """Return a list of an authority that revokes certificates, in PEM."""
    ca = authority(issuer)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_certificate_of(ca).subject)
        .last_update(now - 3 * DAY)
        .next_update(now + updated_by)
        .add_extension(_key_identifier(ca), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(parsed(one).serial_number).revocation_date(now - DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(_key_of(ca), SHA256()).public_bytes(Encoding.PEM)


def _certificate_of(ca: CA) -> x509.Certificate:
    return x509.load_pem_x509_certificate(ca.cert_pem.bytes())


def _key_of(ca: CA) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _key_identifier(ca: CA) -> x509.AuthorityKeyIdentifier:
    certificate = _certificate_of(ca)
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)
