# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A command of one's own: XSHA256, by which a client checks what it has transferred.

    python examples/custom_command.py [port [directory]]

The decorators say what must hold before the command runs; HELP and FEAT show it, and ABOR ends it. Nothing is
subclassed: the command becomes a row of the server's own table.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from twisted.internet import task
from twisted.internet.interfaces import IReactorCore

import ftpserver
from ftpserver import ConnectionConditions, PathConditions, PathPermissions


@ftpserver.command("XSHA256", argument=ftpserver.Argument.PATH, help="<SP> pathname", features=("XSHA256",))
@ConnectionConditions(ConnectionConditions.login_required)
@PathConditions(PathConditions.path_must_exists, PathConditions.path_must_be_file)
@PathPermissions(PathPermissions.readable)
@ftpserver.worker
async def xsha256(connection: ftpserver.Connection, path: ftpserver.VirtualPath) -> ftpserver.Reply:
    """Answer the SHA-256 digest of a file."""
    digest = hashlib.sha256()
    async with await connection.storage.open(path, "rb") as file:
        while block := await file.read(connection.block_size):
            digest.update(block)
    return ftpserver.reply(250, digest.hexdigest().upper())


async def main(reactor: IReactorCore, port: str = "2121", directory: str = ".") -> None:
    """Serve until the process is told to end."""
    server = ftpserver.Server(
        users=[ftpserver.User(base_path=Path(directory))],
        commands=ftpserver.COMMANDS.with_(xsha256),
    )
    await server.start(host="localhost", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
