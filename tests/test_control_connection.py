# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the control connection.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock, patch

from twisted.internet.defer import CancelledError, Deferred

from ftpserver import COMMANDS, Argument, Connection, MemoryPathIO, Reply, VirtualPath, command, reply
from ftpserver.control.connection import LINGERING
from ftpserver.core import replies
from ftpserver.core.events import Connected, Disconnected, LoggedOut
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase


class GreetingTests(ConversationTestCase):
    """The beginning of a session."""

    def test_the_greeting_comes_first(self) -> None:
        """220 comes before the client says anything."""
        self.assertEqual(self.converse().replies(), [replies.SERVICE_READY])

    def test_the_greeting_can_be_chosen(self) -> None:
        """It may have several lines, none of which looks like the end of it."""
        for message in ("Hello.\n220 x\nWelcome.", ["Hello.", "220 x", "Welcome."]):
            dialogue = self.converse(welcome_message=message)
            self.assertEqual(dialogue.replies(), [reply(220, "Hello.", "220 x", "Welcome.")])
        self.assertEqual(self.converse(welcome_message="").replies(), [reply(220, "")])

    def test_a_session_is_told_of(self) -> None:
        """Events tell when it began and how it ended, in order."""
        dialogue = self.logged_in()
        dialogue.lose_connection()
        self.assertEqual([type(event) for event in dialogue.events][-2:], [LoggedOut, Disconnected])
        (begin,), (end,) = dialogue.events.of(Connected), dialogue.events.of(Disconnected)
        self.assertEqual((begin.port, begin.peer, begin.session), (21, "127.0.0.1", end.session))
        self.assertIn("lost", end.reason)

    def test_a_mapped_address_is_ipv4(self) -> None:
        """A client at an IPv4-mapped address is the one at the IPv4 address."""
        dialogue = self.converse(client_host="::ffff:192.0.2.1")
        self.assertEqual(dialogue.events.of(Connected)[0].peer, "192.0.2.1")


