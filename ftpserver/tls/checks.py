# -*- test-case-name: tests.test_tls_settings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What single values of :class:`ftpserver.TLS` must be; each error says what would be right.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeGuard, TypeVar, get_args

from OpenSSL import SSL

from .bindings import reason
from .contexts import Rules, set_ciphers
from .files import Path
from .sources import ClientFiles, ContextFactory

__all__ = [
    "check_stdlib",
    "checked_clients",
    "checked_flag",
    "checked_logins",
    "checked_networks",
    "checked_rules",
    "checked_word",
    "is_openssl",
]

Network = IPv4Network | IPv6Network

_Item = TypeVar("_Item")


def checked_word(keyword: str, value: str, kind: object) -> None:
    """Refuse a value that is none of the words of a ``Literal``."""
    words = get_args(kind)
    if value not in words:
        raise ValueError(f"{keyword}: {value!r} is none of {', '.join(map(repr, words))}")


def checked_flag(keyword: str, value: bool) -> bool:
    """Return a value that is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{keyword}: {value!r} is neither True nor False")
    return value


def checked_networks(value: Iterable[str | Network]) -> tuple[Network, ...]:
    """Return networks."""
    return tuple(_network(one) for one in _several("clear_networks", value, "['10.0.0.0/8', '2001:db8::/32']"))


def _network(value: str | Network) -> Network:
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(f"clear_networks: {value!r} is no network ({error}); write it as '10.0.0.0/8'") from error


def checked_logins(value: Collection[str]) -> frozenset[str]:
    """Return logins."""
    logins = _several("clear_users", value, "['printer']")
    for login in logins:
        if not isinstance(login, str):
            raise ValueError(f"clear_users: {login!r} is no login; the anonymous account needs not be named")
    return frozenset(logins)


def _several(keyword: str, value: Iterable[_Item], example: str) -> list[_Item]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"{keyword}: {value!r} is no list; write it as {example}")
    return list(value)


def checked_rules(minimum_version: str, ciphers: str | None, *, keeps_sessions: bool) -> Rules:
    """Return what holds for all contexts."""
    if ciphers is not None:
        if not isinstance(ciphers, str):
            raise ValueError(f"ciphers: {ciphers!r} is no text; write names with ':' between")
        try:
            set_ciphers(SSL.Context(SSL.TLS_SERVER_METHOD), ciphers)
        except (SSL.Error, UnicodeEncodeError) as error:
            raise ValueError(
                f"ciphers: OpenSSL knows none of {ciphers!r} ({reason(error)}); 'openssl ciphers -s' lists them"
            ) from error
    return Rules(minimum_version, ciphers, keeps_sessions)


def checked_clients(
    wanted: str, authorities: tuple[Path, ...], revocation_lists: tuple[Path, ...]
) -> ClientFiles | None:
    """Return what certificates of clients are compared with."""
    if wanted == "off":
        for keyword, given in (("client_authorities", authorities), ("revocation_lists", revocation_lists)):
            if given:
                raise ValueError(
                    f"{keyword}: no client is asked for a certificate; give client_certificates='optional'"
                )
        return None
    if not authorities:
        raise ValueError(
            f"client_certificates: {wanted!r} needs client_authorities, a PEM file of those who make such certificates"
        )
    return ClientFiles(wanted == "required", authorities, revocation_lists)


def check_stdlib(context: ssl.SSLContext, minimum_version: str) -> None:
    """Refuse a context of the standard library that is for clients, or speaks older versions."""
    if context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        raise ValueError("context: this ssl.SSLContext is for clients; make it with ssl.PROTOCOL_TLS_SERVER")
    lowest = ssl.TLSVersion.TLSv1_2 if minimum_version == "1.2" else ssl.TLSVersion.TLSv1_3
    if context.minimum_version < lowest:
        raise ValueError(
            f"context: it accepts versions before TLS {minimum_version}; set its minimum_version to "
            f"ssl.TLSVersion.{lowest.name}"
        )


def is_openssl(context: object) -> TypeGuard[SSL.Context | ContextFactory]:
    """Tell whether *context* is one of OpenSSL, or makes one."""
    return isinstance(context, SSL.Context) or callable(getattr(context, "getContext", None))
