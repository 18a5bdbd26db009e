# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.local_directory`.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from ftpserver.core.paths import ROOT
from ftpserver.errors import NotADirectory, PermissionDenied, StorageFailure
from ftpserver.pathio import local_directory
from ftpserver.pathio.found import find
from ftpserver.pathio.leftovers import hidden_name
from ftpserver.pathio.local_directory import LocalDirectory
from ftpserver.pathio.roots import LazyRoot
from tests.local_store import LocalStoreTestCase, open_descriptors, os_error


class LocalDirectoryTests(LocalStoreTestCase):
    """A directory is read in batches, and let go whatever happens."""

    def setUp(self) -> None:
        super().setUp()
        self.lazy = LazyRoot(str(self.root))
        self.addCleanup(self.lazy.close)
        self.lazy.get()
        self.before = open_descriptors()

    def opened(self, name: str = "") -> LocalDirectory:
        """Open a directory to list it."""
        with find(self.lazy, ROOT.child(name) if name else ROOT) as there:
            return LocalDirectory(self.system, there)

    def test_entries_come_in_batches(self) -> None:
        """Each batch is as long as was asked for, and an empty one is the end."""
        for number in range(5):
            (self.root / str(number)).touch()
        directory = self.opened()
        sizes = []
        while batch := directory.next_entries(2):
            sizes.append(len(batch))
        self.assertEqual(sizes, [2, 2, 1])
        directory.close()
        self.assertEqual(open_descriptors(), self.before)

    def test_links_are_left_to_the_caller(self) -> None:
        """The stat values of a link are those of what it leads to, which is not looked for here."""
        (self.root / "link").symlink_to("/etc/passwd")
        (self.root / hidden_name()).touch()
        directory = self.opened()
        self.assertEqual(directory.next_entries(10), [("link", None)])
        directory.close()

    def test_names_come_without_a_look_at_what_they_are(self) -> None:
        """Names of links are told apart, and those that are hidden left out, in batches up to the end."""
        (self.root / "link").symlink_to("/etc/passwd")
        for name in ("a", "b", hidden_name()):
            (self.root / name).touch()
        for amount in (1, 10):
            directory = self.opened()
            names: list[str] = []
            links: list[str] = []
            while (batch := directory.next_names(amount)) != ([], []):
                self.assertLessEqual(sum(map(len, batch)), amount)
                names += batch[0]
                links += batch[1]
            self.assertEqual((sorted(names), links), (["a", "b"], ["link"]))
            directory.close()
            self.assertEqual(directory.next_names(amount), ([], []))

    def test_a_file_is_no_directory(self) -> None:
        """It is refused, and nothing stays open."""
        (self.root / "file").touch()
        self.assertRaises(NotADirectory, self.opened, "file")
        self.assertEqual(open_descriptors(), self.before)

    def test_a_listing_that_cannot_begin_leaves_nothing_open(self) -> None:
        """A broken disk is told."""

        def scandir(descriptor: int) -> Any:
            raise os_error(errno.EIO)

        self.patch(local_directory, "_scan", scandir)
        self.assertRaises(StorageFailure, self.opened)
        self.assertEqual(open_descriptors(), self.before)

    def test_what_has_vanished_is_left_out(self) -> None:
        """An entry that is removed while the directory is read does not end the listing, nor take others along."""
        wanted = {str(number) for number in range(7)}
        for name in wanted | {"a", "b", "c"}:
            (self.root / name).touch()
        directory = self.opened()
        self.removing("a", "b", "c")
        shown = [name for name, _ in directory.next_entries(100)]
        self.assertEqual((len(shown), set(shown)), (7, wanted))
        directory.close()

    def removing(self, *names: str) -> None:
        """Remove these files when the directory has been read and before its entries are looked at."""
        shown = LocalDirectory._shown

        def removing(directory: LocalDirectory, entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
            for name in names:
                (self.root / name).unlink(missing_ok=True)
            return shown(directory, entries)

        self.patch(LocalDirectory, "_shown", removing)

    def test_a_batch_of_which_nothing_is_left_is_not_the_end(self) -> None:
        """Only the end of the directory is an empty batch, however many names before it are hidden or vanish."""
        for _ in range(5):
            (self.root / hidden_name()).touch()
        (self.root / ".ftpserver").touch()
        (self.root / "a.ftpserver-").touch()
        directory = self.opened()
        shown: list[str] = []
        while batch := directory.next_entries(1):
            shown.extend(name for name, _ in batch)
        self.assertEqual(sorted(shown), [".ftpserver", "a.ftpserver-"])
        directory.close()

    def test_a_directory_that_may_be_read_and_not_searched_is_empty(self) -> None:
        """Entries of which nothing may be known are left out."""
        (self.root / "directory").mkdir()
        (self.root / "directory" / "file").touch()
        (self.root / "directory").chmod(0o400)
        self.addCleanup((self.root / "directory").chmod, 0o700)
        with self.unprivileged():
            directory = self.opened("directory")
            self.assertEqual(directory.next_names(10), ([], []))
            self.assertEqual(directory.next_entries(10), [])
            directory.close()

    def test_a_directory_that_may_not_be_read_is_refused(self) -> None:
        """It is told before anything is listed."""
        (self.root / "directory").mkdir(0o300)
        self.addCleanup((self.root / "directory").chmod, 0o700)
        with self.unprivileged():
            self.assertRaises(PermissionDenied, self.opened, "directory")

    def test_closing_ends_the_listing(self) -> None:
        """There is nothing after the end, and ending twice is harmless."""
        (self.root / "file").touch()
        directory = self.opened()
        directory.close()
        directory.close()
        self.assertEqual(directory.next_entries(10), [])
        self.assertEqual(open_descriptors(), self.before)

    def test_a_listing_that_is_read_is_closed_afterwards(self) -> None:
        """A call that still reads in its thread keeps the directory until it is done."""
        (self.root / "file").touch()

        class Closing(LocalDirectory):
            def _next_entries(self, amount: int) -> Any:
                self.close()
                assert open_descriptors() != before
                return super()._next_entries(amount)

        before = self.before
        with find(self.lazy, ROOT) as there:
            directory = Closing(self.system, there)
        self.assertEqual(directory.next_entries(10), [])
        self.assertEqual(open_descriptors(), before)
