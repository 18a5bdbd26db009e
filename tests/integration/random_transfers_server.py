# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The server side of :mod:`.random_transfers`: a process with several servers, which tells what it holds.

It is told by lines: ``report`` is answered with a :class:`Report`, ``close`` closes the servers, reports once more and
ends the process. What it writes are lines of JSON: the ports first, then each session that has ended, and the reports.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import implementer

from ftpserver import TLS, Server, User
from ftpserver.core.events import Disconnected, Event
from ftpserver.data.plane import DataPlane
from ftpserver.data.turns import Need

from .harness import open_descriptors

__all__ = ["PASSWORD", "PUMPS", "RATES", "RULES", "STORES", "Report", "Rules", "look"]

PASSWORD = "secret"

#: What moves files: see ``data_plane`` of :class:`~ftpserver.Server`.
PUMPS = ("auto", "portable")

#: Seconds between two looks whether a thread has come back.
LOOKING = 0.001

#: Names of the file systems below the root of each server.
STORES = ("memory", "disk")

#: Speed limits of the accounts by name, in octets per second: as keywords of :class:`User`.
RATES: Mapping[str, Mapping[str, Any]] = {
    "free": {},
    "own": {"read_speed_limit_per_connection": 3e6, "write_speed_limit_per_connection": 3e6},
    "shared": {"read_speed_limit": 8e6, "write_speed_limit": 8e6},
}


@dataclass(frozen=True)
class Rules:
    """
    What one server promises.

    :ivar is_atomic: whether a file is replaced only when the upload is whole.
    :ivar keeps: whether a part of a new file stays.
    :ivar takes_unclosed: whether an upload under TLS may end without close_notify.
    :ivar keywords: others of the server.
    """

    is_atomic: bool
    keeps: bool
    takes_unclosed: bool = False
    session_reuse: Any = "offered"
    keywords: Mapping[str, Any] = field(default_factory=dict)


#: The servers by name.
RULES: Mapping[str, Rules] = {
    "atomic-keep": Rules(True, True),
    "atomic-remove": Rules(True, False, session_reuse="required", keywords={"path_calls": "inline", "fsync": "file"}),
    "in-place-keep": Rules(False, True, takes_unclosed=True, keywords={"path_calls": "threads", "block_size": 30_011}),
    "in-place-remove": Rules(False, False, session_reuse="off", keywords={"path_threads": 0}),
}


@dataclass(frozen=True)
class Report:
    """
    What the process holds.

    :ivar descriptors: open ones, counted by kind.
    :ivar threads: counted by name, without those of pools, which stay.
    :ivar delayed_calls: timers that wait.
    :ivar sessions: of all servers.
    :ivar objects: of sessions and transfers, counted by class.
    :ivar seconds: of processor time.
    :ivar resident: octets of memory.
    """

    descriptors: Mapping[str, int]
    threads: Mapping[str, int]
    delayed_calls: int
    sessions: int
    objects: Mapping[str, int]
    seconds: float
    resident: int

    @property
    def held(self) -> dict[str, Any]:
        """What must be the same again when every session has ended."""
        return {
            "descriptors": dict(self.descriptors),
            "threads": dict(self.threads),
            "delayed calls": self.delayed_calls,
            "sessions": self.sessions,
        }


@implementer(ILogObserver)
def complain(event: LogEvent) -> None:
    """Write the errors of the log where nothing else is written."""
    failure = event.get("log_failure")
    if failure is not None or event.get("log_level", LogLevel.info) >= LogLevel.error:
        text = formatEvent(event) + ("" if failure is None else f"\n{failure.getTraceback()}")
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class Process(LineOnlyReceiver):
    """What the process is told, and what it tells."""

    delimiter = b"\n"

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.servers: dict[str, Server] = {}
        self.told_to_close: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """Do what a line says."""
        if line == b"report":
            self.report()
        elif not self.told_to_close.called:
            self.told_to_close.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        """Close the servers when there is nobody any more to tell so."""
        if not self.told_to_close.called:
            self.told_to_close.callback(None)

    def hear(self, name: str, event: Event) -> None:
        """Tell of a session of the server of that *name* which has ended."""
        if isinstance(event, Disconnected):
            self._tell_gone(name, event.peer)

    def _tell_gone(self, name: str, peer: str) -> None:
        # What was given up may still be in a thread, and change a file.
        threads = self.servers[name].storage_threads
        if threads is not None and threads.running:
            self._reactor.callLater(LOOKING, self._tell_gone, name, peer)
        else:
            say("gone", peer)

    def report(self) -> None:
        """Tell what the process holds."""
        say("report", asdict(look(self._reactor, self.servers.values())))


