# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Random transfers of every kind, many at a time; :mod:`.random_transfers` makes thousands of them.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from .random_transfers import Campaign
from .random_transfers_models import Upload, difference, from_network, to_network

SESSIONS = 8


class RandomTransfersTests(SynchronousTestCase):
    """Transfers of random sizes, offsets, types and directions, ended at random points, as clients see them."""

    def assert_all_well(self, seed: int, transfers: int, pump: str) -> None:
        """Make the transfers of a seed, and expect what must be to be there, and nothing else."""
        campaign = Campaign(seed, pump)
        campaign.run(transfers, SESSIONS)
        if campaign.failures:
            self.fail(campaign.summary())
        self.assertEqual(campaign.counts["transfers"], transfers)

    def test_files_are_moved_by_the_kernel(self) -> None:
        """Every file is what was sent, no aborted transfer is taken for whole, and nothing is left behind."""
        self.assert_all_well(1, 300, "auto")

    def test_files_are_moved_by_the_server(self) -> None:
        """The same holds where the kernel cannot move files."""
        self.assert_all_well(2, 200, "portable")


class ModelTests(SynchronousTestCase):
    """What the transfers are compared with."""

    def test_line_ends(self) -> None:
        """TYPE A gives lines CRLF and takes it off again; a CR alone stays."""
        self.assertEqual(to_network(b"a\nb\r\nc\rd\n\ne\r\r\n"), b"a\r\nb\r\nc\rd\r\n\r\ne\r\r\n")
        self.assertEqual(from_network(b"a\r\nb\nc\rd\r\r\n\r"), b"a\nb\nc\rd\r\n\r")

    def test_a_difference_is_told(self) -> None:
        """Octets that are wrong, too few or too many are noticed, and where."""
        self.assertEqual(difference(b"abc", b"abc"), "")
        self.assertEqual(difference(None, None), "")
        for found, agreed in ((b"abX", 2), (b"ab", 2), (b"abcd", 3), (b"", 0)):
            self.assertIn(f"the same up to octet {agreed}", difference(found, b"abc"))
        self.assertEqual(difference(None, b"abc"), "no file instead of 3 octets")

    def assert_upload(self, upload: Upload, whole: bytes, after_failure: tuple[bytes | None, ...]) -> None:
        """Expect *upload* to leave this after success, and any of those, yet no mixture, after a failure."""
        self.assertEqual(upload.success(whole), "")
        for found in after_failure:
            self.assertEqual(upload.failure(found), "", found)
        for found in (None, b"", b"OLD", b"new", b"ne", b"neD", b"OLDn", b"Onew", b"OneL", b"mixture"):
            self.assertEqual(upload.failure(found) == "", found in after_failure, found)

    def test_new_files(self) -> None:
        """A part of a new file is its beginning, where parts are kept."""
        new = Upload(None, b"new", None, appends=False, is_atomic=True, keeps=True)
        self.assert_upload(new, b"new", (None, b"ne", b"new"))
        removed = Upload(None, b"new", None, appends=False, is_atomic=False, keeps=False)
        self.assert_upload(removed, b"new", (None,))

    def test_replaced_files(self) -> None:
        """A file that was not replaced is as it was, or begins the new one where it is written in place."""
        atomic = Upload(b"OLD", b"new", None, appends=False, is_atomic=True, keeps=True)
        self.assert_upload(atomic, b"new", (b"OLD",))
        in_place = Upload(b"OLD", b"new", None, appends=False, is_atomic=False, keeps=False)
        self.assert_upload(in_place, b"new", (b"OLD", b"ne", b"new"))

    def test_files_that_are_changed(self) -> None:
        """What is appended, or written behind an offset, changes nothing else."""
        appended = Upload(b"OLD", b"new", None, appends=True, is_atomic=True, keeps=False)
        self.assert_upload(appended, b"OLDnew", (b"OLD", b"OLDn"))
        behind = Upload(b"OLD", b"new", 1, appends=False, is_atomic=True, keeps=False)
        self.assert_upload(behind, b"Onew", (b"OLD", b"Onew"))
        begun = Upload(b"OLD", b"n", 1, appends=False, is_atomic=True, keeps=False)
        self.assertEqual(begun.success(b"OnD"), "")
