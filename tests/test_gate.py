# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.gate.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver import BanPolicy, Server
from ftpserver.core import replies
from ftpserver.core.events import (
    BanEnded,
    Banned,
    ConnectionRefused,
    Disconnected,
    Event,
    ForeignProtocol,
    LoginFailed,
    MoreRefused,
)
from ftpserver.gate import (
    EXPLANATIONS,
    REFUSAL_INTERVAL,
    REFUSALS_AT_ONCE,
    REFUSALS_TOLD,
    Gate,
    GuardedFactory,
    Refusals,
    TurnedAway,
)
from ftpserver.interfaces import IObserver
from ftpserver.observers.publisher import Publisher
from ftpserver.testing import Dialogue
from ftpserver.testing.dialogue import RecordedEvents

from .conversation import ConversationTestCase

POLICY = BanPolicy(failed_logins=3, foreign_protocols=2, within=100, duration=50)

#: An attacker, somebody else, and one of a network that is trusted.
BAD, GOOD, TRUSTED = "192.0.2.1", "192.0.2.2", "10.0.0.1"


class GateTestCase(SynchronousTestCase):
    """A test case with a gate, a clock, and all that the gate tells."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.events = RecordedEvents()
        self.publisher = Publisher([self.events])

    def gate(self, **keywords: Any) -> Gate:
        """Return a gate that bans."""
        keywords.setdefault("trusted", ["10.0.0.0/8"])
        return Gate(self.clock, self.publisher, **{"bans": POLICY, **keywords})

    def guess(self, host: str = BAD, times: int = 1, *, guessed: bool = True) -> None:
        """Publish so many failed logins."""
        for _ in range(times):
            event = LoginFailed(
                time=0, session="1-1", sequence=1, peer=host, user="a", reason="wrong password", guessed=guessed
            )
            self.publisher.publish(event)

    def told(self, *kinds: type[Event]) -> list[Event]:
        """Return the events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]


class RefusalsTests(GateTestCase):
    """What is told of clients that are turned away."""

    def test_a_flood_is_told_by_its_number(self) -> None:
        """The first ones are told one by one, and the others together after a while, each of them once."""
        refusals = Refusals(self.clock, self.publisher)
        for _ in range(1000):
            refusals.tell(BAD, "too many connections")
        self.assertEqual(len(self.told(ConnectionRefused)), REFUSALS_AT_ONCE)
        self.clock.advance(REFUSALS_TOLD)
        counted = [event.count for event in self.events.of(MoreRefused)]
        self.assertEqual(counted, [1000 - REFUSALS_AT_ONCE])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_long_flood_costs_few_lines(self) -> None:
        """An hour of a hundred refusals a second is told in a few lines a minute, and none is lost."""
        refusals = Refusals(self.clock, self.publisher)
        for _ in range(3600):
            for _ in range(100):
                refusals.tell(BAD, "too many connections")
            self.clock.advance(1)
        refusals.tell_rest()
        self.assertLess(len(self.events), 3600 / REFUSAL_INTERVAL + 3600 / REFUSALS_TOLD + REFUSALS_AT_ONCE + 2)
        counted = sum(event.count for event in self.events.of(MoreRefused))
        self.assertEqual(counted + len(self.told(ConnectionRefused)), 360_000)

    def test_nothing_is_told_of_nobody(self) -> None:
        """Where all were told one by one, there is no line about the rest."""
        refusals = Refusals(self.clock, self.publisher)
        refusals.tell(BAD, "too many connections")
        refusals.tell_rest()
        self.assertEqual(len(self.events), 1)


