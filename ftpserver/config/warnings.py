# -*- test-case-name: tests.test_config_warnings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What in a configuration works but should not stay so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..tls.files import read_pair
from .model import NamedCertificate, Settings, TLSSettings

__all__ = ["certificate_warnings", "unreadable", "warnings"]

#: Whoever is neither the owner nor root may read the file.
READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def warnings(settings: Settings) -> list[str]:
    """Return what should not stay so, without what the log is told anyway: :func:`certificate_warnings`."""
    tls = [] if settings.tls is None else [*_exposed_keys(settings.tls), *_clear_listeners(settings, settings.tls)]
    return [*_clear_passwords(settings), *tls]


def _clear_passwords(settings: Settings) -> Iterator[str]:
    for index, account in enumerate(settings.users):
        if account.password is not None:
            yield (
                f"users[{index}] (login {account.login!r}): the password stands in clear in the configuration file; "
                "write the output of 'ftpserver passwd' as password_hash instead"
            )


def _exposed_keys(tls: TLSSettings) -> Iterator[str]:
    for place, pair in _pairs(tls):
        key, file = ("certificate", pair.certificate) if pair.private_key is None else ("private_key", pair.private_key)
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & READABLE_BY_OTHERS:
            yield (
                f"{place}.{key}: others than its owner may read the key in {str(file)!r} (mode {mode:03o}); "
                "take that away with 'chmod 600'"
            )


def _clear_listeners(settings: Settings, tls: TLSSettings) -> Iterator[str]:
    policies = [
        *([f'tls.required = "{tls.required}"'] if tls.required != "none" else []),
        *(["tls.clear_networks"] if tls.clear_networks is not None else []),
    ]
    for index, listener in enumerate(settings.listeners):
        if listener.tls == "off" and policies:
            yield (
                f'listeners[{index}].tls = "off": {" and ".join(policies)} does not hold there; '
                'write "explicit" unless that is meant'
            )


def certificate_warnings(settings: Settings) -> list[str]:
    """Return what is wrong with the time of certificates, which the log is told whenever they are read."""
    if settings.tls is None:
        return []
    now = datetime.now(UTC)
    found = []
    for place, pair in _pairs(settings.tls):
        problem = read_pair("certificate", pair.certificate, "private_key", pair.private_key).problem(now)
        if problem is not None:
            found.append(f"{place}.certificate: the one in {str(pair.certificate)!r} {problem}; renew it")
    return found


def unreadable(settings: Settings) -> list[str]:
    """Return which files the process, as it is now, could not read once more."""
    files = [] if settings.tls is None else list(_files(settings.tls))
    return [
        f"{place}: {str(file)!r} can no longer be read since the process has given up its privileges; a new one counts "
        "only after a restart, unless the user of the server may read it"
        for place, file in files
        if not os.access(file, os.R_OK)
    ]


def _files(tls: TLSSettings) -> Iterator[tuple[str, Path]]:
    for place, pair in _pairs(tls):
        yield f"{place}.certificate", pair.certificate
        if pair.private_key is not None:
            yield f"{place}.private_key", pair.private_key
    yield from (("tls.client_authorities", file) for file in tls.client_authorities)
    yield from (("tls.revocation_lists", file) for file in tls.revocation_lists)


def _pairs(tls: TLSSettings) -> Iterator[tuple[str, TLSSettings | NamedCertificate]]:
    yield "tls", tls
    for index, one in enumerate(tls.names):
        yield f"tls.names[{index}]", one
