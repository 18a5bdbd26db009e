# -*- test-case-name: tests.test_speed_limits -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which speed limits a session is under: those of the server, of the account, and of each of their connections.
"""

from __future__ import annotations

from typing import TypeVar

from .throttle import Throttle, TokenBucket
from .users import User

__all__ = ["SpeedLimits"]

K = TypeVar("K")


class SpeedLimits:
    """
    The limits of one direction of a server; ``None`` is without a limit.

    It holds one bucket for each account that is logged in, and is to be told when none is any more. What an account
    owes then it owes at its next login: a login for each piece would be a way around the limit.

    :param direction: ``read`` is uploads, ``write`` downloads; the limits of accounts have it in their names.
    :param shared: of all sessions together, octets per second.
    :param per_connection: of each session.
    """

    def __init__(self, direction: str, shared: float | None = None, per_connection: float | None = None) -> None:
        self._of_account = f"{direction}_speed_limit"
        self._of_account_per_connection = f"{direction}_speed_limit_per_connection"
        self._shared = _bucket(shared)
        # Made once more for each session; made here, a wrong one is told at once.
        _bucket(per_connection)
        self._per_connection = per_connection
        self._of_connection = f"{direction}_speed_limit of the server"
        self._accounts: dict[str | None, TokenBucket] = {}
        self._left: dict[str | None, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def throttle(self, user: User, own: dict[str, TokenBucket]) -> Throttle:
        """
        Return what a session of *user* is to pass.

        :param own: the buckets of its connection, for this and later logins on it; none at first.
        """
        buckets = list(self._shared)
        of_account_per_connection = getattr(user, self._of_account_per_connection)
        for name, rate in (
            (self._of_connection, self._per_connection),
            (self._of_account_per_connection, of_account_per_connection),
        ):
            if rate is not None:
                buckets.append(_kept(own, name, rate))
        rate = getattr(user, self._of_account)
        if rate is not None:
            if user.login in self._left:
                self._accounts[user.login] = self._left.pop(user.login)
            buckets.append(_kept(self._accounts, user.login, rate))
        return Throttle(buckets)

    def forget(self, user: User, now: float) -> None:
        """Forget the limit of an account that nobody is logged in under any more, once it owes nothing."""
        bucket = self._accounts.pop(user.login, None)
        if bucket is not None:
            self._left[user.login] = bucket
        self._left = {login: left for login, left in self._left.items() if not left.is_full(now)}


def _kept(buckets: dict[K, TokenBucket], key: K, rate: float) -> TokenBucket:
    """Return the bucket of *key*, with *rate* from now on."""
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = TokenBucket(rate)
    bucket.rate = rate
    return bucket


def _bucket(rate: float | None) -> list[TokenBucket]:
    return [] if rate is None else [TokenBucket(rate)]
