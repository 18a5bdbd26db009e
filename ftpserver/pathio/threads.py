# -*- test-case-name: tests.test_threads -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Threads for calls that may block, with a bounded part of them for each store.

``twisted.python.threadpool.ThreadPool`` is not used: its threads are no daemons and its ``stop`` joins every one, so a
single thread stuck in a hung mount would keep the process from ending; and once stopped it cannot be started again,
while a server can.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import PathError, StorageBusy

__all__ = ["StorageThreads"]

#: Calls of one store that may wait for a thread: what a few hundred sessions ask for at once.
MAXIMUM_WAITING = 1024

#: Seconds after which a store none of whose threads has come back is taken for stuck: its callers are refused at once.
STUCK_AFTER = 5.0

#: Threads of all stores together, stuck ones included; each of many hung mounts costs its share while it hangs.
MAXIMUM_THREADS = 256

_Job = Callable[[], object]


@dataclass(eq=False)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    dispose: Callable[[Any], object] | None
    owed: bool
    returned: Callable[[], object] | None = None
    answer: Deferred[Any] = field(init=False)
    started: float = 0.0
    abandoned: bool = False


@dataclass(eq=False)
class _Store:
    key: Hashable
    running: set[_Call] = field(default_factory=set)
    waiting: deque[_Call] = field(default_factory=deque)
    alarm: IDelayedCall | None = None


def _outcome(call: _Call) -> Any:
    # Without a name for the failure: a frame of its own traceback would hold it, and what the others hold, descriptors
    # among it, would stay until the garbage is collected.
    try:
        return call.function(*call.arguments)
    except BaseException:  # noqa: BLE001 - whatever it is, it belongs to the caller
        return Failure()


