# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.system`.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio import system
from ftpserver.pathio.system import FileSystem


class FileSystemTests(SynchronousTestCase):
    """Each method is the system call that it says."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        self.base.mkdir()
        self.directory = os.open(self.base, os.O_RDONLY)
        self.addCleanup(os.close, self.directory)
        self.system = FileSystem()

    def test_reads_and_writes_at_an_offset(self) -> None:
        """Octets are read and written where it is said, or at the end, and are safe after fsync."""
        path = self.base / "file"
        path.write_bytes(b"0123456789")
        descriptor = os.open(path, os.O_RDWR)
        self.assertEqual(self.system.write(descriptor, memoryview(b"ab"), 3), 2)
        self.assertEqual(self.system.read(descriptor, 4, 2), b"2ab5")
        self.system.fsync(descriptor)
        self.system.close(descriptor)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        self.assertEqual(self.system.append(descriptor, memoryview(b"!")), 1)
        self.system.close(descriptor)
        self.assertEqual(path.read_bytes(), b"012ab56789!")

    def test_a_file_without_a_name_gets_one(self) -> None:
        """A file is in no directory until it is linked, and takes no name that is there."""
        try:
            descriptor = self.system.open_unnamed(self.directory, os.O_WRONLY, 0o600)
        except OSError as error:
            raise self.skipTest("this file system has no files without a name") from error
        self.addCleanup(os.close, descriptor)
        self.assertEqual(os.listdir(self.base), [])
        self.system.link(descriptor, "name", self.directory)
        self.assertTrue(stat.S_ISREG((self.base / "name").lstat().st_mode))
        self.assertRaises(FileExistsError, self.system.link, descriptor, "name", self.directory)

    def test_a_lock_is_held_until_the_file_is_closed(self) -> None:
        """Who comes second is told so at once, and not when the first is done."""
        path = self.base / "file"
        path.touch()
        first, second = os.open(path, os.O_WRONLY), os.open(path, os.O_WRONLY)
        self.addCleanup(os.close, second)
        self.system.lock(first)
        self.assertRaises(BlockingIOError, self.system.lock, second)
        os.close(first)
        self.system.lock(second)

    def test_a_link_is_linked_itself(self) -> None:
        """A second name is made for the link, not for what it leads to."""
        (self.base / "link").symlink_to("nothing")
        self.system.link_name("link", "second", self.directory, self.directory)
        self.assertEqual(os.readlink(self.base / "second"), "nothing")

    def test_renaming_replaces_or_not(self) -> None:
        """One call replaces what is there, the other says that it is there."""
        for name in ("one", "two"):
            (self.base / name).write_text(name)
        error = self.assertRaises(FileExistsError, self.system.rename_new, "one", "two", self.directory, self.directory)
        self.assertEqual(error.errno, errno.EEXIST)
        self.assertEqual((self.base / "two").read_text(), "two")
        self.system.rename("one", "two", self.directory, self.directory)
        self.assertEqual((self.base / "two").read_text(), "one")
        self.system.rename_new("two", "three", self.directory, self.directory)
        self.assertEqual(os.listdir(self.base), ["three"])

    def test_a_library_without_the_call_is_a_system_without_it(self) -> None:
        """Where the C library cannot rename so, it is said, for another way to be found."""
        self.patch(system, "_renameat2", None)
        error = self.assertRaises(OSError, self.system.rename_new, "one", "two", self.directory, self.directory)
        self.assertEqual(error.errno, errno.ENOSYS)

    def test_the_time_is_that_of_files(self) -> None:
        """Seconds are counted from the same day as in stat."""
        before = time.time()
        self.assertTrue(before <= self.system.time() <= time.time())
