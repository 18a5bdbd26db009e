# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the order of rounds.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.cases import CASES
from benchmarks.peers import Given
from benchmarks.peers.python import TwistedFTP
from benchmarks.running import turns, unfit


class TurnTests(SynchronousTestCase):
    """Who comes when."""

    def test_every_other_round_goes_the_other_way(self) -> None:
        """Who was first is last in the next round, so that nobody gains by the order."""
        self.assertEqual([turns("abc", number) for number in range(3)], [list("abc"), list("cba"), list("abc")])


class FitnessTests(SynchronousTestCase):
    """Which cases a server takes part in."""

    def test_what_a_server_cannot_do_is_told(self) -> None:
        """A server without TLS, limits or MLSD is left out of those cases, with the reason."""
        peer = TwistedFTP.find(Given())
        reasons = [unfit(CASES[name], peer) for name in ("download", "download_tls", "limited_upload", "mlsd")]
        self.assertEqual(reasons, [None, "no TLS", "no speed limits", "no MLSD"])
