# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for where the command line gets a password from.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import asking
from ftpserver.asking import Ask, NoPassword


def typing(answers: Sequence[str]) -> tuple[Ask, list[str]]:
    """Return somebody who types *answers*, and the prompts that were shown."""
    prompts: list[str] = []
    left = iter(answers)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(left)

    return ask, prompts


class TerminalTests(SynchronousTestCase):
    """Tests for passwords that are typed."""

    def test_once(self) -> None:
        """A password is asked for once."""
        ask, prompts = typing(["geheim"])
        self.assertEqual(asking.ask_once("Password for a: ", ask), "geheim")
        self.assertEqual(prompts, ["Password for a: "])

    def test_twice(self) -> None:
        """A new password is asked for twice."""
        ask, prompts = typing(["geheim", "geheim"])
        self.assertEqual(asking.ask_twice(ask), "geheim")
        self.assertEqual(len(prompts), 2)

    def test_twice_differently(self) -> None:
        """Two passwords that differ are none."""
        error = self.assertRaises(NoPassword, asking.ask_twice, typing(["geheim", "gehiem"])[0])
        self.assertEqual(str(error), "the two passwords differ")

    def test_nothing(self) -> None:
        """An empty password is none, and is not asked for again."""
        ask, prompts = typing([""])
        self.assertRaises(NoPassword, asking.ask_twice, ask)
        self.assertEqual(len(prompts), 1)


class LineTests(SynchronousTestCase):
    """Tests for passwords in a stream or a file."""

    def test_the_first_line(self) -> None:
        """A password is the first line without its end, blanks and all."""
        table = [
            (b"geheim\n", "geheim"),
            (b"geheim\r\n", "geheim"),
            (b"geheim", "geheim"),
            (b" a b \nnext\n", " a b "),
            ("größer\n".encode(), "größer"),
            (b"\xff\n", "\udcff"),
        ]
        for octets, expected in table:
            self.assertEqual(asking.from_line(BytesIO(octets)), expected, repr(octets))

    def test_an_empty_line(self) -> None:
        """A stream that begins with an empty line, or has none, gives no password."""
        for octets in (b"", b"\n", b"\r\n", b"\nnext\n"):
            error = self.assertRaises(NoPassword, asking.from_line, BytesIO(octets))
            self.assertEqual(str(error), "the password is empty")

    def test_files(self) -> None:
        """The first line of a file is a password."""
        path = Path(self.mktemp())
        path.write_bytes(b"geheim\nnext\n")
        self.assertEqual(asking.from_file(path), "geheim")

    def test_missing_files(self) -> None:
        """A file that cannot be read is named, with the reason."""
        path = Path(self.mktemp())
        error = self.assertRaises(NoPassword, asking.from_file, path)
        self.assertEqual(str(error), f"{path} cannot be read: No such file or directory")


class EnvironmentTests(SynchronousTestCase):
    """Tests for passwords in the environment."""

    def test_values(self) -> None:
        """The value of a variable is a password unless it is empty."""
        self.assertEqual(asking.from_environment("geheim"), "geheim")
        self.assertRaises(NoPassword, asking.from_environment, "")
