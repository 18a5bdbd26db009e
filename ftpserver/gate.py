# -*- test-case-name: tests.test_gate -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Who may connect: networks, rates and bans, asked before anything is made for a client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from .core import replies
from .core.bans import Ban, BanLedger, BanPolicy, Offence
from .core.events import BanEnded, Banned, ConnectionRefused, Event, ForeignProtocol, LoginFailed, MoreRefused
from .core.networks import EVERYBODY, THIS_MACHINE, Networks, source_of
from .core.rates import ArrivalRate, ArrivalRates
from .core.replies import encode
from .interfaces import IObserver
from .observers.publisher import Publisher
from .timer import Timer

__all__ = ["Gate", "GuardedFactory", "Refusals", "TurnedAway"]

#: Connections of a ban that are told why they are turned away, for people who wonder; the rest are closed in silence,
#: which costs a tenth.
EXPLANATIONS = 3

#: Refusals that are published one by one at once, and seconds for each further one: a flood fills no log.
REFUSALS_AT_ONCE = 20
REFUSAL_INTERVAL = 10.0

#: Seconds until those that were not are told by their number.
REFUSALS_TOLD = 60.0


class Refusals:
    """
    Tells of clients that are turned away, at a bounded rate.

    :param reactor: whose clock counts.
    :param publisher: tells the observers.
    """

    def __init__(self, reactor: Any, publisher: Publisher) -> None:
        self._reactor = reactor
        self._publisher = publisher
        self._rate = ArrivalRate(REFUSAL_INTERVAL, REFUSALS_AT_ONCE)
        self._untold = 0
        self._timer = Timer(reactor, self.tell_rest)

    def tell(self, peer: str, reason: str) -> None:
        """Tell of one, or count it."""
        if self._rate.admits(self._reactor.seconds()):
            self._publisher.publish(ConnectionRefused(time=time.time(), peer=peer, reason=reason))
            return
        self._untold += 1
        if not self._timer.is_set:
            self._timer.set(REFUSALS_TOLD)

    def tell_rest(self) -> None:
        """Tell of those that were only counted, now."""
        self._timer.stop()
        untold, self._untold = self._untold, 0
        if untold:
            self._publisher.publish(MoreRefused(time=time.time(), count=untold))


