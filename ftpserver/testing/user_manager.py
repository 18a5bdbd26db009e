# -*- test-case-name: tests.test_user_manager_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What every user manager must do, as tests that the author of one inherits.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from ..awaiting import as_deferred
from ..core.users import Permission, User
from ..interfaces import GetUserResponse, IRefusesSlowly, IUserManager

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _Base
else:
    # A mixin: as a TestCase it would be collected, and run, wherever it is imported.
    _Base = object

__all__ = ["UserManagerContract"]

T = TypeVar("T")

#: Logins and passwords that nobody has, with everything in them that clients send to try a server.
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\udcff\udc80",
    "\x1b[2J",
    "é\u202e\U0001f600",
    "' OR '1'='1",
    "*)(uid=*",
    "%s{0}${x}",
    "../../etc/passwd",
    "x" * 10_000,
)

#: Logins that run at the same time.
SIMULTANEOUS = 8

#: Rounds of which the quietest counts, so that a busy machine does not fail a manager that is right.
ROUNDS = 5


class UserManagerContract(_Base):
    """
    Tests of everything that :class:`~ftpserver.interfaces.IUserManager` promises; a mixin.

    .. code-block:: python

        class MyManagerTests(UserManagerContract, twisted.trial.unittest.TestCase):
            def make_user_manager(self):
                return MyManager({self.login: self.password})

    :cvar login: an account with a password.
    :cvar password: its password; best with blanks at both ends and letters of both cases.
    :cvar wrong_password: any other.
    :cvar unknown_login: a name that no account has.
    :cvar passwordless_login: an account that needs no password, where there is one.
    :cvar has_case_sensitive_logins: whether ``Alice`` and ``alice`` are two names.
    :cvar patience: seconds within which every answer comes.
    :cvar longest_block: seconds that eight logins at the same time may hold the reactor up, all together.
    """

    login: str = "alice"
    password: str = " Sécret horse "  # noqa: S105 - of an account that exists in tests only
    wrong_password: str = "Wr0ng battery"  # noqa: S105 - likewise
    unknown_login: str = "nobody"
    passwordless_login: str | None = None
    has_case_sensitive_logins: bool = True
    patience: float = 30.0
    longest_block: float = 0.25

    def make_user_manager(self) -> Any:
        """Return a new manager, or a coroutine or Deferred of one, that has the accounts of the attributes."""
        raise NotImplementedError("a test of a user manager says how to make one")

    # How the tests ask.

    async def _manager(self) -> Any:
        made = self.make_user_manager()
        return await self._answer(made) if inspect.isawaitable(made) else made

    async def _answer(self, awaitable: Awaitable[T]) -> T:
        self.assertTrue(inspect.isawaitable(awaitable), f"neither a coroutine nor a Deferred: {type(awaitable)}")
        answer = as_deferred(awaitable)
        if not answer.called:
            answer.addTimeout(self.patience, _reactor(), self._too_late)
        return await answer

    def _too_late(self, result: object, seconds: float) -> object:
        raise self.failureException(f"there was no answer within {seconds} seconds")

    async def _answers(self, awaitables: Sequence[Awaitable[T]]) -> list[T]:
        return await self._answer(gatherResults([as_deferred(one) for one in awaitables], consumeErrors=True))

    async def _find(self, manager: Any, login: str) -> tuple[GetUserResponse, User | None, str]:
        found = await self._answer(manager.get_user(login))
        self.assertIsInstance(found, tuple)
        self.assertEqual(len(found), 3, "get_user answers (response, user, message)")
        response, user, message = found
        self.assertIsInstance(response, GetUserResponse)
        self.assertIsInstance(message, str)
        return response, user, message

    async def _user(self, manager: Any, login: str | None = None) -> User:
        _, user, _ = await self._find(manager, self.login if login is None else login)
        assert isinstance(user, User), "no account, or something else than a User"
        return user

    async def _ask(self, manager: Any, user: User, password: str) -> bool:
        answer = await self._answer(manager.authenticate(user, password))
        self.assertIsInstance(answer, bool, "authenticate answers True or False")
        return bool(answer)

    async def _assert_unknown(self, manager: Any, login: str) -> None:
        response, user, _ = await self._find(manager, login)
        self.assertEqual((response, user), (GetUserResponse.ERROR, None), repr(login))

    async def _assert_refused(self, manager: Any, user: User, password: str) -> None:
        self.assertIs(await self._ask(manager, user, password), False, repr(password))

    async def _assert_right(self, manager: Any, user: User) -> None:
        self.assertIs(await self._ask(manager, user, self.password), True, "the right password is refused")

    # Accounts.

    async def test_it_provides_the_interface(self) -> None:
        """The manager declares and has the methods of IUserManager."""
        manager = await self._manager()
        self.assertTrue(verifyObject(IUserManager, manager))

    async def test_a_known_name_asks_for_its_password(self) -> None:
        """An account with a password is found, and PASS decides."""
        response, user, _ = await self._find(await self._manager(), self.login)
        self.assertIs(response, GetUserResponse.PASSWORD_REQUIRED)
        self.assertIsInstance(user, User)

    async def test_a_passwordless_account_is_in_at_once(self) -> None:
        """An account that needs no password is answered with OK."""
        if self.passwordless_login is None:
            raise SkipTest("does not apply: the manager has no account without a password")
        response, user, _ = await self._find(await self._manager(), self.passwordless_login)
        self.assertIs(response, GetUserResponse.OK)
        self.assertIsInstance(user, User)

    async def test_an_unknown_name_is_an_answer(self) -> None:
        """A name that no account has is answered with ERROR and no user; nothing is raised."""
        await self._assert_unknown(await self._manager(), self.unknown_login)

    async def test_odd_names_are_unknown(self) -> None:
        """Whatever a client calls itself, it is an unknown name and no error."""
        manager = await self._manager()
        for login in ODD_TEXTS:
            await self._assert_unknown(manager, login)

    async def test_names_are_taken_literally(self) -> None:
        """A name with a blank more, or in another case, is another name."""
        manager = await self._manager()
        await self._assert_unknown(manager, self.login + " ")
        await self._assert_unknown(manager, " " + self.login)
        if self.has_case_sensitive_logins:
            await self._assert_unknown(manager, self.login.swapcase())

    async def test_the_user_can_be_used(self) -> None:
        """The account has what the server asks for: a login of its own, paths, permissions and limits."""
        user = await self._user(await self._manager())
        self.assertTrue(user.login, "a user without a login is the anonymous account")
        self.assertIsInstance(user.base_path, Path)
        self.assertIsInstance(user.home_path, PurePosixPath)
        self.assertTrue(user.home_path.is_absolute())
        self.assertIsInstance(await self._answer(user.get_permissions(user.home_path)), Permission)
        for limit in ("maximum_connections", "read_speed_limit", "write_speed_limit"):
            value = getattr(user, limit)
            self.assertTrue(value is None or value > 0, limit)

    async def test_an_account_keeps_its_login(self) -> None:
        """Each look-up of a name gives the same login, by which the limits of an account are shared."""
        manager = await self._manager()
        first, second = await self._user(manager), await self._user(manager)
        self.assertEqual(first.login, second.login)

    # Passwords.

    async def test_the_right_password_is_right(self) -> None:
        """The password of the account logs it in."""
        manager = await self._manager()
        await self._assert_right(manager, await self._user(manager))

    async def test_a_wrong_password_is_an_answer(self) -> None:
        """A wrong password is answered with False; nothing is raised."""
        manager = await self._manager()
        await self._assert_refused(manager, await self._user(manager), self.wrong_password)

    async def test_odd_passwords_are_wrong(self) -> None:
        """Whatever a client gives for a password, also nothing at all or no text, it is wrong and no error."""
        manager = await self._manager()
        user = await self._user(manager)
        for password in ODD_TEXTS:
            await self._assert_refused(manager, user, password)

    async def test_passwords_are_taken_literally(self) -> None:
        """Blanks, case, length and octets that are no text count."""
        manager = await self._manager()
        user = await self._user(manager)
        right = self.password
        changed = {right.strip(), right + " ", " " + right, right.swapcase(), right + "x", right[:-1], right + "\udcff"}
        for password in changed - {right}:
            await self._assert_refused(manager, user, password)

    async def test_a_right_password_follows_a_wrong_one(self) -> None:
        """A typing error costs nothing but itself."""
        manager = await self._manager()
        user = await self._user(manager)
        await self._assert_refused(manager, user, self.wrong_password)
        await self._assert_right(manager, user)

    async def test_an_account_logs_in_more_than_once(self) -> None:
        """A second session of the same account is as good as the first."""
        manager = await self._manager()
        for _ in range(2):
            await self._assert_right(manager, await self._user(manager))

    async def test_refusals_may_be_slow(self) -> None:
        """A manager that refuses unknown names slowly does so without a result and for any password."""
        manager = await self._manager()
        if not IRefusesSlowly.providedBy(manager):
            raise SkipTest("does not apply: the manager does not provide IRefusesSlowly")
        self.assertTrue(verifyObject(IRefusesSlowly, manager))
        for password in (self.password, self.wrong_password, *ODD_TEXTS):
            self.assertIsNone(await self._answer(manager.refuse(password)))

    # Several sessions.

    async def test_sessions_do_not_mix(self) -> None:
        """Between USER and PASS of one session, another may ask for another name."""
        manager = await self._manager()
        user = await self._user(manager)
        await self._assert_unknown(manager, self.unknown_login)
        await self._assert_right(manager, user)

    async def test_logins_may_run_at_the_same_time(self) -> None:
        """Each of several logins at the same time gets the answer to its own password."""
        manager = await self._manager()
        users = await self._answers([self._user(manager) for _ in range(SIMULTANEOUS)])
        passwords = [self.password, self.wrong_password] * (SIMULTANEOUS // 2)
        answers = await self._answers(
            [manager.authenticate(user, password) for user, password in zip(users, passwords, strict=True)]
        )
        self.assertEqual(answers, [password == self.password for password in passwords])

    async def test_the_reactor_goes_on(self) -> None:
        """While passwords are checked, the other sessions are served."""
        manager = await self._manager()
        user = await self._user(manager)
        silences = []
        for _ in range(ROUNDS):
            silences.append(await self._longest_silence(manager, user))
            if silences[-1] < self.longest_block:
                return
        self.fail(f"{SIMULTANEOUS} logins held the reactor up for {min(silences):.2f} s: check passwords in a thread")

    async def _longest_silence(self, manager: Any, user: User) -> float:
        beats: list[float] = []
        heart = LoopingCall(lambda: beats.append(time.perf_counter()))
        heart.clock = _reactor()
        stopped = heart.start(0)
        try:
            await self._answers([manager.authenticate(user, self.wrong_password) for _ in range(SIMULTANEOUS)])
        finally:
            heart.stop()
        await stopped
        beats.append(time.perf_counter())
        return max(later - earlier for earlier, later in pairwise(beats))

    async def test_a_login_may_be_given_up(self) -> None:
        """A session that ends during its login leaves the next one undisturbed."""
        manager = await self._manager()
        user = await self._user(manager)
        given_up: Deferred[Any] = as_deferred(manager.authenticate(user, self.password))
        given_up.addErrback(lambda failure: failure.trap(CancelledError))
        given_up.cancel()
        await self._answer(given_up)
        await self._assert_right(manager, user)

    async def test_the_end_of_a_login_is_harmless(self) -> None:
        """The manager hears of the end of each login, and the account can log in again."""
        manager = await self._manager()
        user = await self._user(manager)
        for _ in range(2):
            await self._assert_right(manager, user)
        for _ in range(2):
            await self._answer(manager.notify_logout(user))
        await self._assert_right(manager, await self._user(manager))

    # Secrets.

    async def test_no_password_is_shown(self) -> None:
        """Neither a representation nor the log repeats a password that is stored or was given."""
        with capturedLogs() as events:
            manager = await self._manager()
            found = await self._find(manager, self.login)
            user = await self._user(manager)
            shown = [repr(manager), str(manager), repr(found), repr(user), str(user), found[2]]
            await self._ask(manager, user, self.wrong_password)
            await self._ask(manager, user, self.password)
            await self._answer(manager.notify_logout(user))
            shown += [repr(manager), repr(user)]
        shown += [eventAsText(event) + repr(event) for event in events]
        for secret in (self.password.strip(), self.wrong_password):
            self.assertEqual([text for text in shown if secret in text], [])


def _reactor() -> Any:
    # Imported on use: importing it at the top would install the default reactor.
    from twisted.internet import reactor

    return reactor
