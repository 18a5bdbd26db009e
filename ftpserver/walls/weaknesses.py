# -*- test-case-name: tests.test_weaknesses -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What in a configuration, or about a process, lets in whom it should not, each with its cure.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from argon2 import extract_parameters

from ..config import NamedCertificate, Settings, TLSSettings, UserSettings
from ..config.building import make_user
from ..core.users import Right
from .places import code_of_ones_own
from .process import ProcessState

__all__ = ["Finding", "is_local", "of_configuration", "of_process"]

#: KiB of memory below which Argon2 holds nobody up; the least of what OWASP recommends.
LEAST_MEMORY = 7168

_READING = frozenset({Right.READ, Right.LIST})

#: What a server needs for a port below 1024, and all that it needs.
_BINDING = "net_bind_service"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was found.

    :ivar severity: ``weak`` is to be changed, ``note`` to be known.
    :ivar place: where; a key of the configuration, or ``process``.
    :ivar text: what, and the cure.
    """

    severity: Literal["weak", "note"]
    place: str
    text: str


def of_configuration(settings: Settings, file: Path) -> list[Finding]:
    """Return what is weak in *settings*, which stand in *file*."""
    return [
        *_file(settings, file),
        *_listeners(settings),
        *_server(settings),
        *(_tls(settings.tls) if settings.tls is not None else ()),
        *(found for index, user in enumerate(settings.users) for found in _account(f"users[{index}]", user)),
        *_roots(settings, file),
    ]


def _weak(place: str, text: str) -> Finding:
    return Finding("weak", place, text)


def _note(place: str, text: str) -> Finding:
    return Finding("note", place, text)


# The file, and other files.


def _file(settings: Settings, file: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    holds_secrets = any(user.password is not None or user.password_hash is not None for user in settings.users)
    if mode & stat.S_IROTH and holds_secrets:
        yield _weak(
            "file", f"everybody may read it (mode {mode:03o}), and it holds passwords or hashes: chmod 640 or 600"
        )
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield _weak("file", f"others than its owner may write it (mode {mode:03o}): chmod 640 or 600")


def _roots(settings: Settings, file: Path) -> Iterator[Finding]:
    secrets = [("the configuration file", file), *((f"the key {str(one)!r}", one) for one in _keys(settings))]
    for index, user in enumerate(settings.users):
        place, root = f"users[{index}].base_path", Path(os.path.realpath(user.base_path))
        if root == Path("/"):
            yield _weak(place, "it is the whole file system: serve a directory of its own")
            continue
        mode = root.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield _weak(place, f"everybody on this machine may write it (mode {stat.S_IMODE(mode):03o}): chmod o-w")
        for name, secret in secrets:
            if root in Path(os.path.realpath(secret)).parents:
                yield _weak(place, f"{name} lies below it, where clients may find it: move it elsewhere")


def _keys(settings: Settings) -> Iterator[Path]:
    if settings.tls is not None:
        yield from _of_pairs(settings.tls)


def _of_pairs(tls: TLSSettings) -> Iterator[Path]:
    pairs: list[TLSSettings | NamedCertificate] = [tls, *tls.names]
    for pair in pairs:
        yield pair.private_key if pair.private_key is not None else pair.certificate


# Listeners and TLS.


def is_local(endpoint: str) -> bool:
    """Tell whether an endpoint of Twisted can be reached from this machine alone."""
    if endpoint.startswith("unix:"):
        return True
    found = re.search(r":interface=((?:[^:\\]|\\.)*)", endpoint)
    address = re.sub(r"\\(.)", r"\1", found[1]) if found else ""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _listeners(settings: Settings) -> Iterator[Finding]:
    has_passwords = any(user.login is not None for user in settings.users)
    severity: Literal["weak", "note"] = "weak" if has_passwords else "note"
    what = "passwords and files" if has_passwords else "files"
    for index, listener in enumerate(settings.listeners):
        if is_local(listener.endpoint):
            continue
        place = f"listeners[{index}]"
        if settings.tls is None:
            yield Finding(severity, place, f"there is no TLS: whoever is on the way reads {what}; add a [tls] section")
        elif listener.tls == "off":
            yield Finding(severity, place, f'tls = "off": whoever is on the way reads {what}; write "explicit"')
        elif listener.tls != "implicit" and not _requires(settings.tls, settings.users):
            yield Finding(
                severity,
                "tls.required",
                f'"none" lets clients send {what} in clear at {place}; write "control", or "data"',
            )


def _requires(tls: TLSSettings, users: list[UserSettings]) -> bool:
    named = [user for user in users if user.login is not None]
    return tls.required != "none" or (bool(named) and all(user.tls_required != "none" for user in named))


def _tls(tls: TLSSettings) -> Iterator[Finding]:
    if tls.session_reuse == "off":
        yield _weak("tls.session_reuse", '"off": who takes a data connection over is not noticed; write "required"')
    elif tls.session_reuse == "offered":
        yield _note("tls.session_reuse", '"offered" proves nothing of who has a data connection; "required" does')
    if not tls.require_close_notify:
        yield _note("tls.require_close_notify", "false: an upload that somebody on the way cuts counts as whole")
    if tls.clear_command_channel:
        yield _note("tls.clear_command_channel", "true: commands after CCC can be read and forged on the way")
    for file in _of_pairs(tls):
        if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            yield _weak("tls", f"others than its owner may read the key in {str(file)!r}: chmod 600")


# The server.


def _server(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    if not server.failed_login_delay:
        yield _weak("server.failed_login_delay", '0: passwords can be tried without waiting; write "1s" or more')
    if settings.bans.failed_logins is None:
        yield _weak("bans.failed_logins", '"none": passwords can be tried for ever; leave it out for the default')
    for key in ("maximum_connections", "maximum_connections_per_host", "login_timeout", "idle_timeout"):
        if getattr(server, key) is None:
            yield _weak(f"server.{key}", '"none": one client can take every place; leave it out for the default')
    if not server.umask & stat.S_IWOTH:
        yield _weak("server.umask", f'"{server.umask:03o}": everybody on this machine may write uploads; write "022"')
    if server.data_ports is None and not all(is_local(one.endpoint) for one in settings.listeners):
        yield _note(
            "server.data_ports", 'any port may be used for data; behind a firewall, write a range: "20000-20999"'
        )
    yield from _confinement(settings)


def _confinement(settings: Settings) -> Iterator[Finding]:
    if settings.server.landlock == "off":
        yield _note("server.landlock", '"off": the process may reach all that its user may; write "auto" or "required"')
    for key in code_of_ones_own(settings):
        yield _note(key, "this is code of your own, with every right of the server")


# Accounts.


def _account(place: str, user: UserSettings) -> Iterator[Finding]:
    permissions = make_user(user).permissions
    writable = [one for one in permissions if any(one.grants(right) for right in Right if right not in _READING)]
    if user.login is None and writable:
        paths = ", ".join(str(one.path) for one in writable)
        yield _weak(f"{place}.permissions", f"everybody may write without a password, at {paths}: writable = false")
    if user.password is not None:
        yield _weak(f"{place}.password", "it stands in clear; write the output of 'ftpserver passwd' as password_hash")
    if user.password_hash is not None:
        memory = extract_parameters(user.password_hash).memory_cost
        if memory < LEAST_MEMORY:
            yield _weak(
                f"{place}.password_hash",
                f"it takes {memory} KiB to try a password, which is little; make a new one with 'ftpserver passwd'",
            )


# The process.


def of_process(state: ProcessState, *, is_server: bool) -> list[Finding]:
    """
    Return what is weak about a process.

    :param is_server: whether it is the server, and not only what would become one.
    """
    found = []
    if state.is_root:
        text = "it is root: run it as a user of its own, with User= of systemd or 'twistd --uid'"
        found.append(Finding("weak" if is_server else "note", "process", text))
    others = [name for name in state.capabilities if name != _BINDING]
    if others and not state.is_root:
        found.append(_weak("process", f"it has capabilities that it does not need: {', '.join(others)}"))
    if is_server and not state.is_restricted:
        found.append(_note("process", "programs that it starts may gain privileges: NoNewPrivileges=yes of systemd"))
    if is_server and state.seccomp == "off":
        found.append(_note("process", "its system calls are not filtered: SystemCallFilter= of systemd"))
    return found
