# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.addresses.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.addresses import (
    MalformedAddress,
    UnsupportedFamily,
    format_epsv,
    format_pasv,
    host_address,
    normalise_host,
    parse_eprt,
    parse_epsv,
    parse_port,
    unmap,
)

PORTS = st.integers(1, 65535)
DELIMITERS = st.characters(min_codepoint=33, max_codepoint=126)


class PortTests(SynchronousTestCase):
    """PORT and the 227 reply."""

    def test_six_numbers(self) -> None:
        """Address and port are six numbers; leading zeros do not matter."""
        self.assertEqual(parse_port(b"127,0,0,1,4,1"), (IPv4Address("127.0.0.1"), 1025))
        self.assertEqual(parse_port(b"010,0,0,1,255,255"), (IPv4Address("10.0.0.1"), 65535))

    def test_what_is_no_address(self) -> None:
        """Anything but six numbers from 0 to 255 and a port is refused."""
        for argument in (
            b"",
            b"1,2,3",
            b"1,2,3,4,5",
            b"1,2,3,4,5,6,7",
            b"300,0,0,1,4,1",
            b"1,2,3,4,5,256",
            b"1,2,3,4,0,0",
            b"a,b,c,d,e,f",
            b"1,2,3,4,-5,6",
            b"1,2,3,4,+5,6",
            b"1, 2,3,4,5,6",
            b" 1,2,3,4,5,6",
            b"1,2,3,4,5,6 ",
            b"1,2,3,4,5,6\n",
            b"1,2,3,4,5,,6",
            b"1,2,3,4,5,0006",
            b"1,2,3,4,5,1e1",
            "1,2,3,4,5,٣".encode(),
            b"1.2.3.4,5,6",
        ):
            self.assertRaises(MalformedAddress, parse_port, argument)

    @given(st.ip_addresses(v=4), PORTS)
    def test_what_pasv_tells_port_understands(self, address: IPv4Address, port: int) -> None:
        """The six numbers of a 227 reply are the argument of a PORT."""
        text = format_pasv(address, port)
        self.assertEqual((text[0], text[-1]), ("(", ")"))
        self.assertEqual(parse_port(text[1:-1].encode()), (address, port))

    @given(st.binary(max_size=40) | st.text("0123456789,.-+ e", max_size=24).map(str.encode))
    def test_any_argument_is_an_address_or_refused(self, argument: bytes) -> None:
        """No argument of PORT raises anything else, or gives port 0."""
        try:
            _, port = parse_port(argument)
        except MalformedAddress:
            return
        self.assertTrue(0 < port < 65536)


class ExtendedPortTests(SynchronousTestCase):
    """EPRT."""

    def test_both_families(self) -> None:
        """IPv4 is protocol 1, IPv6 is 2, and any sign may delimit."""
        for argument, address, port in (
            (b"|1|132.235.1.2|6275|", "132.235.1.2", 6275),
            (b"|2|1080::8:800:200C:417A|5282|", "1080::8:800:200c:417a", 5282),
            (b"!1!127.0.0.1!1024!", "127.0.0.1", 1024),
            (b"~2~::1~65535~", "::1", 65535),
            (b"|2|::ffff:127.0.0.1|1024|", "::ffff:127.0.0.1", 1024),
        ):
            self.assertEqual(parse_eprt(argument), (ip_address(address), port), f"for {argument!r}")

    def test_other_protocols(self) -> None:
        """Another protocol number is told from a malformed argument, for its reply names those that work."""
        for argument in (b"|3|x|1|", b"|0|127.0.0.1|1024|", b"|65535|127.0.0.1|1024|"):
            self.assertRaises(UnsupportedFamily, parse_eprt, argument)

    def test_what_is_no_address(self) -> None:
        """Wrong fields, families that do not fit, scopes, signs and blanks are refused."""
        for argument in (
            b"",
            b"|",
            b"|||||",
            b"|1|127.0.0.1|1024",
            b"|1|127.0.0.1|1024||",
            b"|1|127.0.0.1|1024|x",
            b"1|127.0.0.1|1024|",
            b" 1 127.0.0.1 1024 ",
            b"\x7f1\x7f127.0.0.1\x7f1024\x7f",
            b"\xff1\xff127.0.0.1\xff1024\xff",
            b"|99999|127.0.0.1|1024|",
            b"|x|127.0.0.1|1024|",
            b"|+1|127.0.0.1|1024|",
            b"|1|127.0.0.1|0|",
            b"|1|127.0.0.1|65536|",
            b"|1|127.0.0.1|-1|",
            b"|1|127.0.0.1| 21|",
            "|1|127.0.0.1|٣|".encode(),
            b"|1|::1|1024|",
            b"|2|127.0.0.1|1024|",
            b"|1|localhost|1024|",
            b"|1|127.0.0.1/8|1024|",
            b"|1|127.1|1024|",
            b"|1|0177.0.0.1|1024|",
            b"|1||1024|",
            b"|2|fe80::1%eth0|1024|",
            b"|2|fe80::1%|1024|",
            b"|2|\xc3\xa9|1024|",
        ):
            self.assertRaises(MalformedAddress, parse_eprt, argument)

    @given(st.ip_addresses(), PORTS, DELIMITERS)
    def test_every_address_is_understood(self, address: IPv4Address | IPv6Address, port: int, delimiter: str) -> None:
        """Any address, port and delimiter that do not collide come back."""
        fields = ["1" if address.version == 4 else "2", str(address), str(port)]
        if not any(delimiter in field for field in fields):
            argument = delimiter + "".join(field + delimiter for field in fields)
            self.assertEqual(parse_eprt(argument.encode()), (address, port))

    @given(st.binary(max_size=60) | st.text("|12.:0%af9", max_size=30).map(str.encode))
    def test_any_argument_is_an_address_or_refused(self, argument: bytes) -> None:
        """No argument of EPRT raises anything else, or gives port 0."""
        try:
            _, port = parse_eprt(argument)
        except (MalformedAddress, UnsupportedFamily):
            return
        self.assertTrue(0 < port < 65536)


