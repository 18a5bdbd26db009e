# -*- test-case-name: tests.test_awaiting -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Driving coroutines: at once where they do not wait, by a Deferred where they do.

Most commands never wait; a Deferred for each costs as much as the command itself (4 to 5 us).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from traceback import clear_frames
from types import CoroutineType
from typing import Any, NoReturn, Protocol, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime

from .errors import FTPError

__all__ = ["Stepping", "as_coroutine", "as_deferred", "begin", "drive", "go_on", "next_or_none", "within"]

T = TypeVar("T")


class Stepping(Protocol):
    """Who wants to know when a coroutine goes on after a wait, and when it waits again."""

    def goes_on(self) -> None:
        """Hear that a step begins."""
        ...

    def waits(self) -> None:
        """Hear that the step has ended in another wait, not in the end of the coroutine."""
        ...


def drive(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T] | T:
    """
    Run *coroutine* until it waits for the first time.

    :returns: what it returned, or a Deferred of that when it waits; cancelling that cancels what it waits for.
    :raises Exception: what it raised before it waited.
    """
    try:
        waiting_for = coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    return go_on(waiting_for, coroutine)


def go_on(
    waiting_for: Deferred[Any],
    coroutine: Coroutine[Deferred[Any], Any, T],
    stepping: Stepping | None = None,
    recover: Callable[[Exception], T] | None = None,
) -> Deferred[T]:
    """
    Go on with a *coroutine* that waits.

    :param stepping: is told of its steps.
    :param recover: makes the result of what it raises. An error that got as far as the Deferred would be held by its
        own traceback, and what the frames hold, open files among it, would stay until the garbage is collected.
    :returns: a Deferred of what it returns; cancelling that cancels what it waits for.
    """
    return Deferred.fromCoroutine(_continued(waiting_for, coroutine, stepping, recover))


def _continued(
    waiting_for: Deferred[Any],
    coroutine: Coroutine[Deferred[Any], Any, T],
    stepping: Stepping | None,
    recover: Callable[[Exception], T] | None,
) -> Generator[Deferred[Any], Any, T]:
    step: Callable[[Any], Deferred[Any]]
    while True:
        try:
            argument = yield waiting_for
        except GeneratorExit:
            # What it waits for has been forgotten, and the coroutine perhaps before: the collector keeps no order.
            coroutine.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the coroutine
            step, argument = coroutine.throw, error
        else:
            step = coroutine.send
        if stepping is not None:
            stepping.goes_on()
        try:
            waiting_for = step(argument)
        except StopIteration as finished:
            result: T = finished.value
            return result
        except Exception as error:
            if recover is None:
                raise
            recovered = recover(error)
            # From CPython 3.13 on a frame of Twisted in the traceback holds the error, too.
            clear_frames(error.__traceback__)
            return recovered
        finally:
            argument = None
        if stepping is not None:
            stepping.waits()


def begin(awaitable: Awaitable[T]) -> Deferred[T] | T:
    """
    Start what *awaitable* (a coroutine, a Deferred or another) stands for.

    :returns: what it gives, or a Deferred of that when it waits.
    """
    # The usual answer first: the other questions ask an abstract class, which takes as long as a short command.
    if isinstance(awaitable, CoroutineType):
        return drive(awaitable)
    return awaitable if isinstance(awaitable, Deferred) else drive(as_coroutine(awaitable))


def as_coroutine(awaitable: Awaitable[T]) -> Coroutine[Deferred[Any], Any, T]:
    """Return a coroutine that gives what *awaitable* gives."""
    return awaitable if isinstance(awaitable, Coroutine) else _awaited(awaitable)


def as_deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Return a Deferred of what *awaitable* (a coroutine or a Deferred) gives."""
    if isinstance(awaitable, Deferred):
        return awaitable
    return ensureDeferred(_awaited(awaitable))


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def within(
    seconds: float | None, reactor: IReactorTime, awaitable: Awaitable[T], failure: Callable[[], FTPError]
) -> T:
    """
    Wait for *awaitable*, yet not for ever.

    :param seconds: how long; ``None`` is without a bound.
    :param failure: makes what is raised when the time is over; the call is cancelled before.
    """
    if seconds is None:
        return await awaitable
    outcome = begin(awaitable)
    if not isinstance(outcome, Deferred):
        return outcome
    # One that has fired may still wait for another that a callback of it has returned.
    if outcome.paused or not outcome.called:

        def expired(_result: object, _timeout: float) -> NoReturn:
            raise failure()

        outcome.addTimeout(seconds, reactor, expired)
    return await outcome


async def next_or_none(values: AsyncIterator[T]) -> T | None:
    """
    Return the next of *values*, or ``None`` at their end.

    ``anext`` with a default fails when what is awaited within gives a tuple (CPython 3.11 to 3.13).
    """
    try:
        return await anext(values)
    except StopAsyncIteration:
        return None
