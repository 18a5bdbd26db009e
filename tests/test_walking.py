# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.walking`; :mod:`tests.test_confined` compares it with the kernel.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio import walking
from ftpserver.pathio.walking import walk_to
from tests.local_store import open_descriptors


class WalkTests(SynchronousTestCase):
    """The walk stays below the root, whatever links say."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        (self.base / "directory").mkdir(parents=True)
        (self.base / "file").touch()
        self.descriptor = os.open(self.base, os.O_PATH)
        self.addCleanup(os.close, self.descriptor)

    def found(self, *parts: str) -> str:
        """Return the name of what *parts* lead to, below the root."""
        descriptor = walk_to(self.descriptor, parts)
        try:
            return os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), self.base)
        finally:
            os.close(descriptor)

    def link(self, target: str) -> None:
        """Let ``link`` lead to *target*."""
        path = self.base / "link"
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def test_no_link_leads_above_the_root(self) -> None:
        """However far up a link goes, it stops at the root."""
        for target, expected in (("..", "."), ("../../directory", "directory"), ("/", "."), ("/../file", "file")):
            self.link(target)
            self.assertEqual(self.found("link"), expected, target)

    def test_a_file_is_no_directory_on_the_way(self) -> None:
        """Neither a slash nor a dot behind a file is passed over."""
        for target in ("file/", "file/.", "file/..", "file/x"):
            self.link(target)
            error = self.assertRaises(OSError, self.found, "link")
            self.assertEqual(error.errno, errno.ENOTDIR, target)
        self.link("directory/")
        self.assertEqual(self.found("link"), "directory")

    def test_a_loop_ends(self) -> None:
        """A link that leads to itself is followed no more than the bound says."""
        self.link("link")
        error = self.assertRaises(OSError, self.found, "link")
        self.assertEqual(error.errno, errno.ELOOP)

    def test_nothing_is_left_open(self) -> None:
        """Neither a path that is found nor one that is not leaves a descriptor."""
        before = open_descriptors()
        self.link("directory/../directory")
        self.assertEqual(self.found("link"), "directory")
        self.assertRaises(FileNotFoundError, self.found, "directory", "missing", "x")
        self.assertEqual(open_descriptors(), before)

    def test_links_are_plain_where_there_is_no_procfs(self) -> None:
        """Without /proc no link is taken for one of an open file."""

        def no_procfs(path: str) -> os.stat_result:
            raise FileNotFoundError(path)

        self.link("file")
        self.patch(walking, "_status_of", no_procfs)
        self.assertEqual(self.found("link"), "file")
