# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for certificates that clients show.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from trustme import CA, LeafCert
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS
from ftpserver.errors import DataNotBound
from ftpserver.tls.layer import TLSFailure, TLSLayer
from ftpserver.tls.session import TLSSession, identities
from tests.certificates import (
    authority,
    leaf,
    parsed,
    revocation_list,
    server_certificate,
    signed,
    write,
    write_pair,
)
from tests.tls_client import VERSIONS, Client, client_context, converse, established

OTHER = "522 The data connection must show the certificate of the control connection."


class CertificateTestCase(SynchronousTestCase):
    """Makes TLS that asks for certificates."""

    def tls(self, wanted: str = "required", *, authorities: tuple[CA, ...] = (), **keywords: object) -> TLS:
        """Return TLS for clients of our authority, or of others."""
        files = [
            write(self, one.cert_pem.bytes(), f"authority-{index}.pem")
            for index, one in enumerate(authorities or (authority(),))
        ]
        return TLS(
            certificate=write_pair(self, server_certificate()),
            client_certificates=wanted,  # type: ignore[arg-type] # from a table
            client_authorities=files,
            **keywords,  # type: ignore[arg-type]
        )

    def context(self, version: ssl.TLSVersion, pem: bytes) -> ssl.SSLContext:
        """Return what a client is to be that shows a certificate from a file."""
        context = client_context(version)
        context.load_cert_chain(write(self, pem, "client.pem"))
        return context

    def assert_taken(self, tls: TLS, context: ssl.SSLContext) -> TLSLayer:
        """Assert that a client is served."""
        layer = tls.open_session().control_layer()
        established(layer, Client(context))
        return layer

    def assert_refused(self, tls: TLS, context: ssl.SSLContext, alert: str) -> None:
        """Assert that a client is refused with an alert."""
        layer, client = tls.open_session().control_layer(), Client(context)
        self.assertRaises(TLSFailure, converse, layer, client)
        self.assertFalse(layer.is_established)
        self.assertIn(alert, client.alert.upper().replace(" ", "_"))


class VerificationTests(CertificateTestCase):
    """Which certificates are taken."""

    def test_ours(self) -> None:
        """A certificate of an authority that was named is taken, and tells who the client is."""
        for wanted in ("optional", "required"):
            for version in VERSIONS:
                context = client_context(version, certificate=leaf("alice@example.org"))
                shown = self.assert_taken(self.tls(wanted), context).peer_certificate
                assert shown is not None
                self.assertEqual(shown, parsed(leaf("alice@example.org")))
                self.assertEqual(identities(shown), ("alice@example.org",))

    def test_none(self) -> None:
        """A client without a certificate is served where it is optional, and refused where it is required."""
        for version in VERSIONS:
            layer = self.assert_taken(self.tls("optional"), client_context(version))
            self.assertIsNone(layer.peer_certificate)
            alert = "HANDSHAKE_FAILURE" if version is ssl.TLSVersion.TLSv1_2 else "CERTIFICATE_REQUIRED"
            self.assert_refused(self.tls(), client_context(version), alert)

    def test_another_authority(self) -> None:
        """A certificate of an authority that was not named is refused, even where it is optional."""
        for wanted in ("optional", "required"):
            for version in VERSIONS:
                context = client_context(version, certificate=leaf("alice@example.org", "theirs"))
                self.assert_refused(self.tls(wanted), context, "UNKNOWN_CA")

    def test_several_authorities(self) -> None:
        """Each of several authorities may have made it."""
        tls = self.tls(authorities=(authority(), authority("theirs")))
        for issuer in ("ours", "theirs"):
            self.assert_taken(tls, client_context(certificate=leaf("alice@example.org", issuer)))

    def test_an_authority_between(self) -> None:
        """A certificate is taken with those between it and its authority, which the client sends."""
        between = authority().create_child_ca()
        context = client_context(certificate=between.issue_cert("alice@example.org"))
        self.assert_taken(self.tls(), context)

    def test_dates(self) -> None:
        """A certificate that has expired, or is not valid yet, is refused."""
        now, day = datetime.now(UTC), timedelta(days=1)
        for begins, ends, alert in (
            (now - 3 * day, now - day, "CERTIFICATE_EXPIRED"),
            (now + day, now + 2 * day, "BAD_CERTIFICATE"),
        ):
            _, pem = signed(["alice"], [x509.DNSName("alice")], begins=begins, ends=ends)
            for version in VERSIONS:
                self.assert_refused(self.tls(), self.context(version, pem), alert)

    def test_a_certificate_for_servers(self) -> None:
        """A certificate that is for servers only does not tell who a client is."""
        _, pem = signed(["alice"], [x509.DNSName("alice")], usage=ExtendedKeyUsageOID.SERVER_AUTH)
        for version in VERSIONS:
            self.assert_refused(self.tls(), self.context(version, pem), "UNSUPPORTED_CERTIFICATE")


