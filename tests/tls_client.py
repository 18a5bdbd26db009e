# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A client of TLS in memory, which talks to a layer of the server without a socket.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Protocol

from OpenSSL import SSL
from trustme import CA, LeafCert

from ftpserver.tls.bindings import reason
from ftpserver.tls.layer import TLSFailure, TLSLayer
from tests.certificates import authority

__all__ = ["VERSIONS", "Client", "ForeignClient", "client_context", "converse", "established", "transfer"]

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def client_context(
    version: ssl.TLSVersion | None = None,
    *,
    alpn: Sequence[str] = (),
    certificate: LeafCert | None = None,
    tickets: bool = True,
    trusted: CA | None = None,
) -> ssl.SSLContext:
    """
    Return what a client is to be.

    :param version: the only one it speaks.
    :param tickets: whether it takes those of TLS 1.2.
    :param trusted: by default our authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    (trusted or authority()).configure_trust(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    if certificate is not None:
        certificate.configure_cert(context)
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


class AnyClient(Protocol):
    """What a conversation needs."""

    def take(self, data: bytes) -> None:
        """Take what the server sent."""
        ...

    def take_alert(self, data: bytes) -> None:
        """Take what the server sent when it gave up."""
        ...

    def outgoing(self) -> bytes:
        """Return what is for the server."""
        ...


class Client:
    """
    A client of the standard library.

    :ivar heard: what the server said.
    :ivar has_ended: whether the server has ended TLS.
    :ivar alert: what it said when it gave up.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        *,
        session: ssl.SSLSession | None = None,
        server_name: str | None = "localhost",
    ) -> None:
        chosen = context or client_context()
        if server_name is None:
            chosen.check_hostname = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = chosen.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        self.is_established = False
        self.has_ended = False
        self.heard = b""
        self.alert = ""
        self.take(b"")

    def take(self, data: bytes) -> None:
        """Take what the server sent."""
        self._incoming.write(data)
        pieces = []
        try:
            if not self.is_established:
                self.tls.do_handshake()
                self.is_established = True
            while piece := self.tls.read(16384):
                pieces.append(piece)
            self.has_ended = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            # The same when it has said its own end already.
            self.has_ended = True
        finally:
            self.heard += b"".join(pieces)

    def take_alert(self, data: bytes) -> None:
        """Take what the server sent when it gave up."""
        try:
            self.take(data)
        except ssl.SSLError as error:
            self.alert = error.reason or str(error)

    def say(self, data: bytes) -> None:
        """Send data."""
        while data:
            data = data[self.tls.write(data) :]

    def end(self) -> None:
        """Say that nothing more comes."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            return

    def outgoing(self) -> bytes:
        """Return what is for the server."""
        return self._outgoing.read()

    @property
    def server_certificate(self) -> bytes | None:
        """The certificate of the server."""
        return self.tls.getpeercert(binary_form=True)


class ForeignClient:
    """
    A client of pyOpenSSL, which does what the standard library would not.

    :param prepare: sets up its context.
    """

    def __init__(self, prepare: Callable[[SSL.Context], object] = lambda _context: None) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        prepare(context)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        self.is_established = False
        self.alert = ""
        self.take(b"")

    def take(self, data: bytes) -> None:
        """Take what the server sent."""
        try:
            if data:
                self.tls.bio_write(data)
            if not self.is_established:
                self.tls.do_handshake()
                self.is_established = True
            while True:
                self.tls.recv(16384)
        except SSL.WantReadError:
            return

    def take_alert(self, data: bytes) -> None:
        """Take what the server sent when it gave up."""
        try:
            self.take(data)
        except SSL.Error as error:
            self.alert = reason(error)

    def outgoing(self) -> bytes:
        """Return what is for the server."""
        pieces = []
        try:
            while True:
                pieces.append(self.tls.bio_read(65536))
        except SSL.WantReadError:
            return b"".join(pieces)


def converse(layer: TLSLayer, client: AnyClient) -> bytes:
    """
    Carry octets until nobody has any more.

    :returns: what the client said.
    :raises TLSFailure: with what the server then says carried to the client, who keeps it as its alert.
    """
    heard = b""
    while True:
        to_server = client.outgoing()
        if to_server:
            try:
                heard += layer.receive(to_server)
            except TLSFailure:
                client.take_alert(layer.outgoing())
                raise
        to_client = layer.outgoing()
        if to_client:
            client.take(to_client)
        if not to_server and not to_client:
            return heard


def established(layer: TLSLayer, client: Client) -> Client:
    """Do the handshake."""
    converse(layer, client)
    assert layer.is_established
    assert client.is_established
    return client


def transfer(layer: TLSLayer, client: Client) -> ssl.SSLSession | None:
    """Do a handshake, say something, end on both sides; return the session to go on with."""
    established(layer, client)
    layer.send(b"some data")
    layer.end()
    converse(layer, client)
    client.end()
    converse(layer, client)
    assert client.heard == b"some data"
    assert layer.has_ended
    assert client.has_ended
    return client.tls.session
