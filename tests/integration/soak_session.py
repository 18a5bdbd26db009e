# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What one client of :mod:`.soak` does all the time.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from . import random_transfers_session
from .random_transfers_client import Control
from .random_transfers_models import difference
from .random_transfers_plan import Site, Step
from .random_transfers_server import RATES, STORES
from .random_transfers_session import LEAVING, Session
from .random_transfers_transfer import Transfer
from .soak_errands import ERRANDS, VISITS, Errand, Visit

__all__ = ["Crowd", "SoakSession"]

#: How often a client makes a transfer, something else, or another connection beside.
TRANSFERS, ELSE, BESIDE = 70, 22, 8

#: Seconds within which what a thread of the server does for a client that has left is done.
SETTLING = 20.0

#: Seconds between two looks whether it is.
LOOKING = 0.02


class Crowd(random_transfers_session.Campaign, Protocol):
    """
    What all clients have in common.

    :ivar servers: names of those that there are.
    :ivar pace: seconds that a client waits between two things, in the mean.
    :ivar over: is set when everybody goes home.
    """

    servers: Sequence[str]
    pace: float
    over: threading.Event


class SoakSession(Session):
    """
    What one thread does: it transfers files, and everything else that clients do, until all is over.

    :param number: of the thread.
    """

    # Every thread keeps what is in its files.
    maximum_files = 4

    def __init__(self, crowd: Crowd, number: int) -> None:
        super().__init__(crowd, number)
        self._crowd = crowd
        self._settled_at = 0.0

    def live(self) -> None:
        """Do one thing after another."""
        for number in itertools.count():
            rng = random.Random(f"{self._crowd.seed}/{self._number}/{number}")
            if self._control is None or rng.random() < LEAVING:
                self.attempt(f"step {number}", self.leave)
                self.go_to(self._draw_site(rng))
            self._do(number, rng)
            if self._crowd.over.wait(rng.expovariate(1 / self._crowd.pace)):
                break
        self.attempt("the end", self.leave)

    def _draw_site(self, rng: random.Random) -> Site:
        return Site(
            server=rng.choice(self._crowd.servers),
            store=STORES[self._number % len(STORES)],
            rate=rng.choices(list(RATES), (6, 2, 2))[0],
            tls=rng.choices(("off", "explicit", "implicit"), (4, 5, 1))[0],
            version=rng.randrange(2),
        )

    def _do(self, number: int, rng: random.Random) -> None:
        kind = rng.choices(("transfer", "errand", "visit"), (TRANSFERS, ELSE, BESIDE))[0]
        if kind == "transfer":
            self.transfer(number, rng)
        elif kind == "errand":
            name = rng.choice(sorted(ERRANDS))
            self.attempt(f"step {number}, {self.site}, {name}", self._errand, name, rng)
        else:
            name = rng.choice(sorted(VISITS))
            self.attempt(f"step {number}, {self.site}, {name}", self._visit, name, rng)

    def _errand(self, name: str, rng: random.Random) -> None:
        ERRANDS[name](Errand(self.enter(), self.files, rng, self._crowd.over))
        self._crowd.count("errands", f"errand: {name}")

    def _visit(self, name: str, rng: random.Random) -> None:
        campaign, site = self._crowd, self.site
        control = Control(campaign.port(site), self.source, campaign.contexts[site.version])
        try:
            self._opened += 1
            if site.tls == "implicit":
                control.begin_tls()
            assert control.reply().code == 220
            VISITS[name](Visit(control, site, rng))
        finally:
            rng.choice((control.link.leave, control.link.reset))()
        campaign.count("visits", f"visit: {name}")

    def compare(self, step: Step, transfer: Transfer, data: bytes, expected: bytes) -> None:
        """
        See :meth:`Session.compare`.

        The server may still undo in a thread what somebody who has left had begun, and no reply tells of its end.
        """
        before = dict(self.files)
        if step.ending.ends_session:
            self._settled_at = time.monotonic() + SETTLING
        while True:
            try:
                super().compare(step, transfer, data, expected)
                break
            except AssertionError:
                if not step.ending.ends_session or self._is_settled:
                    raise
            self._stores[self.site.server, self.site.store] = dict(before)
            time.sleep(LOOKING)
        if step.ending.ends_session:
            self._forget_undone(before)

    @property
    def _is_settled(self) -> bool:
        return time.monotonic() > self._settled_at

    def _forget_undone(self, before: Mapping[str, bytes]) -> None:
        """Wait whether a new file that is empty stays: it may be one that is removed in a moment."""
        for name in [name for name, data in self.files.items() if not data and name not in before]:
            while (self.directory / name).exists() and not self._is_settled:
                time.sleep(LOOKING)
            if not (self.directory / name).exists():
                del self.files[name]

    def compare_names(self) -> None:
        """See :meth:`Session.compare_names`; what somebody had begun who has left may come and go for a moment."""
        while self.names() != set(self.files) and not self._is_settled:
            time.sleep(LOOKING)
        super().compare_names()

    def look_back(self) -> None:
        """Compare all that is in the directories of this thread in the end."""
        for server, store in self._stores:
            self.go_to(Site(server, store, "free", "off", 1))
            found = self._found()
            problem = "; ".join(
                f"{name}: {wrong}"
                for name in found.keys() | self.files.keys()
                if (wrong := difference(found.get(name), self.files.get(name)))
            )
            self._crowd.count("files compared in the end")
            if problem:
                self._crowd.failed(f"session {self._number}, in the end, in {self.directory}: {problem}")
