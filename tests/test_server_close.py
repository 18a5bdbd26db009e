# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the beginning and the end of a server.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.application.service import Service
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from ftpserver import (
    Server,
    User,
)
from ftpserver.control.connection import LINGERING
from ftpserver.core import replies
from ftpserver.testing import DataConnection, Dialogue, DialogueFiles
from tests.conversation import ConversationTestCase

reactor: Any = _reactor


class DrainTests(ConversationTestCase):
    """The end of the server, with sessions."""

    def transferring(self, **keywords: Any) -> tuple[Dialogue, DataConnection]:
        """Return a dialogue with a transfer under way."""
        dialogue = self.logged_in(**keywords)
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say("RETR a", expect=150)
        return dialogue, connection

    def test_idle_sessions_end_at_once(self) -> None:
        """421 comes to each session without a transfer, and the close is done when all are gone."""
        first = self.logged_in()
        second = self.converse(server=first.server)
        closing = first.server.close()
        first.advance(0)
        self.successResultOf(closing)
        for dialogue in (first, second):
            self.assertEqual(dialogue.last_reply, replies.SERVICE_CLOSING)
            self.assertTrue(dialogue.is_closed)

    def test_a_transfer_may_finish(self) -> None:
        """A session in a transfer gets its 226, then 421; what waits behind is not run any more."""
        dialogue, connection = self.transferring()
        dialogue.send(b"SYST\r\n")
        closing = dialogue.server.close()
        dialogue.send(b"NOOP\r\n")
        self.assertNoResult(closing)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 421)
        self.assertTrue(dialogue.is_closed)
        self.successResultOf(closing)

    def test_the_time_for_that_is_bounded(self) -> None:
        """A transfer that does not end in time is ended, and its session gets 421."""
        dialogue, connection = self.transferring(close_timeout=5)
        closing = dialogue.server.close()
        dialogue.advance(4.9)
        self.assertNoResult(closing)
        dialogue.advance(0.1)
        self.successResultOf(closing)
        self.assert_codes(dialogue, 150, 421)
        self.assertTrue(connection.is_closed_by_server)

    def test_a_client_that_reads_nothing_is_cut_off(self) -> None:
        """Nobody can keep the server from closing by not reading his replies."""
        dialogue = self.logged_in(close_timeout=1)
        dialogue.stop_reading()
        dialogue.send(b"HELP\r\n" * 1000)
        closing = dialogue.server.close()
        dialogue.advance(1)
        dialogue.advance(LINGERING)
        self.successResultOf(closing)
        self.assertTrue(dialogue.is_closed)

    def test_new_clients_are_turned_away_meanwhile(self) -> None:
        """A client that comes while the server closes gets 421."""
        dialogue, connection = self.transferring()
        closing = dialogue.server.close()
        late = self.converse(server=dialogue.server)
        self.assertEqual(late.replies(), [replies.SERVICE_CLOSING])
        connection.take_all()
        self.successResultOf(closing)

    def test_a_session_that_has_ended_is_waited_for(self) -> None:
        """A client that is still taking its 221 is given the time for it."""
        dialogue = self.logged_in(close_timeout=5)
        dialogue.stop_reading()
        dialogue.send(b"QUIT\r\n")
        closing = dialogue.server.close()
        self.assertNoResult(closing)
        dialogue.read_again()
        self.successResultOf(closing)
        self.assert_codes(dialogue, 230, 221)

    def test_what_waits_for_the_close_hears_of_it(self) -> None:
        """Everybody who serves for ever is done then."""
        dialogue = self.logged_in()
        serving = [dialogue.server.serve_forever() for _ in range(2)]
        self.assertNoResult(serving[0])
        closing = dialogue.server.close()
        dialogue.advance(0)
        for deferred in (closing, *serving):
            self.assertIsNone(self.successResultOf(deferred))

    def test_the_end_of_the_reactor_closes_the_server(self) -> None:
        """A signal that stops the process waits for the close."""
        dialogue, connection = self.transferring()
        serving = dialogue.server.serve_forever()
        ((shut_down, _, _),) = dialogue.reactor.triggers["before"]["shutdown"]
        closing = shut_down()
        self.assertNoResult(closing)
        connection.take_all()
        self.successResultOf(closing)
        self.successResultOf(serving)

    def test_giving_up_serving_closes_the_server(self) -> None:
        """Cancelling what serves for ever closes the server."""
        dialogue, connection = self.transferring()
        serving = dialogue.server.serve_forever()
        serving.addErrback(lambda _failure: None)
        serving.cancel()
        self.assertFalse(dialogue.server.running)
        connection.take_all()
        self.assertTrue(dialogue.is_closed)

    def test_a_server_can_start_again(self) -> None:
        """After a close the same server serves again."""
        dialogue = self.logged_in()
        closing = dialogue.server.close()
        dialogue.advance(0)
        self.successResultOf(closing)
        dialogue.server.startService()
        again = self.logged_in(server=dialogue.server)
        again.say("NOOP", expect=200)

    def test_closing_twice_is_harmless(self) -> None:
        """A second close is done with the first one."""
        dialogue, connection = self.transferring()
        closing = [dialogue.server.close(), dialogue.server.close()]
        connection.take_all()
        for deferred in closing:
            self.successResultOf(deferred)

    def test_a_close_that_fails_is_logged(self) -> None:
        """Where nobody waits for the close, the log has what went wrong."""
        server = self.converse().server
        serving = server.serve_forever()
        serving.addErrback(lambda _failure: None)
        with patch.object(server._listeners, "stop", side_effect=ZeroDivisionError):
            serving.cancel()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_services_of_the_server_are_waited_for(self) -> None:
        """A service that an application puts into the server stops with it."""
        stopping: Deferred[None] = Deferred()

        class Slow(Service):
            def stopService(self) -> Deferred[None]:
                super().stopService()
                return stopping

        server = self.converse().server
        Slow().setServiceParent(server)
        closing = server.close()
        self.converse(server=server).advance(0)
        self.assertNoResult(closing)
        stopping.callback(None)
        self.successResultOf(closing)


