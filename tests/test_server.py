# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the server: its keywords, its limits, its beginning and its end.
"""

from __future__ import annotations

import ssl
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver import (
    COMMANDS,
    Argument,
    Connection,
    MemoryUserManager,
    PathIO,
    Permission,
    Reply,
    Server,
    User,
    command,
    reply,
)
from ftpserver.core import replies
from ftpserver.core.events import ConnectionRefused, Event
from ftpserver.testing import DataConnection, Dialogue
from tests.conversation import ConversationTestCase, user_with
from tests.tls_dialogue import SERVER, SecureTestCase, client_context, make_tls

reactor: Any = _reactor


class KeywordTests(SynchronousTestCase):
    """What a server is made of."""

    def server(self, *arguments: Any, **keywords: Any) -> Server:
        """Return a server that does not run."""
        return Server(*arguments, reactor=MemoryReactorClock(), **keywords)

    def test_a_server_is_a_service(self) -> None:
        """An application can hold it beside its other services."""
        server = self.server()
        self.assertTrue(verifyObject(IService, server))
        self.assertFalse(server.running)

    def test_tls_is_not_there_yet(self) -> None:
        """A context for TLS is an error, for nobody must believe that it is used."""
        self.assertRaises(ValueError, self.server, ssl=object())

    def test_values_that_cannot_be_are_errors(self) -> None:
        """A limit or a port that cannot be is told where the server is made."""
        cases: list[dict[str, Any]] = [
            {"maximum_connections": -1},
            {"read_speed_limit": 0},
            {"data_ports": []},
            {"data_ports": [70000]},
            {"ipv4_pasv_forced_response_address": {"nonsense": "192.0.2.1"}},
        ]
        for keywords in cases:
            self.assertRaises(ValueError, self.server, **keywords)

    def test_without_users_everybody_may_read(self) -> None:
        """A server without users serves the anonymous one, who may not write."""
        server = self.server()
        _, user, _ = self.successResultOf(Deferred.fromCoroutine(server.users.get_user("anonymous")))
        self.assertTrue(user.is_anonymous)
        permission = self.successResultOf(Deferred.fromCoroutine(user.get_permissions("/")))
        self.assertEqual((permission.readable, permission.writable), (True, False))

    def test_users_are_a_list_or_a_manager(self) -> None:
        """Accounts come in any iterable, or from an object with the methods of a user manager."""
        manager = MemoryUserManager([User("a")], reactor=MemoryReactorClock())
        self.assertIs(self.server(manager).users, manager)
        for users in ([User("a")], (User("a"),), iter([User("a")])):
            found = self.successResultOf(Deferred.fromCoroutine(self.server(users).users.get_user("a")))
            self.assertEqual(found[1].login, "a")

    def test_a_manager_needs_no_declaration(self) -> None:
        """An object that has the methods is taken, whatever it was derived from."""

        class Plain:
            def get_user(self, login: str) -> None:
                """Find nobody."""

        plain: Any = Plain()
        self.assertIs(self.server(plain).users, plain)

    def test_the_installed_reactor_is_the_default(self) -> None:
        """A server that is told no reactor uses the one of the process."""
        self.assertIs(Server(path_threads=0).reactor, reactor)

    def test_path_calls_are_made_where_it_is_configured(self) -> None:
        """By mount, unless it is forced; without threads there is only one place."""
        for keywords, is_forced in (({}, False), ({"path_calls": "inline"}, True), ({"path_threads": 0}, True)):
            self.assertIs(self.server(**{"path_threads": 1, **keywords}).roots.is_forced, is_forced, keywords)

    def test_active_mode_may_be_off_with_any_table(self) -> None:
        """A table of commands that lacks PORT already is no error."""
        server = self.server(commands=COMMANDS.without("PORT"), active_mode=False)
        self.assertNotIn("EPRT", server.commands)
        self.assertIn("EPRT", self.server(commands=COMMANDS.without("PORT")).commands)

    def test_start_takes_what_it_knows(self) -> None:
        """A keyword that start and run do not know is a TypeError."""
        server = self.server()
        error = self.assertRaises(TypeError, server.start, "127.0.0.1", 0, blocklog=5, a=1)
        self.assertIn("a, blocklog", str(error))
        self.failureResultOf(server.run("127.0.0.1", 0, nosuch=1), TypeError)

    def test_there_is_no_address_before_the_start(self) -> None:
        """Asking where it listens is an error before it does."""
        self.assertRaises(RuntimeError, lambda: self.server().address)
        self.assertEqual(self.server().addresses, [])

    def test_identifiers_are_unique(self) -> None:
        """No two sessions have the same identifier."""
        server = self.server()
        self.assertEqual(len({server.next_identifier() for _ in range(10)}), 10)


class SecurityTests(SecureTestCase):
    """TLS as keywords of the server."""

    def test_one_way_to_say_it(self) -> None:
        """A context and settings of TLS at once are an error."""
        self.assertRaises(ValueError, Server, ssl=client_context(), tls=make_tls())

    def test_a_context_is_implicit_tls(self) -> None:
        """What is given as ssl offers TLS, and start begins with it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        SERVER.configure_cert(context)
        server = Server(ssl=context, reactor=MemoryReactorClock())
        self.assertIsNotNone(server.tls)
        self.assertIn("AUTH", server.commands)

    def test_an_upload_without_an_end_is_marked(self) -> None:
        """Where such uploads are taken for whole, the event says so."""
        dialogue = self.open()
        dialogue.login()
        dialogue.say("TYPE I", expect=200)
        dialogue.protocol.connection.note_unclosed()
        self.assertTrue(dialogue.protocol.connection.transfer.is_unclosed)


