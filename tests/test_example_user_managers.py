# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the user managers of the examples: both keep what IUserManager promises.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from twisted.trial.unittest import TestCase

from examples import custom_user_manager, sqlite_users
from ftpserver.testing import UserManagerContract


class CheapHashes(TestCase):
    """Hashes that cost next to nothing, for the contract computes many."""

    def setUp(self) -> None:
        self.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        for module in (custom_user_manager, sqlite_users):
            self.patch(module, "PasswordHasher", lambda: self.hasher)
        # What an example prints is no concern of whoever runs the tests.
        self.patch(sys, "stdout", io.StringIO())
        self.directory = Path(self.mktemp())
        self.directory.mkdir()


class DatabaseUserManagerTests(UserManagerContract, CheapHashes):
    """The example with a dictionary."""

    def make_user_manager(self) -> Any:
        hashes = {self.login: self.hasher.hash(self.password)}
        return custom_user_manager.DatabaseUserManager(hashes, self.directory)


class SQLiteUsersTests(UserManagerContract, CheapHashes):
    """The example with a database."""

    def make_user_manager(self) -> Any:
        database = str(self.directory / "accounts.sqlite")
        sqlite_users.add_account(database, self.login, self.password, str(self.directory))
        manager = sqlite_users.SQLiteUsers(database)
        self.addCleanup(manager.close)
        return manager
