# -*- test-case-name: tests.test_places -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which parts of the file system a server needs for as long as it runs, and what for.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..commands import COMMANDS
from ..config import Settings, UserSettings
from ..config.building import make_user
from ..core.users import Right
from ..pathio.local import PathIO
from .landlock import Access

__all__ = ["LOG", "OWN_PROCESS", "READ", "WRITE", "Place", "code_of_ones_own", "places", "wide_root"]

READ = Access.READ_FILE | Access.READ_DIR

#: No device is ever made or controlled here, and no program run.
WRITE = (
    READ
    | Access.WRITE_FILE
    | Access.TRUNCATE
    | Access.REMOVE_DIR
    | Access.REMOVE_FILE
    | Access.MAKE_DIR
    | Access.MAKE_REG
    | Access.REFER
    # These are needed to move what is there already to another directory.
    | Access.MAKE_SYM
    | Access.MAKE_FIFO
    | Access.MAKE_SOCK
)

#: A log is rotated: renamed, and begun anew.
LOG = READ | Access.WRITE_FILE | Access.TRUNCATE | Access.REMOVE_FILE | Access.MAKE_REG

#: Modules of Python and what they load, time zones, character sets; systems that have them elsewhere, too.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")

#: What names of hosts, times and random numbers are made of, beside the system; and the sinks that Python opens.
_SYSTEM_FILES = (
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/openssl.cnf",
    "/dev/random",
    "/dev/urandom",
)

_SINK = "/dev/null"

#: What the process is told of itself; other processes stay unseen. Who allows it keeps it open: procfs makes its
#: directories anew, and a rule for an old one would be lost.
OWN_PROCESS = "/proc/self"

#: Directories that many share: of these, a file is taken and not what lies beside it.
_SHARED = frozenset(
    (
        *("/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys"),
        *("/tmp", "/usr", "/usr/local", "/var", "/var/lib", "/var/tmp"),  # noqa: S108 - nothing is put there.
    )
)

_RESOLVER = "/etc/resolv.conf"


@dataclass(frozen=True, slots=True)
class Place:
    """
    A part of the file system.

    :ivar path: where it begins.
    :ivar access: what is done there.
    :ivar key: what in the configuration names it; empty for what the server needs by itself.
    """

    path: str
    access: Access
    key: str = ""


def code_of_ones_own(settings: Settings) -> list[str]:
    """Return the keys that name code whose files nobody knows beforehand."""
    server = settings.server
    given = {
        "path_io_factory": server.path_io_factory is not PathIO,
        # The default is a copy, which pydantic makes.
        "commands": "commands" in server.model_fields_set and server.commands is not COMMANDS,
        "observers": bool(server.observers),
        "hooks": bool(server.hooks),
    }
    return [f"server.{key}" for key, is_given in given.items() if is_given]


def wide_root(settings: Settings, runner: Mapping[str, Any]) -> str | None:
    """Return what makes the whole file system one of the places, if anything does."""
    for index, account in enumerate(settings.users):
        if os.path.realpath(account.base_path) == "/":
            return f"users[{index}].base_path is the whole file system"
    if os.path.dirname(os.path.realpath(_log_file(runner) or __file__)) == "/":
        return "the log lies in /; give twistd a --logfile in a directory of its own"
    return None


def places(settings: Settings, runner: Mapping[str, Any]) -> list[Place]:
    """
    Return what a server needs; what is not there is needed by nobody.

    :param runner: the options of twistd or twist.
    """
    return [
        *_roots(settings),
        *(Place(str(path), WRITE, "server.landlock_paths") for path in settings.server.landlock_paths),
        *_certificates(settings),
        *_of_runner(runner),
        *_sockets(settings),
        *_of_python(),
        *_of_system(settings),
    ]


def _roots(settings: Settings) -> Iterator[Place]:
    for index, account in enumerate(settings.users):
        access = WRITE if _may_write(account) else READ
        yield Place(str(account.base_path), access, f"users[{index}].base_path")


def _may_write(account: UserSettings) -> bool:
    reading = {Right.READ, Right.LIST}
    permissions = make_user(account).permissions
    return any(one.grants(right) for one in permissions for right in Right if right not in reading)


def _certificates(settings: Settings) -> Iterator[Place]:
    files = () if settings.tls is None else settings.tls.made.files
    for file in files:
        # A new one comes by a rename in its directory, or by a link to another in the directory of the old.
        for directory in (os.path.realpath(os.path.dirname(file)), os.path.dirname(os.path.realpath(file))):
            yield Place(os.fspath(file) if directory in _SHARED else directory, READ, "tls")


def _of_runner(runner: Mapping[str, Any]) -> Iterator[Place]:
    log = _log_file(runner)
    if log is not None:
        yield Place(os.path.dirname(log), LOG)
    if runner.get("profile"):
        yield Place(os.path.dirname(os.path.abspath(runner["profile"])), LOG)
    if runner.get("pidfile"):
        yield from _removal(os.path.dirname(runner["pidfile"]))


def _log_file(runner: Mapping[str, Any]) -> str | None:
    name = runner.get("logfile")
    if name == "-" or runner.get("syslog") or runner.get("logger"):
        return None
    if name is None and runner.get("nodaemon", True):
        return None
    return os.path.abspath(name or "twistd.log")


def _sockets(settings: Settings) -> Iterator[Place]:
    for listener in settings.listeners:
        kind, _, rest = listener.endpoint.partition(":")
        if kind == "unix":
            path = re.split(r"(?<!\\):", rest)[0].removeprefix("address=").replace("\\:", ":")
            yield from _removal(os.path.dirname(path))


def _removal(directory: str) -> Iterator[Place]:
    # At its end the process removes what tells that it runs.
    if os.path.realpath(directory) != "/":
        yield Place(directory, Access.REMOVE_FILE)


def _of_python() -> Iterator[Place]:
    # Modules that are loaded late may want libraries that came with Python, wherever that is.
    libraries = sysconfig.get_config_var("LIBDIR")
    if libraries and libraries not in _SHARED:
        yield Place(libraries, READ)
    origins = {os.path.dirname(origin) for module in list(sys.modules.values()) if (origin := _origin(module))}
    for path in dict.fromkeys(os.path.abspath(entry) for entry in sys.path):
        # The working directory is there, too, and often nothing that can be imported in it.
        if path in origins and path not in _SHARED:
            yield Place(path, READ)


def _origin(module: Any) -> str | None:
    """Return the file or directory of a module at the top; ``None`` for others."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or "." in getattr(module, "__name__", "."):
        return None
    return os.path.dirname(file) if hasattr(module, "__path__") else file


def _of_system(settings: Settings) -> Iterator[Place]:
    for path in (*_SYSTEM, *_SYSTEM_FILES, OWN_PROCESS):
        yield Place(path, READ)
    yield Place(_SINK, READ | Access.WRITE_FILE)
    # Rewritten while the process runs, under a name that changes its file each time.
    written = os.path.dirname(os.path.realpath(_RESOLVER))
    if written not in _SHARED:
        yield Place(written, READ)
    elif settings.server.ipv4_pasv_forced_response_address is not None:
        yield Place("/etc", READ)
