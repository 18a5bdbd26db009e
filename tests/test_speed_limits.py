# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.speed_limits.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import User
from ftpserver.core.speed_limits import SpeedLimits


class SpeedLimitsTests(SynchronousTestCase):
    """Which limits a session is under."""

    def rates(self, limits: SpeedLimits, user: User) -> list[float]:
        """Return the rates that a session of *user* passes."""
        return sorted(bucket.rate for bucket in limits.throttle(user).buckets)

    def test_all_limits_hold_together(self) -> None:
        """Server, connection, account and connection of the account each have one, of their direction."""
        user = User("a", read_speed_limit=3, read_speed_limit_per_connection=4, write_speed_limit=5)
        self.assertEqual(self.rates(SpeedLimits("read", 1, 2), user), [1, 2, 3, 4])
        self.assertEqual(self.rates(SpeedLimits("write"), user), [5])

    def test_who_shares_what(self) -> None:
        """Sessions of an account share its limit and that of the server, and have one of their own beside."""
        limits = SpeedLimits("read", 1, 2)
        user = User("a", read_speed_limit=3)
        first, second = limits.throttle(user), limits.throttle(user)
        shared = [bucket.rate for bucket in first.buckets if bucket in second.buckets]
        self.assertEqual(sorted(shared), [1, 3])

    def test_a_changed_limit_counts(self) -> None:
        """An account whose limit has changed meanwhile has the new one in all of its sessions."""
        limits = SpeedLimits("read")
        first = limits.throttle(User("a", read_speed_limit=3))
        limits.throttle(User("a", read_speed_limit=6))
        self.assertEqual([bucket.rate for bucket in first.buckets], [6])

    def test_an_account_is_forgotten(self) -> None:
        """Nothing is kept of an account that nobody is logged in under, however often it is said."""
        limits = SpeedLimits("read")
        user = User("a", read_speed_limit=3)
        limits.throttle(user)
        self.assertEqual(len(limits), 1)
        limits.forget(user)
        limits.forget(user)
        self.assertEqual(len(limits), 0)

    def test_a_wrong_limit_is_told_at_once(self) -> None:
        """A rate of nothing is an error before the first session."""
        self.assertRaises(ValueError, SpeedLimits, "read", 0)
        self.assertRaises(ValueError, SpeedLimits, "read", None, 0)