class LineTests(ConversationTestCase):
    """What the client sends."""

    def test_octets_may_come_one_by_one(self) -> None:
        """How the octets are cut into segments makes no difference."""
        dialogue = self.converse()
        for octet in b"USER user\r\nPASS password\r\nPWD\r\n":
            dialogue.send(bytes([octet]))
        self.assertEqual(dialogue.codes(), [220, 331, 230, 257])

    def test_telnet_is_taken_out(self) -> None:
        """Signals and options of Telnet are left aside, and nothing is negotiated."""
        dialogue = self.converse()
        dialogue.send(b"\xff\xf4\xff\xf2NO\xff\xf1OP\r\n\xff\xfb\x18NOOP\r\n")
        self.assertEqual(dialogue.codes(), [220, 200, 200])

    def test_a_bare_line_feed_ends_a_line(self) -> None:
        """LF alone is taken for the end, and CR alone is not."""
        dialogue = self.converse()
        dialogue.send(b"NOOP\nNO\rOP\r\nNOOP\r\n")
        self.assertEqual(dialogue.codes(), [220, 200, 500, 200])

    def test_what_is_no_request_is_500(self) -> None:
        """Empty lines and what has no verb are answered, and the session goes on."""
        dialogue = self.converse()
        dialogue.say("NOOP", expect=200)
        for line in ("", " ", " NOOP", "N\0OOP", "\udcfe\udced", "N-OP", "A" * 17, "1234", "\u00e9"):
            dialogue.say(line, expect=500)
        dialogue.say("NOOP", expect=200)

    def test_an_overlong_line_is_one_500(self) -> None:
        """The line is thrown away, and nothing of it is run."""
        dialogue = self.logged_in()
        dialogue.send(b"x" * 100_000 + b" \nNOOP\r\n")
        self.assertEqual(dialogue.replies()[3:], [replies.LINE_TOO_LONG, replies.OKAY])
        dialogue.send((b"MKD " + b"a" * 50_000) * 2 + b"\r\n")
        self.assertEqual(dialogue.last_reply.code, 500)
        self.assertEqual(dialogue.files.names(), [])

    def test_a_line_without_end_takes_no_memory(self) -> None:
        """Octets without a line end are thrown away when there are too many."""
        dialogue = self.converse()
        for _ in range(320):
            dialogue.send(b"x" * 65536)
        self.assertLess(len(dialogue.protocol._lines._rest), 20_000)
        dialogue.say("", expect=500)
        dialogue.say("NOOP", expect=200)

    def test_octets_of_the_client_are_not_echoed(self) -> None:
        """A reply to nonsense does not hold the nonsense."""
        dialogue = self.logged_in()
        for line in ("EVIL<script>", "%s%n", "{0}", "${x}", "SITE \x1b[31m", "OPTS evil", "TYPE evil", "HELP evil"):
            self.assertNotIn(line.split()[-1], str(dialogue.say(line)))

    def test_other_protocols_are_cut_off(self) -> None:
        """HTTP, TLS and SMTP end at the first line, so that no web page can make a browser send commands."""
        for octets in (
            b"GET / HTTP/1.1\r\nNOOP\r\n",
            b"POST /x HTTP/1.1\r\nNOOP\r\n",
            b"EHLO example.org\r\nNOOP\r\n",
            b"SSH-2.0-x\r\n",
            b"\x16\x03\x01\x02\x00\x01\n",
        ):
            dialogue = self.converse()
            dialogue.send(octets)
            self.assertEqual(dialogue.codes(), [220, 421], octets)
            self.assertTrue(dialogue.is_closed)

    def test_later_lines_may_look_like_other_protocols(self) -> None:
        """A session that has begun as FTP is not cut off."""
        dialogue = self.converse()
        dialogue.say("NOOP", expect=200)
        dialogue.say("GET / HTTP/1.1", expect=500)
        dialogue.say("\x16\x03\x01", expect=500)
        dialogue.say("NOOP", expect=200)


class TimeoutTests(ConversationTestCase):
    """How long a session may be silent."""

    def test_a_silent_session_ends(self) -> None:
        """421 comes after the time allowed without a command, then the end."""
        dialogue = self.logged_in(idle_timeout=300)
        dialogue.advance(299)
        dialogue.say("NOOP", expect=200)
        dialogue.advance(299)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(1)
        self.assertEqual(dialogue.last_reply, replies.IDLE_TIMEOUT)
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.events.of(Disconnected)[0].reason, "idle")

    def test_a_transfer_that_moves_is_no_silence(self) -> None:
        """A session is not silent while its transfer makes progress."""
        dialogue = self.logged_in(idle_timeout=60)
        dialogue.files.write("/a", bytes(10))
        connection = dialogue.agree()
        connection.limit = 0
        dialogue.say("RETR a", expect=150)
        for _ in range(5):
            dialogue.advance(50)
            connection.limit += 1
            dialogue.advance(0)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(60)
        self.assertEqual(dialogue.last_reply.code, 421)
        self.assertTrue(connection.is_closed_by_server)

    def test_a_session_without_a_login_ends(self) -> None:
        """421 comes when no login was done in time, however busy the client is."""
        dialogue = self.converse(login_timeout=60)
        for _ in range(59):
            dialogue.say("NOOP", expect=200)
            dialogue.advance(1)
        dialogue.advance(1)
        self.assertEqual(dialogue.last_reply, replies.LOGIN_TIMEOUT)
        self.assertTrue(dialogue.is_closed)

    def test_a_login_stops_the_clock(self) -> None:
        """After a login there is no such bound; after REIN there is one again."""
        dialogue = self.logged_in(login_timeout=60)
        dialogue.advance(1000)
        dialogue.say("REIN", expect=220)
        dialogue.advance(59)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(1)
        self.assertTrue(dialogue.is_closed)

    def test_there_may_be_no_bounds(self) -> None:
        """A server without timeouts waits for ever."""
        dialogue = self.converse(login_timeout=None)
        dialogue.advance(10**6)
        dialogue.say("NOOP", expect=200)

    def test_what_runs_when_the_time_is_over_is_given_up(self) -> None:
        """A command that hangs does not keep a session alive."""

        class Stuck(MemoryPathIO):
            async def mkdir(self, path: VirtualPath) -> None:
                await Deferred()

        dialogue = self.logged_in(path_io_factory=Stuck, idle_timeout=60)
        dialogue.send(b"MKD a\r\n")
        dialogue.advance(60)
        self.assert_codes(dialogue, 230, 421)
        self.assertTrue(dialogue.is_closed)


