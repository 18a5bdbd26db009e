# -*- test-case-name: tests.test_ftpserver -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What users need to test their own backends: contract suites, and a dialogue driver without sockets.
"""

from __future__ import annotations

from .dialogue import Dialogue, DialogueFiles
from .network import DataConnection, DialogueReactor, MemoryNetwork
from .path_io import PathIOContract
from .user_manager import UserManagerContract

__all__ = [
    "DataConnection",
    "Dialogue",
    "DialogueFiles",
    "DialogueReactor",
    "MemoryNetwork",
    "PathIOContract",
    "UserManagerContract",
]
