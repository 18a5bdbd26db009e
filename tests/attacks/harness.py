# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A server that is attacked, somebody else who is served meanwhile, and what the attack costs the server's process.

In the process of the tests, where faults can be put into the server and its clock can be held::

    class NoiseTests(AttackTestCase):
        async def test_noise_harms_nobody(self) -> None:
            attacker = await self.connect()
            attacker.send(b"\\0" * 1000)
            await self.assert_served()

In a process of its own, whose memory, descriptors and threads can be measured::

    class FloodTests(ProcessAttackTestCase):
        async def test_a_flood_costs_little(self) -> None:
            before = self.vitals_before()
            await self.flood()
            self.assert_peak(before, 8 << 20)
            await self.settled(before)
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

import ftpserver

from ..integration.client import Client
from ..integration.clients import Running, start
from ..integration.harness import HeldTime, ServerTestCase

__all__ = [
    "GLANCE",
    "Answer",
    "AttackTestCase",
    "ProcessAttackTestCase",
    "ServerProcess",
    "Vitals",
    "all_of",
    "forget_peak",
    "vitals_of",
    "without_collection",
]

reactor: Any = _reactor

#: State of a socket that listens, in /proc/net/tcp.
_LISTENS = "0A"

#: What /proc/PID/clear_refs is told to set the peak of memory back.
_FORGET_PEAK = "5"

#: Threads for calls to files: each is made when it is needed, and stays.
POOL = 8

#: Seconds between two looks at another process, which tells nobody when it changes.
GLANCE = 0.005


@dataclass(frozen=True)
class Vitals:
    """
    What a process has and has used.

    :ivar descriptors: how many are open; the one that is kept at /dev/null in reserve does not count.
    :ivar listeners: how many of them are TCP ports that listen.
    :ivar resident: octets of memory.
    :ivar peak: the most octets of memory that it has had since :func:`forget_peak`, or ever.
    :ivar processor: seconds of processor time.
    """

    descriptors: int
    listeners: int
    threads: int
    resident: int
    peak: int
    processor: float


@dataclass(frozen=True)
class Answer:
    """
    What the answer to one command took.

    :ivar seconds: from the command on; of one answer it may be the machine that had something else to do.
    :ivar processor: seconds of processor time of the server's reactor thread, however busy the machine is.
    """

    seconds: float
    processor: float


def vitals_of(process: int | str = "self") -> Vitals:
    """Return the vitals of the process of that number."""
    place = Path("/proc", str(process))
    targets = [target for target in _targets(place / "fd") if target != os.devnull]
    rows = [line.split() for name in ("tcp", "tcp6") for line in (place / "net" / name).read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENS}
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    return Vitals(
        descriptors=len(targets),
        listeners=sum(target in listening for target in targets),
        threads=int(status["Threads"]),
        resident=int(status["VmRSS"].split()[0]) * 1024,
        peak=int(status["VmHWM"].split()[0]) * 1024,
        processor=_processor_time(place),
    )


