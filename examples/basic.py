# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The smallest useful server: one account that may write, and anonymous reading.

    python examples/basic.py [port [directory]]

serves the working directory on port 2121 to ``admin`` (password ``secret``) and to anyone who only reads:

    curl ftp://localhost:2121/
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import task
from twisted.internet.interfaces import IReactorCore

import ftpserver


async def main(reactor: IReactorCore, port: str = "2121", directory: str = ".") -> None:
    """Serve until the process is told to end."""
    users = [
        ftpserver.User(
            login="admin",
            password="secret",
            base_path=Path(directory),
            permissions=[ftpserver.Permission("/", readable=True, writable=True)],
        ),
        ftpserver.User(  # the anonymous account: no login
            base_path=Path(directory),
            permissions=[ftpserver.Permission("/", readable=True, writable=False)],
        ),
    ]
    server = ftpserver.Server(users=users)
    await server.start(host="localhost", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