class GateTests(GateTestCase):
    """Who may connect."""

    def test_it_is_an_observer(self) -> None:
        """It keeps what the interface of observers says."""
        self.assertTrue(verifyObject(IObserver, self.gate()))

    def test_networks(self) -> None:
        """Denied networks are turned away, before the rate and the bans; a client without an address is not."""
        gate = self.gate(denied=["192.0.2.0/24"])
        for host, expected in ((BAD, True), (TRUSTED, False), ("2001:db8::1", False), ("", False)):
            self.assertEqual((gate.refuses_arrival(host), gate.refuses(host)), (expected, expected), host)
        self.assertEqual(
            [event.reason for event in self.events.of(ConnectionRefused)],
            ["its network is not allowed"],
        )

    def test_only_some_networks(self) -> None:
        """Where networks are allowed, all others are turned away, those that are trusted as well."""
        gate = self.gate(allowed=["192.0.2.0/24"])
        self.assertEqual([gate.refuses_arrival(host) for host in (BAD, TRUSTED, "::1")], [False, True, True])

    def test_the_rate(self) -> None:
        """So many connections are let in at once, then as many a minute; the trusted and others are not held up."""
        gate = self.gate(per_minute=6)
        self.assertEqual([gate.refuses_arrival(BAD) for _ in range(8)], [False] * 6 + [True] * 2)
        self.assertEqual([gate.refuses_arrival(host) for host in (GOOD, *[TRUSTED] * 9)], [False] * 10)
        self.clock.advance(10)
        self.assertEqual([gate.refuses_arrival(BAD) for _ in range(2)], [False, True])
        self.assertFalse(gate.refuses(BAD), "to be asked about does not count")
        gate.stop()

    def test_a_rate_that_lets_nobody_in(self) -> None:
        """No connection a minute is a mistake."""
        self.assertRaises(ValueError, self.gate, per_minute=0)
        self.assertRaises(ValueError, Server, connections_per_minute_per_host=0, reactor=self.clock)
        self.assertRaises(ValueError, Server, denied_networks=["example.org"], reactor=self.clock)

    def test_addresses_of_one_network_of_ipv6_are_one(self) -> None:
        """An attacker does not get around rate or ban with the addresses of a /64 network."""
        gate = self.gate(per_minute=6)
        hosts = [f"2001:db8::{number:x}" for number in range(1, 9)]
        self.assertEqual([gate.refuses_arrival(host) for host in hosts], [False] * 6 + [True] * 2)
        for host in hosts[:3]:
            self.guess(host)
        self.assertTrue(gate.refuses("2001:db8::ffff"))
        self.assertFalse(gate.refuses("2001:db8:0:1::1"))
        self.assertEqual([ban.source for ban in gate.bans], ["2001:db8::/64"])
        gate.stop()

    def test_failed_logins_bring_a_ban(self) -> None:
        """The address is turned away until the ban is over; one line tells of its begin, and one of its end."""
        gate = self.gate()
        self.guess(times=2)
        self.assertFalse(gate.refuses_arrival(BAD))
        self.guess()
        self.assertEqual([gate.refuses_arrival(host) for host in (BAD, f"::ffff:{BAD}", GOOD)], [True, True, False])
        for _ in range(998):
            self.assertTrue(gate.refuses_arrival(BAD))
        self.clock.advance(49.9)
        self.assertTrue(gate.refuses(BAD))
        self.clock.advance(0.2)
        self.assertFalse(gate.refuses(BAD))
        first, last = self.told(Banned, BanEnded, ConnectionRefused)
        assert isinstance(first, Banned)
        assert isinstance(last, BanEnded)
        self.assertEqual((first.source, first.reason, first.seconds), (BAD, "3 failed logins", 50))
        self.assertEqual((last.source, last.refused), (BAD, 1000))
        self.assertEqual((gate.bans, self.clock.getDelayedCalls()), ([], []))

    def test_what_is_no_guess_brings_none(self) -> None:
        """A right password that lets in nobody just now is no offence."""
        gate = self.gate()
        self.guess(times=10, guessed=False)
        self.assertFalse(gate.refuses(BAD))

    def test_the_trusted_are_not_banned(self) -> None:
        """Neither a trusted network nor a client without an address is ever banned."""
        gate = self.gate()
        for host in (TRUSTED, ""):
            self.guess(host, times=10)
            self.assertFalse(gate.refuses(host))
        self.assertEqual(gate.bans, [])

    def test_without_a_policy(self) -> None:
        """A gate that does not ban counts nothing, and there is nothing to lift."""
        gate = self.gate(bans=None)
        self.guess(times=100)
        gate(self.events[0])
        self.assertEqual((gate.refuses(BAD), gate.bans, gate.lift(BAD)), (False, [], False))
        gate.start()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_ban_is_lifted(self) -> None:
        """Whom somebody lifts the ban of may connect at once, and there is no second end."""
        gate = self.gate()
        self.assertFalse(gate.lift(BAD))
        self.guess(times=3)
        self.assertTrue(gate.lift(f"::ffff:{BAD}"))
        self.assertFalse(gate.refuses_arrival(BAD))
        self.clock.advance(100)
        self.assertEqual(len(self.told(BanEnded)), 1)

    def test_a_server_that_stops_and_starts(self) -> None:
        """A gate that was stopped leaves no timer; the ban holds on, and its end is told once it was started again."""
        gate = self.gate()
        self.guess(times=3)
        gate.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(gate.refuses(BAD))
        self.clock.advance(100)
        gate.start()
        self.clock.advance(0)
        self.assertEqual(len(self.told(BanEnded)), 1)

    def test_who_is_banned_is_told(self) -> None:
        """The server hears of each ban, and of every further failure of who is banned."""
        gate = self.gate()
        sources: list[str] = []
        gate.on_ban = sources.append
        self.guess(times=3)
        self.guess(GOOD)
        self.guess()
        self.assertEqual(sources, [BAD, BAD])
        gate.stop()


