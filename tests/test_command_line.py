# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the command "ftpserver".
"""

from __future__ import annotations

import runpy
import sys
from io import BytesIO, StringIO, TextIOWrapper

from argon2 import PasswordHasher
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import asking
from ftpserver.command_line import main, version


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
