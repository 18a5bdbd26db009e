# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The client of :mod:`.random_transfers`: blocking sockets, with every way to end a connection in the hand of the caller.
"""

from __future__ import annotations

import socket
import ssl
import struct

from .client import Reply, announced_port, take_reply, target
from .tls_client import End

__all__ = ["HOST", "PATIENCE", "Control", "Link", "Listener"]

HOST = "127.0.0.1"

#: Seconds that a client waits for the server; it turns a run that would hang into one that fails.
PATIENCE = 60.0

#: Octets that are asked for at once where the test does not care.
PIECE = 65536

#: SO_LINGER that makes close(2) reset the connection.
AT_ONCE = struct.pack("ii", 1, 0)


class Link:
    """
    A TCP connection, perhaps under TLS.

    :ivar tls: the client's end of TLS; ``None`` is in clear.
    """

    def __init__(self, handle: socket.socket) -> None:
        handle.settimeout(PATIENCE)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.handle = handle
        self.tls: End | None = None
        self._clear = bytearray()

    @classmethod
    def connect(cls, port: int, source: str, receive_buffer: int | None = None) -> Link:
        """
        Connect to the server.

        :param receive_buffer: what the client can take without reading, in octets; ``None`` leaves it to the system.
        """
        handle = socket.socket()
        if receive_buffer is not None:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        handle.settimeout(PATIENCE)
        handle.bind((source, 0))
        handle.connect((HOST, port))
        return cls(handle)

    def begin_tls(self, end: End) -> None:
        """Say hello."""
        self.tls = end
        self._flush()

    def go_on(self) -> None:
        """
        Take what came for TLS.

        :raises ConnectionError: if that is the end, or TLS fails.
        """
        assert self.tls is not None
        octets = self.handle.recv(PIECE)
        self._clear += self.tls.receive(octets)
        if self.tls.failure or not octets:
            raise ConnectionError(f"no TLS: {self.tls.failure or 'closed'}")
        self._flush()

    def secure(self) -> None:
        """Do the handshake that was begun."""
        while self.tls is not None and not self.tls.is_established:
            self.go_on()

    def _flush(self) -> None:
        assert self.tls is not None
        octets = self.tls.outgoing()
        if octets:
            self.handle.sendall(octets)

    def send(self, data: bytes) -> None:
        """Send *data*."""
        if self.tls is None:
            self.handle.sendall(data)
        else:
            self.tls.send(data)
            self._flush()

    def send_without_end(self, data: bytes) -> None:
        """Send *data* as records of TLS, the last of which lacks its last octets."""
        assert self.tls is not None
        self.tls.send(data)
        self.handle.sendall(self.tls.outgoing()[:-5])

    def send_urgently(self, data: bytes) -> None:
        """Send *data* in clear, its last octet as urgent data."""
        self.handle.send(data, socket.MSG_OOB)

    def receive(self, amount: int) -> bytes:
        """
        Return what is there, after waiting for something; nothing is the end.

        :raises ConnectionError: if TLS fails.
        """
        if self.tls is None:
            return self.handle.recv(amount)
        while not self._clear and not self.tls.has_ended:
            octets = self.handle.recv(amount)
            if not octets:
                return b""
            self._clear += self.tls.receive(octets)
            if self.tls.failure:
                raise ConnectionError(f"TLS: {self.tls.failure}")
        data = bytes(self._clear[:amount])
        del self._clear[:amount]
        return data

    def rest(self) -> bytes:
        """Return all that comes until the server closes or resets the connection."""
        pieces = []
        try:
            while piece := self.receive(PIECE):
                pieces.append(piece)
            while self.handle.recv(PIECE):
                continue
        except ConnectionError:
            pass
        return b"".join(pieces)

    def say_end(self) -> None:
        """Say in TLS that nothing more comes."""
        if self.tls is not None:
            self.tls.end()
            self._flush()

    def half_close(self) -> None:
        """End this direction."""
        self.handle.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close in order: what came and was not read would make it a reset."""
        self.handle.setblocking(False)
        try:
            while self.handle.recv(PIECE):
                continue
        except OSError:
            pass
        self.handle.close()

    def reset(self) -> None:
        """Close with RST."""
        self.handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.handle.close()

    def leave(self) -> None:
        """Close, in whatever state it is."""
        self.handle.close()


class Listener:
    """A port that the server connects to in active mode."""

    def __init__(self, source: str, receive_buffer: int | None = None) -> None:
        self._handle = socket.socket()
        if receive_buffer is not None:
            self._handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._handle.settimeout(PATIENCE)
        self._handle.bind((source, 0))
        self._handle.listen(1)
        self.port: int = self._handle.getsockname()[1]

    def accept(self) -> Link:
        """Return the connection that the server makes."""
        return Link(self._handle.accept()[0])

    def close(self) -> None:
        """Close the port."""
        self._handle.close()


class Control:
    """
    A control connection.

    :param source: address that the client comes from, with its data connections as well.
    """

    def __init__(self, port: int, source: str, context: ssl.SSLContext) -> None:
        self.source = source
        self.context = context
        self.link = Link.connect(port, source)
        self._received = bytearray()

    def begin_tls(self) -> None:
        """Put the connection under TLS."""
        self.link.begin_tls(End(self.context))
        self.link.secure()

    def data_end(self) -> End:
        """Make the end of TLS for a data connection, which continues the session of this one."""
        assert self.link.tls is not None
        return End(self.context, session=self.link.tls.session)

    def send(self, *lines: str) -> None:
        """Send lines, all at once."""
        self.link.send("".join(f"{line}\r\n" for line in lines).encode())

    def reply(self) -> Reply:
        """
        Return the next reply.

        :raises ConnectionError: if there is none.
        """
        while (reply := take_reply(self._received)) is None:
            octets = self.link.receive(PIECE)
            if not octets:
                raise ConnectionError(f"no reply, but {bytes(self._received)!r} and the end")
            self._received += octets
        return reply

    def command(self, line: str, code: int) -> Reply:
        """
        Send *line* and return the reply.

        :raises AssertionError: if it has another code.
        """
        self.send(line)
        reply = self.reply()
        assert reply.code == code, f"to {line!r}: {reply}"
        return reply

    def until_sync(self) -> list[Reply]:
        """Ask for something else, and return all replies that come before its own."""
        self.send("SYST")
        replies = []
        while (reply := self.reply()).code != 215:
            replies.append(reply)
        return replies

    def passive_port(self, verb: str) -> int:
        """Ask for a passive port."""
        return announced_port(self.command(verb, 227 if verb == "PASV" else 229))

    def active(self, verb: str, receive_buffer: int | None) -> Listener:
        """Open a port for the server to connect to, and tell it."""
        listener = Listener(self.source, receive_buffer)
        try:
            self.command(f"{verb} {target(verb, self.source, listener.port)}", 200)
        except BaseException:
            listener.close()
            raise
        return listener
