# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The process of the server: killed, without room for its log, and what it leaves readable.
"""

from __future__ import annotations

import ftplib
import os
import re
import select
import signal
import socket
import stat
from io import BytesIO
from pathlib import Path

from benchmarks.ports import free_ports

from ..integration.processes import PASSWORD, ProcessTestCase, Running, connect
from ..integration.stores import mount_small, unmount
from .harness import GLANCE

OLD = b"the old content"

#: What has come of an upload when its server is killed.
PART = bytes(range(256)) * 4096

#: The status of a process that twistd has ended in order, at SIGTERM.
ENDED = -signal.SIGTERM


class StoppedTests(ProcessTestCase):
    """kill -9 and SIGTERM amid uploads."""

    def begin(self, port: int, command: str, offset: int | None = None) -> ftplib.FTP:
        """Begin an upload and return its session when all that was sent has come to the server."""
        client = connect(port)
        self.addCleanup(client.close)
        client.voidcmd("TYPE I")
        data = client.transfercmd(command, offset)
        self.addCleanup(data.close)
        data.sendall(PART)
        while f"{len(PART)} octets so far" not in client.sendcmd("STAT"):
            continue
        return client

    def found(self) -> dict[str, bytes]:
        """Return the files that are there."""
        return {path.name: path.read_bytes() for path in self.served.iterdir()}

    def kill(self, running: Running) -> None:
        """Kill the process and wait for its end."""
        running.signal(signal.SIGKILL)
        running.end()

    def test_no_file_looks_whole(self) -> None:
        """After kill -9 no upload has a name, each old file has all that it had, and a new server serves them."""
        for name in ("old", "resumed"):
            (self.served / name).write_bytes(OLD)
        before = self.found()
        running = self.start("--config", self.configure())
        port = running.port()
        for command in ("STOR new", "STOR old", "STOU"):
            self.begin(port, command)
        self.assertEqual(self.found(), before)
        self.begin(port, "STOR resumed", len(OLD))
        self.kill(running)
        after = self.found()
        self.assertEqual({**after, "resumed": OLD}, before)
        # This one goes on with a file that is there, in its place.
        self.assertTrue(after["resumed"].startswith(OLD))
        again = self.start("--config", "ftpserver.toml")
        with connect(again.port()) as client:
            self.assertEqual(sorted(client.nlst()), sorted(before))
            client.storbinary("STOR new", BytesIO(b"whole"))
        self.assertEqual(self.found(), {**after, "new": b"whole"})

    def test_an_upload_is_waited_for_at_the_end(self) -> None:
        """At SIGTERM an upload that is under way goes on to its end, is answered with 226, and is there as a whole."""
        running = self.start("--config", self.configure('close_timeout = "30s"'))
        client = connect(running.port())
        self.addCleanup(client.close)
        client.voidcmd("TYPE I")
        with client.transfercmd("STOR new") as data:
            data.sendall(PART)
            while f"{len(PART)} octets so far" not in client.sendcmd("STAT"):
                continue
            running.signal()
            data.sendall(PART)
        self.assertTrue(client.voidresp().startswith("226"))
        self.assertTrue(client.getline().startswith("421"))
        self.assertEqual(running.end(), ENDED)
        self.assertEqual(self.found()["new"], PART * 2)


class FullLogTests(ProcessTestCase):
    """A log that takes nothing more."""

    def start_with_log(self, log: str, *lines: str) -> Running:
        """Start a server with its log in a file; it tells its port there, or nowhere."""
        [self.port] = free_ports(1)
        name = self.configure(*lines, endpoint=f"tcp:{self.port}:interface=127.0.0.1")
        return self.start("--config", name, runner=["twistd", "-n", "--pidfile=", f"--logfile={log}"])

    def connect_once_it_listens(self) -> ftplib.FTP:
        """Return a session of the server, whose log cannot tell when it listens."""
        while True:
            try:
                return connect(self.port)
            except ConnectionRefusedError:
                # It tells nobody when it does.
                select.select([], [], [], GLANCE)

    def use(self, client: ftplib.FTP) -> None:
        """Do what leaves lines in a log."""
        client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        received = BytesIO()
        client.retrbinary("RETR hello.txt", received.write)
        self.assertEqual(received.getvalue(), b"hello\n")
        for _ in range(20):
            self.assertRaises(ftplib.error_perm, client.cwd, "missing")
        client.voidcmd("NOOP")

    def test_a_full_device(self) -> None:
        """A server whose every line of log fails serves all the same, and ends when it is told."""
        running = self.start_with_log("/dev/full")
        with self.connect_once_it_listens() as client:
            self.use(client)
        running.signal()
        self.assertEqual(running.end(), ENDED, "".join(running.lines))

    def test_a_full_file_system(self) -> None:
        """A server whose log has filled its disk serves on, and logs again when there is room."""
        place = self.directory / "log"
        place.mkdir()
        mount_small(place, "64k")
        self.addCleanup(unmount, place)
        running = self.start_with_log(str(place / "server.log"), 'log_format = "json"')
        with self.connect_once_it_listens() as client:
            (place / "filling").write_bytes(b"")
            with (place / "filling").open("wb", buffering=0) as filling:
                self.assertRaises(OSError, lambda: [filling.write(bytes(4096)) for _ in range(100)])
            for _ in range(10):
                self.use(client)
            with connect(self.port) as other:
                self.use(other)
            (place / "filling").unlink()
            client.storbinary("STOR afterwards", BytesIO(b"x"))
        running.signal()
        self.assertEqual(running.end(), ENDED)
        text = (place / "server.log").read_text(errors="replace")
        self.assertIn('"/afterwards"', text)

    def test_a_pipe_that_nobody_reads_any_more(self) -> None:
        """A server whose log was written to a program that has ended serves on."""
        running = self.start("--config", self.configure())
        port = running.port()
        running.output.close()
        with connect(port) as client:
            self.use(client)
        running.signal()
        self.assertEqual(running.process.wait(), ENDED)


class SecretTests(ProcessTestCase):
    """What others on the machine can read."""

    def test_others_see_no_secret(self) -> None:
        """A socket of the file system is for its owner, whatever the mask; the system shows nobody a password."""
        name = self.configure(endpoint="unix:control.sock")
        running = self.start("--config", name, umask=0)
        running.find(re.compile("[Ss]tarting factory|listening on"))
        path = self.directory / "control.sock"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
            self.assertTrue(client.recv(100).startswith(b"220 "))
            client.sendall(f"USER alice\r\nPASS {PASSWORD}\r\n".encode())
            self.assertIn(b"331 ", client.recv(100))
            process = Path(f"/proc/{running.process.pid}")
            shown = b"".join((process / one).read_bytes() for one in ("cmdline", "comm", "environ"))
        self.assertNotIn(PASSWORD.encode(), shown)
        self.assertNotIn(b"$argon2", shown)
        running.stop()
