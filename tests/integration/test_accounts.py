# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for logins on a real server: hashed passwords, and limits that belong to a login.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from argon2 import PasswordHasher
from twisted.internet.defer import gatherResults

from ftpserver import AbstractUserManager, MemoryUserManager, User
from ftpserver.awaiting import as_deferred
from ftpserver.interfaces import GetUserResponse
from ftpserver.users.passwords import PasswordHashes, hash_password

from .harness import ServerTestCase, reactor

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class HashedPasswordTests(ServerTestCase):
    def users(self) -> list[User]:
        """Return an account with a hash."""
        return [User("alice", CHEAP.hash("secret"), base_path=self.root)]

    async def test_a_server_that_was_closed_starts_again(self) -> None:
        """Hashed passwords are verified before a server is closed, and after it was started again."""
        for _ in range(2):
            await self.session()
            await self.stop_server()
            await self.server.start(self.host)
        await self.session()

    async def test_a_flood_of_wrong_passwords_holds_nobody_up(self) -> None:
        """While many wrong passwords are checked, a session of somebody else is answered."""
        await self.restart_server(users=[User("alice", hash_password("secret"), base_path=self.root)])
        live = await self.session()
        guessing = [await self.connect() for _ in range(20)]
        for client in guessing:
            await client.command("USER alice", 331)
        answers = [as_deferred(client.command("PASS wrong", 530)) for client in guessing]
        answered = 0
        while not all(one.called for one in answers):
            await live.command("NOOP", 200)
            answered += 1
        await gatherResults(answers)
        # With the verifications in the reactor thread there would be at most one between any two of them.
        self.assertGreater(answered, len(guessing))


class OneAccountManyObjects(AbstractUserManager):
    """Makes a new user for each look-up, as a database does."""

    def __init__(self, root: Any) -> None:
        super().__init__()
        self._root = root

    async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
        user = User(login, base_path=self._root, maximum_connections=2)
        return GetUserResponse.PASSWORD_REQUIRED, user, ""

    async def authenticate(self, user: User, password: str) -> bool:
        return password == "secret"


class LimitTests(ServerTestCase):
    async def test_equal_users_share_one_limit(self) -> None:
        """The limit of an account counts its sessions by login, whichever User objects the manager makes."""
        await self.restart_server(users=OneAccountManyObjects(self.root))
        first, _second = await self.session("alice"), await self.session("alice")
        await self.session("bob")
        third = await self.connect()
        await third.command("USER alice", 331)
        await third.command("PASS secret", 530)
        await first.command("REIN", 220)
        await third.command("USER alice", 331)
        await third.command("PASS secret", 230)


class HangingHashTests(ServerTestCase):
    async def test_a_hash_that_hangs_is_refused_in_time(self) -> None:
        """With a timeout, a verification that never ends is a refusal, and the other accounts go on."""
        never = PasswordHashes(reactor, start=lambda function: None)
        hashed, clear = (
            User("alice", CHEAP.hash("secret"), base_path=self.root),
            User("bob", "secret", base_path=self.root),
        )
        await self.restart_server(users=MemoryUserManager([hashed, clear], 0.01, reactor=reactor, hashes=never))
        client = await self.connect()
        for login in ("alice", "nobody"):
            await client.command(f"USER {login}", 331)
            await client.command("PASS secret", 530)
        await client.command("USER bob", 331)
        await client.command("PASS secret", 230)

    async def test_a_hash_that_hangs_does_not_keep_the_process(self) -> None:
        """A process ends when it wants to, whatever its verifications do."""
        program = (
            "import threading, ftpserver.users.passwords as passwords\n"
            "passwords._start_daemon(threading.Event().wait)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
        self.assertEqual(ended.returncode, 0)