@implementer(IObserver)
class Gate:
    """
    Knows who may connect, and hears what clients do.

    Who is asked about is the address that the caller believes: that of the socket, or what a trusted proxy has said.

    :param reactor: whose clock counts.
    :param publisher: tells the observers; where there can be bans, this becomes one of them.
    :param allowed: networks that may connect.
    :param denied: networks that may not; the most specific network that an address lies in decides.
    :param trusted: networks that are neither banned nor held to a rate.
    :param per_minute: connections of each address, as many of them at once; ``None`` is without a bound.
    :param bans: when addresses are banned; ``None`` is never.
    :raises ValueError: on what is no network, and on no connection in a minute.
    :ivar refusals: tells of those that are turned away.
    """

    def __init__(
        self,
        reactor: Any,
        publisher: Publisher,
        *,
        allowed: Iterable[str] = EVERYBODY,
        denied: Iterable[str] = (),
        trusted: Iterable[str] = THIS_MACHINE,
        per_minute: int | None = None,
        bans: BanPolicy | None = None,
    ) -> None:
        if per_minute is not None and per_minute < 1:
            raise ValueError(f"connections in a minute: {per_minute!r} would let nobody in")
        self._reactor = reactor
        self._publisher = publisher
        self.refusals = Refusals(reactor, publisher)
        self._admitted = Networks(allowed, denied)
        self._trusted = Networks(trusted)
        self._rates = None if per_minute is None else ArrivalRates(60 / per_minute, per_minute)
        self._ledger = None if bans is None else BanLedger(bans)
        self._timer = Timer(reactor, self._end_bans)
        #: Called with the source of everybody who is banned, and again when they fail once more.
        self.on_ban: Callable[[str], object] = lambda _source: None
        if bans is not None:
            publisher.add(self)

    def refuses_arrival(self, host: str) -> bool:
        """Tell whether a connection that comes from *host* now is to be turned away; it counts for the rate."""
        source = source_of(host)
        if source is None:
            return False
        if host not in self._admitted:
            self.refusals.tell(host, "its network is not allowed")
            return True
        if host in self._trusted:
            return False
        if self._refusing_ban(source) is not None:
            return True
        if self._rates is not None and not self._rates.admits(source, self._reactor.seconds()):
            self.refusals.tell(host, "too many connections in a minute")
            return True
        return False

    def refuses(self, host: str) -> bool:
        """Tell whether *host* is denied or banned."""
        source = source_of(host)
        if source is None:
            return False
        return host not in self._admitted or (host not in self._trusted and self._ban_of(source) is not None)

    def explains(self, host: str) -> bool:
        """Tell whether a client that was turned away is to hear why."""
        source = source_of(host)
        ban = None if source is None else self._ban_of(source)
        return ban is not None and ban.refused <= EXPLANATIONS

    def _ban_of(self, source: str) -> Ban | None:
        return None if self._ledger is None else self._ledger.find(source, self._reactor.seconds())

    def _refusing_ban(self, source: str) -> Ban | None:
        ban = self._ban_of(source)
        if ban is not None:
            ban.refused += 1
        return ban

    # What clients do.

    def __call__(self, event: Event) -> None:
        """Count what brings a ban."""
        if isinstance(event, LoginFailed):
            if event.guessed:
                self._strike(event.peer, Offence.FAILED_LOGIN)
        elif isinstance(event, ForeignProtocol):
            self._strike(event.peer, Offence.FOREIGN_PROTOCOL)

    def _strike(self, host: str, offence: Offence) -> None:
        source, now = source_of(host), self._reactor.seconds()
        if self._ledger is None or source is None or host in self._trusted:
            return
        ban = self._ledger.strike(source, offence, now)
        if ban is not None:
            self._set_timer()
            seconds = ban.until - ban.since
            self._publisher.publish(Banned(time=time.time(), source=source, reason=ban.reason, seconds=seconds))
        if self._ledger.find(source, now) is not None:
            self.on_ban(source)

    # The end of bans.

    @property
    def bans(self) -> list[Ban]:
        """Every ban that holds now."""
        return [] if self._ledger is None else self._ledger.active(self._reactor.seconds())

    def lift(self, name: str) -> bool:
        """
        End a ban before its time.

        :param name: an address, or a network as :attr:`bans` name it.
        :returns: whether it was banned.
        """
        ban = None if self._ledger is None else self._ledger.lift(name)
        if ban is None:
            return False
        self._tell_end(ban)
        self._set_timer()
        return True

    def _tell_end(self, ban: Ban) -> None:
        self._publisher.publish(BanEnded(time=time.time(), source=ban.source, refused=ban.refused))

    def _end_bans(self) -> None:
        assert self._ledger is not None
        for ban in self._ledger.take_ended(self._reactor.seconds()):
            self._tell_end(ban)
        self._set_timer()

    def _set_timer(self) -> None:
        end = None if self._ledger is None else self._ledger.next_end
        self._timer.set(None if end is None else max(0.0, end - self._reactor.seconds()))

    def start(self) -> None:
        """Tell from now on when bans end."""
        self._set_timer()

    def stop(self) -> None:
        """Leave no timer behind; bans hold all the same."""
        self._timer.stop()
        self.refusals.tell_rest()


class TurnedAway(Protocol):
    """Says why, and hangs up."""

    transport: Any

    def connectionMade(self) -> None:
        """Say it."""
        self.transport.write(encode(replies.BANNED))
        self.transport.loseConnection()


class GuardedFactory(Factory):
    """
    Makes the protocol of each client that the gate lets in; the others cost an accept() and a close().

    :param factory: makes those protocols.
    :param gate: is asked.
    :param speaks: whether clients understand what is said at once, which they do not where TLS begins at once.
    """

    noisy = False

    def __init__(self, factory: Factory, gate: Gate, *, speaks: bool) -> None:
        self._factory = factory
        self._gate = gate
        self._speaks = speaks

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return the protocol of a client that has just connected, or ``None`` to close the connection."""
        host = str(getattr(addr, "host", None) or "")
        if not self._gate.refuses_arrival(host):
            return self._factory.buildProtocol(addr)
        return TurnedAway() if self._speaks and self._gate.explains(host) else None
