# -*- test-case-name: tests.test_commands_site -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
SITE HELP, SITE CHMOD, SITE UTIME: what is particular to this server (RFC 959, section 4.1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core import replies
from ..core.events import AttributesChanged
from ..core.listing import format_time, parse_time
from ..core.paths import VirtualPath
from ..core.replies import Reply, reply
from .arguments import Argument, Context, Parsed
from .information import help_text
from .registry import ConnectionConditions, PathPermissions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]


@command("SITE HELP", argument=Argument.OPTIONAL_TEXT, help="[<SP> command]")
@ConnectionConditions(ConnectionConditions.login_required)
async def site_help(connection: Connection, word: str) -> Reply:
    """List the SITE commands, or tell the form of one."""
    return help_text(connection.server.commands, f"SITE {word.upper()}".rstrip())


@command("SITE CHMOD", argument=Argument.WORD_AND_PATH, help="<SP> octal mode <SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.attributes_changeable)
async def site_chmod(connection: Connection, mode: bytes, path: VirtualPath) -> Reply:
    """Set the permission bits of a file; set-user-id and the like are not among them."""
    if mode.strip(b"01234567") or len(mode.lstrip(b"0")) > 3:
        return replies.SYNTAX_ERROR
    bits = int(mode, 8)
    await connection.storage.chmod(path, bits)
    connection.publish(AttributesChanged, path=str(path), change=f"UNIX.mode={bits:04o}")
    return reply(200, f"The mode is {bits:04o} now.")


def _parse_utime(octets: bytes | None, context: Context) -> Parsed:
    """
    Understand both forms that clients send.

    ``YYYYMMDDhhmm[ss] path`` and ``path atime mtime ctime UTC``, with the time of the last change in its middle.
    """
    text = octets or b""
    first, _, rest = text.partition(b" ")
    words = text.rsplit(b" ", 4)
    if len(words) == 5 and words[4].upper() == b"UTC":
        written, path = words[2], words[0]
    else:
        written, path = first, rest
    if not path:
        raise ValueError("a time and a path")
    when = parse_time(written + b"00" if len(written) == 12 else written)
    place = Argument.PATH.parse(path, context).path
    return Parsed(place, (when, place))


@command("SITE UTIME", argument=Argument("time and path", _parse_utime), help="<SP> YYYYMMDDhhmm[ss] <SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.attributes_changeable)
async def site_utime(connection: Connection, modified: float, path: VirtualPath) -> Reply:
    """Set the time of the last change, in UTC; older clients do not know MFMT."""
    await connection.storage.set_modified(path, modified)
    connection.publish(AttributesChanged, path=str(path), change=f"modify={format_time(modified)}")
    return reply(200, "The time is set.")


COMMANDS = (site_help, site_chmod, site_utime)
