# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.users.memory.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.logger import LogEvent, capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver.awaiting import as_deferred
from ftpserver.core.users import User
from ftpserver.errors import CommandRefused
from ftpserver.interfaces import GetUserResponse, IRefusesSlowly, IUserManager
from ftpserver.users.memory import MemoryUserManager
from ftpserver.users.passwords import MAXIMUM_WAITING

from .threads import ManualThreads, cheap_hash

T = TypeVar("T")


class MemoryUserManagerTestCase(SynchronousTestCase):
    """Threads that a test can count and hold."""

    def setUp(self) -> None:
        self.threads = ManualThreads()

    def manager(self, *users: User, timeout: float | None = None) -> MemoryUserManager:
        """Return a manager whose hashes are computed in the threads of the test."""
        return MemoryUserManager(users, timeout, reactor=self.threads, hashes=self.threads.hashes())

    def result(self, awaitable: Awaitable[T]) -> T:
        """Return the answer, however many threads it takes."""
        answer = as_deferred(awaitable)
        self.threads.run()
        return self.successResultOf(answer)


class AccountsTests(MemoryUserManagerTestCase):
    def test_it_is_a_user_manager(self) -> None:
        """It provides what the server asks of a manager, and refuses slowly."""
        manager = self.manager()
        self.assertTrue(verifyObject(IUserManager, manager))
        self.assertTrue(verifyObject(IRefusesSlowly, manager))

    def test_it_takes_what_the_seed_api_takes(self) -> None:
        """Users and timeout can be given by position and by keyword; the reactor is the installed one."""
        alice = User("alice", "secret")
        for manager in (MemoryUserManager([alice], 5.0), MemoryUserManager(users=[alice], timeout=5.0)):
            self.assertEqual(manager.timeout, 5.0)
            self.assertIs(self.result(manager.get_user("alice"))[1], alice)

    def test_a_password_is_asked_for(self) -> None:
        """An account with a password, in clear or as a hash, needs it."""
        for stored in ("secret", cheap_hash("secret"), ""):
            alice = User("alice", stored)
            expected = (GetUserResponse.PASSWORD_REQUIRED, alice, "")
            self.assertEqual(self.result(self.manager(alice).get_user("alice")), expected)

    def test_an_account_without_password_asks_for_none(self) -> None:
        """A login without a password is in at once."""
        guest = User("guest")
        self.assertEqual(self.result(self.manager(guest).get_user("guest")), (GetUserResponse.OK, guest, ""))

    def test_other_names_are_unknown(self) -> None:
        """A name must be that of an account, to the letter."""
        manager = self.manager(User("alice", "secret"), User())
        for login in ("Alice", "alice ", "bob", "", "None", "anonymous ", "\udcff"):
            self.assertEqual(
                self.result(manager.get_user(login)), (GetUserResponse.ERROR, None, "unknown user"), repr(login)
            )

    def test_the_anonymous_account_has_two_names(self) -> None:
        """The account without login answers to "anonymous" and "ftp", in any case, and takes any password."""
        anonymous = User()
        manager = self.manager(User("alice", cheap_hash("secret")), anonymous)
        for login in ("anonymous", "Anonymous", "ftp", "FTP"):
            self.assertEqual(
                self.result(manager.get_user(login)), (GetUserResponse.PASSWORD_REQUIRED, anonymous, ""), login
            )
        for password in ("", "me@example.org", "\udcff"):
            self.assertTrue(self.result(manager.authenticate(anonymous, password)))
        self.assertEqual(self.threads.total, 0)

    def test_without_an_anonymous_account_its_names_are_unknown(self) -> None:
        """Where nobody set up anonymous access, there is none."""
        self.assertEqual(self.result(self.manager().get_user("anonymous"))[0], GetUserResponse.ERROR)

    def test_a_real_account_may_be_called_ftp(self) -> None:
        """An account of that very name goes before the anonymous one, and has its own password."""
        ftp = User("ftp", "secret")
        manager = self.manager(ftp, User())
        self.assertIs(self.result(manager.get_user("ftp"))[1], ftp)
        self.assertFalse(self.result(manager.authenticate(ftp, "me@example.org")))

    def test_each_login_is_there_once(self) -> None:
        """Two accounts of one login, or two anonymous ones, are an error."""
        for users in ([User("alice", "a"), User("alice", "b")], [User(), User()]):
            error = self.assertRaises(ValueError, MemoryUserManager, users)
            self.assertIn("two users", str(error))

    def test_an_anonymous_account_with_a_password_is_an_error(self) -> None:
        """A password that would protect nothing is refused, and not repeated."""
        error = self.assertRaises(ValueError, MemoryUserManager, [User(None, "hunter2")])
        self.assertNotIn("hunter2", str(error))

    def test_a_malformed_hash_is_an_error(self) -> None:
        """A hash that was cut is told at the start, with the account and without the hash."""
        error = self.assertRaises(ValueError, MemoryUserManager, [User("alice", "$argon2id$v=19$hunter2")])
        self.assertIn("alice", str(error))
        self.assertNotIn("hunter2", str(error))

    def test_the_end_of_a_login_needs_nothing(self) -> None:
        """It may be told of the end of any login."""
        alice = User("alice", "secret")
        self.assertIsNone(self.result(self.manager(alice).notify_logout(alice)))


