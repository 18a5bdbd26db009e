# -*- test-case-name: tests.test_control_protection -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What stands between the control connection and its transport: nothing, or TLS.

The layer is ours rather than Twisted's, because CCC and REIN end TLS and keep the connection (RFC 4217, sections 5
and 13).
"""

from __future__ import annotations

from ..tls.layer import TLSFailure, TLSLayer

__all__ = ["MAXIMUM_LAST_RECORDS", "Wire"]

#: Types of the records of TLS (RFC 8446, section 5.1); no command begins with such an octet.
_RECORD_TYPES = range(20, 25)
_HEADER = 5

#: Longest record: 16 KiB and what protection adds (RFC 5246, section 6.2.3).
_LONGEST_RECORD = 16384 + 2048 + _HEADER


#: Records that may come behind our close_notify before the client's. A client that pipelines has some lines on its way;
#: one by one, ten thousand tiny ones would take 90 ms before anybody has logged in.
MAXIMUM_LAST_RECORDS = 256


class Wire:
    """The octets of one control connection, in clear on one side and as the client has them on the other."""

    __slots__ = ("_early", "_ends", "_layer", "_outgoing", "_records_left", "_rest")

    def __init__(self) -> None:
        self._layer: TLSLayer | None = None
        self._outgoing = b""
        self._early = b""
        self._rest = b""
        self._ends = False
        self._records_left = 0

    @property
    def layer(self) -> TLSLayer | None:
        """The layer that runs, or is being ended."""
        return self._layer

    @property
    def is_secure(self) -> bool:
        """Tell whether TLS runs and its handshake is done."""
        return self._layer is not None and self._layer.is_established and not self._ends

    @property
    def has_ended(self) -> bool:
        """Tell whether the client has ended TLS without being asked to."""
        return self._layer is not None and self._layer.has_ended and not self._ends

    def begin(self, layer: TLSLayer) -> None:
        """Run *layer* from now on."""
        self._layer, self._ends = layer, False

    def end(self) -> None:
        """End TLS with close_notify: what is sent after this goes in clear, what comes does after the client's own."""
        if self._layer is None or self._ends:
            return
        self._layer.end()
        self._outgoing += self._layer.outgoing()
        self._ends = True
        self._records_left = MAXIMUM_LAST_RECORDS

    def send(self, octets: bytes) -> None:
        """Take what goes to the client; before the handshake is done it is kept."""
        if self._layer is None or self._ends:
            self._outgoing += octets
        elif self._layer.is_established:
            self._layer.send(octets)
            self._outgoing += self._layer.outgoing()
        else:
            self._early += octets

    def protect(self, octets: bytes) -> bytes:
        """Take what goes to the client as :meth:`send` does, and return what is to be written now."""
        if octets:
            self.send(octets)
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what is to be written now, once."""
        octets, self._outgoing = self._outgoing, b""
        return octets

    def receive(self, octets: bytes) -> bytes:
        """
        Return in clear what came.

        :raises TLSFailure: when the connection cannot go on; :meth:`outgoing` may have an alert.
        """
        layer = self._layer
        if layer is None:
            return octets
        if self._ends:
            return self._receive_last(layer, octets)
        try:
            clear = layer.receive(octets)
        finally:
            self._outgoing += layer.outgoing()
        if layer.is_established and self._early:
            early, self._early = self._early, b""
            self.send(early)
        return clear

    def _receive_last(self, layer: TLSLayer, octets: bytes) -> bytes:
        """
        Take records one by one up to the client's close_notify: what follows is in clear and may come with it.

        :raises TLSFailure: for more records than a client has on its way that learns of the end now.
        """
        clear = []
        came, start = self._rest + octets, 0
        while start < len(came):
            record = _record_at(came, start)
            if record is None:
                break
            start += len(record)
            if record:
                self._records_left -= 1
                if self._records_left < 0:
                    raise TLSFailure("the end of TLS was not answered")
                clear.append(layer.receive(record))
            if not record or layer.has_ended:
                clear.append(came[start:])
                self._layer, start = None, len(came)
        self._rest = came[start:]
        return b"".join(clear)


def _record_at(octets: bytes, start: int) -> bytes | None:
    """Return a whole record, nothing where none begins, ``None`` while it is not whole."""
    if octets[start] not in _RECORD_TYPES:
        return b""
    length = _HEADER + int.from_bytes(octets[start + 3 : start + _HEADER], "big")
    if length > _LONGEST_RECORD:
        raise TLSFailure("a record that is too long")
    if len(octets) - start < max(length, _HEADER):
        return None
    return octets[start : start + length]
