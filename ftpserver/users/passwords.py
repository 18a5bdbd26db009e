# -*- test-case-name: tests.test_passwords -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Comparing passwords: in constant time, and slow hashes in threads of their own.
"""

from __future__ import annotations

import hmac
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from ..core import replies
from ..errors import CommandRefused

__all__ = ["PasswordHashes", "hash_password", "is_hash"]

#: Verifications at a time. Each takes 64 MiB and tens of milliseconds of a core; more would starve the transfers.
THREADS = 2

#: Verifications that may wait; at about 20 a second the last one waits ten seconds.
MAXIMUM_WAITING = 200

BUSY = replies.reply(451, "Too many logins at a time, please try again later.")

_PREFIX = "$argon2"

#: Octets that are not UTF-8 stay as they are.
_ERRORS = "surrogateescape"


def is_hash(stored: str | None) -> bool:
    """Tell whether a stored password is an Argon2 hash."""
    return stored is not None and stored.startswith(_PREFIX)


def hash_password(password: str) -> str:
    """Return the Argon2id hash of *password*, as ``password_hash`` takes it."""
    return PasswordHasher().hash(password.encode("utf-8", _ERRORS))


class PasswordHashes:
    """
    Verifies passwords.

    :param reactor: provides IReactorFromThreads.
    :param threads: verifications at a time.
    """

    log = Logger()

    def __init__(self, reactor: Any, threads: int = THREADS) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name="ftpserver-passwords")
        self._hasher = PasswordHasher()
        self._waiting = 0
        self._decoy = ""

    async def verify(self, stored: str | None, given: str) -> bool:
        """
        Tell whether *given* is the password that is stored.

        :param stored: in clear or a hash; one that is missing or empty matches nothing.
        :raises CommandRefused: when too many wait already; answered 451.
        """
        if not stored:
            return False
        if not is_hash(stored):
            return hmac.compare_digest(stored.encode("utf-8", _ERRORS), given.encode("utf-8", _ERRORS))
        return bool(await self._in_thread(self._matches, stored, given))

    async def refuse(self, given: str) -> None:
        """Spend what the verification of a wrong password takes."""
        await self._in_thread(self._refuse, given)

    async def _in_thread(self, function: Any, *arguments: str) -> Any:
        if self._waiting >= MAXIMUM_WAITING:
            raise CommandRefused(BUSY)
        if not self._pool.started:
            self._pool.start()
        self._waiting += 1
        done = deferToThreadPool(self._reactor, self._pool, function, *arguments)
        # A login that was given up still counts until its thread is done.
        return await done.addBoth(self._one_less)

    def _one_less(self, result: Any) -> Any:
        self._waiting -= 1
        return result

    def _matches(self, stored: str, given: str) -> bool:
        try:
            return self._hasher.verify(stored, given.encode("utf-8", _ERRORS))
        except VerificationError:
            return False
        except InvalidHashError:
            self.log.error("a stored password hash is no Argon2 hash; it matches nothing")
            return False

    def _refuse(self, given: str) -> None:
        if not self._decoy:
            self._decoy = self._hasher.hash("nobody has this password")
        self._matches(self._decoy, given)

    async def stop(self) -> None:
        """End the threads."""
        if self._pool.started:
            self._pool.stop()
