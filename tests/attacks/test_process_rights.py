# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A process without the rights of root: what the system lets it not see seems missing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from ftpserver.commands import COMMANDS

from .harness import ProcessAttackTestCase
from .verbs import Attempts, paths_of

SECRET = b"kept-from-everybody"

#: A user of the system with no rights at all.
NOBODY = 65534


class UnreadableTests(ProcessAttackTestCase):
    """Files and directories that the system keeps from the server."""

    user = NOBODY

    def setUp(self) -> Any:
        """Skip where nobody can be somebody else."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give up the rights of root")
        return super().setUp()

    async def start_server(self, **keywords: Any) -> None:
        """Make what may not be seen: files of root, and a directory of root."""
        os.chown(self.root, NOBODY, NOBODY)
        (self.root / "closed").mkdir(mode=0o700, exist_ok=True)
        (self.root / "closed" / "file").write_bytes(SECRET)
        (self.root / "file").write_bytes(SECRET)
        (self.root / "file").chmod(0o600)
        await super().start_server(**keywords)

    def rights(self) -> dict[str, str]:
        """Return what the system says of the process."""
        lines = Path(f"/proc/{self.process.number}/status").read_text().splitlines()
        return {name: " ".join(rest.split()) for name, _, rest in (line.partition(":") for line in lines)}

    async def test_no_right_is_left(self) -> None:
        """The process has no capability and no group of root, and cannot get them back."""
        rights = self.rights()
        self.assertEqual([rights[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")], ["0" * 16] * 4)
        self.assertEqual((rights["Uid"], rights["Gid"]), (" ".join([str(NOBODY)] * 4),) * 2)
        self.assertEqual(rights["Groups"], "")

    async def test_what_cannot_be_read_seems_missing(self) -> None:
        """Each verb says the same, octet by octet, of what is in a closed directory and of what is not there."""
        attempts = Attempts(await self.session(), COMMANDS, "mine")
        creating = {"STOR", "APPE", "STOU", "MKD", "XMKD", "RNTO"}
        for verb, between in paths_of(COMMANDS).items():
            replies = []
            for path in (b"closed/file", b"closed/none", b"absent/file"):
                (self.root / "mine").write_bytes(b"mine")
                attempt = await attempts(verb, between + path)
                self.assertEqual(attempt.reply.code // 100, 5, str(attempt))
                replies.append((attempt.reply.raw, attempt.octets))
            self.assertEqual(replies[0], replies[1], verb)
            if verb not in creating:
                self.assertEqual(replies[0], replies[2], verb)
        self.assertEqual((self.root / "closed" / "file").read_bytes(), SECRET)

        await self.assert_kept(attempts)

    async def assert_kept(self, attempts: Attempts) -> None:
        """Assert the same of a file that is seen and may not be read; it is not replaced either."""
        missing = await attempts("RETR", b"absent")
        for verb in ("RETR", "APPE", "STOR"):
            attempt = await attempts(verb, b"file")
            self.assertEqual((attempt.reply.raw, attempt.octets), (missing.reply.raw, b""))
        self.assertEqual((self.root / "file").read_bytes(), SECRET)
        await self.assert_served()
