# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Attacks on the login: pipelines, floods, guesses, and what they could tell.
"""

from __future__ import annotations

import math
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from twisted.internet.defer import Deferred

from ftpserver import MemoryUserManager, User
from ftpserver.core.users import MAXIMUM_LOGIN
from ftpserver.interfaces import GetUserResponse
from ftpserver.users.passwords import PasswordHashes, hash_password

from ..integration.client import Client
from ..threads import cheap_hash
from .harness import AttackTestCase, ProcessAttackTestCase, all_of, reactor

#: A hash that takes a few milliseconds.
SLOW = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)


class Counting(PasswordHashes):
    """
    Verifies passwords, and notes the costs of each verification.

    :ivar costs: of those that were made.
    :ivar threads: where each was made.
    """

    def __init__(self) -> None:
        super().__init__(reactor)
        self.costs: list[Any] = []
        self.threads: list[int] = []

    def _matches(self, stored: str, given: str) -> bool:
        self.costs.append(extract_parameters(stored))
        self.threads.append(threading.get_ident())
        return super()._matches(stored, given)


class LoginAttackTestCase(AttackTestCase):
    """A server whose accounts have hashes, but for that of ``alice``."""

    async def start_server(self, **keywords: Any) -> None:
        """Make the accounts first."""
        self.hashes = Counting()
        await super().start_server(users=self.manager(), **keywords)

    def manager(self) -> MemoryUserManager:
        """Return who knows the accounts."""
        accounts = [
            User("hashed", cheap_hash("right"), base_path=self.root),
            User("other", cheap_hash("other"), base_path=self.root),
            User("single", cheap_hash("right"), base_path=self.root, maximum_connections=1),
        ]
        return MemoryUserManager([*accounts, *self.users()], hashes=self.hashes)


class PipelineTests(LoginAttackTestCase):
    """Logins that are sent in one go."""

    async def test_a_password_logs_in_whom_it_was_given_for(self) -> None:
        """PASS for one and USER of another in one segment never make the other one of the session."""
        for password in ("right", "secret"):
            name = "hashed" if password == "right" else "alice"
            for cut in (None, 20, 30):
                client = await self.connect()
                octets = f"USER {name}\r\nPASS {password}\r\nUSER other\r\nPWD\r\nPASS {password}\r\nPWD\r\n".encode()
                await client.send_raw(octets[:cut])
                if cut is not None:
                    await client.turn()
                    await client.send_raw(octets[cut:])
                await client.replies(331, 230, 331, 530, 530, 530)

    async def test_two_passwords_are_no_two_chances(self) -> None:
        """A second PASS without a USER of its own is out of sequence, however soon it comes."""
        client = await self.connect()
        await client.send_raw(b"USER hashed\r\nPASS wrong\r\nPASS right\r\nPWD\r\n")
        await client.replies(331, 530, 503, 530)

    async def test_a_login_that_goes_at_once_leaves_nothing(self) -> None:
        """USER, PASS and QUIT in one segment, read or not, ended in order or not, leave no session behind."""
        for name, password in (("hashed", "right"), ("hashed", "wrong"), ("alice", "secret"), ("nobody", "x")):
            for ending in ("read", "close", "reset"):
                client = await self.connect()
                await client.send_raw(f"USER {name}\r\nPASS {password}\r\nQUIT\r\n".encode())
                if ending == "read":
                    await client.reply(331)
                    await client.reply(230 if password in ("right", "secret") else 530)
                    await client.reply(221)
                    await client.at_end()
                else:
                    await client.turn()
                    getattr(client, ending)()
                    await client.vanish()
        await self.until(lambda: self.server.sessions == 1)
        await self.assert_served()

    async def test_unfinished_logins_take_no_place_of_the_account(self) -> None:
        """Two that have given the name, or a wrong password, leave the one place of the account to a third."""
        named, failed, third = await self.connect(), await self.connect(), await self.connect()
        await named.command("USER single", 331)
        await failed.command("USER single", 331)
        await failed.command("PASS wrong", 530)
        await failed.command("USER single", 331)
        await third.login("single", "right")
        await named.command("PASS right", 530, 421)


class GuessTests(LoginAttackTestCase):
    """A thousand guesses."""

    holds_time = True

    def server_keywords(self) -> dict[str, Any]:
        """Take the delays and limits that a server has by default."""
        keywords = super().server_keywords()
        del keywords["failed_login_delay"]
        return keywords

    async def test_1500_pipelined_passwords(self) -> None:
        """Each waits for the one before and its delay, the third ends the session, and nobody else waits."""
        attacker = await self.connect()
        attacker.send(b"".join(b"USER hashed\r\nPASS guess%d\r\n" % number for number in range(1500)))
        for guess in (1, 2, 3):
            await attacker.reply(331)
            await self.until(partial(self._waits_after, guess))
            self.time.advance(guess - 0.1)
            await self.witness.command("NOOP", 200)
            self.assertEqual(attacker.received, b"")
            self.time.advance(0.2)
            await attacker.reply(530)
        await attacker.reply(421)
        await attacker.at_end()
        self.assertEqual(len(self.hashes.costs), 3)
        await self.assert_served()

    def _waits_after(self, guess: int) -> bool:
        # Beside the limit for the whole login.
        return len(self.hashes.costs) == guess and len(self.time.pending) > 1


class AlikeTests(LoginAttackTestCase):
    """What a refusal tells."""

    names = ("hashed", "nobody", "alice", "locked", "empty", "none")

    def manager(self) -> MemoryUserManager:
        """Add an account that is locked, and one that has an empty password."""

        class Locks(MemoryUserManager):
            async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
                """Refuse one that is known."""
                if login == "locked":
                    return GetUserResponse.ERROR, None, "locked until Monday"
                return await super().get_user(login)

        accounts = [
            User("hashed", SLOW.hash("right"), base_path=self.root),
            User("locked", SLOW.hash("right"), base_path=self.root),
            User("empty", "", base_path=self.root),
            User("alice", "secret", base_path=self.root),
        ]
        return Locks(accounts, hashes=self.hashes)

    def server_keywords(self) -> dict[str, Any]:
        """Let one client fail as often as it likes."""
        return {**super().server_keywords(), "maximum_login_attempts": 10_000}

    async def refusal(self, client: Client, name: str, password: str = "wrong") -> tuple[bytes, bytes]:
        """Return the replies to a wrong login."""
        named = await client.command(f"USER {name}")
        return named.raw, (await client.command(f"PASS {password}")).raw

    async def test_every_refusal_is_the_same_work(self) -> None:
        """The same text, and one verification of the same costs, whoever is named and whatever is wrong."""
        client = await self.connect()
        replies, work = set(), set()
        for name in self.names:
            for password in ("wrong", "", "x" * 8000, "r\u00edght"):
                self.hashes.costs.clear()
                replies.add(await self.refusal(client, name, password))
                work.add(tuple(map(repr, self.hashes.costs)))
        self.assertEqual(len(replies), 1, replies)
        self.assertEqual(len(work), 1, work)
        self.assertEqual(len(work.pop()), 1)

    async def test_every_refusal_takes_the_same_time(self) -> None:
        """Of refusals in random order, the times of unknown names and of wrong passwords cannot be told apart."""
        client = await self.connect()
        order = random.Random(1)
        known: list[float] = []
        unknown: list[float] = []
        for _ in range(40):
            # Whatever else the machine does, it does to both alike.
            for name, times in order.sample([("hashed", known), ("nobody", unknown)], 2):
                began = time.perf_counter()
                await self.refusal(client, name)
                times.append(time.perf_counter() - began)
        self.assertLess(abs(rank_deviation(known, unknown)), 5, (statistics.median(known), statistics.median(unknown)))

    async def test_a_difference_would_be_seen(self) -> None:
        """The same comparison tells an account without any hash's work from one with it."""
        client = await self.connect()
        fast: list[float] = []
        slow: list[float] = []
        for _ in range(60):
            for name, times in (("nobody", slow), ("", fast)):
                began = time.perf_counter()
                await self.refusal(client, name)
                times.append(time.perf_counter() - began)
        self.assertGreater(abs(rank_deviation(fast, slow)), 5)


