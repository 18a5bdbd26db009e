# -*- test-case-name: tests.test_config_tls_checks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What must hold between the values about TLS in a configuration.

Like :mod:`ftpserver.config.checks`, these look at what TOML gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.users import ANONYMOUS_NAMES
from ..tls.files import read_authorities, read_pair
from .checks import login_of, tables
from .errors import Place, Problem, shown
from .tls_values import KEY_LABEL, path_of, without_keyword

__all__ = ["tls_problems"]

_MISSING = "there is no [tls] section; add one with certificate and private_key, or leave this out"


def tls_problems(raw: Mapping[str, Any], directory: Path) -> list[Problem]:
    """Return what is wrong between ``[tls]``, the listeners and the accounts."""
    tls = raw.get("tls")
    if tls is None:
        return [*_listeners_without(raw), *_accounts_without(raw)]
    if not isinstance(tls, Mapping):
        return []
    return [
        *_unused(raw),
        *_pairs(tls, directory),
        *_names(tls),
        *_clients(tls),
        *_clear_users(raw, tls),
        *_accounts(raw, tls),
    ]


# Without the section.


def _listeners_without(raw: Mapping[str, Any]) -> Iterator[Problem]:
    for index, listener in tables(raw.get("listeners")):
        if listener.get("tls") in ("explicit", "implicit"):
            place = ("listeners", index, "tls")
            right = 'there is no [tls] section; add one with certificate and private_key, or write "off"'
            yield Problem(place, right, shown(listener["tls"], place))


def _accounts_without(raw: Mapping[str, Any]) -> Iterator[Problem]:
    nothing: Mapping[str, object] = {"tls_required": "none", "certificates": []}
    for index, account in tables(raw.get("users")):
        for key in ("tls_required", "certificates", "require_close_notify"):
            if key in account and account[key] != nothing.get(key):
                yield Problem(("users", index, key), _MISSING, shown(account[key], ()), login_of(account))


# The section itself.


def _unused(raw: Mapping[str, Any]) -> Iterator[Problem]:
    listeners = tables(raw.get("listeners"))
    if listeners and all(listener.get("tls") == "off" for _, listener in listeners):
        right = 'every listener has tls = "off"; it wants one with "explicit" or "implicit", or no [tls] section'
        yield Problem(("tls",), right)


def _pairs(tls: Mapping[str, Any], directory: Path) -> Iterator[Problem]:
    places: list[tuple[Place, Mapping[str, Any]]] = [(("tls",), tls)]
    places += [(("tls", "names", index), one) for index, one in tables(tls.get("names"))]
    for place, pair in places:
        problem = _misfit(place, pair, directory)
        if problem is not None:
            yield problem


def _misfit(place: Place, pair: Mapping[str, Any], directory: Path) -> Problem | None:
    try:
        certificate = path_of(pair.get("certificate"), directory)
        read_authorities("certificate", [certificate])
        key = None if "private_key" not in pair else path_of(pair["private_key"], directory)
        if key is not None and KEY_LABEL not in key.read_bytes():
            return None
    except ValueError:
        # That is a problem of one value, and told as such.
        return None
    try:
        read_pair("certificate", certificate, "private_key", key)
    except ValueError as error:
        keyword = str(error).partition(":")[0]
        at = (*place, keyword)
        return Problem(at, without_keyword(error), shown(pair[keyword], at))
    return None


def _names(tls: Mapping[str, Any]) -> Iterator[Problem]:
    named = [(index, one.get("name")) for index, one in tables(tls.get("names"))]
    names = [(index, name.lower().rstrip(".")) for index, name in named if isinstance(name, str)]
    counts = Counter(name for _, name in names)
    for index, name in names:
        if counts[name] > 1:
            right = "more than one certificate is for this name; it wants one only"
            yield Problem(("tls", "names", index, "name"), right, shown(name, ()))


def _clients(tls: Mapping[str, Any]) -> Iterator[Problem]:
    wanted = tls.get("client_certificates", "off")
    if wanted == "off":
        for key in ("client_authorities", "revocation_lists"):
            if key in tls:
                right = (
                    'no client is asked for a certificate; write client_certificates = "optional", or leave this out'
                )
                yield Problem(("tls", key), right, shown(tls[key], ()))
    elif "client_authorities" not in tls:
        right = "it needs client_authorities, a PEM file with the authorities that certificates of clients come from"
        yield Problem(("tls", "client_certificates"), right, shown(wanted, ()))


# The section and the accounts.


def _clear_users(raw: Mapping[str, Any], tls: Mapping[str, Any]) -> Iterator[Problem]:
    accounts = {login_of(account): account for _, account in tables(raw.get("users"))}
    clear = tls.get("clear_users")
    for index, login in enumerate(clear if isinstance(clear, list) else ()):
        place: Place = ("tls", "clear_users", index)
        if not isinstance(login, str) or login.lower() in ANONYMOUS_NAMES:
            continue
        if login not in accounts:
            yield Problem(place, "no account has this login", shown(login, ()))
        elif accounts[login].get("tls_required", "none") != "none":
            yield Problem(place, "this account has tls_required; take away one of the two", shown(login, ()))


def _accounts(raw: Mapping[str, Any], tls: Mapping[str, Any]) -> Iterator[Problem]:
    if tls.get("client_certificates", "off") != "off":
        return
    for index, account in tables(raw.get("users")):
        if account.get("certificates", []) != []:
            right = 'no client is asked for a certificate; write client_certificates = "optional" in [tls]'
            place = ("users", index, "certificates")
            yield Problem(place, right, shown(account["certificates"], ()), login_of(account))
