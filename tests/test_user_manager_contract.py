# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.testing.user_manager: managers that are right pass, managers that are wrong do not.
"""

from __future__ import annotations

import time
import unittest
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from ftpserver import MemoryUserManager, User
from ftpserver.interfaces import GetUserResponse, IRefusesSlowly, IUserManager
from ftpserver.testing import UserManagerContract

from .threads import cheap_hash

Found = tuple[GetUserResponse, User | None, str]

LOGIN, PASSWORD = UserManagerContract.login, UserManagerContract.password


class ClearMemoryUserManagerTests(UserManagerContract, TestCase):
    """MemoryUserManager with passwords in clear."""

    passwordless_login = "guest"

    def make_user_manager(self) -> MemoryUserManager:
        return MemoryUserManager([User(self.login, self.password), User("guest"), User()])


class HashedMemoryUserManagerTests(UserManagerContract, TestCase):
    """MemoryUserManager with Argon2 hashes, the real threads and the real reactor."""

    def make_user_manager(self) -> MemoryUserManager:
        return MemoryUserManager([User(self.login, cheap_hash(self.password.encode()))], timeout=30)


@implementer(IUserManager)
class DeferredUserManager:
    """A manager that answers with Deferreds, each a little later."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def get_user(self, login: str) -> Deferred[Found]:
        """Find the one account that there is."""
        if login != LOGIN:
            return deferLater(self._reactor, 0, lambda: (GetUserResponse.ERROR, None, "no such user"))
        return deferLater(self._reactor, 0, lambda: (GetUserResponse.PASSWORD_REQUIRED, User(login), ""))

    def authenticate(self, user: User, password: str) -> Deferred[bool]:
        """Compare the password."""
        return deferLater(self._reactor, 0, lambda: password == PASSWORD)

    def notify_logout(self, user: User) -> Deferred[None]:
        """Do nothing."""
        return succeed(None)


class DeferredUserManagerTests(UserManagerContract, TestCase):
    """A manager without a base class, made by a coroutine, whose methods return Deferreds."""

    has_case_sensitive_logins = False

    async def make_user_manager(self) -> DeferredUserManager:
        from twisted.internet import reactor

        return DeferredUserManager(reactor)


@implementer(IUserManager, IRefusesSlowly)
class Right:
    """A manager that does everything right; what follows does one thing wrong each."""

    def __init__(self) -> None:
        self.user = User(LOGIN)

    async def get_user(self, login: str) -> Any:
        """Find the one account that there is."""
        if login == LOGIN:
            return GetUserResponse.PASSWORD_REQUIRED, self.user, ""
        return GetUserResponse.ERROR, None, "no such user"

    async def authenticate(self, user: User, password: str) -> Any:
        """Compare the password."""
        return password == PASSWORD

    async def notify_logout(self, user: User) -> None:
        """Do nothing."""

    async def refuse(self, password: str) -> Any:
        """Do nothing."""


class NotDeclared:
    """Has the methods, and does not say that it is a manager."""

    get_user, authenticate, notify_logout = Right.get_user, Right.authenticate, Right.notify_logout
    __init__ = Right.__init__


class RaisesForUnknownNames(Right):
    async def get_user(self, login: str) -> Any:
        return {LOGIN: (GetUserResponse.PASSWORD_REQUIRED, self.user, "")}[login]


class LetsEverybodyIn(Right):
    async def get_user(self, login: str) -> Any:
        return GetUserResponse.OK, self.user, ""


class InventsAccounts(Right):
    async def get_user(self, login: str) -> Any:
        return GetUserResponse.PASSWORD_REQUIRED, User(login or "x"), ""


class ForgetsTheMessage(Right):
    async def get_user(self, login: str) -> Any:
        return (await super().get_user(login))[:2]


class AnswersWithWords(Right):
    async def get_user(self, login: str) -> Any:
        response, user, message = await super().get_user(login)
        return response.value, user, message


class AnswersAtOnce(Right):
    def get_user(self, login: str) -> Any:
        return GetUserResponse.PASSWORD_REQUIRED, self.user, ""


