# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the command "ftpserver".
"""

from __future__ import annotations

import json
import runpy
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS, asking
from ftpserver.command_line import main, version
from ftpserver.tls.files import host_names


class Terminal(StringIO):
    """A standard input that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class CommandTestCase(SynchronousTestCase):
    """Runs the command."""

    def setUp(self) -> None:
        """Catch what the command writes."""
        self.output = StringIO()
        self.errors = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def give(self, octets: bytes) -> None:
        """Let *octets* stand on the standard input."""
        self.patch(sys, "stdin", TextIOWrapper(BytesIO(octets)))

    def status(self, *arguments: str) -> object:
        """Return the status that the command exits with where it does so itself."""
        return self.assertRaises(SystemExit, main, arguments).code


class PasswdTests(CommandTestCase):
    """Tests for "ftpserver passwd"."""

    def assert_printed_hash_of(self, password: str) -> None:
        """Assert that one line was printed, an Argon2id hash of *password*."""
        hashed, end = self.output.getvalue().split("\n")
        self.assertEqual(end, "")
        self.assertTrue(hashed.startswith("$argon2id$"), hashed)
        self.assertTrue(PasswordHasher().verify(hashed, password))

    def test_a_password_is_read(self) -> None:
        """Without a terminal, one line of the standard input becomes a hash."""
        self.give(b"geheim\nnext\n")
        self.assertEqual(main(["passwd"]), 0)
        self.assert_printed_hash_of("geheim")

    def test_a_password_is_asked_for(self) -> None:
        """At a terminal, what is typed twice becomes a hash, and is not shown."""
        self.patch(sys, "stdin", Terminal())
        self.patch(asking.ask_once, "__defaults__", (lambda _prompt: "geheim",))
        self.patch(asking.ask_twice, "__defaults__", (lambda _prompt: "geheim",))
        self.assertEqual(main(["passwd"]), 0)
        self.assert_printed_hash_of("geheim")
        self.assertNotIn("geheim", self.output.getvalue() + self.errors.getvalue())

    def test_no_password(self) -> None:
        """Without a password there is no hash, and the status is 1."""
        self.give(b"")
        self.assertEqual(main(["passwd"]), 1)
        self.assertEqual(self.output.getvalue(), "")
        self.assertEqual(self.errors.getvalue(), "ftpserver passwd: the password is empty\n")


class CertificateTests(CommandTestCase):
    """Tests for "ftpserver certificate"."""

    def test_a_certificate(self) -> None:
        """A server can use the file; the command tells the names, the last day and the fingerprint."""
        path = self.mktemp()
        self.assertEqual(main(["certificate", path]), 0)
        first, second, end = self.output.getvalue().split("\n")
        self.assertTrue(first.startswith(f"{path}: for localhost, 127.0.0.1, ::1, valid until 2"), first)
        certificate = load_pem_x509_certificate(Path(path).read_bytes())
        self.assertEqual(second, f"SHA-256 {certificate.fingerprint(SHA256()).hex(':').upper()}")
        self.assertEqual(end, "")
        TLS(certificate=path).open_session()

    def test_names_and_days(self) -> None:
        """The names and the days can be chosen."""
        path = self.mktemp()
        names = ["--name", "ftp.example.org", "--name", "192.0.2.1"]
        self.assertEqual(main(["certificate", *names, "--days", "2", path]), 0)
        certificate = load_pem_x509_certificate(Path(path).read_bytes())
        self.assertEqual(host_names(certificate), ("ftp.example.org",))
        lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        self.assertEqual(lifetime.days, 2)
        self.assertIn("for ftp.example.org, 192.0.2.1, valid", self.output.getvalue())

    def test_a_file_that_is_there(self) -> None:
        """A file that is there is not replaced, and the status is 1."""
        path = self.mktemp()
        Path(path).write_bytes(b"old")
        self.assertEqual(main(["certificate", path]), 1)
        self.assertEqual(self.errors.getvalue(), f"ftpserver certificate: {path}: File exists\n")
        self.assertEqual(Path(path).read_bytes(), b"old")

    def test_what_cannot_be_made(self) -> None:
        """A name that is none, and no days, are told; nothing is written, and the status is 1."""
        path = self.mktemp()
        for arguments in (["--name", "a b"], ["--days", "0"]):
            self.assertEqual(main(["certificate", *arguments, path]), 1)
        self.assertIn("'a b' is not the name of a host", self.errors.getvalue())
        self.assertIn("1 to 36500 days, not 0", self.errors.getvalue())
        self.assertEqual(self.output.getvalue(), "")
        self.assertFalse(Path(path).exists())
        self.assertEqual(self.status("certificate", "--days", "many", path), 2)


