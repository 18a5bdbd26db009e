# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the folder that a benchmark works in.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.site import site


class SiteTests(SynchronousTestCase):
    """What is served."""

    def setUp(self) -> None:
        self.parent = Path(self.mktemp()).absolute()
        self.parent.mkdir()

    def test_nothing_is_left(self) -> None:
        """Whatever happens, the folder goes."""
        with self.assertRaises(KeyError), site(self.parent) as places:
            places.file(10)
            raise KeyError
        self.assertEqual(list(self.parent.iterdir()), [])

    def test_it_is_in_memory_where_that_can_be(self) -> None:
        """No disk is measured."""
        with site() as places:
            self.assertTrue(places.root.is_dir())
            self.assertEqual(places.folder.parent, Path("/dev/shm"))

    def test_files_are_made_once(self) -> None:
        """A file has the size that was asked for, and is there for every round."""
        with site(self.parent) as places:
            for size in (1, 4096, 3 * 1024 * 1024 + 1):
                path = places.root / places.file(size)
                self.assertEqual(path.stat().st_size, size)
                before = path.stat().st_ino
                places.file(size)
                self.assertEqual(path.stat().st_ino, before)

    def test_directories_are_made_once(self) -> None:
        """A directory has as many entries as were asked for."""
        with site(self.parent) as places:
            for _ in range(2):
                self.assertEqual(len(list((places.root / places.directory(20)).iterdir())), 20)

    def test_uploads_are_taken_away(self) -> None:
        """Each round stores new files; everybody may, since some servers become nobody."""
        with site(self.parent) as places:
            (places.uploads / "new").touch()
            places.clear_uploads()
            self.assertEqual(list(places.uploads.iterdir()), [])
            self.assertEqual(places.uploads.stat().st_mode & 0o777, 0o777)

    def test_configurations_are_nobody_elses(self) -> None:
        """They hold a password."""
        with site(self.parent) as places:
            self.assertEqual(places.write("file", "text").stat().st_mode & 0o777, 0o600)
            self.assertEqual(places.certificate.stat().st_mode & 0o777, 0o600)
