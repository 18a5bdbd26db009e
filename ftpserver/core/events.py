# -*- test-case-name: tests.test_events -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Everything that happens, as frozen values.

The server publishes these to its observers in the order in which they happened; none holds a password.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = [
    "AttributesChanged",
    "BanEnded",
    "Banned",
    "Connected",
    "ConnectionRefused",
    "Deleted",
    "DirectoryMade",
    "DirectoryRemoved",
    "Disconnected",
    "Event",
    "ForeignProtocol",
    "Listed",
    "LoggedIn",
    "LoggedOut",
    "LoginFailed",
    "MoreRefused",
    "Outcome",
    "Renamed",
    "Retrieved",
    "Secured",
    "SessionEvent",
    "Stored",
    "TransferEvent",
]


class Outcome(enum.Enum):
    """How a transfer ended."""

    COMPLETE = "complete"
    #: An upload was cut, and what had come is kept under the name.
    PARTIAL = "partial"
    #: ABOR, or the session ended.
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    Something that happened.

    :ivar time: seconds since the epoch.
    """

    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRefused(Event):
    """
    A client was turned away at once.

    :ivar peer: its address.
    :ivar reason: in words, for the log.
    """

    peer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreRefused(Event):
    """
    Clients were turned away of whom nothing was said one by one, because they were too many.

    :ivar count: how many.
    """

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Banned(Event):
    """
    Clients of an address are turned away for a while.

    :ivar source: the address, or the /64 network of an IPv6 address.
    :ivar reason: in words, for the log.
    :ivar seconds: how long.
    """

    source: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BanEnded(Event):
    """
    A ban is over.

    :ivar source: as in :class:`Banned`.
    :ivar refused: how many connections it has turned away.
    """

    source: str
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    """
    Something that happened in one session.

    :ivar session: identifier that no other session of this process has.
    :ivar sequence: position among the events of the session, from 1.
    :ivar peer: address of the client.
    :ivar user: login; empty before one.
    """

    session: str
    sequence: int
    peer: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(SessionEvent):
    """A client connected."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured(SessionEvent):
    """
    The control connection runs under TLS now.

    :ivar version: of TLS, as ``TLSv1.3``.
    """

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected(SessionEvent):
    """
    A session ended.

    :ivar reason: in words, for the log.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignProtocol(SessionEvent):
    """
    A client spoke another protocol than FTP, and was cut off.

    :ivar protocol: its name.
    """

    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(SessionEvent):
    """A login succeeded; the account takes a connection from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed(SessionEvent):
    """
    A login failed; :attr:`user` is the name that was tried.

    :ivar reason: in words, for the log.
    :ivar guessed: whether name or password was wrong; if not, the account cannot log in just now.
    """

    reason: str
    guessed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut(SessionEvent):
    """A login ended, by QUIT, REIN, USER or the end of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent(SessionEvent):
    """
    A transfer ended.

    :ivar command: verb of the command.
    :ivar path: virtual path.
    :ivar bytes: octets moved over the data connection.
    :ivar seconds: from the mark (150) to the final reply.
    :ivar outcome: how it ended.
    :ivar code: of the final reply.
    :ivar unclosed: whether an upload under TLS ended without close_notify and was taken for whole by the configuration.
    """

    command: str
    path: str
    bytes: int
    seconds: float
    outcome: Outcome
    code: int
    unclosed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(TransferEvent):
    """An upload ended (STOR, APPE, STOU)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved(TransferEvent):
    """A download ended (RETR)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(TransferEvent):
    """A listing over the data connection ended (LIST, NLST, MLSD)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(SessionEvent):
    """A file was deleted."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(SessionEvent):
    """A file or directory was renamed."""

    path: str
    new_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryMade(SessionEvent):
    """A directory was made."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRemoved(SessionEvent):
    """A directory was removed."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributesChanged(SessionEvent):
    """
    The time or the mode of a file was changed.

    :ivar change: what was set, as ``modify=20260102030405`` or ``UNIX.mode=0644``.
    """

    path: str
    change: str
