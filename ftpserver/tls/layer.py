# -*- test-case-name: tests.test_tls_layer -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
TLS between octets and octets, without a socket: what came from the network in, what goes to it out.

The control connection and the data connections run the same layer. It is ours and not that of Twisted, because CCC and
REIN end TLS and keep the connection, and because a ``ssl.SSLContext`` is to serve, too.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, Protocol

from cryptography.x509 import Certificate, load_der_x509_certificate
from OpenSSL import SSL

from .bindings import MAXIMUM_RECORDS, SHARED, connect, put, read_into, reason, sent, session_was_reused, unsent, write

__all__ = ["OpenSSLLayer", "StdlibLayer", "TLSFailure", "TLSLayer", "WrongALPN"]

#: Octets of clear text asked for at a time: one record, of which there is never more at once (RFC 8446, section 5.1).
RECORD = 16384

#: Takes one record of whatever connection, for a moment.
_record = memoryview(bytearray(RECORD))

#: Octets for the network taken at a time.
PIECE = 65536


class TLSFailure(Exception):
    """The handshake failed, or what came is no TLS; the connection cannot go on. The text is the reason."""


class WrongALPN(Exception):
    """Raised inside the handshake when the client wants another protocol than FTP; OpenSSL sends the alert."""


class TLSLayer(Protocol):
    """
    One end of TLS, the server's.

    After a :class:`TLSFailure` each call but :meth:`end` and :meth:`outgoing` fails again.

    :ivar is_established: whether the handshake is done.
    :ivar has_more: whether the last :meth:`read_into` has left something, although it did not fill its buffer.
    :ivar has_ended: whether the client said that nothing more comes (close_notify). Where the connection was closed and
        this is ``False``, what came may have been cut.
    """

    is_established: bool
    has_ended: bool
    has_more: bool

    def receive(self, data: bytes) -> bytes:
        """
        Take what came from the network.

        :returns: what it says in clear; nothing while the handshake is under way.
        :raises TLSFailure: when it cannot go on; :meth:`outgoing` may have an alert to send before closing.
        """
        ...

    def put(self, octets: memoryview) -> None:
        """
        Take what came from the network, once the handshake is done; :meth:`read_into` has it then.

        :raises TLSFailure: see :meth:`receive`.
        """
        ...

    def read_into(self, buffer: memoryview) -> int:
        """
        Read in clear what was put, as much as *buffer* holds.

        :returns: how many octets; fewer than *buffer* holds are all that there is unless :attr:`has_more`.
        :raises TLSFailure: see :meth:`receive`.
        """
        ...

    def send(self, data: bytes | memoryview) -> None:
        """
        Protect *data*; :meth:`outgoing` has it then.

        :raises TLSFailure: before the handshake is done, or after the end.
        """
        ...

    def end(self) -> None:
        """
        Say that nothing more comes (close_notify); what the client still says can be received.

        To be called for connections that are lost, too: a session that was not ended cannot be continued. It never
        fails, and says nothing the second time.
        """
        ...

    def outgoing(self) -> bytes:
        """Return what is to go to the network, once."""
        ...

    def unsent(self) -> memoryview:
        """Return what is to go to the network, without taking it; good until the next call of another method."""
        ...

    def sent(self, amount: int) -> None:
        """Take the first *amount* octets of :meth:`unsent`: they have gone."""
        ...

    @property
    def version(self) -> str:
        """The version of TLS, as ``TLSv1.3``; something else before the handshake is done."""
        ...

    @property
    def was_resumed(self) -> bool:
        """Whether the handshake continued an earlier session: one of those that the context may continue."""
        ...

    @property
    def peer_certificate(self) -> Certificate | None:
        """The certificate of the client, which was verified; ``None`` without one."""
        ...

    @property
    def server_name(self) -> str | None:
        """The name that the client asked for (SNI), as it wrote it; ``None`` where that is not known."""
        ...


