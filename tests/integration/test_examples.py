# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the examples: each runs as a process of its own and serves a real client.
"""

from __future__ import annotations

import ftplib
import hashlib
import io
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trustme
from twisted.trial.unittest import SynchronousTestCase

import ftpserver
from benchmarks.ports import free_ports

PROJECT = Path(ftpserver.__file__).parent.parent
EXAMPLES = PROJECT / "examples"

#: Seconds after which a process that hangs is killed, so that its test fails rather than waits.
PATIENCE = 60.0

#: Twisted leaves the descriptor that it keeps for emergencies to the end of the process.
WARNINGS = ("-W", "error", "-W", "ignore::ResourceWarning")


class Process:
    """
    An example that runs.

    :param arguments: of the Python interpreter.
    """

    def __init__(self, arguments: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **(environment or {})},
        )
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def numbers(self, pattern: str) -> list[int]:
        """Read lines until one holds *pattern*, and return the numbers that its groups found."""
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            found = re.search(pattern, line)
            if found is not None:
                return [int(group) for group in found.groups()]
        raise AssertionError(f"the process ended without {pattern!r}: {seen} {self.end(signal.SIGKILL)}")

    def end(self, how: signal.Signals | None) -> tuple[int, str, str]:
        """Send a signal, if there is one to send, and return the exit code and the rest of both outputs."""
        if how is not None:
            self.process.send_signal(how)
        output, errors = self.process.communicate(timeout=PATIENCE)
        self._watchdog.cancel()
        return self.process.returncode, output, errors


class ExampleTestCase(SynchronousTestCase):
    """A directory with one file, ``hello.txt``, and what starts an example over it."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-example-")
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        (self.root / "hello.txt").write_bytes(b"hello, world\n")

    def start(self, example: str, *arguments: str) -> None:
        """Start an example that prints the port it listens on."""
        self.example = Process([*WARNINGS, str(EXAMPLES / example), *arguments])
        self.addCleanup(self.example.end, signal.SIGKILL)
        (self.port,) = self.example.numbers(r"^Listening on port (\d+)$")

    def stop(self, how: signal.Signals | None = signal.SIGTERM) -> str:
        """Ask the example to end (unless it was asked), see that it does so well, and return what it printed last."""
        code, output, errors = self.example.end(how)
        self.assertEqual((code, errors), (0, ""))
        return output

    def connect(self, port: int | None = None) -> ftplib.FTP:
        """Return a client that is not logged in."""
        client = ftplib.FTP(timeout=PATIENCE)
        client.connect("127.0.0.1", port or self.port)
        self.addCleanup(client.close)
        return client

    def log_in(self, login: str = "anonymous", password: str = "me@example.org", port: int | None = None) -> ftplib.FTP:
        """Return a client that has logged in."""
        client = self.connect(port)
        client.login(login, password)
        return client

    def read(self, client: ftplib.FTP, name: str, offset: int | None = None) -> bytes:
        """Download a file."""
        pieces: list[bytes] = []
        client.retrbinary(f"RETR {name}", pieces.append, rest=offset)
        return b"".join(pieces)

    def assert_refused(self, code: str, client: ftplib.FTP, command: str) -> None:
        """See *command* answered with *code*."""
        error = self.assertRaises(ftplib.error_perm, client.sendcmd, command)
        self.assertEqual(str(error)[:3], code, command)


class BasicTests(ExampleTestCase):
    def test_it_serves_a_writer_and_readers(self) -> None:
        """The administrator stores a file, and anonymous readers get it and store none."""
        self.start("basic.py", "0", str(self.root))
        admin, reader = self.log_in("admin", "secret"), self.log_in()
        admin.storbinary("STOR new.bin", io.BytesIO(b"\0\r\n" * 100_000))
        self.assertEqual((self.root / "new.bin").read_bytes(), b"\0\r\n" * 100_000)
        self.assertEqual(self.read(reader, "new.bin"), b"\0\r\n" * 100_000)
        self.assertEqual(sorted(reader.nlst()), ["hello.txt", "new.bin"])
        self.assertRaises(ftplib.error_perm, reader.storbinary, "STOR other.bin", io.BytesIO(b"x"))
        self.stop(signal.SIGINT)

    def test_a_running_transfer_may_finish(self) -> None:
        """A download that runs when the process is told to end is complete, and then the process ends."""
        content = os.urandom(2**20) * 24
        (self.root / "large.bin").write_bytes(content)
        self.start("basic.py", "0", str(self.root))
        client = self.log_in()
        client.voidcmd("TYPE I")
        with client.transfercmd("RETR large.bin") as data:
            received = bytearray(data.recv(1))
            self.example.process.send_signal(signal.SIGTERM)
            while piece := data.recv(2**20):
                received += piece
        self.assertEqual(hashlib.sha256(received).digest(), hashlib.sha256(content).digest())
        self.assertEqual(client.voidresp()[:3], "226")
        self.stop(None)


