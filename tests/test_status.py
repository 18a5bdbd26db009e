# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.status.
"""

from __future__ import annotations

import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.status import FileStatus, Status, is_directory, is_regular_file


class StatusTests(SynchronousTestCase):
    """What is known of a file."""

    def test_kinds_of_file(self) -> None:
        """A regular file, a directory and what is neither are told apart."""
        for kind, regular, directory in (
            (stat.S_IFREG, True, False),
            (stat.S_IFDIR, False, True),
            (stat.S_IFIFO, False, False),
            (stat.S_IFLNK, False, False),
        ):
            status = Status(kind | 0o600)
            self.assertEqual((is_regular_file(status), is_directory(status)), (regular, directory), oct(kind))

    def test_the_system_s_own_values_are_one(self) -> None:
        """What ``os.stat`` gives needs no conversion."""
        status: FileStatus = os.stat("/")
        self.assertIs(is_directory(status), True)
        for name in (name for name in dir(FileStatus) if name.startswith("st_")):
            self.assertTrue(hasattr(status, name), name)

    def test_values_for_stores_that_know_little(self) -> None:
        """A store that knows but the mode of a file gives plain values for the rest."""
        status = Status(stat.S_IFREG | 0o644)
        self.assertEqual((status.st_size, status.st_mtime, status.st_nlink, status.st_uid), (0, 0.0, 1, 0))