class GuardedFactoryTests(GateTestCase):
    """What becomes of a connection."""

    def build(self, gate: Gate, host: str, *, speaks: bool = True) -> Any:
        """Return what is made for a client."""
        factory = GuardedFactory(Factory.forProtocol(Protocol), gate, speaks=speaks)
        return factory.buildProtocol(IPv4Address("TCP", host, 40000))

    def test_who_may_connect_is_served(self) -> None:
        """The protocol is that of the factory; a client of a Unix socket gets one, too."""
        gate = self.gate()
        self.assertIs(type(self.build(gate, GOOD)), Protocol)
        factory = GuardedFactory(Factory.forProtocol(Protocol), gate, speaks=True)
        self.assertIs(type(factory.buildProtocol(UNIXAddress(None))), Protocol)
        self.assertIs(type(factory.buildProtocol(None)), Protocol)

    def test_nothing_is_made_for_others(self) -> None:
        """A client of a denied network, or one that comes too often, gets nothing at all."""
        gate = self.gate(denied=[BAD], per_minute=1)
        self.assertIsNone(self.build(gate, BAD))
        self.build(gate, GOOD)
        self.assertIsNone(self.build(gate, GOOD))

    def test_a_ban_is_explained_a_few_times(self) -> None:
        """The first connections of a ban hear 421 and are closed; those after them are closed in silence."""
        gate = self.gate()
        self.guess(times=3)
        kinds = [type(self.build(gate, BAD)) for _ in range(EXPLANATIONS + 5)]
        self.assertEqual(kinds, [TurnedAway] * EXPLANATIONS + [type(None)] * 5)
        protocol, transport = TurnedAway(), StringTransport()
        protocol.makeConnection(transport)
        self.assertEqual((transport.value()[:4], transport.disconnecting), (b"421 ", True))
        gate.stop()

    def test_nothing_is_explained_where_nobody_would_understand(self) -> None:
        """Where TLS begins at once, a line in clear would be noise."""
        gate = self.gate()
        self.guess(times=3)
        self.assertIsNone(self.build(gate, BAD, speaks=False))
        gate.stop()


