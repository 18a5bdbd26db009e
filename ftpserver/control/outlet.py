# -*- test-case-name: tests.test_control_outlet -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The transport of a control connection and its socket: what is asked of it, and the way of the octets to the client.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import ISystemHandle, ITCPTransport
from twisted.internet.tcp import Connection as TCPTransport

__all__ = ["Outlet"]

# Joined once: flags of an enumeration take longer for that than the call that they are for.
_LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Outlet:
    """
    Writes for one control connection; nobody else writes to its transport.

    A write to the transport waits for the next turn of the reactor and costs two changes of its epoll: together as much
    as everything else that a NOOP takes. So what fits into the buffer of the socket is sent at once. Where something is
    left, the transport has it, and whatever follows, until it tells that all is gone.

    :param transport: of the connection.
    """

    __slots__ = ("_handle", "_is_free", "_socket", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._handle = _socket_of(transport)
        self._socket: socket.socket | None = None
        # A transport around another one may change, count or delay what is written; and TLS of Twisted's own does.
        if isinstance(transport, TCPTransport) and not transport.TLS:
            self._socket = transport.getHandle()
        self._is_free = self._socket is not None

    def tune(self) -> None:
        """Set the options that a control connection needs."""
        transport, handle = self._transport, self._handle
        if ITCPTransport.providedBy(transport):
            # 150 and 226 would wait 40 ms for each other's acknowledgement.
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        if handle is not None and handle.family in (socket.AF_INET, socket.AF_INET6):
            # The DM of an ABOR comes as urgent data (RFC 959, section 4.1.3); it must not leave the stream.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    @property
    def has_socket(self) -> bool:
        """Tell whether there is a socket of the system, which knows of an end before the transport does."""
        return self._handle is not None

    def is_ended(self) -> bool:
        """Tell whether the client has ended the connection, which may not have been noticed yet."""
        if self._handle is None:
            return False
        try:
            return not self._handle.recv(1, _LOOK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def write(self, octets: bytes) -> None:
        """Send *octets* now, or when there is room."""
        if not self._is_free or self._socket is None:
            self._transport.write(octets)
            return
        try:
            sent = self._socket.send(octets)
        except OSError:
            # There is no room; or the connection is lost, which the transport will meet and tell.
            sent = 0
        if sent < len(octets):
            self._is_free = False
            self._transport.write(octets[sent:])

    def hold(self) -> None:
        """Leave what follows to the transport, which is about to close: the last reply and the end go together then."""
        self._is_free = False

    def emptied(self) -> None:
        """Hear that the transport has sent all that it had."""
        self._is_free = self._socket is not None


def _socket_of(transport: Any) -> socket.socket | None:
    if not ISystemHandle.providedBy(transport):
        return None
    handle = transport.getHandle()
    return handle if isinstance(handle, socket.socket) else None