class AdvancedTests(ExampleTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("logs", "uploads"):
            (self.root / name).mkdir()
        [self.data_port] = free_ports(1)
        self.start("advanced.py", "0", str(self.root), f"{self.data_port}-{self.data_port}", "127.0.0.2")

    def test_the_client_is_told_the_public_address(self) -> None:
        """The reply to PASV shows the address outside and a port of the range."""
        client = self.log_in("admin", "admin_pass")
        high, low = divmod(self.data_port, 256)
        self.assertIn(f"(127,0,0,2,{high},{low})", client.sendcmd("PASV"))
        self.assertIn("kept for a week", client.getwelcome())
        self.stop()

    def test_each_account_has_its_rights(self) -> None:
        """The administrator writes everywhere but to the logs, and the other one can only leave files."""
        admin = self.log_in("admin", "admin_pass")
        self.assertEqual(self.read(admin, "hello.txt"), b"hello, world\n")
        self.assert_refused("550", admin, "MKD logs/x")
        admin.mkd("x")
        sender = self.log_in("upload_only", "upload_pass")
        sender.storbinary("STOR mine", io.BytesIO(b"mine"))
        self.assertEqual((self.root / "uploads" / "mine").read_bytes(), b"mine")
        self.assertEqual(sender.nlst(), ["mine"])
        self.assertRaises(ftplib.error_perm, self.read, sender, "mine")
        self.stop()

    def test_an_account_has_its_number_of_connections(self) -> None:
        """The third session of an account that may have two is refused, and welcome when another has ended."""
        first, _second = (self.log_in("upload_only", "upload_pass") for _ in range(2))
        self.assertRaises(ftplib.error_perm, self.log_in, "upload_only", "upload_pass")
        first.quit()
        self.log_in("upload_only", "upload_pass")
        self.stop()


class ImplicitFTPS(ftplib.FTP_TLS):
    """A client that begins with TLS, which the one of Python does not."""

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: Any = None) -> str:
        """Connect, with the handshake first."""
        connection = socket.create_connection((host, port), PATIENCE)
        self.host = host
        self.sock = self.context.wrap_socket(connection, server_hostname=host)
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class TLSTests(ExampleTestCase):
    def test_it_serves_under_tls_alone(self) -> None:
        """Files go both ways under TLS from the first octet on, and a client in clear gets nothing."""
        authority = trustme.CA()
        certificate, key = self.root / "server.crt", self.root / "server.key"
        made = authority.issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(str(certificate))
        made.private_key_pem.write_to_path(str(key))
        self.start("tls.py", "0", str(self.root), str(certificate), str(key))
        context = ssl.create_default_context()
        authority.configure_trust(context)
        client = ImplicitFTPS(context=context, timeout=PATIENCE)
        client.connect("localhost", self.port)
        self.addCleanup(client.close)
        client.login("secure_user", "secure_pass", secure=False)
        client.prot_p()
        client.storbinary("STOR new.bin", io.BytesIO(b"\0\r\n" * 100_000))
        self.assertEqual((self.root / "new.bin").read_bytes(), b"\0\r\n" * 100_000)
        self.assertEqual(self.read(client, "new.bin"), b"\0\r\n" * 100_000)
        self.assertIn("new.bin", client.nlst())
        with socket.create_connection(("localhost", self.port), PATIENCE) as clear, clear.makefile("rb") as answer:
            clear.sendall(b"USER secure_user\r\n")
            self.assertNotIn(b"220", answer.read())
        client.quit()
        self.stop()


class CustomCommandTests(ExampleTestCase):
    def test_the_command_is_one_of_the_server(self) -> None:
        """XSHA256 answers the digest, is in FEAT and HELP, and asks for a login and a file like any other."""
        self.start("custom_command.py", "0", str(self.root))
        client = self.connect()
        self.assert_refused("530", client, "XSHA256 hello.txt")
        client.login()
        digest = hashlib.sha256(b"hello, world\n").hexdigest().upper()
        self.assertEqual(client.sendcmd("XSHA256 hello.txt"), f"250 {digest}")
        self.assertIn("XSHA256", client.sendcmd("FEAT"))
        self.assertIn("XSHA256 <SP> pathname", client.sendcmd("HELP XSHA256"))
        for command, code in [("XSHA256", "501"), ("XSHA256 none.txt", "550"), ("XSHA256 /", "550")]:
            self.assert_refused(code, client, command)
        self.stop()