class AuthenticateTests(MemoryUserManagerTestCase):
    def test_the_password_decides(self) -> None:
        """The right password is right and others are wrong, whether it is stored in clear or as a hash."""
        for stored in ("s3cret \udcff", cheap_hash(b"s3cret \xff")):
            alice = User("alice", stored)
            manager = self.manager(alice)
            for given, expected in [("s3cret \udcff", True), ("s3cret", False), ("", False), ("S3CRET \udcff", False)]:
                self.assertEqual(self.result(manager.authenticate(alice, given)), expected, (stored, given))

    def test_an_empty_stored_password_closes_the_account(self) -> None:
        """An account whose password is empty lets nobody in."""
        for stored in ("", None):
            closed = User("alice", stored)
            self.assertFalse(self.result(self.manager(closed).authenticate(closed, "")), stored)

    def test_logins_do_not_wait_for_one_another(self) -> None:
        """Two logins are decided at the same time, each for itself."""
        alice, bob = User("alice", cheap_hash("a")), User("bob", cheap_hash("b"))
        manager = self.manager(alice, bob)
        answers = [as_deferred(manager.authenticate(user, "b")) for user in (alice, bob)]
        self.assertEqual(self.threads.total, 2)
        self.threads.run()
        self.assertEqual([self.successResultOf(one) for one in answers], [False, True])

    def test_too_many_logins_are_told_to_come_back(self) -> None:
        """A flood of logins is answered 451 beyond its bound."""
        alice = User("alice", cheap_hash("a"))
        manager = self.manager(alice)
        answers = [as_deferred(manager.authenticate(alice, "a")) for _ in range(MAXIMUM_WAITING + 3)]
        self.failureResultOf(answers.pop(), CommandRefused)
        self.threads.run()
        self.assertEqual({self.successResultOf(one) for one in answers}, {True})


class RefusalTests(MemoryUserManagerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.hashed = User("hashed", cheap_hash("secret"))
        self.clear = User("clear", "secret")
        self.closed = User("closed", "")

    def cost(self, awaitable: Awaitable[object]) -> int:
        """Return how many hashes were computed for an answer."""
        before = self.threads.total
        self.result(awaitable)
        return self.threads.total - before

    def test_every_refusal_costs_one_hash(self) -> None:
        """Among accounts with hashes, an unknown name cannot be told from a wrong password by the time it takes."""
        manager = self.manager(self.clear, self.hashed, self.closed)
        for user in (self.hashed, self.clear, self.closed):
            for password in ("wrong", ""):
                self.assertEqual(self.cost(manager.authenticate(user, password)), 1, (user, password))
        self.assertEqual(self.cost(manager.refuse("wrong")), 1)
        self.assertEqual(self.cost(manager.refuse("")), 1)

    def test_without_hashes_no_refusal_costs_one(self) -> None:
        """Among accounts with passwords in clear, unknown names and wrong passwords are both refused at once."""
        manager = self.manager(self.clear, self.closed)
        for awaitable in (manager.authenticate(self.clear, "wrong"), manager.refuse("wrong")):
            self.assertEqual(self.cost(awaitable), 0)

    def test_a_refusal_says_nothing(self) -> None:
        """Refusing an unknown name has no result, even with the password of somebody."""
        self.assertIsNone(self.result(self.manager(self.hashed).refuse("secret")))


class TimeoutTests(MemoryUserManagerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.alice = User("alice", cheap_hash("hunter2"))

    def test_a_hash_that_hangs_is_a_no_in_time(self) -> None:
        """When the computation hangs, the login is refused after the timeout, and unknown names are as late."""
        manager = self.manager(self.alice, timeout=5)
        login = as_deferred(manager.authenticate(self.alice, "hunter2"))
        unknown = as_deferred(manager.refuse("hunter2"))
        self.threads.advance(4.9)
        self.assertNoResult(login)
        self.assertNoResult(unknown)
        self.threads.advance(0.2)
        self.assertIs(self.successResultOf(login), False)
        self.assertIsNone(self.successResultOf(unknown))

    def test_an_answer_in_time_leaves_no_timer(self) -> None:
        """The timer ends with the answer."""
        manager = self.manager(self.alice, timeout=5)
        self.assertTrue(self.result(manager.authenticate(self.alice, "hunter2")))
        self.assertEqual(self.threads.getDelayedCalls(), [])

    def test_without_a_timeout_it_waits(self) -> None:
        """Without a timeout the answer comes when the hash is computed."""
        login = as_deferred(self.manager(self.alice).authenticate(self.alice, "hunter2"))
        self.threads.advance(100_000)
        self.assertNoResult(login)
        self.threads.run()
        self.assertTrue(self.successResultOf(login))

    def test_the_log_tells_of_it_without_the_password(self) -> None:
        """A timeout is a warning in the log that repeats no password and no hash."""
        manager = self.manager(self.alice, timeout=5)
        with capturedLogs() as events:
            as_deferred(manager.authenticate(self.alice, "hunter2"))
            self.threads.advance(6)
        self.assertEqual([_level(event) for event in events], ["warn"])
        shown = "".join(eventAsText(event) + repr(event) for event in events)
        self.assertIn("within 5", shown)
        for secret in ("hunter2", str(self.alice.password)):
            self.assertNotIn(secret, shown)

    def test_no_password_is_in_a_representation(self) -> None:
        """What represents the manager, its accounts and a login under way shows neither password nor hash."""
        manager = self.manager(self.alice, User("bob", "hunter2"), timeout=5)
        login = as_deferred(manager.authenticate(self.alice, "hunter2"))
        shown = "".join(map(repr, (manager, login, vars(manager)["_users"], vars(manager)["_hashes"])))
        for secret in ("hunter2", str(self.alice.password)):
            self.assertNotIn(secret, shown)
        login.cancel()
        self.failureResultOf(login)


def _level(event: LogEvent) -> str:
    level: str = event["log_level"].name
    return level