def rank_deviation(one: Sequence[float], other: Sequence[float]) -> float:
    """
    Return by how many standard deviations the ranks of two samples differ from those of one distribution.

    That is the test of Mann and Whitney; beyond 5 it is false once in a million times.
    """
    below = sum(first < second for first in one for second in other)
    count = len(one) * len(other)
    return (below - count / 2) / math.sqrt(count * (len(one) + len(other) + 1) / 12)


class HashFloodTests(LoginAttackTestCase):
    """Hashes that are asked for faster than they can be computed."""

    def manager(self) -> MemoryUserManager:
        """Take a hash as the server makes it."""
        accounts = [User("hashed", hash_password("right"), base_path=self.root), *self.users()]
        return MemoryUserManager(accounts, hashes=self.hashes)

    def server_keywords(self) -> dict[str, Any]:
        """Let the logins take their time, on a busy machine, too."""
        return {**super().server_keywords(), "login_timeout": 3600}

    async def test_100_bad_logins_at_once(self) -> None:
        """All are verified in other threads than the one that answers a live session, which has time for it."""
        clients = await all_of(*(self.connect() for _ in range(100)))
        await all_of(*(client.command("USER hashed", 331) for client in clients))
        for client in clients:
            client.send_line("PASS wrong")
        # The others would tell the same, and a busy machine needs seconds for each.
        answers = await self.answers(*(client.reply(530) for client in clients[:20]))
        self.assertGreaterEqual(len(self.hashes.threads), 20)
        # Argon2 works in threads that it starts itself while its caller waits: no processor time tells who that is.
        self.assertNotIn(threading.get_ident(), self.hashes.threads)
        self.assertLess(max(answer.processor for answer in answers), 0.1)

    async def test_clients_that_do_not_wait(self) -> None:
        """Those who go before the answer leave nothing to verify, and the next login is answered."""
        clients = await all_of(*(self.connect() for _ in range(100)))
        for client in clients:
            await client.send_raw(b"USER hashed\r\nPASS wrong\r\n")
        await self.witness.command("NOOP", 200)
        for client in clients:
            await client.vanish()
        await (await self.connect()).login("hashed", "right")
        await self.until(lambda: self.server.sessions == 2)


