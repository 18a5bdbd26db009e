# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts whose manager raises, refuses, is slow or never answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from ftpserver.core.users import User
from ftpserver.interfaces import GetUserResponse, IUserManager

from .chance import InjectedFailure
from .reactor import SimulatedReactor

__all__ = ["PASSWORD", "SimulatedUsers"]

#: Of every account.
PASSWORD = "the password"


@implementer(IUserManager)
class SimulatedUsers:
    """
    The accounts of one run.

    :param spared: logins that nothing ever happens to.
    :ivar logged_in: how many logins of each account have begun and not ended.
    """

    def __init__(self, reactor: SimulatedReactor, users: Iterable[User], spared: frozenset[str]) -> None:
        self._reactor = reactor
        self._users = {str(user.login): user for user in users}
        self._spared = spared
        self.logged_in: Counter[str] = Counter()

    async def _trouble(self, login: str) -> None:
        chance, spared = self._reactor.chance, login in self._spared
        if chance.strikes("users are slow", login, spared=spared):
            await deferLater(self._reactor, chance.random.random() * 20)
        if chance.strikes("users hang", login, spared=spared):
            await Deferred()
        if chance.strikes("users raise", login, spared=spared):
            raise InjectedFailure("the accounts")

    async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
        """See :class:`IUserManager`."""
        await self._trouble(login)
        user = self._users.get(login)
        if user is None:
            return GetUserResponse.ERROR, None, "unknown"
        return GetUserResponse.PASSWORD_REQUIRED, user, ""

    async def authenticate(self, user: User, password: str) -> bool:
        """See :class:`IUserManager`."""
        login = str(user.login)
        await self._trouble(login)
        if password != PASSWORD or self._reactor.chance.strikes("users refuse", login, spared=login in self._spared):
            return False
        self.logged_in[login] += 1
        return True

    async def notify_logout(self, user: User) -> None:
        """See :class:`IUserManager`."""
        login = str(user.login)
        chance, spared = self._reactor.chance, login in self._spared
        self.logged_in[login] -= 1
        if chance.strikes("logout raises", login, spared=spared):
            raise InjectedFailure("the end of a login")
        if chance.strikes("logout hangs", login, spared=spared):
            await Deferred()
