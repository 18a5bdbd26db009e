# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A server of :mod:`.soak`: a process of twistd with a configuration file, whose log is followed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftpserver.users.passwords import hash_password
from tests.certificates import server_certificate

from .processes import CHECKOUT, environment
from .random_transfers_client import PATIENCE
from .random_transfers_server import PASSWORD, RATES, RULES, Report

__all__ = ["KINDS", "Log", "SoakServer"]

#: Seconds between two looks at a log, and at what a server still holds.
LOOKING = 0.02

#: Ports for data of the server that has its own: more than it has sessions, below those that the system gives away.
DATA_PORTS = "23000-24499"

#: Characters of what a server complains of.
MAXIMUM_SHOWN = 3000


#: The servers by name, with keys of their own; the rest is in :data:`~.random_transfers_server.RULES`, under that name.
KINDS: Mapping[str, Mapping[str, str]] = {
    "atomic-keep": {"data_ports": f'"{DATA_PORTS}"'},
    "in-place-remove": {"path_threads": "0", "data_plane": '"portable"'},
}

#: Keys of every server. A busy machine is slow; what never comes is still noticed.
KEYS: Mapping[str, str] = {
    "log_format": '"json"',
    "maximum_connections": "2000",
    "maximum_connections_per_host": "50",
    "failed_login_delay": "0.1",
    "wait_future_timeout": "30",
    "socket_timeout": "120",
    "login_timeout": "600",
    "idle_timeout": "600",
    "path_timeout": "120",
}


def configuration(name: str, roots: Mapping[str, Path], certificate: Path) -> str:
    """Return the configuration file of the server of that *name*: one account for each store and rate."""
    rules = RULES[name]
    keys = {
        **KEYS,
        "atomic_uploads": str(rules.is_atomic).lower(),
        "partial_uploads": '"keep"' if rules.keeps else '"remove"',
        **KINDS[name],
    }
    text = []
    for mode in ("explicit", "implicit"):
        text += ["[[listeners]]", 'endpoint = "tcp:0:interface=127.0.0.1"', f'tls = "{mode}"']
    text += ["[server]", *(f"{key} = {value}" for key, value in keys.items())]
    text += ["[tls]", f'certificate = "{certificate}"', f'session_reuse = "{rules.session_reuse}"']
    for store, root in roots.items():
        for rate, limits in RATES.items():
            text += ["[[users]]", f'login = "{store}-{rate}"', f'base_path = "{root / name}"']
            # One hash costs as much as some transfers.
            text.append(f'password_hash = "{hash_password(PASSWORD)}"' if rate == "own" else f'password = "{PASSWORD}"')
            text += [f"{key} = {int(value)}" for key, value in limits.items()]
    return "\n".join([*text, ""])


class Log:
    """
    What a server has written.

    :param changed: is notified of what is new.
    :param complain: is told each entry that should not be there.
    :ivar gone: sessions that have ended, by the address of the client.
    :ivar counts: entries, by the kind of the event; octets, by command.
    :ivar ports: of the listeners.
    """

    def __init__(self, path: Path, changed: threading.Condition, complain: Callable[[str], None]) -> None:
        self._path = path
        self._changed = changed
        self._complain = complain
        self.gone: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.ports: list[int] = []
        self._ending = threading.Event()
        self._reader = threading.Thread(target=self._follow)
        self._reader.start()

    @property
    def sessions(self) -> int:
        """Sessions that there are."""
        return self.counts["Connected"] - self.counts["Disconnected"]

    def _follow(self) -> None:
        rest = b""
        with self._path.open("rb") as file:
            is_last = False
            while not is_last:
                # Read once more behind the end of the process.
                is_last = self._ending.wait(LOOKING)
                *lines, rest = (rest + file.read()).split(b"\n")
                if lines:
                    self._take(lines)

    def _take(self, lines: Sequence[bytes]) -> None:
        with self._changed:
            for line in lines:
                self._note(json.loads(line))
            self._changed.notify_all()

    def _note(self, entry: Mapping[str, Any]) -> None:
        event = entry.get("event")
        if event is None:
            self._note_other(entry)
            return
        self.counts[event] += 1
        if event == "Disconnected":
            self.gone[entry["peer"]] += 1
        if "bytes" in entry:
            self.counts[f"octets: {entry['command']}"] += entry["bytes"]

    def _note_other(self, entry: Mapping[str, Any]) -> None:
        message = entry["message"]
        if "traceback" in entry or entry["level"] not in ("info", "debug"):
            self._complain(json.dumps(entry)[:MAXIMUM_SHOWN])
        elif message.startswith("listening on "):
            self.ports.append(int(message.split()[2].rpartition(":")[2].rstrip(",")))

    def end(self) -> None:
        """Read what is left, and stop."""
        self._ending.set()
        self._reader.join()


class SoakServer:
    """
    A process.

    :param name: see :data:`KINDS`.
    :param roots: of the file systems.
    :param directory: where its files go.
    :param changed: see :class:`Log`.
    :param complain: see :class:`Log`.
    """

    def __init__(
        self,
        name: str,
        roots: Mapping[str, Path],
        directory: Path,
        changed: threading.Condition,
        complain: Callable[[str], None],
    ) -> None:
        self._changed = changed
        self._complain = complain
        for root in roots.values():
            (root / name).mkdir()
        certificate, file = directory / "certificate.pem", directory / "ftpserver.toml"
        certificate.write_bytes(server_certificate().private_key_and_cert_chain_pem.bytes())
        certificate.chmod(0o600)
        file.write_text(configuration(name, roots, certificate))
        file.chmod(0o600)
        self._errors = directory / "errors"
        self._window, window = os.pipe()
        self._process = self._start(window, file, directory / "log")
        os.close(window)
        self.log = Log(directory / "log", changed, complain)

    def _start(self, window: int, file: Path, log: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "always", "-m", f"{__package__}.soak_window", str(window), "-n", "--pidfile="]
        with log.open("wb") as output, self._errors.open("wb") as errors:
            return subprocess.Popen(
                [*command, "ftpserver", "--config", str(file)],
                cwd=CHECKOUT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=[window],
            )

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def ports(self) -> list[int]:
        """The ports: of the listener with explicit TLS, and of that with implicit TLS."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while len(self.log.ports) < 2 and self._process.poll() is None and time.monotonic() < deadline:
                self._changed.wait(LOOKING)
        assert len(self.log.ports) == 2, f"the server does not listen: {self._errors.read_text()}"
        return self.log.ports

    def report(self) -> Report:
        """Return what the process holds."""
        self._process.send_signal(signal.SIGUSR2)
        line = b""
        # It is longer than what a pipe takes at once.
        while not line.endswith(b"\n"):
            piece = os.read(self._window, 65536)
            assert piece, f"the server has ended: {self._errors.read_text()}"
            line += piece
        return Report(**json.loads(line))

    def settled(self, baseline: Report) -> Report:
        """Return what the process holds, once it is what it held before, or never is."""
        deadline = time.monotonic() + PATIENCE
        while (report := self.report()).held != baseline.held and time.monotonic() < deadline:
            time.sleep(LOOKING)
        return report

    def stop(self) -> None:
        """Ask the process to end, and look how it does."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(PATIENCE)
        self.log.end()
        text = self._errors.read_text()
        # twistd ends by the signal that it was asked by.
        if status not in (0, -signal.SIGTERM) or text:
            self._complain(f"exit status {status}, and written beside the log: {text[:MAXIMUM_SHOWN]}")

    def discard(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        self.log.end()
        os.close(self._window)
