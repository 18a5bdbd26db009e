# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A server with implicit TLS, as ``ftps://`` names it, by a context of Python's own ``ssl`` module.

    ftpserver certificate server.pem
    python examples/tls.py [port [directory [certificate [key]]]]

serves the working directory on port 9900 to ``secure_user`` (password ``secure_pass``):

    curl --cacert server.pem --user secure_user:secure_pass ftps://localhost:9900/

TLS that begins with the command AUTH, that binds data connections to the session, and that takes new certificates
without a restart, has ``Server(tls=TLS(certificate=..., private_key=...))`` instead.
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

from twisted.internet import task
from twisted.internet.interfaces import IReactorCore

import ftpserver

MEBIBYTE = 1024 * 1024


async def main(
    reactor: IReactorCore,
    port: str = "9900",
    directory: str = ".",
    certificate: str = "server.pem",
    key: str | None = None,
) -> None:
    """Serve until the process is told to end."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    user = ftpserver.User(
        login="secure_user",
        password="secure_pass",
        base_path=Path(directory),
        permissions=[ftpserver.Permission("/", readable=True, writable=True)],
    )
    server = ftpserver.Server(
        users=[user],
        ssl=context,
        maximum_connections=10,
        read_speed_limit=MEBIBYTE,
        write_speed_limit=MEBIBYTE,
    )
    await server.start(host="localhost", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
