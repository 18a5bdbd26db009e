# -*- test-case-name: tests.test_asking -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where the command line gets a password from: never from its arguments, which every process can read.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["Ask", "NoPassword", "ask_once", "ask_twice", "from_environment", "from_file", "from_line"]

#: Shows a prompt and returns what was typed, unseen.
Ask = Callable[[str], str]


class NoPassword(Exception):
    """There is no password that can be used; the text says why."""


def ask_once(prompt: str, ask: Ask = getpass.getpass) -> str:
    """
    Return the password that is typed at the terminal.

    :raises NoPassword: if it is empty.
    """
    return _not_empty(ask(prompt))


def ask_twice(ask: Ask = getpass.getpass) -> str:
    """
    Return a new password that is typed twice at the terminal.

    :raises NoPassword: if it is empty or the two differ.
    """
    password = ask_once("Password: ", ask)
    if ask("The same again: ") != password:
        raise NoPassword("the two passwords differ")
    return password


def from_line(stream: BinaryIO) -> str:
    """
    Return the first line of *stream*, without its end; octets that are not UTF-8 are kept as the server keeps them.

    :raises NoPassword: if it is empty.
    """
    return _not_empty(stream.readline().rstrip(b"\r\n").decode("utf-8", "surrogateescape"))


def from_file(path: Path) -> str:
    """
    Return the first line of the file at *path*.

    :raises NoPassword: if it cannot be read or is empty.
    """
    try:
        with path.open("rb") as stream:
            return from_line(stream)
    except OSError as error:
        raise NoPassword(f"{path} cannot be read: {error.strerror}") from error


def from_environment(value: str) -> str:
    """
    Return the *value* of an environment variable.

    :raises NoPassword: if it is empty.
    """
    return _not_empty(value)


def _not_empty(password: str) -> str:
    if not password:
        raise NoPassword("the password is empty")
    return password