class TakesNamesInAnyCase(Right):
    async def get_user(self, login: str) -> Any:
        return await super().get_user(login.lower())


class TrimsNames(Right):
    async def get_user(self, login: str) -> Any:
        return await super().get_user(login.strip())


class HandsOutTheAnonymousAccount(Right):
    def __init__(self) -> None:
        self.user = User()


class RenamesTheAccountEachTime(Right):
    async def get_user(self, login: str) -> Any:
        response, user, message = await super().get_user(login)
        return response, user and User(f"{login}-{time.monotonic_ns()}"), message


class KeepsTheLastNameOnly(Right):
    last = ""

    async def get_user(self, login: str) -> Any:
        self.last = login
        return await super().get_user(login)

    async def authenticate(self, user: User, password: str) -> Any:
        return self.last == LOGIN and password == PASSWORD


class RaisesForWrongPasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        if password != PASSWORD:
            raise PermissionError("wrong password")
        return True


class AnswersNothingForWrongPasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return True if password == PASSWORD else None


class TrimsPasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password.strip() == PASSWORD.strip()


class TakesPasswordsInAnyCase(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password.lower() == PASSWORD.lower()


class CutsLongPasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password[: len(PASSWORD)] == PASSWORD


class TakesEmptyPasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password in ("", PASSWORD)


class CannotEncodePasswords(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password.encode() == PASSWORD.encode()


class DropsWhatIsNoText(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return password.encode("utf-8", "ignore") == PASSWORD.encode()


class TakesEveryPassword(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return True


class TakesNoPassword(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return False


class LocksAfterOneWrongPassword(Right):
    locked = False

    async def authenticate(self, user: User, password: str) -> Any:
        self.locked = self.locked or password != PASSWORD
        return not self.locked


class AllowsOneLoginEver(Right):
    used = False

    async def authenticate(self, user: User, password: str) -> Any:
        used, self.used = self.used, password == PASSWORD
        return password == PASSWORD and not used


class MixesAnswersUp(Right):
    latest = ""

    async def authenticate(self, user: User, password: str) -> Any:
        from twisted.internet import reactor

        self.latest = password
        clock: Any = reactor
        await deferLater(clock, 0)
        return self.latest == PASSWORD


class BlocksTheReactor(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        time.sleep(0.005)
        return password == PASSWORD


class NeverAnswers(Right):
    async def authenticate(self, user: User, password: str) -> Any:
        return await Deferred[bool]()


class HangsAfterOneWasGivenUp(Right):
    def __init__(self) -> None:
        super().__init__()
        self._turn: Deferred[None] = succeed(None)

    async def authenticate(self, user: User, password: str) -> Any:
        from twisted.internet import reactor

        before, self._turn = self._turn, Deferred()
        await before
        clock: Any = reactor
        await deferLater(clock, 0)
        self._turn.callback(None)
        return password == PASSWORD


class FailsAtTheEndOfALogin(Right):
    async def notify_logout(self, user: User) -> None:
        raise RuntimeError("nobody is logged in")


class RemovesTheAccountAtTheEnd(Right):
    async def notify_logout(self, user: User) -> None:
        self.user = User("gone")

    async def authenticate(self, user: User, password: str) -> Any:
        return user.login == LOGIN and password == PASSWORD


class ShowsThePassword(Right):
    def __repr__(self) -> str:
        return f"<manager of {LOGIN!r} {PASSWORD!r}>"


class LogsThePassword(Right):
    log = Logger()

    async def authenticate(self, user: User, password: str) -> Any:
        self.log.debug("{login} gives a password", login=user.login, given=password)
        return password == PASSWORD


class CannotRefuse(Right):
    async def refuse(self, password: str) -> None:
        raise NotImplementedError


class RefusesWithAnAnswer(Right):
    async def refuse(self, password: str) -> Any:
        return password == PASSWORD


#: Each wrong manager, and a test that must find it out.
WRONG: list[tuple[type[Any], str]] = [
    (NotDeclared, "test_it_provides_the_interface"),
    (RaisesForUnknownNames, "test_an_unknown_name_is_an_answer"),
    (LetsEverybodyIn, "test_a_known_name_asks_for_its_password"),
    (InventsAccounts, "test_an_unknown_name_is_an_answer"),
    (ForgetsTheMessage, "test_a_known_name_asks_for_its_password"),
    (AnswersWithWords, "test_a_known_name_asks_for_its_password"),
    (AnswersAtOnce, "test_a_known_name_asks_for_its_password"),
    (TakesNamesInAnyCase, "test_names_are_taken_literally"),
    (TrimsNames, "test_names_are_taken_literally"),
    (HandsOutTheAnonymousAccount, "test_the_user_can_be_used"),
    (RenamesTheAccountEachTime, "test_an_account_keeps_its_login"),
    (KeepsTheLastNameOnly, "test_sessions_do_not_mix"),
    (RaisesForWrongPasswords, "test_a_wrong_password_is_an_answer"),
    (AnswersNothingForWrongPasswords, "test_a_wrong_password_is_an_answer"),
    (TrimsPasswords, "test_passwords_are_taken_literally"),
    (TakesPasswordsInAnyCase, "test_passwords_are_taken_literally"),
    (CutsLongPasswords, "test_passwords_are_taken_literally"),
    (TakesEmptyPasswords, "test_odd_passwords_are_wrong"),
    (CannotEncodePasswords, "test_odd_passwords_are_wrong"),
    (DropsWhatIsNoText, "test_passwords_are_taken_literally"),
    (TakesEveryPassword, "test_a_wrong_password_is_an_answer"),
    (TakesNoPassword, "test_the_right_password_is_right"),
    (LocksAfterOneWrongPassword, "test_a_right_password_follows_a_wrong_one"),
    (AllowsOneLoginEver, "test_an_account_logs_in_more_than_once"),
    (MixesAnswersUp, "test_logins_may_run_at_the_same_time"),
    (BlocksTheReactor, "test_the_reactor_goes_on"),
    (NeverAnswers, "test_the_right_password_is_right"),
    (HangsAfterOneWasGivenUp, "test_a_login_may_be_given_up"),
    (FailsAtTheEndOfALogin, "test_the_end_of_a_login_is_harmless"),
    (RemovesTheAccountAtTheEnd, "test_the_end_of_a_login_is_harmless"),
    (ShowsThePassword, "test_no_password_is_shown"),
    (LogsThePassword, "test_no_password_is_shown"),
    (CannotRefuse, "test_refusals_may_be_slow"),
    (RefusesWithAnAnswer, "test_refusals_may_be_slow"),
]


def failures_of(kind: type[Any], **attributes: object) -> set[str]:
    """Return the names of the tests that *kind* does not pass."""

    class Tests(UserManagerContract, TestCase):
        def make_user_manager(self) -> Any:
            return kind()

    for name, value in attributes.items():
        setattr(Tests, name, value)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Tests).run(result)
    assert result.testsRun > 20, "the contract was not run"
    return {test.id().rsplit(".", 1)[-1] for test, _ in [*result.failures, *result.errors]}


class UserManagerContractTests(SynchronousTestCase):
    def test_a_right_manager_passes(self) -> None:
        """The manager that the wrong ones are made of passes every test."""
        self.assertEqual(failures_of(Right), set())

    def test_a_wrong_manager_does_not_pass(self) -> None:
        """Each manager that breaks a promise is found out by the test of that promise."""
        for kind, expected in WRONG:
            # A block of 5 ms is found by a bound below it; nothing but a block is measured.
            tight = {"longest_block": 0.02} if kind is BlocksTheReactor else {}
            patience = {"patience": 0.05} if kind in (NeverAnswers, HangsAfterOneWasGivenUp) else {}
            self.assertIn(expected, failures_of(kind, **tight, **patience), kind.__name__)

    def test_it_asks_for_a_manager(self) -> None:
        """A test that does not say how to make a manager is told so."""
        self.assertRaises(NotImplementedError, UserManagerContract().make_user_manager)
