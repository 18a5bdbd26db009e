# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of data connections under TLS stand on: protections, and a client in memory at the end of a socket.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from OpenSSL import SSL

from ftpserver.data.protection import DataProtection
from ftpserver.tls.layer import OpenSSLLayer, StdlibLayer, TLSFailure, TLSLayer

from .certificates import server_certificate
from .tls_client import Client, client_context

__all__ = ["MAKERS", "FailingLayer", "SocketClient", "accept", "openssl_layer", "protection", "stdlib_layer"]


@cache
def _openssl_context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    server_certificate().configure_cert(context)
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    context.set_session_id(b"tests")
    return context


@cache
def _stdlib_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_certificate().configure_cert(context)
    return context


def openssl_layer() -> TLSLayer:
    """Return the server's end of a connection by pyOpenSSL."""
    return OpenSSLLayer(_openssl_context())


def stdlib_layer() -> TLSLayer:
    """Return the server's end of a connection by the standard library."""
    return StdlibLayer(_stdlib_context())


MAKERS = (openssl_layer, stdlib_layer)


def accept(_layer: TLSLayer) -> None:
    """Let any client in."""


def protection(
    make_layer: Callable[[], TLSLayer] = openssl_layer,
    *,
    check: Callable[[TLSLayer], None] = accept,
    require_close_notify: bool = True,
    on_unclosed: Callable[[], None] = lambda: None,
    needs_tickets: bool = False,
) -> DataProtection:
    """Return how a data connection is protected; by default any client may come."""
    return DataProtection(make_layer, check, require_close_notify, on_unclosed, needs_tickets)


class SocketClient(Client):
    """
    A client in memory at the end of a socket that does not block.

    :ivar is_cut: whether the server has ended the TCP connection.
    """

    def __init__(self, end: socket.socket, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context or client_context())
        self.end_of_socket = end
        self.is_cut = False
        self._rest = memoryview(b"")

    def write(self, most: int | None = None) -> None:
        """Write what the socket takes, *most* octets if given."""
        if not self._rest:
            self._rest = memoryview(self.outgoing())
        if self._rest:
            with suppress(BlockingIOError):
                self._rest = self._rest[self.end_of_socket.send(self._rest[:most]) :]

    def read(self, most: int = 262144) -> None:
        """Read what is there."""
        try:
            octets = self.end_of_socket.recv(most)
        except BlockingIOError:
            return
        self.is_cut = self.is_cut or not octets
        self.take(octets)

    def exchange(self) -> None:
        """Write and read."""
        self.write()
        self.read()

    def close_output(self) -> None:
        """Send the end of the TCP connection."""
        self.end_of_socket.shutdown(socket.SHUT_WR)


class FailingLayer(OpenSSLLayer):
    """
    A layer that fails, or answers more than is good, when the test says so.

    :ivar fails: whether protecting fails.
    :ivar answer: what is added to what goes out whenever something has come.
    """

    def __init__(self) -> None:
        super().__init__(_openssl_context())
        self.fails = False
        self.answer = b""
        self._answered = b""

    def send(self, data: bytes | memoryview) -> None:
        """See TLSLayer."""
        if self.fails:
            raise TLSFailure("internal error")
        super().send(data)

    def read_into(self, buffer: memoryview) -> int:
        """See TLSLayer."""
        amount = super().read_into(buffer)
        if amount:
            self._answered += self.answer
        return amount

    def unsent(self) -> memoryview:
        """See TLSLayer."""
        return memoryview(bytes(super().unsent()) + self._answered)

    def sent(self, amount: int) -> None:
        """See TLSLayer."""
        own = min(amount, len(super().unsent()))
        super().sent(own)
        self._answered = self._answered[amount - own :]