def _processor_time(place: Path) -> float:
    ticks = (place / "stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(process: int | str = "self") -> None:
    """Let the peak of memory of the process of that number begin anew, at what it has now."""
    Path("/proc", str(process), "clear_refs").write_text(_FORGET_PEAK)


def _targets(directory: Path) -> list[str]:
    found = []
    for name in os.listdir(directory):
        try:
            found.append(os.readlink(directory / name))
        except FileNotFoundError:
            # Closed since, or the descriptor of the listing itself.
            continue
    return found


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage meanwhile: to look for it takes the longer, the more tests the process has run before."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def all_of(*doing: Any) -> list[Any]:
    """Do everything at the same time, and return what each came to."""
    done: list[Any] = await gatherResults([Deferred.fromCoroutine(one) for one in doing], consumeErrors=True)
    return done


class AttackTestCase(ServerTestCase):
    """
    A server, in the process of the tests, that is attacked while somebody else uses it.

    :ivar witness: a session of ``alice`` from another address, logged in before the attack; see :meth:`assert_served`.
    """

    timeout = 120
    witness: Client

    async def start_server(self, **keywords: Any) -> None:
        """Start the server, and let the witness log in."""
        await super().start_server(**keywords)
        self.prepare()
        self.witness = await self.session(source="127.0.0.9")

    def prepare(self) -> None:
        """Change the server, as a class may want to, before anybody has logged in."""

    async def assert_served(self) -> None:
        """Assert that the witness is answered still, and that a newcomer can log in and list."""
        await self.witness.command("NOOP", 200)
        newcomer = await self.session(source="127.0.0.8")
        await newcomer.fetch("NLST")
        await newcomer.command("QUIT", 221)
        await newcomer.lost()

    def reactor_time(self) -> float:
        """Return the processor time that the reactor thread of the server has used."""
        return time.thread_time()

    async def answer(self) -> Answer:
        """Let the witness say NOOP, and return what the answer took."""
        began, used = time.monotonic(), self.reactor_time()
        await self.witness.command("NOOP", 200)
        return Answer(time.monotonic() - began, self.reactor_time() - used)

    async def answers(self, *doing: Any) -> list[Answer]:
        """Return :meth:`answer` of each NOOP that was said while *doing* were busy."""
        with without_collection():
            others = Deferred.fromCoroutine(all_of(*doing))
            answers = []
            while not others.called:
                answers.append(await self.answer())
            await others
        return answers


class ServerProcess:
    """
    A server that runs in a process of its own; see :mod:`tests.attacks.program`.

    :param user: whose rights it has; by default those of the tests.
    :ivar addresses: as those of :class:`~ftpserver.Server`.
    """

    addresses: list[tuple[str, int]]

    def __init__(self, root: Path, keywords: dict[str, Any], user: int | None = None) -> None:
        path = str(Path(ftpserver.__file__).parent.parent)
        module = "tests.attacks.program"
        words = [str(root), json.dumps(keywords), *([] if user is None else [str(user)])]
        self.running: Running = start(sys.executable, "-m", module, *words, PYTHONPATH=path)

    async def started(self, host: str) -> None:
        """Wait until it listens."""
        await self.running.wrote()
        self.addresses = [(host, int(bytes(self.running.output)))]

    @property
    def number(self) -> int:
        """The number of the process."""
        number: int = self.running.process.pid
        return number

    async def end(self, number: int = signal.SIGTERM) -> str:
        """Send a signal, wait for the end, and return all that the process wrote beside its port."""
        if not self.running.finished.called:
            self.running.interrupt(number)
        finished = await self.running.finished
        return finished.text.partition("\n")[2]


class ProcessAttackTestCase(AttackTestCase):
    """
    A server, in a process of its own, that is attacked; keywords are what JSON can tell.

    :ivar process: the process.
    """

    process: ServerProcess
    #: Whose rights the process has; ``None`` is those of the tests.
    user: ClassVar[int | None] = None

    async def start_server(self, **keywords: Any) -> None:
        """Start the process, and let the witness log in."""
        self.time = HeldTime()
        self.process = ServerProcess(self.root, {**self.server_keywords(), **keywords}, self.user)
        await self.process.started(self.host)
        self.witness = await self.session(source="127.0.0.9")
        # What the first listing needs is there before anything is measured.
        await self.witness.fetch("NLST")

    async def reach(self, client: Any, listener: int = 0) -> Any:
        """See :meth:`ServerTestCase.reach`."""
        self.server: Any = self.process
        return await super().reach(client, listener)

    async def stop_server(self) -> None:
        """Disconnect every client and end the process, which has nothing to complain about."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.leave()
        self.assertEqual(await self.process.end(), "")

    def vitals(self) -> Vitals:
        """Return the vitals of the server's process."""
        return vitals_of(self.process.number)

    def reactor_time(self) -> float:
        """Return the processor time that the first thread of the process has used, where its reactor runs."""
        number = self.process.number
        return _processor_time(Path("/proc", str(number), "task", str(number)))

    def vitals_before(self) -> Vitals:
        """Return the vitals before an attack, from which on the peak of memory counts."""
        forget_peak(self.process.number)
        return self.vitals()

    def assert_peak(self, before: Vitals, octets: int) -> None:
        """Assert that the process never had so many octets of memory more than *before*, were it for a moment."""
        self.assertLess(self.vitals().peak - before.resident, octets)

    async def settled(self, before: Vitals) -> None:
        """Wait until the server is back at *before*: its descriptors, ports and threads."""
        while not self._is_back(before):
            await deferLater(reactor, GLANCE)

    def _is_back(self, before: Vitals) -> bool:
        now = self.vitals()
        return (now.descriptors, now.listeners) == (before.descriptors, before.listeners) and (
            now.threads <= before.threads + POOL
        )
