# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.mount_table`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.pathio.mount_table import MountEntry, MountTable

TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,casefold
31 27 0:40 / /srv/with\\040blank rw - nfs4 server:/export rw,vers=4.2
32 27 0:41 / /home rw - autofs auto.home
33 31 0:42 / /srv/with\\040blank/below rw - fuse.sshfs host: rw
nonsense
34 27 0:43 / /short rw - tmpfs
"""


class MountTableTests(SynchronousTestCase):
    """Mounts are looked up by the descriptors that are on them."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        self.base.mkdir()
        (self.base / "table").write_text(TABLE)

    def entry(self, notes: str) -> MountEntry | None:
        """Return the mount of a descriptor on which the system has these notes."""
        (self.base / "5").write_text(notes)
        return MountTable(str(self.base / "table"), str(self.base)).entry_of(5)

    def test_a_mount_tells_its_kind_and_what_is_mounted_on_it(self) -> None:
        """Blanks are blanks, and mounts of mounts belong to those."""
        self.assertEqual(
            self.entry("pos:\t0\nmnt_id:\t27\nino:\t5\n"),
            MountEntry(
                "ext4",
                "/",
                frozenset({"rw", "casefold"}),
                (("/proc", "proc"), ("/srv/with blank", "nfs4"), ("/home", "autofs")),
            ),
        )
        network = self.entry("mnt_id:\t31\n")
        assert network is not None
        self.assertEqual(
            (network.point, network.mounts_on_it), ("/srv/with blank", (("/srv/with blank/below", "fuse.sshfs"),))
        )
        without_options = self.entry("mnt_id:\t32\n")
        assert without_options is not None
        self.assertEqual((without_options.kind, without_options.options), ("autofs", frozenset()))

    def test_what_is_not_in_the_table_is_not_known(self) -> None:
        """Neither a mount that the table does not have, nor notes without one."""
        for notes in ("mnt_id:\t99\n", "pos:\t0\n", "mnt_id:\t34\n"):
            self.assertIsNone(self.entry(notes), notes)

    def test_without_procfs_nothing_is_known(self) -> None:
        """No mount is found, and each time it may be another one."""
        table = MountTable(str(self.base / "nothing"), str(self.base / "nothing"))
        self.assertIsNone(table.entry_of(5))
        self.assertTrue(table.has_changed())
        self.assertTrue(table.has_changed())
        table.close()

    def test_the_real_table_knows_the_real_mounts(self) -> None:
        """The root of the machine is mounted on /, and procfs is procfs."""
        table = MountTable()
        for path, kind in (("/", None), ("/proc", "proc")):
            descriptor = os.open(path, os.O_PATH)
            entry = table.entry_of(descriptor)
            os.close(descriptor)
            assert entry is not None
            self.assertEqual(entry.point, path)
            self.assertIn(kind, (None, entry.kind))

    def test_the_first_look_sees_a_change(self) -> None:
        """After that, the table is as it was."""
        table = MountTable()
        self.addCleanup(table.close)
        self.assertTrue(table.has_changed())
        self.assertFalse(table.has_changed())
        table.close()
        self.assertTrue(table.has_changed())

    def test_a_new_mount_is_a_change(self) -> None:
        """One that comes, and one that goes."""
        table = MountTable()
        self.addCleanup(table.close)
        point = self.base.absolute() / "point"
        point.mkdir()
        table.has_changed()
        for command in (["mount", "-t", "tmpfs", "none", str(point)], ["umount", str(point)]):
            if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
                raise self.skipTest("only root mounts something, and not in every container")
            self.assertTrue(table.has_changed())
            self.assertFalse(table.has_changed())
