# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One run: a server, its clients, and what must be true when they have gone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from traceback import format_exc
from typing import Any, Literal, get_args

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ftpserver.core.users import User
from ftpserver.errors import PathTimeout
from ftpserver.pathio.procfs import descriptors_of_this_process
from ftpserver.server import Server

from .accounts import SimulatedUsers
from .certificate import client_context, server_tls
from .chance import Chance, InjectedFailure
from .client import CONTROL_PORT, Client
from .disk import Disks
from .lines import Line
from .log import watching
from .network import Network
from .reactor import SimulatedReactor, SteppedThreads
from .rivals import Rivals
from .session import Finding, Until
from .store import Stores
from .system import SimulatedSystem

__all__ = ["PUMPS", "Pump", "Run", "World", "simulate"]

#: How octets get from sockets into files and back: by sendfile and splice; by copying where those refuse; through the
#: buffers that TLS shares; by the methods of files, in the reactor thread's turn or in threads, with TLS or without.
Pump = Literal["kernel", "copy", "tls", "portable", "portable-tls", "threads"]
PUMPS: tuple[Pump, ...] = get_args(Pump)

#: Steps after which a run is taken for one that never ends.
MAXIMUM_STEPS = 100_000

#: Threads of the server for calls to files.
THREADS = 4

#: Passive ports where the server chooses them: one for each client, and some more.
DATA_PORTS = range(50000, 50012)


@dataclass
class Run:
    """
    What came of a run.

    :ivar findings: what must not be; empty if all is well.
    """

    seed: int
    pump: Pump
    findings: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def expects(self, failure: Failure) -> bool:
        """Tell whether a fault stands behind a failure that was logged."""
        if failure.check(InjectedFailure):
            return True
        # A backend that never answers at the end of a login; the client may go while it is waited for.
        hung = self.faults["logout hangs"] + self.faults["store close hangs"]
        return bool(hung and failure.check(PathTimeout, CancelledError))


def simulate(seed: int, pump: Pump) -> Run:
    """Run one seed on one pump."""
    run = Run(seed, pump)
    with TemporaryDirectory(dir=_memory()) as directory, watching(run.expects, run.findings):
        _live(run, Path(directory))
    return run


def _live(run: Run, directory: Path) -> None:
    """Run a world that is forgotten behind this, so that what it has left to say is heard."""
    world = World(run.seed, run.pump, directory)
    world.findings = run.findings
    run.faults, run.trace = world.chance.counts, world.chance.trace
    try:
        world.run()
    except Finding as finding:
        world.findings.append(str(finding))
    except Exception:
        world.findings.append(format_exc())
    if world.findings:
        world.let_go()


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


