# -*- test-case-name: tests.test_dialogue -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Talking to a server without sockets and without waiting.

A test of a command of one's own, in ten lines::

    class HelloTests(SynchronousTestCase):
        def test_hello_greets_the_user(self) -> None:
            dialogue = Dialogue(commands=COMMANDS.with_(hello))
            dialogue.login()
            dialogue.say("HELLO", expect=200)
            dialogue.files.write("/a", b"octets")
            self.assertEqual(dialogue.download("RETR a"), b"octets")
            dialogue.upload("STOR b", b"more octets")
            self.assertEqual(dialogue.files.read("/b"), b"more octets")
            dialogue.advance(3600)  # seconds pass at once
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.address import IPv4Address, IPv6Address
from zope.interface import implementer

from ..control.connection import ControlConnection, FTPFactory
from ..core.events import Event
from ..core.paths import resolve
from ..core.replies import Reply
from ..core.users import User
from ..interfaces import IObserver, IUserManager
from ..listening import TLSMode
from ..pathio.memory import MemoryFiles, Node
from ..server import Server
from .network import DataConnection, DialogueReactor, MemoryNetwork
from .replies import RepliesRead
from .transport import ControlTransport

__all__ = ["Dialogue", "DialogueFiles"]

#: Name and password of the account that a dialogue has unless others are given.
ACCOUNT = ("user", "password")

CONTROL_PORT = 21
CLIENT_PORT = 40000

Kind = TypeVar("Kind", bound=Event)


class DialogueFiles(MemoryFiles):
    """Files in memory that a test reads and writes directly; paths are those that a user sees."""

    def _node(self, path: str) -> Node | None:
        node: Node | None = self.root
        for name in resolve(path).parts:
            node = None if node is None else node.children.get(name)
        return node

    def make_directory(self, path: str) -> Node:
        """Make a directory and its parents, those that are not there."""
        node = self.root
        for name in resolve(path).parts:
            node = node.children.setdefault(name, Node(self.root.mode, self.clock()))
        return node

    def write(self, path: str, octets: bytes = b"") -> Node:
        """Make a file, in place of one that was there, and its parents."""
        place = resolve(path)
        node = Node(0o100644, self.clock(), bytearray(octets))
        self.make_directory(str(place.parent)).children[place.name] = node
        return node

    def read(self, path: str) -> bytes:
        """
        Return what a file holds.

        :raises FileNotFoundError: if there is none.
        """
        node = self._node(path)
        if node is None or node.is_directory:
            raise FileNotFoundError(path)
        return bytes(node.data)

    def exists(self, path: str) -> bool:
        """Tell whether there is something at *path*."""
        return self._node(path) is not None

    def names(self, path: str = "/") -> list[str]:
        """Return the names in a directory, sorted."""
        node = self._node(path)
        return [] if node is None else sorted(node.children)


@implementer(IObserver)
class RecordedEvents(list[Event]):
    """What a server has published, in order."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return those of one kind."""
        return [event for event in self if isinstance(event, kind)]


