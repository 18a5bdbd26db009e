# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A client: logs in, does what its script says, and checks all that it gets.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from .accounts import PASSWORD
from .expectation import ABSENT, Files, whole
from .lines import Line
from .sent import Behaviour
from .session import TROUBLE, Finding, Session, SessionOver, Steps, Until
from .transfers import Transfers

if TYPE_CHECKING:
    from .world import World

__all__ = ["CONTROL_PORT", "Client"]

#: The port of the control connections.
CONTROL_PORT = 21

#: Seconds between two sessions of a client, at most.
BREAK = 20.0

#: What is asked without a data connection: the command, the codes and the text of its reply.
CHATTER = (
    ("NOOP", {200}, "Okay"),
    ("PWD", {257}, "/"),
    ("SYST", {215}, "UNIX"),
    ("FEAT", {211}, "MLST"),
    ("HELP", {214}, ""),
    ("STAT", {211}, "State"),
    ("MODE S", {200}, ""),
    ("MODE Z", {504}, ""),
    ("ALLO 1", {202}, ""),
    ("XYZQ", {500, 502}, ""),
    ("NOOP x", {501}, ""),
    ("ABOR", {225, 226}, "nothing to abort"),
    ("REST 0", {350}, "octet 0"),
    ("OPTS UTF8 ON", {200}, "UTF-8"),
    ("RNTO x", {503}, ""),
    ("CWD .", {250}, ""),
)

#: Ways of the transfers of a client that means well, and of others.
GOOD = (Behaviour.FINISHES, Behaviour.ASKS)
BAD = tuple(Behaviour)


class Client:
    """
    One client, with sessions one after another.

    :param number: of the client; its host, its login and its root are its own.
    :param seed: of its script.
    :param is_spared: whether no fault may hit it, so that everything has to succeed.
    :param root: the real root of its account.
    :param is_rival: whether others have the same root.
    :ivar files: what it knows of its files, of each session.
    """

    def __init__(self, world: World, number: int, seed: int, root: Path, *, is_spared: bool, is_rival: bool) -> None:
        self.world = world
        self.name = f"client {number}"
        self.host = f"10.0.0.{number + 1}"
        self.login = f"user{number}"
        self.root = root
        self.is_spared = is_spared
        self.is_rival = is_rival
        self.random = Random(f"{seed}: the script of {number}")
        self.files: list[Files] = []
        self._ports = 50000

    @property
    def is_prompt(self) -> bool:
        """Tell whether a call to its store is over when it was answered."""
        return self.is_spared or not self.world.chance.kinds & {"hung thread", "slow thread"}

    def next_port(self) -> int:
        """Return a port that the server can be told to call."""
        self._ports += 1
        return self._ports

    def life(self) -> Steps:
        """Have a few sessions."""
        for generation in range(self.random.randint(1, 3)):
            directory = self.root / f"{self.login}.{generation}"
            directory.mkdir()
            self.files.append(Files(directory))
            try:
                line = Line(self.world.network.connect(self.host, CONTROL_PORT, "control"))
            except ConnectionRefusedError:
                self.world.chance.note(self.name, "is refused")
                return
            visit = Visit(self, Session(self.world, self.name, line, self.is_spared), self.files[-1], directory.name)
            yield from visit.go()
            deadline = self.world.seconds() + self.random.random() * BREAK
            yield Until(lambda: False, deadline)


