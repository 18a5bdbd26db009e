# -*- test-case-name: tests.test_commands_directories -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a listing may show: entries in batches, without those that the account may not know of.
"""

from __future__ import annotations

import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.listing import Remembered
from ..core.paths import VirtualPath
from ..core.status import Entry
from ..core.users import CONCERN_ALL_BELOW, Permission, Right, User
from ..errors import PathError

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["BATCH", "DirectoryView", "permission_fact", "shown_permissions"]

#: Entries that are asked for, formatted and written at once: few enough that other sessions are answered meanwhile.
BATCH = 256


class DirectoryView:
    """
    One directory as the account of a session may see it.

    :param connection: the session.
    :param path: the directory.
    :param tells_permissions: whether :meth:`permission_facts` will be asked for; an account that decides about each
        path itself is then asked about each entry.
    """

    def __init__(self, connection: Connection, path: VirtualPath, *, tells_permissions: bool = False) -> None:
        self._connection = connection
        self._path = path
        self._own = Permission(readable=False, writable=False)
        self._special: dict[str, Permission] = {}
        self._lacking: dict[str, frozenset[Right]] = {}
        self._linked: dict[str, str] = {}
        self._tells_permissions = tells_permissions
        asks_each = type(connection.account).get_permissions is not User.get_permissions
        self._asks_each = tells_permissions and asks_each
        self._usual = Remembered(self._usual_fact)

    async def batches(self) -> AsyncGenerator[Sequence[Entry], None]:
        """Yield the visible entries; to be closed with ``aclose`` if not used up."""
        hidden, connection = await self._look_below(), self._connection
        connection.reached = None
        async with aclosing(await connection.storage.scan(self._path, BATCH)) as batches:
            real = connection.reached or self._path
            hidden |= await self._hidden_in(real)
            async for batch in batches:
                if self._asks_each:
                    await self._ask_each(batch)
                if self._tells_permissions and (connection.reached is not None or real != self._path):
                    await self._look_behind_links(batch, real)
                    connection.reached = None
                yield [entry for entry in batch if entry[0] not in hidden] if hidden else batch

    async def names(self) -> AsyncGenerator[Sequence[str], None]:
        """Yield the names of the visible entries; to be closed with ``aclose`` if not used up."""
        hidden, connection = await self._look_below(), self._connection
        connection.reached = None
        async with aclosing(await connection.storage.scan_names(self._path, BATCH)) as batches:
            hidden |= await self._hidden_in(connection.reached or self._path)
            async for batch in batches:
                yield [name for name in batch if name not in hidden] if hidden else batch

    async def _look_below(self) -> set[str]:
        """Find out which names have rights of their own, and return those that are not shown."""
        account = self._connection.account
        self._own = await account.get_permissions(self._path)
        depth = len(self._path.parts)
        below = self._names_with_rules(self._path)
        here = self._connection.current_directory
        way = here.parts[depth : depth + 1] if self._path.contains(here) else ()
        self._lacking = {name: lacking(self._connection, self._path.child(name)) for name in {*below, *way}}
        self._special = {name: await account.get_permissions(self._path.child(name)) for name in below}
        return {name for name in below if self._shows_nothing(self._path.child(name), self._special[name])}

    async def _hidden_in(self, real: VirtualPath) -> set[str]:
        """Return the names that are not shown because of rules for the place that links have led to."""
        if real == self._path:
            return set()
        account = self._connection.account
        places = {name: real.child(name) for name in self._names_with_rules(real)}
        return {
            name for name, place in places.items() if self._shows_nothing(place, await account.get_permissions(place))
        }

    def _names_with_rules(self, place: VirtualPath) -> set[str]:
        """Return the names in *place* that a rule is for, or for something below."""
        depth = len(place.parts)
        return {one.place.parts[depth] for one in self._connection.account.permissions_below(place)}

    def _shows_nothing(self, place: VirtualPath, permission: Permission) -> bool:
        below = self._connection.account.permissions_below(place)
        return permission.grants_nothing and all(one.grants_nothing for one in below)

    async def _ask_each(self, batch: Sequence[Entry]) -> None:
        account = self._connection.account
        self._special = {name: await account.get_permissions(self._path.child(name)) for name, _ in batch}

    async def _look_behind_links(self, batch: Sequence[Entry], real: VirtualPath) -> None:
        """Find out where the entries of *batch* lead to, which stand in the directory *real*."""
        self._linked = {}
        for name, status in batch:
            path = self._path.child(name)
            way = Way(path, real.child(name), await _reached(self._connection, path))
            if way.is_elsewhere:
                self._linked[name] = await _fact_of_way(self._connection, way, status.st_mode)

    def permission_facts(self, entries: Sequence[Entry]) -> list[str]:
        """Return the *perm* fact of each of *entries*, which are of the last batch."""
        if not (self._special or self._lacking or self._linked):
            return [self._usual[status.st_mode] for _, status in entries]
        return [self._fact(name, status.st_mode) for name, status in entries]

    def _fact(self, name: str, mode: int) -> str:
        if name in self._linked:
            return self._linked[name]
        if name not in self._special and name not in self._lacking:
            return self._usual[mode]
        return permission_fact(self._special.get(name, self._own), mode, self._lacking.get(name, _NOTHING))

    def _usual_fact(self, mode: int) -> str:
        return permission_fact(self._own, mode)


_NOTHING: frozenset[Right] = frozenset()


def lacking(connection: Connection, path: VirtualPath) -> frozenset[Right]:
    """Return the rights that RNFR and RMD of *path* lack by what is below it: a rule, or the session itself."""
    return CONCERN_ALL_BELOW if path.contains(connection.current_directory) else _lacking_by_rules(connection, path)


def _lacking_by_rules(connection: Connection, path: VirtualPath) -> frozenset[Right]:
    below = connection.account.permissions_below(path)
    return frozenset(right for right in CONCERN_ALL_BELOW if not all(one.grants(right) for one in below))


def _letters(*pairs: tuple[str, set[Right]]) -> tuple[tuple[str, frozenset[Right]], ...]:
    return tuple((letter, frozenset(alternatives)) for letter, alternatives in pairs)


_OF_FILES = _letters(
    ("a", {Right.APPEND}),
    ("d", {Right.DELETE}),
    ("f", {Right.RENAME}),
    ("r", {Right.READ}),
    ("w", {Right.OVERWRITE}),
)
_OF_DIRECTORIES = _letters(
    ("c", {Right.CREATE}),
    ("d", {Right.REMOVE_DIRECTORY}),
    ("e", {Right.READ, Right.LIST}),
    ("f", {Right.RENAME}),
    ("l", {Right.LIST}),
    ("m", {Right.MAKE_DIRECTORY}),
    ("p", {Right.DELETE}),
)


def permission_fact(permission: Permission, mode: int, lacking: frozenset[Right] = _NOTHING) -> str:
    """
    Return the *perm* fact: a letter for each command that would be allowed (RFC 3659, section 7.5.5).

    :param mode: of the entry, whose kind decides which commands there are.
    :param lacking: rights that *permission* grants in vain.
    """
    letters = _OF_DIRECTORIES if stat.S_ISDIR(mode) else _OF_FILES
    return "".join(letter for letter, alternatives in letters if any(map(permission.grants, alternatives - lacking)))


@dataclass(frozen=True, slots=True)
class Way:
    """
    Where links lead from a path.

    :ivar written: the path.
    :ivar place: where its name stands, once links in the way to that are followed.
    :ivar reached: what it leads to in the end.
    """

    written: VirtualPath
    place: VirtualPath
    reached: VirtualPath

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether any link is in the way."""
        return self.reached != self.written

    @property
    def ends_in_link(self) -> bool:
        """Tell whether the name itself is that of a link."""
        return self.reached != self.place


