# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.holding`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.errors import StorageFailure
from ftpserver.pathio.holding import HeldDescriptor


class HeldDescriptorTests(SynchronousTestCase):
    """A descriptor is closed once, and never while a call uses it."""

    def setUp(self) -> None:
        self.closed: list[int] = []
        self.held = HeldDescriptor(7, self.closed.append)

    def test_is_closed_once(self) -> None:
        """Closing again does nothing."""
        self.held.close()
        self.held.close()
        self.assertEqual(self.closed, [7])

    def test_is_closed_when_the_last_user_is_done(self) -> None:
        """While calls use the descriptor it stays open, for each of them."""
        with self.held as one:
            with self.held as other:
                self.held.close()
                self.assertEqual((one, other), (7, 7))
            self.assertEqual(self.closed, [])
        self.assertEqual(self.closed, [7])

    def test_stays_open_after_use(self) -> None:
        """A call that is done leaves the descriptor open for the next."""
        for _ in range(2):
            with self.held as descriptor:
                self.assertEqual(descriptor, 7)
        self.assertEqual(self.closed, [])

    def test_cannot_be_used_when_closed(self) -> None:
        """Who comes too late does not get a number that is somebody else's by now."""
        self.held.close()
        with self.assertRaises(StorageFailure), self.held:
            self.fail("the block was entered")
        self.assertEqual(self.closed, [7])
