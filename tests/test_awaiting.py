# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.awaiting.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.awaiting import _continued, as_deferred, begin, drive, go_on, next_or_none, within
from ftpserver.errors import PathTimeout


class Answer(Awaitable[str]):
    """An awaitable that is neither a coroutine nor a Deferred."""

    def __init__(self, deferred: Deferred[str]) -> None:
        self._deferred = deferred

    def __await__(self) -> Generator[Any, None, str]:
        return (yield from self._deferred.__await__())


async def waiting(*deferreds: Deferred[str]) -> str:
    """Wait for each of *deferreds* and return all that they give."""
    return "".join([await deferred for deferred in deferreds])


class DriveTests(SynchronousTestCase):
    """Coroutines that wait or do not."""

    def test_one_that_does_not_wait(self) -> None:
        """A coroutine that waits for nothing has answered at once, without a Deferred."""
        self.assertEqual(drive(waiting()), "")
        self.assertEqual(drive(waiting(succeed("a"))), "a")

    def test_one_that_waits(self) -> None:
        """A coroutine that waits several times gives a Deferred of its answer."""
        first, second = Deferred[str](), Deferred[str]()
        outcome = drive(waiting(first, second))
        assert isinstance(outcome, Deferred)
        first.callback("a")
        self.assertNoResult(outcome)
        second.callback("b")
        self.assertEqual(self.successResultOf(outcome), "ab")

    def test_errors_before_the_first_wait(self) -> None:
        """What a coroutine raises before it waits is raised at once."""

        async def fail() -> None:
            raise KeyError

        self.assertRaises(KeyError, drive, fail())

    def test_errors_after_a_wait(self) -> None:
        """What a coroutine raises later is the failure of the Deferred."""
        first = Deferred[str]()
        outcome = drive(waiting(first))
        assert isinstance(outcome, Deferred)
        first.errback(KeyError())
        self.failureResultOf(outcome, KeyError)

    def test_a_coroutine_may_handle_what_it_waited_for(self) -> None:
        """A failure reaches the coroutine where it waits, and it may go on."""

        async def forgiving(deferred: Deferred[str]) -> str:
            try:
                return await deferred
            except KeyError:
                return "forgiven"

        first = Deferred[str]()
        outcome = drive(forgiving(first))
        assert isinstance(outcome, Deferred)
        first.errback(KeyError())
        self.assertEqual(self.successResultOf(outcome), "forgiven")

    def test_cancelling(self) -> None:
        """Cancelling the Deferred cancels what the coroutine waits for."""
        cancelled: list[Deferred[str]] = []
        first = Deferred[str](cancelled.append)
        outcome = drive(waiting(first))
        assert isinstance(outcome, Deferred)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.assertEqual(cancelled, [first])


class GoOnTests(SynchronousTestCase):
    """A coroutine that has been started elsewhere goes on."""

    def test_its_steps_are_told(self) -> None:
        """Whoever asks for it hears when a step begins, and when it ends in another wait."""
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()
        told: list[str] = []

        class Steps:
            def goes_on(self) -> None:
                told.append("goes on")

            def waits(self) -> None:
                told.append("waits")

        async def work() -> str:
            await first
            await second
            return "done"

        coroutine = work()
        outcome = go_on(coroutine.send(None), coroutine, Steps())
        self.assertEqual(told, [])
        first.callback(None)
        self.assertEqual(told, ["goes on", "waits"])
        second.callback(None)
        self.assertEqual((told[2:], self.successResultOf(outcome)), (["goes on"], "done"))

    def test_an_error_can_become_a_result(self) -> None:
        """What it raises is the result that a function makes of it, and nothing holds the error after that."""

        class Held:
            """Something that a frame of the coroutine holds."""

        alive: list[weakref.ref[Held]] = []
        waiting: Deferred[None] = Deferred()

        async def fail() -> str:
            held = Held()
            alive.append(weakref.ref(held))
            await waiting
            return "never"

        coroutine = fail()
        outcome = go_on(coroutine.send(None), coroutine, None, lambda error: type(error).__name__)
        del coroutine
        waiting.errback(ZeroDivisionError())
        self.assertEqual(self.successResultOf(outcome), "ZeroDivisionError")
        self.assertIsNone(alive[0]())

    def test_what_is_forgotten_ends_in_silence(self) -> None:
        """A wait that nobody will ever end is closed together with the coroutine, in any order, and no step is told."""
        for is_closed_first in (True, False):
            steps: list[str] = []

            class Steps:
                def goes_on(self, steps: list[str] = steps) -> None:
                    steps.append("goes on")

                def waits(self, steps: list[str] = steps) -> None:
                    steps.append("waits")

            coroutine = waiting(Deferred(), Deferred())
            continued = _continued(coroutine.send(None), coroutine, Steps(), None)
            next(continued)
            if is_closed_first:
                coroutine.close()
            continued.close()
            self.assertEqual(steps, [])
            self.assertRaises(RuntimeError, coroutine.send, None)

    def test_an_error_is_an_error_otherwise(self) -> None:
        """Without such a function the Deferred fails."""
        waiting: Deferred[None] = Deferred()

        async def fail() -> None:
            await waiting

        coroutine = fail()
        outcome = go_on(coroutine.send(None), coroutine)
        waiting.errback(ZeroDivisionError())
        self.failureResultOf(outcome, ZeroDivisionError)