async def shown_permissions(connection: Connection, path: VirtualPath, reached: VirtualPath, mode: int) -> str:
    """
    Return the *perm* fact of one file or directory.

    :param reached: what *path* leads to.
    """
    place = path if reached == path else (await _reached(connection, path.parent)).child(path.name)
    return await _fact_of_way(connection, Way(path, place, reached), mode)


async def _reached(connection: Connection, path: VirtualPath) -> VirtualPath:
    """Return what *path* leads to; no right is asked for, for nothing is told of it."""
    rights, connection.rights, connection.reached = connection.rights, (), None
    try:
        await connection.storage.stat(path)
        return connection.reached or path
    except PathError:
        # It has gone meanwhile.
        return path
    finally:
        connection.rights = rights


async def _fact_of_way(connection: Connection, way: Way, mode: int) -> str:
    """Return the *perm* fact: behind links, each command asks for its rights at both ends."""
    account = connection.account
    own = await account.get_permissions(way.written)
    letters = permission_fact(own, mode, lacking(connection, way.written))
    if not way.is_elsewhere:
        return letters
    there = await account.get_permissions(way.reached)
    letters = "".join(set(letters) & set(permission_fact(there, mode, _lacking_by_rules(connection, way.reached))))
    if way.ends_in_link:
        # DELE takes the link away, whatever it leads to; RMD does not.
        standing = await account.get_permissions(way.place)
        is_deletable = own.grants(Right.DELETE) and standing.grants(Right.DELETE)
        letters = letters.replace("d", "") + ("d" if is_deletable else "")
    return "".join(sorted(letters))
