# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.uploads.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.uploads import UploadPolicy


class UploadPolicyTests(SynchronousTestCase):
    """How uploads are treated."""

    def test_by_default_no_reader_sees_half_a_file(self) -> None:
        """An upload replaces its target when it is whole; a part can be resumed; no disk is waited for."""
        self.assertEqual(UploadPolicy(), UploadPolicy(atomic=True, partial="keep", fsync="never"))

    def test_a_policy_does_not_change(self) -> None:
        """A policy holds for the whole life of a server."""
        self.assertRaises(FrozenInstanceError, setattr, UploadPolicy(), "atomic", False)
