# -*- test-case-name: tests.test_commands_parameters -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
TYPE, MODE, STRU, REST, ALLO, OPTS: parameters of the transfers to come (RFC 959, section 4.1.2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..core import replies
from ..core.facts import feature_line, parse_fact_selection, selection_reply
from ..core.replies import Reply, reply
from ..core.session import Happening
from ..core.wire import NumberTooLarge, parse_decimal
from .arguments import Argument
from .registry import ConnectionConditions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]

_TYPES = {
    ("A",): "A",
    ("A", "N"): "A",
    ("I",): "I",
    # "L 8" is the image type under another name (RFC 1123, section 4.1.2.1).
    ("L", "8"): "I",
}


@command("TYPE", argument=Argument.TEXT, help="<SP> [ A | A N | I | L 8 ]")
@ConnectionConditions(ConnectionConditions.login_required)
async def type_(connection: Connection, text: str) -> Reply:
    """Choose the representation type: ASCII with CRLF line ends, or image."""
    words = tuple(text.upper().split())
    if words == ("L",):
        return replies.SYNTAX_ERROR
    if words not in _TYPES:
        return replies.NOT_FOR_PARAMETER
    connection.choose_type(_TYPES[words])
    return reply(200, f"The type is {' '.join(words)} now.")


def _only(value: str, text: str) -> Reply:
    return replies.OKAY if text.upper() == value else replies.NOT_FOR_PARAMETER


@command("MODE", argument=Argument.TEXT, help="<SP> S")
@ConnectionConditions(ConnectionConditions.login_required)
async def mode(connection: Connection, text: str) -> Reply:
    """Choose the transfer mode; stream is the one that there is."""
    return _only("S", text)


@command("STRU", argument=Argument.TEXT, help="<SP> F")
@ConnectionConditions(ConnectionConditions.login_required)
async def stru(connection: Connection, text: str) -> Reply:
    """Choose the file structure; file is the one that there is."""
    return _only("F", text)


@command("REST", argument=Argument.OCTETS, help="<SP> offset", features=("REST STREAM",))
@ConnectionConditions(ConnectionConditions.login_required)
async def rest(connection: Connection, text: bytes) -> Reply:
    """Start the next transfer at an offset in octets (RFC 3659, section 5)."""
    try:
        offset = parse_decimal(text)
    except ValueError:
        return replies.SYNTAX_ERROR
    connection.restart_offset = offset
    connection.session.happened(Happening.OFFSET_ACCEPTED if offset else Happening.OFFSET_CLEARED)
    return reply(350, f"The next transfer starts at octet {offset}.")


@command("ALLO", argument=Argument.OCTETS, help="<SP> size [<SP> R <SP> size]")
@ConnectionConditions(ConnectionConditions.login_required)
async def allo(connection: Connection, text: bytes) -> Reply:
    """Announce the size of an upload; room is taken as it comes."""
    words = text.split(b" ")
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != b"R"):
        return replies.SYNTAX_ERROR
    try:
        for number in words[::2]:
            parse_decimal(number)
    except NumberTooLarge:
        return replies.reply(552, "That is more than can be stored.")
    except ValueError:
        return replies.SYNTAX_ERROR
    return replies.SUPERFLUOUS


@command(
    "OPTS MLST",
    argument=Argument.OPTIONAL_TEXT,
    help="[<SP> fact;...]",
    features=(lambda connection: feature_line(connection.facts),),
)
async def opts_mlst(connection: Connection, text: str) -> Reply:
    """Choose the facts that MLST and MLSD show (RFC 3659, section 7.9)."""
    try:
        connection.facts = parse_fact_selection(text)
    except ValueError:
        return replies.SYNTAX_ERROR
    return reply(200, selection_reply(connection.facts))


def _utf8_feature(connection: Connection) -> str | None:
    return "UTF8" if connection.encoding.lower() in ("utf-8", "utf8") else None


@command("OPTS UTF8", argument=Argument.OPTIONAL_TEXT, help="[<SP> ON]", features=(_utf8_feature,))
async def opts_utf8(connection: Connection, text: str) -> Reply:
    """Say that names are UTF-8, which they are anyway (RFC 2640)."""
    wanted = text.upper() or "ON"
    if wanted in ("ON", "OFF") and (wanted == "ON") == (_utf8_feature(connection) is not None):
        return reply(200, f"Names are {connection.encoding.upper()}.")
    # The old draft let a client say "NLST" here, which asks for what LIST does anyway.
    return replies.OKAY if wanted == "NLST" else replies.NOT_FOR_PARAMETER


# The name that the draft before RFC 2640 had; old clients still send it.
_opts_utf_8 = replace(opts_utf8, verb="OPTS UTF-8", features=())

COMMANDS = (type_, mode, stru, rest, allo, opts_mlst, opts_utf8, _opts_utf_8)
