# -*- test-case-name: tests.test_commands_transfers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
RETR, STOR, APPE, STOU, ABOR: files over the data connection (RFC 959, section 4.1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core import replies
from ..core.paths import VirtualPath
from ..core.replies import Reply, reply
from ..core.users import Permission, Right
from ..errors import NoSuchPath, PathExists
from ..interfaces import OpenMode
from .arguments import Argument
from .registry import ConnectionConditions, Direction, PathPermissions, command, worker

if TYPE_CHECKING:
    from ..control.state import Connection
    from ..control.storage import StoredFile

__all__ = ["COMMANDS"]

_APPENDING = frozenset({Right.APPEND})

#: Names that STOU tries before it gives up; each is unique already but for files that were there before.
UNIQUE_NAMES_TRIED = 100


@command("RETR", argument=Argument.PATH, data=Direction.TO_CLIENT, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.readable)
@worker
async def retr(connection: Connection, path: VirtualPath) -> Reply:
    """Send a copy of the file over the data connection."""
    offset = connection.take_restart_offset()
    if offset and connection.is_ascii:
        return replies.RESTART_NOT_TAKEN
    async with await connection.storage.open(path, "rb") as source:
        size = (await source.stat()).st_size
        if offset:
            await source.seek(offset)
        connection.transferring(path, source)
        await connection.send(source, size - offset)
    return replies.TRANSFER_COMPLETE


async def _receive(
    connection: Connection, path: VirtualPath, target: StoredFile, mark: Reply = replies.OPENING_DATA_CONNECTION
) -> Reply:
    connection.transferring(path, target)
    async with target:
        await connection.receive(target, mark)
    return replies.TRANSFER_COMPLETE


@command("STOR", argument=Argument.PATH, data=Direction.FROM_CLIENT, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.storable)
@worker
async def stor(connection: Connection, path: VirtualPath) -> Reply:
    """Store what comes over the data connection, in place of a file that was there."""
    offset = connection.take_restart_offset()
    if offset and connection.is_ascii:
        return replies.RESTART_NOT_TAKEN
    permission = await connection.account.get_permissions(path)
    if not offset:
        return await _receive(connection, path, await _open_to_store(connection, path, permission))
    if not permission.overwrite:
        return replies.PATH_UNAVAILABLE
    connection.rights = (PathPermissions.overwritable,)
    target = await connection.storage.open(path, "r+b", create=False)
    return await _store_from(connection, path, target, offset)


async def _store_from(connection: Connection, path: VirtualPath, target: StoredFile, offset: int) -> Reply:
    try:
        # A gap would be a file that never was; the offset is one that the client has sent up to.
        if offset > (await target.stat()).st_size:
            await target.close()
            return replies.RESTART_BEYOND_END
        await target.seek(offset)
    except BaseException:
        await target.abort()
        raise
    return await _receive(connection, path, target)


async def _open_to_store(connection: Connection, path: VirtualPath, permission: Permission) -> StoredFile:
    """
    Open so that only what is granted can happen: the open itself decides between a new file and an old one.

    A place that a link leads to must grant all that may happen there.
    """
    if permission.overwrite:
        creating = (PathPermissions.creatable,) if permission.create else ()
        connection.rights = (PathPermissions.overwritable, *creating)
        return await connection.storage.open(path, "wb", create=permission.create)
    connection.rights = (PathPermissions.creatable,)
    try:
        return await connection.storage.open(path, "xb")
    except PathExists as error:
        # What the account may not replace is not there for it.
        raise NoSuchPath(str(path)) from error


@command("APPE", argument=Argument.PATH, data=Direction.FROM_CLIENT, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.appendable)
@worker
async def appe(connection: Connection, path: VirtualPath) -> Reply:
    """Append what comes over the data connection to a file, which is made if need be."""
    if connection.take_restart_offset():
        return replies.RESTART_NOT_TAKEN
    permission = await connection.account.get_permissions(path)
    mode: OpenMode = "ab" if permission.append else "xb"
    creating = (PathPermissions.creatable,) if permission.create else ()
    connection.rights = (*creating, *((_APPENDING,) if permission.append else ()))
    try:
        target = await connection.storage.open(path, mode, create=permission.create)
    except PathExists as error:
        # What the account may not append to is not there for it.
        raise NoSuchPath(str(path)) from error
    return await _receive(connection, path, target)


@command("STOU", argument=Argument.OPTIONAL_PATH, data=Direction.FROM_CLIENT, help="[<SP> pathname]")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.creatable)
@worker
async def stou(connection: Connection, path: VirtualPath) -> Reply:
    """Store under a name that no file has; the 150 reply tells it (RFC 1123, section 4.1.2.9)."""
    if connection.take_restart_offset():
        return replies.RESTART_NOT_TAKEN
    chosen, target = await _open_unique(connection, path)
    shown = chosen.name if chosen.parent == connection.current_directory else str(chosen)
    return await _receive(connection, chosen, target, reply(150, f"FILE: {shown}"))


async def _open_unique(connection: Connection, path: VirtualPath) -> tuple[VirtualPath, StoredFile]:
    # Without an argument the path is the current directory itself.
    is_directory = path == connection.current_directory
    directory, stem = (path, "upload") if is_directory else (path.parent, path.name)
    for _ in range(UNIQUE_NAMES_TRIED):
        # The bare name would be told to everybody who asks before the first of them is done.
        candidate = directory.child(f"{stem}-{connection.unique_suffix()}")
        # A rule that begins at the argument says nothing of the file beside it.
        await connection.require(candidate, PathPermissions.creatable)
        try:
            return candidate, await connection.storage.open(candidate, "xb")
        except PathExists:
            continue
    raise PathExists(str(path))


@command("ABOR", argument=Argument.NONE)
@ConnectionConditions(ConnectionConditions.login_required)
async def abor(connection: Connection) -> Reply:
    """Abort the transfer under way, and forget the data port that was agreed."""
    # The transfer itself was cancelled when this line came in, and has answered 426 by now.
    connection.forget_data_port()
    return replies.NOTHING_TO_ABORT


COMMANDS = (retr, stor, appe, stou, abor)
