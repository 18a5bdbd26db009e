# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what ties data connections to their control connection, and for whom a certificate names.
"""

from __future__ import annotations

import ssl
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL
from twisted.internet.ssl import CertificateOptions
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS
from ftpserver.errors import DataNotBound, FTPError
from ftpserver.tls.layer import TLSLayer
from ftpserver.tls.session import TLSSession, identities
from tests.certificates import parsed, server_certificate, signed, write_pair
from tests.tls_client import VERSIONS, Client, client_context, converse, established, transfer

NOT_CONTINUED = "522 The data connection must continue the TLS session of the control connection."

#: A version, and whether the client takes tickets (of TLS 1.2; without them it is the id of the session).
WAYS = (
    (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_2, False),
    (ssl.TLSVersion.TLSv1_3, True),
)


def openssl_context(case: SynchronousTestCase) -> SSL.Context:
    """Return a context of OpenSSL with a certificate for localhost."""
    path = write_pair(case, server_certificate())
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(path)
    context.use_privatekey_file(path)
    return context


def certificate_options() -> CertificateOptions:
    """Return Twisted's options with a certificate for localhost."""
    certificate = server_certificate()
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    # It takes what it is annotated with, too, with a warning that this is of yesterday.
    today: dict[str, Any] = {"privateKey": key, "certificate": parsed(certificate)}
    return CertificateOptions(**today)


class SessionTestCase(SynchronousTestCase):
    """Makes sessions."""

    def tls(self, session_reuse: str = "required") -> TLS:
        """Return TLS with a certificate for localhost."""
        path = write_pair(self, server_certificate())
        return TLS(certificate=path, session_reuse=session_reuse)  # type: ignore[arg-type] # from a table

    def control(self, session: TLSSession, client: ssl.SSLContext) -> ssl.SSLSession | None:
        """Do the handshake of a control connection; return the session that a data connection may continue."""
        layer = session.control_layer()
        connected = established(layer, Client(client))
        layer.send(b"234")
        converse(layer, connected)
        return connected.tls.session

    def data(
        self, session: TLSSession, client: ssl.SSLContext, continued: ssl.SSLSession | None
    ) -> tuple[TLSLayer, ssl.SSLSession | None]:
        """Make one transfer; return its layer and the session to go on with."""
        layer = session.data_layer()
        again = transfer(layer, Client(client, session=continued))
        return layer, again

    def assert_refused(self, session: TLSSession, layer: TLSLayer, reply: str = NOT_CONTINUED) -> None:
        """Assert that a data connection is refused."""
        failure = self.assertRaises(DataNotBound, session.check_data, layer)
        self.assertIsInstance(failure, FTPError)
        self.assertEqual(str(failure.reply), reply)


