# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Session mix-ups: a seeded generator interferes with transfers at every point of them.

Whatever it does, every command has one final reply, in order; nothing is left; and no upload looks whole that is not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from zope.interface import implementer

from ftpserver.core.events import Event, Outcome, Stored
from ftpserver.interfaces import IObserver

from .client import ActiveListener, Client, ConnectionClosed, DataConnection
from .client_contract import content
from .harness import ServerTestCase

#: Rounds in the suite; to search longer, raise it in the environment.
ROUNDS = int(os.environ.get("FTPSERVER_ROUNDS", "400"))
SEED = int(os.environ.get("FTPSERVER_SEED", "20260101"))

#: Larger than what the buffers of the system take: such a download never ends unless it is read.
HUGE = 48 * 1024 * 1024
LARGE = 1024 * 1024
SMALL = 1000

OLD = b"the old content"

#: Final replies that a command may have, whatever happens to it.
ALLOWED = {
    "RETR": {226, 425, 426, 451},
    "STOR": {226, 425, 426, 451},
    "LIST": {226, 425, 426, 451},
    "MLSD": {226, 425, 426, 451},
    "NOOP": {200},
    "STAT": {211},
    "ABOR": {225, 226},
    "QUIT": {221},
    "PWD": {257},
}

#: Commands that may be answered before a transfer that came before them; no other command has their codes.
OVERTAKING = {"NOOP": 200, "STAT": 211}

PIPELINED = (
    ("NOOP",), ("STAT",), ("ABOR",), ("NOOP", "ABOR"), ("ABOR", "NOOP"), ("STAT", "ABOR", "NOOP"), ("ABOR", "ABOR"),
    ("NOOP",) * 5, ("NOOP", "STAT") * 3 + ("ABOR",), ("PWD", "ABOR"), ("PWD", "NOOP", "ABOR", "PWD"),
)  # fmt: skip

MISCHIEF = ("nothing", "commands", "commands", "urgent abort", "quit", "data end", "data reset", "end", "reset")

#: How ABOR is announced over Telnet: interrupt process, synch (RFC 959, section 4.1.3).
TELNET_INTERRUPT = b"\xff\xf4\xff\xf2"


@implementer(IObserver)
class Uploads:
    """Keeps the events of uploads."""

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}

    def __call__(self, event: Event) -> None:
        """Keep it."""
        if isinstance(event, Stored):
            self.stored[event.path.lstrip("/")] = event


@dataclass
class Round:
    """
    One transfer and what befell it.

    :ivar sent: verbs in the order in which they were sent.
    :ivar uploaded: octets that were given to the data connection.
    """

    number: int
    verb: str
    name: str
    mischief: str
    way: str
    sent: list[str] = field(default_factory=list)
    uploaded: bytes = field(default=b"", repr=False)
    cuts_session: bool = False
    data: DataConnection | None = None
    listener: ActiveListener | None = None


