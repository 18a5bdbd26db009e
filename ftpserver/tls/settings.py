# -*- test-case-name: tests.test_tls_settings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the TLS of a server is to be, with every wrong value told at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime

from .checks import (
    check_stdlib,
    checked_clients,
    checked_flag,
    checked_logins,
    checked_networks,
    checked_rules,
    checked_word,
    is_openssl,
)
from .files import Path, paths
from .reloading import Reloader
from .session import TLSSession
from .sources import ContextFactory, FileSource, NamedFiles, OpenSSLSource, Source, StdlibSource

__all__ = ["TLS", "ClientCertificates", "Required", "SessionReuse"]

Required = Literal["none", "control", "data"]
SessionReuse = Literal["off", "offered", "required"]
ClientCertificates = Literal["off", "optional", "required"]
MinimumVersion = Literal["1.2", "1.3"]
UnknownNames = Literal["default", "refuse"]

#: How often files are looked at, in seconds, by default; a change counts at the second look that shows it.
WATCH_INTERVAL = 10.0


class TLS:
    """
    The TLS of a server: ``Server(tls=TLS(certificate="fullchain.pem", private_key="key.pem"))``.

    Every version but 1.2 and 1.3, compression, renegotiation and 0-RTT are off. Clients that offer protocols by ALPN
    must offer ``ftp``. One object may serve several servers.

    :param certificate: path of a PEM file: the server's certificate, then those between it and its authority.
    :param private_key: path of a PEM file with the key, without a passphrase; without it, *certificate* holds the key.
    :param context: in place of the files: an ``OpenSSL.SSL.Context``, an object of Twisted with ``getContext`` such as
        ``CertificateOptions`` (either for FTP alone: settings are added to it), or a ``ssl.SSLContext``, which is used
        as it is: ALPN is not refused, names do not choose, and sessions are not bound.
    :param names: certificates by the name that clients ask for (SNI): a mapping from ``"ftp.example.org"``, or
        ``"*.example.org"`` for one label in place of the asterisk, to ``(certificate, private_key)``.
    :param unknown_names: what clients get that ask for another name: ``default``, the certificate above, or ``refuse``,
        the alert ``unrecognized_name``. Names in the certificate above are known.
    :param minimum_version: ``1.2`` or ``1.3``.
    :param ciphers: in the words of OpenSSL, with ``:`` between; names that begin with ``TLS_`` are for TLS 1.3.
    :param required: what clients must protect: ``none``, ``control`` (before USER), ``data`` (that too, and transfers).
    :param session_reuse: whether data connections can (``offered``) or must (``required``) continue the TLS session of
        their control connection. Only where it is required it proves that both have the same client.
    :param require_close_notify: whether an upload counts as cut when the client does not end it by TLS.
    :param client_certificates: whether clients are asked for a certificate, and whether they must have one.
    :param client_authorities: PEM file or files of the authorities that such certificates must come from.
    :param revocation_lists: PEM file or files of lists of revoked certificates: one of each authority in the chain.
    :param clear_networks: networks whose clients may do without TLS, whatever is *required*; all others must protect
        the control connection at least. ``None`` leaves it to *required*.
    :param clear_users: logins that may do without TLS where it is required, beside the anonymous one.
    :param clear_command_channel: whether clients may end TLS on the control connection after the login (CCC).
    :raises ValueError: on every wrong value or combination; the text begins with the keyword and says what would be
        right.
    """

    def __init__(
        self,
        *,
        certificate: Path | None = None,
        private_key: Path | None = None,
        context: SSL.Context | ContextFactory | ssl.SSLContext | None = None,
        names: Mapping[str, tuple[Path, Path | None]] | None = None,
        unknown_names: UnknownNames = "default",
        minimum_version: MinimumVersion = "1.2",
        ciphers: str | None = None,
        required: Required = "none",
        session_reuse: SessionReuse = "offered",
        require_close_notify: bool = True,
        client_certificates: ClientCertificates = "off",
        client_authorities: Path | Sequence[Path] | None = None,
        revocation_lists: Path | Sequence[Path] | None = None,
        clear_networks: Iterable[str | IPv4Network | IPv6Network] | None = None,
        clear_users: Collection[str] = (),
        clear_command_channel: bool = False,
    ) -> None:
        for keyword, value, kind in (
            ("required", required, Required),
            ("session_reuse", session_reuse, SessionReuse),
            ("client_certificates", client_certificates, ClientCertificates),
            ("minimum_version", minimum_version, MinimumVersion),
            ("unknown_names", unknown_names, UnknownNames),
        ):
            checked_word(keyword, value, kind)
        self.required: Required = required
        self.session_reuse: SessionReuse = session_reuse
        self.client_certificates: ClientCertificates = client_certificates
        self.require_close_notify = checked_flag("require_close_notify", require_close_notify)
        self.clear_command_channel = checked_flag("clear_command_channel", clear_command_channel)
        self.clear_networks = None if clear_networks is None else checked_networks(clear_networks)
        self.clear_users = checked_logins(clear_users)
        self._names = NamedFiles(names, refuse_others=unknown_names == "refuse")
        self._rules = checked_rules(minimum_version, ciphers, keeps_sessions=session_reuse != "off")
        self._clients = checked_clients(
            client_certificates,
            paths("client_authorities", client_authorities),
            paths("revocation_lists", revocation_lists),
        )
        self._reloader = Reloader(self._source(certificate, private_key, context))

    def open_session(self) -> TLSSession:
        """Begin what a new control connection and its data connections share, with the certificates of now."""
        return TLSSession(self._reloader.contexts, requires_reuse=self.session_reuse == "required")

    def required_from(self, host: str) -> Required:
        """
        Return what a client must protect.

        :param host: the address of the client; one that is in no network, as that of a Unix socket, needs TLS where
            networks are named.
        """
        if self.clear_networks is None:
            return self.required
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            address = None
        if address is not None and any(address in network for network in self.clear_networks):
            return "none"
        return "control" if self.required == "none" else self.required

    def reload(self, context: SSL.Context | ContextFactory | ssl.SSLContext | None = None) -> bool:
        """
        Read all files again (and call ``getContext`` again), for sessions that begin from now on.

        :param context: takes the place of the context that this was made with.
        :returns: whether all was right; if not, the log says what was wrong, and nothing has changed.
        :raises ValueError: if *context* is given in place of files, or is none.
        """
        return self._reloader.reload(None if context is None else self._replacement(context))

    def watch(self, reactor: IReactorTime, seconds: float = WATCH_INTERVAL) -> None:
        """
        Reload when files have changed, until :meth:`unwatch`.

        :param reactor: whose clock counts.
        :param seconds: between two looks at them.
        """
        self._reloader.watch(reactor, seconds)

    def unwatch(self) -> None:
        """Look at the files no more."""
        self._reloader.unwatch()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read; none where a context was given."""
        return self._reloader.source.files

    def confine(self, refusal: Callable[[Path], str | None]) -> None:
        """
        Ask, from now on, before files are read, whether this process may still do so.

        :param refusal: returns why one may not be read, and the cure; ``None`` if it may.
        """
        self._reloader.refusal = refusal

    def _source(self, certificate: Path | None, private_key: Path | None, context: object) -> Source:
        if context is not None:
            if certificate is not None or private_key is not None:
                raise ValueError(
                    "context: there is a certificate or private_key too; give files or a context, not both"
                )
            return self._context_source(context)
        if certificate is None:
            raise ValueError("certificate: it is missing; give the path of a PEM file, or a context")
        reused = self.session_reuse == "required"
        return FileSource(certificate, private_key, self._names, self._rules, self._clients, reused)

    def _replacement(self, context: object) -> Source:
        if isinstance(self._reloader.source, FileSource):
            raise ValueError("context: this TLS was made with files; change them and reload without a context")
        return self._context_source(context)

    def _context_source(self, context: object) -> Source:
        if self._clients is not None:
            raise ValueError("client_certificates: the context decides about them; set it up to verify clients instead")
        if self._rules.ciphers is not None:
            raise ValueError("ciphers: the context has its own; set them there")
        if isinstance(context, ssl.SSLContext):
            self._check_stdlib(context)
            return StdlibSource(context)
        reused = self.session_reuse == "required"
        if is_openssl(context):
            return OpenSSLSource(context, self._names, self._rules, requires_reuse=reused)
        raise ValueError(
            f"context: {context!r} is none; give an OpenSSL.SSL.Context, a twisted.internet.ssl.CertificateOptions or "
            "a ssl.SSLContext"
        )

    def _check_stdlib(self, context: ssl.SSLContext) -> None:
        if self.session_reuse != "offered":
            raise ValueError(
                f"session_reuse: {self.session_reuse!r} cannot be kept with a ssl.SSLContext; give certificate and "
                "private_key, or a context of OpenSSL"
            )
        if self._names or self._names.refuse_others:
            raise ValueError(
                f"{'names' if self._names else 'unknown_names'}: a ssl.SSLContext cannot choose by name here; set its "
                "sni_callback, or give certificate and private_key"
            )
        check_stdlib(context, self._rules.minimum_version)
