# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.networks.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.networks import EVERYBODY, THIS_MACHINE, Networks, network, source_of

#: Few bits, so that networks lie in each other and addresses in them.
OCTETS = st.sampled_from([0, 1, 128, 255])
ADDRESSES = st.one_of(
    st.tuples(OCTETS, OCTETS, OCTETS, OCTETS).map(lambda octets: ip_address(bytes(octets))),
    st.tuples(OCTETS, OCTETS, OCTETS).map(lambda octets: ip_address(bytes([*octets, *[0] * 12, 1]))),
)
NETWORKS = st.builds(
    lambda address, bits: ip_network((address, min(bits, address.max_prefixlen)), strict=False),
    ADDRESSES,
    st.integers(0, 32),
)


class SourceTests(SynchronousTestCase):
    """Who counts as one client."""

    def test_an_address_of_ipv4_is_one(self) -> None:
        """Each address of IPv4 counts for itself, whichever way it is written."""
        for host in ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"):
            self.assertEqual(source_of(host), "192.0.2.1", host)

    def test_a_network_of_ipv6_is_one(self) -> None:
        """All addresses of a /64 network count as one client, and those of the next one do not."""
        for host in ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0::%eth0"):
            self.assertEqual(source_of(host), "2001:db8::/64", host)
        self.assertEqual(source_of("2001:db8:0:1::1"), "2001:db8:0:1::/64")

    def test_what_is_no_address_is_nobody(self) -> None:
        """A client of a Unix socket has no address."""
        self.assertIsNone(source_of(""))
        self.assertIsNone(source_of("/run/ftp.sock"))


class NetworkTests(SynchronousTestCase):
    """How a network is read."""

    def test_mapped_networks_are_of_ipv4(self) -> None:
        """A network of mapped addresses is the one that these stand for."""
        self.assertEqual(network("::ffff:10.0.0.0/104"), ip_network("10.0.0.0/8"))
        self.assertEqual(network("10.0.0.0/8"), ip_network("10.0.0.0/8"))
        self.assertEqual(network("::/0"), ip_network("::/0"))

    def test_what_is_none_is_refused(self) -> None:
        """A name is no network, and an address with bits beyond the prefix is a mistake."""
        for wrong in ("example.org", "10.0.0.1/8", "10.0.0.0/33", ""):
            self.assertRaises(ValueError, network, wrong)
            self.assertRaises(ValueError, Networks, [wrong])


class NetworksTests(SynchronousTestCase):
    """Which addresses are in and which are out."""

    def test_the_most_specific_network_decides(self) -> None:
        """A network may be taken out of a larger one, and an address be taken out of that again."""
        networks = Networks(["0.0.0.0/0", "10.1.2.3"], ["10.1.0.0/16"])
        for host, expected in (("192.0.2.1", True), ("10.1.2.4", False), ("10.1.2.3", True), ("::1", False)):
            self.assertEqual(host in networks, expected, host)

    def test_a_network_on_both_sides_is_out(self) -> None:
        """Where both are said of the same network, the safe one holds."""
        self.assertNotIn("10.0.0.1", Networks(["10.0.0.0/8"], ["10.0.0.0/8"]))

    def test_an_address_in_no_network_is_out(self) -> None:
        """What nothing is said of is out, and so is what is no address."""
        self.assertNotIn("192.0.2.1", Networks())
        self.assertNotIn("", Networks(EVERYBODY))

    def test_the_spelling_does_not_matter(self) -> None:
        """A mapped address is that of IPv4, and a scope belongs to no address."""
        self.assertIn("::ffff:127.0.0.1", Networks(THIS_MACHINE))
        self.assertIn("fe80::1%eth0", Networks(["fe80::/10"]))

    @given(st.lists(NETWORKS, max_size=6), st.lists(NETWORKS, max_size=6), ADDRESSES)
    def test_it_is_as_a_search_would_find(
        self,
        yes: list[IPv4Network | IPv6Network],
        no: list[IPv4Network | IPv6Network],
        address: IPv4Address | IPv6Address,
    ) -> None:
        """Whatever the networks, the longest prefix that fits decides, and on both sides the one that is out."""
        found = [(one.prefixlen, opinion) for side, opinion in ((yes, 1), (no, 0)) for one in side if address in one]
        longest = max((length for length, _ in found), default=None)
        expected = bool(found) and all(opinion for length, opinion in found if length == longest)
        self.assertEqual(str(address) in Networks(yes, no), expected)
