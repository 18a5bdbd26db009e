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
from .config import ConfigurationError
from .tls import certificate
from .users.passwords import hash_password
from .walls.report import report

__all__ = ["main", "version"]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    :param arguments: without the name of the command; by default those of the process.
    :returns: the exit status.
    """
    options = _parser().parse_args(arguments)
    status: int = options.run(options)
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
    _add_certificate(commands)
    _add_security(commands)
    return parser


def _add_certificate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = (
        "Make a self-signed certificate with its key, for trying TLS out, and write both to FILE, which the key "
        "certificate of the configuration file takes. Clients know it by its fingerprint, or when they are given the "
        "certificate to trust."
    )
    parser = commands.add_parser("certificate", help="make a self-signed certificate", description=text)
    parser.add_argument(
        "--name",
        action="append",
        dest="names",
        metavar="NAME",
        help="a host or an address that clients connect to; may be repeated (default: localhost, 127.0.0.1 and ::1)",
    )
    parser.add_argument("--days", type=int, default=365, metavar="N", help="how long it is valid (default: 365)")
    parser.add_argument("file", metavar="FILE", help="the file to make; one that is there is not replaced")
    parser.set_defaults(run=_certificate)


def _add_security(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = (
        "Tell which walls stand around a server, or would stand, and what is weak in its configuration. The status is "
        "1 if anything is 'weak', or the file is wrong; what is only a 'note' leaves it at 0."
    )
    parser = commands.add_parser("security", help="tell what protects a server, and what is weak", description=text)
    parser.add_argument("--config", metavar="FILE", help="the configuration file")
    parser.add_argument(
        "--pid", type=int, metavar="N", help="the process of a server that runs (default: as started by who runs this)"
    )
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    parser.set_defaults(run=_security)


def _security(options: argparse.Namespace) -> int:
    try:
        found = report(options.config, options.pid)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"ftpserver security: {error.filename}: {error.strerror}\n")
        return 1
    sys.stdout.write(found.as_json() if options.json else found.as_text())
    return 1 if found.is_weak else 0


def _certificate(options: argparse.Namespace) -> int:
    names = options.names or ["localhost", "127.0.0.1", "::1"]
    try:
        made = certificate.make(names, options.days)
        certificate.write(options.file, made.pem)
    except OSError as error:
        sys.stderr.write(f"ftpserver certificate: {options.file}: {error.strerror}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"ftpserver certificate: {error}\n")
        return 1
    until = f"{made.certificate.not_valid_after_utc:%Y-%m-%d}"
    sys.stdout.write(f"{options.file}: for {', '.join(names)}, valid until {until}\nSHA-256 {made.fingerprint}\n")
    return 0


def _passwd(_options: argparse.Namespace) -> int:
    try:
        password = asking.ask_twice() if sys.stdin.isatty() else asking.from_line(sys.stdin.buffer)
    except asking.NoPassword as error:
        sys.stderr.write(f"ftpserver passwd: {error}\n")
        return 1
    sys.stdout.write(f"{hash_password(password)}\n")
    return 0
