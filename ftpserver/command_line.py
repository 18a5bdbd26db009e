# -*- test-case-name: tests.test_command_line -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The command ``ftpserver``: what is not ``twistd ftpserver``, which runs the server.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence

from . import asking
from .users.passwords import hash_password

__all__ = ["main", "version"]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    :param arguments: without the name of the command; by default those of the process.
    :returns: the exit status.
    """
    options = _parser().parse_args(arguments)
    status: int = options.run()
    return status


def version() -> str:
    """Return the version that is installed."""
    return importlib.metadata.version("txftpserver")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ftpserver", description="Tools for the FTP server, which itself is run by 'twistd ftpserver'."
    )
    parser.add_argument("--version", action="version", version=f"ftpserver {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    text = (
        "Ask for a password twice, or read one line from the standard input where that is no terminal, and print its "
        "Argon2id hash, as the key password_hash of the configuration file takes it."
    )
    passwd = commands.add_parser("passwd", help="print the hash of a password", description=text)
    passwd.set_defaults(run=_passwd)
    return parser


def _passwd() -> int:
    try:
        password = asking.ask_twice() if sys.stdin.isatty() else asking.from_line(sys.stdin.buffer)
    except asking.NoPassword as error:
        sys.stderr.write(f"ftpserver passwd: {error}\n")
        return 1
    sys.stdout.write(f"{hash_password(password)}\n")
    return 0
