# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for TLS between octets and octets.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.tls.bindings import MAXIMUM_RECORDS
from ftpserver.tls.contexts import Rules, build
from ftpserver.tls.files import Pair
from ftpserver.tls.layer import OpenSSLLayer, StdlibLayer, TLSFailure, TLSLayer
from tests.certificates import authority, leaf, parsed, server_certificate
from tests.tls_client import VERSIONS, Client, client_context, converse, established, transfer

#: Alerts as records of TLS 1.2: fatal close in the middle of a handshake, and its end.
HANDSHAKE_FAILURE = b"\x15\x03\x01\x00\x02\x02\x28"
CLOSE_NOTIFY = b"\x15\x03\x01\x00\x02\x01\x00"

#: The alert user_canceled of TLS 1.3: a warning, 90, in a record of alerts.
CANCELED = b"\1\x5a\x15"

GARBAGE = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"USER anonymous\r\n",
    b"\0" * 100,
    b"\xff" * 20000,
    b"\x16\x03\x01\xff\xff",
    b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff",
    b"\x80\x2e\x01\x00\x02" + b"\0" * 50,
    HANDSHAKE_FAILURE,
    CLOSE_NOTIFY,
)


class LayerTestCase(SynchronousTestCase):
    """Makes layers."""

    def layer(self) -> TLSLayer:
        """Return a new layer with a certificate for localhost."""
        raise NotImplementedError


if TYPE_CHECKING:
    Mixin = LayerTestCase
else:
    # Where it is run, tests are found only in what is a test case itself.
    Mixin = object


