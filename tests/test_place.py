# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.place`.
"""

from __future__ import annotations

import errno
import os

from ftpserver.pathio.leftovers import is_hidden
from ftpserver.pathio.place import Place, open_hidden
from tests.local_store import FailingSystem, LocalStoreTestCase, NoUnnamedFiles, open_descriptors


class PlaceTestCase(LocalStoreTestCase):
    """Tests that put files in the root."""

    def place(self, name: str = "file", *, system: FailingSystem | None = None, is_new: bool = True) -> Place:
        """Return a place whose directory is closed by the test."""
        directory = os.open(self.root, os.O_PATH)
        return Place(system or self.system, directory, name, is_new)

    def opened(self, place: Place, content: bytes = b"content") -> int:
        """Open a hidden file with *content*."""
        descriptor = open_hidden(place)
        self.addCleanup(os.close, descriptor)
        os.write(descriptor, content)
        return descriptor


class OpenHiddenTests(PlaceTestCase):
    """Data without a name, or with one that nobody sees."""

    def test_there_is_no_name_where_the_system_can(self) -> None:
        """An upload under way is in no directory."""
        place = self.place()
        self.opened(place)
        if place.temporary:
            raise self.skipTest("this file system has no files without a name")
        self.assertEqual(self.names(), [])
        place.close()

    def test_there_is_a_hidden_name_elsewhere(self) -> None:
        """Whatever an old or odd system says, the upload gets a hidden name, which goes with it."""
        for number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EISDIR, errno.EINVAL):
            self.system.failures["open_unnamed"] = number
            place = self.place()
            self.opened(place)
            self.assertEqual([is_hidden(name) for name in self.names()], [True], number)
            place.close()
            self.assertEqual(self.names(), [], number)

    def test_other_failures_are_told(self) -> None:
        """A full disk is no reason to try another way."""
        self.system.failures["open_unnamed"] = errno.ENOSPC
        place = self.place()
        self.assertRaises(OSError, open_hidden, place)
        self.assertTrue(place.in_place)
        place.close()

    def test_a_system_without_locks_will_do(self) -> None:
        """Uploads go on where no file can be locked."""
        self.system.failures["lock"] = errno.ENOLCK
        place = self.place()
        place.commit(self.opened(place))
        place.close()
        self.assertEqual(self.names(), ["file"])


class CommitTests(PlaceTestCase):
    """Whole data get their name in one step, with and without a hidden name before."""

    def systems(self) -> tuple[FailingSystem, FailingSystem]:
        """Return a system for either way."""
        return FailingSystem(), NoUnnamedFiles()

    def test_a_new_name_appears(self) -> None:
        """The file is there, and no other name."""
        for number, system in enumerate(self.systems()):
            place = self.place(f"file-{number}", system=system)
            place.commit(self.opened(place))
            place.close()
        self.assertEqual(self.names(), ["file-0", "file-1"])

    def test_an_old_file_is_replaced(self) -> None:
        """The name leads to the new data."""
        for system in self.systems():
            (self.root / "file").write_bytes(b"old")
            place = self.place(system=system, is_new=False)
            place.commit(self.opened(place))
            place.close()
            self.assertEqual((self.root / "file").read_bytes(), b"content")
            self.assertEqual(self.names(), ["file"])

    def test_what_came_meanwhile_is_replaced_unless_it_may_not(self) -> None:
        """Of two whole uploads to a new name the later stays, but for one that wanted a new name only."""
        for system in self.systems():
            (self.root / "file").write_bytes(b"faster")
            place = self.place(system=system)
            place.exclusive = True
            descriptor = self.opened(place)
            self.assertRaises(FileExistsError, place.commit, descriptor)
            self.assertEqual((self.root / "file").read_bytes(), b"faster")
            place.exclusive = False
            place.commit(descriptor)
            place.close()
            self.assertEqual((self.root / "file").read_bytes(), b"content")
            self.assertEqual(self.names(), ["file"])

    def test_a_failing_rename_leaves_nothing(self) -> None:
        """The hidden name between link and rename goes when the rename fails."""
        for system in self.systems():
            (self.root / "file").write_bytes(b"old")
            system.failures["rename"] = errno.EIO
            place = self.place(system=system, is_new=False)
            descriptor = self.opened(place)
            self.assertRaises(OSError, place.commit, descriptor)
            place.close()
            self.assertEqual(self.names(), ["file"])
            self.assertEqual((self.root / "file").read_bytes(), b"old")

    def test_a_part_takes_no_name_that_is_there(self) -> None:
        """A part is published under a free name only."""
        for system in self.systems():
            (self.root / "file").write_bytes(b"old")
            place = self.place(system=system)
            descriptor = self.opened(place)
            self.assertRaises(FileExistsError, place.publish_new, descriptor)
            (self.root / "file").unlink()
            place.publish_new(descriptor)
            place.publish_new(descriptor)
            place.commit(descriptor)
            place.close()
            self.assertEqual(self.names(), ["file"])


class EndTests(PlaceTestCase):
    """What is let go at the end."""

    def test_the_directory_is_forced_to_the_disk(self) -> None:
        """The name is safe when sync answers, and a failure is told."""
        before = open_descriptors()
        place = self.place()
        place.sync()
        self.assertEqual(self.system.calls, ["fsync"])
        self.system.failures["fsync"] = errno.EIO
        self.assertRaises(OSError, place.sync)
        place.close()
        self.assertEqual(open_descriptors(), before)

    def test_only_the_own_name_is_removed(self) -> None:
        """A file that somebody else has put in the place stays."""
        place = self.place("mine")
        descriptor = os.open(self.root / "mine", os.O_WRONLY | os.O_CREAT)
        self.addCleanup(os.close, descriptor)
        (self.root / "other").touch()
        os.replace(self.root / "other", self.root / "mine")
        place.remove_own(descriptor)
        self.assertEqual(self.names(), ["mine"])
        place.close()

    def test_a_hidden_name_that_cannot_be_removed_is_left(self) -> None:
        """The end of an upload does not fail for it; a later listing clears it."""
        place = self.place(system=NoUnnamedFiles())
        self.opened(place)
        (hidden,) = self.names()
        (self.root / hidden).unlink()
        place.close()
        self.assertFalse(place.makes_entry)

    def test_a_place_that_changes_no_directory_has_none(self) -> None:
        """A file that is written in place needs no directory."""
        place = Place(self.system, -1, "file", is_new=False)
        self.assertFalse(place.makes_entry)
        self.assertTrue(place.in_place)
        place.close()
