# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.speed_limits.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import User
from ftpserver.core.speed_limits import SpeedLimits
from ftpserver.core.throttle import TokenBucket


class SpeedLimitsTests(SynchronousTestCase):
    """Which limits a session is under."""

    def rates(self, limits: SpeedLimits, user: User) -> list[float]:
        """Return the rates that a session of *user* passes."""
        return sorted(bucket.rate for bucket in limits.throttle(user, {}).buckets)

    def test_all_limits_hold_together(self) -> None:
        """Server, connection, account and connection of the account each have one, of their direction."""
        user = User("a", read_speed_limit=3, read_speed_limit_per_connection=4, write_speed_limit=5)
        self.assertEqual(self.rates(SpeedLimits("read", 1, 2), user), [1, 2, 3, 4])
        self.assertEqual(self.rates(SpeedLimits("write"), user), [5])

    def test_who_shares_what(self) -> None:
        """Sessions of an account share its limit and that of the server, and have one of their own beside."""
        limits = SpeedLimits("read", 1, 2)
        user = User("a", read_speed_limit=3)
        first, second = limits.throttle(user, {}), limits.throttle(user, {})
        shared = [bucket.rate for bucket in first.buckets if bucket in second.buckets]
        self.assertEqual(sorted(shared), [1, 3])

    def test_a_changed_limit_counts(self) -> None:
        """An account whose limit has changed meanwhile has the new one in all of its sessions."""
        limits = SpeedLimits("read")
        first = limits.throttle(User("a", read_speed_limit=3), {})
        limits.throttle(User("a", read_speed_limit=6), {})
        self.assertEqual([bucket.rate for bucket in first.buckets], [6])

    def test_an_account_is_forgotten(self) -> None:
        """Nothing is kept of an account that nobody is logged in under, however often it is said."""
        limits = SpeedLimits("read")
        user = User("a", read_speed_limit=3)
        limits.throttle(user, {})
        self.assertEqual(len(limits), 1)
        limits.forget(user, 1.0)
        limits.forget(user, 1.0)
        self.assertEqual(len(limits), 0)

    def test_a_login_pays_no_debts(self) -> None:
        """What an account owes it owes at its next login, and another owes nothing; what is paid is forgotten."""
        limits = SpeedLimits("read")
        user = User("a", read_speed_limit=1000)
        limits.throttle(user, {}).take(5000, 10.0)
        limits.forget(user, 10.0)
        self.assertGreater(limits.throttle(user, {}).take(1, 10.0), 4)
        self.assertEqual(limits.throttle(User("b", read_speed_limit=1000), {}).take(1, 10.0), 0)
        limits.forget(user, 16.0)
        self.assertEqual(limits.throttle(user, {}).take(50, 16.0), 0)

    def test_a_login_makes_no_new_connection(self) -> None:
        """What a connection owes under one account it owes under the next; another connection owes nothing."""
        limits = SpeedLimits("read", None, 1000)
        own: dict[str, TokenBucket] = {}
        for name, limit in (("a", None), ("b", 1000.0)):
            limits.throttle(User(name, read_speed_limit_per_connection=limit), own).take(5000, 10.0)
        throttle = limits.throttle(User("c", read_speed_limit_per_connection=1000), own)
        self.assertEqual(len(throttle.buckets), 2)
        self.assertGreater(throttle.take(1, 10.0), 8)
        self.assertEqual(limits.throttle(User("a"), {}).take(1, 10.0), 0)

    def test_a_wrong_limit_is_told_at_once(self) -> None:
        """A rate of nothing is an error before the first session."""
        self.assertRaises(ValueError, SpeedLimits, "read", 0)
        self.assertRaises(ValueError, SpeedLimits, "read", None, 0)
