# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
twisted.protocols.ftp with one user who may do everything.
"""

from __future__ import annotations

import argparse
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor as _reactor
from twisted.protocols.ftp import FTPFactory, FTPShell, IFTPShell
from twisted.python.filepath import FilePath
from zope.interface import implementer

reactor: Any = _reactor


@implementer(IRealm)
class Realm:
    """Gives everybody the same directory."""

    def __init__(self, root: str) -> None:
        self._root: FilePath[str] = FilePath(root)

    def requestAvatar(self, avatar: object, mind: object, *interfaces: object) -> tuple[Any, FTPShell, Any]:
        """Return the shell of a user who has logged in."""
        return IFTPShell, FTPShell(self._root), lambda: None


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name in ("root", "user", "password"):
        parser.add_argument(name)
    options = parser.parse_args()
    checker: Any = InMemoryUsernamePasswordDatabaseDontUse()
    # The protocol asks with text, addUser would keep octets.
    checker.users[options.user] = options.password
    factory = FTPFactory(Portal(Realm(options.root), [checker]))
    reactor.listenTCP(options.port, factory, backlog=4096, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
