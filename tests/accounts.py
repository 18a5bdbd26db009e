# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts that a test answers for.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftpserver import User
from ftpserver.interfaces import GetUserResponse, IRefusesSlowly, IUserManager

__all__ = ["Accounts"]


@implementer(IUserManager, IRefusesSlowly)
class Accounts:
    """
    Accounts that a test answers for.

    :ivar found: what ``get_user`` answers for each login; whatever is missing is unknown.
    :ivar answer: what ``authenticate`` answers; a Deferred, an exception to raise, or whether the password is right.
    """

    def __init__(self, answer: Any = True, **found: Any) -> None:
        self.found = found or {"user": (GetUserResponse.PASSWORD_REQUIRED, User("user", "password"), "")}
        self.answer = answer
        self.calls: list[tuple[str, str]] = []

    async def get_user(self, login: str) -> Any:
        """Answer what the test has laid out."""
        self.calls.append(("get_user", login))
        answer = self.found.get(login, (GetUserResponse.ERROR, None, "never heard of"))
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer

    async def authenticate(self, user: User, password: str) -> Any:
        """Answer what the test has laid out."""
        self.calls.append(("authenticate", password))
        if isinstance(self.answer, Exception):
            raise self.answer
        return await self.answer if isinstance(self.answer, Deferred) else self.answer

    async def refuse(self, password: str) -> None:
        """Take note."""
        self.calls.append(("refuse", password))

    async def notify_logout(self, user: User) -> None:
        """Take note."""
        self.calls.append(("notify_logout", str(user.login)))

    @property
    def logouts(self) -> int:
        """How many logins have ended."""
        return self.calls.count(("notify_logout", "user"))
