# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A reactor of which each turn is taken when the seed says so, and threads whose calls are made so, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.posixbase import _DisconnectSelectableMixin
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.tcp import Port
from twisted.logger import Logger

from ftpserver.pathio.threads import StorageThreads

from .chance import Chance
from .network import Network
from .sockets import Poller, SimulatedSocket

__all__ = ["SimulatedReactor", "SteppedThreads"]

#: Descriptors of what is no socket.
FIRST_NUMBER = 1_000_000


class SimulatedPort(Port):
    """A port of Twisted on the simulated network."""

    def createInternetSocket(self) -> Any:
        """Open the socket that it listens on."""
        reactor: Any = self.reactor
        return SimulatedSocket(reactor.network)


@dataclass(eq=False)
class Job:
    """A call that is in a thread: not made yet, or made and not told of."""

    make: Callable[[], object]
    owner: object
    is_hung: bool = False
    not_before: float = 0.0


class SimulatedReactor(Clock, _DisconnectSelectableMixin):
    """
    Time, descriptors and threads.

    :ivar jobs: calls in threads.
    :ivar pollers: what waits for many sockets, by descriptor.
    """

    log = Logger()

    def __init__(self) -> None:
        super().__init__()
        self.network: Network
        self.chance: Chance
        self.jobs: list[Job] = []
        self.pollers: dict[int, Poller] = {}
        self._readers: dict[Any, None] = {}
        self._writers: dict[Any, None] = {}
        self._from_threads: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    # What the server asks of a reactor.

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        self._readers[reader] = None

    def addWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        self._writers[writer] = None

    def removeReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        self._readers.pop(reader, None)

    def removeWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        self._writers.pop(writer, None)

    @property
    def descriptors(self) -> list[Any]:
        """What is left in the reactor."""
        return [*self._readers, *self._writers]

    def listenTCP(self, port: int, factory: Factory, backlog: int = 50, interface: str = "") -> Port:
        """See IReactorTCP."""
        listening = SimulatedPort(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def callFromThread(self, function: Callable[..., object], *arguments: Any) -> None:
        """See IReactorFromThreads."""
        self._from_threads.append((function, arguments))

    # Turns.

    def _is_ready(self, descriptor: Any, *, writes: bool) -> bool:
        number = descriptor.fileno()
        if number in self.pollers:
            return bool(self.pollers[number].ready())
        one = self.network.sockets.get(number)
        if one is None:
            raise AssertionError(f"a closed descriptor was left in the reactor: {descriptor!r}")
        return one.is_writable if writes else one.is_readable

    @property
    def has_work(self) -> bool:
        """Tell whether a turn would do anything."""
        if self._from_threads:
            return True
        # Loops, for it is asked for in each step, where a generator costs twice as much.
        now = self.rightNow
        for call in self.calls:
            if call.getTime() <= now:
                return True
        for one in self._readers:
            if self._is_ready(one, writes=False):
                return True
        return bool(self._writers) and any(self._is_ready(one, writes=True) for one in self._writers)

    def turn(self) -> None:
        """Do what a reactor does in one turn."""
        self.chance.note("turn")
        calls, self._from_threads = self._from_threads, []
        for function, arguments in calls:
            self._guarded(function, *arguments)
        now = self.seconds()
        for call in [one for one in self.calls if one.getTime() <= now]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                self._guarded(call.func, *call.args, **call.kw)
        ready = [(one, "doRead") for one in self._readers if self._is_ready(one, writes=False)]
        ready += [(one, "doWrite") for one in self._writers if self._is_ready(one, writes=True)]
        self.chance.random.shuffle(ready)
        for one, method in ready:
            if one in (self._readers if method == "doRead" else self._writers):
                self._wake(one, method)

    def _wake(self, descriptor: Any, method: str) -> None:
        try:
            why = getattr(descriptor, method)()
        except Exception as error:
            why = error
            self.log.failure("a descriptor has failed")
        if why:
            self._disconnectSelectable(descriptor, why, method == "doRead")

    def _guarded(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        try:
            function(*arguments, **keywords)
        except Exception:
            self.log.failure("a call has failed")

    def next_time(self) -> float | None:
        """Return when the next delayed call is due."""
        return min((call.getTime() for call in self.calls), default=None)

    def pass_until(self, moment: float) -> None:
        """Let time pass, without a turn."""
        self.rightNow = max(self.rightNow, moment)

    def new_poller(self) -> Poller:
        """Return what waits for many sockets by one descriptor."""
        poller = Poller(self.network, FIRST_NUMBER + len(self.pollers))
        self.pollers[poller.fileno()] = poller
        return poller


class SteppedThreads(StorageThreads):
    """
    The threads of the server, each call of which is made in one step, at any time, or not before the end.

    :param spared: stores of which no thread hangs.
    """

    def __init__(self, reactor: SimulatedReactor, size: int, spared: frozenset[str]) -> None:
        super().__init__(reactor, size)
        self._stepped = reactor
        self._spared = spared

    def _start(self, calls: Any, call: Any) -> None:
        chance = self._stepped.chance
        job = Job(lambda: self._make(calls, call), calls.key)
        spared = calls.key in self._spared
        job.is_hung = chance.strikes("hung thread", getattr(call.function, "__name__", "a call"), spared=spared)
        calls.running.add(call)
        self._running += 1
        self._stepped.jobs.append(job)