class BothLayersMixin(Mixin):
    """What holds for both layers."""

    def test_data_goes_both_ways(self) -> None:
        """After the handshake each side hears what the other says, in TLS 1.2 and 1.3."""
        for version in VERSIONS:
            layer = self.layer()
            self.assertFalse(layer.is_established)
            client = established(layer, Client(client_context(version)))
            client.say(b"NOOP\r\n")
            self.assertEqual(converse(layer, client), b"NOOP\r\n", version)
            layer.send(b"200 Done.\r\n")
            self.assertEqual(converse(layer, client), b"")
            self.assertEqual(client.heard, b"200 Done.\r\n")
            self.assertEqual(layer.version, client.tls.version())
            self.assertFalse(layer.was_resumed)
            self.assertIsNone(layer.peer_certificate)

    def test_nothing_is_clear(self) -> None:
        """What goes to the network does not show what is said."""
        layer = self.layer()
        established(layer, Client())
        layer.send(b"230 Logged in.")
        sent = layer.outgoing()
        self.assertNotIn(b"Logged", sent)
        self.assertEqual(layer.outgoing(), b"")

    def test_data_in_the_segment_of_the_handshake(self) -> None:
        """What a client says directly behind its part of the handshake is heard."""
        layer = self.layer()
        client = Client(client_context(ssl.TLSVersion.TLSv1_3))
        layer.receive(client.outgoing())
        client.take(layer.outgoing())
        client.say(b"USER a\r\n")
        self.assertEqual(layer.receive(client.outgoing()), b"USER a\r\n")

    def test_much_data_to_the_client(self) -> None:
        """Ten mebibytes at once arrive whole, from a buffer that may be used again at once."""
        layer = self.layer()
        client = established(layer, Client())
        buffer = bytearray(b"0123456789abcdef" * (10 * 65536))
        expected = bytes(buffer)
        layer.send(memoryview(buffer))
        buffer[:] = bytes(len(buffer))
        converse(layer, client)
        self.assertTrue(client.heard == expected)

    def test_much_data_from_the_client(self) -> None:
        """Ten mebibytes at once are heard whole."""
        layer = self.layer()
        client = established(layer, Client())
        data = b"0123456789abcdef" * (10 * 65536)
        client.say(data)
        self.assertTrue(converse(layer, client) == data)

    def test_many_small_records(self) -> None:
        """A call reads so many of them and says that there are more; all are heard, by either way of reading."""
        layer = self.layer()
        client = established(layer, Client())
        said = b"0123456789" * 60
        for read_on in (True, False):
            for number in range(len(said)):
                client.say(said[number : number + 1])
            if not read_on:
                self.assertEqual(layer.receive(client.outgoing()), said)
                continue
            layer.put(memoryview(client.outgoing()))
            heard, buffer = b"", memoryview(bytearray(1000))
            for amount in (MAXIMUM_RECORDS, MAXIMUM_RECORDS, len(said) - 2 * MAXIMUM_RECORDS, 0):
                self.assertEqual(layer.read_into(buffer), amount)
                self.assertEqual(layer.has_more, amount == MAXIMUM_RECORDS)
                heard += bytes(buffer[:amount])
            self.assertEqual(heard, said)

    def test_nothing_to_send(self) -> None:
        """Sending nothing sends nothing."""
        layer = self.layer()
        established(layer, Client())
        layer.send(b"")
        self.assertEqual(layer.outgoing(), b"")

    def test_the_client_ends_first(self) -> None:
        """The end of the client is noticed with what it said before, and answered."""
        for version in VERSIONS:
            layer = self.layer()
            client = established(layer, Client(client_context(version)))
            client.say(b"all")
            client.end()
            self.assertFalse(layer.has_ended)
            self.assertEqual(converse(layer, client), b"all")
            self.assertTrue(layer.has_ended)
            layer.send(b"226")
            layer.end()
            converse(layer, client)
            self.assertEqual((client.heard, client.has_ended), (b"226", True))

    def test_octets_behind_the_end_count_for_nothing(self) -> None:
        """What follows the end of TLS in clear is not taken for data."""
        layer = self.layer()
        client = established(layer, Client())
        client.end()
        self.assertEqual(layer.receive(client.outgoing() + b"DELE a\r\n"), b"")
        self.assertTrue(layer.has_ended)
        self.assertEqual(layer.receive(b"DELE a\r\n"), b"")

    def test_the_server_ends_first(self) -> None:
        """After the end of the server the client may go on, until it ends too."""
        for version in VERSIONS:
            layer = self.layer()
            client = established(layer, Client(client_context(version)))
            layer.send(b"all")
            layer.end()
            # Before it is read: of TLS 1.2, a client can only answer the end.
            client.say(b"rest")
            self.assertEqual(converse(layer, client), b"rest")
            self.assertEqual((client.heard, client.has_ended), (b"all", True))
            client.end()
            converse(layer, client)
            self.assertTrue(layer.has_ended)

    def test_the_end_is_said_once(self) -> None:
        """A second end says nothing, and nothing can be sent behind the first."""
        layer = self.layer()
        established(layer, Client())
        layer.end()
        self.assertNotEqual(layer.outgoing(), b"")
        layer.end()
        self.assertEqual(layer.outgoing(), b"")
        self.assertRaises(TLSFailure, layer.send, b"more")

    def test_a_cut_is_not_an_end(self) -> None:
        """A connection closed without the end of TLS, even in the middle of a record, does not look ended."""
        for cut in (None, -1, 3):
            layer = self.layer()
            client = established(layer, Client())
            client.say(b"half of a file")
            heard = layer.receive(client.outgoing()[:cut])
            self.assertEqual(heard, b"half of a file" if cut is None else b"", cut)
            self.assertFalse(layer.has_ended, cut)
            # As it is done for any connection that is lost.
            layer.end()

    def test_garbage_is_refused(self) -> None:
        """What is no ClientHello is a failure with a reason, at once and ever after."""
        for garbage in GARBAGE:
            layer = self.layer()
            reason = str(self.assertRaises(TLSFailure, layer.receive, garbage))
            self.assertTrue(reason, garbage)
            layer.outgoing()
            self.assertFalse(layer.is_established)
            self.assertFalse(layer.has_ended)
            again = self.assertRaises(TLSFailure, layer.receive, b"")
            self.assertEqual(str(again), reason)
            self.assertRaises(TLSFailure, layer.send, b"data")
            layer.end()
            self.assertEqual(layer.outgoing(), b"")

    def test_half_a_handshake(self) -> None:
        """A handshake that stops in the middle waits, without data, and can be let go."""
        hello = Client().outgoing()
        for length in (0, 1, 5, len(hello) // 2, len(hello) - 1):
            layer = self.layer()
            self.assertEqual(layer.receive(hello[:length]), b"")
            self.assertEqual(layer.outgoing(), b"", length)
            self.assertFalse(layer.is_established)
            self.assertIsNone(layer.peer_certificate)
            self.assertFalse(layer.was_resumed)
            layer.end()
            self.assertEqual(layer.outgoing(), b"", length)

    def test_the_end_in_the_middle_of_a_handshake(self) -> None:
        """A client that says the end of TLS before the handshake is done has not ended anything, but failed."""
        for version in VERSIONS:
            layer = self.layer()
            layer.receive(Client(client_context(version)).outgoing())
            failure = self.assertRaises(TLSFailure, layer.receive, b"\x15\x03\x03\x00\x02\x01\x00")
            self.assertEqual(str(failure), "closed during the handshake")
            self.assertFalse(layer.has_ended)

    def test_nothing_is_sent_before_the_handshake(self) -> None:
        """There is no sending before the handshake is done, which goes on after the attempt."""
        layer = self.layer()
        failure = self.assertRaises(TLSFailure, layer.send, b"220 Hello")
        self.assertEqual(str(failure), "the handshake is not done")
        client = established(layer, Client())
        self.assertEqual(client.heard, b"")

    def test_half_a_message_behind_the_handshake(self) -> None:
        """A client that says half of what renews its keys (TLS 1.3) does not hinder the server to answer and to end."""
        layer = self.layer()
        context = client_context(ssl.TLSVersion.TLSv1_3)
        context.keylog_filename = self.mktemp()
        established(layer, Client(context))
        record = half_a_key_update(Path(context.keylog_filename).read_text())
        self.assertEqual(layer.receive(record), b"")
        for act in (lambda: layer.send(b"226"), layer.end):
            act()
            self.assertNotEqual(layer.outgoing(), b"")
        self.assertFalse(layer.has_ended)

    def test_a_client_that_cancels_before_it_ends(self) -> None:
        """Java says user_canceled before close_notify: what it had sent is heard, and that it has ended."""
        layer = self.layer()
        context = client_context(ssl.TLSVersion.TLSv1_3)
        context.keylog_filename = self.mktemp()
        established(layer, Client(context))
        secrets = Path(context.keylog_filename).read_text()
        inners = (b"hello\x17", CANCELED, b"\1\0\x15")
        octets = b"".join(sealed(secrets, inner, number) for number, inner in enumerate(inners))
        self.assertEqual(layer.receive(octets), b"hello")
        self.assertTrue(layer.has_ended)

    def test_a_client_that_only_cancels(self) -> None:
        """Such alerts without end are a failure."""
        layer = self.layer()
        context = client_context(ssl.TLSVersion.TLSv1_3)
        context.keylog_filename = self.mktemp()
        established(layer, Client(context))
        secrets = Path(context.keylog_filename).read_text()
        octets = b"".join(sealed(secrets, CANCELED, number) for number in range(10))
        self.assertRaises(TLSFailure, layer.receive, octets)

    def test_a_changed_record(self) -> None:
        """A record that was tampered with is a failure, and the client gets an alert."""
        layer = self.layer()
        client = established(layer, Client())
        client.say(b"RETR a\r\n")
        octets = bytearray(client.outgoing())
        octets[-1] ^= 1
        self.assertRaises(TLSFailure, layer.receive, bytes(octets))
        alert = self.assertRaises(ssl.SSLError, client.take, layer.outgoing())
        self.assertIn("BAD_RECORD_MAC", alert.reason)

    def test_a_client_that_does_not_trust(self) -> None:
        """The alert of a client that does not trust the certificate is the reason of the failure."""
        layer = self.layer()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client = Client(context)
        layer.receive(client.outgoing())
        self.assertRaises(ssl.SSLCertVerificationError, client.take, layer.outgoing())
        failure = self.assertRaises(TLSFailure, layer.receive, client.outgoing())
        self.assertIn("unknown ca", str(failure).lower().replace("_", " "))

    def test_any_segmentation(self) -> None:
        """However the network cuts what the client sends, the same is heard."""

        @given(st.sampled_from(VERSIONS), st.lists(st.integers(1, 2000), min_size=1, max_size=20))
        def check(version: ssl.TLSVersion, sizes: list[int]) -> None:
            layer = self.layer()
            client = Client(client_context(version))
            heard = b""
            for data in (b"", b"USER a\r\n", b"x" * 20000, b""):
                client.say(data)
                heard += in_pieces(layer, client, sizes)
                if data == b"x" * 20000:
                    client.end()
            self.assertEqual(heard, b"USER a\r\n" + b"x" * 20000)
            self.assertTrue(layer.has_ended)

        check()


def in_pieces(layer: TLSLayer, client: Client, sizes: list[int]) -> bytes:
    """Carry octets until nobody has any more, those to the server in pieces; return what it hears."""
    heard = b""
    count = 0
    while octets := client.outgoing():
        while octets:
            size = sizes[count % len(sizes)]
            count += 1
            heard += layer.receive(octets[:size])
            octets = octets[size:]
        client.take(layer.outgoing())
    return heard


def half_a_key_update(secrets: str) -> bytes:
    """Return the first record of a client of TLS 1.3 behind the handshake: two of the five octets of a KeyUpdate."""
    # The type of the message and the first octet of its length; the type of the record (RFC 8446, 4.6.3 and 5.2).
    return sealed(secrets, b"\x18\0" + b"\x16")


def sealed(secrets: str, inner: bytes, number: int = 0) -> bytes:
    """Return the record *number* of a client of TLS 1.3 behind the handshake (RFC 8446, sections 5.2 and 5.3)."""
    (secret,) = (line.split()[2] for line in secrets.splitlines() if line.startswith("CLIENT_TRAFFIC_SECRET_0"))
    key = expand_label(bytes.fromhex(secret), b"key", 32)
    mask = int.from_bytes(expand_label(bytes.fromhex(secret), b"iv", 12), "big")
    nonce = (mask ^ number).to_bytes(12, "big")
    header = b"\x17\3\3" + (len(inner) + 16).to_bytes(2, "big")
    return header + AESGCM(key).encrypt(nonce, inner, header)


def expand_label(secret: bytes, label: bytes, length: int) -> bytes:
    """Return keys out of a secret (HKDF-Expand-Label, RFC 8446, section 7.1)."""
    info = length.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
    return HKDFExpand(SHA384(), length, info).derive(secret)


def openssl_context() -> SSL.Context:
    """Return a context of OpenSSL with a certificate for localhost."""
    certificate = server_certificate()
    chain = tuple(load_pem_x509_certificates(b"".join(one.bytes() for one in certificate.cert_chain_pems)))
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return build(Pair(chain, key), Rules())


class OpenSSLLayerTests(BothLayersMixin, LayerTestCase):
    """Tests for the layer of pyOpenSSL."""

    def layer(self) -> OpenSSLLayer:
        """Return one."""
        return OpenSSLLayer(openssl_context())

    def test_the_name_that_the_client_asks_for(self) -> None:
        """The name in the ClientHello can be told, and that there was none."""
        for name in ("localhost", None):
            layer = self.layer()
            self.assertIsNone(layer.server_name)
            established(layer, Client(server_name=name))
            self.assertEqual(layer.server_name, name)

    def test_another_protocol(self) -> None:
        """A client that wants another protocol is refused with the reason and not by an exception of ours."""
        client = Client(client_context(alpn=["imap"]))
        failure = self.assertRaises(TLSFailure, converse, self.layer(), client)
        self.assertEqual(str(failure), "the client offers other protocols than FTP (ALPN)")

    def test_sending_fails_when_openssl_does(self) -> None:
        """An error of OpenSSL while something is sent is a failure that lasts."""
        layer = self.layer()
        established(layer, Client())
        layer._tls.shutdown()
        failure = self.assertRaises(TLSFailure, layer.send, b"more")
        self.assertEqual(str(failure), "protocol is shutdown")
        self.assertRaises(TLSFailure, layer.receive, b"")


class StdlibLayerTests(BothLayersMixin, LayerTestCase):
    """Tests for the layer of the standard library."""

    def layer(self) -> StdlibLayer:
        """Return one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_certificate().configure_cert(context)
        self.context = context
        return StdlibLayer(context)

    def test_the_name_is_not_known(self) -> None:
        """The name that the client asked for is not told."""
        layer = self.layer()
        established(layer, Client())
        self.assertIsNone(layer.server_name)

    def test_a_session_is_continued(self) -> None:
        """That a session was continued can be told."""
        client = client_context()
        session = transfer(self.layer(), Client(client))
        again = StdlibLayer(self.context)
        transfer(again, Client(client, session=session))
        self.assertTrue(again.was_resumed)

    def test_the_certificate_of_a_client(self) -> None:
        """The certificate of a client is there once it was verified."""
        self.layer()
        self.context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(self.context)
        alice = leaf("alice@example.org")
        layer = StdlibLayer(self.context)
        established(layer, Client(client_context(certificate=alice)))
        self.assertEqual(layer.peer_certificate, parsed(alice))

    def test_sending_fails_when_the_library_does(self) -> None:
        """An error of the library while something is sent is a failure that lasts."""
        layer = self.layer()
        established(layer, Client())
        self.assertRaises(ssl.SSLWantReadError, layer._tls.unwrap)
        failure = self.assertRaises(TLSFailure, layer.send, b"more")
        self.assertEqual(str(failure), "PROTOCOL_IS_SHUTDOWN")
        self.assertRaises(TLSFailure, layer.receive, b"")
