# -*- test-case-name: tests.test_trust -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
For whom it does not matter under which spelling of a name something was found.
"""

from __future__ import annotations

from typing import Any

from ..core.paths import ROOT
from ..core.users import User

__all__ = ["Trust", "trust_nobody"]

_DECIDING = ("get_permissions", "permission_for", "permissions_below")


def trust_nobody() -> bool:
    """Compare whatever was reached with what was asked for."""
    return False


class Trust:
    """
    Tells, at each call, whether the permissions of an account are the same at every path.

    :param user: the account; only where it decides as :class:`~ftpserver.User` does can that be told.
    """

    __slots__ = ("_known", "_user")

    def __init__(self, user: Any) -> None:
        self._user = user
        self._known = list(user.permissions) if _is_uniform(user) else None

    def __call__(self) -> bool:
        """Tell whether no rule is about a path below the root."""
        # An account may get a rule while it is logged in. To compare with what was there costs 0.06 us, to ask what is
        # below the root 0.8; and where a permission lies never changes.
        return self._known is not None and bool(self._user.permissions == self._known)


def _is_uniform(user: Any) -> bool:
    methods = ((getattr(user, name, None), getattr(User, name)) for name in _DECIDING)
    return all(getattr(own, "__func__", None) is usual for own, usual in methods) and not user.permissions_below(ROOT)