class MixUpTests(ServerTestCase):
    """Random interference with transfers."""

    timeout = 600

    def server_keywords(self) -> dict[str, Any]:
        """Wait shortly for data connections that never come, and keep no part of an upload."""
        self.uploads = Uploads()
        self._alive = 0
        return {
            **super().server_keywords(),
            "wait_future_timeout": 0.05,
            "partial_uploads": "remove",
            "observers": [self.uploads],
        }

    async def test_one_final_reply_a_command_and_nothing_left(self) -> None:
        """Aborts, queries, ends and resets at random points of transfers never confuse a session."""
        await self._play(Random(SEED), ROUNDS, user="alice")

    async def test_sessions_do_not_disturb_each_other(self) -> None:
        """The same with six sessions at once."""
        playing = [
            Deferred.fromCoroutine(self._play(Random(f"{SEED} {lane}"), ROUNDS // 6, user="alice", lane=f"lane{lane}-"))
            for lane in range(6)
        ]
        # Every lane comes to its end, so that a failure of one leaves nothing of the others behind.
        results: list[tuple[bool, Any]] = await DeferredList(playing, consumeErrors=True)
        for succeeded, result in results:
            if not succeeded:
                result.raiseException()

    async def _finish(self) -> None:
        await super()._finish()
        left = [thread.name for thread in threading.enumerate() if "ftpserver" in thread.name]
        self.assertEqual(left, [], "a thread is left")

    async def _play(self, random: Random, rounds: int, user: str, lane: str = "") -> None:
        self._plant()
        client = await self._new_session(user)
        outcomes: set[int] = set()
        for number in range(rounds):
            if client.is_lost:
                client = await self._new_session(user)
            one = self._plan(random, number, lane)
            outcomes |= await self._round(client, random, one)
        self.assertLessEqual({226, 426}, outcomes, "the rounds were not of every kind")

    async def _new_session(self, user: str) -> Client:
        client = await self.session(user)
        self._alive += 1
        return client

    def _plant(self) -> None:
        self.write("small", content(SMALL))
        self.write("large", content(LARGE))
        with (self.root / "huge").open("wb") as file:
            file.truncate(HUGE)

    def _plan(self, random: Random, number: int, lane: str) -> Round:
        verb = random.choice(("RETR", "RETR", "STOR", "STOR", "LIST", "MLSD"))
        mischief = random.choice(MISCHIEF)
        # What never ends by itself must be cut.
        cut = mischief in ("data end", "data reset", "end", "reset", "urgent abort")
        name = {
            "RETR": random.choice(("small", "large", "huge") if cut else ("small", "large")),
            "STOR": f"{lane}up{number}",
        }.get(verb, "")
        if verb == "STOR" and random.random() < 0.5:
            self.write(name, OLD)
        way = random.choice(("passive", "passive", "active", "none"))
        return Round(number, verb, name, mischief, way)

    async def _round(self, client: Client, random: Random, one: Round) -> set[int]:
        await self._open(client, one)
        self._say(client, one, f"{one.verb} {one.name}".strip())
        await self._let_it_run(client, random, one)
        await self._interfere(client, random, one)
        self._let_it_end(one)
        codes = await self._replies(client, one)
        await self._settle(client, one)
        if not one.cuts_session:
            self._check_replies(one, codes)
        if one.verb == "STOR":
            self._check_upload(one, codes)
        return set(codes)

    def _say(self, client: Client, one: Round, *lines: str, prefix: bytes = b"") -> None:
        one.sent.extend(line.split(" ")[0] for line in lines)
        client.send(prefix + "".join(f"{line}\r\n" for line in lines).encode())

    async def _open(self, client: Client, one: Round) -> None:
        if one.way == "active":
            one.listener = await client.active()
        else:
            port = await client.passive_port()
            if one.way == "passive":
                one.data = await client.open_data(port)

    async def _let_it_run(self, client: Client, random: Random, one: Round) -> None:
        """Let the transfer come to a random point of it."""
        for _ in range(random.randrange(6)):
            await client.turn()
        if one.listener is not None:
            one.data = await one.listener.connection()
            await client.turn()
        if one.data is None or one.data.is_lost:
            return
        if one.name == "huge":
            await one.data.some(random.randrange(1, LARGE))
            one.data.pause()
        elif one.verb == "STOR":
            one.uploaded = content(random.choice((0, 1, SMALL, LARGE)), one.number)
            one.data.send(one.uploaded)
        for _ in range(random.randrange(6)):
            await client.turn()

    async def _interfere(self, client: Client, random: Random, one: Round) -> None:
        match one.mischief:
            case "commands":
                self._say(client, one, *random.choice(PIPELINED))
            case "urgent abort":
                self._say(client, one, "ABOR", prefix=TELNET_INTERRUPT)
            case "quit":
                self._say(client, one, "QUIT")
            case "data end" if one.data is not None and not one.data.is_lost:
                one.data.resume()
                one.data.close()
            case "data reset" if one.data is not None and not one.data.is_lost:
                one.data.reset()
            case "end":
                one.cuts_session = True
                client.close()
            case "reset":
                one.cuts_session = True
                client.reset()
        for _ in range(random.randrange(4)):
            await client.turn()

    def _let_it_end(self, one: Round) -> None:
        data = one.data
        if data is None or data.is_lost:
            return
        if one.verb == "STOR" and one.mischief not in ("end", "reset"):
            data.finish()
        elif one.name == "huge" and not one.cuts_session and one.mischief != "urgent abort":
            data.reset()

    async def _replies(self, client: Client, one: Round) -> list[int]:
        """Read up to the reply of a last command, or to the end."""
        if not one.cuts_session and one.mischief != "quit":
            self._say(client, one, "PWD")
        codes: list[int] = []
        try:
            while codes.count(257) < one.sent.count("PWD") or "PWD" not in one.sent:
                codes.append((await client.reply()).code)
        except ConnectionClosed:
            await client.lost()
        return codes

    async def _settle(self, client: Client, one: Round) -> None:
        """Close what the round has opened; after the end of a session, wait until the server has forgotten it."""
        if one.listener is not None:
            for connection in one.listener.connections:
                await connection.vanish()
            await one.listener.stop()
            client.listeners.remove(one.listener)
        if one.data is not None:
            await one.data.vanish()
        client.opened.clear()
        if client.is_lost:
            self._alive -= 1
            await self.until(lambda: self.server.sessions <= self._alive)

    def _check_replies(self, one: Round, codes: Sequence[int]) -> None:
        story = f"seed {SEED}: {one}"
        finals = [code for code in codes if code >= 200]
        self.assertEqual(len(finals), len(one.sent), f"{codes} to {one.sent}; {story}")
        for verb, code in OVERTAKING.items():
            self.assertEqual(finals.count(code), one.sent.count(verb), f"{codes} to {one.sent}; {story}")
        ordered = [verb for verb in one.sent if verb not in OVERTAKING]
        answers = [code for code in finals if code not in OVERTAKING.values()]
        for verb, code in zip(ordered, answers, strict=True):
            self.assertIn(code, ALLOWED[verb], f"{codes} to {one.sent}; {story}")
        marks = [place for place, code in enumerate(codes) if code < 200]
        self.assertLessEqual(len(marks), 1, f"{codes}; {story}")
        self.assertLessEqual(marks, [codes.index(answers[0])], f"{codes}: the mark came late; {story}")

    def _check_upload(self, one: Round, codes: Sequence[int]) -> None:
        story = f"seed {SEED}: {one}"
        event = self.uploads.stored.pop(one.name, None)
        is_whole = event is not None and event.outcome is Outcome.COMPLETE
        if not one.cuts_session:
            answered = [code for code in codes if code >= 200 and code not in OVERTAKING.values()]
            self.assertEqual(is_whole, answered[:1] == [226], f"{event}, {codes}; {story}")
        path = self.root / one.name
        found = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        if is_whole:
            self.assertEqual(found, one.uploaded, f"{event}; {story}")
        elif one.cuts_session:
            # Nobody was told; it may just have been whole.
            self.assertIn(found, (None, OLD, one.uploaded), f"{len(found or b'')} octets are left; {event}; {story}")
        else:
            self.assertIn(found, (None, OLD), f"{len(found or b'')} octets are left; {event}; {story}")
