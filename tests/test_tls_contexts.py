# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what the contexts of OpenSSL accept, as clients see it.
"""

from __future__ import annotations

import ssl
import sys
from io import StringIO

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, _util
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS
from ftpserver.tls.bindings import alert_unless, connect, reason, session_was_reused
from ftpserver.tls.layer import TLSFailure, TLSLayer
from tests.certificates import parsed, server_certificate, write_pair
from tests.tls_client import VERSIONS, Client, ForeignClient, client_context, converse, established, transfer


def hello_with_compression() -> bytes:
    """Return a ClientHello of TLS 1.2 that would rather have DEFLATE (RFC 3749) than none."""
    ciphers = bytes.fromhex("0004 c02b c02f")
    # Supported groups, point formats, signature algorithms.
    extensions = bytes.fromhex("000a 0006 0004 001d 0017  000b 0002 0100  000d 0008 0006 0403 0804 0401")
    compressions = bytes.fromhex("02 01 00")
    body = b"\3\3" + b"B" * 32 + b"\0" + ciphers + compressions + len(extensions).to_bytes(2, "big") + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


class ContextTestCase(SynchronousTestCase):
    """Makes layers by what TLS is to be."""

    def tls(self, **keywords: object) -> TLS:
        """Return TLS with a certificate for localhost."""
        return TLS(certificate=write_pair(self, server_certificate()), **keywords)  # type: ignore[arg-type]

    def layer(self, **keywords: object) -> TLSLayer:
        """Return the layer of a new control connection."""
        return self.tls(**keywords).open_session().control_layer()

    def refused(self, layer: TLSLayer, client: Client | ForeignClient) -> str:
        """Assert that a client is refused; return the alert as it sees it."""
        self.assertRaises(TLSFailure, converse, layer, client)
        self.assertFalse(layer.is_established)
        return client.alert


class VersionTests(ContextTestCase):
    """Versions, ciphers, and what makes old TLS unsafe."""

    def test_both_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken, the newer one where the client has both."""
        for version in VERSIONS:
            client = established(self.layer(), Client(client_context(version)))
            self.assertEqual(client.tls.version(), version.name.replace("v1_", "v1."))
        self.assertEqual(established(self.layer(), Client()).tls.version(), "TLSv1.3")

    def test_older_versions(self) -> None:
        """TLS 1.1 and 1.0 are refused with an alert (RFC 8996)."""
        for version in (SSL.TLS1_1_VERSION, SSL.TLS1_VERSION):

            def prepare(context: SSL.Context, version: int = version) -> None:
                context.set_cipher_list(b"ALL:@SECLEVEL=0")
                context.set_min_proto_version(version)
                context.set_max_proto_version(version)

            alert = self.refused(self.layer(), ForeignClient(prepare))
            self.assertIn("alert protocol version", alert)

    def test_only_the_newest(self) -> None:
        """Where TLS 1.3 is the minimum, 1.2 is refused."""
        client = Client(client_context(ssl.TLSVersion.TLSv1_2))
        self.assertIn("ALERT_PROTOCOL_VERSION", self.refused(self.layer(minimum_version="1.3"), client))
        established(self.layer(minimum_version="1.3"), Client(client_context(ssl.TLSVersion.TLSv1_3)))

    def test_compression(self) -> None:
        """Compression is not chosen though a client prefers it."""
        layer = self.layer()
        self.assertEqual(layer.receive(hello_with_compression()), b"")
        answer = layer.outgoing()
        # ServerHello: header of the record (5), of the message (4), version (2), random (32), session id, cipher (2).
        self.assertEqual((answer[0], answer[5]), (0x16, 2))
        self.assertEqual(answer[43 + 1 + answer[43] + 2], 0)

    def test_ciphers(self) -> None:
        """Only ciphers with forward secrecy and authenticated encryption are accepted for TLS 1.2."""
        for cipher in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"):
            context = client_context(ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(cipher)
            self.assertIn("HANDSHAKE_FAILURE", self.refused(self.layer(), Client(context)), cipher)

    def test_chosen_ciphers(self) -> None:
        """Where ciphers are named, these are taken and no others, in the order of the server."""
        named = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256"
        for version, cipher in zip(VERSIONS, ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_AES_128_GCM_SHA256"), strict=True):
            client = established(self.layer(ciphers=named), Client(client_context(version)))
            found = client.tls.cipher()
            assert found is not None
            self.assertEqual(found[0], cipher)

    def test_ciphers_of_one_version(self) -> None:
        """Where only ciphers of TLS 1.3 are named, those of 1.2 are the usual ones."""
        layer = self.layer(ciphers="TLS_AES_128_GCM_SHA256")
        established(layer, Client(client_context(ssl.TLSVersion.TLSv1_2)))

    def test_renegotiation(self) -> None:
        """A client of TLS 1.2 that wants to renegotiate is refused, and can go on without."""
        layer = self.layer()
        client = ForeignClient(lambda context: context.set_max_proto_version(SSL.TLS1_2_VERSION))
        converse(layer, client)
        client.tls.renegotiate()
        self.assertRaises(SSL.WantReadError, client.tls.do_handshake)
        self.assertEqual(layer.receive(client.outgoing()), b"")
        refusal = self.assertRaises(SSL.Error, client.take, layer.outgoing())
        self.assertIn("no renegotiation", reason(refusal))
        self.assertTrue(layer.is_established)

    def test_early_data(self) -> None:
        """No ticket allows 0-RTT: none says how much could be sent so."""
        layer = self.layer()
        client = ForeignClient()
        converse(layer, client)
        session = client.tls.get_session()
        assert session is not None
        self.assertEqual(_util.lib.SSL_SESSION_get_max_early_data(session._session), 0)


class ProtocolTests(ContextTestCase):
    """The protocol that a client asks for (ALPN)."""

    def test_ftp(self) -> None:
        """A client that offers ftp, among others too, gets ftp."""
        for version in VERSIONS:
            for offered in (["ftp"], ["http/1.1", "ftp"]):
                client = established(self.layer(), Client(client_context(version, alpn=offered)))
                self.assertEqual(client.tls.selected_alpn_protocol(), "ftp")

    def test_none(self) -> None:
        """A client that offers nothing is served."""
        for version in VERSIONS:
            client = established(self.layer(), Client(client_context(version)))
            self.assertIsNone(client.tls.selected_alpn_protocol())

    def test_others(self) -> None:
        """A client that offers other protocols only gets the alert no_application_protocol, under any name."""
        tls = self.tls(names={"other.example.org": (write_pair(self, server_certificate("other.example.org")), None)})
        for version in VERSIONS:
            for name in ("localhost", "other.example.org"):
                client = Client(client_context(version, alpn=["http/1.1", "ftp-data"]), server_name=name)
                alert = self.refused(tls.open_session().control_layer(), client)
                self.assertIn("alert no application protocol", alert)

    def test_a_refusal_concerns_nobody_else(self) -> None:
        """After a refusal the next client is served."""
        tls = self.tls()
        self.refused(tls.open_session().control_layer(), Client(client_context(alpn=["imap"])))
        established(tls.open_session().control_layer(), Client(client_context(alpn=["ftp"])))


class NameTests(ContextTestCase):
    """The name that a client asks for (SNI)."""

    def setUp(self) -> None:
        """Make certificates."""
        self.hosts = {
            name: (write_pair(self, server_certificate(name), f"{index}.pem"), None)
            for index, name in enumerate(("a.example.org", "*.example.org", "*.b.example.org"))
        }

    def shown(self, tls: TLS, name: str | None, version: ssl.TLSVersion | None = None) -> bytes | None:
        """Return the certificate that a client gets."""
        context = client_context(version)
        context.check_hostname = False
        return established(tls.open_session().control_layer(), Client(context, server_name=name)).server_certificate

    def test_the_name_chooses(self) -> None:
        """Exact names go before patterns; a pattern stands for one label; case counts for nothing."""
        tls = self.tls(names=self.hosts)
        for version in VERSIONS:
            for name, expected in (
                ("a.example.org", "a.example.org"),
                ("A.Example.ORG", "a.example.org"),
                ("c.example.org", "*.example.org"),
                ("x.b.example.org", "*.b.example.org"),
                ("x.y.b.example.org", "localhost"),
                ("example.org", "localhost"),
                ("localhost", "localhost"),
                (None, "localhost"),
            ):
                wanted = parsed(server_certificate(*([] if expected == "localhost" else [expected])))
                self.assertEqual(self.shown(tls, name, version), wanted.public_bytes(Encoding.DER), name)

    def test_unknown_names_refused(self) -> None:
        """By policy, a name that no certificate has gets the alert unrecognized_name; the others do not."""
        tls = self.tls(names=self.hosts, unknown_names="refuse")
        for version in VERSIONS:
            for name in ("evil.example.com", "x.y.b.example.org", "xn--caf-dma.example"):
                client = Client(client_context(version), server_name=name)
                alert = self.refused(tls.open_session().control_layer(), client)
                self.assertEqual(alert, "TLSV1_UNRECOGNIZED_NAME")
            for known in ("a.example.org", "z.example.org", "localhost", "LOCALHOST", None):
                self.assertIsNotNone(self.shown(tls, known, version))

    def test_the_only_certificate_has_names(self) -> None:
        """With one certificate, its own names are those that are known."""
        tls = self.tls(unknown_names="refuse")
        self.assertIsNotNone(self.shown(tls, "localhost"))
        self.refused(tls.open_session().control_layer(), Client(server_name="127-0-0-1.example.org"))

    def test_the_data_connection_shows_the_same(self) -> None:
        """A data connection shows the certificate of its control connection, whatever name it asks for."""
        wanted = parsed(server_certificate("a.example.org")).public_bytes(Encoding.DER)
        for reuse in ("off", "offered", "required"):
            session = self.tls(names=self.hosts, unknown_names="refuse", session_reuse=reuse).open_session()
            established(session.control_layer(), Client(server_name="a.example.org"))
            for name in ("a.example.org", "c.example.org", "localhost", None, "unknown.example.com"):
                context = client_context()
                context.check_hostname = False
                client = established(session.data_layer(), Client(context, server_name=name))
                self.assertEqual(client.server_certificate, wanted, name)


class BindingsTests(ContextTestCase):
    """Tests for the private calls of pyOpenSSL."""

    def context(self) -> SSL.Context:
        """Return a context with a certificate."""
        path = write_pair(self, server_certificate())
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(path)
        context.use_privatekey_file(path)
        return context

    def test_a_binding_is_short(self) -> None:
        """A binding that OpenSSL cannot keep is an error, and no binding that is cut."""
        context = self.context()
        self.assertFalse(session_was_reused(connect(context, b"x" * 32)))
        error = self.assertRaises(ValueError, connect, context, b"x" * 33)
        self.assertEqual(str(error), "a session id context has 32 octets at most, not 33")

    def test_an_error_while_a_name_is_looked_up(self) -> None:
        """An exception while a name is looked up refuses the client."""

        def accept(_connection: SSL.Connection) -> bool:
            raise ZeroDivisionError

        context = self.context()
        alert_unless(context, accept)
        printed = StringIO()
        self.patch(sys, "stderr", printed)
        client, server = ForeignClient(), connect(context)
        server.bio_write(client.outgoing())
        self.assertRaises(SSL.Error, server.do_handshake)
        client.take_alert(server.bio_read(1000))
        self.assertIn("unrecognized name", client.alert)
        self.assertIn("ZeroDivisionError", printed.getvalue())

    def test_reasons(self) -> None:
        """The words of OpenSSL are told without their places."""
        for error, text in (
            (
                SSL.Error([("SSL routines", "", "wrong version number"), ("", "", "again")]),
                "wrong version number, again",
            ),
            (SSL.SysCallError(-1, "Unexpected EOF"), "Unexpected EOF"),
            (SSL.Error([]), ""),
            (SSL.Error(), ""),
        ):
            self.assertEqual(reason(error), text)

    def test_sessions_of_the_same_binding(self) -> None:
        """Sessions without a binding are continued by all connections of a context."""
        tls = self.tls()
        client = client_context()
        session = transfer(tls.open_session().control_layer(), Client(client))
        layer = tls.open_session().control_layer()
        transfer(layer, Client(client, session=session))
        self.assertTrue(layer.was_resumed)
