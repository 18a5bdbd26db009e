# -*- test-case-name: tests.test_server -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The server: its keywords, its listeners, and what its sessions share.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from .commands import COMMANDS
from .commands.registry import CommandTable
from .control.connection import ControlConnection, FTPFactory
from .core import replies
from .core.bans import Ban, BanPolicy
from .core.limits import AvailableConnections, KeyedConnections
from .core.networks import EVERYBODY, THIS_MACHINE, source_of
from .core.replies import Reply
from .core.speed_limits import SpeedLimits
from .core.uploads import UploadPolicy
from .core.users import User
from .data.channel import DataChannel, DataSettings
from .data.plane import DataPlane
from .data.ports import DataPorts
from .data.system import System
from .gate import Gate, GuardedFactory
from .interfaces import IHook, IObserver, IPathIO, IUserManager
from .listening import Listener, Listeners, TLSMode
from .observers.publisher import Publisher
from .passive_address import PassiveAddress
from .pathio.local import PathIO
from .pathio.mounts import Mounts, PathCalls
from .pathio.roots import Roots
from .pathio.threads import StorageThreads
from .tls.settings import TLS
from .users.memory import MemoryUserManager

__all__ = ["Server", "UserManagerType"]

#: What ``Server(users=...)`` takes: accounts, or where they come from.
UserManagerType = Iterable[User] | IUserManager


