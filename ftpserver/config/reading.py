# -*- test-case-name: tests.test_config_reading -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
From the text of a configuration file to settings, or to everything that is wrong with it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..observers.log import printable
from .checks import account_problems, login_at
from .errors import ConfigurationError, Place, Problem, shown, unknown_key
from .model import MODELS, Settings
from .tls_checks import tls_problems
from .tls_values import Cured, without_keyword
from .values import Words

__all__ = ["read", "read_text"]


def read(path: str | Path) -> Settings:
    """
    Return the settings in the file at *path*.

    :raises ConfigurationError: if it cannot be read or used; names every problem.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(str(path), [f"the file cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(str(path), [f"the file is not UTF-8 (at line {line})"]) from None
    return read_text(text, file.absolute().parent, str(path))


def read_text(text: str, directory: Path, source: str = "configuration") -> Settings:
    """
    Return the settings in *text*.

    :param directory: what relative paths are relative to.
    :param source: name of the text in messages.
    :raises ConfigurationError: if it cannot be used; names every problem.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(source, [f"this is not TOML: {error}"]) from None
    settings = None
    problems = [*tls_problems(raw, directory), *account_problems(raw)]
    # What the section as a whole fails by is then told already, and value by value.
    told = any(problem.place[0] == "tls" for problem in problems)
    try:
        settings = Settings.model_validate(raw, context={"directory": directory})
    except ValidationError as error:
        found = [dict(one) for one in error.errors(include_url=False)]
        problems[:0] = [_problem(one, raw) for one in found if not (told and _is_of_tls(one))]
    if settings is None or problems:
        # Outside of the except clause: an exception of pydantic holds the values, passwords among them.
        problems.sort(key=_order)
        raise ConfigurationError(source, problems)
    return settings


def _order(problem: Problem) -> tuple[str, int]:
    section, *rest = problem.place
    return str(section), rest[0] if rest and isinstance(rest[0], int) else -1


def _problem(error: Mapping[str, Any], raw: Mapping[str, Any]) -> Problem:
    place: Place = tuple(error["loc"])
    table = MODELS.get(_keys(place[:-1]))
    login = login_at(raw, place)
    if table is not None and error["type"] == "extra_forbidden":
        return _unknown(place, error["input"], table)
    wants = f"it wants {_words(place)}"
    if error["type"] == "missing":
        return Problem(place, f"this is missing; {wants}", None, login)
    cause = error.get("ctx", {}).get("error", "")
    reason = printable(str(cause))
    if _is_of_tls(error):
        keyword = re.split(r"\W", reason, maxsplit=1)[0]
        return Problem((*place, keyword), without_keyword(cause), shown(raw["tls"].get(keyword), (*place, keyword)))
    if isinstance(cause, Cured):
        return Problem(place, reason, shown(error["input"], place), login)
    right = f"{reason}; {wants}" if reason else wants
    return Problem(place, right, shown(error["input"], place), login)


def _is_of_tls(error: Mapping[str, Any]) -> bool:
    # Of the section as a whole, whose values are right one by one.
    return tuple(error["loc"]) == ("tls",) and bool(error["type"] == "value_error")


def _unknown(place: Place, value: object, table: Any) -> Problem:
    elsewhere: str | None = table.elsewhere.get(str(place[-1]))
    if elsewhere is not None:
        return Problem(place, f"this is no key here: {elsewhere}", shown(value, place))
    return unknown_key(place, value, table.model_fields.keys())


def _keys(place: Place) -> tuple[str, ...]:
    return tuple(part for part in place if isinstance(part, str))


def _words(place: Place) -> str:
    if isinstance(place[-1], int):
        return "a table"
    table = MODELS[_keys(place[:-1])]
    return words_of(table, place[-1])


def words_of(table: type[BaseModel], key: str) -> str:
    """Return what the value of *key* is, in words."""
    found: Iterator[str] = (one.text for one in table.model_fields[key].metadata if isinstance(one, Words))
    return next(found)
