# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.bans.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.bans import Ban, BanLedger, BanPolicy, Offence

LOGIN, NOISE = Offence.FAILED_LOGIN, Offence.FOREIGN_PROTOCOL

#: A time of a real clock.
NOW = 1_800_000_000.25

POLICY = BanPolicy(failed_logins=3, foreign_protocols=2, within=100, duration=50, maximum_duration=300)


class PolicyTests(SynchronousTestCase):
    """When addresses are banned."""

    def test_what_cannot_be(self) -> None:
        """A number or a time that makes no sense is an error that names it."""
        wrong: list[dict[str, Any]] = [
            {"failed_logins": 0},
            {"foreign_protocols": 1001},
            {"within": 0},
            {"duration": -1},
            {"maximum_duration": float("inf")},
        ]
        for keywords in wrong:
            with self.assertRaises(ValueError) as caught:
                BanPolicy(**keywords)
            self.assertTrue(str(caught.exception).startswith(next(iter(keywords))), caught.exception)


class LedgerTests(SynchronousTestCase):
    """Offences and bans."""

    def setUp(self) -> None:
        self.ledger = BanLedger(POLICY)

    def offend(self, times: int, source: str = "a", now: float = NOW, offence: Offence = LOGIN) -> Ban | None:
        """Offend so often at once, and return what the last one brought."""
        return [self.ledger.strike(source, offence, now) for _ in range(times)][-1]

    def test_so_many_bring_a_ban(self) -> None:
        """The last of them brings it; it holds for its time, for its source alone, and says what it is for."""
        self.assertIsNone(self.offend(2))
        ban = self.offend(1)
        assert ban is not None
        self.assertEqual((ban.source, ban.reason, ban.until), ("a", "3 failed logins", NOW + 50))
        self.assertIs(self.ledger.find("a", NOW + 49.9), ban)
        self.assertIsNone(self.ledger.find("a", NOW + 50))
        self.assertIsNone(self.ledger.find("b", NOW))

    def test_old_offences_do_not_count(self) -> None:
        """Those that lie further back than the time in which they count together bring nothing."""
        for number in range(10):
            self.assertIsNone(self.ledger.strike("a", LOGIN, NOW + number * 50), number)

    def test_kinds_count_for_themselves(self) -> None:
        """Failed logins and noise are not added up; a kind without a bound is not counted."""
        self.assertIsNone(self.offend(2))
        self.assertIsNone(self.offend(1, offence=NOISE))
        self.assertIsNotNone(self.offend(1, offence=NOISE))
        self.ledger = BanLedger(BanPolicy(failed_logins=None, foreign_protocols=None))
        self.assertIsNone(self.offend(1000))
        self.assertEqual(self.ledger.suspects, 0)

    def test_a_ban_settles_what_was_before(self) -> None:
        """What brought a ban, and what comes while it holds, does not count for the next one."""
        self.assertIsNotNone(self.offend(3))
        self.assertIsNone(self.offend(10, now=NOW + 10))
        self.assertEqual(self.ledger.suspects, 0)
        self.assertIsNone(self.offend(2, now=NOW + 60))

    def test_each_further_ban_is_longer(self) -> None:
        """Each takes twice as long as the one before up to a maximum, and after a long time it is as at first."""
        now = NOW
        for seconds in (50, 100, 200, 300, 300):
            ban = self.offend(3, now=now)
            assert ban is not None
            self.assertEqual(ban.until - ban.since, seconds)
            now = ban.until + 1
        ban = self.offend(3, now=now + 300)
        assert ban is not None
        self.assertEqual(ban.until - ban.since, 50)

    def test_a_maximum_below_the_first_ban_shortens_none(self) -> None:
        """Where the longest ban would be shorter than the first, every ban is as the first."""
        self.ledger = BanLedger(BanPolicy(failed_logins=1, duration=500, maximum_duration=300))
        for now in (NOW, NOW + 501):
            ban = self.offend(1, now=now)
            assert ban is not None
            self.assertEqual(ban.until - ban.since, 500)

    def test_the_end_of_bans(self) -> None:
        """The next end is known, and what is over is given out once."""
        self.assertIsNone(self.ledger.next_end)
        self.offend(3)
        self.offend(3, source="b", now=NOW + 10)
        self.assertEqual(self.ledger.next_end, NOW + 50)
        self.assertEqual([ban.source for ban in self.ledger.active(NOW + 49)], ["a", "b"])
        self.assertEqual([ban.source for ban in self.ledger.active(NOW + 50)], ["b"])
        self.assertEqual([ban.source for ban in self.ledger.take_ended(NOW + 50)], ["a"])
        self.assertEqual(self.ledger.take_ended(NOW + 50), [])
        self.assertEqual(self.ledger.next_end, NOW + 60)

    def test_a_ban_is_lifted(self) -> None:
        """A ban that is lifted holds no more, and the next is a first one; an address stands for its network."""
        for source, name in (("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::/64", "2001:db8::7"), ("a", "a")):
            for given_name in (name, source):
                self.offend(3, source=source)
                ban = self.ledger.lift(given_name)
                assert ban is not None
                self.assertEqual((ban.source, ban.until), (source, NOW + 50))
                self.assertIsNone(self.ledger.find(source, NOW))
            self.assertIsNone(self.ledger.lift(name))

    def test_the_tables_have_bounds(self) -> None:
        """However many come, what is kept has a bound, and what was heard last is kept."""
        self.ledger = BanLedger(POLICY, maximum_suspects=5, maximum_bans=4)
        for number in range(100):
            self.offend(2, source=f"suspect {number}")
        self.assertEqual(self.ledger.suspects, 5)
        for number in range(100):
            self.offend(3, source=f"banned {number}")
        self.assertEqual((len(self.ledger.active(NOW)), self.ledger.records), (4, 4))
        self.assertIsNotNone(self.ledger.find("banned 99", NOW))
        self.assertIsNone(self.ledger.find("banned 0", NOW))

    def test_those_that_count_no_more_are_forgotten(self) -> None:
        """The table of suspects becomes small by itself while others come."""
        for number in range(100):
            self.offend(1, source=str(number))
        for number in range(60):
            self.offend(1, source="late", now=NOW + 100 + number * 60)
        self.assertEqual(self.ledger.suspects, 1)

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([LOGIN, NOISE]), st.floats(0, 60)), max_size=60))
    def test_a_ban_comes_exactly_when_it_should(self, offences: list[tuple[str, Offence, float]]) -> None:
        """It comes with the offence that completes the number within the time, and holds for as long as it says."""
        ledger, now = BanLedger(POLICY), NOW
        counted: dict[tuple[str, Offence], list[float]] = {}
        until = {"a": NOW, "b": NOW}
        for source, offence, wait in offences:
            now += wait
            ban = ledger.strike(source, offence, now)
            if now < until[source]:
                self.assertIsNone(ban)
                continue
            times = counted.setdefault((source, offence), [])
            times.append(now)
            recent = [time for time in times if now - time < POLICY.within]
            self.assertEqual(ban is not None, len(recent) >= (POLICY.bound(offence) or 0))
            if ban is not None:
                until[source] = ban.until
                counted = {key: value for key, value in counted.items() if key[0] != source}
            self.assertEqual(ledger.find(source, now), ban)