class Server(MultiService):
    """
    A complete FTP server; also a service that one's own application can hold.

    :param users: accounts, or where they come from; ``None`` is anonymous reading of the working directory.
    :param block_size: largest piece that is read from a file or a socket, in octets.
    :param socket_timeout: seconds that a data connection may stall (426) or a reply wait to be taken.
    :param idle_timeout: seconds of silence on the control connection (421); a transfer that moves is no silence.
    :param wait_future_timeout: seconds that a transfer waits for its data connection (425).
    :param path_timeout: seconds for a single call to the store (451).
    :param path_io_factory: makes the store of each login; gets the connection.
    :param maximum_connections: sessions at a time; one more is answered 421.
    :param read_speed_limit: uploads of all sessions together, octets per second.
    :param write_speed_limit: downloads of all sessions together, octets per second.
    :param read_speed_limit_per_connection: uploads of each session, octets per second.
    :param write_speed_limit_per_connection: downloads of each session, octets per second.
    :param ipv4_pasv_forced_response_address: address or name for the 227 reply, or a map from networks of clients
        (``"10.0.0.0/8"``) to such.
    :param data_ports: ports for passive data connections; ``None`` lets the system choose.
    :param encoding: of names on the control connection.
    :param ssl: a context of the ``ssl`` module, of pyOpenSSL or of Twisted, as ``tls=TLS(context=...)``, and implicit
        TLS on what :meth:`start` opens.
    :param welcome_message: text or lines of the greeting.
    :param maximum_connections_per_host: sessions at a time from one address, or one /64 network of IPv6.
    :param connections_per_minute_per_host: connections from there, as many of them at once; others are closed.
    :param allowed_networks: networks that may connect.
    :param denied_networks: networks that may not; the most specific network that an address lies in decides.
    :param trusted_networks: networks that are neither banned nor held to ``connections_per_minute_per_host``.
    :param bans: when addresses are banned, as ``BanPolicy()``; ``None`` is never.
    :param maximum_login_attempts: wrong logins after which the session ends with 421.
    :param failed_login_delay: seconds that the first wrong login waits for its answer; the second twice as long, and so
        on.
    :param login_timeout: seconds from the connection to the login; 421.
    :param active_mode: whether PORT and EPRT are offered.
    :param atomic_uploads: see :class:`~ftpserver.core.uploads.UploadPolicy`.
    :param partial_uploads: see there.
    :param fsync: see there.
    :param path_threads: threads for calls to local files; 0 makes them in the reactor thread.
    :param data_plane: ``auto`` lets the kernel move octets between sockets and files where it can; ``portable`` moves
        all of them in Python.
    :param path_calls: where calls to local files are made: ``auto`` makes those on a mount that answers at once in the
        reactor thread, and all others in threads; ``inline`` makes all in the reactor thread, ``threads`` none.
    :param close_timeout: seconds that :meth:`close` leaves to running transfers.
    :param commands: the table of commands, as ``COMMANDS.with_(mine)``.
    :param listeners: Twisted endpoint strings that the service listens on.
    :param observers: hear of every event.
    :param hooks: are asked before each command.
    :param tls: what is offered under TLS, which AUTH begins on listeners with explicit TLS.
    :param reactor: the reactor; by default the one that is installed.
    :raises ValueError: on a keyword whose value cannot be.
    """

    log = Logger()

    def __init__(
        self,
        users: UserManagerType | None = None,
        *,
        block_size: int = 262144,
        socket_timeout: float | None = None,
        idle_timeout: float | None = None,
        wait_future_timeout: float | None = 1,
        path_timeout: float | None = None,
        path_io_factory: Callable[[Any], IPathIO] = PathIO,
        maximum_connections: int | None = None,
        read_speed_limit: float | None = None,
        write_speed_limit: float | None = None,
        read_speed_limit_per_connection: float | None = None,
        write_speed_limit_per_connection: float | None = None,
        ipv4_pasv_forced_response_address: str | Mapping[str, str] | None = None,
        data_ports: Iterable[int] | None = None,
        encoding: str = "utf-8",
        ssl: Any = None,
        welcome_message: str | Sequence[str] | None = None,
        maximum_connections_per_host: int | None = None,
        connections_per_minute_per_host: int | None = None,
        allowed_networks: Iterable[str] = EVERYBODY,
        denied_networks: Iterable[str] = (),
        trusted_networks: Iterable[str] = THIS_MACHINE,
        bans: BanPolicy | None = None,
        maximum_login_attempts: int = 3,
        failed_login_delay: float = 1.0,
        login_timeout: float | None = 60.0,
        active_mode: bool = True,
        atomic_uploads: bool = True,
        partial_uploads: Literal["keep", "remove"] = "keep",
        fsync: Literal["never", "file", "directory"] = "never",
        path_threads: int = 8,
        path_calls: PathCalls = "auto",
        data_plane: Literal["auto", "portable"] = "auto",
        close_timeout: float = 10.0,
        commands: CommandTable = COMMANDS,
        listeners: Sequence[str | Listener] = (),
        observers: Sequence[IObserver] = (),
        hooks: Sequence[IHook] = (),
        tls: TLS | None = None,
        reactor: Any = None,
    ) -> None:
        MultiService.__init__(self)
        if ssl is not None and tls is not None:
            raise ValueError("ssl and tls: give one of them; ssl=context is tls=TLS(context=context) with implicit TLS")
        self.tls = TLS(context=ssl) if ssl is not None else tls
        self._default_mode: TLSMode = "implicit" if ssl is not None else "explicit"
        self.reactor = reactor if reactor is not None else _installed_reactor()
        self.users = _user_manager(users, self.reactor)
        self.block_size = block_size
        self.socket_timeout = socket_timeout
        self.idle_timeout = idle_timeout
        self.wait_future_timeout = wait_future_timeout
        self.path_timeout = path_timeout
        self.path_io_factory = path_io_factory
        self.passive_address = PassiveAddress(self.reactor, ipv4_pasv_forced_response_address)
        self.encoding = encoding
        self.maximum_login_attempts = maximum_login_attempts
        self.failed_login_delay = failed_login_delay
        self.login_timeout = login_timeout
        self.active_mode = active_mode
        self.uploads = UploadPolicy(atomic_uploads, partial_uploads, fsync)
        self.storage_threads = StorageThreads(self.reactor, path_threads) if path_threads else None
        self.roots = Roots(Mounts(path_calls if path_threads else "inline"))
        self.close_timeout = close_timeout
        self.commands = commands.without(*_not_provided(self.tls, active_mode).intersection(commands))
        self.hooks = tuple(hooks)
        self.greeting = replies.greeting(welcome_message)
        self.publisher = Publisher(observers)
        self.available_connections = AvailableConnections(maximum_connections)
        self.hosts = KeyedConnections(maximum_connections_per_host)
        self.logins = KeyedConnections()
        self.data_ports = DataPorts(data_ports)
        #: The system calls of data connections; tests put others in place before the first login.
        self.system = System()
        self._moves_in_kernel = data_plane == "auto"
        self.read_limits = SpeedLimits("read", read_speed_limit, read_speed_limit_per_connection)
        self.write_limits = SpeedLimits("write", write_speed_limit, write_speed_limit_per_connection)
        self._identifiers = itertools.count(1)
        self._sessions: set[ControlConnection] = set()
        #: Who may connect; see also :attr:`bans` and :meth:`unban`.
        self.gate = Gate(
            self.reactor,
            self.publisher,
            allowed=allowed_networks,
            denied=denied_networks,
            trusted=trusted_networks,
            per_minute=connections_per_minute_per_host,
            bans=bans,
        )
        self.gate.on_ban = self._end_strangers
        self._listeners = Listeners(self.reactor, self._factory, listeners)
        self._stopping: list[Deferred[None]] = []
        self._shutdown: object = None

    # Lifecycle.

    @property
    def address(self) -> tuple[str | None, int]:
        """
        Host and port that the server is bound to; the first where there are several.

        :raises RuntimeError: before the server listens.
        """
        return self._listeners.address

    @property
    def addresses(self) -> list[tuple[str | None, int]]:
        """Every host and port that the server is bound to."""
        return self._listeners.addresses

    def start(self, host: str | None = None, port: int = 0, **kwargs: Any) -> Deferred[None]:
        """
        Start to serve.

        :param host: address or name to listen on, every address that a name has; ``None`` is all of the machine.
        :param port: ``0`` lets the system choose one, the same for all addresses.
        :param kwargs: ``backlog``, the connections that may wait to be accepted; ``tls``, which is ``"explicit"``,
            ``"implicit"`` or ``"off"``.
        :returns: a Deferred that fires when the port is open.
        :raises TypeError: on another keyword.
        """
        backlog = kwargs.pop("backlog", 1024)
        mode = kwargs.pop("tls", self._default_mode)
        if kwargs:
            raise TypeError(f"start() takes the keywords backlog and tls, not {', '.join(sorted(kwargs))}")
        return Deferred.fromCoroutine(self._start(host, port, backlog, mode))

    async def _start(self, host: str | None, port: int, backlog: int, mode: TLSMode) -> None:
        await self._listeners.listen_on(host, port, backlog, mode)
        if not self.running:
            self.startService()

    def serve_forever(self) -> Deferred[None]:
        """
        Return a Deferred that fires when the server was closed; cancelling it closes the server.

        Until then a signal that stops the reactor closes the server first, as :meth:`close` says.
        """
        deferred: Deferred[None] = Deferred(lambda _deferred: self._close_unasked())
        self._stopping.append(deferred)
        if self._shutdown is None and IReactorCore.providedBy(self.reactor):
            self._shutdown = self.reactor.addSystemEventTrigger("before", "shutdown", self._shut_down)
        return deferred

    def _shut_down(self) -> Deferred[None]:
        self._shutdown = None
        return self.close()

    def _close_unasked(self) -> None:
        self.close().addErrback(lambda failure: self.log.failure("closing failed", failure))

    def run(self, host: str | None = None, port: int = 0, **kwargs: Any) -> Deferred[None]:
        """Start as :meth:`start` does, and serve until the server is closed."""
        return Deferred.fromCoroutine(self._start_and_serve(host, port, kwargs))

    async def _start_and_serve(self, host: str | None, port: int, kwargs: dict[str, Any]) -> None:
        await self.start(host, port, **kwargs)
        await self.serve_forever()

    def close(self) -> Deferred[None]:
        """
        Stop listening, end idle sessions with 421, and end running transfers that take longer than ``close_timeout``.

        :returns: a Deferred that fires when every session has ended.
        """
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        trigger, self._shutdown = self._shutdown, None
        if trigger is not None:
            self.reactor.removeSystemEventTrigger(trigger)
        await self.stopService()
        waiting, self._stopping = self._stopping, []
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(None)

    def bind(self) -> None:
        """
        Open the ports of ``listeners``.

        :raises twisted.internet.error.CannotListenError: if one cannot be opened; none stays open then.
        """
        self._listeners.bind()

    def privilegedStartService(self) -> None:
        """Open the ports while the process may still use those below 1024."""
        self.bind()
        MultiService.privilegedStartService(self)

    def startService(self) -> None:
        """Start the service; see :meth:`privilegedStartService` for its ports."""
        self.bind()
        self.gate.start()
        MultiService.startService(self)

    def stopService(self) -> Deferred[Any]:
        """Stop the service as :meth:`close` says."""
        services = MultiService.stopService(self)
        return Deferred.fromCoroutine(self._drain(services))

    async def _drain(self, services: Deferred[Any]) -> None:
        await self._listeners.stop()
        sessions = list(self._sessions)
        grace = self.reactor.callLater(self.close_timeout, self._end_all)
        for session in sessions:
            session.drain()
        await DeferredList([session.finished for session in sessions])
        if grace.active():
            grace.cancel()
        self.gate.stop()
        self.plane.close()
        if self.storage_threads is not None:
            await self.storage_threads.stop()
        self.roots.close()
        await services

    def _end_all(self) -> None:
        for session in list(self._sessions):
            session.kill()

    def _factory(self, mode: TLSMode) -> Factory:
        return GuardedFactory(FTPFactory(self, mode), self.gate, speaks=mode != "implicit")

    # Bans.

    @property
    def bans(self) -> list[Ban]:
        """Every ban that holds now, the oldest first; its times are of the clock of the reactor."""
        return self.gate.bans

    def unban(self, name: str) -> bool:
        """
        End a ban before its time.

        :param name: an address, or a network as :attr:`bans` names it.
        :returns: whether it was banned.
        """
        return self.gate.lift(name)

    def _end_strangers(self, source: str) -> None:
        # Whoever has logged in may be a neighbour of the offender; connections kept for more guesses are not.
        for session in list(self._sessions):
            connection = session.connection
            if not connection.logged and source_of(connection.client_host) == source:
                session.drain(replies.BANNED, "banned")

    # What sessions ask for.

    def next_identifier(self) -> str:
        """Return an identifier that no other session of this process has."""
        return f"{os.getpid()}-{next(self._identifiers)}"

    def admit(self, session: ControlConnection) -> Reply | None:
        """Count a new session, or return the 421 that turns it away."""
        host = session.connection.client_host
        source = source_of(host)
        if not self.running:
            return replies.SERVICE_CLOSING
        if self.gate.refuses(host):
            return replies.BANNED
        if self.available_connections.locked() or self.hosts.locked(source):
            self.gate.refusals.tell(host, "too many connections")
            return replies.TOO_MANY_CONNECTIONS
        self.available_connections.acquire()
        self.hosts.acquire(source)
        self._sessions.add(session)
        return None

    def forget(self, session: ControlConnection) -> None:
        """Give back what :meth:`admit` counted; harmless for a session that was turned away."""
        if session in self._sessions:
            self._sessions.remove(session)
            self.available_connections.release()
            self.hosts.release(source_of(session.connection.client_host))

    def release_login(self, user: User) -> None:
        """Give back the place of a login; with the last one of an account its speed limits are forgotten."""
        self.logins.release(user.login)
        if not self.logins.taken(user.login):
            self.read_limits.forget(user, self.reactor.seconds())
            self.write_limits.forget(user, self.reactor.seconds())

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def channel_for(self, connection: Any, user: User) -> DataChannel:
        """Return the data side of a session of *user*, with every speed limit that applies."""
        return DataChannel(
            self.plane,
            self._data_settings,
            connection.server_host,
            connection.client_host,
            read_throttle=self.read_limits.throttle(user, connection.speed_buckets),
            write_throttle=self.write_limits.throttle(user, connection.speed_buckets),
        )

    @cached_property
    def plane(self) -> DataPlane:
        """What the transfers of all sessions share."""
        return DataPlane(self.reactor, self.system, in_kernel=self._moves_in_kernel)

    @cached_property
    def _data_settings(self) -> DataSettings:
        return DataSettings(
            block_size=self.block_size,
            socket_timeout=self.socket_timeout,
            wait_future_timeout=self.wait_future_timeout,
            ports=self.data_ports,
        )


def _installed_reactor() -> Any:
    # Imported on use: importing it at the top would install the default reactor.
    from twisted.internet import reactor

    return reactor


def _user_manager(users: UserManagerType | None, reactor: Any) -> Any:
    if users is None:
        return MemoryUserManager([User()], reactor=reactor)
    if IUserManager.providedBy(users) or hasattr(users, "get_user"):
        return users
    return MemoryUserManager(list(users), reactor=reactor)


def _not_provided(tls: TLS | None, active_mode: bool) -> frozenset[str]:
    """Return the commands that the settings leave out: FEAT and HELP must not name what cannot work."""
    absent = set() if active_mode else {"PORT", "EPRT"}
    if tls is None:
        absent |= {"AUTH", "PBSZ", "PROT"}
    if tls is None or not tls.clear_command_channel:
        absent.add("CCC")
    return frozenset(absent)
