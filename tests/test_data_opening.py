# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.opening.
"""

from __future__ import annotations

import errno
import socket

from twisted.internet.defer import CancelledError, Deferred

from benchmarks.ports import free_ports
from ftpserver.data.opening import STRANGERS_PER_TURN, ActiveConnector, PassiveListener
from ftpserver.data.ports import DataPorts
from ftpserver.data.system import BACKLOG
from ftpserver.errors import CannotOpenDataConnection, NoFreeDataPort

from .data_doubles import PATIENCE, DataTestCase, failure, needs_ipv6, wait

CLIENT, STRANGER = "127.0.0.1", "127.0.0.2"


class PassiveListenerTests(DataTestCase):
    """A passive port."""

    def passive(self, ports: DataPorts | None = None, local: str = "127.0.0.1", peer: str = CLIENT) -> PassiveListener:
        """Open a port."""
        listener = PassiveListener(self.reactor, self.system, ports or DataPorts(), local, peer)
        self.addCleanup(listener.close)
        return listener

    def opened(self, opening: Deferred[socket.socket]) -> socket.socket:
        """Return the socket that an open has given, which the test closes."""
        connected = self.successResultOf(opening)
        self.addCleanup(self.system.close, connected)
        return connected

    def assert_closed(self, caller: socket.socket) -> None:
        """Check that the server has closed the connection of a caller."""
        caller.settimeout(PATIENCE)
        try:
            self.assertEqual(caller.recv(1), b"")
        except ConnectionResetError:
            return

    def test_the_client_is_there_already(self) -> None:
        """A client that connected before the transfer is taken without waiting."""
        subject = self.passive()
        self.assertIs(subject.is_open, False)
        caller = self.call(subject.port)
        connected = self.opened(Deferred.fromCoroutine(subject.open(wait)))
        self.assertEqual(connected.getpeername(), caller.getsockname())
        self.assertEqual(self.reactor.readers, set())

    def test_the_client_comes_later(self) -> None:
        """A transfer waits for its client."""
        subject = self.passive()
        opening = Deferred.fromCoroutine(subject.open(wait))
        self.assertNoResult(opening)
        self.call(subject.port)
        self.reactor.next_ready()
        self.opened(opening)

    def test_being_asked_whether_the_client_is_there(self) -> None:
        """To ask whether the client is there takes its connection, and closing lets go of it."""
        subject = self.passive()
        caller = self.call(subject.port)
        self.assertIs(subject.is_open, True)
        self.assertIs(subject.is_open, True)
        subject.close()
        self.assertIs(subject.is_open, False)
        self.assert_closed(caller)

    def test_a_second_connection(self) -> None:
        """Of ports that are numbered one is taken once: a second connection is closed, a later one refused."""
        subject = self.passive(DataPorts(free_ports(1)))
        first, second = self.call(subject.port), self.call(subject.port)
        connected = self.opened(Deferred.fromCoroutine(subject.open(wait)))
        self.assertEqual(connected.getpeername(), first.getsockname())
        self.assert_closed(second)
        self.assertRaises(ConnectionRefusedError, self.call, subject.port)

    def test_a_port_that_is_used_again(self) -> None:
        """A port that the system chose serves one transfer after another, and never with a connection from before."""
        subject = self.passive()
        for _ in range(3):
            first, second = self.call(subject.port), self.call(subject.port)
            connected = self.opened(Deferred.fromCoroutine(subject.open(wait)))
            self.assertEqual(connected.getpeername(), first.getsockname())
            third = self.call(subject.port)
            self.assertIs(subject.is_open, True)
            self.assertIs(subject.renew(), True)
            self.assertIs(subject.is_open, False)
            self.assert_closed(second)
            self.assert_closed(third)

    def test_a_port_that_cannot_be_used_again(self) -> None:
        """A port at which somebody may still wait, or that is closed, is not used again."""
        for number in (errno.EMFILE, errno.ENOMEM):
            subject = self.passive()
            self.system.faults["accept"].append(failure(number))
            self.call(subject.port)
            self.assertIs(subject.renew(), False)
        subject = self.passive()
        callers = [self.call(subject.port) for _ in range(BACKLOG + 1)]
        self.assertIs(subject.renew(), False)
        for caller in callers:
            self.assert_closed(caller)
        subject.close()
        self.assertIs(subject.renew(), False)

    def test_strangers(self) -> None:
        """A connection from another address is closed, and the true client still gets in."""
        subject = self.passive()
        stranger = self.call(subject.port, source=STRANGER)
        self.assertIs(subject.is_open, False)
        self.assert_closed(stranger)
        opening = Deferred.fromCoroutine(subject.open(wait))
        other = self.call(subject.port, source=STRANGER)
        self.reactor.next_ready()
        self.assertNoResult(opening)
        self.assert_closed(other)
        self.call(subject.port)
        self.reactor.next_ready()
        self.assertEqual(self.opened(opening).getpeername()[0], CLIENT)

    def test_a_flood_of_strangers(self) -> None:
        """However many strangers wait, one turn of the reactor looks at a few only."""
        subject = self.passive()
        for _ in range(STRANGERS_PER_TURN + 1):
            self.call(subject.port, source=STRANGER)
        self.assertIs(subject.is_open, False)
        self.assertEqual(self.system.calls["accept"], STRANGERS_PER_TURN)
        self.assertIs(subject.is_open, False)

    def test_a_client_that_has_gone_again(self) -> None:
        """A connection that broke before it was accepted is passed over."""
        for number in (errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN):
            subject = self.passive()
            self.system.faults["accept"].append(failure(number))
            self.call(subject.port)
            self.assertIs(subject.is_open, True, str(number))
            subject.close()

    def test_out_of_descriptors(self) -> None:
        """When the server itself cannot accept, the transfer is told so and the port is free again."""
        ports = DataPorts(free_ports(1))
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            subject = self.passive(ports)
            self.system.faults["accept"].append(failure(number))
            self.failureResultOf(Deferred.fromCoroutine(subject.open(wait)), CannotOpenDataConnection)
            subject.close()
            self.assertEqual(ports.free, 1)

    def test_no_port(self) -> None:
        """When no port can be opened nothing stays behind."""
        self.system.faults["listen"].append(failure(errno.EMFILE))
        self.assertRaises(NoFreeDataPort, self.passive)

    def test_giving_up(self) -> None:
        """A wait that is aborted leaves port and reactor as they were."""
        ports = DataPorts(free_ports(1))
        subject = self.passive(ports)
        opening = Deferred.fromCoroutine(subject.open(wait))
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        subject.close()
        self.assertEqual((ports.free, self.system.open, self.reactor.readers), (1, set(), set()))

    def test_closing_twice(self) -> None:
        """A port is given back once, however often the listener is closed."""
        ports = DataPorts(free_ports(1))
        subject = self.passive(ports)
        self.assertEqual(ports.free, 0)
        subject.close()
        subject.close()
        self.assertEqual(ports.free, 1)

    def test_a_mapped_client(self) -> None:
        """An IPv4 client of an IPv6 socket is known by its IPv4 address."""
        needs_ipv6()
        subject = self.passive(local="::ffff:127.0.0.1")
        self.call(subject.port)
        self.opened(Deferred.fromCoroutine(subject.open(wait)))

    def test_ipv6(self) -> None:
        """A passive port works over IPv6."""
        needs_ipv6()
        subject = self.passive(local="::1", peer="::1")
        self.call(subject.port, "::1")
        self.opened(Deferred.fromCoroutine(subject.open(wait)))


class ActiveConnectorTests(DataTestCase):
    """A call to the client."""

    def active(self, port: int) -> ActiveConnector:
        """Agree to call a port."""
        return ActiveConnector(self.reactor, self.system, "127.0.0.1", "127.0.0.1", port)

    def test_nothing_happens_before_the_transfer(self) -> None:
        """Until the transfer comes no packet is sent."""
        subject = self.active(9)
        self.assertIs(subject.is_open, False)
        self.assertRaises(CannotOpenDataConnection, subject.take)
        subject.close()
        self.assertEqual(self.system.calls["dial"], 0)

    def test_the_client_answers(self) -> None:
        """The call comes from the address that the client reached."""
        listener, port = self.listener()
        opening = Deferred.fromCoroutine(self.active(port).open(wait))
        self.reactor.next_ready()
        connected = self.successResultOf(opening)
        accepted, address = listener.accept()
        self.addCleanup(accepted.close)
        self.assertEqual(address, connected.getsockname())
        self.assertEqual(address[0], "127.0.0.1")
        self.system.close(connected)

    def test_the_call_fails(self) -> None:
        """A call that is refused, at once or later, is told, and no socket stays open."""
        _, port = self.listener()
        for name, fault in (
            ("dial", failure(errno.ENETUNREACH)),
            ("dial", failure(errno.EMFILE)),
            ("outcome", errno.ECONNREFUSED),
            ("outcome", errno.ETIMEDOUT),
        ):
            self.system.faults[name].append(fault)
            opening = Deferred.fromCoroutine(self.active(port).open(wait))
            self.reactor.turn(PATIENCE if name == "outcome" else 0)
            self.failureResultOf(opening, CannotOpenDataConnection)
            self.assertEqual(self.system.open, set(), f"{name}: {fault}")

    def test_giving_up(self) -> None:
        """A call that is aborted while it rings leaves no socket and nothing in the reactor."""
        _, port = self.listener()
        opening = Deferred.fromCoroutine(self.active(port).open(wait))
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assertEqual((self.system.open, self.reactor.writers), (set(), set()))
