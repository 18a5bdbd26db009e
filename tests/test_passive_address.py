# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.passive_address`.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.passive_address import BELIEVED, PassiveAddress


class NamingClock(Clock):
    """A clock that is also a name server with one table."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names
        self.asked: list[str] = []

    def resolve(self, name: str) -> Deferred[str]:
        self.asked.append(name)
        return succeed(self.names[name]) if name in self.names else fail(DNSLookupError(name))


class PassiveAddressTests(SynchronousTestCase):
    """PASV tells clients the address that the configuration wants."""

    def setUp(self) -> None:
        self.reactor = NamingClock({"ftp.example.org": "203.0.113.7"})

    def address_for(self, client: str, forced: str | Mapping[str, str] | None) -> str | None:
        return self.ask(PassiveAddress(self.reactor, forced), client)

    def ask(self, address: PassiveAddress, client: str = "198.51.100.1") -> str | None:
        return self.successResultOf(Deferred.fromCoroutine(address.for_client(client)))

    def test_nothing_is_forced_by_default(self) -> None:
        """Without a setting the client is told the address that it has reached."""
        self.assertIsNone(self.address_for("198.51.100.1", None))

    def test_one_address_for_everybody(self) -> None:
        """One address is told to every client."""
        self.assertEqual(self.address_for("198.51.100.1", "203.0.113.9"), "203.0.113.9")

    def test_the_most_specific_network_decides(self) -> None:
        """Of several networks that hold a client, the smallest one gives its address; a client in none gets none."""
        by_network = {"10.0.0.0/8": "10.0.0.1", "10.1.0.0/16": "10.1.0.1"}
        self.assertEqual(self.address_for("10.1.2.3", by_network), "10.1.0.1")
        self.assertEqual(self.address_for("10.2.2.3", by_network), "10.0.0.1")
        self.assertIsNone(self.address_for("198.51.100.1", by_network))

    def test_a_name_is_looked_up_again_in_time(self) -> None:
        """A name is asked for once a minute at the most, and its new address is told from then on."""
        address = PassiveAddress(self.reactor, "ftp.example.org")
        self.assertEqual([self.ask(address), self.ask(address)], ["203.0.113.7"] * 2)
        self.assertEqual(len(self.reactor.asked), 1)
        self.reactor.names["ftp.example.org"] = "203.0.113.8"
        self.reactor.advance(BELIEVED)
        self.assertEqual(self.ask(address), "203.0.113.8")

    def test_the_last_address_serves_while_the_name_server_is_away(self) -> None:
        """A name that cannot be looked up any more keeps its last address."""
        address = PassiveAddress(self.reactor, "ftp.example.org")
        self.ask(address)
        self.reactor.names.clear()
        self.reactor.advance(BELIEVED)
        self.assertEqual(self.ask(address), "203.0.113.7")

    def test_a_name_without_an_address_is_an_error(self) -> None:
        """A name that has never had an address gives none, and the next client asks again."""
        address = PassiveAddress(self.reactor, "nowhere.example.org")
        for _ in range(2):
            self.failureResultOf(Deferred.fromCoroutine(address.for_client("198.51.100.1")), LookupError)
        self.assertEqual(len(self.reactor.asked), 2)

    def test_a_network_that_is_none_is_refused(self) -> None:
        """A network that cannot be one is an error at start."""
        self.assertRaises(ValueError, PassiveAddress, self.reactor, {"10.0.0.0/99": "10.0.0.1"})
