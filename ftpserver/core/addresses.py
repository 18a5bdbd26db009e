# -*- test-case-name: tests.test_addresses -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The addresses in PORT, PASV, EPRT and EPSV (RFC 959, section 4.1.2; RFC 2428).
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from .wire import parse_decimal

__all__ = [
    "MalformedAddress",
    "UnsupportedFamily",
    "format_epsv",
    "format_pasv",
    "host_address",
    "normalise_host",
    "parse_eprt",
    "parse_epsv",
    "parse_port",
    "unmap",
]

Address = IPv4Address | IPv6Address


class MalformedAddress(ValueError):
    """Not an address as the command takes it; answered with 501."""


class UnsupportedFamily(ValueError):
    """A network protocol other than 1 and 2; answered with 522 (RFC 2428, section 2)."""


_PORT = re.compile(rb"\d{1,3}(,\d{1,3}){5}\Z")


def parse_port(argument: bytes) -> tuple[IPv4Address, int]:
    """
    Return address and port of ``h1,h2,h3,h4,p1,p2``.

    :raises MalformedAddress: unless there are six numbers from 0 to 255 and a port other than 0.
    """
    if not _PORT.match(argument):
        raise MalformedAddress("six numbers with commas between")
    numbers = [int(number) for number in argument.split(b",")]
    port = numbers[4] * 256 + numbers[5]
    if max(numbers) > 255 or not port:
        raise MalformedAddress("numbers from 0 to 255, and a port")
    return IPv4Address(bytes(numbers[:4])), port


def format_pasv(address: IPv4Address, port: int) -> str:
    """Return ``(h1,h2,h3,h4,p1,p2)`` for the 227 reply."""
    return f"({','.join(str(address).split('.'))},{port >> 8},{port & 255})"


def parse_eprt(argument: bytes) -> tuple[Address, int]:
    """
    Return address and port of ``|1|132.235.1.2|6275|``, with any delimiter from 33 to 126.

    :raises UnsupportedFamily: for a protocol other than 1 (IPv4) and 2 (IPv6).
    :raises MalformedAddress: for anything else that is wrong; a scope (``%eth0``) is, too.
    """
    delimiter = argument[:1]
    if not (delimiter and 33 <= delimiter[0] <= 126):
        raise MalformedAddress("a delimiter first")
    fields = argument.split(delimiter)
    if len(fields) != 5 or fields[4]:
        raise MalformedAddress("three fields, each followed by the delimiter")
    family = _number(fields[1], 2**16)
    if family not in (1, 2):
        raise UnsupportedFamily(f"network protocol {family}")
    port = _number(fields[3], 65535)
    address = _address(fields[2])
    if not port or address.version != (4 if family == 1 else 6):
        raise MalformedAddress("an address of the family given, and a port")
    return address, port


def _number(text: bytes, maximum: int) -> int:
    try:
        return parse_decimal(text, maximum)
    except ValueError as error:
        raise MalformedAddress(str(error)) from error


def _address(text: bytes) -> Address:
    if b"%" in text:
        raise MalformedAddress("an address without a scope")
    try:
        return ip_address(text.decode("ascii"))
    except ValueError as error:
        raise MalformedAddress(str(error)) from error


def format_epsv(port: int) -> str:
    """Return ``(|||port|)`` for the 229 reply."""
    return f"(|||{port}|)"


def parse_epsv(argument: bytes) -> Literal[1, 2, "ALL"]:
    """
    Return what EPSV asks for.

    :raises UnsupportedFamily: for a protocol other than 1 and 2.
    :raises MalformedAddress: for anything but a number and ``ALL``.
    """
    if argument.upper() == b"ALL":
        return "ALL"
    family = _number(argument, 2**16)
    if family == 1:
        return 1
    if family == 2:
        return 2
    raise UnsupportedFamily(f"network protocol {family}")


def unmap(address: Address) -> Address:
    """Return an IPv4-mapped IPv6 address as the IPv4 address that it stands for, any other unchanged."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


# Clients come again, and all of them to the same addresses; reading one takes as long as a short command.
@lru_cache(maxsize=1024)
def host_address(text: str) -> Address | None:
    """Return the address of a host, mapped ones as IPv4 and without a scope; ``None`` for what is no address."""
    try:
        return unmap(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def normalise_host(text: str) -> str:
    """
    Return the one spelling of an address: mapped ones as IPv4, no scope; what is no address stays as it is.

    Limits, checks of the peer and log lines compare these texts.
    """
    address = host_address(text)
    return text if address is None else str(address)
