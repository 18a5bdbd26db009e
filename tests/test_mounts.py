# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.mounts`: a mount earns its place in the reactor thread, and loses it for good.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from types import SimpleNamespace

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpserver.pathio import mounts as module
from ftpserver.pathio.mount_table import MountEntry
from ftpserver.pathio.mounts import PROMPT_CALLS, SLOW, SLOW_IN_THREAD, SURELY_SLOW, Mount, Mounts, Stopwatch
from tests.local_store import LOCAL_DISK, FixedTable


class MountsTestCase(SynchronousTestCase):
    """Tests with a clock and a scheduler of their own."""

    def setUp(self) -> None:
        self.now = 0.0
        self.switches = self.blocks = 0
        self.patch(module, "monotonic", lambda: self.now)
        self.patch(module, "getrusage", lambda _: SimpleNamespace(ru_nvcsw=self.switches, ru_inblock=self.blocks))
        self.logged: list[str] = []

        @implementer(ILogObserver)
        def hear(event: LogEvent) -> None:
            if event["log_namespace"] == module.__name__ + ".Mount":
                self.logged.append(formatEvent(event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)

    def taking(self, seconds: float, *, waits: bool = True, reads: bool = False) -> Callable[[], str]:
        """Return a call that takes so long, because it waits or because it is kept from running."""

        def call() -> str:
            self.now += seconds
            self.switches += waits
            self.blocks += reads
            return "answer"

        return call

    def measured(self, mount: Mount, seconds: float, **how: bool) -> None:
        """Let a thread make a call that takes so long."""
        # From zero the clock adds no fractions.
        self.now = 0.0
        watch = Stopwatch()
        self.taking(seconds, **how)()
        watch.stop()
        mount.was_measured(watch)

    def proven(self) -> Mount:
        """Return a mount whose calls are made in the reactor thread."""
        mount = Mount(LOCAL_DISK)
        for _ in range(PROMPT_CALLS):
            self.measured(mount, 0.00001)
        return mount


class EarningTests(MountsTestCase):
    """The way into the reactor thread."""

    def test_a_mount_has_to_be_prompt_for_a_while(self) -> None:
        """The last of the first calls decides; the log tells it once."""
        mount = Mount(LOCAL_DISK)
        for _ in range(PROMPT_CALLS - 1):
            self.measured(mount, 0.00001)
        self.assertFalse(mount.is_inline)
        self.assertEqual(self.logged, [])
        for _ in range(5):
            self.measured(mount, 0.00001)
        self.assertTrue(mount.is_inline)
        self.assertEqual(
            self.logged,
            ["path calls on /srv (ext4) are made in the reactor thread: 16 of them were answered out of memory"],
        )

    def test_calls_that_read_the_disk_prove_nothing(self) -> None:
        """Nor do those that took long without being slow for sure."""
        mount = Mount(LOCAL_DISK)
        for _ in range(PROMPT_CALLS * 2):
            self.measured(mount, 0.0001, reads=True)
            self.measured(mount, SLOW, waits=False)
        self.assertFalse(mount.is_inline)
        self.assertEqual(self.logged, [])

    def test_a_thread_that_waits_for_the_interpreter_has_no_slow_disk(self) -> None:
        """A busy server does not condemn its mounts."""
        mount = self.proven()
        self.measured(mount, SURELY_SLOW - 0.001)
        self.measured(mount, SLOW_IN_THREAD - 0.001, reads=True)
        self.assertTrue(mount.is_inline)


class LosingTests(MountsTestCase):
    """The way out, which has no way back."""

    def assert_lost(self, mount: Mount, milliseconds: int) -> None:
        """Assert that a mount is slow for good, and that the log has told it once."""
        self.assertFalse(mount.is_inline)
        expected = [f"path calls on /srv (ext4) are made in threads: one took {milliseconds} ms"]
        self.assertEqual(self.logged[-1:], expected)
        count = len(self.logged)
        for _ in range(PROMPT_CALLS * 2):
            self.measured(mount, 0.00001)
            mount.took(10.0)
            self.measured(mount, 10.0)
        self.assertFalse(mount.is_inline)
        self.assertEqual(len(self.logged), count)

    def test_one_slow_call_in_the_reactor_thread_is_one_too_many(self) -> None:
        """Its answer is given all the same."""
        mount = self.proven()
        self.assertEqual(mount.call(self.taking(0.019)), "answer")
        self.assertTrue(mount.is_inline)
        self.assertEqual(mount.call(self.taking(0.0201)), "answer")
        self.assert_lost(mount, 20)

    def test_a_slow_failure_counts_too(self) -> None:
        """What a call raises is raised, and the time is looked at."""
        mount = self.proven()

        def fail(error: Exception) -> None:
            self.taking(0.5)()
            raise error

        self.assertRaises(FileNotFoundError, mount.call, fail, FileNotFoundError())
        self.assert_lost(mount, 500)

    def test_who_was_robbed_of_the_processor_has_not_waited(self) -> None:
        """A machine with too few processors is no slow disk."""
        mount = self.proven()
        mount.call(self.taking(5.0, waits=False))
        self.measured(mount, 5.0, waits=False)
        self.assertTrue(mount.is_inline)

    def test_a_slow_call_in_a_thread_counts(self) -> None:
        """Surely slow, or slow where the disk was read; also before the mount has earned anything."""
        for seconds, reads in ((SURELY_SLOW, False), (SLOW_IN_THREAD, True)):
            for mount in (self.proven(), Mount(LOCAL_DISK)):
                self.measured(mount, seconds, reads=reads)
                self.assert_lost(mount, round(seconds * 1000))

    def test_slow_octets_count_when_they_are_slow_for_sure(self) -> None:
        """A large piece takes its time."""
        mount = self.proven()
        mount.took(0.19)
        self.assertTrue(mount.is_inline)
        mount.took(0.2)
        self.assert_lost(mount, 200)


class MountsTests(MountsTestCase):
    """What is known of the mounts of a server."""

    def of(self, mounts: Mounts, path: str = "/") -> Mount:
        """Return the mount of a real directory."""
        descriptor = os.open(path, os.O_PATH)
        self.addCleanup(os.close, descriptor)
        return mounts.of(descriptor)[0]

    def test_only_local_file_systems_can_earn_a_place(self) -> None:
        """Networks, FUSE and what nobody knows stay in threads, and the log tells why, once."""
        for kind in ("nfs4", "cifs", "fuse.sshfs", "9p", "ceph", "autofs", "brandnewfs"):
            mount = self.of(Mounts(table=FixedTable(MountEntry(kind, "/srv"))))
            for _ in range(PROMPT_CALLS * 2):
                self.measured(mount, 0.00001)
            self.assertFalse(mount.is_inline, kind)
            self.assertEqual(
                self.logged, [f"path calls on /srv ({kind}) are made in threads: it is of no local file system"]
            )
            self.logged.clear()
        for kind in ("ext4", "xfs", "btrfs", "tmpfs", "zfs", "overlay"):
            mount = self.of(Mounts(table=FixedTable(MountEntry(kind, "/srv"))))
            for _ in range(PROMPT_CALLS):
                self.measured(mount, 0.00001)
            self.assertTrue(mount.is_inline, kind)
            self.logged.clear()

    def test_a_mount_that_is_not_in_the_table_stays_in_threads(self) -> None:
        """What cannot be told may be anything."""
        mount = self.of(Mounts(table=FixedTable(None)))
        self.measured(mount, 0.00001)
        self.assertEqual(
            self.logged, ["path calls on an unknown mount (unknown) are made in threads: it is of no local file system"]
        )

    def test_a_file_system_is_known_once(self) -> None:
        """Two directories of it share what was learnt; another file system does not."""
        mounts = Mounts(table=FixedTable(LOCAL_DISK))
        self.assertIs(self.of(mounts), self.of(mounts))
        self.assertIsNot(self.of(mounts, "/proc"), self.of(mounts))

    def test_the_choice_can_be_forced(self) -> None:
        """Then nothing is measured; the log tells it all the same."""
        inline = self.of(Mounts("inline", FixedTable(MountEntry("nfs4", "/srv"))))
        self.assertTrue(inline.is_inline)
        inline.was_slow(10.0)
        self.assertTrue(inline.is_inline)
        threads = self.of(Mounts("threads", FixedTable(LOCAL_DISK)))
        for _ in range(PROMPT_CALLS * 2):
            self.measured(threads, 0.00001)
        self.assertFalse(threads.is_inline)
        self.assertEqual(
            self.logged,
            [
                "path calls on /srv (nfs4) are made in the reactor thread: so it is configured",
                "path calls on /srv (ext4) are made in threads: so it is configured",
            ],
        )

    def test_the_list_of_mounts_has_a_bound(self) -> None:
        """The oldest has to earn its place again."""
        self.patch(module, "MAXIMUM_MOUNTS", 1)
        mounts = Mounts(table=FixedTable(LOCAL_DISK))
        first = self.of(mounts)
        self.of(mounts, "/proc")
        self.assertIsNot(self.of(mounts), first)


class StopwatchTests(SynchronousTestCase):
    """The real clock and the real scheduler."""

    def test_a_thread_that_waits_is_seen_waiting(self) -> None:
        """It gives its processor away; no disk is read."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_blocking(reading, False)
        watches: list[Stopwatch] = []

        def wait() -> None:
            watch = Stopwatch()
            select.select([reading], [], [], 0.01)
            watch.stop()
            watches.append(watch)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        self.assertGreaterEqual(watches[0].seconds, 0.01)
        self.assertTrue(watches[0].waited)
        self.assertFalse(watches[0].read)
