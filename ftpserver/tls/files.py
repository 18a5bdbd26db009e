# -*- test-case-name: tests.test_tls_settings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Certificates, keys and revocation lists as they lie in PEM files.

What is wrong is a ``ValueError`` that names the keyword, the file and the cure, and nothing of what a key file holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

__all__ = [
    "Pair",
    "Path",
    "checked_name",
    "host_names",
    "paths",
    "read_authorities",
    "read_pair",
    "read_revocation_lists",
]

#: A file, as callers name it.
Path = str | os.PathLike[str]

#: Keys that can sign a handshake.
Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey

_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """
    A certificate, the certificates between it and its authority, and its key.

    :ivar chain: that of the server first.
    """

    chain: tuple[x509.Certificate, ...]
    key: Key

    @property
    def names(self) -> tuple[str, ...]:
        """The names of hosts that the certificate is for."""
        return host_names(self.chain[0])

    def problem(self, now: datetime) -> str | None:
        """Return what is wrong with the certificate at this time, if anything is."""
        leaf = self.chain[0]
        if now > leaf.not_valid_after_utc:
            return f"expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
        if now < leaf.not_valid_before_utc:
            return f"is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
        return None


def checked_name(name: object) -> str:
    """
    Return the name of a host, or a pattern of names, as it is compared.

    :raises ValueError: if it is none.
    """
    normal = name.lower().rstrip(".") if isinstance(name, str) else ""
    if len(normal) > 253 or not _NAME.fullmatch(normal):
        raise ValueError(
            f"{name!r} is not the name of a host; write it as clients ask for it: 'ftp.example.org', "
            "'*.example.org', or 'xn--...' for one that is not ASCII"
        )
    return normal


def host_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the names of hosts that a certificate is for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        # A name that cannot be read names nobody.
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def paths(keyword: str, value: Path | Sequence[Path] | None) -> tuple[Path, ...]:
    """
    Return the files of a keyword that takes one or several.

    :raises ValueError: on anything else.
    """
    if value is None:
        return ()
    if isinstance(value, str | os.PathLike):
        return (value,)
    if not isinstance(value, Sequence):
        raise ValueError(f"{keyword}: {value!r} is no path; give the path of a PEM file, or several in a list")
    return tuple(value)


def read_pair(keyword: str, certificate: Path, key_keyword: str, private_key: Path | None) -> Pair:
    """
    Read a certificate with its chain, and its key.

    :param keyword: what the certificate was given as; *key_keyword* what the key was.
    :param private_key: ``None`` is the file of the certificate.
    :raises ValueError: if one cannot be read, or they do not fit each other.
    """
    octets = _read(keyword, certificate)
    chain = _certificates(keyword, certificate, octets)
    if private_key is None:
        key_keyword, private_key = keyword, certificate
    else:
        octets = _read(key_keyword, private_key)
    key = _key(key_keyword, private_key, octets)
    if _public(key.public_key()) != _public(chain[0].public_key()):
        raise ValueError(
            f"{key_keyword}: the key in {_shown(private_key)} is not that of the first certificate in "
            f"{_shown(certificate)}; give the two that were made together, the server's own certificate first"
        )
    return Pair(chain, key)


def read_authorities(keyword: str, files: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    """
    Read the certificates of authorities, of which a file may hold several.

    :raises ValueError: if a file cannot be read, or holds none.
    """
    return tuple(one for file in files for one in _certificates(keyword, file, _read(keyword, file)))


def read_revocation_lists(keyword: str, files: Sequence[Path]) -> tuple[x509.CertificateRevocationList, ...]:
    """
    Read lists of revoked certificates, of which a file may hold several.

    :raises ValueError: if a file cannot be read, or holds none.
    """
    return tuple(one for file in files for one in _lists(keyword, file))


def _lists(keyword: str, file: Path) -> list[x509.CertificateRevocationList]:
    try:
        found = [x509.load_pem_x509_crl(one) for one in _LIST.findall(_read(keyword, file))]
    except ValueError as error:
        raise ValueError(
            f"{keyword}: {_shown(file)} holds a broken revocation list ({error}); fetch it anew"
        ) from error
    if not found:
        raise ValueError(f"{keyword}: {_shown(file)} holds no revocation list; give a file with 'BEGIN X509 CRL' (PEM)")
    return found


def _read(keyword: str, file: Path) -> bytes:
    if not isinstance(file, str | os.PathLike):
        # A number would be taken for an open file.
        raise ValueError(f"{keyword}: {file!r} is no path; give the path of a PEM file")
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{keyword}: {_shown(file)} cannot be read ({reason}); give the path of a PEM file that the server may read"
        ) from error


def _certificates(keyword: str, file: Path, octets: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(octets))
    except ValueError as error:
        raise ValueError(
            f"{keyword}: {_shown(file)} holds no certificate that can be read; give a PEM file with 'BEGIN CERTIFICATE'"
        ) from error


def _key(keyword: str, file: Path, octets: bytes) -> Key:
    try:
        key = load_pem_private_key(octets, None)
    except TypeError as error:
        raise ValueError(
            f"{keyword}: the key in {_shown(file)} is encrypted; give one without a passphrase ('openssl pkey' takes "
            "it off) that nobody else may read"
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Key):
        # The words of the library are left out: none may show what a key file holds.
        raise ValueError(
            f"{keyword}: {_shown(file)} holds no private key that can be used; give a PEM file with 'BEGIN PRIVATE KEY'"
            + (" as private_key" if keyword == "certificate" else "")
        )
    return key


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _shown(file: Path) -> str:
    return repr(os.fspath(file))
