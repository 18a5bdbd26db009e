# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the ports that a server listens on.
"""

from __future__ import annotations

import errno
import socket
from typing import Any
from unittest.mock import patch

from twisted.internet import reactor as _reactor
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ftpserver import listening
from ftpserver.listening import ATTEMPTS, Listeners
from ftpserver.testing import DialogueReactor, MemoryNetwork

reactor: Any = _reactor

open_socket = listening._open


def has_ipv6() -> bool:
    """Tell whether this machine has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


class HostTests(TestCase):
    """Listening on a host, with real sockets."""

    def listeners(self, *endpoints: str) -> Listeners:
        """Return listeners that are stopped after the test."""
        made = Listeners(reactor, lambda mode: Factory(), endpoints)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop()))
        return made

    async def test_an_address_is_bound(self) -> None:
        """The address tells where the server really listens."""
        listeners = self.listeners()
        self.assertRaises(RuntimeError, lambda: listeners.address)
        await listeners.listen_on("127.0.0.1", 0, 5, "explicit")
        host, port = listeners.address
        self.assertEqual(host, "127.0.0.1")
        self.assertGreater(port, 0)
        await listeners.stop()
        self.assertRaises(RuntimeError, lambda: listeners.address)

    async def test_a_name_is_every_address_of_it(self) -> None:
        """Each address that a name has is bound, with one port."""
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/tmp"),
        ]
        listeners = self.listeners()
        with patch("socket.getaddrinfo", return_value=both):
            await listeners.listen_on("example.org", 0, 5, "explicit")
        self.assertEqual([host for host, _ in listeners.addresses], ["127.0.0.1", "::1"])
        self.assertEqual(len({port for _, port in listeners.addresses}), 1)

    if not has_ipv6():
        test_a_name_is_every_address_of_it.skip = "this machine has no IPv6"  # type: ignore[attr-defined]

    async def test_no_host_is_the_whole_machine(self) -> None:
        """Without a host every address of the machine is bound, in each family that it has."""
        listeners = self.listeners()
        await listeners.listen_on(None, 0, 5, "explicit")
        self.assertIn("0.0.0.0", [host for host, _ in listeners.addresses])
        self.assertEqual(len({port for _, port in listeners.addresses}), 1)

    async def test_a_port_in_use_is_an_error(self) -> None:
        """A port that somebody listens on cannot be bound, and is told."""
        listeners = self.listeners()
        await listeners.listen_on("127.0.0.1", 0, 5, "explicit")
        port = listeners.address[1]
        with self.assertRaises(CannotListenError) as caught:
            await self.listeners().listen_on("127.0.0.1", port, 5, "explicit")
        self.assertEqual((caught.exception.interface, caught.exception.port), ("127.0.0.1", port))

    async def test_a_name_without_an_address_is_an_error(self) -> None:
        """What cannot be looked up cannot be listened on."""
        listeners = self.listeners()
        with patch("socket.getaddrinfo", side_effect=socket.gaierror), self.assertRaises(OSError):
            await listeners.listen_on("nowhere.invalid", 0, 5, "explicit")

    async def test_urgent_data_stays_in_the_stream(self) -> None:
        """The mark that clients send with ABOR is an octet of the stream, from the first one on."""
        for start in (lambda: self.on_host(), lambda: self.on_endpoint()):
            port = await start()
            self.assertTrue(port.socket.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE))

    async def on_host(self) -> Any:
        """Listen on a host, and return the port."""
        listeners = self.listeners()
        await listeners.listen_on("127.0.0.1", 0, 5, "explicit")
        return listeners._ports[0]

    async def on_endpoint(self) -> Any:
        """Listen on an endpoint, and return the port."""
        listeners = self.listeners("tcp:0:interface=127.0.0.1")
        listeners.bind()
        return listeners._ports[0]


