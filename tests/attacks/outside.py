# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A root with something beside it that no session may see or change, and the ways to serve that root.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ftpserver import PathIO, User
from ftpserver.pathio.mounts import Mounts
from ftpserver.pathio.roots import Roots

from .harness import AttackTestCase
from .verbs import Attempt, Attempts

__all__ = ["SECRET", "OutsideTestCase", "serve_threads", "serve_walk"]

#: The content of each file outside, and a part of the name of each.
SECRET = b"kept-from-everybody"


class OutsideTestCase(AttackTestCase):
    """
    A server of ``inside``, with ``outside`` beside it.

    :ivar inside: what ``alice`` sees as ``/``.
    :ivar outside: directory with files, a directory and a link.
    """

    inside: Path
    outside: Path

    def users(self) -> list[User]:
        """Give alice the inside."""
        return [User("alice", "secret", base_path=self.inside)]

    async def start_server(self, **keywords: Any) -> None:
        """Make both sides."""
        self.inside, self.outside = self.root / "inside", self.root / "outside"
        if not self.outside.exists():
            self.inside.mkdir()
            (self.outside / "below").mkdir(parents=True)
            for place in (self.root, self.outside, self.outside / "below"):
                (place / "secret").write_bytes(SECRET)
                (place / f"{SECRET.decode()}.txt").write_bytes(SECRET)
            (self.outside / "link").symlink_to("below")
        await super().start_server(**keywords)

    def empty(self) -> None:
        """Remove what is inside."""
        for path in self.inside.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def world(self) -> dict[str, tuple[object, ...]]:
        """Return all that can be changed outside."""
        seen: dict[str, tuple[object, ...]] = {}
        for path in (self.root, self.outside, *self.outside.rglob("*"), *self.root.glob("*secret*")):
            status = path.lstat()
            # The time of the directory that holds both sides, too: a name in it would change that.
            content = path.read_bytes() if path.is_file() else b""
            seen[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_nlink, status.st_uid, content)
        return seen

    def assert_nothing_seen(self, attempt: Attempt) -> None:
        """Assert that nothing from outside is in a reply or came over the data connection."""
        # The command itself may have named it.
        reply = attempt.reply.raw.replace(attempt.line.partition(b" ")[2], b"")
        for octets in (reply, attempt.octets):
            self.assertNotIn(SECRET, octets, str(attempt))

    async def attempts(self, source: str = "mine") -> Attempts:
        """Log in to try commands, with a file to rename."""
        client = await self.session()
        (self.inside / source).write_bytes(b"mine")
        return Attempts(client, self.server.commands, source)


def serve_walk(case: Any) -> dict[str, Any]:
    """Return keywords for a server that finds files without openat2."""
    roots = Roots(Mounts(), walk=True)
    case.addCleanup(roots.close)

    def store(connection: Any) -> PathIO:
        base = connection.user.base_path
        return PathIO.at(base, uploads=connection.uploads, threads=connection.storage_threads, roots=roots, walk=True)

    return {"path_io_factory": store}


def serve_threads(_case: Any) -> dict[str, Any]:
    """Return keywords for a server that makes no call to a file in the reactor thread."""
    return {"path_calls": "threads"}