class World:
    """
    Everything of one run.

    :ivar findings: what must not be.
    :ivar is_secure: whether everything goes under TLS.
    :ivar is_closing: whether the server was told to stop.
    :ivar rivals: files that several clients write, if there are any.
    :ivar strangers: who has connected to ports that are for others.
    """

    def __init__(self, seed: int, pump: Pump, directory: Path) -> None:
        self.findings: list[str] = []
        self.reactor = SimulatedReactor()
        self.chance = self.reactor.chance = Chance(seed, self.reactor.seconds)
        self.is_secure = pump.endswith("tls")
        self.client_context = client_context()
        self.is_closing = False
        self.strangers: list[Line] = []
        self._pump = pump
        self._random = Random(f"{seed}: the settings")
        self._choose_settings()
        self._make_clients(seed, directory)
        spared = [client for client in self.clients if client.is_spared]
        self._spared_roots = frozenset(str(client.root) for client in spared)
        hosts = frozenset(client.host for client in spared)
        self.network = self.reactor.network = Network(self.chance, hosts, self.largest, is_secure=self.is_secure)
        self.disks = Disks(self.chance)
        self.stores = Stores(self.reactor, self.disks, self._spared_roots, real_files=not pump.startswith("portable"))
        self.system = SimulatedSystem(self.reactor, self.disks, refuses=pump == "copy")
        self.server = self._make_server(frozenset(client.login for client in spared))

    def _choose_settings(self) -> None:
        choice = self._random.choice
        self.largest = choice((2000, 2000, 70000, 70000, 300000, 1500000))
        self.is_atomic = choice((True, True, True, True, False))
        self.keeps_parts = choice((True, True, False))
        self._fsync: Literal["never", "file", "directory"] = choice(("never", "never", "file", "directory"))
        self.closes_early = self._random.random() < 0.1

    def _make_clients(self, seed: int, directory: Path) -> None:
        """Make the clients: the first is spared, most often; some of the others have one root."""
        has_spared = self._random.random() < 0.8
        self.clients: list[Client] = []
        number_of_rivals = self._random.choice((0, 0, 2, 3, 4))
        for number in range(self._random.randint(2, 6)):
            is_rival = 0 < number <= number_of_rivals
            root = directory / f"root{1 if is_rival else number}"
            root.mkdir(exist_ok=True)
            client = Client(self, number, seed, root, is_spared=has_spared and number == 0, is_rival=is_rival)
            self.clients.append(client)
        self.rivals = Rivals(self.clients[1].root) if number_of_rivals else None

    @property
    def may_turn_away(self) -> bool:
        """Tell whether the server may close a connection at once, without a greeting."""
        return bool(self.chance.counts["accept: EMFILE"] or self.chance.counts["accept: ECONNABORTED"])

    @property
    def files_shrink(self) -> bool:
        """Tell whether files may become shorter while they are read."""
        return "file shrinks" in self.chance.kinds

    @property
    def may_sync_in_vain(self) -> bool:
        """Tell whether a file may have its name by the time that forcing this to the disk fails."""
        return self._fsync == "directory" and "flush fails" in self.chance.kinds

    def seconds(self) -> float:
        """Return the time."""
        return self.reactor.seconds()

    def _make_server(self, spared: frozenset[str]) -> Server:
        users = [User(client.login, base_path=client.root) for client in self.clients]
        self.users = SimulatedUsers(self.reactor, users, spared)
        choice = self._random.choice
        server = Server(
            self.users,
            block_size=choice((max(100, self.largest // 100), 262144)),
            socket_timeout=choice((10, 60)),
            idle_timeout=choice((300, 1000)),
            wait_future_timeout=choice((5, 10)),
            path_timeout=choice((15, 40)),
            path_io_factory=self.stores,
            maximum_connections=choice((None, 100)),
            read_speed_limit=choice((None, None, None, 50000)),
            write_speed_limit_per_connection=choice((None, None, None, 50000)),
            atomic_uploads=self.is_atomic,
            partial_uploads="keep" if self.keeps_parts else "remove",
            fsync=self._fsync,
            failed_login_delay=0.5,
            path_threads=THREADS,
            path_calls="threads" if self._pump == "threads" else "inline",
            data_plane="portable" if self._pump.startswith("portable") else "auto",
            data_ports=choice((None, None, DATA_PORTS)),
            tls=server_tls() if self.is_secure else None,
            listeners=[f"tcp:{CONTROL_PORT}"],
            reactor=self.reactor,
        )
        server.system = self.system
        server.data_ports._random = self._random  # type: ignore[assignment]
        server.storage_threads = SteppedThreads(self.reactor, THREADS, self._spared_roots)
        # Sessions are told of the end in the order that they came, not in that of their addresses in memory.
        server._sessions = _InOrder()  # type: ignore[assignment]
        return server

    # The run.

    def run(self) -> None:
        """
        Let all clients live, and stop the server.

        :raises Finding: for what must not be.
        """
        descriptors_of_this_process()
        self.server.startService()
        # Without that of the port: the reserve that Twisted keeps for accept is opened with the first one.
        before = _descriptors() - 1
        closes_at = self._random.randrange(200, 5000) if self.closes_early else MAXIMUM_STEPS
        lives = [_Life(client) for client in self.clients]
        steps = 0
        while any(not life.is_over for life in lives):
            steps += 1
            if steps == closes_at:
                self._close()
            self._step(lives)
            if steps > MAXIMUM_STEPS:
                raise Finding("the run never ends")
        self._stop(lives)
        self._look_around(before)

    def _step(self, lives: list[_Life]) -> None:
        now = self.seconds()
        able: list[Any] = [life for life in lives if not life.is_over and life.is_able_at(now)]
        if self.reactor.has_work:
            able.append(self._turn)
        if self.network.has_work:
            able += [self.network.deliver, self.network.deliver]
        jobs = [job for job in self.reactor.jobs if not job.is_hung and job.not_before <= now]
        if jobs:
            able.append(lambda: self._work(self.chance.pick(jobs)))
        if able:
            self.chance.pick(able)()
            if self.chance.happens(0.02):
                self.reactor.pass_until(self.seconds() + self.chance.random.random() * 0.05)
            return
        self._pass_time(lives)

    def _turn(self) -> None:
        self.reactor.turn()
        if self.system.left_in_pipes:
            raise Finding("octets were left in a pipe")

    def _work(self, job: Any) -> None:
        if self.chance.strikes("slow thread", "", spared=job.owner in self._spared_roots):
            job.not_before = self.seconds() + self.chance.random.random() * 20
            return
        self.reactor.jobs.remove(job)
        self.chance.note("a thread makes a call")
        job.make()

    def _pass_time(self, lives: list[_Life]) -> None:
        moments = [life.deadline for life in lives if not life.is_over]
        moments += [moment for moment in [self.reactor.next_time()] if moment is not None]
        moments += [job.not_before for job in self.reactor.jobs if not job.is_hung]
        if not moments:
            raise Finding("nobody has anything to do, and the run is not over")
        self.reactor.pass_until(min(moments))

    # The end.

    def _close(self) -> None:
        if not self.is_closing:
            self.is_closing = True
            self.chance.note("the server is told to stop")
            self._closed: Deferred[None] = self.server.close()
            self._has_closed = False
            self._closed.addBoth(self._hear_closed)

    def _hear_closed(self, result: object) -> None:
        self._has_closed = True
        if result is not None:
            self.findings.append(f"the server could not stop: {result}")

    def _stop(self, lives: list[_Life]) -> None:
        self._close()
        for _ in range(MAXIMUM_STEPS):
            if self._has_closed:
                break
            self._step(lives)
        else:
            raise Finding("the server never stops")
        # Threads that have hung all the time come back in the end.
        self.chance.is_over = True
        for job in self.reactor.jobs:
            job.is_hung, job.not_before = False, 0.0
        for _ in range(MAXIMUM_STEPS):
            if not (self.reactor.jobs or self.reactor.has_work or self.network.has_work):
                break
            self._step(lives)
        else:
            raise Finding("something goes on behind the end of the server")
        for stranger in self.strangers:
            stranger.pump()
            if stranger.received or not (stranger.is_over or stranger.end.wire.is_dead):
                self.findings.append("a stranger was let in")
            stranger.close()

    def _look_around(self, before: int) -> None:
        """Look for what was left."""
        server = self.server
        left = {
            "sessions": server.sessions,
            "places of sessions": server.available_connections.taken,
            "places of addresses": len(server.hosts),
            "places of logins": len(server.logins),
            "speed limits of users": len(server.read_limits) + len(server.write_limits),
            "logins without an end": sum(map(abs, self.users.logged_in.values())),
            "open stores": self.stores.open_stores,
            "passive ports taken": 0 if server.data_ports.free is None else len(DATA_PORTS) - server.data_ports.free,
            "delayed calls": len(self.reactor.getDelayedCalls()),
            "descriptors in the reactor": len(self.reactor.descriptors),
            "sockets": len(self.network.sockets),
            "passive ports": len(self.network.listeners),
            "ends of pipes": self.system.open_pipes,
            "open pollers": sum(not poller.is_closed for poller in self.reactor.pollers.values()),
            "calls in threads": server.storage_threads.running if server.storage_threads else 0,
            "open files": len(self.disks.open_files),
            "descriptors": _descriptors() - before,
        }
        self.findings += [f"left: {count} {what}" for what, count in left.items() if count]
        for client in self.clients:
            for files in client.files:
                self.findings += files.wrongs()
        if self.rivals is not None:
            self.findings += self.rivals.wrongs()

    def let_go(self) -> None:
        """Close what a run that has failed has left."""
        for one in list(self.network.sockets.values()):
            one.close()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class _InOrder(dict[Any, None]):
    """A set in the order of insertion."""

    def add(self, one: Any) -> None:
        self[one] = None

    def remove(self, one: Any) -> None:
        del self[one]


class _Life:
    """A client and what it waits for."""

    def __init__(self, client: Client) -> None:
        self._steps: Generator[Until, None, None] = client.life()
        self._until = Until(lambda: True, 0.0)
        self.is_over = False

    @property
    def deadline(self) -> float:
        """Until when it waits."""
        return self._until.deadline

    def is_able_at(self, moment: float) -> bool:
        """Tell whether it can go on."""
        return moment >= self._until.deadline or self._until.is_met()

    def __call__(self) -> None:
        """Go on."""
        try:
            self._until = next(self._steps)
        except StopIteration:
            self.is_over = True