class RequiredTests(SessionTestCase):
    """Reuse of the session is required."""

    def test_the_session_is_continued(self) -> None:
        """A data connection that continues the session of its control connection is taken, by id, ticket or key."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            control = self.control(session, client)
            layer, _ = self.data(session, client, control)
            self.assertTrue(layer.was_resumed, (version, tickets))
            session.check_data(layer)

    def test_no_session_is_continued(self) -> None:
        """A data connection with a session of its own is refused with 522 and the reason."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            self.control(session, client)
            layer, _ = self.data(session, client, None)
            self.assertFalse(layer.was_resumed)
            self.assert_refused(session, layer)

    def test_the_session_of_another_control_connection(self) -> None:
        """A data connection that would continue the session of somebody else is refused; so is one from before."""
        for version, tickets in WAYS:
            tls, client = self.tls(), client_context(version, tickets=tickets)
            ours, theirs = tls.open_session(), tls.open_session()
            foreign = self.control(theirs, client)
            own = self.control(ours, client)
            layer, gone_on = self.data(ours, client, foreign)
            self.assertFalse(layer.was_resumed, (version, tickets))
            self.assert_refused(ours, layer)
            # Both sessions are as good as before, each for its own.
            ours.check_data(self.data(ours, client, own)[0])
            theirs.check_data(self.data(theirs, client, foreign)[0])
            self.assertIsNotNone(gone_on)

    def test_the_session_of_a_foreign_data_connection(self) -> None:
        """What was refused once gives no session that is taken the next time, unless it is of this session."""
        for version, tickets in WAYS:
            tls, client = self.tls(), client_context(version, tickets=tickets)
            theirs, ours = tls.open_session(), tls.open_session()
            _, foreign = self.data(theirs, client, self.control(theirs, client))
            self.control(ours, client)
            layer, _ = self.data(ours, client, foreign)
            self.assert_refused(ours, layer)

    def test_the_control_connection_of_an_earlier_login(self) -> None:
        """When TLS begins anew on the control connection, sessions from before are not taken any more."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            before = self.control(session, client)
            now = self.control(session, client)
            self.assert_refused(session, self.data(session, client, before)[0])
            session.check_data(self.data(session, client, now)[0])

    def test_the_control_connection_continues_nothing(self) -> None:
        """A new control connection is a new session, even for a client that would continue one."""
        for version, tickets in WAYS:
            tls, client = self.tls(), client_context(version, tickets=tickets)
            session = transfer(tls.open_session().control_layer(), Client(client))
            layer = tls.open_session().control_layer()
            transfer(layer, Client(client, session=session))
            self.assertFalse(layer.was_resumed)

    def test_the_same_ticket_for_many_transfers(self) -> None:
        """A client may use the same session for a hundred data connections."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            control = self.control(session, client)
            for _ in range(100):
                session.check_data(self.data(session, client, control)[0])

    def test_each_ticket_once_for_many_transfers(self) -> None:
        """A client that goes on with what the transfer before gave it makes a hundred data connections."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            current = self.control(session, client)
            for _ in range(100):
                layer, current = self.data(session, client, current)
                session.check_data(layer)

    def test_a_client_that_hangs_up(self) -> None:
        """After a data connection that was cut, the session can still be continued."""
        for version, tickets in WAYS:
            session, client = self.tls().open_session(), client_context(version, tickets=tickets)
            control = self.control(session, client)
            layer = session.data_layer()
            established(layer, Client(client, session=control))
            layer.end()
            del layer
            session.check_data(self.data(session, client, control)[0])

    def test_contexts_of_others(self) -> None:
        """Contexts of pyOpenSSL and options of Twisted are bound as those from files are."""
        for context in (openssl_context(self), certificate_options()):
            tls = TLS(context=context, session_reuse="required")
            for version, tickets in WAYS:
                client = client_context(version, tickets=tickets)
                ours, theirs = tls.open_session(), tls.open_session()
                own, foreign = self.control(ours, client), self.control(theirs, client)
                self.assert_refused(ours, self.data(ours, client, foreign)[0])
                for _ in range(3):
                    layer, own = self.data(ours, client, own)
                    ours.check_data(layer)

    def test_a_certificate_by_name(self) -> None:
        """The session is bound as well where a name chose the certificate."""
        path = write_pair(self, server_certificate("a.example.org"), "a.pem")
        tls = TLS(
            certificate=write_pair(self, server_certificate()),
            names={"a.example.org": (path, None)},
            session_reuse="required",
        )
        for version, tickets in WAYS:
            client = client_context(version, tickets=tickets)
            ours, theirs = tls.open_session(), tls.open_session()
            own, foreign = (
                transfer(session.control_layer(), Client(client, server_name="a.example.org"))
                for session in (ours, theirs)
            )
            for session, expected in ((foreign, False), (own, True), (own, True)):
                layer = ours.data_layer()
                transfer(layer, Client(client, session=session, server_name="a.example.org"))
                self.assertEqual(layer.was_resumed, expected)


class OtherPoliciesTests(SessionTestCase):
    """Reuse of the session is offered, or off."""

    def test_offered(self) -> None:
        """Where reuse is offered, data connections with and without it are taken."""
        for version, tickets in WAYS:
            session, client = self.tls("offered").open_session(), client_context(version, tickets=tickets)
            control = self.control(session, client)
            for continued in (control, None):
                layer, _ = self.data(session, client, continued)
                self.assertEqual(layer.was_resumed, continued is not None)
                session.check_data(layer)

    def test_off(self) -> None:
        """Where reuse is off, every data connection has a handshake of its own, and is taken."""
        for version, tickets in WAYS:
            session, client = self.tls("off").open_session(), client_context(version, tickets=tickets)
            control = self.control(session, client)
            layer, _ = self.data(session, client, control)
            self.assertFalse(layer.was_resumed)
            session.check_data(layer)

    def test_a_context_of_the_standard_library(self) -> None:
        """With a ssl.SSLContext data connections are taken, whether or not they continue a session."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_certificate().configure_cert(context)
        for version in VERSIONS:
            session, client = TLS(context=context).open_session(), client_context(version)
            control = self.control(session, client)
            for continued in (control, None):
                layer, _ = self.data(session, client, continued)
                self.assertEqual(layer.was_resumed, continued is not None)
                session.check_data(layer)

    def test_data_before_control(self) -> None:
        """A data connection needs a control connection."""
        session = self.tls().open_session()
        self.assertRaises(RuntimeError, session.data_layer)


class IdentitiesTests(SynchronousTestCase):
    """Whom a certificate names."""

    def test_all_names(self) -> None:
        """DNS names, addresses of mail, URIs and common names count, each once; others do not."""
        certificate, _ = signed(
            ["alice", "bob@example.org"],
            [
                x509.RFC822Name("bob@example.org"),
                x509.UniformResourceIdentifier("ftp://example.org/alice"),
                x509.DNSName("alice.example.org"),
                x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
            ],
        )
        expected = ("alice.example.org", "bob@example.org", "ftp://example.org/alice", "alice")
        self.assertEqual(identities(certificate), expected)

    def test_no_names(self) -> None:
        """A certificate may name nobody."""
        self.assertEqual(identities(signed()[0]), ())
        self.assertEqual(identities(signed(["alice"])[0]), ("alice",))

    def test_names_that_hide_something(self) -> None:
        """A name with NUL or with control characters, and a pattern, is nobody's name."""
        for name in ("alice\0.evil.example", "\0alice", "alice\0", "alice\r\n", "ali\x7fce", "*.example.org"):
            certificate, _ = signed(
                [name], [x509.DNSName(name), x509.RFC822Name("a\0@b"), x509.DNSName("good.example")]
            )
            self.assertEqual(identities(certificate), ("good.example",), name)

    def test_names_that_cannot_be_read(self) -> None:
        """A certificate whose names are broken names nobody."""
        octets = parsed(server_certificate("alice.example.org")).public_bytes(Encoding.DER)
        broken = octets.replace(b"alice.example.org", b"\xff\xfeice.example.org")
        self.assertNotEqual(broken, octets)
        self.assertEqual(identities(x509.load_der_x509_certificate(broken)), ())