class RevocationTests(CertificateTestCase):
    """Certificates that were taken back."""

    def lists(self, *octets: bytes) -> object:
        """Write lists into one file."""
        return write(self, b"".join(octets), "lists.pem")

    def test_a_revoked_certificate(self) -> None:
        """A certificate in the list of its authority is refused, others are taken."""
        alice, bob = leaf("alice@example.org"), leaf("bob@example.org")
        tls = self.tls(revocation_lists=self.lists(revocation_list(alice)))
        for version in VERSIONS:
            self.assert_refused(tls, client_context(version, certificate=alice), "CERTIFICATE_REVOKED")
            self.assert_taken(tls, client_context(version, certificate=bob))

    def test_several_lists_in_a_file(self) -> None:
        """Each authority has a list, and one file may hold them all."""
        theirs = leaf("alice@example.org", "theirs")
        lists = self.lists(revocation_list(), b"some text\n", revocation_list(theirs, issuer="theirs"))
        tls = self.tls(authorities=(authority(), authority("theirs")), revocation_lists=[lists])
        self.assert_refused(tls, client_context(certificate=theirs), "CERTIFICATE_REVOKED")
        self.assert_taken(tls, client_context(certificate=leaf("alice@example.org")))

    def test_an_authority_without_a_list(self) -> None:
        """Where lists are given, the clients of an authority without one are refused."""
        tls = self.tls(authorities=(authority(), authority("theirs")), revocation_lists=self.lists(revocation_list()))
        self.assert_refused(tls, client_context(certificate=leaf("alice@example.org", "theirs")), "UNKNOWN_CA")

    def test_an_old_list(self) -> None:
        """A list that was to be replaced by now lets nobody in, and the log says so at the start."""
        old = self.lists(revocation_list(updated_by=-timedelta(days=1)))
        tls = self.tls(revocation_lists=old)
        self.assert_refused(tls, client_context(certificate=leaf("alice@example.org")), "CERTIFICATE_EXPIRED")


class DataConnectionTests(CertificateTestCase):
    """The certificate on the data connection is that of the control connection."""

    def data(self, session: TLSSession, certificate: LeafCert | None, version: ssl.TLSVersion) -> TLSLayer:
        """Make a data connection."""
        layer = session.data_layer()
        established(layer, Client(client_context(version, certificate=certificate)))
        return layer

    def test_the_same(self) -> None:
        """The same certificate is taken; another one, or none, is refused with 522."""
        alice, bob = leaf("alice@example.org"), leaf("bob@example.org")
        for version in VERSIONS:
            for on_control, on_data, is_same in (
                (alice, alice, True),
                (None, None, True),
                (alice, bob, False),
                (alice, None, False),
                (None, alice, False),
            ):
                session = self.tls("optional").open_session()
                established(session.control_layer(), Client(client_context(version, certificate=on_control)))
                layer = self.data(session, on_data, version)
                if is_same:
                    session.check_data(layer)
                else:
                    refused = self.assertRaises(DataNotBound, session.check_data, layer)
                    self.assertEqual(str(refused.reply), OTHER)

    def test_a_session_that_is_continued(self) -> None:
        """A data connection that continues the session has the certificate of it, without showing it again."""
        for version in VERSIONS:
            context = client_context(version, certificate=leaf("alice@example.org"))
            session = self.tls(session_reuse="required").open_session()
            control, client = session.control_layer(), Client(context)
            established(control, client)
            layer = session.data_layer()
            established(layer, Client(context, session=client.tls.session))
            self.assertTrue(layer.was_resumed)
            self.assertEqual(layer.peer_certificate, parsed(leaf("alice@example.org")))
            session.check_data(layer)

    def test_a_revoked_certificate_does_not_come_back(self) -> None:
        """With certificates of clients, a new control connection continues no session, which would check nothing."""
        for version in VERSIONS:
            tls = self.tls("optional")
            context = client_context(version, certificate=leaf("alice@example.org"))
            client = established(tls.open_session().control_layer(), Client(context))
            layer = tls.open_session().control_layer()
            established(layer, Client(context, session=client.tls.session))
            self.assertFalse(layer.was_resumed)


class ContextTests(CertificateTestCase):
    """Contexts of others that verify clients."""

    def test_a_context_of_openssl(self) -> None:
        """A context that verifies clients does so here, and its sessions are bound."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        path = write_pair(self, server_certificate())
        context.use_certificate_chain_file(path)
        context.use_privatekey_file(path)
        context.load_verify_locations(write(self, authority().cert_pem.bytes(), "authority.pem"))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        tls = TLS(context=context)
        certificate = leaf("alice@example.org")
        for version in VERSIONS:
            self.assert_refused(tls, client_context(version, certificate=leaf("a", "theirs")), "UNKNOWN_CA")
            taken = client_context(version, certificate=certificate)
            layer = self.assert_taken(tls, taken)
            self.assertEqual(layer.peer_certificate, parsed(certificate))
            client = established(tls.open_session().control_layer(), Client(taken))
            again = tls.open_session().control_layer()
            established(again, Client(taken, session=client.tls.session))
            self.assertFalse(again.was_resumed)
