# -*- test-case-name: tests.test_tap -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``twistd ftpserver`` and ``twist ftpserver``: the options, and the service that they ask for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

from twisted.python import usage

from . import asking, config
from .command_line import version
from .config import ConfigurationError, Listener, ServerSettings, Settings, UserSettings
from .core.users import ANONYMOUS_NAMES
from .server import Server
from .service import FTPService
from .users.passwords import hash_password
from .walls.confinement import Walls, obstacle
from .walls.landlock import Landlock

__all__ = ["Options", "makeService"]

#: Where a password may be, so that nothing needs to be asked for.
PASSWORD_VARIABLE = "FTPSERVER_PASSWORD"  # noqa: S105 - a name, no password.

DEFAULT_PORT = 2121

_QUICK = ("root", "port", "user", "password-file")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError("a port is a number from 0 to 65535")
    return port


class Options(usage.Options):
    """
    The options of the command.

    Paths are made absolute, and files are read, while they are parsed: a daemon changes its directory.
    """

    synopsis = "[--config FILE [--check]] | [--root DIR] [--port N] [--user NAME [--password-file FILE]]"

    longdesc = (
        "Without --config, a directory is served on 127.0.0.1: to 'anonymous' for reading, and to the user given for "
        "reading and writing. The password of that user is read from --password-file, or else from the environment "
        f"variable {PASSWORD_VARIABLE}, or else asked for at the terminal."
    )

    optParameters: ClassVar = [
        ["config", "c", None, "Configuration file (TOML); its keys are listed below."],
        ["root", "r", None, "Directory to serve (default: the current one)."],
        ["port", "p", None, f"Port on 127.0.0.1 (default: {DEFAULT_PORT}; 0 lets the system choose one).", _port],
        ["user", "u", None, "Login of a user who may write, too."],
        ["password-file", None, None, "File whose first line is the password of --user."],
    ]

    optFlags: ClassVar = [
        ["check", None, "Check the configuration file, tell of everything that is wrong with it, and start nothing."],
    ]

    settings: Settings
    greeting: Callable[[Server], Sequence[str]]

    def opt_version(self) -> NoReturn:
        """Print the version of ftpserver and exit."""
        sys.stdout.write(f"ftpserver {version()}\n")
        raise SystemExit(0)

    def getUsage(self, width: int | None = None) -> str:  # noqa: N802 - Twisted calls it.
        """Return what ``--help`` prints: the options, and every key of the configuration file."""
        columns = width or int(os.environ.get("COLUMNS", "80"))
        return f"{super().getUsage(columns)}\n{config.help_text(columns)}"

    def postOptions(self) -> None:
        """
        Read the configuration file, or make one of the other options.

        :raises twisted.python.usage.UsageError: on options that do not go together.
        :raises SystemExit: with status 1 if the file is wrong; with status 0 if it was only to be checked.
        """
        if self["config"] is None:
            self._serve_directory()
        else:
            self._serve_file()

    def _serve_file(self) -> None:
        clashing = [f"--{name}" for name in _QUICK if self[name] is not None]
        if clashing:
            raise usage.UsageError(f"--config and {', '.join(clashing)} do not go together: write it in the file")
        try:
            self.settings = config.read(self["config"])
        except ConfigurationError as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(1) from None
        self._check_walls()
        warnings = config.warnings(self.settings)
        if self["check"]:
            lines = [*warnings, *config.certificate_warnings(self.settings), f"{self['config']}: no errors"]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            raise SystemExit(0)
        self.greeting = partial(_greeting_of_file, self.settings, warnings)

    def _check_walls(self) -> None:
        reason = obstacle(self.settings, self.parent or {}, Landlock())
        if reason is not None and self.settings.server.landlock == "required":
            problem = config.Problem(("server", "landlock"), f"it cannot be had: {reason}", '"required"')
            sys.stderr.write(f"{ConfigurationError(self['config'], [problem])}\n")
            raise SystemExit(1)

    def _serve_directory(self) -> None:
        if self["check"]:
            raise usage.UsageError("--check checks a configuration file: give --config FILE")
        root = Path(self["root"] or ".").absolute()
        if not root.is_dir():
            raise usage.UsageError(f"--root {root}: there is no such directory")
        port = DEFAULT_PORT if self["port"] is None else self["port"]
        accounts = [UserSettings.model_construct(base_path=root)]
        if self["user"] is not None:
            hashed = hash_password(self._password())
            accounts.append(UserSettings.model_construct(login=self["user"], password_hash=hashed, base_path=root))
        elif self["password-file"] is not None:
            raise usage.UsageError("--password-file is for the password of --user: give --user NAME, too")
        self.settings = Settings.model_construct(
            listeners=[Listener.model_construct(endpoint=f"tcp:{port}:interface=127.0.0.1")],
            server=ServerSettings(),
            users=accounts,
        )
        self.greeting = partial(_greeting_of_directory, root, self["user"], self._how_to_stop())

    def _password(self) -> str:
        name = self["user"]
        if not name or not name.isprintable() or name.lower() in ANONYMOUS_NAMES:
            raise usage.UsageError("--user: choose a name, other than those of the anonymous account")
        try:
            if self["password-file"] is not None:
                return asking.from_file(Path(self["password-file"]))
            if PASSWORD_VARIABLE in os.environ:
                return asking.from_environment(os.environ[PASSWORD_VARIABLE])
            if sys.stdin.isatty():
                return asking.ask_once(f"Password for {name}: ")
        except asking.NoPassword as error:
            raise usage.UsageError(f"--user {name}: {error}") from error
        raise usage.UsageError(
            f"--user {name}: there is no terminal to ask for the password at; "
            f"set {PASSWORD_VARIABLE}, or give --password-file FILE"
        )

    def _how_to_stop(self) -> str:
        runner: Any = self.parent
        is_daemon = runner is not None and not runner.get("nodaemon", True)
        return "kill" if is_daemon else "Ctrl-C"


def _greeting_of_file(settings: Settings, warnings: Sequence[str], server: Server) -> list[str]:
    warnings = [*warnings, *config.unreadable(settings)]
    places = [
        f"listening on {_with_port(host, port) if host else listener.endpoint}{_encryption(settings, listener)}"
        for listener, (host, port) in zip(settings.listeners, server.addresses, strict=True)
    ]
    return [*(f"warning: {warning}" for warning in warnings), *places]


def _encryption(settings: Settings, listener: Listener) -> str:
    if settings.tls is None:
        return ""
    return " (no TLS)" if listener.tls == "off" else f" ({listener.tls or 'explicit'} TLS)"


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _greeting_of_directory(root: Path, user: str | None, how_to_stop: str, server: Server) -> list[str]:
    host, port = server.address
    stop = f"kill {os.getpid()}" if how_to_stop == "kill" else how_to_stop
    lines = [f"serving {root}: open ftp://{host}:{port}/ (anonymous, for reading); stop with {stop}"]
    if user is not None:
        lines.append(f"serving {root}: open ftp://{quote(user, safe='')}@{host}:{port}/ (for reading and writing)")
    return lines


def makeService(options: Options) -> FTPService:
    """Return the service that *options* ask for."""
    server = config.make_server(options.settings)
    # Without a runner this is part of a program of somebody else, whose files are not known.
    walls = None if options.parent is None else Walls(options.settings, options.parent)
    return FTPService(server, options.settings.server, options.parent, options.greeting, walls)
