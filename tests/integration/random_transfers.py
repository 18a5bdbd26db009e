# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Thousands of random transfers, many at a time, each compared with what must be; and nothing may be left behind.

    python -m tests.integration.random_transfers --transfers 10000 --seed 1

The servers run in a process of their own (see :mod:`.random_transfers_server`), the clients in threads of this one.
Files of random sizes go in every direction, mode and type, in clear and under TLS, with speed limits and without, whole
or ended at a random point in one of many ways. Each problem is printed with the seed, the session and the step;
``--session`` makes that session again alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.certificates import server_certificate

from .processes import CHECKOUT, environment
from .random_transfers_client import PATIENCE
from .random_transfers_plan import SHARED, Site, Step
from .random_transfers_server import PUMPS, RULES, STORES, Report
from .random_transfers_session import Session, digest
from .tls_client import VERSIONS, client_context

__all__ = ["Book", "Campaign", "ServerProcess", "main"]

#: A file system in memory, where there is one.
MEMORY = Path("/dev/shm")

#: Seconds between two looks at what the server still holds.
LOOKING = 0.05

#: Problems after which the rest of a run would tell nothing new.
MAXIMUM_FAILURES = 20

#: Characters of what the server complains of.
MAXIMUM_SHOWN = 10_000


class ServerProcess:
    """
    The process of the servers.

    :param roots: of the file systems.
    :param directory: where its files go.
    :ivar gone: sessions that it has let go of, by the address of the client.
    """

    def __init__(self, roots: Sequence[Path], directory: Path, pump: str) -> None:
        certificate = directory / "certificate.pem"
        certificate.write_bytes(server_certificate().private_key_and_cert_chain_pem.bytes())
        self._errors = directory / "errors"
        arguments = [str(certificate), pump, *map(str, roots)]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "always", "-m", f"{__package__}.random_transfers_server", *arguments],
                cwd=CHECKOUT,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.gone: Counter[str] = Counter()
        self._heard: dict[str, Any] = {}
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.ports: dict[str, list[int]] = self._wait_for("ports")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            kind, value = json.loads(line)
            with self._changed:
                if kind == "gone":
                    self.gone[value] += 1
                else:
                    self._heard[kind] = value
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _wait_for(self, kind: str) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: kind in self._heard or self._has_ended, PATIENCE)
            assert kind in self._heard, f"the server does not tell its {kind}: {self._errors.read_text()}"
            return self._heard.pop(kind)

    def wait_gone(self, source: str, number: int) -> None:
        """Wait until the server has let go of that many sessions from *source*."""
        with self._changed:
            self._changed.wait_for(lambda: self.gone[source] >= number or self._has_ended, PATIENCE)
        assert self.gone[source] >= number, f"the server holds a session of {source}"

    def _tell(self, line: str) -> Report:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return Report(**self._wait_for("report"))

    def report(self) -> Report:
        """Return what the server holds now."""
        return self._tell("report")

    def settled(self, baseline: Report) -> Report:
        """Return what the server holds, once it is what it held before, or never is."""
        deadline = time.monotonic() + PATIENCE / 4
        while (report := self.report()).held != baseline.held and time.monotonic() < deadline:
            time.sleep(LOOKING)
        return report

    def close(self) -> Report:
        """Close the servers and end the process; return what they left."""
        report = self._tell("close")
        self._process.wait(PATIENCE)
        return report

    def complaints(self) -> str:
        """Return what the process, which has ended, has written elsewhere than it should."""
        text = self._errors.read_text()
        status = self._process.returncode
        return text if not status else f"{text}\nexit status {status}"

    def discard(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Book(ABC):
    """
    What the sessions of a run have done, and may find; see :class:`.random_transfers_session.Campaign`.

    :param seed: what everything random comes from.
    :param traces: whether each transfer is printed.
    :ivar counts: what was done, by kind.
    :ivar failures: what is wrong.
    """

    def __init__(self, seed: int, *, traces: bool = False) -> None:
        self.seed = seed
        self._traces = traces
        self.contexts = [client_context(version) for version in VERSIONS]
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._offered: dict[tuple[str, str, str], set[bytes]] = {}

    @abstractmethod
    def directory(self, site: Site) -> Path:
        """Return the root of the account."""

    def count(self, *kinds: str) -> None:
        """Count something of each of these kinds."""
        with self._lock:
            self.counts.update(kinds)

    def failed(self, problem: str) -> None:
        """Take what is wrong."""
        with self._lock:
            self.failures.append(problem)

    def trace(self, text: str) -> None:
        """Print what was done."""
        if self._traces:
            with self._lock:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()

    def offer(self, site: Site, name: str, found: bytes) -> None:
        """Note what a shared file may hold from now on."""
        with self._lock:
            self._offered.setdefault((site.server, site.store, name), set()).add(digest(found))

    def was_offered(self, site: Site, name: str, found: bytes) -> bool:
        """Tell whether a shared file may hold this."""
        with self._lock:
            return digest(found) in self._offered[site.server, site.store, name]

    def share(self, sites: Iterable[Site]) -> None:
        """Make the files that all sessions use."""
        for site in sites:
            (self.directory(site) / "shared").mkdir(exist_ok=True)
            for name in SHARED:
                (self.directory(site) / name[1:]).write_bytes(name.encode())
                self.offer(site, name, name.encode())


class Campaign(Book):
    """
    A run.

    :param pump: see :data:`~tests.integration.random_transfers_server.PUMPS`.
    :ivar before: what the server held before the first random transfer.
    :ivar after: what it held behind the last.
    """

    def __init__(self, seed: int, pump: str = "auto", *, traces: bool = False) -> None:
        super().__init__(seed, traces=traces)
        self.pump = pump
        self.before: Report | None = None
        self.after: Report | None = None
        self.seconds = 0.0

    def port(self, site: Site) -> int:
        """Return the port for *site*."""
        return self._process.ports[site.server][site.tls == "implicit"]

    def directory(self, site: Site) -> Path:
        """Return the root of the account."""
        return self._roots[STORES.index(site.store)] / site.server

    def wait_gone(self, source: str, number: int) -> None:
        """Wait until the server has let go of that many sessions from *source*."""
        self._process.wait_gone(source, number)

    # The run.

    def run(self, transfers: int, sessions: int, only: int | None = None) -> None:
        """
        Make the transfers.

        :param sessions: at the same time.
        :param only: the number of the only one that is made.
        """
        with ExitStack() as stack:
            memory = MEMORY if MEMORY.is_dir() else None
            self._roots = [
                Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftpserver-", dir=where)))
                for where in (memory, None)
            ]
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftpserver-")))
            self._process = ServerProcess(self._roots, directory, self.pump)
            stack.callback(self._process.discard)
            self.share(self._sites())
            self._warm_up(sessions)
            self.before = self._process.report()
            began = time.monotonic()
            if not self.failures:
                self._transfer(transfers, sessions, only)
            self.seconds = time.monotonic() - began
            self.after = self._process.settled(self.before)
            self._check(self.before, self.after, self._process.close())

    def _sites(self) -> list[Site]:
        return [
            Site(server, store, "free", tls, 1) for server in RULES for store in STORES for tls in ("off", "implicit")
        ]

    def _warm_up(self, number: int) -> None:
        """Let the server open what it keeps open from the first transfers on."""
        session = Session(self, number)
        for site in self._sites():
            session.go_to(site)
            for verb in ("STOR", "RETR"):
                if not self.failures:
                    session.warm(Step(verb, "warm", size=1000))
            session.attempt("the end of warming up", session.leave)
        self.counts.clear()

    def _transfer(self, transfers: int, sessions: int, only: int | None) -> None:
        threads = []
        for number in range(sessions):
            steps = range(number, transfers, sessions)
            if only in (None, number):
                threads.append(threading.Thread(target=self._run_session, args=(number, steps)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run_session(self, number: int, steps: range) -> None:
        try:
            Session(self, number).run(step for step in steps if len(self.failures) < MAXIMUM_FAILURES)
        except Exception as error:
            self.failed(f"session {number} cannot go on: {error!r}")

    def _check(self, before: Report, after: Report, closed: Report) -> None:
        held, holds = before.held, after.held
        self.failures.extend(
            f"left behind: {kind}: {holds[kind]}, not {held[kind]}" for kind in held if held[kind] != holds[kind]
        )
        complaints = self._process.complaints()
        if complaints:
            self.failures.append(f"the process of the server complains: {complaints[:MAXIMUM_SHOWN]}")
        if closed.sessions or closed.delayed_calls:
            self.failures.append(f"left by servers that are closed: {closed.held}")

    def summary(self) -> str:
        """Return in words what was done and found."""
        lines = [f"seed {self.seed}, pump {self.pump}, {self.seconds:.1f} s"]
        lines += [f"{count:8}  {kind}" for kind, count in sorted(self.counts.items())]
        for when, report in (("before", self.before), ("after", self.after)):
            if report is not None:
                lines += [f"{when}:", *(f"    {kind}: {value}" for kind, value in report.held.items())]
                lines.append(f"    objects: {sum(report.objects.values())}")
                lines.append(f"    {report.seconds:.1f} s of processor time, {report.resident // 1024} KiB resident")
        lines.append(f"{len(self.failures)} mismatches and other problems")
        return "\n".join([*lines, *self.failures])


def main(arguments: Sequence[str]) -> int:
    """Run, print the summary, and return how many problems there are."""
    parser = argparse.ArgumentParser(prog="random_transfers", description="Random transfers, each compared.")
    parser.add_argument("--transfers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sessions", type=int, default=8, help="at the same time")
    parser.add_argument("--session", type=int, help="the only one that is made")
    parser.add_argument("--pump", choices=PUMPS, default="auto")
    parser.add_argument("--trace", action="store_true", help="print each transfer")
    options = parser.parse_args(arguments)
    campaign = Campaign(options.seed, options.pump, traces=options.trace)
    campaign.run(options.transfers, options.sessions, options.session)
    sys.stdout.write(campaign.summary() + "\n")
    return len(campaign.failures)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
