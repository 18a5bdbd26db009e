# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Dialogues under TLS, still without a socket.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

import trustme
from OpenSSL import SSL

from ftpserver import TLS, Reply
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase

__all__ = ["AUTHORITY", "SERVER", "SecureDialogue", "SecureTestCase", "client_context", "make_tls"]

#: One authority for all tests: making a key takes a while.
AUTHORITY = trustme.CA()
SERVER = AUTHORITY.issue_cert("ftp.example.org")


def make_tls(**keywords: Any) -> TLS:
    """Return the TLS of a server, with a certificate of :data:`AUTHORITY`."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    SERVER.configure_cert(context)
    return TLS(context=context, **keywords)


def client_context(client: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """Return the context of a client, with a certificate of its own if need be."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if client is not None:
        client.configure_cert(context)
    return context


class SecureDialogue(Dialogue):
    """
    A dialogue whose control connection can be under TLS.

    :param client: certificate of the client.
    :ivar server_has_ended_tls: whether close_notify of the server was read.
    """

    def __init__(self, *arguments: Any, client: trustme.LeafCert | None = None, **keywords: Any) -> None:
        self._context = client_context(client)
        self._tls: ssl.SSLObject | None = None
        self.server_has_ended_tls = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        super().__init__(*arguments, **keywords)

    def begin_tls(self) -> None:
        """Do the handshake."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname="ftp.example.org")
        for _ in range(4):
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            super().send(self._outgoing.read())
            self._incoming.write(self.transport.take_written())
        self._tls = tls

    def secure(self) -> None:
        """Begin TLS as AUTH asks for it."""
        self.say("AUTH TLS", expect=234)
        self.begin_tls()

    def end_tls(self, behind: bytes = b"") -> None:
        """Answer the server's close_notify, with octets in clear behind it in the same segment."""
        assert self._tls is not None
        tls, self._tls = self._tls, None
        self._incoming.write(self.transport.take_written())
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        super().send(self._outgoing.read() + behind)

    def send(self, octets: bytes) -> None:
        """Send octets, under TLS once that has begun."""
        if self._tls is not None:
            self._tls.write(octets)
            octets = self._outgoing.read()
        super().send(octets)

    def replies(self) -> list[Reply]:
        """Return every reply so far, in clear or not."""
        if self._tls is None:
            return super().replies()
        self._incoming.write(self.transport.take_written())
        clear = b""
        with suppress(ssl.SSLWantReadError):
            while piece := self._tls.read(65536):
                clear += piece
            # Nothing, and no wish for more, is close_notify.
            self.server_has_ended_tls = True
        return self._replies.feed(clear)


class SecureTestCase(ConversationTestCase):
    """Dialogues with a server that has TLS."""

    def open(self, users: Any = None, *, client: trustme.LeafCert | None = None, **keywords: Any) -> SecureDialogue:
        """Return a dialogue that has just begun, in clear."""
        if "server" not in keywords:
            keywords.setdefault("tls", make_tls())
        dialogue = SecureDialogue(users, client=client, **keywords)
        self.addCleanup(self._leave, dialogue, "server" not in keywords)
        return dialogue

    def secured(self, users: Any = None, **keywords: Any) -> SecureDialogue:
        """Return a dialogue under TLS, before the login."""
        dialogue = self.open(users, **keywords)
        dialogue.secure()
        return dialogue
