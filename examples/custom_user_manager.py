# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts from somewhere else, by a subclass of AbstractUserManager.

    python examples/custom_user_manager.py [port [directory]]

serves the working directory on port 2121 to ``alice`` (password ``wonderland``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from twisted.internet import task
from twisted.internet.interfaces import IReactorCore
from twisted.internet.threads import deferToThread
from zope.interface import implementer

import ftpserver
from ftpserver.interfaces import GetUserResponse, IRefusesSlowly

#: Stands for a name that does not exist, so that it is refused as slowly as a wrong password.
NOBODY = PasswordHasher().hash("this is the password of nobody")


@implementer(IRefusesSlowly)
class DatabaseUserManager(ftpserver.AbstractUserManager):
    """
    The accounts of a database, here a dictionary.

    :param hashes: Argon2 hash of the password for each login.
    :param directory: what every account may read and write.
    """

    def __init__(self, hashes: dict[str, str], directory: Path) -> None:
        super().__init__()
        self._hashes = hashes
        self._directory = directory

    async def get_user(self, login: str) -> tuple[GetUserResponse, ftpserver.User | None, str]:
        """Find the account; a real database is awaited here."""
        if login not in self._hashes:
            return self.GetUserResponse.ERROR, None, "no such user"
        user = ftpserver.User(login, base_path=self._directory, permissions=[ftpserver.Permission("/")])
        return self.GetUserResponse.PASSWORD_REQUIRED, user, ""

    async def authenticate(self, user: ftpserver.User, password: str) -> bool:
        """Check the password, in a thread because that is slow on purpose."""
        return await deferToThread(matches, self._hashes.get(user.login or "", NOBODY), password)

    async def refuse(self, password: str) -> None:
        """Take as long for an unknown name."""
        await deferToThread(matches, NOBODY, password)

    async def notify_logout(self, user: ftpserver.User) -> None:
        """Hear of the end of each login."""
        print(f"{user.login} logged out", flush=True)


def matches(stored: str, password: str) -> bool:
    """Tell whether *password* is the one that was hashed."""
    try:
        # A client may send octets that are no text; they are kept as they came.
        return PasswordHasher().verify(stored, password.encode("utf-8", "surrogateescape"))
    except VerificationError:
        return False


async def main(reactor: IReactorCore, port: str = "2121", directory: str = ".") -> None:
    """Serve until the process is told to end."""
    manager = DatabaseUserManager({"alice": PasswordHasher().hash("wonderland")}, Path(directory))
    server = ftpserver.Server(users=manager)
    await server.start(host="localhost", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
