# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.users.manager.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from ftpserver.awaiting import as_deferred
from ftpserver.core.users import User
from ftpserver.interfaces import GetUserResponse, IUserManager
from ftpserver.users.manager import AbstractUserManager


class OneUserManager(AbstractUserManager):
    """A manager as a user of the library writes it: a coroutine here, a Deferred there."""

    async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
        return self.GetUserResponse.PASSWORD_REQUIRED, User(login), ""

    def authenticate(self, user: User, password: str) -> Deferred[bool]:
        return succeed(password == "right")


class AbstractUserManagerTests(SynchronousTestCase):
    def test_it_is_a_user_manager(self) -> None:
        """A subclass provides IUserManager without saying so."""
        self.assertTrue(verifyClass(IUserManager, OneUserManager))
        self.assertTrue(IUserManager.providedBy(OneUserManager()))

    def test_it_cannot_be_used_itself(self) -> None:
        """The base class decides about no login, so it cannot be instantiated."""
        base: type[Any] = AbstractUserManager
        error = self.assertRaises(TypeError, base)
        self.assertIn("get_user", str(error))
        self.assertIn("authenticate", str(error))

    def test_the_answers_are_at_hand(self) -> None:
        """The answers of get_user are an attribute, as in the seed API."""
        self.assertIs(AbstractUserManager.GetUserResponse, GetUserResponse)
        self.assertEqual(
            [(one.name, one.value) for one in AbstractUserManager.GetUserResponse],
            [("OK", "ok"), ("PASSWORD_REQUIRED", "password_required"), ("ERROR", "error")],
        )

    def test_methods_may_be_coroutines_or_return_deferreds(self) -> None:
        """Both ways of writing a method are awaited alike."""
        manager = OneUserManager()
        _, user, _ = self.successResultOf(as_deferred(manager.get_user("alice")))
        assert user is not None
        self.assertTrue(self.successResultOf(as_deferred(manager.authenticate(user, "right"))))
        self.assertFalse(self.successResultOf(as_deferred(manager.authenticate(user, "wrong"))))

    def test_the_end_of_a_login_asks_for_nothing(self) -> None:
        """A manager that does not care about the end of logins leaves notify_logout out."""
        self.assertIsNone(self.successResultOf(as_deferred(OneUserManager().notify_logout(User("alice")))))

    def test_the_timeout_is_kept(self) -> None:
        """The timeout is an attribute for those that use it, and there is none by default."""
        self.assertIsNone(OneUserManager().timeout)
        self.assertEqual(OneUserManager(2.5).timeout, 2.5)
        self.assertEqual(OneUserManager(timeout=2.5).timeout, 2.5)
