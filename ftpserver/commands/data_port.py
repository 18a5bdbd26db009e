# -*- test-case-name: tests.test_commands_data_port -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
PASV, EPSV, PORT, EPRT: which data connection the next transfer uses (RFC 959, section 4.1.2; RFC 2428).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from ..core import replies
from ..core.addresses import (
    UnsupportedFamily,
    format_epsv,
    format_pasv,
    parse_eprt,
    parse_epsv,
    parse_port,
    unmap,
)
from ..core.replies import Reply, reply
from ..core.session import Happening
from ..errors import CommandRefused
from .arguments import Argument
from .registry import ConnectionConditions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]

#: The lowest port that PORT and EPRT may name: below are services that must not be reached from here (RFC 2577).
LOWEST_ACTIVE_PORT = 1024

#: Replies that tell of a port and are made once: of as many sessions as transfer small files at a time.
REPLIES_KEPT = 1024

UNSUPPORTED_FAMILY = reply(522, "Network protocol not supported, use (1,2)")
ONLY_EPSV = reply(503, "EPSV ALL was given; only EPSV agrees a data port now.")
NO_IPV4_ADDRESS = reply(425, "PASV is for IPv4; please use EPSV.")
NO_ADDRESS_KNOWN = reply(425, "The address to announce is not known just now; please use EPSV.")
NO_NETWORK = reply(425, "This control connection is no network connection; data has no address to go to.")


@command("PASV", argument=Argument.NONE)
@ConnectionConditions(ConnectionConditions.login_required)
async def pasv(connection: Connection) -> Reply:
    """Open a port for the next data connection; the reply tells its IPv4 address and number."""
    if connection.session.only_epsv:
        return ONLY_EPSV
    if _family(connection) != 1:
        # A port on the IPv6 address that was reached could not be called at an IPv4 address, forced or not.
        return NO_IPV4_ADDRESS
    try:
        announced = await connection.server.passive_address.for_client(connection.client_host)
    except LookupError:
        return NO_ADDRESS_KNOWN
    return _passive(announced or connection.server_host, _listen(connection))


# A session keeps its port where it can, and says the same before each transfer.
@lru_cache(maxsize=REPLIES_KEPT)
def _passive(host: str, port: int) -> Reply:
    return reply(227, f"Entering Passive Mode {format_pasv(IPv4Address(host), port)}.")


@lru_cache(maxsize=REPLIES_KEPT)
def _extended_passive(port: int) -> Reply:
    return reply(229, f"Entering Extended Passive Mode {format_epsv(port)}")


def _family(connection: Connection) -> int:
    """Return the network protocol of the control connection (RFC 2428, section 2)."""
    try:
        return _protocol(connection.server_host)
    except ValueError as error:
        # A socket of the file system has no address.
        raise CommandRefused(NO_NETWORK) from error


# A server has few addresses, and reading one costs as much as the rest of the command.
@lru_cache(maxsize=256)
def _protocol(host: str) -> int:
    return 1 if ip_address(host).version == 4 else 2


def _listen(connection: Connection) -> int:
    # Where none can be opened, what was agreed before is gone as well.
    connection.session.happened(Happening.PORT_FORGOTTEN)
    port = connection.channel.listen()
    connection.session.happened(Happening.PORT_AGREED)
    return port


def _forget(connection: Connection) -> None:
    connection.channel.forget()
    connection.session.happened(Happening.PORT_FORGOTTEN)


@command("EPSV", argument=Argument.OPTIONAL_TEXT, help="[<SP> 1 | 2 | ALL]", features=("EPSV",))
@ConnectionConditions(ConnectionConditions.login_required)
async def epsv(connection: Connection, text: str) -> Reply:
    """Open a port for the next data connection, whatever the network protocol."""
    family = _family(connection)
    if not text:
        return _extended_passive(_listen(connection))
    try:
        wanted = parse_epsv(text.encode("utf-8", "surrogateescape"))
    except UnsupportedFamily:
        return UNSUPPORTED_FAMILY
    except ValueError:
        return replies.SYNTAX_ERROR
    if wanted == "ALL":
        connection.channel.forget()
        connection.session.happened(Happening.ONLY_EPSV_ASKED)
        return reply(200, "Only EPSV from now on.")
    if wanted != family:
        return reply(522, f"Network protocol not supported, use ({family})")
    return _extended_passive(_listen(connection))


def _target(connection: Connection, address: IPv4Address | IPv6Address, port: int) -> Reply:
    # Data goes to the client itself only, or a server would attack others for it (RFC 2577, section 3).
    if str(unmap(address)) != connection.client_host or port < LOWEST_ACTIVE_PORT:
        return replies.NOT_FOR_PARAMETER
    connection.channel.connect_to(connection.client_host, port)
    connection.session.happened(Happening.PORT_AGREED)
    return replies.OKAY


@command("PORT", argument=Argument.OCTETS, help="<SP> h1,h2,h3,h4,p1,p2")
@ConnectionConditions(ConnectionConditions.login_required)
async def port(connection: Connection, text: bytes) -> Reply:
    """Name the port of the client for the next data connection, IPv4."""
    if connection.session.only_epsv:
        return ONLY_EPSV
    _forget(connection)
    try:
        return _target(connection, *parse_port(text))
    except ValueError:
        return replies.SYNTAX_ERROR


@command("EPRT", argument=Argument.OCTETS, help="<SP> |family|address|port|", features=("EPRT",))
@ConnectionConditions(ConnectionConditions.login_required)
async def eprt(connection: Connection, text: bytes) -> Reply:
    """Name the port of the client for the next data connection, IPv4 or IPv6."""
    if connection.session.only_epsv:
        return ONLY_EPSV
    _forget(connection)
    try:
        return _target(connection, *parse_eprt(text))
    except UnsupportedFamily:
        return UNSUPPORTED_FAMILY
    except ValueError:
        return replies.SYNTAX_ERROR


COMMANDS = (pasv, epsv, port, eprt)