class UnreadTests(ConversationTestCase):
    """A client that does not read its replies."""

    def test_the_server_stops_answering(self) -> None:
        """Replies that nobody reads take no more memory than the buffer of the connection."""
        dialogue = self.converse()
        dialogue.stop_reading()
        for _ in range(50):
            dialogue.send(b"HELP\r\n" * 100)
        self.assertFalse(dialogue.is_read)
        self.assertLess(len(dialogue.transport._unread), 200_000)
        dialogue.read_again()
        self.assertEqual(dialogue.codes(), [220] + 5_000 * [214])

    def test_it_is_cut_off_in_the_end(self) -> None:
        """A client that takes nothing for the time allowed loses its session."""
        dialogue = self.converse(socket_timeout=30)
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 1_000)
        dialogue.advance(29)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(1)
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.events.of(Disconnected)[0].reason, "the client does not read its replies")

    def test_reading_again_stops_the_clock(self) -> None:
        """A client that reads in time goes on."""
        dialogue = self.converse(socket_timeout=30)
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 1_000)
        dialogue.advance(29)
        dialogue.read_again()
        dialogue.advance(29)
        dialogue.say("NOOP", expect=200)

    def test_the_last_reply_may_stay_unread(self) -> None:
        """A client that never takes its 221 is cut off after a while."""
        dialogue = self.converse()
        dialogue.stop_reading()
        dialogue.send(b"QUIT\r\n")
        dialogue.advance(LINGERING - 0.1)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(0.1)
        self.assertTrue(dialogue.is_closed)

    def test_the_time_for_a_reply_goes_on_at_the_end(self) -> None:
        """When a session ends whose client takes nothing, the time that it had already counts."""
        dialogue = self.converse(idle_timeout=20, socket_timeout=30)
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 1_000)
        dialogue.advance(29)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(1)
        self.assertTrue(dialogue.is_closed)

    def test_it_ends_when_it_is_silent_too(self) -> None:
        """The idle timeout ends a session whose client neither speaks nor reads."""
        dialogue = self.converse(idle_timeout=60, login_timeout=None)
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 1_000)
        dialogue.advance(60)
        dialogue.advance(LINGERING)
        self.assertTrue(dialogue.is_closed)


