# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for TLS between the control connection and its transport.
"""

from __future__ import annotations

import contextlib
import ssl

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.control.protection import MAXIMUM_LAST_RECORDS, Wire
from ftpserver.tls.layer import TLSFailure
from tests.tls_dialogue import client_context, make_tls


class WireTests(SynchronousTestCase):
    """Octets pass in clear, or under TLS, or in clear again."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def begin(self) -> None:
        """Run TLS, with its handshake done."""
        self.wire.begin(make_tls().open_session().control_layer())
        context = client_context()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="ftp.example.org")
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.assertEqual(self.wire.receive(self.outgoing.read()), b"")
            self.incoming.write(self.wire.outgoing())

    def heard(self) -> bytes:
        """Return what the client reads under TLS."""
        self.incoming.write(self.wire.outgoing())
        return self.client.read(65536)

    def last_words(self) -> bytes:
        """Return the client's answer to the end of TLS, as it is sent."""
        self.incoming.write(self.wire.outgoing())
        with contextlib.suppress(ssl.SSLWantReadError):
            self.client.unwrap()
        return self.outgoing.read()

    def test_in_clear(self) -> None:
        """Without TLS both ways are as they are, and there is nothing to end."""
        self.wire.send(b"220 Service ready.\r\n")
        self.wire.end()
        self.assertEqual(self.wire.outgoing(), b"220 Service ready.\r\n")
        self.assertEqual(self.wire.outgoing(), b"")
        self.assertEqual(self.wire.receive(b"NOOP\r\n"), b"NOOP\r\n")
        self.assertEqual((self.wire.is_secure, self.wire.has_ended), (False, False))

    def test_under_tls(self) -> None:
        """Both ways are protected, and each side reads what the other has said."""
        self.begin()
        self.assertTrue(self.wire.is_secure)
        self.client.write(b"NOOP\r\n")
        self.assertEqual(self.wire.receive(self.outgoing.read()), b"NOOP\r\n")
        self.wire.send(b"200 Okay.\r\n")
        self.assertEqual(self.heard(), b"200 Okay.\r\n")

    def test_what_is_said_early_waits_for_the_handshake(self) -> None:
        """A reply that is due before the handshake is done is sent under TLS, never in clear."""
        self.wire.begin(make_tls().open_session().control_layer())
        self.wire.send(b"220 Service ready.\r\n")
        self.assertEqual(self.wire.outgoing(), b"")
        self.begin_client()
        self.assertEqual(self.client.read(65536), b"220 Service ready.\r\n")

    def begin_client(self) -> None:
        """Do the handshake with the layer that runs already."""
        context = client_context()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="ftp.example.org")
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.wire.receive(self.outgoing.read())
            self.incoming.write(self.wire.outgoing())

    def test_the_end_however_it_is_cut(self) -> None:
        """What follows the client's close_notify is in clear, in the same segment or one octet a segment."""
        for step in (1, 7, 1000):
            self.setUp()
            self.begin()
            self.wire.end()
            octets = self.last_words() + b"NOOP\r\n"
            clear = b"".join(self.wire.receive(octets[start : start + step]) for start in range(0, len(octets), step))
            self.assertEqual(clear, b"NOOP\r\n", f"{step} octets a segment")
            self.assertIsNone(self.wire.layer)
            self.wire.send(b"200 Okay.\r\n")
            self.assertEqual(self.wire.outgoing(), b"200 Okay.\r\n")

    def test_commands_before_the_clients_end(self) -> None:
        """What the client still says under TLS is understood."""
        self.begin()
        self.client.write(b"NOOP\r\n")
        under_tls = self.outgoing.read()
        self.wire.end()
        self.wire.end()
        self.assertEqual(self.wire.receive(under_tls + self.last_words() + b"PWD\r\n"), b"NOOP\r\nPWD\r\n")

    def test_a_client_that_does_not_say_the_end(self) -> None:
        """Clients that go on in clear at once are understood, too."""
        self.begin()
        self.wire.end()
        self.assertEqual(self.wire.receive(b"NOOP\r\n"), b"NOOP\r\n")

    def test_a_client_that_never_says_the_end(self) -> None:
        """What may still be on its way is taken; who goes on under TLS for ever is cut off."""
        self.begin()
        for _ in range(MAXIMUM_LAST_RECORDS):
            self.client.write(b"N")
        on_its_way = self.outgoing.read()
        self.client.write(b"N")
        self.wire.end()
        self.assertEqual(self.wire.receive(on_its_way), b"N" * MAXIMUM_LAST_RECORDS)
        self.assertRaises(TLSFailure, self.wire.receive, self.outgoing.read())

    def test_a_record_without_end(self) -> None:
        """A record that claims to be longer than any is refused, and not waited for."""
        self.begin()
        self.wire.end()
        self.assertRaises(TLSFailure, self.wire.receive, b"\x17\x03\x03\xff\xff")

    def test_what_is_no_tls(self) -> None:
        """Octets that are no TLS fail, and the alert for the client is there."""
        self.begin()
        self.wire.outgoing()
        self.assertRaises(TLSFailure, self.wire.receive, b"NOOP\r\n" * 10)
        self.assertTrue(self.wire.outgoing().startswith(b"\x17\x03\x03"))