class CustomUserManagerTests(ExampleTestCase):
    def test_the_manager_decides(self) -> None:
        """The right password logs in, a wrong one and an unknown name do not, and the end of the login is told."""
        self.start("custom_user_manager.py", "0", str(self.root))
        for login in ("alice", "nobody"):
            self.assertRaises(ftplib.error_perm, self.log_in, login, "guess")
        client = self.log_in("alice", "wonderland")
        self.assertEqual(self.read(client, "hello.txt"), b"hello, world\n")
        client.quit()
        self.assertIn("alice logged out\n", self.stop())


class SQLiteUsersTests(ExampleTestCase):
    def test_an_account_that_was_added_logs_in(self) -> None:
        """An account of the database logs in to its directory with its password only, also after a change of it."""
        database = str(self.root / "accounts.sqlite")
        script = [sys.executable, *WARNINGS, str(EXAMPLES / "sqlite_users.py"), database]

        def add(password: str) -> None:
            subprocess.run([*script, "add", "alice", str(self.root)], input=password + "\n", text=True, check=True)

        add("first one")
        self.start("sqlite_users.py", database, "serve", "0")
        self.assertEqual(self.read(self.log_in("alice", "first one"), "hello.txt"), b"hello, world\n")
        add("second one")
        for login, password in [("alice", "first one"), ("bob", "second one"), ("' OR '1'='1", "second one")]:
            self.assertRaises(ftplib.error_perm, self.log_in, login, password)
        self.log_in("alice", "second one")
        self.stop()


class ZipArchiveTests(ExampleTestCase):
    def test_the_archive_is_read_and_not_changed(self) -> None:
        """Files of the archive are listed and read, from the middle too, and nothing can be stored."""
        archive = self.root / "archive.zip"
        content = os.urandom(300_000)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("readme.txt", "read me")
            target.writestr("data/deep/random.bin", content)
        before = archive.read_bytes()
        self.start("zip_archive.py", str(archive), "0")
        client = self.log_in()
        self.assertEqual(sorted(client.nlst()), ["data", "readme.txt"])
        client.cwd("data/deep")
        self.assertEqual(
            [(name, facts["size"]) for name, facts in client.mlsd() if facts["type"] == "file"],
            [("random.bin", "300000")],
        )
        self.assertEqual(self.read(client, "random.bin"), content)
        self.assertEqual(self.read(client, "random.bin", offset=299_990), content[299_990:])
        self.assertRaises(ftplib.error_perm, client.storbinary, "STOR new", io.BytesIO(b"x"))
        for command in ("DELE random.bin", "RETR none", "MKD new", "RMD /data", "CWD random.bin"):
            self.assertRaises(ftplib.error_perm, client.sendcmd, command)
        self.stop()
        self.assertEqual(archive.read_bytes(), before)


class ComposedTests(ExampleTestCase):
    def test_two_servers_and_a_site_share_a_process(self) -> None:
        """Under twistd, both servers and the web site serve the same files, each to whom it is for."""
        endpoint = "tcp:0:interface=127.0.0.1"
        names = ("FTP_PUBLIC", "FTP_STAFF", "WEB")
        self.example = Process(
            [
                "-c",
                "from twisted.scripts.twistd import run; run()",
                "--pidfile=",
                "-ny",
                str(EXAMPLES / "composed.tac"),
            ],
            {"FTP_ROOT": str(self.root), **dict.fromkeys(names, endpoint)},
        )
        self.addCleanup(self.example.end, signal.SIGKILL)
        (web,) = self.example.numbers(r"Site starting on (\d+)")
        public, staff = self.example.numbers(r"public (\d+), staff (\d+)")
        editor = self.log_in("editor", "secret", port=staff)
        editor.storbinary("STOR new.txt", io.BytesIO(b"new"))
        self.assertEqual(self.read(self.log_in(port=public), "new.txt"), b"new")
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/new.txt", timeout=PATIENCE) as answer:
            self.assertEqual(answer.read(), b"new")
        self.assertRaises(ftplib.error_perm, self.log_in, "editor", "secret", port=public)
        self.assertRaises(ftplib.error_perm, self.log_in, port=staff)
        code, output, errors = self.example.end(signal.SIGTERM)
        # twistd ends by the signal that it got, after everything is shut down.
        self.assertEqual((code, errors), (-signal.SIGTERM, ""))
        self.assertIn("Server Shut Down", output)
