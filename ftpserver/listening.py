# -*- test-case-name: tests.test_listening -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The ports that a server listens on.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

__all__ = ["Listener", "Listeners", "TLSMode"]

#: How a listener treats TLS: never; when AUTH asks for it; or from the first octet on.
TLSMode = Literal["off", "explicit", "implicit"]

#: Ports tried when several families are to share one that the system chooses.
ATTEMPTS = 20

#: What a machine without IPv6 says of ``::``, and of ``::1`` for a name that still stands in its table of hosts.
_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})

_Address = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Listener:
    """
    One place that control connections come to.

    :ivar endpoint: Twisted endpoint string.
    :ivar tls: ``explicit`` offers AUTH TLS where the server has TLS, ``implicit`` begins with it, ``off`` has none.
    """

    endpoint: str
    tls: TLSMode = "explicit"


class Listeners:
    """
    What accepts control connections.

    :param reactor: the reactor.
    :param factory: makes what makes the protocol of each.
    :param listeners: where.
    """

    def __init__(
        self, reactor: Any, factory: Callable[[TLSMode], Factory], listeners: Sequence[str | Listener]
    ) -> None:
        self._reactor = reactor
        self._factory = factory
        self._listeners = [Listener(one) if isinstance(one, str) else one for one in listeners]
        self._bound = False
        self._ports: list[IListeningPort] = []

    @property
    def addresses(self) -> list[tuple[str | None, int]]:
        """Host and port of each listener."""
        hosts = [port.getHost() for port in self._ports]
        return [(getattr(host, "host", None), getattr(host, "port", 0)) for host in hosts]

    @property
    def address(self) -> tuple[str | None, int]:
        """
        Host and port of the first.

        :raises RuntimeError: if there is none.
        """
        if not self._ports:
            raise RuntimeError("the server does not listen yet")
        return self.addresses[0]

    def bind(self) -> None:
        """
        Listen on the endpoints, once.

        :raises CannotListenError: if one cannot; those that could are closed again.
        """
        if self._bound:
            return
        self._bound = True
        try:
            for one in self._listeners:
                endpoint = serverFromString(self._reactor, one.endpoint)
                self._keep(_listening(endpoint, self._factory(one.tls), one.endpoint))
        except Exception:
            self._bound = False
            for port in self._ports:
                port.stopListening()
            self._ports.clear()
            raise

    def _keep(self, port: IListeningPort) -> None:
        # The ports of Twisted have their socket as an attribute, which no interface names; others have none to set.
        _keep_urgent_data(getattr(port, "socket", None))
        self._ports.append(port)

    async def listen_on(self, host: str | None, port: int, backlog: int, mode: TLSMode) -> None:
        """
        Listen on every address of *host* with one port.

        :param host: ``None`` is every address of the machine.
        :raises CannotListenError: if one of them is in use.
        """
        addresses = await self._resolve(host)
        for attempt in range(ATTEMPTS):
            try:
                sockets = _open_all(addresses, port, backlog)
                break
            except OSError as error:
                if port or attempt == ATTEMPTS - 1 or len(addresses) == 1:
                    raise CannotListenError(host or "", port, error) from error
        factory = self._factory(mode)
        for listener in sockets:
            with listener:
                # The reactor duplicates the descriptor.
                self._ports.append(self._reactor.adoptStreamPort(listener.fileno(), listener.family, factory))

    async def _resolve(self, host: str | None) -> list[_Address]:
        found = await deferToThreadPool(
            self._reactor,
            self._reactor.getThreadPool(),
            socket.getaddrinfo,
            host,
            0,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        unique = dict.fromkeys((family, address) for family, _, _, _, address in found)
        return [one for one in unique if one[0] in (socket.AF_INET, socket.AF_INET6)]

    async def stop(self) -> None:
        """Stop listening."""
        ports, self._ports, self._bound = self._ports, [], False
        for port in ports:
            await maybeDeferred(port.stopListening)


def _listening(endpoint: Any, factory: Factory, description: str) -> IListeningPort:
    outcome: list[Any] = []
    listening: Deferred[Any] = endpoint.listen(factory)
    listening.addBoth(outcome.append)
    if not outcome:
        listening.cancel()
        raise CannotListenError(description, 0, OSError("it does not listen at once"))
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    port: IListeningPort = outcome[0]
    return port


def _open_all(addresses: Sequence[_Address], port: int, backlog: int) -> list[socket.socket]:
    opened: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address in addresses:
            chosen = port or (opened[0].getsockname()[1] if opened else 0)
            try:
                opened.append(_open(family, (address[0], chosen, *address[2:]), backlog))
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
        if not opened and missing is not None:
            raise missing
    except OSError:
        for listener in opened:
            listener.close()
        raise
    return opened


def _open(family: int, address: tuple[Any, ...], backlog: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The IPv4 address beside it has a listener of its own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _keep_urgent_data(listener)
        listener.bind(address)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


def _keep_urgent_data(listener: object) -> None:
    # Connections inherit it, so that urgent data that comes before accept() stays in the stream, too.
    if isinstance(listener, socket.socket) and listener.family in (socket.AF_INET, socket.AF_INET6):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
