# -*- test-case-name: tests.test_awaiting -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Driving coroutines: at once where they do not wait, by a Deferred where they do.

Most commands never wait; a Deferred for each costs as much as the command itself (4 to 5 us).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime

from .errors import FTPError

__all__ = ["as_deferred", "drive", "within"]

T = TypeVar("T")


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
    return Deferred.fromCoroutine(_continued(waiting_for, coroutine))


def _continued(
    waiting_for: Deferred[Any], coroutine: Coroutine[Deferred[Any], Any, T]
) -> Generator[Deferred[Any], Any, T]:
    while True:
        try:
            value = yield waiting_for
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the coroutine
            step, argument = coroutine.throw, error
        else:
            step, argument = coroutine.send, value
        try:
            waiting_for = step(argument)
        except StopIteration as finished:
            result: T = finished.value
            return result


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
    deferred = as_deferred(awaitable)
    if not deferred.called:

        def expired(_result: object, _timeout: float) -> None:
            raise failure()

        deferred.addTimeout(seconds, reactor, expired)
    return await deferred


def is_cancellation(error: BaseException) -> bool:
    """Tell whether *error* says that a call was cancelled."""
    return isinstance(error, CancelledError)
