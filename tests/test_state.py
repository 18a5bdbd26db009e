# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what commands know of the session that they run in.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred

from ftpserver import COMMANDS, Argument, Connection, MemoryPathIO, Permission, Reply, User, command, reply
from ftpserver.control.connection import ControlConnection
from ftpserver.control.state import CLEANING_UP
from ftpserver.errors import PathTimeout
from ftpserver.interfaces import GetUserResponse
from tests.conversation import ConversationTestCase, user_with


class FieldTests(ConversationTestCase):
    """The fields of a connection."""

    def connection(self) -> Connection:
        """Return the connection of a session that is logged in."""
        return self.logged_in().protocol.connection

    def test_a_connection_is_itself_only(self) -> None:
        """Two connections are never equal, and each can be a key."""
        first, second = self.connection(), self.connection()
        self.assertEqual({first: 1, second: 2}[first], 1)
        self.assertFalse(first == second)
        self.assertIn(first.identifier, repr(first))

    def test_a_program_may_keep_something_of_its_own(self) -> None:
        """What a command of one's own puts at a connection stays there, and is no field."""
        connection: Any = self.connection()
        connection.greeted = True
        self.assertTrue(connection.greeted)
        self.assertNotIn("greeted", connection)

    def test_the_state_of_a_login_is_there(self) -> None:
        """Fields tell who is logged in and what was agreed."""
        dialogue = self.converse()
        connection = dialogue.protocol.connection
        self.assertEqual((connection["user"], connection["logged"], connection["path_io"]), (None, False, None))
        dialogue.login()
        self.assertEqual((connection.account.login, connection["logged"]), ("user", True))
        self.assertEqual((connection["passive_server"], connection["data_connection"]), (False, False))
        dialogue.agree()
        self.assertEqual((connection["passive_server"], connection["data_connection"]), (True, True))
        dialogue.say("ABOR", expect=226)
        self.assertFalse(connection["passive_server"])

    def test_paths_are_resolved_in_the_current_directory(self) -> None:
        """A command of one's own resolves a text as the server does."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a")
        dialogue.say("CWD a", expect=250)
        self.assertEqual(str(dialogue.protocol.connection.resolve("../b")), "/b")

    def test_rename_from_is_forgotten(self) -> None:
        """The source of a rename is there for the very next command only."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        dialogue.say("RNFR a", expect=350)
        self.assertEqual(str(dialogue.protocol.connection["rename_from"]), "/a")
        dialogue.say("NOOP", expect=200)
        self.assertIsNone(dialogue.protocol.connection["rename_from"])


class OwnCommandTests(ConversationTestCase):
    """What a command of one's own can ask of the connection."""

    def test_a_command_can_wait(self) -> None:
        """A delay holds up the session that asked for it, and no other."""

        @command("SLEEP", argument=Argument.NONE)
        async def sleep(connection: Connection) -> Reply:
            """Wait for ten seconds."""
            await connection.delay(10)
            return reply(200, "Done.")

        dialogue = self.converse(commands=COMMANDS.with_(sleep))
        dialogue.send(b"SLEEP\r\nNOOP\r\n")
        self.converse(server=dialogue.server).say("NOOP", expect=200)
        dialogue.advance(9)
        self.assert_codes(dialogue, 220)
        dialogue.advance(1)
        self.assert_codes(dialogue, 220, 200, 200)

    def test_a_command_can_end_the_session(self) -> None:
        """The reply of the command comes, then the farewell, then the end."""

        @command("BYE", argument=Argument.NONE)
        async def bye(connection: Connection) -> Reply:
            """End the session."""
            connection.end_after_reply(reply(421, "Enough for today."))
            return reply(200, "As you like.")

        dialogue = self.converse(commands=COMMANDS.with_(bye))
        dialogue.send(b"BYE\r\nNOOP\r\n")
        self.assertEqual(dialogue.codes(), [220, 200, 421])
        self.assertTrue(dialogue.is_closed)


class RightTests(ConversationTestCase):
    """Asking for rights."""

    def test_every_place_below_is_asked(self) -> None:
        """Renaming a directory needs the right at each place below it that has rules of its own."""
        for last, code in ((True, 350), (False, 550)):
            places = [Permission("/"), Permission("/d/a"), Permission("/d/b", rename=last)]
            dialogue = self.logged_in(user_with(*places))
            dialogue.files.make_directory("/d")
            dialogue.say("RNFR d", expect=code)


class EndTests(ConversationTestCase):
    """The end of a login."""

    def test_a_manager_that_never_hears_keeps_nobody(self) -> None:
        """When the end of a login is not taken note of in time, the place is free all the same."""

        class Deaf:
            async def get_user(self, login: str) -> Any:
                return GetUserResponse.OK, User("user"), ""

            def notify_logout(self, user: User) -> Deferred[None]:
                return Deferred()

        dialogue = self.logged_in(Deaf(), maximum_connections=1)
        dialogue.lose_connection()
        self.assertEqual(dialogue.server.sessions, 1)
        dialogue.advance(CLEANING_UP)
        self.assertEqual(dialogue.server.sessions, 0)
        self.assertEqual(len(self.flushLoggedErrors(PathTimeout)), 1)

    def test_a_store_that_never_closes_keeps_nobody(self) -> None:
        """When a store does not close in time, the next login goes on all the same."""

        class Stuck(MemoryPathIO):
            async def close(self) -> None:
                await Deferred()

        dialogue = self.logged_in(path_io_factory=Stuck)
        dialogue.send(b"REIN\r\nNOOP\r\n")
        self.assert_codes(dialogue, 230)
        dialogue.advance(CLEANING_UP)
        self.assert_codes(dialogue, 230, 220, 200)
        self.assertEqual(len(self.flushLoggedErrors(PathTimeout)), 1)

    def test_an_upload_of_a_client_that_is_gone_is_cut(self) -> None:
        """The data of a client that died has no end: what it was to replace stays."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"old and whole")
        dialogue.say("TYPE I", expect=200)
        with patch.object(ControlConnection, "is_gone", return_value=True):
            dialogue.upload("STOR a", b"new, yet", expect=426)
        self.assertEqual(dialogue.files.read("/a"), b"old and whole")
