# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for Landlock as the kernel offers it.

What the wall does to a process that stands behind it is tested in tests.test_confinement, in a process of its own:
there is no way back.
"""

from __future__ import annotations

import errno
import os

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ftpserver.walls.landlock import Access, Landlock, Scope, accesses, scopes

__all__ = ["version_here"]


def version_here() -> int:
    """Return the version of the interface of this kernel; skip the test where it has none."""
    try:
        return Landlock().version()
    except OSError as error:
        raise SkipTest(f"this kernel has no Landlock: {error.strerror}") from error


class VersionsTests(SynchronousTestCase):
    """Tests for what each version of the interface knows."""

    def test_the_first_version(self) -> None:
        """The first version takes away 13 rights and can neither allow moving, nor forbid truncating."""
        first = accesses(1)
        self.assertEqual(first.bit_count(), 13)
        self.assertFalse(first & (Access.REFER | Access.TRUNCATE | Access.IOCTL_DEV))

    def test_later_versions(self) -> None:
        """Each right is asked for from the version on that knows it, and whatever version comes later."""
        for since, access in ((2, Access.REFER), (3, Access.TRUNCATE), (5, Access.IOCTL_DEV)):
            self.assertFalse(accesses(since - 1) & access, access)
            self.assertEqual(accesses(since) & access, access)
        self.assertEqual(accesses(99), accesses(5))
        self.assertEqual(accesses(5), sum(Access))

    def test_reaching_other_processes(self) -> None:
        """Signals and sockets without a file are kept in from the sixth version on."""
        self.assertEqual(scopes(5), Scope(0))
        self.assertEqual(scopes(6), Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET)


class CallsTests(SynchronousTestCase):
    """Tests for the system calls that restrict nobody."""

    def setUp(self) -> None:
        """Ask the kernel."""
        self.version = version_here()
        self.system = Landlock()

    def test_rules_can_be_made(self) -> None:
        """The kernel takes every right of its version, rules for a directory, and what fits a file of one for that."""
        access = accesses(self.version)
        rules = self.system.create(access, scopes(self.version))
        self.addCleanup(os.close, rules)
        for path in ("/", __file__):
            place = self.system.open(path)
            self.addCleanup(os.close, place)
            self.system.allow(rules, place, access)

    def test_a_refusal_is_an_error(self) -> None:
        """What the kernel refuses is an OSError with its number."""
        error = self.assertRaises(OSError, self.system.create, Access(1 << 60), Scope(0))
        self.assertEqual(error.errno, errno.EINVAL)
        error = self.assertRaises(OSError, self.system.restrict, -1)
        self.assertIn(error.errno, (errno.EBADF, errno.EPERM))

    def test_threads_are_counted(self) -> None:
        """The process has one thread at least."""
        self.assertGreaterEqual(self.system.threads(), 1)