class _Layer:
    """What both layers share: their state, and that a failure lasts."""

    def __init__(self) -> None:
        self.is_established = False
        self.has_ended = self.has_more = False
        self._has_said_end = False
        self._failure: str | None = None

    def _failed(self, error: Exception, text: str) -> TLSFailure:
        self._failure = text or type(error).__name__
        return TLSFailure(self._failure)

    def _check(self) -> None:
        if self._failure is not None:
            raise TLSFailure(self._failure)

    def _check_sending(self) -> None:
        self._check()
        if not self.is_established:
            raise TLSFailure("the handshake is not done")
        if self._has_said_end:
            raise TLSFailure("TLS has ended")

    def _may_say_end(self) -> bool:
        first = self.is_established and not self._has_said_end and self._failure is None
        self._has_said_end = self._has_said_end or first
        return first


class OpenSSLLayer(_Layer):
    """
    TLS by pyOpenSSL.

    :param context: of the server.
    :param binding: only sessions of the same are continued; see :func:`~ftpserver.tls.bindings.connect`.
    :param chosen: the context whose certificate is shown whatever name the client asks for; ``None`` chooses by name.
    """

    def __init__(self, context: SSL.Context, *, binding: bytes = SHARED, chosen: SSL.Context | None = None) -> None:
        super().__init__()
        self._tls = connect(context, binding)
        self._tls.set_app_data(chosen)

    @property
    def context(self) -> SSL.Context:
        """The context that serves, after the handshake that which was chosen by name."""
        return self._tls.get_context()

    def receive(self, data: bytes) -> bytes:
        """See :class:`TLSLayer`."""
        self.put(memoryview(data))
        if not self.is_established and not self._shakes_hands():
            return b""
        pieces = [self._piece()]
        while self.has_more or len(pieces[-1]) == RECORD:
            pieces.append(self._piece())
        return b"".join(pieces)

    def _shakes_hands(self) -> bool:
        """Go on with the handshake; tell whether it is done."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except (SSL.Error, WrongALPN) as error:
            self._end_or_fail(error)
        self.is_established = True
        return True

    def _piece(self) -> bytes:
        return bytes(_record[: self.read_into(_record)])

    def put(self, octets: memoryview) -> None:
        """See :class:`TLSLayer`."""
        self._check()
        put(self._tls, octets)

    def read_into(self, buffer: memoryview) -> int:
        """See :class:`TLSLayer`."""
        self._check()
        self.has_more = False
        try:
            amount, self.has_more = read_into(self._tls, buffer)
        except SSL.Error as error:
            self._end_or_fail(error)
            return 0
        if amount < len(buffer) and self._has_come_to_end():
            self.has_ended = True
        return amount

    def _end_or_fail(self, error: Exception) -> None:
        if not self._is_end(error):
            raise self._failed(error, reason(error)) from error
        if not self.is_established:
            raise self._failed(error, "closed during the handshake") from error
        self.has_ended = True

    def _is_end(self, error: Exception) -> bool:
        # An alert user_canceled before close_notify, as Java sends it (RFC 8446, section 6.1), makes OpenSSL take the
        # end for an error of the system, of which there is none in memory.
        return isinstance(error, SSL.ZeroReturnError) or (
            isinstance(error, SSL.SysCallError) and self._has_come_to_end()
        )

    def _has_come_to_end(self) -> bool:
        return bool(self._tls.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def send(self, data: bytes | memoryview) -> None:
        """See :class:`TLSLayer`."""
        self._check_sending()
        try:
            write(self._tls, memoryview(data).cast("B"))
        except SSL.Error as error:
            raise self._failed(error, reason(error)) from error

    def end(self) -> None:
        """See :class:`TLSLayer`."""
        if self._may_say_end():
            self._tls.shutdown()

    def outgoing(self) -> bytes:
        """See :class:`TLSLayer`."""
        octets = bytes(unsent(self._tls))
        sent(self._tls, len(octets))
        return octets

    def unsent(self) -> memoryview:
        """See :class:`TLSLayer`."""
        return unsent(self._tls)

    def sent(self, amount: int) -> None:
        """See :class:`TLSLayer`."""
        sent(self._tls, amount)

    @property
    def version(self) -> str:
        """See :class:`TLSLayer`."""
        return self._tls.get_protocol_version_name()

    @property
    def was_resumed(self) -> bool:
        """See :class:`TLSLayer`."""
        return session_was_reused(self._tls)

    @property
    def peer_certificate(self) -> Certificate | None:
        """See :class:`TLSLayer`."""
        return self._tls.get_peer_certificate(as_cryptography=True)

    @property
    def server_name(self) -> str | None:
        """See :class:`TLSLayer`."""
        name = self._tls.get_servername()
        return None if name is None else name.decode("ascii", "backslashreplace")


class StdlibLayer(_Layer):
    """
    TLS by a ``ssl.SSLContext``, which decides what it accepts; nothing of ours is added to it.

    Whose session was continued it cannot tell, nor for which name the client asked.

    :param context: of the server, with its certificate loaded.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._kept = memoryview(b"")

    def receive(self, data: bytes) -> bytes:
        """See :class:`TLSLayer`."""
        self._check()
        pieces: list[bytes] = []
        try:
            self._incoming.write(data)
            if not self.is_established:
                self._tls.do_handshake()
                self.is_established = True
            while piece := self._tls.read(RECORD):
                pieces.append(piece)
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._end_or_fail(error)
        return b"".join(pieces)

    def put(self, octets: memoryview) -> None:
        """See :class:`TLSLayer`."""
        self._check()
        self._incoming.write(octets)

    def read_into(self, buffer: memoryview) -> int:
        """See :class:`TLSLayer`."""
        self._check()
        amount, self.has_more = 0, False
        try:
            for _ in range(MAXIMUM_RECORDS):
                if amount == len(buffer):
                    return amount
                # With a buffer the answer is a number, which the stubs do not know.
                piece: Any = self._tls.read(len(buffer) - amount, buffer[amount:])
                if not piece:
                    self.has_ended = True
                    return amount
                amount += piece
            self.has_more = amount < len(buffer)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._end_or_fail(error)
        return amount

    def _end_or_fail(self, error: ssl.SSLError) -> None:
        # Nothing is read at the end only until ours is said; from then on the end is an error.
        if not (self.is_established and isinstance(error, ssl.SSLZeroReturnError)):
            raise self._failed(error, _reason(error)) from error
        self.has_ended = True

    def send(self, data: bytes | memoryview) -> None:
        """See :class:`TLSLayer`."""
        self._check_sending()
        rest = memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[self._tls.write(rest[:PIECE]) :]
        except ssl.SSLError as error:
            raise self._failed(error, _reason(error)) from error

    def end(self) -> None:
        """See :class:`TLSLayer`."""
        if self._may_say_end():
            # Ours is said then; the client's answer is not waited for.
            with suppress(ssl.SSLWantReadError):
                self._tls.unwrap()

    def outgoing(self) -> bytes:
        """See :class:`TLSLayer`."""
        kept, self._kept = self._kept, memoryview(b"")
        return bytes(kept) + self._outgoing.read()

    def unsent(self) -> memoryview:
        """See :class:`TLSLayer`."""
        if self._outgoing.pending:
            self._kept = memoryview(bytes(self._kept) + self._outgoing.read())
        return self._kept

    def sent(self, amount: int) -> None:
        """See :class:`TLSLayer`."""
        self._kept = self._kept[amount:]

    @property
    def version(self) -> str:
        """See :class:`TLSLayer`."""
        return self._tls.version() or ""

    @property
    def was_resumed(self) -> bool:
        """See :class:`TLSLayer`."""
        return bool(self._tls.session_reused)

    @property
    def peer_certificate(self) -> Certificate | None:
        """See :class:`TLSLayer`."""
        if not self.is_established:
            return None
        octets = self._tls.getpeercert(binary_form=True)
        return None if octets is None else load_der_x509_certificate(octets)

    @property
    def server_name(self) -> str | None:
        """See :class:`TLSLayer`."""
        return None


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLZeroReturnError):
        return "closed during the handshake"
    # The words for an alert that this Python does not know are in the message only.
    return error.reason or str(error)
