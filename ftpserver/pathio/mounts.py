# -*- test-case-name: tests.test_mounts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which mounts answer so fast that calls on their paths are made in the reactor thread.

The hop to a thread costs 50 to 100 us; a call on a local file system that has what it needs in memory costs 3. A call
that waits, for a disk that has to start or a server that does not answer, would keep every session waiting. So a mount
earns its place: it is of a local file system, and its first calls, made in threads, were answered at once. It loses the
place for good with the first call that is slow.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from resource import RUSAGE_THREAD, getrusage
from time import monotonic
from typing import Any, Literal

from twisted.logger import Logger

from .mount_table import MountEntry, MountTable

__all__ = ["Mount", "Mounts", "PathCalls", "Stopwatch"]

#: Where path calls are made: by mount, all in the reactor thread, all in threads.
PathCalls = Literal["auto", "inline", "threads"]

#: File systems that keep what was used in memory and wait for nothing but disks of this machine. Any other is taken for
#: one that may wait for ever: of networks (nfs, cifs, ceph, 9p, afs), of FUSE, and what is not known.
LOCAL = frozenset(
    [
        "bcachefs",
        "btrfs",
        "erofs",
        "exfat",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "nilfs2",
        "ntfs3",
        "overlay",
        "ramfs",
        "reiserfs",
        "squashfs",
        "tmpfs",
        "udf",
        "vfat",
        "xfs",
        "zfs",
        "iso9660",
    ]
)

#: Of these, those that are memory: nothing has to be measured first.
MEMORY = frozenset({"ramfs", "tmpfs"})

#: Calls that have to be prompt before the reactor thread makes them: a few logins and small transfers. The first of
#: them read the disk, if there is one.
PROMPT_CALLS = 16

#: Seconds that a call may keep its thread waiting. A NOOP of another session, which may wait as long, is answered
#: within 50 ms. Less would condemn a file system for a journal that was written just then.
SLOW = 0.02

#: The same in a thread that has read the disk: after each of its system calls it may wait up to 5 ms for the
#: interpreter, which the reactor thread has, and a path call makes about six.
SLOW_IN_THREAD = 0.05

#: Seconds after which it is certain without knowing what the thread was doing: neither the scheduler nor the
#: interpreter keeps a thread waiting for so long on a machine that can serve anybody.
SURELY_SLOW = 0.2

#: Mounts that are remembered; those are of the operator's making. A forgotten one has to earn its place again.
MAXIMUM_MOUNTS = 1024

#: What a mount is taken for that the table does not tell.
UNKNOWN = MountEntry("unknown", "an unknown mount")


class Stopwatch:
    """
    Measures one call in its thread.

    The wall clock alone would condemn a disk whenever the machine has too few processors: a thread that was robbed of
    its processor has not waited. Asking the system for that costs 0.8 us a call.

    :ivar seconds: what the call took.
    :ivar waited: whether the thread gave the processor away by itself meanwhile.
    :ivar read: whether a disk was read.
    """

    __slots__ = ("_started", "_usage", "read", "seconds", "waited")

    def __init__(self) -> None:
        self._usage = getrusage(RUSAGE_THREAD)
        self._started = monotonic()

    def stop(self) -> None:
        """End the measurement."""
        self.seconds = monotonic() - self._started
        usage = getrusage(RUSAGE_THREAD)
        self.waited = usage.ru_nvcsw != self._usage.ru_nvcsw
        self.read = usage.ru_inblock != self._usage.ru_inblock


