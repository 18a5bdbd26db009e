# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the calls of OpenSSL that copy nothing.
"""

from __future__ import annotations

import contextlib

from OpenSSL import SSL, _util
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.tls.bindings import connect, put, read_into, sent, unsent, write
from tests.certificates import server_certificate
from tests.tls_client import Client

#: Octets of several records, and not of whole ones.
CONTENT = bytes(range(256)) * 300 + b"end"


class BuffersTests(SynchronousTestCase):
    """A connection in memory, behind its handshake."""

    def setUp(self) -> None:
        """Connect."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        server_certificate().configure_cert(context)
        self.subject = connect(context)
        self.client = Client()
        for _ in range(2):
            self.hear()
            with contextlib.suppress(SSL.WantReadError):
                self.subject.do_handshake()
            self.take()

    def take(self) -> None:
        """Carry everything to the client."""
        octets = bytes(unsent(self.subject))
        sent(self.subject, len(octets))
        self.client.take(octets)

    def hear(self) -> None:
        """Carry everything from the client."""
        put(self.subject, memoryview(self.client.outgoing()))

    def test_nothing(self) -> None:
        """Nothing can be put, written, taken and read."""
        put(self.subject, memoryview(b""))
        write(self.subject, memoryview(b""))
        sent(self.subject, 0)
        self.assertEqual(bytes(unsent(self.subject)), b"")
        self.assertEqual(read_into(self.subject, memoryview(bytearray(10))), (0, False))

    def test_writing(self) -> None:
        """What is written is had as often as it is asked for, until it is said to have gone."""
        write(self.subject, memoryview(CONTENT))
        octets = bytes(unsent(self.subject))
        self.assertEqual(bytes(unsent(self.subject)), octets)
        self.assertGreater(len(octets), len(CONTENT))
        for amount in (1, 70_000, 0):
            sent(self.subject, amount)
            self.client.take(octets[:amount])
            octets = octets[amount:]
            self.assertEqual(bytes(unsent(self.subject)), octets)
        self.take()
        self.assertEqual(self.client.heard, CONTENT)

    def test_reading(self) -> None:
        """What has come is read into a part of a buffer, up to all that there is; the rest of it is not touched."""
        self.client.say(CONTENT)
        self.hear()
        buffer = bytearray(b"x" * 100_000)
        self.assertEqual(read_into(self.subject, memoryview(buffer)[10:50]), (40, False))
        self.assertEqual(bytes(buffer), b"x" * 10 + CONTENT[:40] + b"x" * 99_950)
        self.assertEqual(read_into(self.subject, memoryview(buffer)), (len(CONTENT) - 40, False))
        self.assertEqual(bytes(buffer[: len(CONTENT)]), CONTENT[40:] + b"x" * 40)

    def test_a_part_of_a_record(self) -> None:
        """Of a record that has not come whole nothing is read, and of those before everything."""
        self.client.say(b"whole")
        self.client.say(b"half")
        octets = self.client.outgoing()
        put(self.subject, memoryview(octets[:-1]))
        buffer = memoryview(bytearray(100))
        self.assertEqual(read_into(self.subject, buffer), (5, False))
        self.assertEqual(read_into(self.subject, buffer), (0, False))
        put(self.subject, memoryview(octets[-1:]))
        self.assertEqual(read_into(self.subject, buffer), (4, False))
        self.assertEqual(bytes(buffer[:5]), b"halfe")

    def test_the_end(self) -> None:
        """What came before the end is read first, then the end is told, as often as it is asked for."""
        self.client.say(b"all")
        self.client.end()
        self.hear()
        buffer = memoryview(bytearray(100))
        self.assertEqual(read_into(self.subject, buffer), (3, False))
        for _ in range(2):
            self.assertRaises(SSL.ZeroReturnError, read_into, self.subject, buffer)

    def test_a_changed_record(self) -> None:
        """A record that was tampered with is an error, also behind good ones."""
        self.client.say(b"good")
        self.client.say(b"bad")
        octets = bytearray(self.client.outgoing())
        octets[-1] ^= 1
        put(self.subject, memoryview(octets))
        error = self.assertRaises(SSL.Error, read_into, self.subject, memoryview(bytearray(100)))
        self.assertNotIsInstance(error, (SSL.WantReadError, SSL.ZeroReturnError))

    def test_writing_behind_the_end(self) -> None:
        """After the end nothing can be written."""
        self.subject.shutdown()
        self.assertRaises(SSL.Error, write, self.subject, memoryview(b"more"))

    def test_out_of_memory(self) -> None:
        """What OpenSSL does not take whole is an error and not lost in silence."""
        # OpenSSL lets nobody write to memory that is not its own.
        self.subject._into_ssl = _util.ffi.gc(_util.lib.BIO_new_mem_buf(b"x", 1), _util.lib.BIO_free)
        self.addCleanup(_util.lib.ERR_clear_error)
        self.assertRaises(MemoryError, put, self.subject, memoryview(b"octets"))
