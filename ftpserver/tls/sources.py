# -*- test-case-name: tests.test_tls_settings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where contexts come from: files, an object of OpenSSL or Twisted, or a ``ssl.SSLContext``.

Each source can be loaded again, when files have changed.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cryptography import x509
from OpenSSL import SSL

from .bindings import reason
from .contexts import (
    ClientAuthorities,
    Contexts,
    OpenSSLContexts,
    Rules,
    StdlibContexts,
    build,
    choose_by_name,
    prepare,
)
from .files import Pair, Path, checked_name, host_names, read_authorities, read_pair, read_revocation_lists

__all__ = [
    "ClientFiles",
    "ContextFactory",
    "FileSource",
    "Loaded",
    "NamedFiles",
    "OpenSSLSource",
    "Source",
    "StdlibSource",
]

#: How times are written.
_TIME = "%Y-%m-%d %H:%M:%S UTC"


class ContextFactory(Protocol):
    """An object that makes a context of OpenSSL, such as ``twisted.internet.ssl.CertificateOptions``."""

    def getContext(self) -> SSL.Context:  # noqa: N802 - Twisted's name.
        """Return the context."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    What a source gave.

    :ivar contexts: to serve with.
    :ivar warnings: what will make clients complain.
    """

    contexts: Contexts
    warnings: tuple[str, ...] = ()


class Source(Protocol):
    """Something that contexts are made from."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        ...

    def load(self) -> Loaded:
        """
        Read the files and make contexts.

        :raises ValueError: if anything is wrong; nothing has changed then.
        """
        ...


class NamedFiles:
    """
    The certificates for the names that clients may ask for.

    :param names: as :class:`~ftpserver.TLS` takes them.
    :param refuse_others: whether a name is refused that neither these nor the default certificate have.
    :raises ValueError: on what is no name, or no pair of files.
    :ivar refuse_others: as given.
    """

    def __init__(self, names: Mapping[str, tuple[Path, Path | None]] | None, *, refuse_others: bool) -> None:
        self.refuse_others = refuse_others
        if names is not None and not isinstance(names, Mapping):
            raise ValueError(f"names: {names!r} is no mapping; give {{name: (certificate, private_key)}}")
        self._names = {_checked_name(name): _checked_files(name, files) for name, files in (names or {}).items()}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold them."""
        return tuple(file for pair in self._names.values() for file in pair if file is not None)

    def __bool__(self) -> bool:
        return bool(self._names)

    def read(self) -> dict[str, Pair]:
        """
        Read the files.

        :raises ValueError: if anything is wrong with one.
        """
        return {name: _pair(f"names[{name!r}]", *files) for name, files in self._names.items()}

    def choose(self, default: SSL.Context, own_names: tuple[str, ...], named: Mapping[str, SSL.Context]) -> None:
        """
        Let *default* choose by name.

        :param own_names: those of its certificate.
        :param named: the others.
        """
        if named or self.refuse_others:
            own = dict.fromkeys((name.lower().rstrip(".") for name in own_names), None)
            choose_by_name(default, {**own, **named}, refuse=self.refuse_others)


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """
    Whose certificates clients may show, in files.

    :ivar required: whether a client without one is refused.
    :ivar authorities: files of certificates.
    :ivar revocation_lists: files of lists of revoked certificates.
    """

    required: bool
    authorities: tuple[Path, ...]
    revocation_lists: tuple[Path, ...]

    def read(self) -> ClientAuthorities:
        """
        Read the files.

        :raises ValueError: if anything is wrong with one.
        """
        return ClientAuthorities(
            self.required,
            read_authorities("client_authorities", self.authorities),
            read_revocation_lists("revocation_lists", self.revocation_lists),
        )


@dataclass(frozen=True, slots=True)
class FileSource:
    """
    A certificate and a key in PEM files.

    :ivar certificate: with the chain.
    :ivar private_key: ``None`` is the file of the certificate.
    :ivar names: others.
    :ivar rules: for all contexts, but for the authorities of clients.
    :ivar clients: those; ``None`` for none.
    :ivar requires_reuse: whether sessions are bound to their control connection.
    """

    certificate: Path
    private_key: Path | None
    names: NamedFiles
    rules: Rules
    clients: ClientFiles | None
    requires_reuse: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """See :class:`Source`."""
        own = (self.certificate,) if self.private_key is None else (self.certificate, self.private_key)
        clients = () if self.clients is None else (*self.clients.authorities, *self.clients.revocation_lists)
        return (*own, *self.names.files, *clients)

    def load(self) -> Loaded:
        """See :class:`Source`."""
        pair = _pair("certificate", self.certificate, self.private_key)
        pairs = self.names.read()
        clients = None if self.clients is None else self.clients.read()
        rules = Rules(self.rules.minimum_version, self.rules.ciphers, self.rules.keeps_sessions, clients)
        default = _build("certificate", pair, rules)
        self.names.choose(default, pair.names, _contexts(pairs, rules))
        # With certificates of clients too: one that was revoked since must not come back on an old session.
        contexts = OpenSSLContexts(default, is_bound=self.requires_reuse or clients is not None)
        return Loaded(contexts, _warnings({"certificate": pair, **_keywords(pairs)}, clients))