class Mount:
    """
    What is known of one mount.

    :param entry: what the table of mounts says.
    :param reason: why its calls are made where they are, whatever is measured; empty where measuring decides.
    :ivar is_inline: whether calls on its paths are made in the reactor thread.
    """

    __slots__ = ("_entry", "_is_told", "_prompt_calls", "_reason", "is_inline")

    log = Logger()

    def __init__(self, entry: MountEntry, reason: str = "", *, is_inline: bool = False) -> None:
        self._entry = entry
        self.is_inline = is_inline
        self._reason = reason
        self._prompt_calls = 0
        self._is_told = False

    @property
    def moves_inline(self) -> bool:
        """
        Tell whether the reactor thread may move octets that are in memory, or go there.

        That needs no proof on a local file system: what has to be read from the disk is known before, and a slow write
        is noticed.
        """
        return self.is_inline or not self._reason

    def __str__(self) -> str:
        return f"{self._entry.point} ({self._entry.kind})"

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call in the reactor thread, and look how long it waits."""
        # As a Stopwatch does, at half of the cost where nothing was slow.
        switches = getrusage(RUSAGE_THREAD).ru_nvcsw
        started = monotonic()
        try:
            return function(*arguments)
        finally:
            seconds = monotonic() - started
            if seconds >= SLOW and getrusage(RUSAGE_THREAD).ru_nvcsw != switches:
                self.was_slow(seconds)

    def was_measured(self, watch: Stopwatch) -> None:
        """
        Hear, in the reactor thread, of a call that was made in another.

        There, most of a long time may be that of the interpreter, which the reactor thread had.
        """
        if self._reason:
            self.tell()
        elif watch.waited and watch.seconds >= (SLOW_IN_THREAD if watch.read else SURELY_SLOW):
            self.was_slow(watch.seconds)
        elif not self.is_inline and not watch.read and watch.seconds < SLOW:
            self._was_prompt()

    def tell(self) -> None:
        """Write the choice into the log, once, where it was made without measuring."""
        if not self._is_told:
            self._log_choice(self._reason)

    def _log_choice(self, reason: str) -> None:
        self._is_told = True
        where = "the reactor thread" if self.is_inline else "threads"
        self.log.info(
            "path calls on {mount} are made in {where}: {reason}", mount=str(self), where=where, reason=reason
        )

    def _was_prompt(self) -> None:
        self._prompt_calls += 1
        if self._prompt_calls >= PROMPT_CALLS:
            self.is_inline = True
            self._log_choice(f"{self._prompt_calls} of them were answered out of memory")

    def was_slow(self, seconds: float) -> None:
        """Let threads make all further calls."""
        if self._reason:
            return
        self.is_inline = False
        self._reason = f"one took {seconds * 1000:.0f} ms"
        self._log_choice(self._reason)

    def took(self, seconds: float) -> None:
        """Hear how long a call that moved octets took in the reactor thread."""
        if seconds >= SURELY_SLOW:
            self.was_slow(seconds)


class Mounts:
    """
    What is known of the mounts that the sessions of one server use.

    :param path_calls: ``auto`` lets measuring decide; else all calls are made there, on every mount.
    :param table: where mounts are looked up.
    """

    def __init__(self, path_calls: PathCalls = "auto", table: MountTable | None = None) -> None:
        self.path_calls = path_calls
        self.table = table or MountTable()
        self._known: OrderedDict[tuple[int, int, str], Mount] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, descriptor: int) -> tuple[Mount, MountEntry]:
        """
        Return what is known of the mount that *descriptor* is on, and what the table says; it may block.

        A file system that is mounted in several places is slow in all of them or in none. The number of a device serves
        another file system after a while, so that of the file system counts, too.

        :raises OSError: if the file system is gone.
        """
        entry = self.table.entry_of(descriptor) or UNKNOWN
        key = os.fstat(descriptor).st_dev, os.fstatvfs(descriptor).f_fsid, entry.kind
        with self._lock:
            mount = self._known.get(key)
            if mount is None:
                mount = self._known[key] = self._made(entry)
                if len(self._known) > MAXIMUM_MOUNTS:
                    self._known.popitem(last=False)
        if self.path_calls == "inline":
            # Only then is this the reactor thread.
            mount.tell()
        return mount, entry

    def _made(self, entry: MountEntry) -> Mount:
        if self.path_calls != "auto":
            return Mount(entry, "so it is configured", is_inline=self.path_calls == "inline")
        if entry.kind not in LOCAL:
            return Mount(entry, "it is of no local file system")
        return Mount(entry, is_inline=entry.kind in MEMORY)
