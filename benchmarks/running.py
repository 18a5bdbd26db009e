# -*- test-case-name: tests.test_benchmarks_running -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Rounds: every server does the same work in turns, and each round goes the other way than the one before.

A slow minute of the machine falls on all of them so, and who comes first has no advantage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .amounts import Amounts
from .apart import Apart, LoadFailed
from .cases import Case, Task
from .peers import Peer
from .results import CaseResult, Measured
from .servers import DidNotStart, RunningServer
from .site import Site

__all__ = ["Bench", "turns", "unfit"]

#: The share of the work that a server does before it is measured.
WARM_UP = 0.02

#: Seconds after which a round has failed.
LONGEST = 600.0


def turns(names: Sequence[str], round_: int) -> list[str]:
    """Return the order of one round, which counts from 0."""
    return list(names) if round_ % 2 == 0 else list(reversed(names))


def unfit(case: Case, peer: Peer) -> str | None:
    """Return why a case says nothing about a server, ``None`` if it does."""
    if case.variant not in peer.variants:
        return "no TLS" if case.variant == "tls" else "no speed limits"
    return f"no {case.command}" if case.command in peer.lacks else None


@dataclass(frozen=True, slots=True)
class Bench:
    """
    What cases are measured with.

    :ivar site: what is served.
    :ivar amounts: of work.
    :ivar rounds: how often.
    :ivar processors: of the server and of the load.
    :ivar say: is told how it goes on.
    """

    site: Site
    amounts: Amounts
    rounds: int
    processors: tuple[int, int]
    say: Callable[[str], object]

    def measure(self, case: Case, peers: Sequence[Peer]) -> CaseResult:
        """Measure one case at all servers."""
        result = CaseResult(case.name, case.title, case.label, case.unit, case.compares)
        fit: dict[str, Peer] = {}
        for peer in peers:
            reason = unfit(case, peer)
            if reason is None:
                fit[peer.name] = peer
            else:
                result.absent[peer.name] = reason
        with self._servers(case, fit, result) as servers:
            for round_ in range(self.rounds):
                for name in turns([name for name in fit if name not in result.absent], round_):
                    self._one_round(case, fit[name], servers, result)
        for name in result.absent:
            result.rounds.pop(name, None)
        return result

    @contextmanager
    def _servers(self, case: Case, peers: dict[str, Peer], result: CaseResult) -> Iterator[dict[str, RunningServer]]:
        """Start the servers that stay for all rounds, and let them warm up."""
        servers: dict[str, RunningServer] = {}
        try:
            if not case.is_fresh:
                for name, peer in peers.items():
                    with self._failing(case, name, result):
                        servers[name] = self._start(case, peer)
                        self.work(case, servers[name], self.amounts.part(WARM_UP))
            yield servers
        finally:
            for server in servers.values():
                server.stop()

    def _start(self, case: Case, peer: Peer) -> RunningServer:
        return RunningServer(peer, self.site, case.variant, self.processors[0])

    @contextmanager
    def _failing(self, case: Case, name: str, result: CaseResult) -> Iterator[None]:
        """A server that fails is out of the case, and the others go on."""
        try:
            yield
        except (LoadFailed, DidNotStart) as error:
            result.absent[name] = f"failed: {error}"
            self.say(f"{case.name}: {name} failed: {error}")

    def _one_round(self, case: Case, peer: Peer, servers: dict[str, RunningServer], result: CaseResult) -> None:
        with self._failing(case, peer.name, result):
            if not case.is_fresh:
                measured = self.work(case, servers[peer.name], self.amounts)
            else:
                server = self._start(case, peer)
                try:
                    measured = self.work(case, server, self.amounts)
                finally:
                    server.stop()
            result.rounds.setdefault(peer.name, []).append(measured)
            self.say(f"{case.name}: {peer.name}: {measured.figure:.4g} {case.label}, {measured.wall:.2f} s")

    def work(self, case: Case, server: RunningServer, amounts: Amounts) -> Measured:
        """
        Do the work of one round.

        :raises LoadFailed: if it cannot be done.
        """
        task = Task(server.door, self.site, amounts, server.tree)

        def work() -> Measured:
            try:
                return case.run(task)
            finally:
                task.close()

        try:
            return Apart(work, self.processors[1]).result(LONGEST)
        finally:
            self.site.clear_uploads()
