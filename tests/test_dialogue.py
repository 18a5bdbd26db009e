# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the driver with which users test their own commands.
"""

from __future__ import annotations

import errno
from typing import Any

from ftpserver import COMMANDS, Argument, Connection, Reply, Server, User, command, reply
from ftpserver.core.events import Connected, LoggedIn, Stored
from ftpserver.testing import DialogueReactor, MemoryNetwork
from ftpserver.testing.replies import RepliesRead
from tests.conversation import ConversationTestCase


@command("HELLO", argument=Argument.NONE)
async def hello(connection: Connection) -> Reply:
    """Greet the user."""
    return reply(200, "Hello.", f"You are {connection.account.login}.", "Goodbye.")


class SayingTests(ConversationTestCase):
    """Commands and replies."""

    def test_the_example_of_the_documentation_works(self) -> None:
        """A command of one's own is tested in ten lines."""
        dialogue = self.converse(commands=COMMANDS.with_(hello))
        dialogue.login()
        dialogue.say("HELLO", expect=200)
        dialogue.files.write("/a", b"octets")
        self.assertEqual(dialogue.download("RETR a"), b"octets")
        dialogue.upload("STOR b", b"more octets")
        self.assertEqual(dialogue.files.read("/b"), b"more octets")
        dialogue.advance(3600)

    def test_the_greeting_is_the_first_reply(self) -> None:
        """A new dialogue has read the greeting."""
        self.assertEqual(self.converse().codes(), [220])

    def test_a_reply_has_its_lines(self) -> None:
        """Inner lines of a reply come without the blank that pads them."""
        dialogue = self.logged_in(commands=COMMANDS.with_(hello))
        self.assertEqual(dialogue.say("HELLO"), reply(200, "Hello.", "You are user.", "Goodbye."))
        self.assertEqual(dialogue.last_reply.code, 200)

    def test_an_unexpected_reply_fails_the_test(self) -> None:
        """What did not come as expected is told with what came."""
        dialogue = self.converse()
        error = self.assertRaises(AssertionError, dialogue.say, "NOOP", expect=500)
        self.assertIn("200 Okay.", str(error))
        self.assertRaises(AssertionError, dialogue.say, "NOOP", expect=[200, 200])

    def test_several_replies_may_be_expected(self) -> None:
        """The codes of all replies that come at once are named in a list."""
        self.converse().say("NOOP\r\nNOOP", expect=[200, 200])

    def test_no_reply_at_all_fails_the_test(self) -> None:
        """Saying something that is not answered is a failure."""
        dialogue = self.converse()
        dialogue.login(expect=230)
        dialogue.say("QUIT", expect=221)
        self.assertRaises(AssertionError, dialogue.say, "NOOP")

    def test_octets_go_as_they_are(self) -> None:
        """Part of a line is no command yet."""
        dialogue = self.converse()
        dialogue.send(b"NO")
        self.assertEqual(dialogue.codes(), [220])
        dialogue.send(b"OP\r\n")
        self.assertEqual(dialogue.codes(), [220, 200])

    def test_a_name_comes_back_with_every_octet(self) -> None:
        """The octet 0xFF is doubled on its way in and out, and read as one."""
        dialogue = self.logged_in()
        self.assertEqual(dialogue.say("MKD a\udcffb", expect=257).lines[0].split('"')[1], "/a\udcffb")


class LoginTests(ConversationTestCase):
    """Logging in."""

    def test_a_login_needs_no_arguments(self) -> None:
        """The account that a dialogue has by default logs in."""
        self.assertEqual(self.converse().login().code, 230)

    def test_an_account_without_a_password_logs_in(self) -> None:
        """A 230 that comes at USER is the end of the login."""
        self.assertEqual(self.converse([User("guest")]).login("guest").code, 230)

    def test_a_login_that_fails_fails_the_test(self) -> None:
        """Another reply to the login than the expected one is told."""
        dialogue = self.converse([User("guest")])
        self.assertRaises(AssertionError, dialogue.login, "guest", expect=530)


class SharedServerTests(ConversationTestCase):
    """Several clients of one server."""

    def test_a_second_client_meets_the_first(self) -> None:
        """What one client stores the other one reads."""
        first = self.logged_in()
        second = self.logged_in(server=first.server)
        first.upload("STOR a", b"octets")
        self.assertEqual(second.download("RETR a"), b"octets")
        self.assertEqual(first.server.sessions, 2)

    def test_events_are_recorded(self) -> None:
        """Whatever the server publishes can be looked at."""
        dialogue = self.logged_in()
        dialogue.upload("STOR a", b"octets")
        self.assertEqual([type(event) for event in dialogue.events], [Connected, LoggedIn, Stored])
        self.assertEqual([event.bytes for event in dialogue.events.of(Stored)], [6])


