# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.leftovers`: what a killed server leaves is cleared, and nothing else.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from ftpserver.core.paths import ROOT, resolve
from ftpserver.pathio.leftovers import LEFTOVER_AFTER, clear_leftover, hidden_name, is_hidden
from tests.local_store import LocalStoreTestCase, NoUnnamedFiles

#: Uploads a part, says so, and waits to be killed.
UPLOADING = """
import os, sys
from twisted.internet.defer import ensureDeferred
from ftpserver.core.paths import resolve
from ftpserver.pathio.local import PathIO
from tests.local_store import FailingSystem, NoUnnamedFiles

async def upload():
    system = NoUnnamedFiles() if sys.argv[2] == "named" else FailingSystem()
    file = await PathIO.at(sys.argv[1], system=system).open(resolve("/file"), "wb")
    await file.write(b"a part")
    return file

file = ensureDeferred(upload()).result
print("written", flush=True)
sys.stdin.read()
"""


class LeftoverTestCase(LocalStoreTestCase):
    """Tests that make leftovers."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = os.open(self.root, os.O_RDONLY)
        self.addCleanup(os.close, self.directory)

    def leave(self, *, age: float = LEFTOVER_AFTER + 60, name: str = "") -> Path:
        """Make a hidden file of a dead upload."""
        path = self.root / (name or hidden_name())
        path.write_bytes(b"a part")
        self.let_age(path, age)
        return path

    def let_age(self, path: Path, age: float) -> None:
        """Let the last change of a file be *age* seconds ago."""
        moment = time.time() - age
        os.utime(path, (moment, moment))

    def clear(self, path: Path) -> bool:
        """Clear one name."""
        return clear_leftover(self.system, path.name, self.directory)


class ClearLeftoverTests(LeftoverTestCase):
    """Only what is old, free and of an upload is removed."""

    def test_hidden_names_are_known(self) -> None:
        """No client can use a name that an upload may have."""
        self.assertTrue(is_hidden(hidden_name()))
        self.assertNotEqual(hidden_name(), hidden_name())
        self.assertFalse(is_hidden(".hidden"))

    def test_an_old_leftover_is_removed(self) -> None:
        """An hour after the last octet, what nobody has open goes."""
        path = self.leave()
        self.assertTrue(self.clear(path))
        self.assertFalse(path.exists())

    def test_a_young_one_stays(self) -> None:
        """An upload that has just begun may have no lock yet."""
        path = self.leave(age=LEFTOVER_AFTER - 60)
        self.assertFalse(self.clear(path))
        self.assertTrue(path.exists())

    def test_a_locked_one_stays(self) -> None:
        """An upload that is silent for hours is still one."""
        path = self.leave()
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertFalse(self.clear(path))
        self.assertTrue(path.exists())

    def test_only_regular_files_with_such_a_name_go(self) -> None:
        """Links, FIFOs, directories and other hidden names are none of the server's making."""
        link, fifo, directory = (self.root / hidden_name() for _ in range(3))
        link.symlink_to(self.leave(name="target"))
        os.mkfifo(fifo)
        directory.mkdir()
        self.let_age(fifo, LEFTOVER_AFTER + 60)
        for path in (link, fifo, directory, self.leave(name=".ftpserver-x"), self.leave(name=".ftpserver-.part")):
            self.assertFalse(self.clear(path), path.name)
        self.assertEqual(len(self.names()), 6)

    def test_a_vanished_one_is_no_failure(self) -> None:
        """Two listings at once may both meet it."""
        self.assertFalse(self.clear(self.root / hidden_name()))

    def test_where_there_are_no_locks_nothing_goes(self) -> None:
        """Without a lock nobody knows whether the upload lives."""
        self.system.failures["lock"] = errno.EOPNOTSUPP
        path = self.leave()
        self.assertFalse(self.clear(path))
        self.assertTrue(path.exists())

    def test_a_read_only_one_goes(self) -> None:
        """The part of an upload that was to replace a read-only file is cleared by its owner."""
        path = self.leave()
        path.chmod(0o400)
        with self.unprivileged():
            self.assertTrue(self.clear(path))

    def test_one_that_may_not_be_removed_stays(self) -> None:
        """A directory that may not be written keeps it, and the listing goes on."""
        path = self.leave()
        self.root.chmod(0o500)
        self.addCleanup(self.root.chmod, 0o700)
        with self.unprivileged():
            self.assertFalse(self.clear(path))
        self.assertTrue(path.exists())


class ListingTests(LeftoverTestCase):
    """Listings show no hidden names, and clear what is dead."""

    def test_list_clears(self) -> None:
        """After NLST of a directory its leftovers are gone."""
        young = self.leave(age=0)
        self.leave()
        self.upload("/file")
        self.assertEqual(self.run_now(self.store.list(ROOT)), ["file"])
        self.assertEqual(self.names(), [young.name, "file"])

    def test_scan_clears(self) -> None:
        """After LIST of a directory its leftovers are gone."""
        self.leave()
        self.upload("/file")
        batches = self.run_now(self.store.scan(ROOT, 10))
        self.assertEqual([name for name, _ in self.run_now(anext(batches))], ["file"])
        self.assertEqual(self.names(), ["file"])
        self.run_now(batches.aclose())

    def test_a_living_upload_is_never_cleared(self) -> None:
        """However long nothing came, the upload can be finished."""
        store = self.make_store(system=NoUnnamedFiles())
        file = self.run_now(store.open(resolve("/file"), "wb"))
        self.run_now(file.write(b"whole"))
        (hidden,) = self.names()
        self.let_age(self.root / hidden, 10 * LEFTOVER_AFTER)
        self.assertEqual(self.run_now(self.store.list(ROOT)), [])
        self.run_now(file.close())
        self.assertEqual(self.read("/file"), b"whole")


class KilledTests(LeftoverTestCase):
    """A server that is killed leaves nothing that looks like a file."""

    def kill_while_uploading(self, kind: str) -> None:
        """Let another process upload a part, and kill it."""
        command = [sys.executable, "-c", UPLOADING, str(self.root), kind]
        path = os.pathsep.join(filter(None, sys.path))
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        ) as process:
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"written\n")
            process.kill()

    def test_nothing_is_left_of_a_file_without_a_name(self) -> None:
        """Where the file system can, the part vanishes with the process."""
        self.kill_while_uploading("unnamed")
        if any(map(is_hidden, self.names())):
            raise self.skipTest("this file system has no files without a name")
        self.assertEqual(self.names(), [])

    def test_a_hidden_name_is_cleared_later(self) -> None:
        """Else the part has a hidden name, which the first listing after an hour clears."""
        self.kill_while_uploading("named")
        (hidden,) = self.names()
        self.assertTrue(is_hidden(hidden))
        self.assertEqual(self.run_now(self.store.list(ROOT)), [])
        self.assertEqual(self.names(), [hidden])
        self.let_age(self.root / hidden, LEFTOVER_AFTER + 60)
        self.assertEqual(self.run_now(self.store.list(ROOT)), [])
        self.assertEqual(self.names(), [])
