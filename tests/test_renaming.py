# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.renaming`.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.errors import CrossesDevices, NameNotAllowed, NoSuchPath, PathError, PathExists, StorageFailure
from ftpserver.pathio.renaming import Name, rename
from tests.local_store import FailingSystem


class RenamingTestCase(SynchronousTestCase):
    """Tests that have a directory and a system that can fail."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        (self.base / "directory").mkdir(parents=True)
        self.descriptor = os.open(self.base, os.O_PATH)
        self.addCleanup(os.close, self.descriptor)
        self.system = FailingSystem()
        for name in ("one", "two"):
            (self.base / name).write_text(name)

    def rename(self, source: str, target: str, *, replace: bool = True) -> None:
        """Rename in the directory of the test."""
        rename(self.system, Name(self.descriptor, source), Name(self.descriptor, target), replace=replace)

    def assert_refused(self, kind: type[PathError], source: str, target: str, *, replace: bool = True) -> None:
        """Assert that renaming fails and that all names are still there."""
        before = sorted(os.listdir(self.base))
        with self.assertRaises(kind, msg=f"{source} to {target}"):
            self.rename(source, target, replace=replace)
        self.assertEqual(sorted(os.listdir(self.base)), before)

    def content(self, name: str) -> str:
        """Return what a file holds."""
        return (self.base / name).read_text()


class RenameTests(RenamingTestCase):
    """Renaming as a store does it."""

    def test_a_file_is_replaced_if_it_may_be(self) -> None:
        """A file takes the place of another only when that is wanted."""
        self.assert_refused(PathExists, "one", "two", replace=False)
        self.rename("one", "two")
        self.assertEqual(self.content("two"), "one")

    def test_a_directory_is_never_replaced(self) -> None:
        """Not even an empty one makes way."""
        (self.base / "other").mkdir()
        for source in ("one", "other"):
            self.assert_refused(PathExists, source, "directory")
        self.assert_refused(PathExists, "directory", "one")

    def test_a_second_name_of_a_file_goes(self) -> None:
        """Renaming one of two names of a file to the other leaves one."""
        (self.base / "same").hardlink_to(self.base / "one")
        self.rename("one", "same")
        self.assertEqual(sorted(os.listdir(self.base)), ["directory", "same", "two"])
        self.rename("same", "same")
        self.assertEqual(self.content("same"), "one")

    def test_another_spelling_of_a_name_is_no_second_name(self) -> None:
        """Where a directory folds case, a file survives that is renamed to what it is called already."""

        class FoldedName(Name):
            def status(self) -> os.stat_result:
                return os.lstat(self.name.lower(), dir_fd=self.directory)

        rename(self.system, Name(self.descriptor, "one"), FoldedName(self.descriptor, "ONE"), replace=True)
        self.assertEqual(self.system.calls, ["rename"])
        self.assertEqual(self.content("ONE"), "one")

    def test_what_is_missing_cannot_be_renamed(self) -> None:
        """There is no such path."""
        self.assert_refused(NoSuchPath, "missing", "new")

    def test_a_directory_does_not_go_into_itself(self) -> None:
        """The system refuses it, and so does the way around a missing call."""
        inside = os.open(self.base / "directory", os.O_PATH)
        self.addCleanup(os.close, inside)
        for failures in ({}, {"rename_new": errno.ENOSYS}):
            self.system.failures = failures
            with self.assertRaises(NameNotAllowed):
                rename(self.system, Name(self.descriptor, "directory"), Name(inside, "new"), replace=True)

    def test_other_devices_are_told_apart(self) -> None:
        """A target on another file system is an error of its own."""
        self.system.failures["rename"] = errno.EXDEV
        self.assert_refused(CrossesDevices, "one", "two")
        self.system.failures["rename"] = errno.EIO
        self.assert_refused(StorageFailure, "one", "two")


class WithoutTheCallTests(RenamingTestCase):
    """Renaming without replacing where no single call does it."""

    def setUp(self) -> None:
        super().setUp()
        self.system.failures["rename_new"] = errno.EINVAL

    def test_files_get_new_names(self) -> None:
        """A file gets a name that is free, and no other."""
        self.assert_refused(PathExists, "one", "two", replace=False)
        self.assert_refused(PathExists, "one", "directory", replace=False)
        self.rename("one", "new", replace=False)
        self.assertEqual(self.content("new"), "one")
        self.assertFalse((self.base / "one").exists())

    def test_directories_get_new_names(self) -> None:
        """A directory gets a name that is free, and no other."""
        (self.base / "other").mkdir()
        for target in ("two", "other"):
            self.assert_refused(PathExists, "directory", target)
        self.rename("directory", "new")
        self.assertEqual(sorted(os.listdir(self.base)), ["new", "one", "other", "two"])

    def test_files_get_new_names_where_there_are_no_links(self) -> None:
        """A file system without hard links is served, too."""
        for number in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            self.system.failures["link_name"] = number
            self.assert_refused(PathExists, "one", "two", replace=False)
            self.rename("one", "new", replace=False)
            self.rename("new", "one", replace=False)

    def test_other_failures_of_the_link_are_told(self) -> None:
        """A full disk is a full disk."""
        self.system.failures["link_name"] = errno.EIO
        self.assert_refused(StorageFailure, "one", "new", replace=False)
