# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Names that change places with links out of the root while commands run.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from ..integration.clients import Running, start
from . import swapping
from .outside import SECRET, OutsideTestCase, serve_threads, serve_walk
from .verbs import paths_of

#: Commands that run during the races of one way to serve; to search longer, raise it in the environment.
COMMANDS = int(os.environ.get("FTPSERVER_ROUNDS", "1000"))

SEED = int(os.environ.get("FTPSERVER_SEED", "20260101"))

#: What changes places with what.
PAIRS = (("door", "out"), ("name", "link"), ("fifo", "plain"), ("deep/way", "deep/out"))

#: What commands are about.
NAMES = (
    "door", "door/secret", "out/secret", "name", "link", "fifo", "plain", "deep/way/secret", "deep/out", "deep/way",
)  # fmt: skip

#: Verbs that leave other names behind.
CHANGING = frozenset({"STOR", "STOU", "APPE", "DELE", "RNTO", "MKD", "XMKD", "RMD", "XRMD"})


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Let a process do nothing in the ``with`` block."""
    os.kill(process, signal.SIGSTOP)
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        os.sched_yield()
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


class RaceTests(OutsideTestCase):
    """A directory, a file and a FIFO that change places with links out of the root, all the time."""

    def plant(self) -> None:
        """Make each pair anew: what is inside, and what it changes places with."""
        self.empty()
        (self.inside / "mine").write_bytes(b"mine")
        for one, other in PAIRS:
            there, link = self.inside / one, self.inside / other
            there.parent.mkdir(exist_ok=True)
            if one == "fifo":
                os.mkfifo(there)
                link.write_bytes(b"inside")
            elif one == "name":
                there.write_bytes(b"inside")
                link.symlink_to(self.outside / "secret")
            else:
                there.mkdir()
                (there / "secret").write_bytes(b"inside")
                link.symlink_to(self.outside)

    def swap(self) -> Running:
        """Let another process exchange each pair until its input ends."""
        program = os.fspath(Path(swapping.__file__))
        return start(sys.executable, program, *(os.fspath(self.inside / name) for pair in PAIRS for name in pair))

    async def try_everything(self, running: Running, commands: int) -> set[bool]:
        """Run the commands, make anew what they have changed, and return whether they succeeded."""
        attempts = await self.attempts()
        random = Random(SEED)
        verbs = list(paths_of(self.server.commands).items())
        answered = set()
        for number in range(commands):
            verb, between = verbs[number % len(verbs)]
            await attempts.client.command("CWD /", 250)
            attempt = await attempts(verb, between + b"/" + random.choice(NAMES).encode())
            self.assertNotIn(SECRET, attempt.octets + attempt.reply.raw, str(attempt))
            answered.add(attempt.succeeded)
            if attempt.succeeded and verb in CHANGING:
                with stopped(running.process.pid):
                    self.plant()
        return answered

    async def race(self, commands: int, **keywords: Any) -> None:
        """Run commands of every verb with a path at names that change."""
        if keywords:
            await self.restart_server(**keywords)
        self.plant()
        before = self.world()
        running = self.swap()
        await running.wrote()
        try:
            answered = await self.try_everything(running, commands)
        finally:
            running.process.closeStdin()
            finished = await running.finished
        self.assertEqual(self.world(), before)
        self.assertEqual(finished.status, 0, finished.text)
        # The race was one: names changed more often than commands came, and some commands were served.
        self.assertGreater(int(finished.output.split()[-1]), commands)
        self.assertEqual(answered, {True, False})
        await self.assert_served()

    async def test_nothing_outside_is_reached(self) -> None:
        """Whatever the moment, nothing outside is read or changed, and no FIFO keeps the server waiting."""
        await self.race(COMMANDS)

    async def test_nothing_outside_is_reached_without_the_kernel(self) -> None:
        """The same where files are found component by component, for kernels without openat2."""
        await self.race(COMMANDS // 3, **serve_walk(self))

    async def test_nothing_outside_is_reached_in_threads(self) -> None:
        """The same where calls to files are made in threads."""
        await self.race(COMMANDS // 3, **serve_threads(self))
