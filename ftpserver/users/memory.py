# -*- test-case-name: tests.test_memory_user_manager -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts in a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ..awaiting import as_deferred
from ..core.users import ANONYMOUS_NAMES, User
from ..interfaces import GetUserResponse, IRefusesSlowly
from .manager import AbstractUserManager
from .passwords import PasswordHashes, is_hash

__all__ = ["MemoryUserManager"]


@implementer(IRefusesSlowly)
class MemoryUserManager(AbstractUserManager):
    """
    The accounts of a list.

    Where any of them has a hash, every refusal costs one verification of a hash, so that the time tells nothing.

    :param users: at most one without a login, the anonymous account.
    :param timeout: seconds for :meth:`authenticate`, after which it answers no; ``None`` is without a bound.
    :param reactor: the reactor; by default the one that is installed.
    :raises ValueError: if two accounts have one login.
    """

    log = Logger()

    def __init__(self, users: Iterable[User], timeout: float | None = None, *, reactor: Any = None) -> None:
        super().__init__(timeout)
        self._users: dict[str | None, User] = {}
        for user in users:
            if user.login in self._users:
                raise ValueError(f"two users have the login {user.login!r}")
            self._users[user.login] = user
        self._reactor = reactor if reactor is not None else _installed_reactor()
        self._hashes = PasswordHashes(self._reactor)
        self._has_hashes = any(is_hash(user.password) for user in self._users.values())

    async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
        """See :meth:`IUserManager.get_user`."""
        user = self._users.get(login)
        if user is None and login.lower() in ANONYMOUS_NAMES:
            user = self._users.get(None)
        if user is None:
            return GetUserResponse.ERROR, None, "unknown user"
        if user.password is None and not user.is_anonymous:
            return GetUserResponse.OK, user, ""
        return GetUserResponse.PASSWORD_REQUIRED, user, ""

    async def authenticate(self, user: User, password: str) -> bool:
        """See :meth:`IUserManager.authenticate`; the anonymous account takes any password (RFC 1635)."""
        if user.is_anonymous:
            return True
        checking: Deferred[bool] = as_deferred(self._check(user, password))
        if self.timeout is not None:
            checking.addTimeout(self.timeout, _clock(self._reactor))
        try:
            return await checking
        except DeferredTimeout:
            self.log.warn("the password of {login} could not be checked in time", login=user.login)
            return False

    async def _check(self, user: User, password: str) -> bool:
        matches = await self._hashes.verify(user.password, password)
        if not matches and not is_hash(user.password):
            await self.refuse(password)
        return matches

    async def refuse(self, password: str) -> None:
        """See :meth:`IRefusesSlowly.refuse`."""
        if self._has_hashes:
            await self._hashes.refuse(password)

    async def stop(self) -> None:
        """End the threads that verify hashes; called when the server stops."""
        await self._hashes.stop()


def _clock(reactor: Any) -> IReactorTime:
    clock: IReactorTime = reactor
    return clock


def _installed_reactor() -> Any:
    # Imported on use: importing it at the top would install the default reactor.
    from twisted.internet import reactor

    return reactor