class BeginTests(SynchronousTestCase):
    """Any awaitable."""

    def test_every_kind_of_awaitable(self) -> None:
        """A coroutine and another awaitable answer at once if they can; a Deferred is passed on."""
        fired = succeed("a")
        self.assertIs(begin(fired), fired)
        self.assertEqual(begin(waiting(succeed("b"))), "b")
        self.assertEqual(begin(Answer(succeed("c"))), "c")

    def test_what_waits(self) -> None:
        """What cannot answer yet gives a Deferred."""
        for kind in (waiting, Answer):
            first = Deferred[str]()
            outcome = begin(kind(first))
            assert isinstance(outcome, Deferred)
            first.callback("d")
            self.assertEqual(self.successResultOf(outcome), "d")

    def test_as_a_deferred(self) -> None:
        """Every kind of awaitable can be made a Deferred."""
        fired = succeed("a")
        self.assertIs(as_deferred(fired), fired)
        self.assertEqual(self.successResultOf(as_deferred(waiting(succeed("b")))), "b")
        self.assertEqual(self.successResultOf(as_deferred(Answer(succeed("c")))), "c")


class WithinTests(SynchronousTestCase):
    """Waiting, yet not for ever."""

    def setUp(self) -> None:
        """Make a clock that stands still."""
        self.clock = Clock()

    def within(self, seconds: float | None, awaitable: Awaitable[str]) -> Deferred[str]:
        """Wait for *awaitable* on the clock."""
        return Deferred.fromCoroutine(within(seconds, self.clock, awaitable, PathTimeout))

    def test_in_time(self) -> None:
        """What answers in time is returned, and no timer stays behind."""
        for kind in (waiting, Answer, as_deferred):
            first = Deferred[str]()
            outcome = self.within(5, kind(first))
            self.clock.advance(4)
            first.callback("a")
            self.assertEqual(self.successResultOf(outcome), "a")
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_at_once(self) -> None:
        """What answers at once needs no timer."""
        for awaitable in (waiting(succeed("a")), Answer(succeed("a")), succeed("a")):
            self.assertEqual(self.successResultOf(self.within(5, awaitable)), "a")
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_late(self) -> None:
        """When the time is over the call is cancelled, and the failure is the one that was asked for."""
        for kind in (waiting, Answer, as_deferred):
            cancelled: list[Deferred[str]] = []
            outcome = self.within(5, kind(Deferred(cancelled.append)))
            self.clock.advance(4.9)
            self.assertNoResult(outcome)
            self.clock.advance(0.1)
            self.failureResultOf(outcome, PathTimeout)
            self.assertEqual(len(cancelled), 1)

    def test_one_that_waits_for_another(self) -> None:
        """A Deferred that has fired, and waits for one that its callback returned, is bounded as well."""
        first = succeed("a").addCallback(lambda _: Deferred[str]())
        outcome = self.within(5, first)
        self.clock.advance(5)
        self.failureResultOf(outcome, PathTimeout)

    def test_failures_pass(self) -> None:
        """A failure in time is what it is, and no timer stays behind."""
        first = Deferred[str]()
        outcome = self.within(5, first)
        first.errback(KeyError())
        self.failureResultOf(outcome, KeyError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_a_bound(self) -> None:
        """Without a time there is no timer."""
        first = Deferred[str]()
        outcome = self.within(None, first)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        first.callback("a")
        self.assertEqual(self.successResultOf(outcome), "a")

    def test_a_cancellation_from_outside(self) -> None:
        """Who waits may be cancelled itself; that is no timeout."""
        outcome = self.within(5, Deferred[str]())
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class NextTests(SynchronousTestCase):
    """One value after the other."""

    def test_values_and_their_end(self) -> None:
        """Each value is given, then ``None``, whatever is awaited in between."""
        first, second = Deferred[tuple[int, int]](), Deferred[tuple[int, int]]()

        async def sums() -> AsyncGenerator[int, None]:
            for deferred in (first, second):
                yield sum(await deferred)

        values = sums()
        given = [drive(next_or_none(values))]
        first.callback((1, 2))
        given.append(drive(next_or_none(values)))
        second.callback((3, 4))
        given.append(drive(next_or_none(values)))
        results = [self.successResultOf(value) if isinstance(value, Deferred) else value for value in given]
        self.assertEqual(results, [3, 7, None])
