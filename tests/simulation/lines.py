# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The client's end of a connection: as it is, or under TLS.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

from .network import End

__all__ = ["Line"]

#: Octets that a client takes at once.
PIECE = 65536


class Line:
    """
    Octets to and from the server; no call waits.

    :param end: of the connection.
    :ivar received: what came and was not taken yet.
    :ivar is_ended: whether the server has said that nothing more comes.
    :ivar is_cut: whether the connection ended without that; only TLS can tell.
    :ivar is_lost: whether the connection broke.
    """

    def __init__(self, end: End) -> None:
        self.end = end
        self.received = bytearray()
        self.is_ended = False
        self.is_cut = False
        self.is_lost = False
        self._unsent = bytearray()
        self._clear = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._is_established = False
        self._is_finishing = False
        self._raw_end = False

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.pump()

    @property
    def is_gone(self) -> bool:
        """Tell whether nothing can be sent any more."""
        return self.is_lost or self.end.is_closed

    @property
    def is_over(self) -> bool:
        """Tell whether nothing comes any more."""
        return self.is_ended or self.is_cut or self.is_lost or self.end.is_closed

    @property
    def has_news(self) -> bool:
        """Tell whether :meth:`pump` would do anything."""
        if self.is_lost or self.end.is_closed:
            return False
        return (self.end.is_readable and not self._raw_end) or bool(self._unsent and self.end.is_writable)

    @property
    def unsent(self) -> int:
        """How many octets have not left yet."""
        return len(self._unsent) + len(self._clear)

    def send(self, octets: bytes) -> None:
        """Send *octets* as soon as there is room."""
        if self._tls is None:
            self._unsent += octets
        else:
            self._clear += octets
        self.pump()

    def finish(self) -> None:
        """Say that nothing more comes, after what has yet to leave."""
        self._is_finishing = True
        self.pump()

    def close(self) -> None:
        """Close, with what came unread."""
        self.end.close()

    def reset(self) -> None:
        """Close, and let the server learn of it by a reset."""
        self.end.lingers = False
        self.end.close()

    def pump(self) -> None:
        """Take what came and send what can leave."""
        if self.is_lost or self.end.is_closed:
            return
        try:
            self._receive()
            if self._tls is not None:
                self._run_tls(self._tls)
            self._flush()
        except OSError:
            # ssl.SSLError among them: an alert, or what is no TLS.
            with suppress(OSError):
                self._flush()
            self.is_lost = True

    def _receive(self) -> None:
        while not self._raw_end:
            try:
                octets = self.end.receive(PIECE)
            except BlockingIOError:
                return
            if not octets:
                self._raw_end = True
            elif self._tls is None:
                self.received += octets
            else:
                self._incoming.write(octets)
        if self._tls is None:
            self.is_ended = True

    def _run_tls(self, tls: ssl.SSLObject) -> None:
        try:
            if not self._is_established:
                tls.do_handshake()
                self._is_established = True
            if self._clear:
                del self._clear[: tls.write(self._clear)]
            while not self.is_ended:
                octets = tls.read(PIECE)
                self.received += octets
                self.is_ended = not octets
        except ssl.SSLWantReadError:
            self.is_cut = self._raw_end
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        finally:
            self._unsent += self._outgoing.read()

    def _flush(self) -> None:
        while self._unsent:
            try:
                sent = self.end.send(self._unsent)
            except BlockingIOError:
                return
            del self._unsent[:sent]
        if self._is_finishing and not self._clear and (self._tls is None or self._is_established):
            self._end_output()

    def _end_output(self) -> None:
        self._is_finishing = False
        if self._tls is not None:
            with suppress(ssl.SSLWantReadError):
                self._tls.unwrap()
            self._unsent += self._outgoing.read()
            if self._unsent:
                self._is_finishing, tls, self._tls = True, self._tls, None
                try:
                    self._flush()
                finally:
                    self._tls = tls
                return
        self.end.end_output()