class FamilyTests(SynchronousTestCase):
    """One port for several families."""

    def setUp(self) -> None:
        """Look nothing up in threads."""
        self.reactor: Any = DialogueReactor(MemoryNetwork())
        self.opened: list[socket.socket] = []

    def listen(self, port: int, failures: dict[int, list[OSError | None]]) -> Listeners:
        """Listen on both families, where opening one of them fails so."""
        addresses = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0, 0, 0))]
        listeners = Listeners(self.reactor, lambda mode: Factory(), [])

        async def resolve(host: str | None) -> Any:
            return addresses

        def fail_or_open(family: int, address: Any, backlog: int) -> socket.socket:
            waiting = failures.get(family, [])
            error = waiting.pop(0) if waiting else None
            if error is not None:
                raise error
            made = open_socket(socket.AF_INET, ("127.0.0.1", 0), backlog)
            self.opened.append(made)
            return made

        with patch.object(listeners, "_resolve", resolve), patch.object(listening, "_open", fail_or_open):
            self.successResultOf(Deferred.fromCoroutine(listeners.listen_on("example.org", port, 5, "explicit")))
        self.assertEqual({one.fileno() for one in self.opened}, {-1}, "a socket was left open")
        return listeners

    def in_use(self) -> OSError:
        """Return the error of a port in use."""
        return OSError(errno.EADDRINUSE, "in use")

    def test_another_port_is_tried(self) -> None:
        """When the port that the system chose for one family is taken in the other, another one is chosen."""
        listeners = self.listen(0, {socket.AF_INET6: [self.in_use(), self.in_use()]})
        self.assertEqual(len(listeners.addresses), 2)
        self.assertEqual(len(self.opened), 4)

    def test_the_tries_are_bounded(self) -> None:
        """After so many ports it is an error."""
        errors: list[OSError | None] = [self.in_use() for _ in range(ATTEMPTS)]
        self.assertRaises(CannotListenError, self.listen_failing, 0, {socket.AF_INET6: errors})

    def test_a_port_that_was_asked_for_is_not_replaced(self) -> None:
        """A port with a number is bound in each family, or it is an error."""
        self.assertRaises(CannotListenError, self.listen_failing, 2121, {socket.AF_INET6: [self.in_use()]})

    def listen_failing(self, port: int, failures: dict[int, list[OSError | None]]) -> None:
        """Raise what listening fails with."""
        try:
            self.listen(port, failures)
        except self.failureException as error:
            raise CannotListenError("", port, OSError()) from error

    def test_a_family_that_is_missing_is_left_out(self) -> None:
        """A machine without IPv6 listens on IPv4."""
        for number in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            listeners = self.listen(0, {socket.AF_INET6: [OSError(number, "no such family")]})
            self.assertEqual(len(listeners.addresses), 1)

    def test_no_family_at_all_is_an_error(self) -> None:
        """A machine that has none of the addresses cannot listen."""
        missing = [OSError(errno.EAFNOSUPPORT, "no such family") for _ in range(ATTEMPTS)]
        failures: dict[int, list[OSError | None]] = {
            socket.AF_INET: list(missing),
            socket.AF_INET6: list(missing),
        }
        self.assertRaises(CannotListenError, self.listen_failing, 0, failures)


class EndpointTests(SynchronousTestCase):
    """Listening on the endpoints that an administrator has written."""

    def setUp(self) -> None:
        """Listen in memory."""
        self.reactor: Any = DialogueReactor(MemoryNetwork())

    def listeners(self, *endpoints: str) -> Listeners:
        """Return listeners in memory."""
        return Listeners(self.reactor, lambda mode: Factory(), endpoints)

    def test_endpoints_are_bound_once(self) -> None:
        """Binding again changes nothing, until the listeners were stopped."""
        listeners = self.listeners("tcp:2121", "tcp:2122:interface=127.0.0.1")
        for _ in range(2):
            listeners.bind()
        self.assertEqual([port for _, port in listeners.addresses], [2121, 2122])
        self.successResultOf(Deferred.fromCoroutine(listeners.stop()))
        self.assertEqual(listeners.addresses, [])
        listeners.bind()
        self.assertEqual(len(self.reactor.tcpServers), 4)

    def test_a_socket_of_the_file_system_has_no_host(self) -> None:
        """A listener without host and port is shown as such."""
        listeners = self.listeners()
        listeners._keep(type("Port", (), {"getHost": lambda _self: UNIXAddress("/run/ftp")})())
        self.assertEqual(listeners.address, (None, 0))

    def test_an_endpoint_that_fails_closes_the_others(self) -> None:
        """Either every endpoint listens or none."""
        stopped: list[int] = []
        listen = self.reactor.listenTCP

        def listen_or_fail(port: int, *arguments: Any, **keywords: Any) -> Any:
            if port == 2122:
                raise CannotListenError("", port, OSError(errno.EADDRINUSE, "in use"))
            made = listen(port, *arguments, **keywords)
            made.stopListening = lambda: stopped.append(port)
            return made

        listeners = self.listeners("tcp:2121", "tcp:2122", "tcp:2123")
        with patch.object(self.reactor, "listenTCP", listen_or_fail):
            self.assertRaises(CannotListenError, listeners.bind)
        self.assertEqual((stopped, listeners.addresses), ([2121], []))
        listeners.bind()
        self.assertEqual(len(listeners.addresses), 3)

    def test_an_endpoint_that_waits_is_an_error(self) -> None:
        """An endpoint must listen at once, for the service starts with its ports open."""
        waiting: Deferred[Any] = Deferred()
        endpoint = type("Endpoint", (), {"listen": lambda _self, _factory: waiting})()
        with patch.object(listening, "serverFromString", lambda *_: endpoint):
            self.assertRaises(CannotListenError, self.listeners("later").bind)
        self.assertTrue(waiting.called, "the endpoint was left waiting")

    def test_what_is_no_endpoint_is_an_error(self) -> None:
        """A string that no endpoint understands is refused."""
        self.assertRaises(ValueError, self.listeners("nosuch:2121").bind)
