# -*- test-case-name: tests.test_speed_limits -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which speed limits a session is under: those of the server, of the account, and of each of their connections.
"""

from __future__ import annotations

from .throttle import Throttle, TokenBucket
from .users import User

__all__ = ["SpeedLimits"]


class SpeedLimits:
    """
    The limits of one direction of a server; ``None`` is without a limit.

    It holds one bucket for each account that is logged in, and is to be told when none is any more.

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
        self._accounts: dict[str | None, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def throttle(self, user: User) -> Throttle:
        """Return what a session of *user* is to pass."""
        buckets = [
            *self._shared,
            *_bucket(self._per_connection),
            *_bucket(getattr(user, self._of_account_per_connection)),
        ]
        rate = getattr(user, self._of_account)
        if rate is not None:
            bucket = self._accounts.setdefault(user.login, TokenBucket(rate))
            bucket.rate = rate
            buckets.append(bucket)
        return Throttle(buckets)

    def forget(self, user: User) -> None:
        """Forget the limit of an account that nobody is logged in under any more."""
        self._accounts.pop(user.login, None)


def _bucket(rate: float | None) -> list[TokenBucket]:
    return [] if rate is None else [TokenBucket(rate)]
