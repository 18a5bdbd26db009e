# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Addresses: what PORT, EPRT and EPSV take is what is written there, and comes back.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ftpserver.core.addresses import (
    MalformedAddress,
    UnsupportedFamily,
    format_pasv,
    normalise_host,
    parse_eprt,
    parse_epsv,
    parse_port,
    unmap,
)

__all__ = ["check_address", "check_eprt", "check_epsv", "check_host", "check_port"]

_DIGITS = set(b"0123456789")


def _outcome(parse: Callable[[bytes], Any], argument: bytes) -> object:
    try:
        return parse(argument)
    except (MalformedAddress, UnsupportedFamily) as error:
        return type(error)


def _number(text: bytes, maximum: int) -> int | None:
    """Return the number that *text* is, if it is one."""
    if not text or set(text) - _DIGITS or len(text.lstrip(b"0")) > 5 or int(text) > maximum:
        return None
    return int(text)


def check_port(argument: bytes) -> None:
    """PORT takes six numbers of one octet each, and what it takes is what PASV would say."""
    fields = argument.split(b",")
    numbers = [_number(field, 255) for field in fields if len(field) <= 3]
    wanted: object = MalformedAddress
    if len(fields) == 6 and len(numbers) == 6 and None not in numbers and (numbers[4] or numbers[5]):
        octets = bytes(number or 0 for number in numbers)
        wanted = IPv4Address(octets[:4]), octets[4] * 256 + octets[5]
    answer = _outcome(parse_port, argument)
    assert answer == wanted, f"PORT {argument!r} is {answer}, not {wanted}"
    if isinstance(answer, tuple):
        shown = format_pasv(*answer)
        assert parse_port(shown.strip("()").encode()) == answer, f"{answer} is shown as {shown}"


def _ip(family: int, text: bytes) -> IPv4Address | IPv6Address | None:
    """Ask the C library what address *text* is."""
    # It takes a text up to the first NUL.
    if b"\0" in text or not text.isascii():
        return None
    try:
        packed = socket.inet_pton(socket.AF_INET if family == 1 else socket.AF_INET6, text.decode("ascii"))
    except OSError:
        return None
    return IPv4Address(packed) if family == 1 else IPv6Address(packed)


def check_eprt(argument: bytes) -> None:
    """EPRT takes what the C library takes for an address of the family, and a port."""
    wanted: object = MalformedAddress
    fields = argument.split(argument[:1]) if argument else []
    if len(fields) == 5 and 33 <= argument[0] <= 126 and not fields[0] and not fields[4]:
        family, port = _number(fields[1], 2**16), _number(fields[3], 65535)
        if family is not None and family not in (1, 2):
            wanted = UnsupportedFamily
        elif family is not None and port and (address := _ip(family, fields[2])) is not None:
            wanted = address, port
    answer = _outcome(parse_eprt, argument)
    assert answer == wanted, f"EPRT {argument!r} is {answer}, not {wanted}"


def check_epsv(argument: bytes) -> None:
    """EPSV takes ALL, 1 and 2."""
    family = _number(argument, 2**16)
    wanted: object = MalformedAddress if family is None else family if family in (1, 2) else UnsupportedFamily
    if argument.lower() == b"all":
        wanted = "ALL"
    answer = _outcome(parse_epsv, argument)
    assert answer == wanted, f"EPSV {argument!r} is {answer}, not {wanted}"


def check_host(text: str) -> None:
    """A host has one spelling, which is its own, whatever it is."""
    once = normalise_host(text)
    assert normalise_host(once) == once, f"{text!r} becomes {once!r}, and that another"


def check_address(address: IPv4Address | IPv6Address) -> None:
    """An address in whatever form has the spelling of what it stands for."""
    plain = str(unmap(address))
    assert normalise_host(str(address)) == plain, f"{address} is not {plain}"
    if isinstance(address, IPv4Address):
        assert normalise_host(f"::ffff:{address}") == plain, f"mapped {address} is not {plain}"
