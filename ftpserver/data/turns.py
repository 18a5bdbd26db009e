# -*- test-case-name: tests.test_turns -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Turns for transfers: all that wait for a socket do so together, and none keeps the others or the sessions waiting.
"""

from __future__ import annotations

import enum
import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import ServerBusy
from .system import System

__all__ = ["Need", "Turns"]

#: Seconds in which transfers move data before the sessions are looked at again. With 40 transfers it brings the wait
#: of a NOOP from 207 to 35 ms (99th percentile), at the same speed.
SECONDS_PER_TURN = 0.002


class Need(enum.Enum):
    """What a transfer needs before it can go on."""

    #: Another turn: it can go on at once.
    TURN = "a turn"
    #: A turn when its socket is ready.
    SOCKET = "the socket"
    #: Another turn, which the socket does not tell of: what it needs has come already.
    MORE = "more of the same"
    #: That time passes, for a speed limit.
    TIME = "time"
    #: A piece of a file that has to be read from the disk.
    STORAGE = "the storage"
    #: Another way: this one does not go here.
    OTHERWISE = "another way"
    #: Nothing: its end is reached.
    NOTHING = "nothing"


#: Goes on with a transfer, and tells what it needs next.
Visit = Callable[[], Need]

_IN_TURNS = (Need.TURN, Need.SOCKET)


@implementer(IReadDescriptor)
class Turns:
    """
    Visits the transfers whose sockets are ready, one after another.

    :param reactor: provides IReactorFDSet and IReactorTime; it sees one descriptor whatever the number of transfers.
    """

    def __init__(self, reactor: Any, system: System) -> None:
        self._reactor = reactor
        self._system = system
        self._poller: select.epoll | None = None
        self._waiting: dict[int, tuple[Visit, Deferred[Need]]] = {}

    def join(self, handle: socket.socket, visit: Visit, *, writes: bool) -> Deferred[Need]:
        """
        Visit a transfer whenever its socket is ready, until it needs something else.

        :param visit: goes on with it.
        :param writes: whether it waits for room rather than for input.
        :returns: a Deferred of what it needs then; cancelling it ends the visits.
        :raises ServerBusy: where the system lets no more be waited for.
        """
        number = handle.fileno()
        deferred: Deferred[Need] = Deferred(lambda _deferred: self._leave(number))
        try:
            if self._poller is None:
                self._poller = self._system.poller()
            self._poller.register(number, select.EPOLLOUT if writes else select.EPOLLIN)
        except OSError as error:
            # Descriptors have a bound, and so have those that all processes of one user may wait for (epoll(7)).
            raise ServerBusy(str(error)) from error
        if not self._waiting:
            self._reactor.addReader(self)
        self._waiting[number] = visit, deferred
        return deferred

    def _leave(self, number: int) -> None:
        assert self._poller is not None
        self._poller.unregister(number)
        del self._waiting[number]
        if not self._waiting:
            self._reactor.removeReader(self)

    def close(self) -> None:
        """Let go of the descriptor; a later :meth:`join` makes another."""
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.close()

    # What Twisted calls.

    def fileno(self) -> int:
        """Return the descriptor that is ready when one of the sockets is."""
        return -1 if self._poller is None else self._poller.fileno()

    def logPrefix(self) -> str:
        """Return the name of this kind of descriptor."""
        return "FTP transfers"

    def connectionLost(self, reason: Failure) -> None:
        """Hear that the reactor gives the descriptor up."""

    def doRead(self) -> None:
        """Visit transfers until none is ready or the time is over."""
        ends = self._reactor.seconds() + SECONDS_PER_TURN
        while self._waiting and self._poller is not None:
            # One at a time: the kernel puts it at the end of its list, so what there is no time for comes first in the
            # next turn; and a visit takes up to a millisecond, which of four made the wait of a NOOP 16 ms, not 6.5.
            ready = self._system.poll(self._poller, 1)
            for number, _events in ready:
                self._visit(number)
            if not ready or self._reactor.seconds() >= ends:
                return

    def _visit(self, number: int) -> None:
        visit, deferred = self._waiting[number]
        try:
            need = visit()
        except BaseException:  # noqa: BLE001 - whatever it is, it belongs to the transfer
            self._leave(number)
            deferred.errback()
            return
        if need not in _IN_TURNS:
            self._leave(number)
            deferred.callback(need)