class EndTests(ConversationTestCase):
    """The end of a session."""

    def test_a_session_that_hangs_is_released_when_its_command_ends(self) -> None:
        """After the loss of the connection the running command is cancelled, then everything is given back."""
        finish: Deferred[None] = Deferred(lambda _deferred: None)

        @command("HANG", argument=Argument.NONE)
        async def hang(connection: Connection) -> Reply:
            """Wait for the test, whatever happens."""
            try:
                await Deferred()
            finally:
                await finish
            return reply(200, "Done.")

        dialogue = self.logged_in(commands=COMMANDS.with_(hang))
        dialogue.send(b"HANG\r\n")
        dialogue.lose_connection()
        self.assertEqual(dialogue.server.sessions, 1)
        finish.callback(None)
        self.assertEqual(dialogue.server.sessions, 0)
        self.assert_codes(dialogue, 230)

    def broken(self) -> tuple[Dialogue, Deferred[None]]:
        """Return a dialogue with an answer that fails when the test says so, or when it is cancelled."""
        waiting: Deferred[None] = Deferred()

        async def fail() -> Reply:
            await waiting
            raise ZeroDivisionError

        dialogue = self.logged_in()
        answer = Mock(side_effect=lambda *_: Deferred.fromCoroutine(fail()))
        with patch("ftpserver.control.interpreter.Interpreter.answer", answer):
            dialogue.send(b"NOOP\r\n")
        return dialogue, waiting

    def test_an_error_of_the_server_ends_the_session(self) -> None:
        """When answering itself fails, the client gets 421 and the log the traceback."""
        dialogue, waiting = self.broken()
        waiting.callback(None)
        dialogue.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_codes(dialogue, 230, 421)
        self.assertTrue(dialogue.is_closed)

    def test_an_error_after_the_end_releases_the_session(self) -> None:
        """When answering fails after the loss of the connection, everything is given back all the same."""
        dialogue, _ = self.broken()
        dialogue.lose_connection()
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)
        self.assertEqual(dialogue.server.sessions, 0)

    def test_nothing_follows_a_421(self) -> None:
        """What a command answers after the end of its session is not sent."""
        finish: Deferred[Any] = Deferred()

        @command("LATE", argument=Argument.NONE)
        async def late(connection: Connection) -> Reply:
            """Wait for the test."""
            await finish
            return reply(200, "Done.")

        dialogue = self.logged_in(commands=COMMANDS.with_(late), idle_timeout=10)
        dialogue.stop_reading()
        dialogue.send(b"LATE\r\nNOOP\r\n")
        dialogue.advance(10)
        finish.callback(None)
        dialogue.read_again()
        self.assert_codes(dialogue, 230, 421)

    def test_the_end_can_be_waited_for(self) -> None:
        """Whoever waits for the end of a session hears of it, also when it has ended before."""
        dialogue = self.logged_in()
        waiting = dialogue.protocol.finished
        self.assertNoResult(waiting)
        dialogue.lose_connection()
        self.assertIsNone(self.successResultOf(waiting))
        ended = self.logged_in()
        ended.lose_connection()
        self.assertIsNone(self.successResultOf(ended.protocol.finished))

    def test_ending_twice_is_ending_once(self) -> None:
        """A session that was ended has one 421 and is told of once."""
        dialogue = self.logged_in()
        for _ in range(2):
            dialogue.protocol.shut_down()
        dialogue.advance(0)
        self.assert_codes(dialogue, 230, 421)
        self.assertEqual(len(dialogue.events.of(Disconnected)), 1)

    def test_a_transport_without_an_abrupt_end_is_only_closed(self) -> None:
        """A transport that cannot be aborted is left to end by itself."""
        dialogue = self.converse()
        dialogue.stop_reading()
        with patch.object(type(dialogue.transport), "abortConnection", None):
            dialogue.send(b"QUIT\r\n")
            dialogue.advance(LINGERING)
        self.assertFalse(dialogue.is_closed)
        self.assertTrue(dialogue.transport.disconnecting)


class RefusedTests(ConversationTestCase):
    """Clients that are turned away."""

    def test_too_many_sessions_are_refused(self) -> None:
        """421 and the end come in place of the greeting; a place that is free again can be taken."""
        first = self.converse(maximum_connections=1)
        refused = self.converse(server=first.server)
        self.assertEqual(refused.replies(), [replies.TOO_MANY_CONNECTIONS])
        self.assertTrue(refused.is_closed)
        first.say("QUIT", expect=221)
        self.assertEqual(self.converse(server=first.server).codes(), [220])

    def test_what_a_refused_client_says_is_not_run(self) -> None:
        """Nothing is answered after the 421."""
        first = self.converse(maximum_connections=1)
        refused = Dialogue(server=first.server)
        refused.send(b"NOOP\r\n")
        self.assertEqual(refused.codes(), [421])
        self.assertEqual(first.server.sessions, 1)