class FilesTests(ConversationTestCase):
    """Files that a test lays out."""

    def test_files_are_written_with_their_parents(self) -> None:
        """Writing a file makes the directories above it."""
        files = self.converse().files
        files.write("/a/b/c", b"octets")
        self.assertEqual(files.read("/a/b/c"), b"octets")
        self.assertEqual(files.names("/a"), ["b"])
        self.assertEqual(files.names("/nowhere"), [])
        self.assertTrue(files.exists("/a/b"))
        self.assertFalse(files.exists("/a/b/c/d"))

    def test_reading_what_is_no_file_raises(self) -> None:
        """A missing file and a directory cannot be read."""
        files = self.converse().files
        self.assertRaises(FileNotFoundError, files.read, "/a")
        self.assertRaises(FileNotFoundError, files.read, "/")


class DataTests(ConversationTestCase):
    """Data connections without sockets."""

    def test_each_way_to_agree_a_data_connection_works(self) -> None:
        """Passive and active data connections carry the same octets."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        for way in ("EPSV", "PASV", "EPRT", "PORT"):
            self.assertEqual(dialogue.download("RETR a", agree=way), b"octets", way)
            dialogue.upload("STOR b", way.encode(), agree=way)
            self.assertEqual(dialogue.files.read("/b"), way.encode())

    def test_ipv6_works(self) -> None:
        """A dialogue may be over IPv6."""
        dialogue = self.logged_in(server_host="::1", client_host="::1")
        dialogue.files.write("/a", b"octets")
        for way in ("EPSV", "EPRT"):
            self.assertEqual(dialogue.download("RETR a", agree=way), b"octets", way)

    def test_a_transfer_that_fails_fails_the_test(self) -> None:
        """Another final reply than the expected one is told; an expected one is fine."""
        dialogue = self.logged_in()
        self.assertRaises(AssertionError, dialogue.download, "RETR missing")
        self.assertEqual(dialogue.download("RETR missing", expect=550), b"")
        self.assertEqual(dialogue.upload("STOR no/where", b"octets", expect=550).code, 550)

    def test_a_slow_client_takes_so_many_octets(self) -> None:
        """A client with a limit makes the server wait until it takes more."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say("RETR a", expect=150)
        self.assertEqual((connection.received, connection.is_ended), (b"0123", False))
        connection.take_all()
        self.assertEqual((connection.received, connection.is_ended), (b"0123456789", True))
        self.assertEqual(dialogue.last_reply.code, 226)

    def test_a_closed_client_breaks_the_transfer(self) -> None:
        """A client that closes its end in the middle gets 426."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say("RETR a", expect=150)
        connection.close()
        self.assertEqual(dialogue.last_reply.code, 426)
        self.assertTrue(connection.is_closed_by_server)

    def test_a_client_that_is_gone_gets_nothing(self) -> None:
        """A client that closed its end before the transfer gets 426, even when there was nothing to send."""
        dialogue = self.logged_in()
        for name, octets in (("/a", b"octets"), ("/empty", b"")):
            dialogue.files.write(name, octets)
            connection = dialogue.agree()
            connection.close()
            dialogue.say(f"RETR {name}", expect=[150, 426])
            self.assertEqual(connection.received, b"")

    def test_a_reset_breaks_the_transfer(self) -> None:
        """A reset during an upload gets 426."""
        dialogue = self.logged_in()
        connection = dialogue.agree()
        dialogue.say("STOR a", expect=150)
        connection.reset()
        self.assertEqual(dialogue.last_reply.code, 426)

    def test_a_port_that_is_not_open_refuses(self) -> None:
        """Connecting where nobody listens raises as a socket does."""
        dialogue = self.logged_in()
        self.assertRaises(ConnectionRefusedError, dialogue.network.connect, 1, "127.0.0.1")

    def test_a_call_that_nobody_expects_is_refused(self) -> None:
        """The server's call to a port where no client waits ends with 425."""
        dialogue = self.logged_in()
        dialogue.say("PORT 127,0,0,1,200,0", expect=200)
        dialogue.say("NLST", expect=[150, 425])

    def test_a_client_may_wait_for_the_port_to_be_used(self) -> None:
        """A connection to a port that is given up is closed."""
        dialogue = self.logged_in()
        connection = dialogue.agree()
        dialogue.say("EPSV", expect=229)
        self.assertTrue(connection.is_closed_by_server)

    def test_octets_wait_for_the_server(self) -> None:
        """What a client sends before the transfer, and even its end, are there when the server looks."""
        dialogue = self.logged_in()
        connection = dialogue.agree()
        connection.send(b"octets")
        connection.end()
        dialogue.say("STOR a", expect=[150, 226])
        self.assertEqual(dialogue.files.read("/a"), b"octets")

    def test_a_network_without_a_reactor_does_nothing(self) -> None:
        """A network that no dialogue has keeps what is done to it."""
        network = MemoryNetwork()
        network.expect("127.0.0.1", 5000).send(b"octets")
        self.assertEqual(network.open_handles, 0)

    def test_a_taken_port_is_in_use(self) -> None:
        """The same port cannot be opened twice."""
        network = MemoryNetwork()
        network.listen("127.0.0.1", 5000)
        self.assertEqual(network.open_ports, [5000])
        error = self.assertRaises(OSError, network.listen, "127.0.0.1", 5000)
        self.assertEqual(error.errno, errno.EADDRINUSE)


