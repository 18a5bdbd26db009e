# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts in an SQLite database, by a class that only provides IUserManager.

    python examples/sqlite_users.py accounts.sqlite add alice /srv/ftp/alice    (asks for the password)
    python examples/sqlite_users.py accounts.sqlite serve 2121
"""

from __future__ import annotations

import getpass
import sqlite3
import sys
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet import task
from twisted.internet.interfaces import IReactorCore
from twisted.internet.threads import deferToThread
from zope.interface import implementer

import ftpserver
from ftpserver.interfaces import GetUserResponse, IRefusesSlowly

TABLE = (
    "CREATE TABLE IF NOT EXISTS accounts (login TEXT PRIMARY KEY, password_hash TEXT NOT NULL, directory TEXT NOT NULL)"
)


def add_account(database: str, login: str, password: str, directory: str) -> None:
    """Store an account, or another password for one that is there."""
    row = (login, PasswordHasher().hash(password), str(Path(directory).absolute()))
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(TABLE)
        connection.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", row)
    connection.close()


@implementer(ftpserver.IUserManager, IRefusesSlowly)
class SQLiteUsers:
    """
    The accounts of a table; each login asks it anew.

    :param database: path of the database.
    """

    def __init__(self, database: str) -> None:
        self._pool = ConnectionPool("sqlite3", database, check_same_thread=False)
        self._nobody = PasswordHasher().hash("this is the password of nobody")

    async def get_user(self, login: str) -> tuple[GetUserResponse, ftpserver.User | None, str]:
        """Find the account."""
        if not login.isprintable():
            # Octets that are no text could not even be asked for.
            return GetUserResponse.ERROR, None, "no such user"
        rows = await self._pool.runQuery("SELECT directory FROM accounts WHERE login = ?", (login,))
        if not rows:
            return GetUserResponse.ERROR, None, "no such user"
        return GetUserResponse.PASSWORD_REQUIRED, ftpserver.User(login, base_path=rows[0][0]), ""

    async def authenticate(self, user: ftpserver.User, password: str) -> bool:
        """Check the password, in a thread because that is slow on purpose."""
        rows = await self._pool.runQuery("SELECT password_hash FROM accounts WHERE login = ?", (user.login,))
        stored = rows[0][0] if rows else self._nobody
        return await deferToThread(_matches, stored, password)

    async def refuse(self, password: str) -> None:
        """Take as long for an unknown name."""
        await deferToThread(_matches, self._nobody, password)

    async def notify_logout(self, user: ftpserver.User) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Close the database; at the end of the process this happens by itself."""
        self._pool.close()


def _matches(stored: str, password: str) -> bool:
    try:
        # A client may send octets that are no text; they are kept as they came.
        return PasswordHasher().verify(stored, password.encode("utf-8", "surrogateescape"))
    except VerificationError:
        return False


async def main(reactor: IReactorCore, database: str, action: str, *arguments: str) -> None:
    """Add an account, or serve until the process is told to end."""
    if action == "add":
        login, directory = arguments
        add_account(database, login, getpass.getpass() if sys.stdin.isatty() else input(), directory)
        return
    server = ftpserver.Server(users=SQLiteUsers(database))
    await server.start(host="localhost", port=int(arguments[0]))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    task.react(main, sys.argv[1:])
