# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A raw FTP client that speaks TLS, with sessions, names, versions and the end of TLS in the hand of the test.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, ClassVar

from tests.tls_client import client_context

from .client import Client, DataConnection, Reply
from .sockets import Socket

__all__ = ["VERSIONS", "End", "SecureClient", "SecureData", "SecureSocket", "client_context"]

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class End:
    """
    The client's end of TLS, in memory.

    :param context: what the client is.
    :param session: one to continue; it must come from the same context.
    :param server_name: what the client asks for, and what the certificate must be for; ``None`` asks for nothing.
    :ivar is_established: whether the handshake is done.
    :ivar has_ended: whether the server has said that nothing more comes (close_notify).
    :ivar failure: why TLS cannot go on; empty while it can.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        session: ssl.SSLSession | None = None,
        server_name: str | None = "localhost",
    ) -> None:
        if server_name is None:
            context.check_hostname = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        self._early = bytearray()
        self.is_established = False
        self.has_ended = False
        self.failure = ""
        self.receive(b"")

    def receive(self, data: bytes) -> bytes:
        """Take what came; return what it says in clear."""
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            if not self.is_established:
                self._shake_hands()
            while piece := self.tls.read(65536):
                pieces.append(piece)
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            # The same when this side has said its own end already.
            self.has_ended = True
        except ssl.SSLError as error:
            self.failure = str(error)
        return b"".join(pieces)

    def _shake_hands(self) -> None:
        self.tls.do_handshake()
        self.is_established = True
        early, self._early = self._early, bytearray()
        self.send(bytes(early))

    def send(self, data: bytes) -> None:
        """Protect *data*; what comes before the handshake is done waits for it."""
        if not self.is_established:
            self._early += data
            return
        while data:
            data = data[self.tls.write(data) :]

    def end(self) -> None:
        """Say that nothing more comes (close_notify)."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            return

    def outgoing(self) -> bytes:
        """Return what is for the network, once."""
        return self._outgoing.read()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What another connection can continue."""
        return self.tls.session

    @property
    def was_resumed(self) -> bool:
        """Whether an earlier session was continued."""
        return bool(self.tls.session_reused)

    @property
    def server_certificate(self) -> bytes | None:
        """The certificate of the server."""
        return self.tls.getpeercert(binary_form=True)


class SecureSocket(Socket):
    """
    A connection that can run TLS.

    :ivar tls: the client's end; ``None`` is in clear.
    :ivar wire: every octet that came, as it came; ``received`` has them in clear.
    :ivar sent: every octet that was sent under TLS, as it went.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tls: End | None = None
        self.wire = bytearray()
        self.sent = bytearray()

    def dataReceived(self, data: bytes) -> None:
        """Take TLS off what came."""
        if self.keeps:
            self.wire += data
        if self.tls is not None:
            data = self.tls.receive(data)
            self._flush()
        super().dataReceived(data)

    def send(self, data: bytes) -> None:
        """Send *data*, under TLS if that runs."""
        if self.tls is None:
            super().send(data)
        else:
            self.tls.send(data)
            self._flush()

    def send_in_clear(self, data: bytes) -> None:
        """Send *data* as it is, whatever runs."""
        super().send(data)

    def _flush(self) -> None:
        assert self.tls is not None
        octets = self.tls.outgoing()
        self.sent += octets
        if octets and not self.is_lost:
            super().send(octets)

    @property
    def end(self) -> End:
        """The client's end of TLS, which must run."""
        assert self.tls is not None, "there is no TLS"
        return self.tls

    def protect(self, octets: bytes) -> bytes:
        """Return *octets* as they would be sent, for a test that sends them itself."""
        self.end.send(octets)
        return self.end.outgoing()

    def begin_tls(self, end: End) -> None:
        """Say hello."""
        self.tls = end
        self.wire.clear()
        self._flush()

    async def settled(self) -> End:
        """Wait until the handshake is done, or cannot be."""
        end = self.end
        await self.changes.until(lambda: end.is_established or bool(end.failure) or self.has_ended)
        return end

    async def secured(self) -> End:
        """
        Wait until the handshake is done.

        :raises AssertionError: when it fails.
        """
        end = await self.settled()
        assert end.is_established, f"no TLS: {end.failure or 'closed'}"
        return end

    async def refused(self) -> str:
        """
        Wait until the server has ended a handshake that it does not like.

        :returns: why, as far as it says so.
        """
        end = self.end
        # In TLS 1.3 the client has done its part before the server looks at the client's certificate.
        await self.ended()
        assert not end.has_ended, "TLS was ended in order"
        await self.lost()
        return end.failure

    def say_end(self) -> None:
        """Say that nothing more comes (close_notify), and leave the connection open."""
        self.end.end()
        self._flush()

    def finish(self) -> None:
        """End this direction: close_notify, then half a close."""
        if self.tls is not None and self.tls.is_established and not self.tls.failure:
            self.say_end()
        super().finish()

    def cut(self) -> None:
        """End this direction without close_notify, as anybody on the way could."""
        super().finish()