class Visit(Transfers):
    """One session of a client."""

    is_through = False

    def go(self) -> Steps:
        """Have the session, and look at how it ended."""
        try:
            yield from self._have()
        except SessionOver:
            self.world.chance.note(self.client.name, "is over")
        self.give_up()
        self.session.check_end()
        if self.client.is_spared and not self.is_through and not self.world.is_closing:
            raise Finding(f"{self.client.name}: was not served to the end")
        for line in (*self.session.data, self.session.line):
            line.close()

    def _have(self) -> Steps:
        if not (yield from self._log_in()):
            return
        for _ in range(self.random.randint(2, 8)):
            yield from self._something()
        yield from self._quit()

    # The login.

    def _log_in(self) -> Generator[Until, None, bool]:
        session, spared = self.session, self.client.is_spared
        if self.world.is_secure:
            yield from session.say("AUTH TLS", {234})
            session.secure()
        for _ in range(4):
            if self.random.random() < 0.2:
                yield from session.say("PWD", {530})
            user = session.ask(f"USER {self.client.login}", {331} if spared else {331, 451})
            done = session.ask(f"PASS {PASSWORD}", {230} if spared else {230, 451, 503, 530})
            yield from session.answer(user)
            yield from session.answer(done)
            if done.code == 230:
                return (yield from self._settle_in())
        yield from session.say("QUIT", {221})
        return False

    def _settle_in(self) -> Generator[Until, None, bool]:
        session = self.session
        if self.world.is_secure:
            yield from session.say("PBSZ 0", {200})
            yield from session.say("PROT P", {200})
            self.is_secure = True
        yield from session.say("TYPE I", {200})
        for _ in range(10):
            entered = yield from session.say(f"CWD {self.directory}", {250} | self._refusals(TROUBLE))
            if entered.code == 250:
                return True
        session.leave()
        return False

    # What the script has.

    def _something(self) -> Steps:
        transfers = (self._upload, self._upload, self._download, self._download, self.listing)
        names = (self._rename, self._delete, self._make_directory, self._size_of)
        rest = (self._compete, self._compete) if self.client.is_rival else ()
        step = self.random.choice((*transfers, *names, *rest, self._chat, self._chat, self._choose_type, self._oddity))
        yield from step()

    def _behaviour(self) -> Behaviour:
        if self.client.is_spared or self.random.random() < 0.5:
            return self.random.choice(GOOD)
        return self.random.choice(BAD)

    def _upload(self) -> Steps:
        yield from self.upload(self._behaviour())

    def _compete(self) -> Steps:
        yield from self.compete(self._behaviour())

    def _download(self) -> Steps:
        yield from self.download(self._behaviour())

    def _chat(self) -> Steps:
        chosen = [self.random.choice(CHATTER) for _ in range(self.random.choice((1, 3, 10, 100)))]
        asked = [self.session.ask(line, codes | self._unsure(line), text=text) for line, codes, text in chosen]
        for one in asked:
            yield from self.session.answer(one)

    def _unsure(self, line: str) -> frozenset[int]:
        return self._refusals(TROUBLE) if line.startswith("CWD") else frozenset()

    def _choose_type(self) -> Steps:
        self.is_text = self.random.random() < 0.3
        name = "A" if self.is_text else "I"
        yield from self.session.say(f"TYPE {name}", {200}, text=f"is {name} ")

    # Names.

    def _rename(self) -> Steps:
        present = self.files.present()
        if not present:
            return
        old, new = self.random.choice(present), self.random.choice([*present, f"r{self.random.randrange(9)}"])
        if new not in present and new in self.files.names(certain=False):
            return
        octets, replaced = self.files.content(old), self.files.content(new)
        assert octets is not None
        before = whole(replaced) if replaced is not None else ABSENT
        if old != new:
            self.files.now(old, whole(octets), ABSENT)
            self.files.now(new, before, whole(octets))
        refusals = self._refusals(TROUBLE)
        found = yield from self.session.say(f"RNFR {old}", {350} | refusals)
        if found.code == 350:
            found = yield from self.session.say(f"RNTO {new}", {250} | refusals)
        if old == new:
            return
        if found.code == 250:
            self.files.now(old, ABSENT)
            self.files.now(new, whole(octets))
        elif self.client.is_prompt:
            self.files.now(old, whole(octets))
            self.files.now(new, before)

    def _delete(self) -> Steps:
        present = self.files.present()
        if not present:
            return
        name = self.random.choice(present)
        octets = self.files.content(name)
        assert octets is not None
        self.files.now(name, whole(octets), ABSENT)
        asked = yield from self.session.say(f"DELE {name}", {250} | self._refusals(TROUBLE))
        if asked.code == 250:
            self.files.now(name, ABSENT)
        elif self.client.is_prompt:
            self.files.now(name, whole(octets))

    def _make_directory(self) -> Steps:
        name = f"d{self.random.randrange(100)}"
        if name in self.files.doubtful:
            return
        if name in self.files.directories:
            yield from self.session.say(f"MKD {name}", {550} | self._refusals(TROUBLE))
            return
        asked = yield from self.session.say(f"MKD {name}", {257} | self._refusals(TROUBLE))
        if asked.code == 257:
            self.files.directories.add(name)
        elif not self.client.is_prompt:
            self.files.doubtful.add(name)

    def _size_of(self) -> Steps:
        present = self.files.present()
        if not present or self.is_text:
            return
        name = self.random.choice(present)
        size = len(self.files.content(name) or b"")
        yield from self.session.say(f"SIZE {name}", {213} | self._refusals(TROUBLE), text=str(size))

    # Oddities.

    def _oddity(self) -> Steps:
        if self.client.is_spared:
            return
        oddity = self.random.choice((self._go, self._be_silent, self._do_not_read, self._wait, self._wait))
        yield from oddity()

    def _go(self) -> Steps:
        for line in self.random.choice(((), ("NOOP",), ("HELP", "STAT", "LIST"))):
            self.session.ask(line, frozenset())
        self.session.leave(by_reset=self.random.random() < 0.5)
        yield from self.session.until(lambda: False)

    def _be_silent(self) -> Steps:
        yield from self.session.pause(2000.0)
        raise Finding(f"{self.client.name}: a silent session was kept")

    def _wait(self) -> Steps:
        yield from self.session.pause(self.random.random() * 30)

    def _do_not_read(self) -> Steps:
        self.session.reads = False
        for _ in range(200):
            self.session.ask("HELP", {214})
        yield from self.session.pause(self.random.choice((5.0, 500.0)))
        self.session.reads = True
        while self.session.pending:
            yield from self.session.answer(self.session.pending[0])

    def _quit(self) -> Steps:
        asked = self.session.ask("QUIT", {221})
        yield from self.session.answer(asked)
        self.is_through = True
