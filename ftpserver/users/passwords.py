# -*- test-case-name: tests.test_passwords -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Comparing passwords: in constant time, and slow hashes in threads of their own.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..core import replies
from ..errors import CommandRefused

__all__ = ["PasswordHashes", "check_stored", "hash_password", "is_hash"]

#: Verifications at a time. Each takes 64 MiB and tens of milliseconds of a core; more would starve the transfers.
THREADS = 2

#: Verifications that may wait; at about 20 a second the last one waits ten seconds.
MAXIMUM_WAITING = 200

BUSY = replies.reply(451, "Too many logins at a time, please try again later.")

_PREFIX = "$argon2"


def is_hash(stored: str | None) -> bool:
    """Tell whether a stored password is an Argon2 hash."""
    return stored is not None and stored.startswith(_PREFIX)


def check_stored(stored: str | None) -> None:
    """
    Refuse a stored password that looks like a hash and is none.

    :raises ValueError: without the hash in its text.
    """
    if stored is not None and is_hash(stored):
        try:
            stored.encode("ascii")
            extract_parameters(stored)
        except (InvalidHashError, UnicodeEncodeError):
            # The cause would carry the hash along.
            raise ValueError("it begins like an Argon2 hash and is none") from None


def hash_password(password: str) -> str:
    """
    Return the Argon2id hash of *password*, as ``password_hash`` takes it.

    :raises ValueError: if it is empty, for an empty password never matches.
    """
    if not password:
        raise ValueError("an empty password never matches")
    return PasswordHasher().hash(_octets(password))


def _octets(password: str) -> bytes:
    try:
        # Octets that are not UTF-8 came in as surrogates and stay as they are.
        return password.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Other surrogates: no octets at all, yet no reason to fail, still less with the password in the error.
        return password.encode("utf-8", "surrogatepass")


def _start_daemon(function: Callable[[], None]) -> None:
    # A daemon never keeps the process alive, however long it hangs.
    threading.Thread(target=function, name="ftpserver-password", daemon=True).start()


class _Verification:
    # No dataclass: nothing of this may be in a repr.
    __slots__ = ("answer", "given", "stored")

    def __init__(self, stored: str, given: str, answer: Deferred[bool]) -> None:
        self.stored = stored
        self.given = given
        self.answer = answer


class PasswordHashes:
    """
    Verifies passwords.

    Each hash has a thread for itself, which ends with it: to start one takes a thousandth of the time of the hash, and
    so there is nothing to stop and nothing to start again.

    :param reactor: provides IReactorFromThreads.
    :param threads: verifications at a time.
    :param start: runs a function in a thread.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, threads: int = THREADS, *, start: Callable[[Callable[[], None]], None] = _start_daemon
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._start = start
        self._hasher = PasswordHasher()
        self._running = 0
        self._waiting: deque[_Verification] = deque()

    async def verify(self, stored: str | None, given: str) -> bool:
        """
        Tell whether *given* is the password that is stored.

        :param stored: in clear or a hash; one that is missing or empty matches nothing.
        :param given: an empty one matches nothing, and takes as long as another.
        :raises CommandRefused: when too many wait already; answered 451.
        """
        if not stored:
            return False
        if not is_hash(stored):
            return hmac.compare_digest(_octets(stored), _octets(given))
        matches = await self._in_thread(stored, given)
        return matches and given != ""

    async def refuse(self, given: str, like: str) -> None:
        """
        Spend what the verification of a wrong password takes.

        :param like: the hash whose costs count.
        :raises CommandRefused: as :meth:`verify`.
        """
        await self._in_thread(_decoy(like), given)

    def _in_thread(self, stored: str, given: str) -> Deferred[bool]:
        if len(self._waiting) >= MAXIMUM_WAITING:
            raise CommandRefused(BUSY)
        answer: Deferred[bool] = Deferred(lambda _answer: self._give_up(call))
        call = _Verification(stored, given, answer)
        self._waiting.append(call)
        self._start_next()
        return answer

    def _give_up(self, call: _Verification) -> None:
        # One that runs already keeps its place until its thread is done.
        if call in self._waiting:
            self._waiting.remove(call)

    def _start_next(self) -> None:
        while self._waiting and self._running < self._threads:
            call = self._waiting.popleft()
            self._running += 1
            try:
                self._start(partial(self._run, call))
            except RuntimeError:
                # The system has no more threads.
                self._running -= 1
                call.answer.errback(CommandRefused(BUSY))

    def _run(self, call: _Verification) -> None:
        self._reactor.callFromThread(self._finished, call, self._outcome(call))

    def _outcome(self, call: _Verification) -> bool | Failure:
        # Without a name for the failure: a frame of its own traceback would hold it, and the password with it, until
        # the garbage is collected.
        try:
            return self._matches(call.stored, call.given)
        except Exception:  # noqa: BLE001 - it belongs to the one who waits, in another thread
            return Failure()

    def _finished(self, call: _Verification, result: Any) -> None:
        self._running -= 1
        self._start_next()
        if not call.answer.called:
            call.answer.callback(result)

    def _matches(self, stored: str, given: str) -> bool:
        try:
            return self._hasher.verify(stored, _octets(given))
        except VerificationError:
            return False
        except ValueError:
            self.log.error("a stored password hash is no Argon2 hash; it matches nothing")
            return False


def _decoy(like: str) -> str:
    """Return a hash of the same costs that no password has."""
    costs = extract_parameters(like)
    parts = like.split("$")
    parts[-2:] = [_random(costs.salt_len), _random(costs.hash_len)]
    return "$".join(parts)


def _random(amount: int) -> str:
    return base64.b64encode(secrets.token_bytes(amount)).decode("ascii").rstrip("=")