class SecureData(DataConnection, SecureSocket):
    """A data connection that can run TLS."""

    async def everything(self) -> bytes:
        """Return all that the server sends until it ends TLS, and then the connection."""
        await self.lost()
        assert self.tls is None or self.tls.has_ended, f"no close_notify: {self.tls.failure}"
        return bytes(self.received)

    async def upload(self, data: bytes) -> None:
        """Send *data*, end TLS and the connection, and wait for its end."""
        if self.tls is not None:
            await self.secured()
        await super().upload(data)


class SecureClient(Client, SecureSocket):
    """
    A control connection that can run TLS.

    :ivar context: what the client is.
    :ivar protects_data: whether data connections run TLS.
    :ivar says_hello_first: whether it begins TLS on a data connection before the command, or after the 1xx.
    :ivar data_end: makes the client's end for a data connection; it continues the session of the control connection.
    """

    data_kind: ClassVar[type[DataConnection]] = SecureData

    def __init__(self, reactor: Any, source: str, context: ssl.SSLContext | None = None) -> None:
        super().__init__(reactor, source)
        self.context = context or client_context()
        self.protects_data = False
        self.says_hello_first = False
        self.data_end: Callable[[], End] = lambda: End(self.context, session=self.session)
        self._left: End | None = None

    @property
    def session(self) -> ssl.SSLSession | None:
        """What data connections can continue: the session of the control connection, or that which CCC has ended."""
        end = self.tls or self._left
        return None if end is None else end.session

    async def auth(self, mechanism: str = "TLS", end: End | None = None) -> End:
        """Begin TLS by AUTH."""
        await self.command(f"AUTH {mechanism}", 234)
        self.begin_tls(end or End(self.context))
        return await self.secured()

    async def protect_data(self) -> None:
        """Choose TLS for data connections."""
        await self.command("PBSZ 0", 200)
        await self.command("PROT P", 200)
        self.protects_data = True

    async def leave_tls(self, behind: bytes = b"") -> None:
        """Wait for the end of TLS, say ours with octets in clear behind it in the same segment, and go on in clear."""
        end = self.end
        await self.changes.until(lambda: end.has_ended or self.has_ended)
        assert end.has_ended, f"no close_notify: {end.failure}"
        end.end()
        self.tls, self._left = None, end
        self.protects_data = False
        self.wire.clear()
        self.send(end.outgoing() + behind)

    async def open_data(self, port: int, source: str | None = None) -> SecureData:
        """Connect to a passive port."""
        data = await super().open_data(port, source)
        assert isinstance(data, SecureData)
        return data

    async def passive(self, verb: str = "EPSV") -> SecureData:
        """Ask for a passive port and connect to it; TLS is not begun."""
        return await self.open_data(await self.passive_port(verb))

    async def begin(self, line: str | bytes, verb: str = "EPSV", end: End | None = None) -> SecureData:
        """
        Open a passive data connection, send *line*, and return the connection, which shakes hands, after the 1xx.

        :param end: of this connection alone.
        """
        data = await self.passive(verb)
        await self.start(line, data, end)
        return data

    async def start(self, line: str | bytes, data: SecureData, end: End | None = None) -> None:
        """Send *line*, wait for its 1xx, and shake hands before or after it."""
        if self.protects_data and self.says_hello_first:
            data.begin_tls(end or self.data_end())
        await self.command(line, 125, 150)
        if self.protects_data and not self.says_hello_first:
            data.begin_tls(end or self.data_end())

    async def begin_active(self, line: str | bytes, verb: str = "PORT") -> SecureData:
        """Send *line*, and shake hands, as the client of TLS, on the connection that the server makes."""
        listener = await self.active(verb)
        await self.command(line, 125, 150)
        data = await listener.connection()
        assert isinstance(data, SecureData)
        if self.protects_data:
            data.begin_tls(self.data_end())
        return data

    async def refused_data(self, line: str, data: SecureData) -> Reply:
        """Send *line* for a connection whose TLS will be refused; return the refusal."""
        await self.command(line, 125, 150)
        reply = await self.reply(522)
        await data.vanish()
        return reply
