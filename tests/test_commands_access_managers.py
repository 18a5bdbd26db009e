# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for logins whose accounts come from a user manager, and for the places of logins.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ftpserver import MemoryPathIO, User
from ftpserver.core import replies
from ftpserver.core.events import LoginFailed
from ftpserver.interfaces import GetUserResponse
from ftpserver.testing import Dialogue
from tests.accounts import Accounts
from tests.conversation import ConversationTestCase, user_with


class UserManagerTests(ConversationTestCase):
    """Accounts may come from anywhere."""

    def begin(self, accounts: Accounts, **keywords: Any) -> Dialogue:
        """Return a dialogue with these accounts, in which USER was answered."""
        dialogue = self.converse(accounts, failed_login_delay=0, **keywords)
        dialogue.send(b"USER user\r\n")
        return dialogue

    def test_a_manager_that_raises_costs_451(self) -> None:
        """An exception of the user manager is one 451 and a traceback in the log, and the session goes on."""
        accounts = Accounts(user=RuntimeError("the database is gone"))
        dialogue = self.begin(accounts)
        self.assertEqual(dialogue.last_reply.code, 451)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        dialogue.say("PASS password", expect=503)
        accounts.found["user"] = (GetUserResponse.PASSWORD_REQUIRED, User("user"), "")
        dialogue.login()

    def test_a_password_check_that_raises_logs_nobody_in(self) -> None:
        """When the check itself fails the answer is 451, and the login starts again at USER."""
        accounts = Accounts(RuntimeError("the database is gone"))
        dialogue = self.begin(accounts)
        dialogue.say("PASS password", expect=451)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        dialogue.say("PASS password", expect=503)
        dialogue.say("PWD", expect=530)

    def test_commands_wait_for_the_answer(self) -> None:
        """What was sent behind a password is answered when the password is."""
        checking: Deferred[bool] = Deferred()
        dialogue = self.begin(Accounts(checking))
        dialogue.send(b"PASS password\r\nPWD\r\nNOOP\r\n")
        self.assertEqual(dialogue.codes(), [220, 331])
        checking.callback(True)
        self.assertEqual(dialogue.codes(), [220, 331, 230, 257, 200])

    def test_a_manager_that_never_answers_ends_with_the_session(self) -> None:
        """Closing the connection gives up a check that never ends; nobody was logged in."""
        checking: Deferred[bool] = Deferred()
        accounts = Accounts(checking)
        dialogue = self.begin(accounts)
        dialogue.send(b"PASS password\r\n")
        dialogue.lose_connection()
        self.assertEqual(dialogue.server.sessions, 0)
        self.assertEqual(accounts.logouts, 0)

    def test_a_manager_that_never_answers_meets_the_login_timeout(self) -> None:
        """The session ends with 421 when no login was done in time."""
        dialogue = self.begin(Accounts(user=Deferred()), login_timeout=30)
        dialogue.advance(30)
        self.assertEqual(dialogue.codes(), [220, 421])
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.server.sessions, 0)

    def test_a_password_of_nobody_takes_its_time(self) -> None:
        """A manager that can refuse slowly is asked to, when the name was unknown."""
        accounts = Accounts()
        dialogue = self.begin(accounts)
        dialogue.login("nobody", "secret", expect=530)
        self.assertIn(("refuse", "secret"), accounts.calls)
        self.assertEqual(dialogue.events.of(LoginFailed)[0].reason, "never heard of")

    def test_a_manager_may_have_nothing_to_refuse_slowly_with(self) -> None:
        """A manager that does not offer it is not asked to."""

        class Plain:
            async def get_user(self, login: str) -> Any:
                return GetUserResponse.ERROR, None, ""

        dialogue = self.converse(Plain(), failed_login_delay=0)
        dialogue.login(expect=530)

    def test_an_error_without_a_message_is_an_unknown_user(self) -> None:
        """The log tells of an unknown user where the manager gives no reason."""
        dialogue = self.begin(Accounts(user=(GetUserResponse.ERROR, None, "")))
        dialogue.say("PASS x", expect=530)
        self.assertEqual(dialogue.events.of(LoginFailed)[0].reason, "unknown user")

    def test_each_login_is_logged_out_once(self) -> None:
        """The manager hears of the end of a login once, however it ended."""
        for end in ("REIN", "USER user", "QUIT", ""):
            accounts = Accounts()
            dialogue = self.begin(accounts)
            dialogue.login()
            self.assertEqual(accounts.logouts, 0, end)
            if end:
                dialogue.say(end)
            dialogue.lose_connection()
            self.assertEqual(accounts.logouts, 1, end)

    def test_a_failed_login_is_not_logged_out(self) -> None:
        """The manager hears of no end of a login that never was."""
        accounts = Accounts(False)
        dialogue = self.begin(accounts)
        dialogue.say("PASS x", expect=530)
        dialogue.say("QUIT", expect=221)
        self.assertEqual(accounts.logouts, 0)

    def test_a_logout_that_raises_disturbs_nobody(self) -> None:
        """An exception at the end of a login is logged, and the session ends all the same."""

        class Forgetful(Accounts):
            async def notify_logout(self, user: User) -> None:
                raise RuntimeError("who was that?")

        dialogue = self.begin(Forgetful())
        dialogue.login()
        dialogue.say("QUIT", expect=221)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(dialogue.server.sessions, 0)


