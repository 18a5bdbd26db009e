# -*- test-case-name: tests.test_dialogue -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Reading replies as a client does (RFC 959, section 4.2).
"""

from __future__ import annotations

import re

from ..core.replies import Reply

__all__ = ["RepliesRead"]

_LINE = re.compile(rb"(\d{3})([ -])(.*)\Z", re.DOTALL)


class RepliesRead:
    """The replies that a client has read so far."""

    def __init__(self) -> None:
        self._replies: list[Reply] = []
        self._rest = b""
        self._open: tuple[bytes, list[str]] | None = None

    def feed(self, octets: bytes) -> list[Reply]:
        """
        Take octets from the server.

        :returns: every reply so far.
        :raises AssertionError: if they are not made of replies.
        """
        *lines, self._rest = (self._rest + octets).split(b"\r\n")
        for line in lines:
            self._line(line)
        return list(self._replies)

    def _line(self, line: bytes) -> None:
        if b"\n" in line or b"\r" in line:
            raise AssertionError(f"a reply line ends with CRLF and holds neither CR nor LF: {line!r}")
        found = _LINE.match(line)
        if self._open is not None:
            self._continue(line, found)
        elif found is None:
            raise AssertionError(f"a reply begins with three digits: {line!r}")
        elif found[2] == b"-":
            self._open = found[1], [_text(found[3])]
        else:
            self._replies.append(Reply(int(found[1]), (_text(found[3]),)))

    def _continue(self, line: bytes, found: re.Match[bytes] | None) -> None:
        assert self._open is not None
        code, texts = self._open
        if found is not None and found[1] == code and found[2] == b" ":
            self._replies.append(Reply(int(code), (*texts, _text(found[3]))))
            self._open = None
        else:
            texts.append(_text(line.removeprefix(b" ")))


def _text(octets: bytes) -> str:
    # 0xFF comes doubled, as Telnet asks.
    return octets.replace(b"\xff\xff", b"\xff").decode("utf-8", "surrogateescape")
