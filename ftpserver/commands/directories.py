# -*- test-case-name: tests.test_commands_directories -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a listing may show: entries in batches, without those that the account may not know of.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus, is_directory
from ..core.users import CONCERN_ALL_BELOW, Permission, Right, User

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["BATCH", "DirectoryView", "lacking", "permission_fact"]

#: Entries that are asked for, formatted and written at once: few enough that other sessions are answered meanwhile.
BATCH = 256


class DirectoryView:
    """
    One directory as the account of a session may see it.

    :param connection: the session.
    :param path: the directory.
    """

    def __init__(self, connection: Connection, path: VirtualPath) -> None:
        self._connection = connection
        self._path = path
        self._own = Permission(readable=False, writable=False)
        self._special: dict[str, Permission] = {}
        self._lacking: dict[str, frozenset[Right]] = {}
        self._asks_each = type(connection.account).get_permissions is not User.get_permissions

    async def batches(self) -> AsyncGenerator[Sequence[Entry], None]:
        """Yield the visible entries; to be closed with ``aclose`` if not used up."""
        account = self._connection.account
        self._own = await account.get_permissions(self._path)
        depth = len(self._path.parts)
        below = {one.place.parts[depth] for one in account.permissions_below(self._path)}
        here = self._connection.current_directory
        way = here.parts[depth : depth + 1] if self._path.contains(here) else ()
        self._lacking = {name: lacking(self._connection, self._path.child(name)) for name in {*below, *way}}
        self._special = {name: await account.get_permissions(self._path.child(name)) for name in below}
        hidden = {name for name in below if self._special[name].grants_nothing and self._shows_nothing_below(name)}
        async with aclosing(await self._connection.storage.scan(self._path, BATCH)) as batches:
            async for batch in batches:
                if self._asks_each:
                    await self._ask_each(batch)
                yield [entry for entry in batch if entry[0] not in hidden] if hidden else batch

    def _shows_nothing_below(self, name: str) -> bool:
        below = self._connection.account.permissions_below(self._path.child(name))
        return all(permission.grants_nothing for permission in below)

    async def _ask_each(self, batch: Sequence[Entry]) -> None:
        account = self._connection.account
        self._special = {name: await account.get_permissions(self._path.child(name)) for name, _ in batch}

    def permission_fact(self, name: str, status: FileStatus) -> str:
        """Return the *perm* fact of an entry of the last batch."""
        return permission_fact(self._special.get(name, self._own), status, self._lacking.get(name, _NOTHING))


_NOTHING: frozenset[Right] = frozenset()


def lacking(connection: Connection, path: VirtualPath) -> frozenset[Right]:
    """Return the rights that RNFR and RMD of *path* lack by what is below it: a rule, or the session itself."""
    if path.contains(connection.current_directory):
        return CONCERN_ALL_BELOW
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


def permission_fact(permission: Permission, status: FileStatus, lacking: frozenset[Right] = _NOTHING) -> str:
    """
    Return the *perm* fact: a letter for each command that would be allowed (RFC 3659, section 7.5.5).

    :param lacking: rights that *permission* grants in vain.
    """
    letters = _OF_DIRECTORIES if is_directory(status) else _OF_FILES
    granted = {right for right in Right if permission.grants(right)} - lacking
    return "".join(letter for letter, alternatives in letters if alternatives & granted)
