# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Many clients that do all that clients do for a long time, with every octet compared; and nothing may be left behind.

    python -m tests.integration.soak --minutes 30 --sessions 200 --seed 1 --report soak.json

The servers are processes of twistd with configuration files, the clients threads of this process, each with an address
of its own. They log in, in clear and under TLS, transfer files in every mode and end the transfers in every way (see
:mod:`.random_transfers`), rename, list, delete, idle, try wrong passwords, and leave in the middle of anything. A third
process measures the servers meanwhile. In the end everybody leaves, and the servers must hold what they held before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .random_transfers import MAXIMUM_FAILURES, MEMORY, Book
from .random_transfers_client import PATIENCE
from .random_transfers_plan import Site, Step
from .random_transfers_server import STORES, Report
from .soak_probe import Probe
from .soak_server import KINDS, SoakServer
from .soak_session import SoakSession
from .soak_summary import Measured, memory_of, summary

__all__ = ["Soak", "main"]

#: Clients at most: each has an address in 127.0.1.0/24.
MAXIMUM_SESSIONS = 250

#: Part of the time within which the clients come, one by one; and part of it after which the servers are warm.
COMING, WARM = 0.05, 0.25

#: Octets by which a server may hold more when everybody has gone than before anybody came, free ones given back.
MAXIMUM_GROWTH = 32 * 1024 * 1024

#: Objects of one class by which a server may have more behind the work; a leak would be one for each of thousands.
MAXIMUM_OBJECTS = 50

#: Seconds between two lines about how it goes.
TELLING = 60.0


