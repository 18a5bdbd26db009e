# -*- test-case-name: tests.test_commands_navigation -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
CWD, CDUP, PWD and their X-forms: the current directory (RFC 959, section 4.1.1; RFC 1123, section 4.1.3.1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core import replies
from ..core.paths import VirtualPath
from ..core.replies import Reply, quoted, reply
from .arguments import Argument
from .registry import ConnectionConditions, PathConditions, PathPermissions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]


@command("CWD", argument=Argument.PATH, help="<SP> pathname")
@ConnectionConditions(ConnectionConditions.login_required)
@PathConditions(PathConditions.path_must_be_dir)
@PathPermissions(PathPermissions.visible)
async def cwd(connection: Connection, path: VirtualPath) -> Reply:
    """Change the current directory."""
    connection.current_directory = path
    return replies.PATH_DONE


@command("CDUP", argument=Argument.NONE)
@ConnectionConditions(ConnectionConditions.login_required)
async def cdup(connection: Connection) -> Reply:
    """Change to the parent of the current directory; the root is its own parent."""
    parent = connection.current_directory.parent
    await connection.require(parent, PathPermissions.visible)
    connection.current_directory = parent
    return replies.PATH_DONE


@command("PWD", argument=Argument.NONE)
@ConnectionConditions(ConnectionConditions.login_required)
async def pwd(connection: Connection) -> Reply:
    """Show the current directory."""
    return reply(257, f"{quoted(str(connection.current_directory))} is the current directory.")


COMMANDS = (cwd, cdup, pwd, replace(cwd, verb="XCWD"), replace(cdup, verb="XCUP"), replace(pwd, verb="XPWD"))
