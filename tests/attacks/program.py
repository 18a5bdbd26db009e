# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A server in a process of its own, so that what it costs is told from what its attackers cost.

It is run as a program: ``python -m tests.attacks.program ROOT KEYWORDS [USER]``. ROOT is what ``alice`` (password
``secret``) and ``anonymous`` see as ``/``; KEYWORDS are those of :class:`~ftpserver.Server`, as JSON. With the number
of a USER it gives up the rights of root. The first line that it writes is its port. It ends, in order, at the first
signal.
"""

from __future__ import annotations

import json
import os
import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from ftpserver import Server, User


async def serve(root: str, keywords: str, user: str = "") -> None:
    """Serve until a signal comes."""
    server = Server([User("alice", "secret", base_path=root), User(base_path=root)], **json.loads(keywords))
    await server.start("127.0.0.1")
    if user:
        # As late as twistd does it: the modules may be where only root reads.
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    react(lambda _reactor: Deferred.fromCoroutine(serve(*sys.argv[1:])))
