# -*- test-case-name: tests.test_ftpserver -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A complete FTP server on Twisted: run it, embed it, test with it.

What is public: this module, :mod:`ftpserver.interfaces`, :mod:`ftpserver.errors`, the events in
:mod:`ftpserver.core.events`, and :mod:`ftpserver.testing`.
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
from .core.bans import Ban, BanPolicy
from .core.limits import AvailableConnections
from .core.paths import VirtualPath, resolve
from .core.replies import Reply, reply
from .core.status import Entry, FileStatus, Status
from .core.users import Permission, User
from .interfaces import IFile, IObserver, IPathIO, IUserManager
from .listening import Listener
from .observers.log import LogObserver
from .pathio.local import PathIO
from .pathio.memory import MemoryFiles, MemoryPathIO
from .server import Server, UserManagerType
from .tls.settings import TLS
from .users.manager import AbstractUserManager
from .users.memory import MemoryUserManager
from .users.passwords import PasswordHashes, hash_password

__all__ = [
    "COMMANDS",
    "TLS",
    "AbstractUserManager",
    "Argument",
    "AvailableConnections",
    "Ban",
    "BanPolicy",
    "Command",
    "CommandTable",
    "Connection",
    "ConnectionConditions",
    "Direction",
    "Entry",
    "FileStatus",
    "IFile",
    "IObserver",
    "IPathIO",
    "IUserManager",
    "Listener",
    "LogObserver",
    "MemoryFiles",
    "MemoryPathIO",
    "MemoryUserManager",
    "PasswordHashes",
    "PathConditions",
    "PathIO",
    "PathPermissions",
    "Permission",
    "Reply",
    "Server",
    "Status",
    "User",
    "UserManagerType",
    "VirtualPath",
    "command",
    "hash_password",
    "reply",
    "resolve",
    "worker",
]
