# -*- test-case-name: tests.test_threads -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A bounded pool of threads for calls that may block, with a part of it for each store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from ..errors import StorageBusy

__all__ = ["StorageThreads"]

#: Calls of one store that may wait for a thread: what a few hundred sessions ask for at once.
MAXIMUM_WAITING = 1024

#: A store none of whose threads has come back for so long is taken for stuck: its callers are refused at once.
STUCK_AFTER = 5.0


@dataclass(eq=False)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    dispose: Callable[[Any], object] | None
    answer: Deferred[Any] = field(init=False)
    started: float | None = None
    abandoned: bool = False


@dataclass
class _Store:
    running: set[_Call] = field(default_factory=set)
    waiting: deque[_Call] = field(default_factory=deque)


class StorageThreads:
    """
    Threads for the calls of every store of one server.

    A thread that is stuck in a system call cannot be cancelled. So no store holds more than half of the threads; while
    all of its half are stuck, further callers get 451 at once, and the other stores go on.

    :param reactor: provides IReactorTime and IReactorFromThreads.
    :param size: threads in all.
    """

    def __init__(self, reactor: Any, size: int) -> None:
        self._reactor = reactor
        self._share = max(1, size // 2)
        self._pool = ThreadPool(minthreads=0, maxthreads=max(2, size), name="ftpserver-storage")
        self._stores: dict[Hashable, _Store] = {}

    def run(
        self,
        store: Hashable,
        function: Callable[..., Any],
        *arguments: Any,
        dispose: Callable[[Any], object] | None = None,
    ) -> Deferred[Any]:
        """
        Call *function* in a thread.

        :param store: what shares a part of the threads: one root, one mount.
        :param dispose: gets a result that nobody waits for any more, as a descriptor that must be closed.
        :returns: a Deferred of the result; cancelling it releases the caller at once, not the thread.
        :raises StorageBusy: answered 451.
        """
        calls = self._stores.setdefault(store, _Store())
        if len(calls.waiting) >= MAXIMUM_WAITING or self._is_stuck(calls):
            raise StorageBusy("the store does not answer")
        call = _Call(function, arguments, dispose)
        call.answer = Deferred(lambda _deferred: self._abandon(calls, call))
        calls.waiting.append(call)
        self._start_next(store, calls)
        return call.answer

    def _is_stuck(self, calls: _Store) -> bool:
        if len(calls.running) < self._share:
            return False
        latest = max(call.started for call in calls.running if call.started is not None)
        return bool(self._reactor.seconds() - latest > STUCK_AFTER)

    def _abandon(self, calls: _Store, call: _Call) -> None:
        call.abandoned = True
        if call in calls.waiting:
            calls.waiting.remove(call)

    def _start_next(self, store: Hashable, calls: _Store) -> None:
        while calls.waiting and len(calls.running) < self._share:
            call = calls.waiting.popleft()
            call.started = self._reactor.seconds()
            calls.running.add(call)
            if not self._pool.started:
                self._pool.start()
            done = deferToThreadPool(self._reactor, self._pool, call.function, *call.arguments)
            done.addBoth(self._finished, store, calls, call)

    def _finished(self, result: Any, store: Hashable, calls: _Store, call: _Call) -> None:
        calls.running.discard(call)
        self._start_next(store, calls)
        if not calls.running and not calls.waiting:
            self._stores.pop(store, None)
        if not call.abandoned:
            call.answer.callback(result)
        elif call.dispose is not None and not isinstance(result, Failure):
            call.dispose(result)

    @property
    def running(self) -> int:
        """How many calls are in threads now."""
        return sum(len(calls.running) for calls in self._stores.values())

    async def stop(self) -> None:
        """End the threads; one that is stuck is left to itself."""
        if self._pool.started and not self.running:
            self._pool.stop()
