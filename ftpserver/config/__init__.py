# -*- test-case-name: tests.test_config -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The configuration file: TOML in, a server or all of its errors out.
"""

from __future__ import annotations

from .building import make_server, warnings
from .errors import ConfigurationError, Problem
from .model import Listener, PermissionSettings, ServerSettings, Settings, UserSettings
from .reading import read, read_text
from .reference import Row, Section, help_text, reference

__all__ = [
    "ConfigurationError",
    "Listener",
    "PermissionSettings",
    "Problem",
    "Row",
    "Section",
    "ServerSettings",
    "Settings",
    "UserSettings",
    "help_text",
    "make_server",
    "read",
    "read_text",
    "reference",
    "warnings",
]
