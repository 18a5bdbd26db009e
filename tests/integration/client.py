# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A raw FTP client: every octet as the test wants it, every reply as it came.

It waits for events only; the time limit of the test is the bound of every wait.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

from .sockets import Socket, Waiting, connect

__all__ = ["ActiveListener", "Client", "ConnectionClosed", "DataConnection", "Reply"]


class ConnectionClosed(Exception):
    """The server closed the connection while something was still awaited from it."""


@dataclass(frozen=True)
class Reply:
    """
    One reply of the server.

    :ivar code: the three digits.
    :ivar lines: the text of each line; the code is taken off the first and the last, inner ones are as they came.
    :ivar raw: all octets, line ends included.
    """

    code: int
    lines: tuple[str, ...]
    raw: bytes

    @property
    def text(self) -> str:
        """All lines, joined by line feeds."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        return repr(self.raw)


class DataConnection(Socket):
    """A data connection."""

    made: Callable[[DataConnection], None] | None = None

    def connectionMade(self) -> None:
        """Tell who waits for the connection."""
        super().connectionMade()
        if self.made is not None:
            self.made(self)

    async def everything(self) -> bytes:
        """Return all that the server sends until it ends the connection."""
        await self.lost()
        return bytes(self.received)

    async def some(self, amount: int = 1) -> bytes:
        """Wait for *amount* octets and return what is there by then."""
        await self.changes.until(lambda: len(self.received) >= amount or self.has_ended)
        return bytes(self.received)

    async def upload(self, data: bytes) -> None:
        """Send *data*, end the connection, and wait for its end."""
        self.send(data)
        self.finish()
        await self.lost()


class ActiveListener(Factory):
    """A port that the server connects to in active mode."""

    noisy = False

    def __init__(self, reactor: Any, host: str, kind: type[DataConnection] = DataConnection) -> None:
        self.connections: list[DataConnection] = []
        self._kind = kind
        self._taken = 0
        self._changes = Waiting()
        self._port = reactor.listenTCP(0, self, interface=host)
        self.port: int = self._port.getHost().port

    def buildProtocol(self, addr: Any) -> DataConnection:
        """Take a connection of the server."""
        connection = self._kind()
        connection.made = self._made
        return connection

    def _made(self, connection: DataConnection) -> None:
        self.connections.append(connection)
        self._changes.happened()

    async def connection(self) -> DataConnection:
        """Return the next connection that the server makes."""
        await self._changes.until(lambda: len(self.connections) > self._taken)
        self._taken += 1
        return self.connections[self._taken - 1]

    async def stop(self) -> None:
        """Close the port, and what came to it."""
        await self._port.stopListening()
        for connection in self.connections:
            connection.close()
            await connection.lost()


_FIRST_LINE = re.compile(rb"([1-5][0-9]{2})([ -])([^\r\n]*)\r\n")


def take_reply(buffer: bytearray) -> Reply | None:
    """
    Take the first whole reply off *buffer*; ``None`` while it is not whole.

    :raises AssertionError: on octets that are no reply (RFC 959, section 4.2).
    """
    first = _FIRST_LINE.match(buffer)
    if first is None:
        assert b"\n" not in buffer, f"not a reply: {bytes(buffer)!r}"
        return None
    code, mark, text = first.groups()
    lines, end = [text], first.end()
    while mark == b"-":
        stop = buffer.find(b"\r\n", end)
        if stop < 0:
            return None
        line, end = bytes(buffer[end:stop]), stop + 2
        if line[:4] == code + b" ":
            lines.append(line[4:])
            break
        lines.append(line)
    raw = bytes(buffer[:end])
    del buffer[:end]
    return Reply(int(code), tuple(line.decode("utf-8", "surrogateescape") for line in lines), raw)


class Client(Socket):
    """
    A control connection.

    :param reactor: the reactor.
    :param source: address that data connections come from.
    :cvar data_kind: what data connections are.
    """

    data_kind: ClassVar[type[DataConnection]] = DataConnection

    def __init__(self, reactor: Any, source: str) -> None:
        super().__init__()
        self.reactor = reactor
        self.source = source
        self.opened: list[Socket] = []
        self.listeners: list[ActiveListener] = []

    # Requests and replies.

    async def reply(self, *codes: int) -> Reply:
        """
        Return the next reply.

        :param codes: if given, one of them must be its code.
        :raises ConnectionClosed: when the server has closed instead.
        """
        reply: Reply | None = None

        def is_there() -> bool:
            nonlocal reply
            reply = reply or take_reply(self.received)
            return reply is not None or self.has_ended

        await self.changes.until(is_there)
        if reply is None:
            raise ConnectionClosed(f"no reply, but {bytes(self.received)!r} and the end")
        assert not codes or reply.code in codes, f"{reply} came, not {' or '.join(map(str, codes))}"
        return reply

    async def command(self, line: str | bytes, *codes: int) -> Reply:
        """Send *line* and CRLF, and return the next reply; see :meth:`reply`."""
        self.send_line(line)
        try:
            return await self.reply(*codes)
        except AssertionError as error:
            raise AssertionError(f"to {line!r}: {error}") from error

    def send_line(self, line: str | bytes) -> None:
        """Send *line* and CRLF; octets that are not UTF-8 may stand in text as surrogates."""
        self.send((line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")) + b"\r\n")

    async def send_raw(self, data: bytes) -> None:
        """Send *data* as it is."""
        self.send(data)

    async def send_slowly(self, data: bytes) -> None:
        """Send each octet in a segment of its own, and let the server read it before the next."""
        for position in range(len(data)):
            self.send_now(data[position : position + 1])
            await self.turn()

    def send_now(self, data: bytes, flags: int = 0) -> None:
        """Give *data* to the system at once; nothing else may wait to be sent."""
        assert self.handle.send(data, flags) == len(data)

    async def pour(self, data: bytes, times: int) -> None:
        """Send *data* so often, as fast as the server takes it; stop without an error if it closes."""
        for _ in range(times):
            view = memoryview(data)
            while view:
                try:
                    view = view[self.handle.send(view) :]
                except BlockingIOError:
                    await self.turn()
                except OSError:
                    return

    def send_urgent(self, data: bytes) -> None:
        """Send *data* at once, its last octet as urgent data (MSG_OOB)."""
        self.send_now(data, socket.MSG_OOB)

    async def turn(self) -> None:
        """Let the reactor turn once: what was sent is read."""
        await deferLater(self.reactor, 0)

    async def replies(self, *codes: int) -> list[Reply]:
        """Return as many replies as there are *codes*, which must be theirs in this order."""
        return [await self.reply(code) for code in codes]

    async def at_end(self) -> None:
        """
        Wait until the server has closed the connection.

        :raises AssertionError: when it sent another reply before.
        """
        await self.lost()
        assert not self.received, f"{bytes(self.received)!r} came before the end"

    async def login(self, user: str = "alice", password: str = "secret") -> None:
        """Log in."""
        await self.command(f"USER {user}", 331)
        await self.command(f"PASS {password}", 230)

    # Data connections.

    async def passive_port(self, verb: str = "EPSV") -> int:
        """Ask for a passive port and return its number."""
        reply = await self.command(verb, 227 if verb == "PASV" else 229)
        return announced_port(reply)

    async def open_data(self, port: int, source: str | None = None) -> DataConnection:
        """Connect to a passive port."""
        host = self.transport_.getPeer().host
        connection = await connect(self.reactor, host, port, self.data_kind(), source or self.source)
        self.opened.append(connection)
        return connection

    async def passive(self, verb: str = "EPSV") -> DataConnection:
        """Ask for a passive port and connect to it."""
        return await self.open_data(await self.passive_port(verb))

    async def active(self, verb: str = "PORT", *codes: int) -> ActiveListener:
        """Open a port for the server to connect to, and tell it; the reply is 200 or one of *codes*."""
        listener = ActiveListener(self.reactor, self.source, self.data_kind)
        self.listeners.append(listener)
        await self.command(f"{verb} {target(verb, self.source, listener.port)}", *(codes or (200,)))
        return listener

    async def begin(self, line: str | bytes, verb: str = "EPSV") -> DataConnection:
        """Open a passive data connection, send *line*, and return the connection when its 1xx has come."""
        data = await self.passive(verb)
        await self.command(line, 125, 150)
        return data

    async def fetch(self, line: str | bytes) -> bytes:
        """Return what *line* (RETR, LIST, ...) sends over a passive data connection, ended by 226."""
        data = await self.begin(line)
        octets = await data.everything()
        await self.reply(226, 250)
        return octets

    async def store(self, line: str | bytes, octets: bytes) -> None:
        """Send *octets* over a passive data connection for *line* (STOR, ...), which ends with 226."""
        data = await self.begin(line)
        await data.upload(octets)
        await self.reply(226, 250)

    async def leave(self) -> None:
        """Close everything, in whatever state it is."""
        for listener in self.listeners:
            await listener.stop()
        for connection in (*self.opened, self):
            await connection.vanish()


def announced_port(reply: Reply) -> int:
    """Return the port of a 227 or 229 reply."""
    if reply.code == 229:
        found = re.search(r"\(\|\|\|(\d+)\|\)", reply.text)
        assert found is not None, f"no port in {reply}"
        return int(found[1])
    numbers = re.search(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", reply.text)
    assert numbers is not None, f"no address in {reply}"
    return int(numbers[5]) * 256 + int(numbers[6])


def target(verb: str, host: str, port: int) -> str:
    """Return the argument of PORT or EPRT."""
    if verb == "EPRT":
        return f"|{2 if ':' in host else 1}|{host}|{port}|"
    return ",".join([*host.split("."), str(port // 256), str(port % 256)])