class ListeningTests(TestCase):
    """A server on a real port."""

    def server(self, **keywords: Any) -> Server:
        """Return a server that is closed after the test."""
        server = Server([User("user", "password")], path_io_factory=DialogueFiles().path_io, **keywords)
        self.addCleanup(server.close)
        return server

    async def test_a_server_starts_closes_and_starts_again(self) -> None:
        """It is bound while it runs, and not after."""
        server = self.server()
        for _ in range(2):
            await server.start("127.0.0.1", 0, backlog=5)
            self.assertTrue(server.running)
            host, port = server.address
            self.assertEqual((host, port > 0), ("127.0.0.1", True))
            await server.close()
            self.assertFalse(server.running)
            self.assertRaises(RuntimeError, lambda: server.address)

    async def test_a_server_may_listen_in_several_places(self) -> None:
        """Starting again elsewhere adds a place."""
        server = self.server()
        await server.start("127.0.0.1", 0)
        await server.start("127.0.0.1", 0)
        self.assertEqual(len(server.addresses), 2)

    async def test_run_serves_until_the_close(self) -> None:
        """Run is done when the server was closed."""
        server = self.server()
        running = server.run("127.0.0.1")
        while not server.running:
            turn: Deferred[None] = Deferred()
            reactor.callLater(0, turn.callback, None)
            await turn
        self.assertNoResult(running)
        await server.close()
        await running

    async def test_no_host_is_the_whole_machine(self) -> None:
        """A server that is told no host listens on all addresses with one port."""
        server = self.server()
        await server.start(host=None)
        self.assertEqual(len({port for _, port in server.addresses}), 1)
