# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for PASV, EPSV, PORT and EPRT.
"""

from __future__ import annotations

from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase


class PassiveTests(ConversationTestCase):
    """PASV and EPSV open a port."""

    def test_pasv_tells_address_and_port(self) -> None:
        """The 227 reply has six numbers: the address that the client reached, and the port."""
        dialogue = self.logged_in(server_host="127.0.0.2")
        reply = dialogue.say("PASV", expect=227)
        port = dialogue.network.open_ports[0]
        self.assertEqual(reply.lines, (f"Entering Passive Mode (127,0,0,2,{port >> 8},{port & 255}).",))

    def test_epsv_tells_the_port(self) -> None:
        """The 229 reply has the port between bars."""
        dialogue = self.logged_in()
        reply = dialogue.say("EPSV", expect=229)
        self.assertEqual(reply.lines, (f"Entering Extended Passive Mode (|||{dialogue.network.open_ports[0]}|)",))

    def test_one_port_is_open_at_a_time(self) -> None:
        """Another agreement turns away who has connected to the port of the one before, or closes it."""
        dialogue = self.logged_in()
        dialogue.say("EPSV")
        for line in ("PASV", "EPSV 1", "PASV"):
            (port,) = dialogue.network.open_ports
            early = dialogue.network.connect(port, dialogue.client_host)
            dialogue.say(line)
            self.assertEqual(len(dialogue.network.open_ports), 1)
            self.assertTrue(early.is_closed_by_server)
        dialogue.say("PORT 127,0,0,1,200,0", expect=200)
        self.assertEqual(dialogue.network.open_ports, [])

    def test_a_port_is_for_one_transfer(self) -> None:
        """The next transfer needs another agreement."""
        dialogue = self.logged_in()
        dialogue.download("NLST")
        dialogue.say("NLST", expect=425)

    def test_a_refused_transfer_leaves_the_port(self) -> None:
        """A transfer that was refused before the 150 leaves the port to the next one."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        connection = dialogue.agree()
        dialogue.say("RETR missing", expect=550)
        dialogue.say("RETR a", expect=[150, 226])
        self.assertEqual(connection.received, b"octets")

    def test_nobody_comes(self) -> None:
        """425 comes after the time to wait, the port is closed, and the session goes on."""
        dialogue = self.logged_in(wait_future_timeout=5, data_ports=[5000])
        dialogue.say("EPSV", expect=229)
        dialogue.say("NLST", expect=150)
        dialogue.advance(4.9)
        self.assertEqual(dialogue.last_reply.code, 150)
        dialogue.advance(0.1)
        self.assertEqual(dialogue.last_reply.code, 425)
        self.assertEqual(dialogue.network.open_ports, [])
        self.assertEqual(dialogue.download("NLST"), b"")

    def test_a_stranger_is_turned_away(self) -> None:
        """A connection from another address is closed, and the client can still come."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        dialogue.say("EPSV", expect=229)
        port = dialogue.network.open_ports[0]
        dialogue.say("RETR a", expect=150)
        stranger = dialogue.network.connect(port, "10.0.0.1")
        self.assertTrue(stranger.is_closed_by_server)
        client = dialogue.network.connect(port, "127.0.0.1")
        self.assertEqual((stranger.received, client.received), (b"", b"octets"))

    def test_a_second_connection_is_closed(self) -> None:
        """Only the first connection of the client is used."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        dialogue.say("EPSV", expect=229)
        port = dialogue.network.open_ports[0]
        first, second = (dialogue.network.connect(port, "127.0.0.1") for _ in range(2))
        dialogue.say("RETR a", expect=[150, 226])
        self.assertEqual((first.received, second.received), (b"octets", b""))
        self.assertTrue(second.is_closed_by_server)

    def test_ports_run_out(self) -> None:
        """425 comes while every data port is in use, and a port that is free again can be taken."""
        first = self.logged_in(data_ports=[5000])
        second = self.logged_in(server=first.server)
        first.say("EPSV", expect=229)
        second.say("EPSV", expect=425)
        second.say("PASV", expect=425)
        second.say("NLST", expect=425)
        first.say("QUIT", expect=221)
        second.say("EPSV", expect=229)

    def test_pasv_is_for_ipv4(self) -> None:
        """PASV on an IPv6 control connection is refused, with a forced address or not; EPSV works."""
        for forced in (None, "192.0.2.1"):
            dialogue = self.logged_in(
                server_host="2001:db8::1", client_host="2001:db8::2", ipv4_pasv_forced_response_address=forced
            )
            dialogue.say("PASV", expect=425)
            dialogue.say("EPSV", expect=229)
            dialogue.say("EPSV 2", expect=229)
            self.assertIn("(2)", dialogue.say("EPSV 1", expect=522).lines[0])

    def test_a_mapped_address_is_ipv4(self) -> None:
        """A client that reached an IPv4-mapped address uses PASV like any other."""
        dialogue = self.logged_in(server_host="::ffff:127.0.0.2", client_host="::ffff:127.0.0.1")
        self.assertIn("(127,0,0,2,", dialogue.say("PASV", expect=227).lines[0])
        dialogue.say("EPSV 1", expect=229)
        dialogue.say("PORT 127,0,0,1,200,0", expect=200)

    def test_a_forced_address_is_told(self) -> None:
        """The 227 reply shows the address behind which the server stands."""
        dialogue = self.logged_in(ipv4_pasv_forced_response_address="192.0.2.1")
        self.assertIn("(192,0,2,1,", dialogue.say("PASV", expect=227).lines[0])

    def test_a_forced_name_is_looked_up(self) -> None:
        """A name is told with its address of the last minute, and 425 comes while it has none."""
        dialogue = self.logged_in(ipv4_pasv_forced_response_address="ftp.example.org")
        dialogue.say("PASV", expect=425)
        for address in ("192.0.2.1", "192.0.2.2"):
            dialogue.reactor.names["ftp.example.org"] = address
            shown = address.replace(".", ",")
            self.assertIn(f"({shown},", dialogue.say("PASV", expect=227).lines[0])
            dialogue.advance(60)

    def test_arguments_of_epsv(self) -> None:
        """EPSV takes the protocol of the control connection, and tells it when another is asked for."""
        dialogue = self.logged_in()
        dialogue.say("EPSV 1", expect=229)
        self.assertIn("(1)", dialogue.say("EPSV 2", expect=522).lines[0])
        self.assertIn("(1,2)", dialogue.say("EPSV 3", expect=522).lines[0])
        for text in ("x", "-1", "1 2", "\u00b2"):
            dialogue.say(f"EPSV {text}", expect=501)

    def test_epsv_all_leaves_only_epsv(self) -> None:
        """After EPSV ALL every other agreement is refused, to the end of the session, even after an ABOR."""
        dialogue = self.logged_in()
        dialogue.say("PASV", expect=227)
        dialogue.say("EPSV all", expect=200)
        self.assertEqual(dialogue.network.open_ports, [])
        for _ in range(2):
            for line in ("PASV", "PORT 127,0,0,1,200,0", "EPRT |1|127.0.0.1|51200|"):
                dialogue.say(line, expect=503)
            self.assertEqual(dialogue.download("NLST"), b"")
            dialogue.say("EPSV", expect=229)
            dialogue.say("NLST", expect=150)
            dialogue.say("ABOR", expect=[426, 226])