class ControlTests(ConversationTestCase):
    """The control connection has the buffers of a real one."""

    def test_octets_wait_while_the_server_does_not_read(self) -> None:
        """What the server does not take is kept, and taken later."""
        dialogue = self.converse()
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 20000)
        self.assertFalse(dialogue.is_read)
        self.assertGreater(dialogue.unsent, 0)
        dialogue.read_again()
        self.assertTrue(dialogue.is_read)
        self.assertEqual(dialogue.unsent, 0)
        self.assertEqual(dialogue.codes(), [220] + 20000 * [214])

    def test_the_last_reply_is_read_before_the_end(self) -> None:
        """The connection ends when the client has read what was written before."""
        dialogue = self.converse()
        dialogue.stop_reading()
        dialogue.send(b"QUIT\r\n")
        self.assertFalse(dialogue.is_closed)
        dialogue.read_again()
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.codes(), [220, 221])

    def test_a_lost_connection_is_closed(self) -> None:
        """Losing the connection ends the session; losing it again changes nothing."""
        dialogue = self.converse()
        dialogue.lose_connection()
        dialogue.lose_connection()
        dialogue.send(b"NOOP\r\n")
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.codes(), [220])


class RepliesReadTests(ConversationTestCase):
    """Reading replies."""

    def test_what_is_no_reply_fails_the_test(self) -> None:
        """Octets that no client could read as replies are found."""
        for octets in (b"hello\r\n", b"20 short\r\n", b"200 bare\nline\r\n", b"200 bare\rreturn\r\n"):
            self.assertRaises(AssertionError, RepliesRead().feed, octets)

    def test_replies_may_come_in_pieces(self) -> None:
        """A reply is read when its last line is complete, whatever looks like one inside."""
        read = RepliesRead()
        self.assertEqual(read.feed(b"211-first\r\n 211 inner\r\n212 inner\r\n21"), [])
        self.assertEqual(read.feed(b"1 last\r\n"), [reply(211, "first", "211 inner", "212 inner", "last")])


class Restless:
    """A descriptor that never does what it is woken for."""

    def __init__(self, handle: Any) -> None:
        self.fileno = handle.fileno
        self.woken = 0

    def doRead(self) -> None:
        """Do nothing."""
        self.woken += 1

    doWrite = doRead


class ReactorTests(ConversationTestCase):
    """The reactor of a dialogue."""

    def test_a_server_that_never_rests_is_found(self) -> None:
        """Something that calls itself again and again fails the test and does not hang it."""
        reactor = DialogueReactor(MemoryNetwork())

        def again() -> None:
            reactor.callLater(0, again)

        again()
        self.assertRaises(AssertionError, reactor.settle)

    def test_a_descriptor_that_is_always_ready_is_found(self) -> None:
        """A descriptor that wakes for ever fails the test, too."""
        network = MemoryNetwork()
        reactor = DialogueReactor(network)
        network.expect("127.0.0.1", 5000).end()
        descriptor = Restless(network.dial("127.0.0.1", "127.0.0.1", 5000))
        reactor.addReader(descriptor)
        reactor.addWriter(descriptor)
        self.assertRaises(AssertionError, reactor.settle)
        self.assertGreater(descriptor.woken, 1000)

    def test_a_closed_socket_in_the_reactor_is_found(self) -> None:
        """A descriptor that was closed and is still waited for fails the test."""
        network = MemoryNetwork()
        reactor = DialogueReactor(network)
        listener = network.listen("127.0.0.1", 0)
        reactor.addReader(listener)
        network.close(listener)
        self.assertRaises(AssertionError, reactor.settle)

    def test_a_given_server_keeps_its_reactor(self) -> None:
        """A further dialogue shares the time of the first one."""
        first = self.converse()
        second = self.converse(server=first.server)
        self.assertIsInstance(first.server, Server)
        self.assertIs(first.reactor, second.reactor)
