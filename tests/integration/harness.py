# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A real server on a real port, and raw clients of it.

Subclass :class:`ServerTestCase`::

    class GreetingTests(ServerTestCase):
        async def test_a_password_lets_in(self) -> None:
            client = await self.connect()
            await client.command("USER alice", 331)
            await client.command("PASS secret", 230)
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from ftpserver import Server, User
from ftpserver.control.state import LAST_MOMENT
from ftpserver.pathio.procfs import descriptors_of_this_process

from .client import Client
from .sockets import connect

__all__ = ["HeldTime", "ServerTestCase", "open_descriptors"]

reactor: Any = _reactor

Kind = TypeVar("Kind", bound=Client)


class HeldTime:
    """
    The real reactor with its clock in the hand of the test: sockets work, timers wait for :meth:`advance`.

    A delay of zero only means another turn of the reactor and passes as ever.
    """

    def __init__(self) -> None:
        self._clock = Clock()

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def seconds(self) -> float:
        """Return the reading of the held clock."""
        return self._clock.seconds()

    def callLater(self, delay: float, call: Any, *arguments: Any, **keywords: Any) -> IDelayedCall:
        """Call later by the held clock."""
        # The last moment of a client is one of its system, and passes.
        clock = self._clock if delay > LAST_MOMENT else reactor
        delayed: IDelayedCall = clock.callLater(delay, call, *arguments, **keywords)
        return delayed

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._clock.advance(seconds)

    @property
    def pending(self) -> list[IDelayedCall]:
        """Timers that wait."""
        return list(self._clock.getDelayedCalls())


class ServerTestCase(TestCase):
    """
    A test case with a server at 127.0.0.1 over a directory of its own.

    Afterwards neither a session nor a data port nor a descriptor may be left; trial itself fails a test that leaves a
    delayed call.

    :cvar keywords: of the server, for every test of the class; see :meth:`server_keywords`.
    :ivar root: the directory, seen as ``/`` by ``alice`` (password ``secret``, may write) and ``anonymous`` (may not).
    :ivar server: the server.
    :ivar time: the clock of the server; it stands still unless a test lets it go on.
    """

    timeout = 60
    host: ClassVar[str] = "127.0.0.1"
    keywords: ClassVar[Mapping[str, Any]] = {}
    #: Whether the server's timers wait for ``self.time.advance``.
    holds_time: ClassVar[bool] = False

    server: Server
    time: HeldTime

    def users(self) -> list[User]:
        """Return the accounts of the server."""
        return [User("alice", "secret", base_path=self.root), User(base_path=self.root)]

    def server_keywords(self) -> dict[str, Any]:
        """Return the keywords of the server; to be extended by a class that needs others."""
        return {"failed_login_delay": 0, **self.keywords}

    def setUp(self) -> Any:
        """Start the server."""
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-test-")
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self._clients: list[Client] = []
        return Deferred.fromCoroutine(self._begin())

    def tearDown(self) -> Any:
        """Stop the server and look for what was left behind."""
        return Deferred.fromCoroutine(self._finish())

    async def _begin(self) -> None:
        # The reactor has opened its own descriptors once it turns.
        await deferLater(reactor, 0)
        # The process opens it once and keeps it.
        descriptors_of_this_process()
        self._descriptors = open_descriptors()
        await self.start_server()

    async def start_server(self, **keywords: Any) -> None:
        """Start a server; with *keywords* beside those of the class."""
        self.time = HeldTime()
        served = self.time if self.holds_time else reactor
        options = {"reactor": served, **self.server_keywords(), **keywords}
        self.server = Server(options.pop("users", None) or self.users(), **options)
        self._data_ports = self.server.data_ports.free
        await self.server.start(self.host)

    async def restart_server(self, **keywords: Any) -> None:
        """Put a server with *keywords* in the place of the one that runs."""
        await self.stop_server()
        await self.start_server(**keywords)

    async def stop_server(self) -> None:
        """Disconnect every client, close the server, and look for what it left behind."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.leave()
        await self.server.close()
        self.assertEqual(self.server.sessions, 0, "a session is left")
        self.assertEqual(self.server.data_ports.free, self._data_ports, "a data port is left")
        self.assertEqual(self.time.pending, [], "a timer is left")

    async def _finish(self) -> None:
        await self.stop_server()
        self.assertEqual(open_descriptors(), self._descriptors, "a descriptor is left, or lost")

    # Clients.

    async def connect(self, *, source: str | None = None, greeting: bool = True) -> Client:
        """
        Return a client that has just connected.

        :param source: the client's address; one of 127.0.0.0/8 makes another client of it.
        :param greeting: whether to read the 220.
        """
        client = await self.reach(Client(reactor, source or self.host))
        if greeting:
            await client.reply(220)
        return client

    async def reach(self, client: Kind, listener: int = 0) -> Kind:
        """Connect *client* to the listener of that number; it is left behind at the end of the test."""
        port = self.server.addresses[listener][1]
        await connect(reactor, self.host, port, client, client.source)
        self._clients.append(client)
        return client

    async def session(self, user: str = "alice", password: str = "secret", *, source: str | None = None) -> Client:
        """Return a client that has logged in and chosen TYPE I."""
        client = await self.connect(source=source)
        await client.login(user, password)
        await client.command("TYPE I", 200)
        return client

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor turn until *condition* holds; the time limit of the test is the bound."""
        while not condition():
            await deferLater(reactor, 0)

    async def until_size(self, path: Path, size: int) -> None:
        """Wait until the file at *path* has *size* octets."""
        await self.until(lambda: path.exists() and path.stat().st_size == size)

    def write(self, name: str, octets: bytes = b"") -> Path:
        """Make a file below the root of the server and return its path."""
        path = self.root / name
        path.write_bytes(octets)
        return path


def open_descriptors() -> dict[int, str]:
    """Return what the descriptors of this process are open to; Twisted keeps one at /dev/null in reserve."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            # The descriptor of the listing itself.
            continue
    return {number: target for number, target in found.items() if target != os.devnull}