class ServiceTests(SynchronousTestCase):
    """A server in an application."""

    def test_a_service_opens_its_ports(self) -> None:
        """The ports are open once, before the privileges of root are given up, and closed at the end."""
        memory = MemoryReactorClock()
        server = Server(listeners=["tcp:2121"], reactor=memory, path_threads=0)
        server.privilegedStartService()
        self.assertEqual(server.address, ("0.0.0.0", 2121))
        server.startService()
        self.assertEqual(len(memory.tcpServers), 1)
        self.successResultOf(server.stopService())
        self.assertEqual(server.addresses, [])

    def test_a_port_that_cannot_be_opened_stops_the_start(self) -> None:
        """The error is raised where the service is started, and it does not run then."""
        memory = MemoryReactorClock()

        def in_use(port: int, *_: Any, **__: Any) -> None:
            raise CannotListenError("", port, OSError("in use"))

        memory.listenTCP = in_use  # type: ignore[method-assign]
        server = Server(listeners=["tcp:2121"], reactor=memory)
        self.assertRaises(CannotListenError, server.startService)
        self.assertFalse(server.running)


class LimitTests(ConversationTestCase):
    """How many sessions there may be."""

    def test_so_many_sessions_in_all(self) -> None:
        """One more is answered 421 and told of, and a place given back is free."""
        first = self.converse(maximum_connections=2)
        second = self.converse(server=first.server)
        third = self.converse(server=first.server)
        self.assertEqual(third.replies(), [replies.TOO_MANY_CONNECTIONS])
        self.assertEqual([event.peer for event in first.events.of(ConnectionRefused)], ["127.0.0.1"])
        second.lose_connection()
        self.assertEqual(self.converse(server=first.server).codes(), [220])

    def test_so_many_sessions_of_an_address(self) -> None:
        """One address cannot keep the others out; an IPv4-mapped address is the same one."""
        first = self.converse(maximum_connections_per_host=1, client_host="192.0.2.1")
        for host, code in (("192.0.2.1", 421), ("::ffff:192.0.2.1", 421), ("192.0.2.2", 220)):
            self.assertEqual(self.converse(server=first.server, client_host=host).codes(), [code], host)
        first.lose_connection()
        self.assertEqual(self.converse(server=first.server, client_host="192.0.2.1").codes(), [220])

    def test_so_many_sessions_of_a_network_of_ipv6(self) -> None:
        """Whoever has one address of IPv6 has all of its /64 network, and no more places with them."""
        first = self.converse(maximum_connections_per_host=1, client_host="2001:db8:0:1::1")
        for host, code in (("2001:db8:0:1::1", 421), ("2001:db8:0:1:ffff::2", 421), ("2001:db8:0:2::1", 220)):
            self.assertEqual(self.converse(server=first.server, client_host=host).codes(), [code], host)

    def test_silent_clients_leave_in_the_end(self) -> None:
        """Sessions that never log in give their places back after the login timeout."""
        first = self.converse(maximum_connections=3, login_timeout=30)
        for _ in range(2):
            self.converse(server=first.server)
        self.assertEqual(self.converse(server=first.server).codes(), [421])
        first.advance(30)
        self.assertEqual(first.server.sessions, 0)
        self.assertEqual(self.converse(server=first.server).codes(), [220])