class SecurityTests(CommandTestCase):
    """Tests for "ftpserver security"."""

    def write(self, *lines: str) -> str:
        """Write a configuration with *lines* in its section of the server, and return its name."""
        directory = Path(self.mktemp())
        (directory / "pub").mkdir(parents=True)
        listener = '[[listeners]]\nendpoint = "tcp:0:interface=127.0.0.1"\n[server]'
        file = directory / "ftpserver.toml"
        file.write_text("\n".join([listener, *lines, '[[users]]\nbase_path = "pub"\n']))
        file.chmod(0o600)
        return str(file)

    def test_nothing_weak(self) -> None:
        """The walls are told, and the status is 0, also where something is only to be known."""
        self.assertEqual(main(["security"]), 0)
        self.assertEqual(main(["security", "--config", self.write('landlock = "off"')]), 0)
        self.assertIn("note  server.landlock: ", self.output.getvalue())
        self.assertIn("\nTLS             none\n", self.output.getvalue())

    def test_something_weak(self) -> None:
        """What is weak is told, as text or as JSON, and the status is 1."""
        file = self.write("failed_login_delay = 0")
        self.assertEqual(main(["security", "--config", file]), 1)
        self.assertIn("weak  server.failed_login_delay: 0: ", self.output.getvalue())
        self.output.truncate(0)
        self.output.seek(0)
        self.assertEqual(main(["security", "--config", file, "--json"]), 1)
        self.assertEqual(json.loads(self.output.getvalue())["findings"][0]["place"], "server.failed_login_delay")

    def test_what_is_not_there(self) -> None:
        """A file that is wrong, and a process that is not there, are told, and the status is 1."""
        self.assertEqual(main(["security", "--config", self.write("nonsense = 1")]), 1)
        self.assertIn("server.nonsense = 1: unknown key", self.errors.getvalue())
        self.assertEqual(main(["security", "--pid", "0"]), 1)
        self.assertIn("ftpserver security: /proc/0/status: No such file or directory\n", self.errors.getvalue())


class MainTests(CommandTestCase):
    """Tests for the command as a whole."""

    def test_the_version(self) -> None:
        """The version that is installed can be asked for."""
        self.assertEqual(self.status("--version"), 0)
        self.assertEqual(self.output.getvalue(), f"ftpserver {version()}\n")

    def test_no_command(self) -> None:
        """Without a command, the usage tells which there are."""
        self.assertEqual(self.status(), 2)
        self.assertIn("the following arguments are required: COMMAND", self.errors.getvalue())

    def test_a_password_as_an_argument(self) -> None:
        """A password on the command line, which every process can read, is refused."""
        self.assertEqual(self.status("passwd", "geheim"), 2)
        self.assertEqual(self.output.getvalue(), "")

    def test_the_module_is_the_command(self) -> None:
        """The command can be run as a module of Python."""
        self.give(b"geheim\n")
        self.patch(sys, "argv", ["ftpserver", "passwd"])
        ended = self.assertRaises(SystemExit, runpy.run_module, "ftpserver", run_name="__main__")
        self.assertEqual(ended.code, 0)
        self.assertTrue(self.output.getvalue().startswith("$argon2id$"))
