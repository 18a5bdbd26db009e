# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What may be in the files of a client, from all that it was told and not told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.random_transfers_models import agreement

__all__ = ["ABSENT", "Allowed", "Files", "prefix", "whole"]


@dataclass(frozen=True)
class Allowed:
    """
    One thing that a file may be.

    :ivar target: what it is if everything was stored; ``None`` is no file at all.
    :ivar floor: octets of it that are there at least.
    :ivar old: what shows behind the part of *target* that is there.
    """

    target: bytes | None
    floor: int = 0
    old: bytes = b""

    def accepts(self, content: bytes | None) -> bool:
        """Tell whether *content* is allowed."""
        if content is None or self.target is None:
            return content is self.target
        common = agreement(content, self.target)
        return common >= self.floor and content[common:] == self.old[common:]

    def __str__(self) -> str:
        if self.target is None:
            return "nothing"
        return f"{self.floor} to {len(self.target)} octets" + (f" over {len(self.old)}" if self.old else "")


ABSENT = Allowed(None)


def whole(content: bytes, old: bytes = b"") -> Allowed:
    """Return that all of *content* is there, and what it did not replace of *old*."""
    return Allowed(content, len(content), old)


def prefix(content: bytes) -> Allowed:
    """Return that the beginning of *content* is there."""
    return Allowed(content)


class Files:
    """
    The files of one directory that only one client writes.

    :param directory: real path.
    :ivar directories: those that are in it.
    :ivar doubtful: those that may be.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directories: set[str] = set()
        self.doubtful: set[str] = set()
        self._allowed: dict[str, list[Allowed]] = {}
        self._perhaps: dict[str, tuple[Callable[[], bool], list[Allowed]]] = {}

    def names(self, *, certain: bool) -> list[str]:
        """Return names whose content is known, or those where it is not."""
        return [name for name, allowed in self._allowed.items() if self._is_certain(allowed) is certain]

    @staticmethod
    def _is_certain(allowed: list[Allowed]) -> bool:
        if len(allowed) != 1:
            return False
        target = allowed[0].target
        return target is None or (allowed[0].floor == len(target) >= len(allowed[0].old))

    def present(self) -> list[str]:
        """Return the names that are known to be there."""
        return [name for name in self.names(certain=True) if self._allowed[name][0].target is not None]

    def content(self, name: str) -> bytes | None:
        """Return what is known to be under *name*."""
        allowed = self._allowed.get(name, [ABSENT])
        assert self._is_certain(allowed)
        return allowed[0].target

    def now(self, name: str, *allowed: Allowed) -> None:
        """Note what may be under *name* from now on."""
        self._allowed[name] = list(allowed)

    def perhaps(self, name: str, condition: Callable[[], bool], allowed: list[Allowed]) -> None:
        """Note what may be there, too, if *condition* turns out to hold when everything is over."""
        self._perhaps[name] = condition, allowed

    def look(self, name: str) -> str:
        """
        Compare with what is there.

        :returns: what is wrong; nothing if all is well.
        """
        path = self.directory / name
        content = path.read_bytes() if path.exists() else None
        allowed = self._allowed[name]
        if any(one.accepts(content) for one in allowed):
            return ""
        condition, late = self._perhaps.get(name, (bool, []))
        if condition() and any(one.accepts(content) for one in late):
            return ""
        found = "nothing" if content is None else f"{len(content)} octets"
        return f"{path}: {found} instead of {' or '.join(map(str, allowed))}"

    def settle(self, name: str) -> str:
        """Do as :meth:`look` does, and take what is there for known from now on."""
        wrong = self.look(name)
        path = self.directory / name
        self.now(name, whole(path.read_bytes()) if path.exists() else ABSENT)
        return wrong

    def wrongs(self) -> list[str]:
        """Return everything that is wrong, names that nobody gave among it."""
        found = [self.look(name) for name in self._allowed]
        there = {path.name for path in self.directory.iterdir() if not path.is_dir()}
        found += [f"{self.directory}/{name} is of nobody" for name in sorted(there - set(self._allowed))]
        return [one for one in found if one]
