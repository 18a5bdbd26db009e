# -*- test-case-name: tests.test_config_errors -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What is wrong with a configuration, told all at once: where, what stands there, and what would be right.

No password, no hash and nothing that could be one by its place ever stands in a message.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["ConfigurationError", "Place", "Problem", "key_path", "shown", "unknown_key"]

#: Longest value that a message shows; more does not help to find it.
MAXIMUM_SHOWN = 80

#: Keys, and misspelt keys, whose values are never shown.
_SECRET = re.compile(r"pass|pw|hash|secret|token|credential|private", re.IGNORECASE)

#: Keys whose values are names of files, unless somebody has put there what belongs into the file.
_FILES = frozenset({"private_key"})
_KEY_ITSELF = re.compile(r"PRIVATE KEY|[\r\n]|[A-Za-z0-9+/=]{40}")

#: How near a misspelt key must be to the one that is proposed; the default of difflib.
_NEARNESS = 0.6

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """
    One thing that is wrong.

    :ivar place: keys and indexes that lead to it.
    :ivar right: what would be right.
    :ivar value: what stands there, as a message may show it; ``None`` if nothing does.
    :ivar login: of the account that it is about, if that is known.
    """

    place: Place
    right: str
    value: str | None = None
    login: str | None = None

    def __str__(self) -> str:
        login = f" (login {_quoted(self.login)})" if self.login is not None else ""
        value = f" = {self.value}" if self.value is not None else ""
        return f"{key_path(self.place)}{login}{value}: {self.right}"


class ConfigurationError(Exception):
    """
    A configuration that cannot be used.

    :ivar source: name of the file.
    :ivar problems: all of them.
    """

    def __init__(self, source: str, problems: Iterable[Problem | str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{self.source}: {count} error{'s' if count > 1 else ''}, nothing was started"
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


def key_path(place: Place) -> str:
    """Return *place* as ``users[1].base_path``, with quotes around keys that need them."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else _quoted(part))
    return text


def shown(value: object, place: Place) -> str:
    """Return *value* as a message may show it: never a secret, never a table that may hold one."""
    if isinstance(value, Mapping):
        return "(a table)"
    if _may_be_secret(place) and not _names_file(value, place):
        return "(not shown)"
    if isinstance(value, str) and "PRIVATE KEY" in value:
        return "(not shown)"
    if isinstance(value, list | tuple):
        return _shortened(f"[{', '.join(shown(one, ()) for one in value)}]")
    if isinstance(value, bool):
        return str(value).lower()
    return _shortened(_quoted(value) if isinstance(value, str) else str(value))


def _may_be_secret(place: Place) -> bool:
    # What stands in place of an account, instead of a table, may be a password too.
    in_place_of_account = place[:1] == ("users",) and len(place) <= 2
    return in_place_of_account or any(isinstance(part, str) and _SECRET.search(part) for part in place)


def _names_file(value: object, place: Place) -> bool:
    is_file = place[:1] == ("tls",) and place[-1] in _FILES
    return is_file and isinstance(value, str) and not _KEY_ITSELF.search(value)


def _shortened(text: str) -> str:
    return text if len(text) <= MAXIMUM_SHOWN else text[: MAXIMUM_SHOWN - 3] + "..."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def unknown_key(place: Place, value: object, known: Collection[str]) -> Problem:
    """Return the problem of a key that there is not, with the nearest that there is."""
    key = str(place[-1])
    near = difflib.get_close_matches(key, known, n=1, cutoff=_NEARNESS)
    cure = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(sorted(known))}"
    # The value of a misspelt "password" must not be shown either, however it is misspelt.
    hidden = place[0] == "users" or (near and _SECRET.search(near[0]))
    return Problem(place, f"unknown key; {cure}", "(not shown)" if hidden else shown(value, place))
