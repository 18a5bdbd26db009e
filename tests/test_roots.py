# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.roots`: sessions share roots, and know when a base path has become another place.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio import roots as module
from ftpserver.pathio.confined import Root
from ftpserver.pathio.mounts import Mounts
from ftpserver.pathio.roots import LazyRoot, Roots
from tests.local_store import LOCAL_DISK, FixedTable, open_descriptors, os_error, trust_everybody, unprivileged


def open_everything() -> list[str]:
    """Return the descriptors that this process has open."""
    return os.listdir("/proc/self/fd")


class RootsTestCase(SynchronousTestCase):
    """Tests with a directory on a mount that they choose."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.base.mkdir()
        self.path = str(self.base)
        self.table = FixedTable()
        self.roots = Roots(Mounts(table=self.table))
        self.before = open_descriptors()

    def take(self) -> Root:
        """Return a root that is given back after the test."""
        root = self.roots.take(self.path)
        self.addCleanup(self.roots.give_back, root)
        return root


class SharingTests(RootsTestCase):
    """One descriptor for all sessions with one base path."""

    def test_sessions_share_a_root_until_the_last_has_gone(self) -> None:
        """It is closed then, and opened again for the next."""
        first, second = self.roots.take(self.path), self.roots.take(self.path)
        self.assertIs(first, second)
        self.roots.give_back(first)
        with second.held as descriptor:
            os.fstat(descriptor)
        self.roots.give_back(second)
        self.assertEqual(open_descriptors(), self.before)
        third = self.take()
        self.assertIsNot(third, first)

    def test_a_base_path_that_has_become_another_directory_is_opened_again(self) -> None:
        """New sessions get what is there now; those that are there keep what they have."""
        old = self.take()
        self.base.rename(f"{self.base}-old")
        self.assertRaises(FileNotFoundError, self.roots.take, self.path)
        self.base.mkdir()
        (self.base / "new").touch()
        new = self.take()
        self.assertIsNot(new, old)
        self.assertIs(self.take(), new)
        os.close(new.locate(["new"]))
        self.assertRaises(FileNotFoundError, old.locate, ["new"])

    def test_two_that_open_at_once_share_what_was_there_first(self) -> None:
        """The second is closed again."""
        look = self.roots._look
        others: list[Root] = []

        def looking(root: Root) -> Any:
            self.patch(self.roots, "_look", look)
            others.append(self.take())
            return look(root)

        self.patch(self.roots, "_look", looking)
        self.assertIs(self.take(), others[0])
        self.assertEqual(len(open_descriptors()), len(self.before) + 1)

    def test_a_root_that_cannot_be_looked_at_is_closed(self) -> None:
        """A file system that fails meanwhile leaves nothing open."""

        def fail(root: Root) -> None:
            raise os_error(errno.EIO)

        self.patch(self.roots, "_look", fail)
        self.assertRaises(OSError, self.roots.take, self.path)
        self.assertEqual(open_descriptors(), self.before)

    def test_a_root_outside_of_the_walls_is_refused(self) -> None:
        """Why is told at each login with it, and nothing stays open; one inside is taken."""
        reasons: list[str | None] = ["it lies outside", None]
        self.roots.confine(lambda base_path: reasons.pop(0) if base_path == self.path else "another")
        error = self.assertRaises(PermissionError, self.roots.take, self.path)
        self.assertEqual(error.strerror, "it lies outside")
        self.assertEqual(open_descriptors(), self.before)
        self.take()
        self.assertEqual(reasons, [])


class MountTests(RootsTestCase):
    """What is known of the mount of a base path."""

    def proven(self) -> LazyRoot:
        """Return a root that is not open, of a base path on a mount that has earned its place."""
        root = self.roots.take(self.path)
        root.mount.is_inline = True
        self.roots.give_back(root)
        return self.lazy()

    def lazy(self) -> LazyRoot:
        """Return a root that is not open."""
        lazy = LazyRoot(self.path, self.roots)
        self.addCleanup(lazy.close)
        return lazy

    def test_the_first_session_knows_nothing(self) -> None:
        """So its first call is made in a thread."""
        lazy = self.lazy()
        self.assertIsNone(lazy.inline_mount())
        self.assertIsNone(lazy.mount)
        self.assertFalse(lazy.lists_inline())
        self.assertIs(lazy.get().mount, lazy.mount)
        self.assertIsNone(lazy.inline_mount())

    def test_later_sessions_know_before_they_open_it(self) -> None:
        """A login costs no thread on a mount that has earned its place."""
        lazy = self.proven()
        mount = lazy.inline_mount()
        self.assertIsNotNone(mount)
        self.assertIs(lazy.get().mount, mount)
        self.assertIs(lazy.inline_mount(), mount)

    def test_when_something_is_mounted_nothing_is_known_any_more(self) -> None:
        """The base path may be on a network now; sessions that are there stay where they are."""
        lazy, there = self.proven(), self.proven()
        old = there.get()
        self.table.changed = True
        self.assertIsNone(lazy.inline_mount())
        self.assertIsNotNone(there.inline_mount())
        self.assertIsNot(lazy.get(), old)
        self.assertIsNotNone(self.lazy().inline_mount())

    def test_what_was_seen_before_a_change_is_not_kept(self) -> None:
        """A look at the table that began before a change tells nothing of what is there after it."""
        look = self.roots._look

        def looking(root: Root) -> Any:
            note = look(root)
            note.mount.is_inline = True
            self.table.changed = True
            self.roots.inline_mount(self.path)
            return note

        self.patch(self.roots, "_look", looking)
        self.take()
        self.assertIsNone(self.lazy().inline_mount())

    def test_an_automount_below_keeps_calls_in_threads(self) -> None:
        """Old kernels wait for it even where they are told to stay on a mount; one elsewhere is no matter."""
        for point, is_inline in ((f"{self.path}/net", False), (self.path, False), (f"{self.path}-net", True)):
            self.table.changed = True
            self.table.entry = replace(LOCAL_DISK, mounts_on_it=((point, "autofs"),))
            self.roots.inline_mount(self.path)
            self.assertIs(self.proven().inline_mount() is not None, is_inline, point)

    def test_directories_with_mounts_are_listed_in_threads(self) -> None:
        """A listing asks for the stat values of what is mounted in a directory."""
        lazy = self.proven()
        lazy.get()
        self.assertTrue(lazy.lists_inline())
        self.table.changed = True
        self.assertFalse(lazy.lists_inline())
        self.table.entry = replace(LOCAL_DISK, mounts_on_it=((f"{self.path}/below", "nfs4"),))
        lazy = self.proven()
        lazy.get()
        self.assertFalse(lazy.lists_inline())
        self.assertIsNotNone(lazy.inline_mount())

    def test_the_choice_can_be_forced(self) -> None:
        """Then mounts below are no matter."""
        self.table.entry = replace(LOCAL_DISK, mounts_on_it=((f"{self.path}/below", "autofs"),))
        self.roots = Roots(Mounts("inline", self.table))
        lazy = self.lazy()
        lazy.get()
        self.assertTrue(lazy.is_forced)
        self.assertTrue(lazy.lists_inline())

    def test_the_real_table_is_watched_until_the_end(self) -> None:
        """A server that is closed leaves nothing open; one that is started again looks again."""
        self.roots = Roots(Mounts())
        before = open_everything()
        for _ in range(2):
            self.assertIsNone(self.lazy().inline_mount())
            self.assertEqual(len(open_everything()), len(before) + 1)
            self.roots.close()
            self.assertEqual(open_everything(), before)

    def test_the_list_of_base_paths_has_a_bound(self) -> None:
        """The oldest is looked at again."""
        self.patch(module, "MAXIMUM_NOTES", 1)
        self.proven()
        other = self.base / "other"
        other.mkdir()
        self.roots.give_back(self.roots.take(str(other)))
        self.assertIsNone(self.lazy().inline_mount())


class ExactTests(RootsTestCase):
    """Where a name is the same only if its octets are, the path that is reached need not be read."""

    def exactness(self, **changes: Any) -> tuple[bool, bool]:
        """Tell whether names are exact on such a mount, and whether they seem so."""
        self.table.changed = True
        self.table.entry = replace(LOCAL_DISK, **changes)
        self.roots.inline_mount(self.path)
        root = self.roots.take(self.path)
        self.roots.give_back(root)
        return root.is_exact, root.seems_exact

    def test_some_file_systems_are_exact(self) -> None:
        """In others a directory below may fold case, whatever the root does, or nothing tells that all do."""
        for kind in ("btrfs", "ext3", "squashfs"):
            self.assertEqual(self.exactness(kind=kind), (True, True), kind)
        for kind in ("bcachefs", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"):
            self.assertEqual(self.exactness(kind=kind), (False, True), kind)

    def test_others_do_not_even_seem_so(self) -> None:
        """Those of other systems, and those that were told otherwise."""
        for changes in ({"kind": "vfat"}, {"kind": "nfs4"}, {"options": frozenset({"rw", "casefold"})}):
            self.assertEqual(self.exactness(**changes), (False, False), changes)

    def test_a_directory_that_folds_case_is_not(self) -> None:
        """Its flags say so; where a directory has no flags, there is no such."""
        flags: list[int | OSError] = [0x40000000, 0, os_error(errno.ENOTTY)]

        def ioctl(descriptor: int, request: int, buffer: bytes) -> bytes:
            flag = flags.pop(0)
            if isinstance(flag, OSError):
                raise flag
            return struct.pack("=II", flag, 0)

        self.patch(fcntl, "ioctl", ioctl)
        self.assertEqual([self.exactness()[1] for _ in range(3)], [False, True, True])

    def test_a_directory_that_cannot_be_asked_is_not(self) -> None:
        """Who may search it and not read it asks for the path each time."""
        inner = self.base / "inner"
        inner.mkdir()
        self.path = str(inner)
        inner.chmod(0o100)
        self.addCleanup(inner.chmod, 0o700)
        with unprivileged(self.base):
            self.assertEqual(self.exactness(), (False, False))

    def test_a_walk_reads_each_path(self) -> None:
        """There is no quick way without openat2."""
        self.roots = Roots(Mounts(table=self.table), walk=True)
        self.assertEqual(self.exactness(kind="btrfs"), (False, False))

    def test_who_takes_names_as_they_are(self) -> None:
        """On an exact file system everybody, where it only seems so who is trusted, else nobody; and none unopened."""
        for kind, taken in (("btrfs", (True, True)), ("ext4", (False, True)), ("vfat", (False, False))):
            self.table.changed = True
            self.table.entry = replace(LOCAL_DISK, kind=kind)
            self.roots.inline_mount(self.path)
            logins = [LazyRoot(self.path, self.roots), LazyRoot(self.path, self.roots, trust_everybody)]
            self.assertEqual([login.takes_names() for login in logins], [False, False])
            for login in logins:
                self.addCleanup(login.close)
                login.get()
            self.assertEqual(tuple(login.takes_names() for login in logins), taken, kind)


class LazyRootTests(RootsTestCase):
    """The root of a login is opened by the first call."""

    def test_one_root_is_opened(self) -> None:
        """Later calls get the root that the first has opened."""
        lazy = LazyRoot(str(self.base))
        self.assertIs(lazy.get(), lazy.get())
        lazy.close()
        lazy.close()

    def test_the_first_of_two_stays(self) -> None:
        """Two calls that open the root at once share one, and leave nothing open."""
        before = open_descriptors()
        lazy = LazyRoot(str(self.base))
        first = lazy.get()
        self.assertIs(lazy._opened(), first)
        lazy.close()
        self.assertEqual(open_descriptors(), before)

    def test_a_closed_root_is_not_opened_again(self) -> None:
        """A call that comes after the end of the login opens nothing."""
        before = open_descriptors()
        lazy = LazyRoot(str(self.base))
        lazy.close()
        error = self.assertRaises(OSError, lazy.get)
        self.assertEqual(error.errno, errno.EBADF)
        self.assertEqual(open_descriptors(), before)