class ExtendedPassiveTests(SynchronousTestCase):
    """EPSV and the 229 reply."""

    def test_what_epsv_asks_for(self) -> None:
        """A family, or ALL in any case."""
        for argument, wanted in ((b"1", 1), (b"2", 2), (b"ALL", "ALL"), (b"all", "ALL")):
            self.assertEqual(parse_epsv(argument), wanted, f"for {argument!r}")

    def test_other_protocols(self) -> None:
        """Another protocol number is told from a malformed argument."""
        for argument in (b"0", b"3", b"65535"):
            self.assertRaises(UnsupportedFamily, parse_epsv, argument)

    def test_what_is_no_argument(self) -> None:
        """Anything but a number and ALL is refused."""
        for argument in (b"", b"x", b"-1", b"+1", b" 1", b"ALL ", b"1.0", b"99999", "٣".encode(), b"\xff"):
            self.assertRaises(MalformedAddress, parse_epsv, argument)

    def test_the_229_reply(self) -> None:
        """The reply has the port between three signs and one (RFC 2428, section 3)."""
        self.assertEqual(format_epsv(6446), "(|||6446|)")


class NormaliseTests(SynchronousTestCase):
    """One spelling of an address."""

    def test_mapped_addresses_are_ipv4(self) -> None:
        """An IPv4 address within IPv6 is that IPv4 address; no other changes."""
        for written, meant in (
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("64:ff9b::7f00:1", "64:ff9b::7f00:1"),
        ):
            self.assertEqual(unmap(ip_address(written)), ip_address(meant), f"for {written}")

    def test_spellings(self) -> None:
        """Equal addresses have equal texts, without a scope; what is no address stays as it is."""
        for written, normal in (
            ("::FFFF:7f00:1", "127.0.0.1"),
            ("FE80:0::1%eth0", "fe80::1"),
            ("::1", "::1"),
            ("10.0.0.1", "10.0.0.1"),
            ("", ""),
            ("/run/ftp.sock", "/run/ftp.sock"),
            ("host%x", "host%x"),
        ):
            self.assertEqual(normalise_host(written), normal, f"for {written!r}")

    def test_what_is_no_address(self) -> None:
        """A name is no address, and an address is the same in whatever spelling."""
        self.assertIs(host_address("localhost"), None)
        self.assertEqual(host_address("::ffff:10.0.0.1"), host_address("10.0.0.1"))

    @given(st.ip_addresses())
    def test_normalising_twice_changes_nothing(self, address: IPv4Address | IPv6Address) -> None:
        """The one spelling is its own."""
        once = normalise_host(str(address))
        self.assertEqual(normalise_host(once), once)