class OpenSSLSource:
    """
    A context of OpenSSL, or an object of Twisted that makes one.

    :param context: not in use yet, and for FTP alone.
    :param names: others, in files.
    :param rules: for all contexts.
    :param requires_reuse: whether sessions are bound to their control connection.
    """

    def __init__(
        self, context: SSL.Context | ContextFactory, names: NamedFiles, rules: Rules, *, requires_reuse: bool
    ) -> None:
        self._context = context
        self._names = names
        self._rules = rules
        self._requires_reuse = requires_reuse
        self._own: tuple[SSL.Context, x509.Certificate] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """See :class:`Source`."""
        return self._names.files

    def load(self) -> Loaded:
        """See :class:`Source`."""
        pairs = self._names.read()
        named = _contexts(pairs, self._rules)
        context = self._context if isinstance(self._context, SSL.Context) else self._context.getContext()
        if self._own is None or self._own[0] is not context:
            self._own = context, self._prepared(context)
        verifies = context.get_verify_mode() != SSL.VERIFY_NONE
        if verifies and self._names:
            raise ValueError(
                "names: these certificates know nothing of the authorities in the context, which verifies clients; "
                "give certificate and client_authorities instead of the context"
            )
        self._names.choose(context, host_names(self._own[1]), named)
        contexts = OpenSSLContexts(context, is_bound=self._requires_reuse or verifies)
        return Loaded(contexts, _warnings(_keywords(pairs), None))

    def _prepared(self, context: SSL.Context) -> x509.Certificate:
        try:
            context.check_privatekey()
            prepare(context, self._rules)
        except SSL.Error as error:
            raise ValueError(
                f"context: it has no certificate with a key that fits ({reason(error)}); load both before it is given"
            ) from error
        except ValueError as error:
            raise ValueError(
                "context: it is in use already and can take no more settings; give one that serves FTP alone"
            ) from error
        certificate = SSL.Connection(context, None).get_certificate(as_cryptography=True)
        assert certificate is not None, "its key was just found to fit"
        return certificate


@dataclass(frozen=True, slots=True)
class StdlibSource:
    """
    A ``ssl.SSLContext``, to which nothing is added.

    :ivar context: the context.
    """

    context: ssl.SSLContext

    @property
    def files(self) -> tuple[Path, ...]:
        """See :class:`Source`."""
        return ()

    def load(self) -> Loaded:
        """See :class:`Source`."""
        return Loaded(StdlibContexts(self.context))


def _checked_name(name: object) -> str:
    try:
        return checked_name(name)
    except ValueError as error:
        raise ValueError(f"names: {error}") from error


def _checked_files(name: str, files: object) -> tuple[Path, Path | None]:
    if not isinstance(files, tuple | list) or len(files) != 2:
        raise ValueError(
            f"names[{name!r}]: {files!r} is not a pair; give (certificate, private_key), the second None where the "
            "first holds both"
        )
    return files[0], files[1]


def _pair(keyword: str, certificate: Path, private_key: Path | None) -> Pair:
    return read_pair(keyword, certificate, "private_key" if keyword == "certificate" else keyword, private_key)


def _build(keyword: str, pair: Pair, rules: Rules) -> SSL.Context:
    try:
        return build(pair, rules)
    except SSL.Error as error:
        raise ValueError(
            f"{keyword}: OpenSSL refuses the certificate or the key ({reason(error)}); give one with an RSA key of "
            "2,048 bits or more, or one of an elliptic curve"
        ) from error


def _contexts(pairs: Mapping[str, Pair], rules: Rules) -> dict[str, SSL.Context]:
    return {name: _build(f"names[{name!r}]", pair, rules) for name, pair in pairs.items()}


def _keywords(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    return {f"names[{name!r}]": pair for name, pair in pairs.items()}


def _warnings(pairs: Mapping[str, Pair], clients: ClientAuthorities | None) -> tuple[str, ...]:
    now = datetime.now(UTC)
    dated = tuple(f"{keyword}: it {problem}" for keyword, pair in pairs.items() if (problem := pair.problem(now)))
    outdated = tuple(
        f"revocation_lists: that of {one.issuer.rfc4514_string()!r} was to be replaced by "
        f"{one.next_update_utc:{_TIME}}; clients of this authority are refused until it is"
        for one in (() if clients is None else clients.revocation_lists)
        if one.next_update_utc is not None and one.next_update_utc < now
    )
    return (*dated, *outdated)
