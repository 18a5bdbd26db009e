# -*- test-case-name: tests.test_commands_security -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
AUTH, PBSZ, PROT, CCC: TLS on the control and the data connections (RFC 2228; RFC 4217).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core import replies
from ..core.replies import Reply, reply
from ..core.session import Happening, Protection
from ..core.wire import parse_decimal
from .access import end_login
from .arguments import Argument
from .registry import ConnectionConditions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]

#: ``TLS-C`` is the registered synonym, ``SSL`` what old clients say (RFC 4217, section 17).
_MECHANISMS = frozenset({"TLS", "TLS-C", "SSL"})

BUFFER_SIZE = reply(200, "PBSZ=0")

_SIZED = frozenset({Protection.COMMANDS_SIZED, Protection.ALL_SIZED})

#: PBSZ takes a number of 32 bits (RFC 2228, section 3).
_LARGEST_BUFFER = 2**32 - 1


def _feature(line: str) -> Callable[[Connection], str | None]:
    return lambda connection: line if connection.security.is_offered else None


@command("AUTH", argument=Argument.TEXT, help="<SP> TLS", features=(_feature("AUTH TLS"),))
async def auth(connection: Connection, mechanism: str) -> Reply:
    """Begin TLS on the control connection; the session starts again."""
    if not connection.security.is_offered:
        return replies.NOT_IMPLEMENTED
    if mechanism.upper() not in _MECHANISMS:
        return replies.NOT_FOR_PARAMETER
    if connection.session.protection is not Protection.NONE:
        return replies.TLS_ALREADY
    await end_login(connection)
    connection.security.change_after_reply(secure=True)
    return replies.AUTH_ACCEPTED


@command("PBSZ", argument=Argument.OCTETS, help="<SP> 0", features=(_feature("PBSZ"),))
async def pbsz(connection: Connection, text: bytes) -> Reply:
    """Agree the size of a buffer, which TLS does not need: it is always 0."""
    if not connection.session.protects_commands:
        return replies.NEED_TLS_FIRST
    try:
        parse_decimal(text, _LARGEST_BUFFER)
    except ValueError:
        return replies.SYNTAX_ERROR
    connection.session.happened(Happening.BUFFER_SIZE_GIVEN)
    return BUFFER_SIZE


@command("PROT", argument=Argument.TEXT, help="<SP> [ C | P ]", features=(_feature("PROT"),))
async def prot(connection: Connection, level: str) -> Reply:
    """Choose whether the data connections to come are under TLS."""
    wanted = level.upper()
    if wanted not in ("C", "S", "E", "P"):
        return replies.NOT_FOR_PARAMETER
    if connection.session.protection not in _SIZED:
        return replies.NEED_BUFFER_SIZE if connection.session.protects_commands else replies.NEED_TLS_FIRST
    if wanted in ("S", "E"):
        return replies.LEVEL_UNSUPPORTED
    if wanted == "C" and connection.security.needs_private_data:
        return replies.PROTECTION_REFUSED
    connection.session.happened(Happening.DATA_PROTECTED if wanted == "P" else Happening.DATA_CLEARED)
    return replies.OKAY


@command("CCC", argument=Argument.NONE)
@ConnectionConditions(ConnectionConditions.login_required)
async def ccc(connection: Connection) -> Reply:
    """End TLS on the control connection, so that a firewall can read the data ports; data stays as it is."""
    if not connection.session.protects_commands:
        return replies.NOT_PROTECTED
    if connection.security.must_stay_secure:
        return replies.PROTECTION_REFUSED
    connection.session.happened(Happening.COMMANDS_CLEARED)
    connection.security.change_after_reply(secure=False)
    return replies.OKAY


COMMANDS = (auth, pbsz, prot, ccc)
