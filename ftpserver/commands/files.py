# -*- test-case-name: tests.test_commands_files -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
DELE, MKD, RMD, RNFR, RNTO, SIZE, MDTM, MFMT: files and directories as such.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core import replies
from ..core.events import AttributesChanged, Deleted, DirectoryMade, DirectoryRemoved, Renamed
from ..core.listing import format_time, parse_time
from ..core.paths import VirtualPath
from ..core.replies import Reply, quoted, reply
from ..core.status import is_regular_file
from ..errors import NotAFile
from .arguments import Argument
from .registry import ConnectionConditions, PathConditions, PathPermissions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]


@command("DELE", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.deletable)
async def dele(connection: Connection, path: VirtualPath) -> Reply:
    """Delete a file."""
    await connection.storage.unlink(path)
    connection.publish(Deleted, path=str(path))
    return replies.PATH_DONE


@command("MKD", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.directories_makable)
async def mkd(connection: Connection, path: VirtualPath) -> Reply:
    """Make a directory; its parent must be there."""
    await connection.storage.mkdir(path)
    connection.publish(DirectoryMade, path=str(path))
    return reply(257, f"{quoted(str(path))} was made.")


def _is_in_use(connection: Connection, path: VirtualPath) -> bool:
    return path.contains(connection.current_directory)


@command("RMD", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.directories_removable)
async def rmd(connection: Connection, path: VirtualPath) -> Reply:
    """Remove an empty directory; neither the root nor one that the session is in."""
    if _is_in_use(connection, path):
        return replies.DIRECTORY_IN_USE
    await connection.storage.rmdir(path)
    connection.publish(DirectoryRemoved, path=str(path))
    return replies.PATH_DONE


@command("RNFR", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathConditions(PathConditions.path_must_exists)
@PathPermissions(PathPermissions.renamable)
async def rnfr(connection: Connection, path: VirtualPath) -> Reply:
    """Name the file or directory that RNTO, the very next command, renames."""
    if _is_in_use(connection, path):
        return replies.DIRECTORY_IN_USE
    connection.rename_from = path
    return replies.RENAME_SOURCE_GIVEN


@command("RNTO", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.rename_from_required)
@PathPermissions(PathPermissions.renamable)
async def rnto(connection: Connection, path: VirtualPath) -> Reply:
    """Give the new name; a file of that name is replaced where the account may overwrite, a directory never."""
    source = connection.rename_from
    assert source is not None
    may_replace = (await connection.account.get_permissions(path)).overwrite
    if may_replace:
        # Where a link leads, too, a file is replaced only with the right for it.
        connection.rights = (*connection.rights, PathPermissions.overwritable)
    await connection.storage.rename(source, path, replace=may_replace)
    connection.publish(Renamed, path=str(source), new_path=str(path))
    return replies.PATH_DONE


@command("SIZE", argument=Argument.PATH, help="<SP> pathname", features=("SIZE",))
@ConnectionConditions(ConnectionConditions.login_required)
@PathConditions(PathConditions.path_must_be_file)
@PathPermissions(PathPermissions.visible)
async def size(connection: Connection, path: VirtualPath) -> Reply:
    """Tell how many octets RETR would send (RFC 3659, section 4)."""
    if connection.is_ascii:
        # Only reading the whole file would tell how many octets its line ends add, and an estimate is forbidden.
        return reply(550, "SIZE is for TYPE I only.")
    status = await connection.storage.stat(path)
    if not is_regular_file(status):
        # What was one a moment ago is something else now.
        raise NotAFile(str(path))
    return reply(213, str(status.st_size))


@command("MDTM", argument=Argument.PATH, help="<SP> pathname", features=("MDTM",))
@ConnectionConditions(ConnectionConditions.login_required)
@PathConditions(PathConditions.path_must_exists)
@PathPermissions(PathPermissions.visible)
async def mdtm(connection: Connection, path: VirtualPath) -> Reply:
    """Tell when a file was changed last, in UTC (RFC 3659, section 3)."""
    return reply(213, format_time((await connection.storage.stat(path)).st_mtime))


@command("MFMT", argument=Argument.WORD_AND_PATH, help="<SP> YYYYMMDDHHMMSS <SP> pathname", features=("MFMT",))
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.attributes_changeable)
async def mfmt(connection: Connection, time: bytes, path: VirtualPath) -> Reply:
    """Set the time of the last change, in UTC (draft-somers-ftp-mfxx, section 3)."""
    try:
        modified = parse_time(time)
    except ValueError:
        return replies.SYNTAX_ERROR
    await connection.storage.set_modified(path, modified)
    # A file system has bounds, which it takes for what lies beyond them.
    shown = format_time((await connection.storage.stat(path)).st_mtime)
    connection.publish(AttributesChanged, path=str(path), change=f"modify={shown}")
    return reply(213, f"Modify={shown}; {path}")


COMMANDS = (
    dele,
    mkd,
    rmd,
    rnfr,
    rnto,
    size,
    mdtm,
    mfmt,
    replace(mkd, verb="XMKD"),
    replace(rmd, verb="XRMD"),
)
