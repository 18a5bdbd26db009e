# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.users.passwords.
"""

from __future__ import annotations

import hmac
import threading

import hypothesis
from argon2 import extract_parameters
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.awaiting import as_deferred
from ftpserver.errors import CommandRefused
from ftpserver.users import passwords
from ftpserver.users.passwords import MAXIMUM_WAITING, PasswordHashes, check_stored, hash_password, is_hash

from .threads import ManualThreads, cheap_hash

#: Anything that a client can send: text, and octets that are none.
PASSWORDS = st.text(
    st.one_of(st.characters(), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])), min_size=1
)


class StoredPasswordTests(SynchronousTestCase):
    def test_a_hash_is_known_by_its_beginning(self) -> None:
        """What begins with $argon2 is a hash; anything else is a password in clear."""
        for stored, expected in [(None, False), ("", False), ("secret", False), ("$1$x", False), ("$argon2id$", True)]:
            self.assertEqual(is_hash(stored), expected, stored)

    def test_hash_password_makes_what_is_stored(self) -> None:
        """The hash that is made verifies the password that it was made of."""
        made = hash_password("secret")
        self.assertTrue(made.startswith("$argon2id$"))
        check_stored(made)
        threads = ManualThreads()
        answer = as_deferred(threads.hashes().verify(made, "secret"))
        threads.run()
        self.assertTrue(self.successResultOf(answer))

    def test_an_empty_password_has_no_hash(self) -> None:
        """An empty password would let everybody in by accident, so it cannot be hashed."""
        self.assertRaises(ValueError, hash_password, "")

    def test_a_malformed_hash_is_refused_without_being_told(self) -> None:
        """What begins like a hash and is none is an error that does not repeat it."""
        for stored in ("$argon2", "$argon2id$v=19$m=8$broken$secret", "$argon2id$v=19$m=8,t=1,p=1$sécret$sécret"):
            error = self.assertRaises(ValueError, check_stored, stored)
            self.assertNotIn("cret", repr(error) + repr(error.__cause__), stored)

    def test_other_stored_passwords_are_not_looked_at(self) -> None:
        """A password in clear, an empty one and a missing one are nobody's business here."""
        for stored in (None, "", "secret", cheap_hash("secret")):
            check_stored(stored)


class VerifyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads = ManualThreads()
        self.hashes = self.threads.hashes()

    def verify(self, stored: str | None, given: str) -> bool:
        """Return the answer, however many threads it takes."""
        answer = as_deferred(self.hashes.verify(stored, given))
        self.threads.run()
        return self.successResultOf(answer)

    def test_only_the_password_itself_matches(self) -> None:
        """A blank, a letter or its case decide, in clear and as a hash."""
        for given, expected in [
            ("secret", True),
            ("Secret", False),
            ("secret ", False),
            (" secret", False),
            ("secre", False),
            ("secret\0", False),
            ("", False),
        ]:
            for stored in ("secret", cheap_hash("secret")):
                self.assertEqual(self.verify(stored, given), expected, (stored, given))

    def test_nothing_stored_matches_nothing(self) -> None:
        """An account whose password is missing or empty is closed, also for an empty password."""
        for stored in (None, "", cheap_hash("")):
            for given in ("", "secret", "\0"):
                self.assertFalse(self.verify(stored, given), (stored, given))

    @hypothesis.given(PASSWORDS)
    def test_any_password_matches_itself(self, password: str) -> None:
        """Octets that are not UTF-8 are as good in a password as letters."""
        self.assertTrue(self.verify(password, password) or is_hash(password))
        self.assertFalse(self.verify(password, password + "x"))

    def test_a_password_that_has_no_octets_is_no_error(self) -> None:
        """Half a character of UTF-16, which no client can send, is compared like the rest."""
        for stored in ("\ud800", cheap_hash("\ud800".encode("utf-8", "surrogatepass"))):
            self.assertTrue(self.verify(stored, "\ud800"))
            self.assertFalse(self.verify(stored, "\ud801"))

    @hypothesis.given(st.binary(min_size=1))
    def test_any_octets_match_their_hash(self, octets: bytes) -> None:
        """A hash is one of the octets that the client sent, whether they are text or not."""
        self.assertTrue(self.verify(cheap_hash(octets), octets.decode("utf-8", "surrogateescape")))

    def test_a_hash_never_matches_itself(self) -> None:
        """Who has stolen the hash cannot log in with it."""
        stored = cheap_hash("secret")
        self.assertFalse(self.verify(stored, stored))

    def test_a_broken_hash_matches_nothing(self) -> None:
        """A hash that cannot be read matches nothing and is an entry in the log, without the hash."""
        for stored in ("$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$sécret$sécret"):
            self.assertFalse(self.verify(stored, "secret"), stored)

    def test_passwords_in_clear_are_compared_in_constant_time(self) -> None:
        """The time of a comparison does not tell how much of the password was right."""
        compared: list[tuple[bytes, bytes]] = []

        def compare(first: bytes, second: bytes) -> bool:
            compared.append((first, second))
            return first == second

        self.patch(hmac, "compare_digest", compare)
        self.verify("secret", "guess")
        self.assertEqual(compared, [(b"secret", b"guess")])

    def test_passwords_in_clear_need_no_thread(self) -> None:
        """Only a hash is worth a thread."""
        self.verify("secret", "secret")
        self.assertEqual(self.threads.total, 0)

    def test_a_refusal_costs_what_a_wrong_password_costs(self) -> None:
        """Refusing is one verification of a hash with the same costs, which no password matches."""
        seen: list[tuple[str, str]] = []
        real = self.hashes._matches

        def matches(stored: str, given: str) -> bool:
            seen.append((stored, given))
            return real(stored, given)

        self.patch(self.hashes, "_matches", matches)
        stored = cheap_hash("secret")
        answer = as_deferred(self.hashes.refuse("secret", stored))
        self.threads.run()
        self.assertIsNone(self.successResultOf(answer))
        ((decoy, given),) = seen
        self.assertEqual(given, "secret")
        self.assertNotEqual(decoy, stored)
        self.assertEqual(extract_parameters(decoy), extract_parameters(stored))


class ThreadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads = ManualThreads()
        self.hashes = self.threads.hashes(threads=2)
        self.stored = cheap_hash("secret")

    def ask(self, given: str = "secret") -> Deferred[bool]:
        """Ask for one verification."""
        return as_deferred(self.hashes.verify(self.stored, given))

    def test_only_so_many_run_at_a_time(self) -> None:
        """The third verification begins when one of the first two is done."""
        answers = [self.ask() for _ in range(3)]
        self.assertEqual(self.threads.total, 2)
        self.threads.run_one()
        self.assertTrue(self.successResultOf(answers[0]))
        self.assertEqual(self.threads.total, 3)
        self.threads.run()
        self.assertEqual([self.successResultOf(one) for one in answers[1:]], [True, True])

    def test_too_many_are_refused(self) -> None:
        """When as many wait as may, the next is answered 451 at once, and later ones are welcome again."""
        answers = [self.ask() for _ in range(MAXIMUM_WAITING + 2)]
        refused = self.failureResultOf(self.ask(), CommandRefused)
        self.assertEqual(refused.value.reply.code, 451)
        self.threads.run()
        self.assertEqual({self.successResultOf(one) for one in answers}, {True})
        again = self.ask()
        self.threads.run()
        self.assertTrue(self.successResultOf(again))

    def test_a_hanging_verification_keeps_its_place(self) -> None:
        """A login that was given up while its hash is computed counts until the computation is done."""
        first, _second = self.ask(), self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        third = self.ask()
        self.assertEqual(self.threads.total, 2)
        self.threads.run()
        self.assertTrue(self.successResultOf(third))

    def test_one_given_up_while_it_waits_is_never_computed(self) -> None:
        """A login that was given up before its turn costs nothing."""
        _first, _second, third = self.ask(), self.ask(), self.ask()
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.threads.run()
        self.assertEqual(self.threads.total, 2)

    def test_a_system_without_threads_refuses(self) -> None:
        """When the system has no thread to give, the login is answered 451, and the next one may succeed."""

        def fails(function: object) -> None:
            raise RuntimeError("can't start new thread")

        hashes = PasswordHashes(self.threads, start=fails)
        for _ in range(3):
            answer = as_deferred(hashes.verify(self.stored, "secret"))
            self.failureResultOf(answer, CommandRefused)

    def test_an_error_in_the_thread_reaches_the_login(self) -> None:
        """What goes wrong in the thread is raised where it is waited for, and the place is free again."""
        self.patch(self.hashes, "_matches", lambda stored, given: 1 // 0)
        for _ in range(3):
            answer = self.ask()
            self.threads.run()
            self.failureResultOf(answer, ZeroDivisionError)

    def test_a_thread_does_not_keep_the_process_alive(self) -> None:
        """The threads are daemons: a hash that hangs is no reason to stay."""
        daemon: list[bool] = []
        done = threading.Event()

        def work() -> None:
            daemon.append(threading.current_thread().daemon)
            done.set()

        passwords._start_daemon(work)
        self.assertTrue(done.wait(60))
        self.assertEqual(daemon, [True])

    def test_nothing_shows_a_password(self) -> None:
        """What represents a verification that waits or runs does not contain the password or its hash."""
        shown: list[str] = []
        answers = [self.ask("hunter2") for _ in range(3)]
        shown += [repr(one) for one in (*answers, *self.threads.started, self.hashes, *vars(self.hashes).values())]
        self.threads.run()
        self.assertEqual([text for text in shown if "hunter2" in text or self.stored in text], [])
