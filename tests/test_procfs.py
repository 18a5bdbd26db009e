# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.procfs`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio.procfs import descriptors_of_this_process, place_of, reopen

FORKING = """
import os, sys
from ftpserver.pathio.procfs import descriptors_of_this_process, place_of
descriptors_of_this_process()
if os.fork() == 0:
    os.dup2(os.open(sys.argv[1], os.O_RDONLY), 200)
    os.write(1, os.fsencode(place_of(200)))
    os._exit(0)
os.wait()
"""


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
        # In a process of its own: one with threads had better not fork.
        done = subprocess.run([sys.executable, "-c", FORKING, self.path], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, str(self.path))
