# -*- test-case-name: tests.test_shaping -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Line ends: LF in files, CRLF on the network in TYPE A (RFC 959, section 3.1.1.1).
"""

from __future__ import annotations

import re

__all__ = ["FromNetwork", "ToNetwork"]

_BARE_LF = re.compile(rb"(?<!\r)\n")


class ToNetwork:
    """Gives each line CRLF; an end that is CRLF already stays as it is, also where a piece ends between the two."""

    def __init__(self) -> None:
        self._after_return = False

    def convert(self, data: bytes) -> bytes:
        """Return the next piece as it goes over the network."""
        if not data:
            return data
        follows = self._after_return and data[:1] == b"\n"
        self._after_return = data[-1:] == b"\r"
        if follows:
            return b"\n" + _BARE_LF.sub(b"\r\n", data[1:])
        return _BARE_LF.sub(b"\r\n", data)


class FromNetwork:
    """Turns CRLF into LF; a CR alone and an LF alone stay."""

    def __init__(self) -> None:
        self._held = b""

    def convert(self, data: bytes) -> bytes:
        """Return the next piece as it goes into the file; a CR at the end is held back until more is known."""
        data = self._held + data
        self._held = b"\r" if data[-1:] == b"\r" else b""
        if self._held:
            data = data[:-1]
        return data.replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        """Return what is left at the end: a CR that nothing followed."""
        held, self._held = self._held, b""
        return held
