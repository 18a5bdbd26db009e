# -*- test-case-name: tests.test_bans -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Who is banned, for what, and for how long.

Nothing here waits or reads a clock. What is kept of a client has a bound, and so has the number of clients of whom
something is kept: beyond it, what was heard longest ago is forgotten.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from .networks import network, source_of

__all__ = ["Ban", "BanLedger", "BanPolicy", "Offence"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: Clients of whom offences are remembered at a time, at about half a kilobyte each. An address gets here by a
#: connection and a failed login; more of them at a time are a botnet, which no ban of single addresses stops.
MAXIMUM_SUSPECTS = 10_000

#: Bans at a time, and bans that are remembered to make the next one longer.
MAXIMUM_BANS = 10_000

#: Most offences that a policy can wait for: each of them is remembered.
MAXIMUM_OFFENCES = 1000


class Offence(enum.Enum):
    """What clients are banned for; the value is the name of one in a log, to which an s is added for more."""

    FAILED_LOGIN = "failed login"
    #: HTTP, TLS, SMTP or SSH where FTP is spoken.
    FOREIGN_PROTOCOL = "foreign protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class BanPolicy:
    """
    When addresses are banned, and for how long: ``Server(bans=BanPolicy())``.

    IPv6 addresses are counted and banned by their /64 network.

    :ivar failed_logins: wrong names and passwords within *within* that bring a ban; ``None`` is never.
    :ivar foreign_protocols: connections within *within* that speak HTTP, TLS, SMTP or SSH where FTP is spoken, and
        bring a ban; ``None`` is never.
    :ivar within: seconds.
    :ivar duration: seconds of a first ban; each further one takes twice as long as the one before.
    :ivar maximum_duration: seconds of the longest ban, unless *duration* is longer; and after so many seconds without
        one, the next is a first one again.
    :raises ValueError: on a value that cannot be.
    """

    failed_logins: int | None = 10
    foreign_protocols: int | None = 5
    within: float = 600.0
    duration: float = 600.0
    maximum_duration: float = 86400.0

    def __post_init__(self) -> None:
        for name in ("failed_logins", "foreign_protocols"):
            number = getattr(self, name)
            if number is not None and not 1 <= number <= MAXIMUM_OFFENCES:
                raise ValueError(f"{name}: {number!r} is not from 1 to {MAXIMUM_OFFENCES}")
        for name in ("within", "duration", "maximum_duration"):
            seconds = getattr(self, name)
            if not 0 < seconds < float("inf"):
                raise ValueError(f"{name}: {seconds!r} is no positive number of seconds")

    def bound(self, offence: Offence) -> int | None:
        """Return how many offences of that kind bring a ban."""
        return self.failed_logins if offence is Offence.FAILED_LOGIN else self.foreign_protocols


@dataclass(slots=True)
class Ban:
    """
    One ban.

    :ivar source: the address, or the /64 network of IPv6 addresses.
    :ivar since: when it began, in seconds of the clock that the ledger is told.
    :ivar until: when it ends.
    :ivar reason: in words, for the log.
    :ivar refused: connections that it has turned away.
    """

    source: str
    since: float
    until: float
    reason: str
    refused: int = 0


@dataclass(slots=True)
class _Record:
    """What is remembered of a ban that may be over."""

    seconds: float
    until: float


@dataclass(slots=True)
class BanLedger:
    """
    The offences that count still, the bans that hold, and those that make the next one longer.

    :ivar policy: when to ban.
    :ivar maximum_suspects: see :data:`MAXIMUM_SUSPECTS`.
    :ivar maximum_bans: see :data:`MAXIMUM_BANS`.
    """

    policy: BanPolicy
    maximum_suspects: int = MAXIMUM_SUSPECTS
    maximum_bans: int = MAXIMUM_BANS
    # In all three, those that were heard of last are last.
    _offences: dict[tuple[str, Offence], list[float]] = field(default_factory=dict)
    _bans: dict[str, Ban] = field(default_factory=dict)
    _records: dict[str, _Record] = field(default_factory=dict)

    @property
    def suspects(self) -> int:
        """How many clients have offences of a kind that are remembered, once for each kind."""
        return len(self._offences)

    @property
    def records(self) -> int:
        """How many clients have bans that are remembered."""
        return len(self._records)

    def strike(self, source: str, offence: Offence, now: float) -> Ban | None:
        """
        Count an offence.

        :param source: as :func:`~ftpserver.core.networks.source_of` returns it.
        :returns: the ban that it brings; ``None`` if it brings none, or one holds already.
        """
        bound = self.policy.bound(offence)
        if bound is None or self.find(source, now) is not None:
            return None
        self._forget(now)
        key = source, offence
        times = [time for time in self._offences.pop(key, ()) if now - self.policy.within < time <= now]
        times.append(now)
        if len(times) >= bound:
            return self._ban(source, f"{len(times)} {offence.value}{'s' if bound > 1 else ''}", now)
        self._offences[key] = times
        _shorten(self._offences, self.maximum_suspects)
        return None

    def _forget(self, now: float) -> None:
        # Two for each that comes, so that those that count no more become fewer and nobody waits for it.
        for _ in range(2):
            first = next(iter(self._offences), None)
            if first is None or now < self._offences[first][-1] + self.policy.within:
                break
            del self._offences[first]

    def _ban(self, source: str, reason: str, now: float) -> Ban:
        for offence in Offence:
            self._offences.pop((source, offence), None)
        self._bans.pop(source, None)
        seconds, record = self.policy.duration, self._records.pop(source, None)
        if record is not None and now < record.until + self.policy.maximum_duration:
            seconds = max(seconds, min(2 * record.seconds, self.policy.maximum_duration))
        ban = self._bans[source] = Ban(source, now, now + seconds, reason)
        self._records[source] = _Record(seconds, ban.until)
        _shorten(self._bans, self.maximum_bans)
        _shorten(self._records, self.maximum_bans)
        return ban

    def find(self, source: str, now: float) -> Ban | None:
        """Return the ban of *source* that holds now."""
        ban = self._bans.get(source)
        return ban if ban is not None and now < ban.until else None

    def active(self, now: float) -> list[Ban]:
        """Return every ban that holds now, the oldest first."""
        return [ban for ban in self._bans.values() if now < ban.until]

    @property
    def next_end(self) -> float | None:
        """When the next ban ends; ``None`` if there is none."""
        return min((ban.until for ban in self._bans.values()), default=None)

    def take_ended(self, now: float) -> list[Ban]:
        """Forget the bans that are over, and return them."""
        ended = [ban for ban in self._bans.values() if now >= ban.until]
        for ban in ended:
            del self._bans[ban.source]
        return ended

    def lift(self, name: str) -> Ban | None:
        """
        End a ban before its time, and forget what it was for: the next one is a first one.

        :param name: an address that is banned, or its network.
        :returns: the ban; ``None`` if there was none.
        """
        source = _source_named(name)
        self._records.pop(source, None)
        return self._bans.pop(source, None)


def _source_named(name: str) -> str:
    try:
        return source_of(str(network(name).network_address)) or name
    except ValueError:
        return source_of(name) or name


def _shorten(table: dict[Key, Value], maximum: int) -> None:
    if len(table) > maximum:
        del table[next(iter(table))]
