# -*- test-case-name: tests.test_config -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The configuration file: TOML in, a server or all of its errors out.
"""

from __future__ import annotations

from .building import make_server
from .errors import ConfigurationError, Problem
from .model import (
    BanSettings,
    Listener,
    NamedCertificate,
    PermissionSettings,
    ServerSettings,
    Settings,
    TLSSettings,
    UserSettings,
)
from .reading import read, read_text
from .reference import Row, Section, help_text, reference
from .warnings import certificate_warnings, unreadable, warnings

__all__ = [
    "BanSettings",
    "ConfigurationError",
    "Listener",
    "NamedCertificate",
    "PermissionSettings",
    "Problem",
    "Row",
    "Section",
    "ServerSettings",
    "Settings",
    "TLSSettings",
    "UserSettings",
    "certificate_warnings",
    "help_text",
    "make_server",
    "read",
    "read_text",
    "reference",
    "unreadable",
    "warnings",
]