class Dialogue:
    """
    One client and its control connection to a server that lives in memory.

    Nothing waits: each method returns when the server has nothing to do any more, and time passes only by
    :meth:`advance`. A store or a user manager that works in threads needs a real reactor; a local store does not with
    ``path_threads=0``.

    :param users: as :class:`~ftpserver.Server` takes them; by default one ``User("user", "password")``.
    :param server: the server of another dialogue (``other.server``), to be a further client of it.
    :param server_host: address that the client has reached.
    :param client_host: address of the client.
    :param network: carries the data connections; one that fails on purpose may be given.
    :param mode: how the listener that the client has reached treats TLS; the dialogue itself speaks none.
    :param keywords: those of :class:`~ftpserver.Server`; by default its store is :attr:`files`.
    :ivar server: the server.
    :ivar files: the files of the server, unless it has another store.
    :ivar events: what the server has published since the beginning of this dialogue.
    """

    def __init__(
        self,
        users: Iterable[User] | IUserManager | None = None,
        *,
        server: Server | None = None,
        server_host: str = "127.0.0.1",
        client_host: str = "127.0.0.1",
        network: MemoryNetwork | None = None,
        mode: TLSMode = "explicit",
        **keywords: Any,
    ) -> None:
        self.files = DialogueFiles()
        self.events = RecordedEvents()
        self.server = self._make_server(users, network, keywords) if server is None else server
        self.reactor: DialogueReactor = self.server.reactor
        self.network: MemoryNetwork = self.reactor.network
        self.server.publisher.add(self.events)
        self.client_host = client_host
        self._replies = RepliesRead()
        here, there = _address(server_host, CONTROL_PORT), _address(client_host, CLIENT_PORT)
        self.protocol: ControlConnection = FTPFactory(self.server, mode).buildProtocol(there)
        self.transport = ControlTransport(self.reactor, self.protocol, here, there)
        self.transport.connect()
        self.reactor.settle()

    def _make_server(
        self, users: Iterable[User] | IUserManager | None, network: MemoryNetwork | None, keywords: dict[str, Any]
    ) -> Server:
        accounts = [User(*ACCOUNT)] if users is None else users
        reactor = DialogueReactor(network or MemoryNetwork())
        keywords.setdefault("path_io_factory", self.files.path_io)
        server = Server(accounts, reactor=reactor, **keywords)
        server.system = reactor.network
        server.startService()
        return server

    # The control connection.

    def send(self, octets: bytes) -> None:
        """Send octets as they are; those that the server does not take yet wait."""
        self.transport.deliver(octets)
        self.reactor.settle()

    def say(self, line: str, expect: int | Sequence[int] | None = None) -> Reply:
        """
        Send a command.

        :param expect: code of the one reply that must have come, or codes of all of them in order.
        :returns: the last reply that has come.
        :raises AssertionError: if no reply has come, or another than was expected.
        """
        before = len(self.replies())
        self.send(line.encode("utf-8", "surrogateescape").replace(b"\xff", b"\xff\xff") + b"\r\n")
        news = self.replies()[before:]
        if expect is not None:
            expected = [expect] if isinstance(expect, int) else list(expect)
            if [one.code for one in news] != expected:
                raise AssertionError(f"{line}: {expected} was expected, and there came {[str(one) for one in news]}")
        if not news:
            raise AssertionError(f"{line}: no reply has come")
        return news[-1]

    def replies(self) -> list[Reply]:
        """
        Return every reply so far, the greeting first; inner lines are without the blank that the server pads them with.

        :raises AssertionError: if what the server has written is not made of replies.
        """
        return self._replies.feed(self.transport.take_written())

    def codes(self) -> list[int]:
        """Return the code of every reply so far."""
        return [one.code for one in self.replies()]

    @property
    def last_reply(self) -> Reply:
        """The last reply so far."""
        return self.replies()[-1]

    def login(self, name: str = ACCOUNT[0], password: str = ACCOUNT[1], expect: int = 230) -> Reply:
        """
        Log in.

        :param expect: code of the reply that ends the login.
        :raises AssertionError: on another one.
        """
        answer = self.say(f"USER {name}")
        if answer.code == 331:
            return self.say(f"PASS {password}", expect=expect)
        if answer.code != expect:
            raise AssertionError(f"USER {name}: {expect} was expected, and there came {answer}")
        return answer

    def stop_reading(self) -> None:
        """Leave what the server writes unread."""
        self.transport.client_reads = False

    def read_again(self) -> None:
        """Read what was left, and go on reading."""
        self.transport.take_unread()
        self.reactor.settle()

    def lose_connection(self) -> None:
        """Break the control connection."""
        self.transport.break_off()
        self.reactor.settle()

    @property
    def is_closed(self) -> bool:
        """Tell whether the control connection has ended, from either side."""
        return self.transport.is_lost

    @property
    def is_read(self) -> bool:
        """Tell whether the server takes octets; it stops while too much waits."""
        return self.transport.is_reading

    @property
    def unsent(self) -> int:
        """How many octets the server has not taken yet."""
        return self.transport.unsent

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.reactor.advance(seconds)
        self.reactor.settle()

    # Data connections.

    def agree(self, command: str = "EPSV") -> DataConnection:
        """
        Agree a data connection.

        :param command: ``EPSV`` or ``PASV``, which connect at once, or ``EPRT`` or ``PORT``, where the server calls.
        :returns: the client's end.
        :raises AssertionError: if the server refuses.
        """
        if command == "EPSV":
            text = self.say("EPSV", expect=229).lines[0]
            return self.network.connect(int(text.split("|")[3]), self.client_host)
        if command == "PASV":
            numbers = self.say("PASV", expect=227).lines[0].partition("(")[2].partition(")")[0].split(",")
            return self.network.connect(int(numbers[4]) * 256 + int(numbers[5]), self.client_host)
        connection = self.network.expect(self.client_host, CLIENT_PORT + 1)
        high, low = divmod(CLIENT_PORT + 1, 256)
        if command == "PORT":
            self.say(f"PORT {self.client_host.replace('.', ',')},{high},{low}", expect=200)
        else:
            family = 2 if ":" in self.client_host else 1
            self.say(f"EPRT |{family}|{self.client_host}|{CLIENT_PORT + 1}|", expect=200)
        return connection

    def download(self, command: str, expect: int = 226, agree: str = "EPSV") -> bytes:
        """
        Return what *command* sends over a data connection.

        :param expect: code of the final reply.
        :param agree: see :meth:`agree`.
        :raises AssertionError: on another one.
        """
        connection = self.agree(agree)
        self._transfer(command)
        self._expect_final(command, expect)
        return bytes(connection.received)

    def upload(self, command: str, octets: bytes, expect: int = 226, agree: str = "EPSV") -> Reply:
        """
        Send *octets* over a data connection to *command*.

        :param expect: code of the final reply.
        :param agree: see :meth:`agree`.
        :returns: the final reply.
        :raises AssertionError: on another one.
        """
        connection = self.agree(agree)
        self._transfer(command)
        connection.send(octets)
        connection.end()
        return self._expect_final(command, expect)

    def _transfer(self, command: str) -> None:
        self.send(command.encode("utf-8", "surrogateescape") + b"\r\n")

    def _expect_final(self, command: str, expect: int) -> Reply:
        final = self.last_reply
        if final.code != expect:
            raise AssertionError(f"{command}: {expect} was expected, and there came {final}")
        return final


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)