class DialogueTests(ConversationTestCase):
    """Bans as a client sees them."""

    def begin(self, host: str = BAD, **keywords: Any) -> Dialogue:
        """Return a dialogue with a server that bans."""
        policy = BanPolicy(failed_logins=3, foreign_protocols=1, duration=50)
        server = {"bans": policy, "failed_login_delay": 0, "maximum_login_attempts": 10, **keywords}
        dialogue = self.converse(client_host=host, **server)
        self.addCleanup(dialogue.server.gate.stop)
        return dialogue

    def test_a_guesser_is_banned(self) -> None:
        """The session of the last guess ends, a new one is turned away, others are served, and time heals."""
        first = self.begin()
        server = first.server
        neighbour = self.converse(server=server, client_host=BAD)
        neighbour.login()
        for _ in range(2):
            first.login(password="wrong", expect=530)
        first.say("USER user", expect=331)
        first.send(b"PASS wrong\r\nUSER user\r\nPASS password\r\n")
        self.assertTrue(first.is_closed)
        self.assertEqual(first.last_reply, replies.BANNED)
        self.assertNotIn(230, first.codes())
        self.assertEqual(self.converse(server=server, client_host=BAD).replies(), [replies.BANNED])
        self.assertEqual(self.converse(server=server, client_host=GOOD).codes(), [220])
        neighbour.say("NOOP", expect=200)
        neighbour.advance(51)
        self.assertEqual(self.converse(server=server, client_host=BAD).codes(), [220])
        self.assertEqual(len(first.events.of(BanEnded)), 1)

    def test_connections_kept_for_more_guesses_are_closed(self) -> None:
        """Whoever has opened many connections before the ban has nothing of them, whatever they wait for."""
        first = self.begin(failed_login_delay=5)
        others = [self.converse(server=first.server, client_host=BAD) for _ in range(4)]
        for guesser in (first, *others[:2]):
            guesser.say("USER user", expect=331)
            guesser.send(b"PASS wrong\r\n")
        self.assertEqual([one.is_closed for one in others], [False, False, True, True])
        first.advance(5)
        self.assertEqual([one.is_closed for one in (first, *others)], [True] * 5)
        self.assertEqual(first.codes(), [220, 331, 530, 421])
        self.assertEqual(first.events.of(Disconnected)[0].reason, "banned")

    def test_a_neighbour_that_begins_to_guess_is_cut_off(self) -> None:
        """Who was logged in when the ban came, and begins to guess, is cut off at once."""
        first = self.begin()
        inside = self.converse(server=first.server, client_host=BAD)
        inside.login()
        for _ in range(3):
            first.send(b"USER user\r\nPASS wrong\r\n")
        inside.say("NOOP", expect=200)
        inside.send(b"USER user\r\nPASS wrong\r\n")
        self.assertTrue(inside.is_closed)

    def test_noise_is_banned(self) -> None:
        """HTTP, TLS, SMTP and SSH on a port of FTP are hung up on at the first line, told, and banned."""
        for noise, protocol in (
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nUSER user\r\n", "HTTP"),
            (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", "TLS"),
            (b"EHLO a\r\nUSER user\r\n", "SMTP"),
            (b"SSH-2.0-a\r\n", "SSH"),
        ):
            dialogue = self.begin()
            dialogue.send(noise)
            self.assertTrue(dialogue.is_closed)
            self.assertEqual(dialogue.codes(), [220, 421])
            self.assertEqual([event.protocol for event in dialogue.events.of(ForeignProtocol)], [protocol])
            self.assertEqual([ban.source for ban in dialogue.server.bans], [BAD])

    def test_a_ban_is_lifted(self) -> None:
        """The one who runs the server sees who is banned, and lets them in again."""
        dialogue = self.begin()
        dialogue.send(b"GET / HTTP/1.1\r\n")
        server = dialogue.server
        self.assertEqual([(ban.source, ban.reason) for ban in server.bans], [(BAD, "1 foreign protocol")])
        self.assertTrue(server.unban(BAD))
        self.assertEqual(self.converse(server=server, client_host=BAD).codes(), [220])
        self.assertFalse(server.unban(BAD))

    def test_a_server_bans_nobody_unless_it_is_told_to(self) -> None:
        """A server of a program without a policy goes on answering whoever guesses."""
        dialogue = self.begin(bans=None)
        for _ in range(9):
            dialogue.login(password="wrong", expect=530)
        self.assertEqual(self.converse(server=dialogue.server, client_host=BAD).codes(), [220])

    def test_an_account_that_is_full_is_no_offence(self) -> None:
        """Whoever knows the password is not banned because the account has no place or no home left."""
        dialogue = self.begin(users=None)
        dialogue.login()
        dialogue.server.logins.maximum = 1
        other = self.converse(server=dialogue.server, client_host=BAD)
        for _ in range(9):
            other.login(expect=530)
        self.assertEqual(dialogue.server.bans, [])
