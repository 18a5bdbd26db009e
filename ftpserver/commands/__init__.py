# -*- test-case-name: tests.test_commands -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The table of commands, one module a subject.
"""

from __future__ import annotations

from . import access, data_port, files, information, listings, navigation, parameters, security, site, transfers
from .registry import CommandTable

__all__ = ["COMMANDS"]

#: Every command that the server knows; a value, of which each server may take another form.
COMMANDS = CommandTable(
    row
    for module in (access, security, parameters, data_port, navigation, transfers, listings, files, information, site)
    for row in module.COMMANDS
)
