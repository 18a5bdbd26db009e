# -*- test-case-name: tests.test_commands_information -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
FEAT, HELP, SYST, NOOP, CLNT: about the server (RFC 959, section 4.1.3; RFC 2389).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core import replies
from ..core.replies import Reply, reply
from .arguments import Argument
from .registry import Command, CommandTable, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS", "help_text"]

VERBS_IN_A_LINE = 10


@command("FEAT", argument=Argument.NONE)
async def feat(connection: Connection) -> Reply:
    """List the extensions that are there."""
    lines = [line for row in connection.server.commands.values() for line in _features(connection, row)]
    if not lines:
        return reply(211, "No features.")
    return reply(211, "Features:", *sorted({*lines, "TVFS"}), "End")


def _features(connection: Connection, row: Command) -> list[str]:
    lines = (feature if isinstance(feature, str) else feature(connection) for feature in row.features)
    return [line for line in lines if line is not None]


@command("HELP", argument=Argument.OPTIONAL_TEXT, help="[<SP> command]")
async def help_(connection: Connection, verb: str) -> Reply:
    """List the commands, or tell the form of one."""
    return help_text(connection.server.commands, verb.upper())


def help_text(table: CommandTable, verb: str) -> Reply:
    """
    Return the reply to HELP.

    :param verb: upper-case; empty for the list of all.
    """
    row = table.get(verb)
    if row is not None:
        return reply(214, f"Syntax: {row.syntax}", row.summary)
    family = [verb, *(row.verb for row in table.family(verb))]
    if verb and len(family) == 1:
        return replies.NOT_IMPLEMENTED
    names = sorted(family[1:] if verb else {name.split(" ")[0] for name in table})
    lines = [" ".join(names[start : start + VERBS_IN_A_LINE]) for start in range(0, len(names), VERBS_IN_A_LINE)]
    return reply(214, "Commands:", *lines, "HELP and a command tell more.")


@command("SYST", argument=Argument.NONE)
async def syst(connection: Connection) -> Reply:
    """Tell what LIST looks like: that of Unix, octets of eight bits."""
    return reply(215, "UNIX Type: L8")


@command("NOOP", argument=Argument.NONE, overtakes=True)
async def noop(connection: Connection) -> Reply:
    """Do nothing, successfully."""
    return replies.OKAY


@command("CLNT", argument=Argument.TEXT, help="<SP> name of the client", features=("CLNT",))
async def clnt(connection: Connection, name: str) -> Reply:
    """Tell the name of the client program."""
    return replies.OKAY


COMMANDS = (feat, help_, syst, noop, clnt)
