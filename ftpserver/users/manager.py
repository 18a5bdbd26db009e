# -*- test-case-name: tests.test_manager -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The base class of the seed API for where accounts come from.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable

from twisted.internet.defer import succeed
from zope.interface import implementer

from ..core.users import User
from ..interfaces import GetUserResponse as _GetUserResponse
from ..interfaces import IUserManager

__all__ = ["AbstractUserManager"]


@implementer(IUserManager)
class AbstractUserManager(abc.ABC):
    """
    A base for user managers; the three methods are those of :class:`~ftpserver.interfaces.IUserManager`.

    Each may be ``async def`` or return a Deferred.

    :param timeout: seconds for :meth:`authenticate`, for those who use it; ``None`` is without a bound.
    """

    GetUserResponse = _GetUserResponse

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout

    @abc.abstractmethod
    def get_user(self, login: str) -> Awaitable[tuple[_GetUserResponse, User | None, str]]:
        """See :meth:`IUserManager.get_user`."""

    @abc.abstractmethod
    def authenticate(self, user: User, password: str) -> Awaitable[bool]:
        """See :meth:`IUserManager.authenticate`."""

    def notify_logout(self, user: User) -> Awaitable[None]:
        """See :meth:`IUserManager.notify_logout`; most managers have nothing to do then."""
        return succeed(None)
