# -*- test-case-name: tests.test_tls_contexts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Contexts of OpenSSL: versions, ciphers, protocols and names that the server accepts.

One set of contexts serves all sessions until the next reload; what ties the data connections of a session to its
control connection is the binding that each connection is made with.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from .bindings import SHARED, alert_unless
from .files import Pair
from .layer import OpenSSLLayer, StdlibLayer, TLSLayer, WrongALPN

__all__ = [
    "ClientAuthorities",
    "Contexts",
    "OpenSSLContexts",
    "Rules",
    "StdlibContexts",
    "build",
    "choose_by_name",
    "prepare",
]

#: What a server may be asked to speak (the registry of RFC 7301); others are other people's (https://alpaca-attack.com).
PROTOCOL = b"ftp"

#: For TLS 1.2: forward secrecy and authenticated encryption only, as in Mozilla's intermediate recommendation. Those of
#: TLS 1.3 are all of this kind.
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)

#: Longest time, in seconds, between a handshake and one that continues its session: a control connection may be quiet
#: for most of a day between two transfers.
SESSION_LIFETIME = 86400

_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
# Bits, so that nothing that is stricter already gets laxer.
_ONLY_FROM = {
    "1.2": SSL.OP_NO_SSLv3 | SSL.OP_NO_TLSv1 | SSL.OP_NO_TLSv1_1,
    "1.3": SSL.OP_NO_SSLv3 | SSL.OP_NO_TLSv1 | SSL.OP_NO_TLSv1_1 | SSL.OP_NO_TLSv1_2,
}


@dataclass(frozen=True, slots=True)
class ClientAuthorities:
    """
    Whose certificates clients may show.

    :ivar required: whether a client without one is refused.
    :ivar certificates: of the authorities.
    :ivar revocation_lists: where there are any, each authority in a client's chain must have one.
    """

    required: bool
    certificates: tuple[x509.Certificate, ...]
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What holds for every context of a set.

    :ivar minimum_version: ``1.2`` or ``1.3``.
    :ivar ciphers: in the words of OpenSSL; ``None`` is :data:`CIPHERS`.
    :ivar keeps_sessions: whether any session can be continued.
    :ivar clients: ``None`` asks for no certificate.
    """

    minimum_version: str = "1.2"
    ciphers: str | None = None
    keeps_sessions: bool = True
    clients: ClientAuthorities | None = None


def build(pair: Pair, rules: Rules) -> SSL.Context:
    """
    Make a context for one certificate.

    :raises SSL.Error: if OpenSSL does not take the certificate, the key (too short) or the ciphers.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    # Before the certificate: what OpenSSL takes depends on the security level, which the ciphers may set.
    set_ciphers(context, rules.ciphers)
    context.use_certificate(pair.chain[0])
    for certificate in pair.chain[1:]:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(pair.key)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    if rules.clients is not None:
        _verify_clients(context, rules.clients)
    prepare(context, rules)
    return context


def prepare(context: SSL.Context, rules: Rules) -> None:
    """
    Set what holds for every context, one that somebody else made included.

    :raises ValueError: if it is in use already.
    """
    context.set_options(_OPTIONS | _ONLY_FROM[rules.minimum_version])
    context.set_session_id(SHARED)
    if rules.keeps_sessions:
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
        context.set_timeout(SESSION_LIFETIME)
    else:
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(_select_protocol)


def set_ciphers(context: SSL.Context, ciphers: str | None) -> None:
    """
    Set the ciphers.

    :raises SSL.Error: if none is known.
    """
    names = (ciphers or CIPHERS).split(":")
    suites = [name for name in names if name.startswith("TLS_")]
    others = [name for name in names if not name.startswith("TLS_")]
    context.set_cipher_list((":".join(others) or CIPHERS).encode())
    if suites:
        context.set_tls13_ciphersuites(":".join(suites).encode())


def _select_protocol(_connection: SSL.Connection, offered: Sequence[bytes]) -> bytes:
    if PROTOCOL not in offered:
        raise WrongALPN("the client offers other protocols than FTP (ALPN)")
    return PROTOCOL


def _verify_clients(context: SSL.Context, clients: ClientAuthorities) -> None:
    context.set_verify(SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if clients.required else 0))
    store = context.get_cert_store()
    assert store is not None, "each context of OpenSSL is made with one"
    for certificate in clients.certificates:
        store.add_cert(X509.from_cryptography(certificate))
        context.add_client_ca(certificate)
    for revocation_list in clients.revocation_lists:
        store.add_crl(revocation_list)
    if clients.revocation_lists:
        store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)


class Contexts(Protocol):
    """What makes the layers of sessions."""

    def layer(self, binding: bytes, like: TLSLayer | None = None) -> TLSLayer:
        """
        Make the server's end of one connection.

        :param binding: of the session; only where sessions are bound it counts.
        :param like: the layer of the control connection, for a data connection, which shows the same certificate.
        """
        ...


@dataclass(frozen=True, slots=True)
class StdlibContexts:
    """
    A ``ssl.SSLContext`` as it is.

    :ivar context: the context.
    """

    context: ssl.SSLContext

    def layer(self, _binding: bytes, _like: TLSLayer | None = None) -> TLSLayer:
        """See :class:`Contexts`."""
        return StdlibLayer(self.context)


@dataclass(frozen=True, slots=True)
class OpenSSLContexts:
    """
    A context of OpenSSL for clients that name no server, and others by name.

    :ivar default: the context.
    :ivar is_bound: whether a session is continued only by connections of the same control connection.
    """

    default: SSL.Context
    is_bound: bool = field(default=False)

    def layer(self, binding: bytes, like: TLSLayer | None = None) -> TLSLayer:
        """See :class:`Contexts`."""
        chosen = like.context if isinstance(like, OpenSSLLayer) else None
        return OpenSSLLayer(self.default, binding=binding if self.is_bound else SHARED, chosen=chosen)


def choose_by_name(default: SSL.Context, names: Mapping[str, SSL.Context | None], *, refuse: bool) -> None:
    """
    Let the name that clients ask for (SNI) choose.

    :param names: in lower case, ``*.example.org`` for one label in place of the asterisk; ``None`` is *default* itself.
    :param refuse: whether other names are refused with the alert ``unrecognized_name``.
    """

    def accept(connection: SSL.Connection) -> bool:
        chosen = connection.get_app_data()
        name = connection.get_servername()
        if chosen is None and name is not None:
            known = _known(names, name.decode("latin-1").lower().rstrip("."))
            if known is None:
                return not refuse
            chosen = names[known]
        if chosen is not None:
            connection.set_context(chosen)
        return True

    alert_unless(default, accept)


def _known(names: Mapping[str, SSL.Context | None], name: str) -> str | None:
    return next((one for one in (name, "*." + name.partition(".")[2]) if one in names), None)
