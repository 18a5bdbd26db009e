# -*- test-case-name: tests.test_config_checks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What must hold between the values of a configuration.

These look at what TOML gave, not at settings, so that they also tell of their problems where other values are wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import Place, Problem, shown

__all__ = ["account_problems", "login_at", "login_of", "tables"]

_SECRETS = ("password_hash", "password")


def account_problems(raw: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong between the values of ``[[users]]``."""
    accounts = tables(raw.get("users"))
    logins = Counter(login_of(account) for _, account in accounts)
    problems: list[Problem] = []
    for index, account in accounts:
        place = ("users", index)
        login = login_of(account)
        if logins[login] > 1:
            problems.append(_duplicate(place, login))
        problems += _secrets(place, account, login)
        problems += _permissions(place, account, login)
    return problems


def login_at(raw: Mapping[str, Any], place: Place) -> str | None:
    """Return the login of the account that *place* lies in, if there is one."""
    if len(place) < 2 or place[0] != "users":
        return None
    return next((login_of(account) for index, account in tables(raw["users"]) if index == place[1]), None)


def tables(value: object) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the tables in *value*, which may be anything, with their numbers."""
    values = enumerate(value) if isinstance(value, list) else ()
    return [(index, table) for index, table in values if isinstance(table, Mapping)]


def login_of(account: Mapping[str, Any]) -> str | None:
    """Return the login of an account, if it has one that could be."""
    login = account.get("login")
    return login if isinstance(login, str) else None


def _duplicate(place: Place, login: str | None) -> Problem:
    if login is None:
        return Problem(place, "there is more than one account without a login; it wants one at most")
    return Problem((*place, "login"), "more than one account has this login; it wants one only", shown(login, ()))


def _secrets(place: Place, account: Mapping[str, Any], login: str | None) -> Iterator[Problem]:
    given = [key for key in _SECRETS if key in account]
    if "login" not in account:
        for key in given:
            right = "the anonymous account takes any password; leave this out, or give the account a login"
            yield Problem((*place, key), right, "(not shown)")
    elif not given and account.get("certificates", []) == []:
        yield Problem(place, "there is no password; it wants password_hash (see 'ftpserver passwd')", None, login)
    elif len(given) > 1:
        yield Problem((*place, "password"), "there is password_hash too; it wants one of them", "(not shown)", login)


def _permissions(place: Place, account: Mapping[str, Any], login: str | None) -> Iterator[Problem]:
    paths = [(index, table.get("path", "/")) for index, table in tables(account.get("permissions"))]
    seen: set[object] = set()
    for index, path in paths:
        normal = path.rstrip("/") if isinstance(path, str) else None
        if normal is not None and normal in seen:
            right = "more than one permission has this path; it wants one only"
            yield Problem((*place, "permissions", index, "path"), right, shown(path, ()), login)
        seen.add(normal)
