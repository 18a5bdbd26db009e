# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.turns.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from ftpserver.data.turns import SECONDS_PER_TURN, Need, Turns
from ftpserver.errors import ServerBusy

from .data_doubles import DataTestCase, failure

#: More transfers than are asked for at a time.
MANY = 13


class TurnsTestCase(DataTestCase):
    """Turns whose descriptor is closed after the test."""

    def setUp(self) -> None:
        """Make the subject."""
        super().setUp()
        self.subject = Turns(self.reactor, self.system)
        self.addCleanup(self.subject.close)
        self.visited: list[int] = []

    def ready(self) -> socket.socket:
        """Return a socket with something to read, which stays there."""
        ours, theirs = self.pair()
        self.addCleanup(self.system.close, ours)
        theirs.send(b"x")
        return ours

    def join(self, number: int, need: Callable[[], Need] = lambda: Need.TURN) -> Deferred[Need]:
        """Begin a transfer that is ready, notes each visit and then needs what is given."""

        def visit() -> Need:
            self.visited.append(number)
            return need()

        return self.subject.join(self.ready(), visit, writes=False)

    def time_is_over(self) -> Need:
        """Use up the time of a turn."""
        self.reactor.rightNow += SECONDS_PER_TURN
        return Need.TURN

    def leave(self, *waiting: Deferred[Need]) -> None:
        """Give transfers up."""
        for deferred in waiting:
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)


class WaitingTests(TurnsTestCase):
    """Waiting for a socket."""

    def test_the_interface(self) -> None:
        """The reactor sees one descriptor, with a name for its log."""
        verifyObject(IReadDescriptor, self.subject)
        self.assertEqual(self.subject.logPrefix(), "FTP transfers")

    def test_a_socket_that_gives(self) -> None:
        """An upload is visited once something has come, and not before."""
        ours, theirs = self.pair()
        self.addCleanup(self.system.close, ours)
        waiting = self.subject.join(ours, lambda: Need.NOTHING, writes=False)
        self.assertFalse(self.reactor.turn())
        self.assertNoResult(waiting)
        theirs.send(b"x")
        self.reactor.next_ready()
        self.assertIs(self.successResultOf(waiting), Need.NOTHING)

    def test_a_socket_that_takes(self) -> None:
        """A download is visited once its client has read."""
        ours, theirs = self.pair()
        self.addCleanup(self.system.close, ours)
        while True:
            try:
                ours.send(bytes(65536))
            except BlockingIOError:
                break
        waiting = self.subject.join(ours, lambda: Need.NOTHING, writes=True)
        self.assertFalse(self.reactor.turn())
        while not self.reactor.turn():
            theirs.recv(65536)
        self.assertIs(self.successResultOf(waiting), Need.NOTHING)

    def test_one_descriptor_for_all(self) -> None:
        """However many wait, the reactor has one descriptor, and none when nobody waits."""
        self.assertEqual(self.reactor.readers, set())
        waiting = [self.join(number) for number in range(MANY)]
        self.assertEqual(self.reactor.readers, {self.subject})
        self.leave(*waiting[1:])
        self.assertEqual(self.reactor.readers, {self.subject})
        self.leave(waiting[0])
        self.assertEqual((self.reactor.readers, self.visited), (set(), []))

    def test_an_event_that_nobody_waits_for_any_more(self) -> None:
        """To be called when nobody waits does nothing."""
        self.subject.doRead()
        self.leave(self.join(1))
        self.subject.doRead()
        self.subject.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.visited, [])

    def test_closing(self) -> None:
        """After closing there is no descriptor, and whoever joins later makes another."""
        self.assertEqual(self.subject.fileno(), -1)
        self.subject.close()
        for _ in range(2):
            waiting = self.join(1, lambda: Need.STORAGE)
            self.assertNotEqual(self.subject.fileno(), -1)
            self.reactor.next_ready()
            self.assertIs(self.successResultOf(waiting), Need.STORAGE)
            self.subject.close()
            self.assertEqual(self.subject.fileno(), -1)
        self.assertEqual(self.system.calls["poller"], 2)

    def test_out_of_descriptors(self) -> None:
        """Where the system has nothing left to wait with it is told, and nothing stays in the reactor."""
        self.system.faults["poller"].append(failure(errno.EMFILE))
        self.assertRaises(ServerBusy, self.join, 1)
        self.assertEqual(self.reactor.readers, set())
        closed = self.ready()
        self.system.close(closed)
        self.assertRaises((ServerBusy, ValueError), self.subject.join, closed, lambda: Need.TURN, writes=False)
        self.assertEqual(self.reactor.readers, set())


