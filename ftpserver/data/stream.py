# -*- test-case-name: tests.test_data_stream -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The octets of a data connection: as they are, or under TLS.

No call waits. Where one has to it raises BlockingIOError, and is made again once the socket is ready; only a handshake,
which needs both directions, waits by itself.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from ..errors import DataConnectionLost, DataConnectionUnclosed, DataNotBound
from ..tls.layer import TLSFailure
from .descriptor import Descriptor
from .opening import Wait
from .protection import DataProtection
from .system import System

__all__ = ["ClearStream", "SecureStream", "Stream"]

#: Octets from the client that are taken at once where they go through TLS or nowhere.
PIECE = 65536

#: Octets that are protected at once; what the socket does not take of them is kept.
PIECE_TO_PROTECT = 262144

#: What nobody wants goes here, of all connections.
_discarded = memoryview(bytearray(PIECE))

#: Reads at the end of a download, for a client that sent something; one that sends without end is cut off.
READS_AT_END = 16

#: Octets of answers of TLS itself that a client may leave unread while it sends.
MAXIMUM_UNREAD = 65536

#: Octets before each record of TLS (RFC 8446, section 5.1).
_HEADER = 5

#: What a connection is that its client has closed in full.
_GONE = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN})


class Stream(Protocol):
    """
    An open data connection.

    :ivar descriptor: tells when the socket is ready.
    :ivar holds_input: whether something has come that the socket tells of no more.
    """

    descriptor: Descriptor

    @property
    def holds_input(self) -> bool: ...

    def acknowledge(self) -> None:
        """Let the peer know at once, not with the next octets or after a delay, that what it sends has come."""
        ...

    def flush(self) -> None:
        """
        Let the socket take what is kept from earlier calls.

        :raises BlockingIOError: unless it takes all of it.
        :raises OSError: when the connection is lost.
        """
        ...

    def send(self, data: memoryview) -> int:
        """
        Send of *data* what goes now.

        :returns: how many octets of it need not be sent again.
        :raises BlockingIOError: if it is none, until the socket takes more.
        :raises OSError: when the connection is lost.
        """
        ...

    def receive_into(self, buffer: memoryview) -> int:
        """
        Receive what is there.

        :returns: how many octets; zero is the end of what the client sends.
        :raises BlockingIOError: if there is nothing yet.
        :raises OSError: when the connection is lost.
        :raises DataConnectionLost: when what came is not what the client sent, or not all of it.
        """
        ...

    def end_output(self) -> None:
        """
        Tell the client that it has got everything.

        :raises BlockingIOError: if the socket has yet to take something that was sent; to be called again then.
        :raises OSError: when the connection is lost.
        """
        ...

    def discard_input(self) -> None:
        """
        Read what the client sent meanwhile, or closing would reset what it has yet to get.

        :raises OSError: when the connection is lost.
        """
        ...

    def end_input(self) -> None:
        """Take leave of a client that has sent everything."""
        ...

    def close(self) -> None:
        """Close the connection, wherever it is."""
        ...