class PlaceTests(ConversationTestCase):
    """Where a login begins, and how many there may be."""

    def test_a_session_begins_at_home(self) -> None:
        """The current directory after the login is the home."""
        dialogue = self.converse([User("user", "password", home_path="/home/user")])
        dialogue.files.make_directory("/home/user")
        dialogue.login()
        self.assertIn('"/home/user"', dialogue.say("PWD").lines[0])

    def test_a_home_that_is_not_there_refuses_the_login(self) -> None:
        """Without its home nobody is logged in, and certainly not somewhere else."""
        dialogue = self.converse([User("user", "password", home_path="/gone")])
        for name in ("missing", "file"):
            if name == "file":
                dialogue.files.write("/gone")
            self.assertEqual(dialogue.login(expect=530), replies.NO_HOME)
            dialogue.say("PWD", expect=530)
        self.assertEqual(dialogue.server.logins.taken("user"), 0)
        self.assertIn("home directory", dialogue.events.of(LoginFailed)[0].reason)

    def test_a_store_that_cannot_be_made_costs_451(self) -> None:
        """When making the store fails, the place of the login is free again."""

        def broken(connection: Any) -> MemoryPathIO:
            raise RuntimeError("no such mount")

        dialogue = self.converse(user_with(maximum_connections=1), path_io_factory=broken)
        for _ in range(2):
            dialogue.login(expect=451)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(dialogue.server.logins.taken("user"), 0)

    def test_a_user_has_so_many_connections(self) -> None:
        """One more than allowed gets 530; a place that is given back can be taken."""
        first = self.logged_in(user_with(maximum_connections=1))
        second = self.converse(server=first.server)
        self.assertEqual(second.login(expect=530), replies.TOO_MANY_SESSIONS)
        self.assertEqual(second.events.of(LoginFailed)[0].reason, "too many connections of this account")
        first.say("QUIT", expect=221)
        second.login()

    def test_an_unfinished_login_takes_no_place(self) -> None:
        """Sessions that stop after USER keep nobody out."""
        first = self.converse(user_with(maximum_connections=1))
        first.say("USER user", expect=331)
        self.logged_in(server=first.server)

    def test_a_refused_login_is_logged_out(self) -> None:
        """A user for whom there was no place any more is logged out at the manager."""
        user = User("user", "password", maximum_connections=1)
        accounts = Accounts(user=(GetUserResponse.PASSWORD_REQUIRED, user, ""))
        first = self.converse(accounts)
        first.login()
        second = self.converse(server=first.server)
        second.login(expect=530)
        self.assertEqual(accounts.logouts, 1)
