# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What happens by chance in a simulation: one seed decides all of it, and everything is noted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

__all__ = ["FAULTS", "Chance", "InjectedFailure", "failure"]

Choice = TypeVar("Choice")

#: Every kind of fault, and how likely it is where it could happen and the seed has chosen it.
FAULTS = {
    # The network.
    "short count": 0.3,
    "not ready after all": 0.1,
    "reset": 0.25,
    "half-open": 0.12,
    "cut under TLS": 0.25,
    "call refused": 0.2,
    "call unanswered": 0.1,
    "stranger": 0.3,
    # Descriptors.
    "accept: EMFILE": 0.15,
    "accept: ECONNABORTED": 0.2,
    "socket: EMFILE": 0.1,
    "pipe: EMFILE": 0.3,
    "open: EMFILE": 0.1,
    "small pipe": 0.5,
    # The kernel paths.
    "sendfile: EINVAL": 0.25,
    "sendfile: ENOMEM": 0.4,
    "splice in: EINVAL": 0.25,
    "splice out: EINVAL": 0.25,
    "splice out: EAGAIN": 0.4,
    "read pipe: EIO": 0.6,
    "not in memory": 0.3,
    "epoll: EMFILE": 0.3,
    "epoll: ENOSPC": 0.2,
    "epoll: nothing": 0.1,
    "epoll: something else": 0.1,
    "cannot tell": 0.5,
    # The disk.
    "full": 0.4,
    "quota": 0.4,
    "bad read": 0.25,
    "bad write": 0.25,
    "file shrinks": 0.25,
    "close fails": 0.2,
    "publishing fails": 0.15,
    "flush fails": 0.25,
    "no unnamed files": 0.5,
    "slow store": 0.1,
    "hung store": 0.02,
    "failing store": 0.05,
    "slow thread": 0.2,
    "hung thread": 0.1,
    "slow call": 0.1,
    # Accounts.
    "users raise": 0.1,
    "users hang": 0.05,
    "users are slow": 0.2,
    "users refuse": 0.1,
    "logout raises": 0.3,
    "logout hangs": 0.1,
    "store close hangs": 0.1,
    "store close raises": 0.2,
}

#: How often those may happen in a run that take time, so that it ends.
AT_MOST = {"slow thread": 25, "slow store": 25, "users are slow": 25}

#: How likely a seed is to choose a kind; each has a few of them, so that they do not hide each other.
CHOSEN = 0.25


class InjectedFailure(Exception):
    """What a backend raises that fails in a way nobody has foreseen."""


def failure(number: int) -> OSError:
    """Return the error that the system raises with *number*."""
    return OSError(number, os.strerror(number))


def again() -> OSError:
    """Return the error of a socket that is not ready."""
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


class Chance:
    """
    The dice of one run, and its diary.

    :param seed: what decides.
    :ivar random: for everything that is no fault.
    :ivar kinds: the faults that this run has.
    :ivar counts: how often each happened.
    :ivar trace: what happened, in order.
    """

    def __init__(self, seed: int, clock: Callable[[], float]) -> None:
        self.random = Random(f"{seed}: what happens")
        self._clock = clock
        self.kinds = frozenset(kind for kind in FAULTS if self.random.random() < CHOSEN)
        if self.random.random() < 0.1:
            self.kinds = frozenset()
        self.counts: Counter[str] = Counter()
        self.trace: list[str] = []
        self.is_over = False

    def note(self, *words: object) -> None:
        """Write into the diary."""
        self.trace.append(f"{self._clock():.3f} " + " ".join(map(str, words)))

    def strikes(self, kind: str, where: str = "", *, spared: bool = False) -> bool:
        """
        Tell whether a fault happens now.

        :param where: for the diary.
        :param spared: whether who would suffer is to be left alone.
        """
        if spared or self.is_over or kind not in self.kinds or self.random.random() >= FAULTS[kind]:
            return False
        if self.counts[kind] >= AT_MOST.get(kind, sys.maxsize):
            return False
        self.counts[kind] += 1
        self.note("FAULT", kind, where)
        return True

    def happens(self, probability: float) -> bool:
        """Toss a coin."""
        return self.random.random() < probability

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Take one of *choices*."""
        return choices[self.random.randrange(len(choices))]

    def piece(self, amount: int) -> int:
        """Return a part of *amount*, at least one: often all, often next to nothing."""
        way = self.random.random()
        if way < 0.5 or amount <= 1:
            return amount
        if way < 0.7:
            return self.random.randint(1, min(amount, 4))
        return self.random.randint(1, amount)
