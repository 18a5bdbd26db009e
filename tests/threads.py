# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Threads that run when a test says so, in the thread of the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from twisted.internet.task import Clock

from ftpserver.users.passwords import PasswordHashes

__all__ = ["ManualThreads", "cheap_hash"]


class ManualThreads(Clock):
    """
    A clock with threads.

    :ivar started: what was started and has not run yet.
    :ivar total: how many were started ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Callable[[], None]] = []
        self.total = 0

    def start(self, function: Callable[[], None]) -> None:
        """Keep *function* until :meth:`run` or :meth:`run_one`."""
        self.started.append(function)
        self.total += 1

    def run_one(self) -> None:
        """Run what was started first."""
        self.started.pop(0)()

    def run(self) -> None:
        """Run everything, also what is started meanwhile."""
        while self.started:
            self.run_one()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call *function* at once."""
        function(*arguments)

    def hashes(self, threads: int = 2) -> PasswordHashes:
        """Return a verifier of passwords that uses these threads."""
        return PasswordHashes(self, threads, start=self.start)


def cheap_hash(password: str | bytes) -> str:
    """Return a hash of *password* that costs next to nothing."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
