# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.threads`: real threads, on a clock that the test moves.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.errors import NoSuchPath, StorageBusy
from ftpserver.pathio import threads as threads_module
from ftpserver.pathio.threads import MAXIMUM_WAITING, STUCK_AFTER, StorageThreads

#: Seconds after which a thread that never answers fails the test; no test waits so long otherwise.
PATIENCE = 60


class ThreadClock(Clock):
    """A clock that keeps what threads say until the test hears it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: queue.Queue[Callable[[], object]] = queue.Queue()

    def callFromThread(self, function: Callable[..., object], *arguments: Any) -> None:
        """Keep a call."""
        self._said.put(lambda: function(*arguments))

    def hear(self, times: int = 1) -> None:
        """Make the calls that so many threads ask for, when they do."""
        for _ in range(times):
            self._said.get(timeout=PATIENCE)()


class Hung:
    """A mount that hangs: calls in it end when the test lets them."""

    def __init__(self) -> None:
        self._end = threading.Event()
        self._entered = threading.Semaphore(0)

    def call(self, value: str = "late") -> str:
        """Hang, in a thread."""
        self._entered.release()
        if not self._end.wait(PATIENCE):
            raise AssertionError("the test never let this end")
        return value

    def wait_for_calls(self, amount: int) -> None:
        """Wait until so many more threads hang here."""
        for _ in range(amount):
            if not self._entered.acquire(timeout=PATIENCE):
                raise AssertionError("no thread came")

    def end(self) -> None:
        """Let all calls end."""
        self._end.set()


class StorageThreadsTestCase(SynchronousTestCase):
    """Tests of four threads, two for each store."""

    size = 4

    def setUp(self) -> None:
        self.clock = ThreadClock()
        self.threads = StorageThreads(self.clock, self.size)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """End the threads, without patience for those that hang."""
        stopping = ensureDeferred(self.threads.stop())
        self.clock.advance(STUCK_AFTER)
        self.successResultOf(stopping)

    def hung(self) -> Hung:
        """Return a mount that hangs until the end of the test."""
        hung = Hung()
        self.addCleanup(hung.end)
        return hung

    def hang(self, store: str, calls: int, hung: Hung) -> list[Deferred[Any]]:
        """Let calls of *store* hang, and wait until they do."""
        answers = [self.threads.run(store, hung.call) for _ in range(calls)]
        hung.wait_for_calls(calls)
        return answers

    def answer(self, store: str = "good") -> object:
        """Return what the next call of *store* gives."""
        deferred = self.threads.run(store, lambda: "answer")
        self.clock.hear()
        return self.successResultOf(deferred)


class RunTests(StorageThreadsTestCase):
    """Calls are made in threads, and their results come back."""

    def test_a_call_is_made_in_another_thread(self) -> None:
        """The reactor does not wait for it."""
        deferred = self.threads.run("store", threading.get_ident)
        self.assertNoResult(deferred)
        self.clock.hear()
        self.assertNotEqual(self.successResultOf(deferred), threading.get_ident())

    def test_arguments_and_failures_pass(self) -> None:
        """What the call gets and raises is what it would be here."""
        deferred = self.threads.run("store", int, "12")
        self.clock.hear()
        self.assertEqual(self.successResultOf(deferred), 12)
        deferred = self.threads.run("store", int, "twelve")
        self.clock.hear()
        self.failureResultOf(deferred, ValueError)

    def test_threads_are_used_again(self) -> None:
        """Calls one after another need one thread."""
        identities = set()
        for _ in range(5):
            deferred = self.threads.run("store", threading.get_ident)
            self.clock.hear()
            identities.add(self.successResultOf(deferred))
        self.assertEqual(len(identities), 1)

    def test_no_more_threads_than_the_size(self) -> None:
        """What finds no thread waits for one, in its order, and every call is answered."""
        hung = self.hung()
        answers = self.hang("one", 2, hung) + self.hang("two", 2, hung)
        waiting = [self.threads.run("one", hung.call, str(number)) for number in range(3)]
        self.assertEqual(self.threads.running, 4)
        hung.end()
        self.clock.hear(7)
        self.assertEqual([self.successResultOf(one) for one in answers], ["late"] * 4)
        self.assertEqual([self.successResultOf(one) for one in waiting], ["0", "1", "2"])
        self.assertEqual(self.threads.running, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_other_stores_get_the_threads_that_are_given_back(self) -> None:
        """A store that waits for one of the common threads gets it from whoever gives it back."""
        one, two, three = self.hung(), self.hung(), self.hung()
        self.hang("one", 2, one)
        self.hang("two", 1, two)
        self.hang("three", 1, three)
        waiting = self.threads.run("three", lambda: "answer")
        self.assertEqual(self.threads.running, 4)
        two.end()
        self.clock.hear(2)
        self.assertEqual(self.successResultOf(waiting), "answer")

    def test_a_system_without_threads_is_busy(self) -> None:
        """A call for which no thread can be made is refused; one that gives something back is made later."""

        thread = threading.Thread

        class NoThread(threading.Thread):
            def start(self) -> None:
                raise RuntimeError("can't start new thread")

        self.patch(threading, "Thread", NoThread)
        self.failureResultOf(self.threads.run("store", lambda: "answer"), StorageBusy)
        owed = self.threads.run("store", lambda: "given back", owed=True)
        self.patch(threading, "Thread", thread)
        self.clock.advance(STUCK_AFTER)
        self.clock.hear()
        self.assertEqual(self.successResultOf(owed), "given back")

    def test_an_idle_thread_keeps_nothing_alive(self) -> None:
        """What a call held, as a buffer of a session that has ended, is let go when the call has ended."""
        dead = threading.Event()
        held = {1}
        weakref.finalize(held, dead.set)
        deferred = self.threads.run("store", len, held)
        del held
        self.clock.hear()
        self.assertEqual(self.successResultOf(deferred), 1)
        self.assertTrue(dead.wait(PATIENCE))


class HungTests(StorageThreadsTestCase):
    """One store that hangs costs the others nothing."""

    def test_the_others_go_on(self) -> None:
        """With one root hung and 50 requests waiting on it, another is answered at once."""
        hung = self.hung()
        self.hang("bad", 2, hung)
        waiting = [self.threads.run("bad", hung.call) for _ in range(48)]
        self.assertEqual(self.answer("good"), "answer")
        self.clock.advance(STUCK_AFTER)
        for deferred in waiting:
            self.failureResultOf(deferred, StorageBusy)

    def test_further_callers_are_refused_at_once(self) -> None:
        """When all of its threads are stuck, a store takes no more calls; when one is back, it does."""
        hung = self.hung()
        answers = self.hang("bad", 2, hung)
        self.clock.advance(STUCK_AFTER - 1)
        waiting = self.threads.run("bad", lambda: "answer")
        self.clock.advance(1)
        self.assertRaises(StorageBusy, self.threads.run, "bad", lambda: "answer")
        self.assertNoResult(waiting)
        self.clock.advance(STUCK_AFTER)
        self.failureResultOf(waiting, StorageBusy)
        hung.end()
        self.clock.hear(2)
        self.assertEqual([self.successResultOf(one) for one in answers], ["late", "late"])
        self.assertEqual(self.answer("bad"), "answer")

    def test_calls_that_were_given_up_still_count(self) -> None:
        """A caller that times out frees no thread, and the next one is not let into the trap."""
        hung = self.hung()
        for deferred in self.hang("bad", 2, hung):
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)
        self.assertEqual(self.threads.running, 2)
        self.clock.advance(STUCK_AFTER)
        self.assertRaises(StorageBusy, self.threads.run, "bad", lambda: "answer")

    def test_many_hung_stores_leave_room(self) -> None:
        """Each store has a thread, however many others hang; its half is free again when they are known as stuck."""
        for number in range(6):
            self.hang(f"bad {number}", 1, self.hung())
        self.assertEqual(self.answer("good"), "answer")
        one, other = self.hung(), self.hung()
        self.hang("good", 1, one)
        second = self.threads.run("good", lambda: "answer")
        self.assertNoResult(second)
        self.clock.advance(STUCK_AFTER)
        self.clock.hear()
        self.assertEqual(self.successResultOf(second), "answer")
        other.end()

    def test_a_slow_store_is_not_a_stuck_one(self) -> None:
        """Who waits goes on waiting while threads come back now and then."""
        first, second = self.hung(), self.hung()
        self.hang("slow", 1, first)
        self.clock.advance(STUCK_AFTER - 1)
        self.hang("slow", 1, second)
        waiting = self.threads.run("slow", lambda: "answer")
        self.clock.advance(2)
        first.end()
        self.clock.hear(2)
        self.assertEqual(self.successResultOf(waiting), "answer")

    def test_the_bound_of_all_threads(self) -> None:
        """When the system can have no more threads, even new stores are refused in the end."""
        self.patch(threads_module, "MAXIMUM_THREADS", 2)
        hung = self.hung()
        self.hang("bad", 1, hung)
        self.hang("worse", 1, hung)
        owed = self.threads.run("good", lambda: "given back", owed=True)
        for store in ("good", "new"):
            self.assertRaises(StorageBusy, self.threads.run, store, lambda: "answer")
        hung.end()
        self.clock.hear(3)
        self.assertEqual(self.successResultOf(owed), "given back")

    def test_the_waiting_calls_are_bounded(self) -> None:
        """A flood of calls is refused before it fills the memory."""
        hung = self.hung()
        self.hang("bad", 2, hung)
        waiting = [self.threads.run("bad", hung.call) for _ in range(MAXIMUM_WAITING)]
        self.assertRaises(StorageBusy, self.threads.run, "bad", hung.call)
        for deferred in waiting:
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class GivenUpTests(StorageThreadsTestCase):
    """Callers that do not wait any more."""

    def setUp(self) -> None:
        super().setUp()
        self.made: list[str] = []

    def test_a_call_that_waits_is_not_made(self) -> None:
        """What was given up before it began never begins."""
        hung = self.hung()
        self.hang("store", 2, hung)
        deferred = self.threads.run("store", self.made.append, "call")
        deferred.cancel()
        self.failureResultOf(deferred, CancelledError)
        hung.end()
        self.clock.hear(2)
        self.assertEqual(self.made, [])
        self.assertEqual(self.threads.running, 0)

    def test_what_is_owed_is_made_all_the_same(self) -> None:
        """A file is closed even when nobody waits for it, and when its store takes no other calls."""
        hung = self.hung()
        self.hang("store", 2, hung)
        waiting = self.threads.run("store", self.made.append, "waiting", owed=True)
        self.clock.advance(STUCK_AFTER)
        refused = self.threads.run("store", self.made.append, "late", owed=True)
        for deferred in (waiting, refused):
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)
        hung.end()
        self.clock.hear(4)
        self.assertEqual(sorted(self.made), ["late", "waiting"])

    def test_a_result_that_nobody_waits_for_is_disposed_of(self) -> None:
        """A descriptor that comes too late is closed, in a thread."""
        hung = self.hung()
        where: list[tuple[str, bool]] = []

        def dispose(result: str) -> None:
            where.append((result, threading.current_thread() is threading.main_thread()))

        deferred = self.threads.run("store", hung.call, dispose=dispose)
        hung.wait_for_calls(1)
        deferred.cancel()
        self.failureResultOf(deferred, CancelledError)
        hung.end()
        self.clock.hear(2)
        self.assertEqual(where, [("late", False)])

    def test_a_result_that_is_waited_for_is_not(self) -> None:
        """The caller has it."""
        deferred = self.threads.run("store", lambda: "result", dispose=self.made.append)
        self.clock.hear()
        self.assertEqual(self.successResultOf(deferred), "result")
        self.assertEqual(self.made, [])

    def fail_unheard(self, error: Exception) -> None:
        """Let a call fail that was given up."""
        hung = self.hung()

        def fail() -> None:
            hung.call()
            raise error

        deferred = self.threads.run("store", fail, dispose=self.made.append)
        hung.wait_for_calls(1)
        deferred.cancel()
        self.failureResultOf(deferred, CancelledError)
        hung.end()
        self.clock.hear()
        self.assertEqual(self.made, [])

    def test_an_expected_failure_that_nobody_hears_is_forgotten(self) -> None:
        """The client has had its answer."""
        self.fail_unheard(NoSuchPath("/file"))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_an_unexpected_failure_that_nobody_hears_is_logged(self) -> None:
        """A defect is not lost with its caller."""
        self.fail_unheard(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StopTests(StorageThreadsTestCase):
    """The end of a server, and its next start."""

    def alive(self) -> int:
        """Return how many threads of stores there are."""
        return sum(thread.name == "ftpserver-storage" for thread in threading.enumerate())

    def test_no_thread_is_left(self) -> None:
        """All threads have ended when stop answers."""
        before = self.alive()
        self.answer("one")
        self.answer("two")
        self.assertEqual(self.alive(), before + 1)
        self.stop()
        self.assertEqual(self.alive(), before)

    def test_a_stopped_server_can_start_again(self) -> None:
        """The next call makes new threads."""
        for _ in range(3):
            self.assertEqual(self.answer(), "answer")
            self.stop()
        self.stop()

    def test_a_stuck_thread_keeps_nothing_from_ending(self) -> None:
        """Stop answers after a while; the thread ends when its call comes back, and calls go on meanwhile."""
        hung = self.hung()
        deferred = self.threads.run("bad", hung.call)
        hung.wait_for_calls(1)
        self.stop()
        self.assertEqual(self.answer("good"), "answer")
        hung.end()
        self.clock.hear()
        self.assertEqual(self.successResultOf(deferred), "late")

    def test_what_was_given_up_is_given_back_first(self) -> None:
        """A call that was given up a moment ago ends before stop answers, and so does the one that closes its file."""
        hung = self.hung()
        closed: list[object] = []
        self.threads.run("store", hung.call, dispose=closed.append).addErrback(lambda failure: None).cancel()
        hung.wait_for_calls(1)
        stopping = ensureDeferred(self.threads.stop())
        self.assertNoResult(stopping)
        hung.end()
        while not stopping.called:
            self.clock.hear()
        self.successResultOf(stopping)
        self.assertEqual((closed, self.clock.getDelayedCalls()), (["late"], []))

    def test_a_stuck_thread_keeps_no_process_alive(self) -> None:
        """A process ends while a call of it hangs for ever."""
        program = (
            "import threading\n"
            "from twisted.internet import reactor\n"
            "from ftpserver.pathio.threads import StorageThreads\n"
            "entered = threading.Event()\n"
            "def hang():\n"
            "    entered.set()\n"
            "    threading.Event().wait()\n"
            "StorageThreads(reactor, 2).run('bad', hang)\n"
            "entered.wait()\n"
        )
        path = [part for part in sys.path if part]
        process = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}\n{program}"], timeout=PATIENCE, check=False
        )
        self.assertEqual(process.returncode, 0)


class OneThreadTests(StorageThreadsTestCase):
    """The smallest size."""

    size = 1

    def test_one_thread_serves_all(self) -> None:
        """Every store has its turn."""
        for store in ("one", "two", "one"):
            self.assertEqual(self.answer(store), "answer")
