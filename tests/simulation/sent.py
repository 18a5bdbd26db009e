# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a client sends of a file, and what it does in the middle of it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import Client

__all__ = ["Behaviour", "Sent", "content"]


class Behaviour(enum.Enum):
    """What a client does in the middle of a transfer."""

    FINISHES = "finishes"
    STOPS_SHORT = "stops short"
    RESETS = "resets the data connection"
    ABORTS = "says ABOR"
    STALLS = "stalls"
    GOES = "goes"
    IS_RESET = "goes by reset"
    ASKS = "asks meanwhile"
    NEVER_CONNECTS = "never connects"


def content(client: Client, size: int, *, text: bool) -> bytes:
    """Return octets that no other upload has."""
    octets = client.random.randbytes(size)
    if not text:
        return octets
    lines = octets.hex()[:size]
    # A CR alone stays one, also where the file ends with it.
    return "\n".join(lines[at : at + 50] for at in range(0, size, 51)).encode() + client.random.choice((b"", b"\r"))


class Sent:
    """
    What a client has sent of a file.

    :ivar amount: octets that were handed to the connection.
    :ivar is_finished: whether the client has said that this is all.
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.amount = 0
        self.is_finished = False

    def on_the_wire(self, *, text: bool) -> bytes:
        """Return the octets as they go over the network."""
        return self._octets.replace(b"\n", b"\r\n") if text else self._octets

    def stored(self, *, text: bool) -> bytes:
        """Return what the file has of them when all that was sent has come."""
        if not text:
            return self._octets[: self.amount]
        return self.on_the_wire(text=True)[: self.amount].replace(b"\r\n", b"\n")
