# -*- test-case-name: tests.test_config_units -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How sizes, times, ports and masks are written in the configuration file.

Each function takes what TOML gave and returns what :class:`~ftpserver.server.Server` takes, or raises ValueError; its
text, if any, says more than that the value is of another kind.
"""

from __future__ import annotations

import math
import re

__all__ = ["duration", "mask", "ports", "size"]

#: Largest size and rate: what a signed offset of a file can hold.
MAXIMUM_SIZE = 2**63 - 1

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_OCTETS = {
    "": 1,
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
_MASK = re.compile(r"(?:0o)?([0-7]{1,4})")


def duration(value: object) -> float:
    """
    Return seconds, from a number or a text such as ``"90s"``, ``"15m"``, ``"2h"``, ``"1d"``.

    :raises ValueError: on anything else, and on what is negative or not finite.
    """
    seconds = _quantity(value, _SECONDS)
    if not 0 <= seconds < math.inf:
        raise ValueError("nobody can wait so long")
    return seconds


def size(value: object) -> int:
    """
    Return octets, from a whole number or a text such as ``"500k"``, ``"10M"`` (powers of 1,000), ``"4MiB"`` (of 1,024).

    :raises ValueError: on anything else, on zero and on what is negative.
    """
    if isinstance(value, float):
        raise ValueError
    octets = int(_quantity(value, _OCTETS))
    if not 1 <= octets <= MAXIMUM_SIZE:
        raise ValueError(f"it is out of range, which is 1 to {MAXIMUM_SIZE}")
    return octets


def _quantity(value: object, units: dict[str, int]) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    number, unit = match.groups()
    if unit.lower() not in units:
        raise ValueError(f"unknown unit {unit}")
    factor = units[unit.lower()]
    return float(number) * factor if "." in number else int(number) * factor


def ports(value: object) -> tuple[int, ...]:
    """
    Return port numbers, from ``"20000-20999"``, ``"20000-20100,21000"``, one number or a list of numbers.

    :raises ValueError: on anything else, and on what is no port.
    """
    numbers: set[int] = set()
    for part in _parts(value):
        first, last = _ends(part)
        if not 1 <= first <= last <= 65535:
            raise ValueError(f"{part} is not a range of ports")
        numbers.update(range(first, last + 1))
    if not numbers:
        raise ValueError("no port at all")
    return tuple(sorted(numbers))


def _parts(value: object) -> list[object]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return list(value) if isinstance(value, list) else [value]


def _ends(part: object) -> tuple[int, int]:
    if isinstance(part, int) and not isinstance(part, bool):
        return part, part
    match = re.fullmatch(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?", part) if isinstance(part, str) else None
    if match is None:
        raise ValueError(f"{part!r} is neither a port nor a range of ports")
    return int(match[1]), int(match[2] or match[1])


def mask(value: object) -> int:
    """
    Return a file creation mask, from octal digits in quotes such as ``"022"``.

    A number without quotes is refused: TOML reads it as decimal, and nobody means that.

    :raises ValueError: on anything else, and above 0777.
    """
    match = _MASK.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1], 8) > 0o777:
        raise ValueError
    return int(match[1], 8)
