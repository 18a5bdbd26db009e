# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the face of the configuration.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import config


class FaceTests(SynchronousTestCase):
    """Tests for what the package offers."""

    def test_every_name_is_there(self) -> None:
        """Whatever the package names as its own can be had from it."""
        for name in config.__all__:
            self.assertTrue(hasattr(config, name), name)
