# -*- test-case-name: tests.test_limits -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Counters with bounds: sessions in all, of an address, of a login.
"""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["AvailableConnections", "KeyedConnections"]


class AvailableConnections:
    """
    A number of places, each of which one session takes; also a context manager that takes one for its block.

    :param value: how many; ``None`` is without a bound.
    :raises ValueError: on a negative number.
    """

    def __init__(self, value: int | None = None) -> None:
        if value is not None and value < 0:
            raise ValueError(f"a number of connections is not negative: {value}")
        self.maximum = value
        self.taken = 0

    def locked(self) -> bool:
        """Tell whether no place is left."""
        return self.maximum is not None and self.taken >= self.maximum

    def acquire(self) -> None:
        """
        Take a place; it never waits.

        :raises ValueError: when none is left; the counter stays as it is.
        """
        if self.locked():
            raise ValueError("no connection is available")
        self.taken += 1

    def release(self) -> None:
        """
        Give a place back.

        :raises ValueError: when none is taken; the counter stays as it is.
        """
        if not self.taken:
            raise ValueError("no connection was acquired")
        self.taken -= 1

    def __enter__(self) -> AvailableConnections:
        self.acquire()
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()


class KeyedConnections:
    """
    One counter a key (an address, a login); a key whose places are all given back is forgotten.

    It holds at most one entry for each session that lives, so the bound on those bounds it.

    :param maximum: places for each key unless a call says otherwise; ``None`` is without a bound.
    """

    def __init__(self, maximum: int | None = None) -> None:
        self.maximum = maximum
        self._taken: dict[Hashable, int] = {}

    def taken(self, key: Hashable) -> int:
        """Return how many places *key* has taken."""
        return self._taken.get(key, 0)

    def locked(self, key: Hashable, maximum: int | None = None) -> bool:
        """
        Tell whether no place is left for *key*.

        :param maximum: a bound for this key in place of the common one.
        """
        bound = self.maximum if maximum is None else maximum
        return bound is not None and self.taken(key) >= bound

    def acquire(self, key: Hashable, maximum: int | None = None) -> None:
        """
        Take a place.

        :raises ValueError: when none is left; the counter stays as it is.
        """
        if self.locked(key, maximum):
            raise ValueError(f"no connection is available for {key}")
        self._taken[key] = self.taken(key) + 1

    def release(self, key: Hashable) -> None:
        """
        Give a place back.

        :raises ValueError: when *key* has taken none.
        """
        if not self.taken(key):
            raise ValueError(f"no connection was acquired for {key}")
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]

    def __len__(self) -> int:
        return len(self._taken)
