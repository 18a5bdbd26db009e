# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The client that makes the load: it must cost less than any server that it measures.

Sockets block; what is downloaded is thrown away in the kernel, what is uploaded comes from the page cache by sendfile.
A download over TLS is counted as it is on the wire and not decrypted.
"""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Door", "Refused", "Session", "drain", "hang_up", "pour", "receive"]

Security = Literal["off", "explicit", "implicit"]

HOST = "127.0.0.1"
USER = PASSWORD = "benchmark"  # noqa: S105 (of servers that only this machine reaches, for minutes)

#: Seconds after which a server that does not answer has failed.
TIMEOUT = 60.0

#: Bytes of one call. Nothing is ever written to this buffer on the way down in clear.
PIECE = 1 << 20
_SINK = bytearray(4 * PIECE)

#: Wake up for so many bytes of a large download, or the load would set the pace.
LOW_WATER = PIECE // 2

#: Seconds in which TLS that has sent everything ends by itself; some servers wait for the client to end first.
TLS_END = 0.05

_PASV = re.compile(rb"(\d+),(\d+)\)?\.?\s*$")


class Refused(Exception):
    """The server answered something else than was expected; the text is its reply."""


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTEXT = _context()


@dataclass(frozen=True, slots=True)
class Door:
    """
    Where a server is, and how it is entered.

    :ivar security: when TLS begins.
    :ivar lacks: commands that it does not know.
    """

    port: int
    security: Security = "off"
    user: str = USER
    password: str = field(default=PASSWORD, repr=False)
    lacks: frozenset[str] = frozenset()


class Session:
    """
    A control connection, greeted; the login is a call of its own.

    :param door: of the server.
    :raises OSError: if nobody answers.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._unread = b""
        self.socket = socket.create_connection((HOST, door.port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if door.security == "implicit":
            self._begin_tls()
        self.reply("2")

    def _begin_tls(self) -> None:
        self.socket = _CONTEXT.wrap_socket(self.socket)

    def log_in(self) -> Session:
        """Log in, under TLS where the door says so; returns the session itself."""
        explicit = self._door.security == "explicit"
        if explicit:
            self.ask("AUTH TLS")
            self._begin_tls()
        self.ask(f"USER {self._door.user}", "23")
        self.ask(f"PASS {self._door.password}")
        if explicit:
            self.ask("PBSZ 0")
            self.ask("PROT P")
        return self

    def image(self) -> Session:
        """Log in and choose ``TYPE I``; returns the session itself."""
        self.log_in().ask("TYPE I")
        return self

    def say(self, line: str) -> None:
        """Send a command and do not wait."""
        self.socket.sendall(line.encode() + b"\r\n")

    def ask(self, line: str, expected: str = "2") -> bytes:
        """
        Send a command and return the last line of its reply.

        :param expected: first digits that the code may have.
        :raises Refused: if it has another one.
        """
        self.say(line)
        return self.reply(expected)

    def reply(self, expected: str) -> bytes:
        """Return the last line of the next reply; see :meth:`ask`."""
        line = first = self._line()
        while line[:3] != first[:3] or line[3:4] == b"-":
            line = self._line()
        if chr(line[0]) not in expected:
            raise Refused(line.decode("utf-8", "replace").strip())
        return line

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            octets = self.socket.recv(65536)
            if not octets:
                raise Refused("the control connection was closed")
            self._unread += octets
        line, _, self._unread = self._unread.partition(b"\n")
        if not line.strip():
            raise Refused("an empty line for a reply")
        return line

    def passive(self) -> socket.socket:
        """Return a data connection that the server has not begun to use."""
        match = _PASV.search(self.ask("PASV"))
        if match is None:
            raise Refused("a 227 reply without a port")
        return socket.create_connection((HOST, int(match[1]) * 256 + int(match[2])), timeout=TIMEOUT)

    def begin(self, command: str) -> socket.socket:
        """Begin a transfer; the preliminary reply has come when the data connection is returned."""
        data = self.passive()
        try:
            if isinstance(self.socket, ssl.SSLSocket):
                data = _CONTEXT.wrap_socket(data, session=self.socket.session, do_handshake_on_connect=False)
            self.say(command)
            if isinstance(data, ssl.SSLSocket):
                self._shake_hands(data)
            else:
                self.reply("1")
        except BaseException:
            data.close()
            raise
        return data

    def _shake_hands(self, data: ssl.SSLSocket) -> None:
        """Begin TLS; the preliminary reply comes before it at some servers and behind it at others, a refusal alone."""
        data.settimeout(0)
        is_marked = False
        while not self._is_safe(data):
            readable = select.select([data] if is_marked else [data, self.socket], [], [], TIMEOUT)[0]
            if not readable:
                raise Refused("no TLS on the data connection in time")
            if self.socket in readable:
                self.reply("1")
                is_marked = True
        data.settimeout(TIMEOUT)
        if not is_marked:
            self.reply("1")

    @staticmethod
    def _is_safe(data: ssl.SSLSocket) -> bool:
        try:
            data.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def finish(self, data: socket.socket) -> None:
        """End a transfer and hear that it was complete."""
        hang_up(data)
        self.reply("2")

    def close(self) -> None:
        """Leave without a word."""
        self.socket.close()


def receive(data: socket.socket, amount: int = len(_SINK)) -> int:
    """Take what is there off a connection, as it is on the wire, without copying it; zero at the end."""
    return socket.socket.recv_into(data, _SINK, amount, socket.MSG_TRUNC)


def drain(data: socket.socket, size: int) -> int:
    """
    Read a download to its end.

    :param size: bytes that are expected.
    :returns: bytes that came, those of TLS included.
    """
    if isinstance(data, ssl.SSLSocket):
        return _drain_encrypted(data, size)
    if size >= PIECE:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER)
    total = 0
    while count := receive(data):
        total += count
    return total


def _drain_encrypted(data: ssl.SSLSocket, size: int) -> int:
    total = 0
    if size < PIECE:
        while count := data.recv_into(_SINK):
            total += count
        return total
    while total < size and (count := receive(data)):
        total += count
    while select.select([data], [], [], TLS_END)[0] and (count := receive(data)):
        total += count
    return total


def pour(data: socket.socket, file: int, size: int) -> None:
    """Send *size* bytes of a file."""
    if isinstance(data, ssl.SSLSocket):
        _pour_encrypted(data, file, size)
        return
    # A socket with a timeout does not block, and sendfile would have to be asked again and again.
    data.settimeout(None)
    offset = 0
    while offset < size:
        offset += os.sendfile(data.fileno(), file, offset, size - offset)


def _pour_encrypted(data: ssl.SSLSocket, file: int, size: int) -> None:
    view = memoryview(_SINK)
    offset = 0
    while offset < size:
        count = os.preadv(file, [view[: min(PIECE, size - offset)]], offset)
        data.sendall(view[:count])
        offset += count


def hang_up(data: socket.socket) -> None:
    """Close a data connection; one under TLS says so first, and waits until the server has heard it."""
    if isinstance(data, ssl.SSLSocket):
        data.settimeout(0)
        # It is sent at once; that the answer has not come yet is the error.
        with suppress(OSError, ValueError):
            data.unwrap()
        _await_end(data)
    data.close()


def _await_end(data: socket.socket) -> None:
    # Closing with something unread, such as a session ticket, would be a reset, and the upload lost.
    with suppress(OSError):
        data.shutdown(socket.SHUT_WR)
        data.settimeout(TLS_END * 10)
        while receive(data):
            pass
