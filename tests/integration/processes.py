# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of real server processes share.
"""

from __future__ import annotations

import ftplib
import os
import re
import select
import signal
import subprocess
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.users.passwords import hash_password

__all__ = ["PASSWORD", "ProcessTestCase", "Running", "connect"]

CHECKOUT = Path(__file__).parent.parent.parent

PASSWORD = "s3cret-of-alice"

#: Seconds after which a process that a test waits for is killed; it turns a test that would hang into one that fails.
PATIENCE = 60

#: How the server names its port, in its log.
_PORT = re.compile(r"(?:ftp://|listening on )127\.0\.0\.1:(\d+)")


class Running:
    """
    A server process in the foreground.

    :param arguments: the whole command line.
    :param directory: where it runs.
    """

    def __init__(self, arguments: Sequence[str], directory: Path, umask: int = -1) -> None:
        self.process = subprocess.Popen(
            arguments,
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=umask,
        )
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()
        self.lines: list[str] = []

    @property
    def output(self) -> IO[str]:
        """What the process writes."""
        assert self.process.stdout is not None
        return self.process.stdout

    def port(self) -> int:
        """Return the port, once the server has named it."""
        return int(self.find(_PORT)[1])

    def find(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Return what *pattern* finds in a line that was not read before, once the server has written it."""
        for line in self.output:
            self.lines.append(line)
            match = pattern.search(line)
            if match:
                return match
        raise AssertionError(f"the server has not written {pattern.pattern!r}:\n" + "".join(self.lines))

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to the process; by default it is asked to end."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Return the exit status of the process, once it has ended; its output is complete by then."""
        self.lines += self.output.readlines()
        status = self.process.wait()
        self.discard()
        return status

    def stop(self) -> list[str]:
        """Ask the process to end, and return what it wrote, once it has."""
        self.signal()
        self.end()
        return self.lines

    def discard(self) -> None:
        """Leave nothing behind."""
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.output.close()


def environment() -> dict[str, str]:
    """Return the environment of a process: that of the tests, with the checkout to import from."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80"}


def script(name: str) -> str:
    """Return the path of an installed command."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def connect(port: int, login: str = "alice", password: str = PASSWORD) -> ftplib.FTP:
    """Return a client that is logged in."""
    client = ftplib.FTP(timeout=PATIENCE)
    try:
        client.connect("127.0.0.1", port)
        client.login(login, password)
    except ftplib.Error:
        client.close()
        raise
    return client


class ProcessTestCase(SynchronousTestCase):
    """Runs servers as processes, in a directory that any user of the system can reach."""

    def setUp(self) -> None:
        """Make the directory, with one to serve."""
        temporary = tempfile.TemporaryDirectory(prefix="ftpserver-")
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.directory.chmod(0o755)
        self.served = self.directory / "served"
        self.served.mkdir()
        (self.served / "hello.txt").write_text("hello\n")

    def configure(self, *lines: str, endpoint: str = "tcp:0:interface=127.0.0.1") -> str:
        """Write a configuration file with *lines* in its section of the server, and return its name."""
        text = [
            "[[listeners]]",
            f'endpoint = "{endpoint}"',
            "[server]",
            'failed_login_delay = "0s"',
            *lines,
            "[[users]]",
            'login = "alice"',
            f'password_hash = "{hash_password(PASSWORD)}"',
            'base_path = "served"',
            "[[users]]",
            'base_path = "served"',
            "",
        ]
        (self.directory / "ftpserver.toml").write_text("\n".join(text))
        return "ftpserver.toml"

    def start(
        self, *arguments: str, runner: Sequence[str] = ("twistd", "-n", "--pidfile="), umask: int = -1
    ) -> Running:
        """Start a server in the foreground."""
        running = Running([script(runner[0]), *runner[1:], "ftpserver", *arguments], self.directory, umask)
        self.addCleanup(running.discard)
        return running

    def run_to_end(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that ends by itself."""
        return subprocess.run(
            [script(command[0]), *command[1:]],
            cwd=self.directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start_daemon(self, *arguments: str) -> int:
        """Start a daemon, and return its port."""
        result = self.run_to_end("twistd", "--pidfile=twistd.pid", "--logfile=server.log", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.addCleanup(self.assert_no_number)
        self.addCleanup(self.stop_daemon)
        # What the daemon writes after its parent has ended is waited for by a process that follows its log.
        following = Running(["tail", "-n", "+1", "-F", "server.log"], self.directory)
        self.addCleanup(following.discard)
        return following.port()

    def daemon(self) -> int:
        """Return the number of the daemon's process."""
        return int((self.directory / "twistd.pid").read_text())

    def assert_no_number(self) -> None:
        """Assert that the daemon, which has ended, has removed the file with its number."""
        self.assertFalse((self.directory / "twistd.pid").exists(), "the file with the number is left")

    def stop_daemon(self) -> None:
        """Ask the daemon to end, and wait until it has."""
        descriptor = os.pidfd_open(self.daemon())
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            ended, _, _ = select.select([descriptor], [], [], PATIENCE)
        finally:
            os.close(descriptor)
        self.assertEqual(ended, [descriptor], "the daemon has not ended")
