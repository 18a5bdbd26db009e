# -*- test-case-name: tests.test_config_building -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
From settings to a server.
"""

from __future__ import annotations

from typing import Any

from ..core.bans import BanPolicy
from ..core.users import Permission, User
from ..listening import Listener, TLSMode
from ..observers.log import LogObserver
from ..server import Server
from .model import Settings, UserSettings

__all__ = ["make_server", "make_user"]

#: Keys of ``[server]`` that are about the process, not about :class:`Server`.
OF_THE_PROCESS = frozenset({"landlock", "landlock_paths", "log_format", "umask"})


def make_server(settings: Settings, reactor: Any = None) -> Server:
    """Return the server that *settings* describe, with the log among its observers; it does not listen yet."""
    keywords = {key: getattr(settings.server, key) for key in type(settings.server).model_fields}
    for key in OF_THE_PROCESS:
        del keywords[key]
    default: TLSMode = "off" if settings.tls is None else "explicit"
    keywords["observers"] = (LogObserver(), *settings.server.observers)
    return Server(
        [make_user(account) for account in settings.users],
        listeners=[Listener(one.endpoint, one.tls or default) for one in settings.listeners],
        bans=BanPolicy(**settings.bans.model_dump()),
        tls=None if settings.tls is None else settings.tls.made,
        reactor=reactor,
        **keywords,
    )


def make_user(account: UserSettings) -> User:
    """Return the user that *account* describes."""
    keywords = {key: getattr(account, key) for key in type(account).model_fields}
    hashed = keywords.pop("password_hash")
    if hashed is not None:
        keywords["password"] = hashed
    if account.permissions is not None:
        keywords["permissions"] = [Permission(**one.model_dump()) for one in account.permissions]
    return User(**keywords)