class ActiveTests(ConversationTestCase):
    """PORT and EPRT name a port of the client."""

    def test_the_server_calls_when_the_transfer_comes(self) -> None:
        """Nothing is connected before."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        for way in ("PORT", "EPRT"):
            connection = dialogue.agree(way)
            self.assertFalse(connection.is_connected)
            dialogue.say("RETR a", expect=[150, 226])
            self.assertEqual(connection.received, b"octets")

    def assert_refused(self, dialogue: Dialogue, line: str, code: int) -> None:
        """Assert that a line is refused, that nobody is called, and that what was agreed before is forgotten."""
        dialogue.say("EPSV", expect=229)
        dialogue.say(line, expect=code)
        self.assertEqual(dialogue.network.open_handles, 0, line)
        dialogue.say("NLST", expect=425)

    def test_other_hosts_and_low_ports_are_not_called(self) -> None:
        """The server cannot be used to reach another host, or a service of a host."""
        dialogue = self.logged_in()
        for line in (
            "PORT 192,0,2,1,200,0",
            "PORT 127,0,0,1,0,25",
            "PORT 127,0,0,1,3,255",
            "EPRT |1|192.0.2.1|51200|",
            "EPRT |1|127.0.0.1|1023|",
            "EPRT |2|2001:db8::1|51200|",
        ):
            self.assert_refused(dialogue, line, 504)
        dialogue.say("PORT 127,0,0,1,4,0", expect=200)

    def test_malformed_addresses_are_refused(self) -> None:
        """501 comes for what is no address."""
        dialogue = self.logged_in()
        for text in ("1,2,3", "300,0,0,1,4,1", "127,0,0,1,a,0", "127,0,0,1,200,0,1", "127,0,0,1,0,0"):
            self.assert_refused(dialogue, f"PORT {text}", 501)
        for text in ("x", "|1|127.0.0.1|51200", "|1|127.0.0.1|0|", "|2|fe80::1%lo|51200|", "|1|::1|51200|"):
            self.assert_refused(dialogue, f"EPRT {text}", 501)
        self.assertIn("(1,2)", dialogue.say("EPRT |3|x|51200|", expect=522).lines[0])

    def test_any_delimiter_is_taken(self) -> None:
        """EPRT has the delimiter that the client likes."""
        dialogue = self.logged_in()
        for delimiter in "|!~/":
            dialogue.say("EPRT " + "|1|127.0.0.1|51200|".replace("|", delimiter), expect=200)

    def test_a_mapped_address_is_the_client(self) -> None:
        """A client may name itself by its IPv4-mapped address."""
        self.logged_in().say("EPRT |2|::ffff:127.0.0.1|51200|", expect=200)

    def test_active_mode_can_be_off(self) -> None:
        """Without active mode PORT and EPRT are not there, and FEAT does not show EPRT."""
        dialogue = self.logged_in(active_mode=False)
        dialogue.say("PORT 127,0,0,1,200,0", expect=502)
        dialogue.say("EPRT |1|127.0.0.1|51200|", expect=502)
        self.assertNotIn("EPRT", dialogue.say("FEAT").lines)


class NoNetworkTests(ConversationTestCase):
    """A control connection over a socket of the file system."""

    def test_data_has_no_address_to_go_to(self) -> None:
        """PASV and EPSV say 425 where there is no address, and PORT has nobody to name."""
        dialogue = self.logged_in(server_host="", client_host="")
        for line in ("PASV", "EPSV", "EPSV 1"):
            dialogue.say(line, expect=425)
        dialogue.say("PORT 127,0,0,1,200,0", expect=504)
