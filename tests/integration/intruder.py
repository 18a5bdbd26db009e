# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A table of commands with one more, by which a test does within a server what somebody would who has taken it over.
"""

from __future__ import annotations

from typing import Any

from ftpserver import COMMANDS as USUAL
from ftpserver.commands.arguments import Argument
from ftpserver.commands.registry import command
from ftpserver.core.replies import Reply, reply
from tests.intruding import attempt, attempt_in_thread

__all__ = ["COMMANDS"]


@command("SITE INTRUDE", argument=Argument.OPTIONAL_TEXT, help="<SP> attempt <SP> argument")
async def intrude(_connection: Any, text: str) -> Reply:
    """Make an attempt in the main thread, and again in a new one."""
    name, _, argument = text.partition(" ")
    return reply(200, f"{attempt(name, argument)} {attempt_in_thread(name, argument)}")


COMMANDS = USUAL.with_(intrude)