class NameFloodTests(ProcessAttackTestCase):
    """Names that were never heard of."""

    async def test_names_cost_no_memory(self) -> None:
        """Thousands of names, each another one, leave nothing of them in the process; longer ones are refused."""
        before = self.vitals_before()
        client = await self.connect()
        for sign, number, code in (
            ("\u202e", MAXIMUM_LOGIN - 8, 331),
            ("\x7f", MAXIMUM_LOGIN, 501),
            ("\u202e", 5000, 501),
        ):
            for start in range(0, 1000, 100):
                for one in range(start, start + 100):
                    client.send_line(f"USER {one:08}{sign * number}")
                await client.replies(*[code] * 100)
        self.assert_peak(before, 4 << 20)
        await self.assert_served()


class Held(MemoryUserManager):
    """A user manager that answers when a test says so."""

    def __init__(self, users: Sequence[User]) -> None:
        super().__init__(users)
        self.answers: list[Deferred[bool]] = []

    async def authenticate(self, user: User, password: str) -> bool:
        """Wait for the test where the account is the one that is held."""
        if user.login != "held":
            return await super().authenticate(user, password)
        self.answers.append(Deferred())
        return await self.answers[-1]


class HeldTests(AttackTestCase):
    """User managers that take their time."""

    async def start_server(self, **keywords: Any) -> None:
        """Make the account that is held."""
        self.manager = Held([User("held", "x", base_path=self.root, maximum_connections=1), *self.users()])
        await super().start_server(users=self.manager, **keywords)

    async def held(self) -> Client:
        """Return a client whose password is being verified."""
        client = await self.connect()
        count = len(self.manager.answers)
        await client.send_raw(b"USER held\r\nPASS x\r\n")
        await client.reply(331)
        await self.until(lambda: len(self.manager.answers) > count)
        return client

    async def finish(self, end: Callable[[Client], None]) -> None:
        """Let a client end, then its answer come."""
        client = await self.held()
        end(client)
        await client.vanish()
        await self.until(lambda: self.server.sessions == 1)

    async def test_two_that_wait_leave_the_place(self) -> None:
        """Two passwords under way take no place of the account; the first that is right has it."""
        first, second = await self.held(), await self.held()
        third = await self.held()
        self.manager.answers[2].callback(True)
        await third.reply(230)
        self.manager.answers[0].callback(True)
        self.manager.answers[1].callback(False)
        await first.reply(530, 421)
        await second.reply(530)
        await third.command("PWD", 257)

    async def test_who_goes_before_the_answer_leaves_the_place(self) -> None:
        """A client that is gone when its password turns out to be right holds no place."""
        await self.finish(lambda client: client.reset())
        await self.finish(lambda client: client.close())
        last = await self.held()
        self.manager.answers[-1].callback(True)
        await last.reply(230)
