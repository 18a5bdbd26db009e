# -*- test-case-name: tests.test_config_tls_values -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The kinds of values about TLS in the configuration file: files in PEM, names, networks, choices.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import PlainValidator, ValidationInfo

from ..tls.checks import checked_rules
from ..tls.files import read_authorities, read_revocation_lists
from ..tls.sources import NamedFiles
from .values import Words, directory_of, each, text_of

__all__ = [
    "Authorities",
    "CertificateFile",
    "CertificateNames",
    "Ciphers",
    "ClientCertificates",
    "Cured",
    "HostName",
    "KeyFile",
    "ListenerTLS",
    "Logins",
    "MinimumVersion",
    "Networks",
    "Required",
    "RevocationLists",
    "SessionReuse",
    "UnknownNames",
]

#: Between "-----BEGIN " and the end of the line of every private key that OpenSSL writes.
KEY_LABEL = b"PRIVATE KEY-----"


class Cured(ValueError):
    """A reason that says itself what would be right."""


def without_keyword(error: ValueError) -> str:
    """Return what a ValueError of :mod:`ftpserver.tls` says, without the keyword that it begins with."""
    return str(error).partition(": ")[2]


# Files.


def path_of(value: object, directory: Path) -> Path:
    """
    Return the file that *value* names, which is there.

    :raises ValueError: if it is not.
    """
    name = text_of(value)
    path = directory / name
    if not name or "\0" in name:
        raise ValueError("there is no such file")
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error


def _certificate(value: object, information: ValidationInfo) -> Path:
    path = path_of(value, directory_of(information))
    _told(read_authorities, path)
    return path


def _key(value: object, information: ValidationInfo) -> Path:
    path = path_of(value, directory_of(information))
    # Whether it can be used is asked together with the certificate.
    if KEY_LABEL not in path.read_bytes():
        raise ValueError("it holds no private key")
    return path


def _files(read: Callable[[str, list[Path]], object]) -> Callable[[object, ValidationInfo], tuple[Path, ...]]:
    def files(value: object, information: ValidationInfo) -> tuple[Path, ...]:
        paths = [path_of(one, directory_of(information)) for one in (value if isinstance(value, list) else [value])]
        if not paths:
            raise ValueError("there is no file at all")
        for path in paths:
            _told(read, path)
        return tuple(paths)

    return files


def _told(read: Callable[[str, list[Path]], object], path: Path) -> None:
    try:
        read("file", [path])
    except ValueError as error:
        raise Cured(without_keyword(error)) from error


CertificateFile = Annotated[
    Path,
    PlainValidator(_certificate),
    Words("a PEM file with the certificate and those between it and its authority; relative to the configuration file"),
]
KeyFile = Annotated[
    Path | None,
    PlainValidator(_key),
    Words("a PEM file with a private key, without a passphrase; relative to the configuration file"),
]
Authorities = Annotated[
    tuple[Path, ...],
    PlainValidator(_files(read_authorities)),
    Words("a PEM file of certificates, or a list of such files; relative to the configuration file"),
]
RevocationLists = Annotated[
    tuple[Path, ...],
    PlainValidator(_files(read_revocation_lists)),
    Words("a PEM file of revocation lists, or a list of such files; relative to the configuration file"),
]


# Names and networks.


def _host_name(value: object) -> str:
    name = text_of(value)
    try:
        NamedFiles({name: ("", None)}, refuse_others=False)
    except ValueError as error:
        raise Cured(without_keyword(error)) from error
    return name.lower().rstrip(".")


def _ciphers(value: object) -> str:
    ciphers = text_of(value)
    try:
        checked_rules("1.2", ciphers, keeps_sessions=True)
    except ValueError as error:
        raise ValueError("OpenSSL knows none of them") from error
    return ciphers


def _network(value: object) -> str:
    return str(ip_network(text_of(value)))


def _certificate_name(value: object) -> str:
    name = text_of(value)
    if not name or not name.isprintable():
        raise ValueError("empty, or with a character that cannot be printed")
    if "*" in name:
        raise ValueError(f"{name} is a pattern, which no account belongs to")
    return name


HostName = Annotated[
    str, PlainValidator(_host_name), Words('the name of a host, such as "ftp.example.org" or "*.example.org"')
]
Ciphers = Annotated[
    str | None, PlainValidator(_ciphers), Words("names that 'openssl ciphers -s' lists, with ':' between")
]
Networks = Annotated[
    tuple[str, ...] | None,
    PlainValidator(each(_network)),
    Words('a list of networks, such as ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"]'),
]
Logins = Annotated[tuple[str, ...], PlainValidator(each(text_of)), Words("a list of logins")]
CertificateNames = Annotated[
    tuple[str, ...],
    PlainValidator(each(_certificate_name)),
    Words('a list of names, such as ["alice@example.org"]'),
]


# Choices.

ListenerTLS = Annotated[
    Literal["off", "explicit", "implicit"] | None,
    Words('"off", "explicit" or "implicit"'),
]
Required = Annotated[Literal["none", "control", "data"], Words('"none", "control" or "data"')]
SessionReuse = Annotated[Literal["off", "offered", "required"], Words('"off", "offered" or "required"')]
ClientCertificates = Annotated[Literal["off", "optional", "required"], Words('"off", "optional" or "required"')]
MinimumVersion = Annotated[Literal["1.2", "1.3"], Words('"1.2" or "1.3"')]
UnknownNames = Annotated[Literal["default", "refuse"], Words('"default" or "refuse"')]
