# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.found`.
"""

from __future__ import annotations

import errno
import os

from ftpserver.core.paths import ROOT, resolve
from ftpserver.errors import (
    DirectoryNotEmpty,
    NameNotAllowed,
    NoSuchPath,
    NotAFile,
    PermissionDenied,
)
from ftpserver.pathio import found
from ftpserver.pathio.found import Found, find, find_beside, require_regular
from ftpserver.pathio.leftovers import hidden_name
from ftpserver.pathio.roots import LazyRoot
from tests.local_store import LocalStoreTestCase, open_descriptors


class FindTests(LocalStoreTestCase):
    """Paths are found, or not, and nothing is left open."""

    def setUp(self) -> None:
        super().setUp()
        self.lazy = LazyRoot(str(self.root))
        self.addCleanup(self.lazy.close)
        self.lazy.get()
        (self.root / "file").touch()
        (self.root / "link").symlink_to("file")
        self.before = open_descriptors()

    def test_a_path_tells_where_it_is(self) -> None:
        """Behind a link is what it leads to; beside it is the directory, and the name itself."""
        with find(self.lazy, resolve("/link")) as there:
            self.assertEqual((there.path, there.name), (resolve("/file"), ""))
        with find_beside(self.lazy, resolve("/link")) as beside:
            self.assertEqual((beside.path, beside.name), (resolve("/link"), "link"))
        self.assertEqual(open_descriptors(), self.before)

    def test_hidden_names_are_not_found(self) -> None:
        """Uploads under way are there for nobody, in no place of a path."""
        (self.root / hidden_name()).touch()
        for name in (*self.names(), hidden_name()):
            if name.startswith(".ftpserver-"):
                path = ROOT.child(name)
                for find_it in (find, find_beside):
                    self.assertRaises(NoSuchPath, find_it, self.lazy, path)
                    self.assertRaises(NoSuchPath, find_it, self.lazy, path.child("below"))

    def test_there_is_nothing_beside_the_root_or_below_a_file(self) -> None:
        """The root has no name, and a file no entries."""
        self.assertRaises(PermissionDenied, find_beside, self.lazy, ROOT)
        self.assertRaises(NoSuchPath, find_beside, self.lazy, resolve("/file/new"))
        self.assertEqual(open_descriptors(), self.before)

    def test_what_has_no_path_is_closed(self) -> None:
        """What was found and cannot be named is let go."""
        (self.root / "a\nb").touch()
        (self.root / "to-it").symlink_to("a\nb")
        self.assertRaises(NoSuchPath, find, self.lazy, resolve("/to-it"))
        self.assertEqual(open_descriptors(), self.before)

    def test_names_that_no_file_can_have_are_refused(self) -> None:
        """A name that is no octets is an error of the name; one that is too long is of nothing that is there."""
        self.assertRaises(NameNotAllowed, find, self.lazy, ROOT.child("\ud800"))
        self.assertRaises(NoSuchPath, find, self.lazy, ROOT.child("n" * 256))

    def test_what_is_on_the_way_is_not_told(self) -> None:
        """Below a file is nothing, as below nothing: the way may lead where nobody may look."""
        self.assertRaises(NoSuchPath, find, self.lazy, resolve("/file/x"))


class ActTests(LocalStoreTestCase):
    """What can be done with what was found."""

    def test_only_regular_files_pass(self) -> None:
        """A directory is no file."""
        descriptor = os.open(self.root, os.O_PATH)
        self.addCleanup(os.close, descriptor)
        self.assertRaises(NotAFile, require_regular, descriptor)

    def test_a_directory_that_is_not_empty_is_known_by_either_error(self) -> None:
        """POSIX has two words for it."""

        def rmdir(name: str, *, dir_fd: int) -> None:
            raise FileExistsError(errno.EEXIST, "not empty")

        self.patch(os, "rmdir", rmdir)
        there = Found(-1, resolve("/directory"), "directory")
        self.assertRaises(DirectoryNotEmpty, found.rmdir, there, -1)

    def test_the_time_of_the_last_access_stays(self) -> None:
        """Setting one time leaves the other, to the nanosecond."""
        self.upload("/file")
        os.utime(self.root / "file", ns=(1_111_111_111_222_333_444, 5))
        self.run_now(self.store.set_modified(resolve("/file"), 1_000_000_000.25))
        status = (self.root / "file").stat()
        self.assertEqual(
            (status.st_atime_ns, status.st_mtime_ns), (1_111_111_111_222_333_444, 1_000_000_000_250_000_000)
        )

    def test_set_user_id_is_not_set(self) -> None:
        """A client sets permission bits, and no others."""
        self.upload("/file")
        self.run_now(self.store.chmod(resolve("/file"), 0o6755))
        self.assertEqual((self.root / "file").stat().st_mode & 0o7777, 0o755)
