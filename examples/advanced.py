# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Several accounts with different rights and limits, on a machine behind an address translator.

    python examples/advanced.py [port [directory [first-last data port [address for clients]]]]

needs the directories ``logs`` and ``uploads`` in the one that it serves.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import task
from twisted.internet.interfaces import IReactorCore

import ftpserver

MEBIBYTE = 1024 * 1024


def accounts(directory: Path) -> list[ftpserver.User]:
    """Return who may do what in *directory*."""
    return [
        ftpserver.User(
            login="admin",
            password="admin_pass",
            base_path=directory,
            permissions=[
                ftpserver.Permission("/", readable=True, writable=True),
                ftpserver.Permission("/logs", readable=True, writable=False),
            ],
            maximum_connections=5,
            # Seen from the server: it reads an upload and writes a download.
            read_speed_limit=2 * MEBIBYTE,
            write_speed_limit=1 * MEBIBYTE,
        ),
        ftpserver.User(
            login="upload_only",
            password="upload_pass",
            base_path=directory / "uploads",
            permissions=[ftpserver.Permission("/", readable=False, writable=True, list=True)],
            maximum_connections=2,
        ),
    ]


async def main(
    reactor: IReactorCore,
    port: str = "2121",
    directory: str = ".",
    data_ports: str = "20000-20099",
    address: str = "127.0.0.1",
) -> None:
    """Serve until the process is told to end."""
    first, last = data_ports.split("-")
    server = ftpserver.Server(
        users=accounts(Path(directory)),
        maximum_connections=20,
        socket_timeout=30.0,
        idle_timeout=300.0,
        data_ports=range(int(first), int(last) + 1),
        encoding="utf-8",
        ipv4_pasv_forced_response_address=address,
        welcome_message=["Files of the house.", "What you upload is kept for a week."],
    )
    await server.start(host="0.0.0.0", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
