# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for TLS between octets and octets: what is put, read and sent without copies, as data connections do it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.tls.layer import TLSFailure, TLSLayer
from tests.secure_data import MAKERS
from tests.test_tls_layer import CANCELED, sealed
from tests.tls_client import VERSIONS, Client, client_context, established

CONTENT = bytes(range(256)) * 1200


class BuffersTests(SynchronousTestCase):
    """What holds for both layers."""

    def each(self, check: Callable[[TLSLayer, Client], None]) -> None:
        """Check each layer, with a client of each version behind its handshake."""
        for make_layer in MAKERS:
            for version in VERSIONS:
                layer = make_layer()
                check(layer, established(layer, Client(client_context(version))))

    def test_every_size_of_a_buffer(self) -> None:
        """However large the buffer is, all that was put is read, in order."""

        def check(layer: TLSLayer, client: Client) -> None:
            for size in (1, 16383, 16384, 16385, 65536, len(CONTENT), len(CONTENT) + 1):
                content = CONTENT[:100] if size == 1 else CONTENT
                client.say(content)
                layer.put(memoryview(client.outgoing()))
                heard, buffer = bytearray(), memoryview(bytearray(size))
                while (amount := layer.read_into(buffer)) == size:
                    heard += buffer
                heard += buffer[:amount]
                self.assertTrue(bytes(heard) == content, str(size))
                self.assertFalse(layer.has_ended)

        self.each(check)

    def test_nothing_has_come(self) -> None:
        """Where nothing has come, or a part of a record, nothing is read, and that is no end."""

        def check(layer: TLSLayer, client: Client) -> None:
            buffer = memoryview(bytearray(10))
            self.assertEqual(layer.read_into(buffer), 0)
            client.say(b"hello")
            octets = client.outgoing()
            layer.put(memoryview(octets[:-1]))
            self.assertEqual(layer.read_into(buffer), 0)
            layer.put(memoryview(octets[-1:]))
            self.assertEqual(layer.read_into(buffer), 5)
            self.assertFalse(layer.has_ended)

        self.each(check)

    def test_the_buffer_of_the_network_is_free_again(self) -> None:
        """What was put may change at once: it was taken."""

        def check(layer: TLSLayer, client: Client) -> None:
            client.say(b"hello")
            octets = bytearray(client.outgoing())
            layer.put(memoryview(octets))
            octets[:] = bytes(len(octets))
            buffer = memoryview(bytearray(10))
            self.assertEqual(bytes(buffer[: layer.read_into(buffer)]), b"hello")

        self.each(check)

    def test_the_end(self) -> None:
        """What came before the end is read, and the end is known at the latest when there is nothing more."""

        def check(layer: TLSLayer, client: Client) -> None:
            client.say(b"hello")
            client.end()
            layer.put(memoryview(client.outgoing()))
            buffer = memoryview(bytearray(5))
            self.assertEqual(layer.read_into(buffer), 5)
            self.assertEqual(layer.read_into(buffer), 0)
            self.assertTrue(layer.has_ended)
            self.assertEqual(layer.read_into(buffer), 0)

        self.each(check)

    def test_the_end_after_ours(self) -> None:
        """A client that ends after the server has ended as well."""

        def check(layer: TLSLayer, client: Client) -> None:
            layer.end()
            client.take(layer.outgoing())
            client.end()
            layer.put(memoryview(client.outgoing()))
            self.assertEqual(layer.read_into(memoryview(bytearray(5))), 0)
            self.assertTrue(layer.has_ended)

        self.each(check)

    def test_a_client_that_cancels_before_it_ends(self) -> None:
        """Java says user_canceled before close_notify: all that it sent is read, and that it has ended is known."""
        for make_layer in MAKERS:
            for size in (3, 5, 100):
                layer = make_layer()
                context = client_context(ssl.TLSVersion.TLSv1_3)
                context.keylog_filename = self.mktemp()
                established(layer, Client(context))
                secrets = Path(context.keylog_filename).read_text()
                inners = (b"hello\x17", CANCELED, b"\1\0\x15")
                octets = b"".join(sealed(secrets, inner, number) for number, inner in enumerate(inners))
                layer.put(memoryview(octets))
                heard, buffer = b"", memoryview(bytearray(size))
                while amount := layer.read_into(buffer):
                    heard += buffer[:amount]
                self.assertEqual(heard, b"hello", f"{layer}, {size}")
                self.assertTrue(layer.has_ended)

    def test_a_changed_record(self) -> None:
        """A record that was tampered with is a failure that lasts, and the client gets an alert."""

        def check(layer: TLSLayer, client: Client) -> None:
            client.say(b"hello")
            octets = bytearray(client.outgoing())
            octets[-1] ^= 1
            layer.put(memoryview(octets))
            buffer = memoryview(bytearray(10))
            self.assertRaises(TLSFailure, layer.read_into, buffer)
            self.assertRaises(TLSFailure, layer.read_into, buffer)
            self.assertRaises(TLSFailure, layer.put, memoryview(b"x"))
            self.assertGreater(len(layer.unsent()), 0)
            alert = self.assertRaises(ssl.SSLError, client.take, bytes(layer.unsent()))
            self.assertIn("BAD_RECORD_MAC", alert.reason)

        self.each(check)

    def test_what_is_unsent(self) -> None:
        """What goes to the network can be looked at as often as is needed, and taken in parts."""

        def check(layer: TLSLayer, client: Client) -> None:
            self.assertEqual(bytes(layer.unsent()), b"")
            layer.send(memoryview(CONTENT))
            octets = bytes(layer.unsent())
            self.assertTrue(bytes(layer.unsent()) == octets)
            layer.sent(1000)
            client.take(octets[:1000])
            layer.send(b"more")
            rest = bytes(layer.unsent())
            self.assertTrue(rest.startswith(octets[1000:]))
            layer.sent(100_000)
            self.assertTrue(layer.outgoing() == rest[100_000:])
            self.assertEqual(bytes(layer.unsent()), b"")
            client.take(rest)
            self.assertTrue(client.heard == CONTENT + b"more")

        self.each(check)

    def test_any_segmentation(self) -> None:
        """However the network cuts both directions, and whatever the buffers are, the same is heard."""

        @given(
            st.sampled_from(MAKERS),
            st.sampled_from(VERSIONS),
            st.lists(st.integers(1, 20_000), min_size=1, max_size=5),
            st.integers(500, 40_000),
        )
        def check(make_layer: Callable[[], TLSLayer], version: ssl.TLSVersion, sizes: list[int], room: int) -> None:
            layer = make_layer()
            client = established(layer, Client(client_context(version)))
            client.say(CONTENT[:40_000])
            client.end()
            octets, heard, buffer = memoryview(client.outgoing()), bytearray(), memoryview(bytearray(room))
            count = 0
            while octets:
                size = sizes[count % len(sizes)]
                count += 1
                layer.put(octets[:size])
                octets = octets[size:]
                while amount := layer.read_into(buffer):
                    heard += buffer[:amount]
            self.assertTrue(bytes(heard) == CONTENT[:40_000])
            self.assertTrue(layer.has_ended)

        check()