class RotationTests(TurnsTestCase):
    """Who comes when."""

    def test_nobody_starves(self) -> None:
        """With time for one visit a turn, all that are ready are visited as often as each other."""
        waiting = [self.join(number, self.time_is_over) for number in range(MANY)]
        for _ in range(10 * MANY):
            self.reactor.next_ready()
        counts = [self.visited.count(number) for number in range(MANY)]
        self.assertEqual(counts, [10] * MANY)
        self.leave(*waiting)

    def test_no_more_than_the_time_of_a_turn(self) -> None:
        """The sessions are looked at again after 2 ms, or when no transfer is ready."""
        waiting = [self.join(number, self.time_is_over) for number in range(MANY)]
        self.reactor.next_ready()
        self.assertEqual(len(self.visited), 1)
        self.leave(*waiting)

    def test_until_the_time_is_over(self) -> None:
        """While there is time, those that are ready are visited again and again."""

        def some_time() -> Need:
            self.reactor.rightNow += SECONDS_PER_TURN / 8
            return Need.SOCKET

        waiting = [self.join(number, some_time) for number in range(2)]
        self.reactor.next_ready()
        self.assertEqual(sorted(self.visited), [0, 0, 0, 0, 1, 1, 1, 1])
        self.leave(*waiting)

    def test_until_none_is_ready(self) -> None:
        """A turn is over at once when every client has to do something first."""
        ours, theirs = self.pair()
        self.addCleanup(self.system.close, ours)

        def visit() -> Need:
            self.visited.append(len(ours.recv(1)))
            return Need.SOCKET

        waiting = self.subject.join(ours, visit, writes=False)
        theirs.send(b"xy")
        self.reactor.next_ready()
        self.assertEqual(self.visited, [1, 1])
        self.leave(waiting)


class EndTests(TurnsTestCase):
    """How visits end."""

    def test_every_need(self) -> None:
        """A transfer that needs more than its socket leaves, and says what; others go on."""
        other = self.join(0, self.time_is_over)
        for need in (Need.MORE, Need.TIME, Need.STORAGE, Need.OTHERWISE, Need.NOTHING):
            waiting = self.join(1, lambda need=need: need)  # type: ignore[misc]  # a lambda's default
            while not waiting.called:
                self.reactor.next_ready()
            self.assertIs(self.successResultOf(waiting), need)
        self.assertNoResult(other)
        self.leave(other)

    def test_a_visit_that_fails(self) -> None:
        """What a visit raises, whatever it is, belongs to its transfer; others go on."""

        def fail(error: BaseException) -> Need:
            raise error

        other = self.join(0, self.time_is_over)
        for error in (KeyError("x"), CancelledError(), SystemExit()):
            waiting = self.join(1, lambda error=error: fail(error))  # type: ignore[misc]  # a lambda's default
            while not waiting.called:
                self.reactor.next_ready()
            self.failureResultOf(waiting, type(error))
        self.assertNoResult(other)
        self.leave(other)

    def test_the_last_one(self) -> None:
        """When the last transfer has ended, the turn is over."""
        waiting = self.join(1, lambda: Need.NOTHING)
        self.reactor.next_ready()
        self.assertIs(self.successResultOf(waiting), Need.NOTHING)
        self.assertEqual((self.visited, self.reactor.readers), ([1], set()))

    def test_a_visit_that_ends_another(self) -> None:
        """A transfer that was ended by the visit of another is not visited, though its socket was ready as well."""
        waiting: list[Deferred[Need]] = []

        def end_the_other(other: int) -> Need:
            waiting[other].cancel()
            return Need.NOTHING

        waiting.extend([self.join(0, lambda: end_the_other(1)), self.join(1, lambda: end_the_other(0))])
        self.reactor.next_ready()
        self.assertEqual(len(self.visited), 1)
        (first,) = self.visited
        self.assertIs(self.successResultOf(waiting[first]), Need.NOTHING)
        self.failureResultOf(waiting[1 - first], CancelledError)

    def test_a_visit_that_closes(self) -> None:
        """When the server ends within a visit, nobody is visited any more."""
        waiting: list[Deferred[Need]] = []

        def end_all() -> Need:
            for deferred in waiting:
                deferred.cancel()
            self.subject.close()
            return Need.TURN

        waiting.extend(self.join(number, end_all) for number in range(MANY))
        self.reactor.next_ready()
        self.assertEqual((len(self.visited), self.reactor.readers), (1, set()))
        for deferred in waiting:
            self.failureResultOf(deferred, CancelledError)

    def test_one_that_joins_within_the_visit_of_another(self) -> None:
        """A transfer that begins while others are visited is visited in its turn, also when it gets the same number."""
        socket_of_next = self.ready()
        started: list[Deferred[Need]] = []

        def next_visit() -> Need:
            self.visited.append(2)
            return Need.NOTHING

        waiting = self.join(1, lambda: Need.TIME)
        waiting.addCallback(lambda _need: started.append(self.subject.join(socket_of_next, next_visit, writes=False)))
        self.reactor.next_ready()
        while not started[0].called:
            self.reactor.next_ready()
        self.assertIs(self.successResultOf(started[0]), Need.NOTHING)
        self.assertEqual(self.visited, [1, 2])
