# -*- test-case-name: tests.test_system -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The system calls of data connections as one object, so that a test can make each of them fail.
"""

from __future__ import annotations

import errno
import os
import socket

__all__ = ["System"]

#: Connections that may wait at a passive port: the client's own, and some from strangers that are turned away.
BACKLOG = 8


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _prepare(any_socket: socket.socket) -> None:
    any_socket.setblocking(False)
    # A client that lost its power sends no end; without a socket_timeout nothing else would tell.
    any_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class System:
    """Sockets as data connections use them; all are non-blocking."""

    def listen(self, host: str, port: int) -> socket.socket:
        """
        Open a passive port.

        :param port: 0 lets the system choose.
        :raises OSError: if it cannot be opened.
        """
        listener = socket.socket(_family(host), socket.SOCK_STREAM)
        try:
            _prepare(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener

    def accept(self, listener: socket.socket) -> tuple[socket.socket, str]:
        """
        Accept a connection.

        :returns: the socket and the address of the peer.
        :raises BlockingIOError: if none waits.
        """
        accepted, address = listener.accept()
        _prepare(accepted)
        return accepted, str(address[0])

    def dial(self, local_host: str, host: str, port: int) -> socket.socket:
        """
        Begin to connect from *local_host*; the socket is writable when the outcome is known.

        The system chooses the port to call from. RFC 959 has 20 there, which only a privileged process can use, and
        which firewalls were once told to trust.

        :raises OSError: if it fails at once.
        """
        connecting = socket.socket(_family(host), socket.SOCK_STREAM)
        try:
            _prepare(connecting)
            if _family(local_host) == _family(host):
                connecting.bind((local_host, 0))
            outcome = connecting.connect_ex((host, port))
            if outcome not in (0, errno.EINPROGRESS):
                raise OSError(outcome, os.strerror(outcome))
        except BaseException:
            connecting.close()
            raise
        return connecting

    def outcome(self, connecting: socket.socket) -> int:
        """Return the errno that a finished :meth:`dial` ended with; 0 is success."""
        return connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def send(self, connected: socket.socket, data: memoryview) -> int:
        """Send what the system takes now; see :meth:`socket.socket.send`."""
        return connected.send(data)

    def receive_into(self, connected: socket.socket, buffer: memoryview) -> int:
        """Receive what is there; see :meth:`socket.socket.recv_into`."""
        return connected.recv_into(buffer)

    def has_input(self, connected: socket.socket) -> bool:
        """Tell whether the peer has sent something, or ended, that is not received yet."""
        try:
            connected.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def end_output(self, connected: socket.socket) -> None:
        """Tell the peer that nothing more comes."""
        connected.shutdown(socket.SHUT_WR)

    def close(self, any_socket: socket.socket) -> None:
        """Close a socket."""
        any_socket.close()
