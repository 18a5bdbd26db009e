# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.procfs`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio.procfs import descriptors_of_this_process, place_of, reopen


class ProcfsTests(SynchronousTestCase):
    """What procfs says of open descriptors."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.write_bytes(b"content")
        self.descriptor = os.open(self.path, os.O_PATH)
        self.addCleanup(os.close, self.descriptor)

    def test_a_descriptor_has_a_place(self) -> None:
        """It is the real path."""
        self.assertEqual(place_of(self.descriptor), str(self.path))

    def test_a_descriptor_is_opened_again(self) -> None:
        """To read what could not be read through it."""
        opened = reopen(self.descriptor, os.O_RDONLY)
        self.addCleanup(os.close, opened)
        self.assertEqual(os.read(opened, 100), b"content")

    def test_the_directory_is_opened_once(self) -> None:
        """Each call gets the same descriptor."""
        self.assertEqual(descriptors_of_this_process(), descriptors_of_this_process())

    def test_a_child_has_its_own(self) -> None:
        """After a fork the descriptors of the parent are not those of the child."""
        descriptors_of_this_process()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            # Only os._exit leaves the runner of the tests alone.
            try:
                os.dup2(self.descriptor, 200)
                os.write(writing, os.fsencode(place_of(200)))
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        self.assertEqual(os.read(reading, 4096), os.fsencode(self.path))
        os.close(reading)
