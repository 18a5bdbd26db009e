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
from ..core.users import Permission, Right, User

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["BATCH", "DirectoryView", "permission_fact"]

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
        self._asks_each = type(connection.account).get_permissions is not User.get_permissions

    async def batches(self) -> AsyncGenerator[Sequence[Entry], None]:
        """Yield the visible entries; to be closed with ``aclose`` if not used up."""
        account = self._connection.account
        self._own = await account.get_permissions(self._path)
        depth = len(self._path.parts)
        below = {one.place.parts[depth] for one in account.permissions_below(self._path)}
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
        return permission_fact(self._special.get(name, self._own), status)


_OF_FILES = (("a", Right.APPEND), ("d", Right.DELETE), ("f", Right.RENAME), ("r", Right.READ), ("w", Right.OVERWRITE))
_OF_DIRECTORIES = (
    ("c", Right.CREATE),
    ("d", Right.REMOVE_DIRECTORY),
    ("e", Right.LIST),
    ("f", Right.RENAME),
    ("l", Right.LIST),
    ("m", Right.MAKE_DIRECTORY),
    ("p", Right.DELETE),
)


def permission_fact(permission: Permission, status: FileStatus) -> str:
    """Return the *perm* fact: a letter for each command that *permission* allows (RFC 3659, section 7.5.5)."""
    letters = _OF_DIRECTORIES if is_directory(status) else _OF_FILES
    return "".join(letter for letter, right in letters if permission.grants(right))
