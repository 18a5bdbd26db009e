# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Every verb of a server, taken from its own table of commands, so that a new command is attacked as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftpserver.commands.arguments import Context
from ftpserver.commands.registry import Command, ConnectionConditions, Direction
from ftpserver.core.paths import ROOT, resolve

from ..integration.client import Client, ConnectionClosed, DataConnection, Reply

__all__ = ["Attempt", "Attempts", "paths_of", "verbs_of"]

#: What may stand between a verb and its path: nothing, a time or a mode.
_BEFORE_PATH = (b"", b"20200101000000 ", b"600 ")

#: Verbs behind which a session is another one.
_ENDS = frozenset({"USER", "PASS", "REIN", "QUIT", "AUTH", "CCC", "ABOR"})

#: What an attempt uploads.
MARK = b"written by an attacker\n"


def verbs_of(table: Mapping[str, Command]) -> dict[str, bytes]:
    """Return every verb behind which a session stays what it is, with what stands between it and the path."""
    return {verb: _before_path(row) or b"" for verb, row in table.items() if verb not in _ENDS}


def paths_of(table: Mapping[str, Command]) -> dict[str, bytes]:
    """Return the verbs that take a path, with what stands between them and the path."""
    found = {verb: _before_path(row) for verb, row in table.items()}
    return {verb: before for verb, before in found.items() if before is not None}


def _before_path(row: Command) -> bytes | None:
    for before in _BEFORE_PATH:
        if before and ("YYYY" in row.help) != (len(before) > len(b"600 ")):
            # The form of the argument alone does not tell one word from another.
            continue
        try:
            path = row.argument.parse(before + b"a/path", Context(ROOT)).path
        except ValueError:
            continue
        if path == resolve("/a/path"):
            return before
    return None


@dataclass(frozen=True)
class Attempt:
    """
    What came of one command.

    :ivar reply: the final one.
    :ivar octets: all that came over the data connection.
    """

    line: bytes
    reply: Reply
    octets: bytes

    @property
    def succeeded(self) -> bool:
        """Whether the command did what it was asked."""
        return self.reply.code < 400

    def __str__(self) -> str:
        return f"{self.line[:200]!r}: {self.reply.raw[:200]!r}"


class Attempts:
    """
    Tries commands in one session, whatever they need before and behind.

    :param client: has logged in.
    :param table: the commands of the server.
    :param source: a file of the account that is named by RNFR before each RNTO.
    """

    def __init__(self, client: Client, table: Mapping[str, Command], source: str) -> None:
        self.client = client
        self._table = table
        self._source = source
        self._data: DataConnection | None = None

    async def __call__(self, verb: str, argument: bytes) -> Attempt:
        """Send the command, move the data that it moves, and return what came of it."""
        row = self._table[verb]
        line = verb.encode() + b" " + argument
        if ConnectionConditions.rename_from_required in row.conditions:
            await self.client.command(f"RNFR {self._source}", 350)
        if row.data is not None and (self._data is None or self._data.has_ended):
            self._data = await self.client.passive()
        try:
            reply = await self.client.command(line)
        except ConnectionClosed as error:
            raise AssertionError(f"{line[:200]!r} ended the session: {error}") from error
        if reply.code >= 200 or row.data is None:
            return Attempt(line, reply, b"")
        return Attempt(line, *await self._move(row))

    async def _move(self, row: Command) -> tuple[Reply, bytes]:
        assert self._data is not None
        data, self._data = self._data, None
        if row.data is Direction.FROM_CLIENT:
            await data.upload(MARK)
        octets = await data.everything()
        return await self.client.reply(), octets