class StorageThreads:
    """
    Threads for the calls of every store of one server.

    A thread that is stuck in a system call cannot be cancelled. So no store holds more than half of the threads; while
    all of its half are stuck, its callers get 451, those that wait already after :data:`STUCK_AFTER`, further ones at
    once. Every other store has at least one thread at any time, and its half again as soon as the stuck ones are known
    as such and no longer counted.

    The threads are daemons, made when they are needed: a stuck one keeps no process from ending.

    :param reactor: provides IReactorTime and IReactorFromThreads.
    :param size: threads in all, those for hung stores not counted.
    """

    log = Logger()

    def __init__(self, reactor: Any, size: int) -> None:
        self._reactor = reactor
        self._size = max(1, size)
        self._share = max(1, size // 2)
        self._stores: dict[Hashable, _Store] = {}
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._stopping: Deferred[None] | None = None

    @property
    def running(self) -> int:
        """How many calls are in threads now, given-up ones included."""
        return self._running

    def run(
        self,
        store: Hashable,
        function: Callable[..., Any],
        *arguments: Any,
        dispose: Callable[[Any], object] | None = None,
        owed: bool = False,
        returned: Callable[[], object] | None = None,
    ) -> Deferred[Any]:
        """
        Call *function* in a thread.

        :param store: what shares a part of the threads: one root.
        :param dispose: gets, in a thread, a result that nobody waits for any more, as a file that must be closed.
        :param owed: whether the call gives back what the caller holds: it is then never refused, and made even when
            nobody waits for it any more.
        :param returned: called in the reactor thread when the call was made, even when nobody waits for it any more.
        :returns: a Deferred of the result; cancelling it releases the caller at once, not the thread.
        :raises StorageBusy: answered 451.
        """
        calls = self._stores.setdefault(store, _Store(store))
        if not owed and (len(calls.waiting) >= MAXIMUM_WAITING or self._is_stuck(calls)):
            self._forget_if_idle(calls)
            raise StorageBusy("the store does not answer")
        call = _Call(function, arguments, dispose, owed, returned)
        call.answer = Deferred(lambda _deferred: self._abandon(calls, call))
        calls.waiting.append(call)
        self._start_waiting(calls)
        return call.answer

    # What runs and what waits.

    def _is_stuck(self, calls: _Store) -> bool:
        if not calls.running:
            return self._running >= MAXIMUM_THREADS
        if len(calls.running) < self._share:
            return False
        latest = max(call.started for call in calls.running)
        return bool(self._reactor.seconds() - latest >= STUCK_AFTER)

    def _has_room(self, calls: _Store) -> bool:
        if not calls.running or self._running >= MAXIMUM_THREADS:
            return self._running < MAXIMUM_THREADS
        return len(calls.running) < self._share and self._busy() < self._size

    def _busy(self) -> int:
        """Return how many calls are in threads that may be expected back."""
        if self._running < self._size:
            return self._running
        since = self._reactor.seconds() - STUCK_AFTER
        return sum(call.started > since for calls in self._stores.values() for call in calls.running)

    def _start_waiting(self, calls: _Store) -> None:
        while calls.waiting and self._has_room(calls):
            call = calls.waiting.popleft()
            call.started = self._reactor.seconds()
            try:
                self._start(calls, call)
            except RuntimeError as error:
                # The system has no more threads for this process now.
                if call.owed:
                    calls.waiting.appendleft(call)
                    break
                call.answer.errback(StorageBusy(str(error)))
        self._set_alarm(calls)

    def _start(self, calls: _Store, call: _Call) -> None:
        # A thread that is not running a call is back at the queue, or will be in a moment.
        if len(self._threads) <= self._running:
            thread = threading.Thread(target=_work, args=(self._jobs,), name="ftpserver-storage", daemon=True)
            thread.start()
            self._threads.append(thread)
        calls.running.add(call)
        self._running += 1
        self._jobs.put(lambda: self._make(calls, call))

    def _make(self, calls: _Store, call: _Call) -> None:
        """Make *call*, in a thread."""
        self._reactor.callFromThread(self._finished, _outcome(call), calls, call)

    def _finished(self, result: Any, calls: _Store, call: _Call) -> None:
        calls.running.discard(call)
        self._running -= 1
        if call.returned is not None:
            call.returned()
        if call.abandoned:
            self._dispose(result, calls, call)
        self._start_waiting(calls)
        self._start_other_stores(calls)
        self._forget_if_idle(calls)
        if not call.abandoned:
            call.answer.callback(result)
        if self._stopping is not None and not self._running:
            self._stopping.callback(None)

    def _dispose(self, result: Any, calls: _Store, call: _Call) -> None:
        if not isinstance(result, Failure):
            if call.dispose is not None:
                calls.waiting.append(_Call(call.dispose, (result,), None, owed=True, abandoned=True))
        elif not result.check(PathError):
            self.log.failure("a call to a store, given up meanwhile, has failed", failure=result)

    def _forget_if_idle(self, calls: _Store) -> None:
        if not calls.running and not calls.waiting:
            self._stores.pop(calls.key, None)

    def _start_other_stores(self, finished: _Store) -> None:
        waiting = [calls for calls in self._stores.values() if calls.waiting and calls is not finished]
        for calls in waiting:
            self._start_waiting(calls)

    # What is given up.

    def _abandon(self, calls: _Store, call: _Call) -> None:
        call.abandoned = True
        if call in calls.waiting and not call.owed:
            calls.waiting.remove(call)
            self._set_alarm(calls)
            self._forget_if_idle(calls)

    def _set_alarm(self, calls: _Store) -> None:
        """See to it that those who wait for a stuck store do not wait for ever."""
        if calls.waiting and calls.alarm is None:
            calls.alarm = self._reactor.callLater(STUCK_AFTER, self._look_at, calls)
        elif not calls.waiting and calls.alarm is not None:
            calls.alarm.cancel()
            calls.alarm = None

    def _look_at(self, calls: _Store) -> None:
        calls.alarm = None
        if self._is_stuck(calls):
            refused = [call for call in calls.waiting if not call.owed]
            calls.waiting = deque(call for call in calls.waiting if call.owed)
            for call in refused:
                call.answer.errback(StorageBusy("the store does not answer"))
        self._start_waiting(calls)

    async def stop(self) -> None:
        """
        End the threads; one that is stuck is left to itself, and ends when it comes back.

        Calls that were given up a moment ago may still open a file, which is closed before this answers. A later
        :meth:`run` makes new threads.
        """
        await self._come_back()
        threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        self._jobs = SimpleQueue()
        if not self._running:
            for thread in threads:
                thread.join()

    async def _come_back(self) -> None:
        """Wait for the calls that may be expected back."""
        since = self._reactor.seconds() - STUCK_AFTER
        if not any(call.started > since for calls in self._stores.values() for call in calls.running):
            return
        stopping = self._stopping = Deferred()
        late = self._reactor.callLater(STUCK_AFTER, stopping.callback, None)
        try:
            await stopping
        finally:
            self._stopping = None
            if late.active():
                late.cancel()


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        # While this thread waits for the next, the last would keep alive what it held: a file, its buffer of 256 KiB,
        # and a session that has ended.
        del job
