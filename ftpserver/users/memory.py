# -*- test-case-name: tests.test_memory_user_manager -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts in a list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger
from zope.interface import implementer

from ..awaiting import begin
from ..core.users import ANONYMOUS_NAMES, User
from ..interfaces import GetUserResponse, IRefusesSlowly, IRequiresTLS
from .manager import AbstractUserManager
from .passwords import PasswordHashes, check_stored, is_hash

__all__ = ["MemoryUserManager"]

T = TypeVar("T")


@implementer(IRefusesSlowly, IRequiresTLS)
class MemoryUserManager(AbstractUserManager):
    """
    The accounts of a list.

    Where any of them has a hash, every refusal costs one verification of a hash, so that the time tells nothing: an
    unknown name and a wrong password in clear take what the first hash of the list takes.

    :param users: at most one without a login, the anonymous account, which has no password either: it takes any.
    :param timeout: seconds for :meth:`authenticate`, after which it answers no; ``None`` is without a bound.
    :param reactor: the reactor; by default the one that is installed.
    :param hashes: verifies the passwords; managers may share one, and so its bound on threads.
    :raises ValueError: if two accounts have one login, the anonymous one has a password, or a hash is malformed.
    """

    log = Logger()

    def __init__(
        self,
        users: Iterable[User],
        timeout: float | None = None,
        *,
        reactor: Any = None,
        hashes: PasswordHashes | None = None,
    ) -> None:
        super().__init__(timeout)
        self._users: dict[str | None, User] = {}
        for user in users:
            self._add(user)
        self._reactor = reactor if reactor is not None else _installed_reactor()
        self._hashes = hashes or PasswordHashes(self._reactor)
        stored = (user.password for user in self._users.values())
        self._first_hash = next(filter(is_hash, stored), None)
        self._requires_tls = any(user.tls_required != "none" for user in self._users.values())

    def _add(self, user: User) -> None:
        if user.login in self._users:
            raise ValueError(f"there are two users of {user!r}")
        if user.is_anonymous and user.password is not None:
            raise ValueError("the anonymous account takes any password: leave its password out, or give it a login")
        try:
            check_stored(user.password)
        except ValueError as error:
            raise ValueError(f"the password of {user!r} cannot be used: {error}") from error
        self._users[user.login] = user

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
        return bool(await self._in_time(self._check(user, password)))

    async def _check(self, user: User, password: str) -> bool:
        matches = await self._hashes.verify(user.password, password)
        if not matches and not is_hash(user.password):
            await self._refuse(password)
        return matches

    def requires_tls(self) -> bool:
        """See :meth:`IRequiresTLS.requires_tls`."""
        return self._requires_tls

    async def refuse(self, password: str) -> None:
        """See :meth:`IRefusesSlowly.refuse`."""
        await self._in_time(self._refuse(password))

    async def _refuse(self, password: str) -> None:
        if self._first_hash is not None:
            await self._hashes.refuse(password, self._first_hash)

    async def _in_time(self, checking: Awaitable[T]) -> T | None:
        waiting = begin(checking)
        if not isinstance(waiting, Deferred):
            # A password in clear is compared at once: 3 us instead of 5, or of 17 where there is a bound.
            return waiting
        if self.timeout is not None:
            waiting.addTimeout(self.timeout, self._reactor)
        try:
            return await waiting
        except DeferredTimeout:
            self.log.warn("a password could not be checked within {timeout} seconds", timeout=self.timeout)
            return None


def _installed_reactor() -> Any:
    # Imported on use: importing it at the top would install the default reactor.
    from twisted.internet import reactor

    return reactor
