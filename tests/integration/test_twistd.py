# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the server as a process: twistd in the foreground, twistd as a daemon, and twist.
"""

from __future__ import annotations

import ftplib
import re
import socket
import subprocess
import sys
from io import BytesIO

from .processes import PASSWORD, ProcessTestCase, connect, environment

#: More than the buffers of two sockets hold.
LARGE = 32 * 1024 * 1024


def names(client: ftplib.FTP) -> list[str]:
    """Return what is in the current directory."""
    return sorted(client.nlst())


class DirectoryTests(ProcessTestCase):
    """Tests for serving a directory without a configuration file."""

    def test_anonymous_reads(self) -> None:
        """Whoever logs in as anonymous can list and fetch, and can change nothing."""
        running = self.start("--root", "served", "--port", "0")
        with connect(running.port(), "anonymous", "me@example.org") as client:
            self.assertEqual(names(client), ["hello.txt"])
            fetched = BytesIO()
            client.retrbinary("RETR hello.txt", fetched.write)
            self.assertEqual(fetched.getvalue(), b"hello\n")
            refused = self.assertRaises(ftplib.error_perm, client.storbinary, "STOR new", BytesIO(b"x"))
            self.assertTrue(str(refused).startswith("550"), refused)
        self.assertIn(f"serving {self.served.resolve()}: open ftp://127.0.0.1:", "".join(running.lines))

    def test_the_user_writes(self) -> None:
        """The user that is named can store, with the password of the file."""
        (self.directory / "secret").write_text(f"{PASSWORD}\n")
        running = self.start("--root", "served", "--port", "0", "--user", "alice", "--password-file", "secret")
        with connect(running.port()) as client:
            client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        self.assertEqual((self.served / "new.txt").read_bytes(), b"new\n")
        self.assertNotIn(PASSWORD, "".join(running.stop()))

    def test_a_daemon(self) -> None:
        """A daemon serves the directory as it was named before the daemon changed its own, and says how to stop it."""
        port = self.start_daemon("--rundir=/", "ftpserver", "--root", "served", "--port", "0")
        with connect(port, "anonymous", "me@example.org") as client:
            self.assertEqual(names(client), ["hello.txt"])
        log = (self.directory / "server.log").read_text()
        self.assertIn(f"open ftp://127.0.0.1:{port}/ (anonymous, for reading); stop with kill {self.daemon()}\n", log)

    def test_twist(self) -> None:
        """The server runs under twist as well."""
        running = self.start("--root", "served", "--port", "0", runner=["twist"])
        with connect(running.port(), "anonymous", "me@example.org") as client:
            self.assertEqual(names(client), ["hello.txt"])


class FailureTests(ProcessTestCase):
    """Tests for servers that do not start."""

    def setUp(self) -> None:
        """Take a port."""
        super().setUp()
        self.taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.taken.close)
        self.port = self.taken.getsockname()[1]
        self.message = f"cannot listen on 127.0.0.1:{self.port}: Address already in use"

    def test_a_port_in_use(self) -> None:
        """A port in use costs one clear line and status 1, in the foreground of twistd and of twist."""
        for runner in (["twistd", "-n"], ["twist"]):
            result = self.run_to_end(*runner, "ftpserver", "--port", str(self.port))
            self.assertEqual((result.returncode, result.stderr), (1, f"{self.message}\n"), runner)
            self.assertNotIn("Traceback", result.stdout)
            self.assertFalse((self.directory / "twistd.pid").exists(), runner)

    def test_a_port_in_use_by_a_daemon(self) -> None:
        """A daemon that finds its port in use tells the terminal and its log, leaves nothing, and has status 1."""
        result = self.run_to_end("twistd", "--logfile=server.log", "ftpserver", "--port", str(self.port))
        self.assertEqual(result.returncode, 1)
        self.assertIn(self.message, result.stderr)
        log = (self.directory / "server.log").read_text()
        self.assertIn(self.message, log)
        self.assertNotIn("Traceback", log)
        self.assertFalse((self.directory / "twistd.pid").exists())

    def test_one_port_of_two(self) -> None:
        """If one of several ports cannot be opened, nothing starts."""
        name = self.configure(endpoint=f'tcp:0:interface=127.0.0.1"\n[[listeners]]\nendpoint = "tcp:{self.port}')
        result = self.run_to_end("twistd", "-n", "--pidfile=", "ftpserver", "--config", name)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, f"cannot listen on *:{self.port}: Address already in use\n")
        self.assertNotIn("listening on", result.stdout)


class ConfigurationTests(ProcessTestCase):
    """Tests for the configuration file of a process."""

    def test_a_file_is_checked(self) -> None:
        """A file that is right is called so with status 0, and nothing starts."""
        result = self.run_to_end("twistd", "ftpserver", "--check", "--config", self.configure())
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "ftpserver.toml: no errors\n", ""))

    def test_a_file_that_is_wrong(self) -> None:
        """Every error is named, the status is 1, and nothing starts, whichever way it is to be run."""
        name = self.configure('idle_timeout = "soon"', "idel_timeout = 3", "[tls]")
        for command in (
            ["twistd", "ftpserver", "--check"],
            ["twistd", "-n", "ftpserver"],
            ["twistd", "--logfile=server.log", "ftpserver"],
            ["twist", "ftpserver"],
        ):
            result = self.run_to_end(*command, "--config", name)
            self.assertEqual((result.returncode, result.stdout), (1, ""), command)
            first, *others = result.stderr.splitlines()
            self.assertEqual(first, "ftpserver.toml: 3 errors, nothing was started", command)
            keys = [line.split()[0].rstrip(":") for line in others]
            self.assertEqual(keys, ["server.idle_timeout", "server.idel_timeout", "tls.certificate"], command)
            self.assertFalse((self.directory / "twistd.pid").exists(), command)

    def test_a_daemon(self) -> None:
        """A daemon serves what the file names relative to itself, and others can read what was stored."""
        port = self.start_daemon("ftpserver", "--config", self.configure())
        with connect(port) as client:
            client.storbinary("STOR new.txt", BytesIO(b"new\n"))
            client.mkd("new")
        self.assertEqual((self.served / "new.txt").stat().st_mode & 0o777, 0o644)
        self.assertEqual((self.served / "new").stat().st_mode & 0o777, 0o755)

    def test_the_mask_of_the_file(self) -> None:
        """The mask of the file wins over that of the process."""
        running = self.start("--config", self.configure('umask = "027"'), umask=0o077)
        with connect(running.port()) as client:
            client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        self.assertEqual((self.served / "new.txt").stat().st_mode & 0o777, 0o640)

    def test_the_mask_of_twistd(self) -> None:
        """Where the file names no mask, that of twistd counts."""
        runner = ["twistd", "-n", "--pidfile=", "--umask=007"]
        running = self.start("--config", self.configure(), runner=runner)
        with connect(running.port()) as client:
            client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        self.assertEqual((self.served / "new.txt").stat().st_mode & 0o777, 0o660)

    def test_a_hash_of_the_command(self) -> None:
        """What "ftpserver passwd" prints is a hash that the file takes."""
        made = subprocess.run(
            [sys.executable, "-m", "ftpserver", "passwd"],
            input="geheim\n",
            capture_output=True,
            text=True,
            check=True,
            env=environment(),
        )
        name = self.configure()
        text = (self.directory / name).read_text()
        hashed = re.sub(r'(?<=password_hash = ").*(?=")', lambda _match: made.stdout.strip(), text)
        (self.directory / name).write_text(hashed)
        running = self.start("--config", name)
        with connect(running.port(), "alice", "geheim") as client:
            self.assertEqual(names(client), ["hello.txt"])


class StopTests(ProcessTestCase):
    """Tests for SIGTERM."""

    def test_sessions_are_drained(self) -> None:
        """An idle session is told goodbye, a running transfer comes to its end, and nobody new is let in."""
        with (self.served / "large").open("wb") as file:
            file.truncate(LARGE)
        running = self.start("--config", self.configure('close_timeout = "30s"'))
        port = running.port()
        idle, busy = connect(port), connect(port)
        with busy.transfercmd("RETR large") as data:
            received = len(data.recv(1))
            running.signal()
            self.assertEqual(idle.getline()[:3], "421")
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port))
            while piece := data.recv(1024 * 1024):
                received += len(piece)
        self.assertEqual(received, LARGE)
        self.assertEqual(busy.voidresp()[:3], "226")
        self.assertEqual(busy.getline()[:3], "421")
        for client in (idle, busy):
            client.close()
        running.end()
        self.assertNotIn("Traceback", "".join(running.lines))

    def test_the_grace_ends(self) -> None:
        """A transfer that does not come to its end is ended after the grace time, and the process with it."""
        with (self.served / "large").open("wb") as file:
            file.truncate(LARGE)
        running = self.start("--config", self.configure('close_timeout = "0.2s"'))
        busy = connect(running.port())
        with busy.transfercmd("RETR large") as data:
            data.recv(1)
            running.signal()
            running.end()
        busy.close()
        self.assertIn("Main loop terminated", "".join(running.lines))