class ClearStream:
    """
    The octets as they are.

    :param descriptor: of the connected socket.
    """

    holds_input = False

    def __init__(self, descriptor: Descriptor, system: System) -> None:
        self.descriptor = descriptor
        self._handle = descriptor.handle
        self._system = system

    def acknowledge(self) -> None:
        """See :class:`Stream`."""
        self._system.acknowledge(self._handle)

    def flush(self) -> None:
        """See :class:`Stream`; nothing is kept."""

    def send(self, data: memoryview) -> int:
        """See :class:`Stream`."""
        return self._system.send(self._handle, data)

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`Stream`."""
        return self._system.receive_into(self._handle, buffer)

    def end_output(self) -> None:
        """See :class:`Stream`."""
        self._system.end_output(self._handle)

    def discard_input(self) -> None:
        """See :class:`Stream`."""
        try:
            for _ in range(READS_AT_END):
                if not self.receive_into(_discarded):
                    break
        except BlockingIOError:
            return

    def end_input(self) -> None:
        """See :class:`Stream`; in clear closing says it all."""

    def close(self) -> None:
        """See :class:`Stream`."""
        self.descriptor.forget()
        self._system.close(self._handle)


class _Records:
    """Where the records of TLS end in what came: five octets, the last two of which tell how many follow."""

    def __init__(self) -> None:
        self._header = b""
        self._missing = 0

    @property
    def are_whole(self) -> bool:
        """Tell whether the last one has come in full."""
        return not self._header and not self._missing

    def take(self, octets: memoryview) -> None:
        """Take what came next."""
        while octets:
            if self._missing:
                amount = min(self._missing, len(octets))
                self._missing -= amount
            else:
                amount = min(_HEADER - len(self._header), len(octets))
                self._header += bytes(octets[:amount])
                if len(self._header) == _HEADER:
                    self._missing = int.from_bytes(self._header[3:], "big")
                    self._header = b""
            octets = octets[amount:]


class SecureStream:
    """
    The octets under TLS, of which this is the server in passive and in active mode (RFC 4217, section 7).

    :param network: carries what TLS makes of them.
    :param buffer: takes what comes from the network, for a moment.
    """

    def __init__(self, network: Stream, protection: DataProtection, buffer: memoryview | None = None) -> None:
        self.descriptor = network.descriptor
        self._network = network
        self._protection = protection
        self._layer = protection.make_layer()
        self._buffer = memoryview(bytearray(PIECE)) if buffer is None else buffer
        # What came with the handshake and was not asked for yet.
        self._clear = memoryview(b"")
        self._has_more = False
        self._is_early: Callable[[], bool] = lambda: False
        # Where close_notify is required nobody asks for them.
        self._records = None if protection.require_close_notify else _Records()
        self._is_refused = False
        self._is_ending = False
        self._is_at_end = False

    async def shake_hands(self, wait: Wait, is_early: Callable[[], bool] = lambda: False) -> None:
        """
        Do the handshake, after which everything else may be called.

        :param wait: waits for a Deferred; raises when the transfer is aborted.
        :param is_early: tells whether the client has yet to hear the 1xx.
        :raises DataNotBound: when there is no TLS with this client, or it is not the client of the session.
        """
        self._is_early = is_early
        try:
            while self._is_shaking_hands():
                if self._layer.unsent():
                    await wait(self.descriptor.writable())
                    self._try_to_flush()
                else:
                    await wait(self.descriptor.readable())
                    self._go_on()
        except (OSError, TLSFailure) as error:
            raise DataNotBound(f"The TLS handshake of the data connection failed: {_text(error)}.") from error

    def _is_shaking_hands(self) -> bool:
        if not self._layer.is_established:
            return True
        # In TLS 1.3 the server has nothing left to say but tickets, which go out with what comes next: many a client
        # closes after an upload without reading them, and its system resets the connection then, with what is on its
        # way. A client that has yet to hear that it may send reads them in time.
        return bool(self._layer.unsent()) and (self._is_early() or self._layer.version != "TLSv1.3")

    def _go_on(self) -> None:
        try:
            amount = self._network.receive_into(self._buffer)
        except BlockingIOError:
            return
        if not amount:
            raise TLSFailure("the client closed it")
        try:
            self._clear = memoryview(self._layer.receive(bytes(self._came(amount))))
        except TLSFailure:
            self._send_alert()
            raise
        if self._layer.is_established:
            self._check()
        if self._is_shaking_hands():
            self._try_to_flush()
            # GnuTLS (FileZilla, lftp) sends its last two messages apart, the second when the first is acknowledged:
            # 40 ms of every file.
            self._network.acknowledge()

    def _check(self) -> None:
        """
        Let the session look at the client, before that gets a ticket or the last message of an older handshake.

        Whoever is refused could otherwise come back and continue the session of the connection that was refused.
        """
        self._is_refused = True
        self._protection.check(self._layer)
        self._is_refused = False

    def _came(self, amount: int) -> memoryview:
        octets = self._buffer[:amount]
        if self._records is not None:
            self._records.take(octets)
        return octets

    def acknowledge(self) -> None:
        """See :class:`Stream`."""
        self._network.acknowledge()

    def send(self, data: memoryview) -> int:
        """See :class:`Stream`; octets that are protected and kept here count as sent."""
        self.flush()
        piece = data[:PIECE_TO_PROTECT]
        try:
            self._layer.send(piece)
        except TLSFailure as error:
            raise DataConnectionLost(str(error)) from error
        self._try_to_flush()
        return len(piece)

    @property
    def holds_input(self) -> bool:
        """See :class:`Stream`."""
        return bool(self._clear) or self._has_more or (self._layer.has_ended and not self._is_at_end)

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`Stream`; an end without close_notify is none unless the configuration says so."""
        if self._clear:
            return self._take_early(buffer)
        amount = self._read_into(buffer)
        if not amount and not self._is_over():
            self._receive()
            amount = self._read_into(buffer)
            if not amount and not self._is_over():
                raise BlockingIOError
        self._has_more = amount == len(buffer) or self._layer.has_more
        return amount

    def _take_early(self, buffer: memoryview) -> int:
        piece = self._clear[: len(buffer)]
        self._clear = self._clear[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def _is_over(self) -> bool:
        self._is_at_end = self._is_at_end or self._layer.has_ended
        return self._is_at_end

    def _read_into(self, buffer: memoryview) -> int:
        if self._is_at_end:
            return 0
        kept = len(self._layer.unsent())
        try:
            amount = self._layer.read_into(buffer)
        except TLSFailure as error:
            self._send_alert()
            raise DataConnectionLost(str(error)) from error
        if len(self._layer.unsent()) > kept and not self._layer.has_ended:
            self._answer()
        return amount

    def _answer(self) -> None:
        self._try_to_flush()
        if len(self._layer.unsent()) > MAXIMUM_UNREAD:
            raise DataConnectionLost("the client does not read what TLS answers")

    def _receive(self) -> None:
        amount = self._network.receive_into(self._buffer)
        if amount:
            self._layer.put(self._came(amount))
        else:
            self._closed_without_notice()

    def _closed_without_notice(self) -> None:
        # Anybody on the way can end a TCP connection, so that the file would be shorter (RFC 8446, section 6.1).
        # Where that is taken for the end all the same, one amid a record cannot be.
        if self._records is None or not self._records.are_whole:
            raise DataConnectionUnclosed("the client closed the data connection without close_notify")
        self._protection.on_unclosed()
        self._is_at_end = True

    def end_output(self) -> None:
        """See :class:`Stream`; that the client does not wait for close_notify is no loss."""
        if not self._is_ending:
            self.flush()
            self._is_ending = True
            self._layer.end()
        with _tolerating_clients_that_are_gone():
            self.flush()
            self._network.end_output()

    def discard_input(self) -> None:
        """See :class:`Stream`."""
        with _tolerating_clients_that_are_gone():
            self._network.discard_input()

    def end_input(self) -> None:
        """See :class:`Stream`."""
        self._layer.end()
        # The file is whole, whether or not the client hears this.
        with suppress(OSError):
            self._try_to_flush()

    def close(self) -> None:
        """See :class:`Stream`; the client of a download that was given up gets no close_notify."""
        if not self._is_refused:
            # A session that has not ended is one that cannot be continued.
            self._layer.end()
        self._network.close()

    def _send_alert(self) -> None:
        # The client may be gone, or not read; it is told in the reply, too.
        with suppress(OSError):
            self._try_to_flush()
            self._network.end_output()
            self._network.discard_input()

    def _try_to_flush(self) -> None:
        """Send what the socket takes of what waits."""
        unsent = self._layer.unsent()
        if unsent:
            with suppress(BlockingIOError):
                self._layer.sent(self._network.send(unsent))

    def flush(self) -> None:
        """See :class:`Stream`."""
        self._try_to_flush()
        if self._layer.unsent():
            raise BlockingIOError


@contextmanager
def _tolerating_clients_that_are_gone() -> Iterator[None]:
    """Let a client close at once after it has got everything: what TLS still says to it is answered by a reset."""
    try:
        yield
    except OSError as error:
        if error.errno not in _GONE:
            raise


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
