# -*- test-case-name: tests.test_ftpserver -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A complete FTP server on Twisted: run it, embed it, test with it.

This module, :mod:`ftpserver.interfaces`, :mod:`ftpserver.errors` and :mod:`ftpserver.testing` are what is public.
"""

from __future__ import annotations

from .commands import COMMANDS
from .commands.arguments import Argument
from .commands.registry import (
    Command,
    CommandTable,
    ConnectionConditions,
    Direction,
    PathConditions,
    PathPermissions,
    command,
    worker,
)
from .control.state import Connection
from .core.limits import AvailableConnections
from .core.paths import VirtualPath
from .core.replies import Reply, reply
from .core.users import Permission, User
from .interfaces import IFile, IObserver, IPathIO, IUserManager
from .pathio.local import PathIO
from .pathio.memory import MemoryFiles, MemoryPathIO
from .server import Server
from .users.manager import AbstractUserManager
from .users.memory import MemoryUserManager

__all__ = [
    "COMMANDS",
    "AbstractUserManager",
    "Argument",
    "AvailableConnections",
    "Command",
    "CommandTable",
    "Connection",
    "ConnectionConditions",
    "Direction",
    "IFile",
    "IObserver",
    "IPathIO",
    "IUserManager",
    "MemoryFiles",
    "MemoryPathIO",
    "MemoryUserManager",
    "PathConditions",
    "PathIO",
    "PathPermissions",
    "Permission",
    "Reply",
    "Server",
    "User",
    "VirtualPath",
    "command",
    "reply",
    "worker",
]
