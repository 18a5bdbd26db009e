# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A server with TLS, of the first kind on one port and of the other on a second one.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ftpserver import TLS
from ftpserver.core.events import Event
from tests.certificates import server_certificate, write_pair

from .conformance import ConformanceTestCase
from .harness import reactor
from .tls_client import End, SecureClient, client_context

__all__ = ["EXPLICIT", "IMPLICIT", "SecureTestCase"]

#: Which listener is which.
EXPLICIT, IMPLICIT = 0, 1


class SecureTestCase(ConformanceTestCase):
    """
    A test case with a server that has TLS, for clients that trust its authority.

    :cvar settings: keywords of :class:`TLS`, for every test of the class.
    :ivar certificate: the file of the server's certificate, with its key.
    :ivar events: what the server has published.
    """

    settings: ClassVar[Mapping[str, Any]] = {}

    def setUp(self) -> Any:
        """Make the certificate and start the server."""
        self.events: list[Event] = []
        self.certificate: Path = write_pair(self, server_certificate())
        return super().setUp()

    def tls(self, **settings: Any) -> TLS:
        """Return the TLS of the server, with *settings* beside those of the class."""
        return TLS(certificate=self.certificate, **{**self.settings, **settings})

    def server_keywords(self) -> dict[str, Any]:
        """Add TLS, and the list of events."""
        return {**super().server_keywords(), "tls": self.tls(), "observers": [self.events.append]}

    async def start_server(self, **keywords: Any) -> None:
        """Start a server with both kinds of listeners, where it has TLS at all."""
        await super().start_server(**keywords)
        if self.server.tls is not None:
            await self.server.start(self.host, tls="implicit")

    async def connect(
        self, *, source: str | None = None, greeting: bool = True, context: ssl.SSLContext | None = None
    ) -> SecureClient:
        """Return a client that has just connected, in clear."""
        client = await self.reach(SecureClient(reactor, source or self.host, context))
        if greeting:
            await client.reply(220)
        return client

    async def connect_implicitly(self, context: ssl.SSLContext | None = None, *, greeting: bool = True) -> SecureClient:
        """Return a client at the port where TLS begins at once; without greeting it has not begun yet."""
        client = await self.reach(SecureClient(reactor, self.host, context), IMPLICIT)
        if greeting:
            client.begin_tls(End(client.context))
            await client.secured()
            await client.reply(220)
        return client

    async def session(
        self, user: str = "alice", password: str = "secret", *, source: str | None = None
    ) -> SecureClient:
        """Return a client that has logged in in clear and chosen TYPE I."""
        client = await self.connect(source=source)
        await client.login(user, password)
        await client.command("TYPE I", 200)
        return client

    async def secured(self, context: ssl.SSLContext | None = None, *, source: str | None = None) -> SecureClient:
        """Return a client under explicit TLS, before the login."""
        client = await self.connect(source=source, context=context)
        await client.auth()
        return client

    async def private(
        self, context: ssl.SSLContext | None = None, user: str = "alice", password: str = "secret"
    ) -> SecureClient:
        """Return a client that has logged in under explicit TLS, and chosen TYPE I, PBSZ 0 and PROT P."""
        client = await self.secured(context)
        await client.login(user, password)
        await client.command("TYPE I", 200)
        await client.protect_data()
        return client

    async def privately(self, version: ssl.TLSVersion, **keywords: Any) -> SecureClient:
        """Return such a client that speaks this version only."""
        return await self.private(client_context(version, **keywords))