class Soak(Book):
    """
    A run.

    :param sessions: how many clients there are.
    :param seconds: how long.
    :param pace: seconds that each client waits between two things, in the mean.
    :param servers: names of those that there are.
    :param directory: where their configurations and logs go, and stay; ``None`` keeps nothing.
    :param tells: whether it is printed how it goes.
    :ivar measured: what was seen of each server.
    """

    def __init__(
        self,
        seed: int,
        sessions: int,
        seconds: float,
        pace: float,
        servers: Sequence[str] = tuple(KINDS),
        directory: Path | None = None,
        *,
        tells: bool = False,
    ) -> None:
        super().__init__(seed)
        self.sessions = sessions
        self.seconds = seconds
        self.pace = pace
        self.servers = servers
        self._directory = directory
        self._tells = tells
        self.over = threading.Event()
        self.measured: list[Measured] = []
        self._changed = threading.Condition()
        self._processes: dict[str, SoakServer] = {}
        self._most_sessions = dict.fromkeys(servers, 0)

    # What sessions ask; see :class:`.soak_session.Crowd`.

    def port(self, site: Site) -> int:
        """Return the port for *site*."""
        return self._processes[site.server].ports[site.tls == "implicit"]

    def directory(self, site: Site) -> Path:
        """Return the root of the account."""
        return self._roots[site.store] / site.server

    def wait_gone(self, source: str, number: int) -> None:
        """Wait until the servers have let go of that many sessions from *source*."""
        with self._changed:
            is_done = self._changed.wait_for(lambda: self._gone(source) >= number, PATIENCE)
        assert is_done, f"a server holds a session of {source}: {self._gone(source)} of {number} have ended"

    def _gone(self, source: str) -> int:
        return sum(process.log.gone[source] for process in self._processes.values())

    def failed(self, problem: str) -> None:
        """Take what is wrong; after enough of it the run ends."""
        super().failed(problem)
        self._tell(problem)
        if len(self.failures) >= MAXIMUM_FAILURES:
            self.over.set()

    # The run.

    def run(self) -> None:
        """Do everything."""
        with ExitStack() as stack:
            self._open(stack)
            self._warm_up()
            before = {name: process.report() for name, process in self._processes.items()}
            with self._probing() as probe:
                clients = self._work()
            after = {name: self._processes[name].settled(before[name]) for name in self.servers}
            for client in clients:
                client.look_back()
            for process in self._processes.values():
                process.stop()
            self._measure(probe, before, after)
            self._check()

    def _open(self, stack: ExitStack) -> None:
        """Start the servers."""
        memory = MEMORY if MEMORY.is_dir() else None
        self._roots = {
            store: Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftpserver-", dir=where)))
            for store, where in zip(STORES, (memory, None), strict=True)
        }
        directory = self._directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftpserver-")))
        for name in self.servers:
            (directory / name).mkdir(parents=True)
            process = SoakServer(name, self._roots, directory / name, self._changed, self._complain)
            self._processes[name] = process
            stack.callback(process.discard)
            assert process.ports
        self.share(Site(name, store, "free", "off", 1) for name in self.servers for store in STORES)

    def _complain(self, text: str) -> None:
        self.failed(f"a server complains: {text}")

    def _warm_up(self) -> None:
        """Let the servers open what they keep open from the first transfers on."""
        session = SoakSession(self, self.sessions)
        for name in self.servers:
            for tls in ("off", "explicit", "implicit"):
                session.go_to(Site(name, STORES[self.sessions % 2], "free", tls, 1))
                for verb in ("STOR", "RETR"):
                    session.warm(Step(verb, "warm", size=1000))
                session.attempt("the end of warming up", session.leave)
        self.counts.clear()

    @contextmanager
    def _probing(self) -> Iterator[Probe]:
        """Measure meanwhile."""
        servers = self._processes.values()
        probe = Probe(f"{STORES[0]}-free", [(process.ports[0], process.number) for process in servers])
        try:
            probe.begin()
            yield probe
        finally:
            if probe.end():
                self.failed("the process that measures has ended with an error")

    def _work(self) -> list[SoakSession]:
        """Let the clients do their work; return them."""
        clients = [SoakSession(self, number) for number in range(self.sessions)]
        threads = [threading.Thread(target=self._live, args=(client,)) for client in clients]
        end = time.monotonic() + self.seconds
        for thread in threads:
            thread.start()
            self.over.wait(self.seconds * COMING / self.sessions)
        while not self.over.wait(min(TELLING, max(0.0, end - time.monotonic()))) and time.monotonic() < end:
            self._tell(self._progress())
        self._tell(self._progress())
        self.over.set()
        for thread in threads:
            thread.join()
        return clients

    def _live(self, client: SoakSession) -> None:
        try:
            client.live()
        except Exception as error:
            self.failed(f"a client cannot go on: {error!r}")

    def _tell(self, text: str) -> None:
        if self._tells:
            sys.stderr.write(f"{text}\n")

    def _progress(self) -> str:
        for name, process in self._processes.items():
            self._most_sessions[name] = max(self._most_sessions[name], process.log.sessions)
        return (
            f"{self.counts['transfers']} transfers, {self.counts['errands']} errands, {self.counts['visits']} visits, "
            f"{self.counts['sessions']} logins, {len(self.failures)} problems; "
            f"sessions now: {[process.log.sessions for process in self._processes.values()]}"
        )

    def _measure(self, probe: Probe, before: dict[str, Report], after: dict[str, Report]) -> None:
        for name, samples in zip(self.servers, probe.samples, strict=True):
            self.measured.append(
                Measured(
                    name=name,
                    samples=samples,
                    memory=memory_of(samples, self.seconds * WARM, before[name].resident, after[name].resident),
                    before=before[name],
                    after=after[name],
                    log=dict(self._processes[name].log.counts),
                    most_sessions=self._most_sessions[name],
                )
            )

    def _check(self) -> None:
        for server in self.measured:
            for kind, text in server.leaks.items():
                self.failed(f"left behind by {server.name}: {kind}: {text}")
            for kind, number in server.grown.items():
                if number > MAXIMUM_OBJECTS:
                    self.failed(f"left behind by {server.name}: {number} of {kind}")
            growth = server.after.resident - server.before.resident
            if growth > MAXIMUM_GROWTH:
                self.failed(f"the memory of {server.name} has grown by {growth // 1024} KiB")

    # What came of it.

    def summary(self) -> str:
        """Return in words what was done and found."""
        title = f"seed {self.seed}, {self.sessions} sessions, {self.seconds:.0f} s, one thing each {self.pace} s"
        return summary(title, self.counts, self.measured, self.failures)

    def as_json(self) -> dict[str, Any]:
        """Return what was done and found, with every sample."""
        return {
            "seed": self.seed,
            "sessions": self.sessions,
            "seconds": self.seconds,
            "pace": self.pace,
            "counts": dict(self.counts),
            "failures": self.failures,
            "servers": [server.as_json() for server in self.measured],
        }


def main(arguments: Sequence[str]) -> int:
    """Run, print the summary, and return how many problems there are."""
    parser = argparse.ArgumentParser(prog="soak", description="Many clients for a long time, every octet compared.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--sessions", type=int, default=200, choices=range(1, MAXIMUM_SESSIONS + 1), metavar="NUMBER")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--pace", type=float, default=2.0, help="seconds between two things of a client, in the mean")
    parser.add_argument("--server", choices=KINDS, action="append", help="the only one that there is")
    parser.add_argument("--report", type=Path, help="file for everything, as JSON")
    parser.add_argument("--directory", type=Path, help="a new one, for the configurations and logs of the servers")
    options = parser.parse_args(arguments)
    soak = Soak(
        options.seed,
        options.sessions,
        options.minutes * 60,
        options.pace,
        options.server or tuple(KINDS),
        options.directory,
        tells=True,
    )
    soak.run()
    sys.stdout.write(soak.summary() + "\n")
    if options.report is not None:
        options.report.write_text(json.dumps(soak.as_json()))
    return len(soak.failures)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