def look(reactor: Any, servers: Iterable[Server]) -> Report:
    """Return what this process holds, with all that these servers open when they need it."""
    servers = list(servers)
    for server in servers:
        open_shared(server.plane)
    # What is held by a cycle only is told by the log when it goes, and is no leak.
    gc.collect()
    times = os.times()
    return Report(
        descriptors=_counts(map(_kind, open_descriptors().values())),
        threads=_counts(one.name for one in threading.enumerate() if not one.name.startswith(POOLS)),
        delayed_calls=len(reactor.getDelayedCalls()),
        sessions=sum(server.sessions for server in servers),
        objects=_counts(_of_sessions()),
        seconds=times.user + times.system,
        resident=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _kind(target: str) -> str:
    return target.split(":[")[0]


#: Threads of pools, which are made on demand and stay.
POOLS = ("ftpserver-", "PoolThread")

#: Packages whose objects are of sessions and transfers.
OF_SESSIONS = ("ftpserver.control.", "ftpserver.data.", "ftpserver.pathio.", "ftpserver.tls.")


def _of_sessions() -> list[str]:
    # Some classes have a property of that name.
    names = (f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())
    return [name for name in names if name.startswith(OF_SESSIONS)]


def open_shared(plane: DataPlane) -> None:
    """Open what the transfers of a server share, which it would do when one needs it: a pipe, and an epoll."""
    assert plane.pipe.reading
    if plane.turns is not None:
        one, other = socket.socketpair()
        with one, other:
            turns = plane.turns.join(one, lambda: Need.SOCKET, writes=False)
            turns.addErrback(lambda failure: failure.trap(CancelledError))
            turns.cancel()


def say(kind: str, value: object) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps([kind, value]) + "\n")
    sys.stdout.flush()


def users(name: str, roots: Mapping[str, Path]) -> list[User]:
    """Return the accounts of the server of that *name*: one for each store and rate."""
    return [
        User(f"{store}-{rate}", PASSWORD, base_path=root / name, **limits)
        for store, root in roots.items()
        for rate, limits in RATES.items()
    ]


async def open_server(name: str, process: Process, roots: Mapping[str, Path], certificate: Path, pump: str) -> Server:
    """Open a server with an explicit and an implicit listener."""
    rules = RULES[name]
    for root in roots.values():
        (root / name).mkdir()
    keywords: dict[str, Any] = {
        "atomic_uploads": rules.is_atomic,
        "partial_uploads": "keep" if rules.keeps else "remove",
        # A busy machine is slow; what never comes is still noticed.
        "wait_future_timeout": 30,
        "socket_timeout": 120,
        "idle_timeout": 600,
        "path_timeout": 120,
        "failed_login_delay": 0,
        "observers": [partial(process.hear, name)],
        "tls": TLS(
            certificate=certificate,
            session_reuse=rules.session_reuse,
            require_close_notify=not rules.takes_unclosed,
        ),
        "data_plane": pump,
        **rules.keywords,
    }
    server = Server(users(name, roots), **keywords)
    process.servers[name] = server
    await server.start("127.0.0.1")
    await server.start("127.0.0.1", tls="implicit")
    return server


async def main(reactor: Any, certificate: str, pump: str, *roots: str) -> None:
    """Serve until told to close."""
    globalLogBeginner.beginLoggingTo([complain], redirectStandardIO=False, discardBuffer=True)
    process = Process(reactor)
    StandardIO(process)
    stores = dict(zip(STORES, map(Path, roots), strict=True))
    for name in RULES:
        await open_server(name, process, stores, Path(certificate), pump)
    say("ports", {name: [port for _, port in server.addresses] for name, server in process.servers.items()})
    await process.told_to_close
    for server in process.servers.values():
        await server.close()
    process.report()


if __name__ == "__main__":
    react(lambda reactor, *arguments: Deferred.fromCoroutine(main(reactor, *arguments)), sys.argv[1:])