class SpeedTests(ConversationTestCase):
    """Speed limits and who shares them."""

    def seconds(self, connections: list[tuple[Dialogue, DataConnection]]) -> float:
        """Return how long some downloads take together."""
        passed = 0.0
        while not all(connection.is_ended for _, connection in connections):
            connections[0][0].advance(0.125)
            passed += 0.125
        return passed

    def downloads(self, users: Any, second_user: str, **keywords: Any) -> float:
        """Return how long two downloads of 10,000 octets at the same time take."""
        first = self.converse(users, **keywords)
        second = self.converse(server=first.server)
        first.files.write("/a", bytes(10_000))
        running = []
        for dialogue, name in ((first, "user"), (second, second_user)):
            dialogue.login(name)
            connection = dialogue.agree()
            dialogue.say("TYPE I", expect=200)
            dialogue.send(b"RETR a\r\n")
            running.append((dialogue, connection))
        return self.seconds(running)

    def test_limits_are_shared_by_whom_they_are_for(self) -> None:
        """A limit of the server or of a user is for all of its sessions together, the others for each."""
        other = User("other", "password")
        for user_limits, server_limits, second_user, wanted in (
            ({}, {"write_speed_limit": 2000}, "user", 10),
            ({}, {"write_speed_limit_per_connection": 2000}, "user", 5),
            ({"write_speed_limit": 2000}, {}, "user", 10),
            ({"write_speed_limit": 2000}, {}, "other", 5),
            ({"write_speed_limit_per_connection": 2000}, {}, "user", 5),
            ({"write_speed_limit": 2000}, {"write_speed_limit": 1000}, "other", 20),
        ):
            users = [*user_with(Permission("/"), **user_limits), other]
            seconds = self.downloads(users, second_user, **server_limits)
            case = (user_limits, server_limits, second_user)
            self.assertTrue(0.9 * wanted <= seconds <= 1.1 * wanted + 0.25, (case, seconds))

    def test_uploads_have_limits_of_their_own(self) -> None:
        """What is read from clients is limited by the read limits alone."""
        dialogue = self.logged_in(read_speed_limit=1000, write_speed_limit=10**9)
        connection = dialogue.agree()
        dialogue.say("STOR a", expect=150)
        connection.send(bytes(5_000))
        connection.end()
        passed = 0.0
        while dialogue.last_reply.code == 150:
            dialogue.advance(0.125)
            passed += 0.125
        self.assertTrue(4.5 <= passed <= 5.75, passed)

    def test_the_limits_of_an_account_are_forgotten_with_its_last_session(self) -> None:
        """Nothing is kept for accounts that nobody uses."""
        dialogue = self.logged_in(user_with(Permission("/"), write_speed_limit=2000))
        self.assertEqual(len(dialogue.server.write_limits), 1)
        dialogue.say("REIN", expect=220)
        self.assertEqual(len(dialogue.server.write_limits), 0)


class ObserverTests(ConversationTestCase):
    """Observers hear of everything."""

    def test_an_observer_that_raises_disturbs_nobody(self) -> None:
        """Its exception is logged, the others hear of the event, and the session goes on."""

        def broken(event: Event) -> None:
            raise ZeroDivisionError

        dialogue = self.logged_in(observers=[broken])
        dialogue.say("NOOP", expect=200)
        dialogue.lose_connection()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), len(dialogue.events))


class IndependenceTests(ConversationTestCase):
    """Two servers in one process."""

    def test_each_server_has_its_own_commands(self) -> None:
        """A command of one server is unknown to the other."""

        @command("HELLO", argument=Argument.NONE)
        async def hello(connection: Connection) -> Reply:
            """Greet the user."""
            return reply(200, "Hello.")

        self.converse(commands=COMMANDS.with_(hello)).say("HELLO", expect=200)
        self.converse().say("HELLO", expect=500)

    def test_a_stuck_session_leaves_the_others_alone(self) -> None:
        """Files on a disk can be served in the thread of the reactor, beside a session that waits."""
        first = self.converse([User("user", "password", self.mktemp())], path_io_factory=PathIO, path_threads=0)
        first.login(expect=530)
        second = self.converse(server=first.server)
        second.say("NOOP", expect=200)
