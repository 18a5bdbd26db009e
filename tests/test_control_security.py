# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the TLS of a session: policies, client certificates, and its beginning and end.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

from ftpserver import TLS, Permission, User
from ftpserver.control.sequence import COMMANDS_PER_TURN
from ftpserver.core.events import Disconnected, LoginFailed
from ftpserver.core.session import Protection
from tests.tls_dialogue import AUTHORITY, SERVER, SecureDialogue, SecureTestCase, make_tls


def verifying_tls(**keywords: Any) -> TLS:
    """Return the TLS of a server that asks clients for a certificate of the same authority."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    SERVER.configure_cert(context)
    AUTHORITY.configure_trust(context)
    context.set_verify(SSL.VERIFY_PEER)
    return TLS(context=context, **keywords)


class RequiredTests(SecureTestCase):
    """TLS can be required, for everybody or for some accounts."""

    def refused_in_clear(self, dialogue: SecureDialogue, *logins: str) -> None:
        """Assert that each login is refused in the same words, before a password could be sent."""
        replies = {dialogue.say(f"USER {login}", expect=530) for login in logins}
        self.assertEqual(len(replies), 1)
        dialogue.say("PASS password", expect=503)

    def test_required_of_everybody(self) -> None:
        """Known and unknown names are refused alike in clear, and taken under TLS."""
        for required in ("control", "data"):
            dialogue = self.open(tls=make_tls(required=required))
            self.refused_in_clear(dialogue, "user", "nobody")
            dialogue.secure()
            dialogue.login()

    def test_names_declared_clear(self) -> None:
        """The anonymous account, and names that are declared, may do without."""
        users = [User("user", "password"), User("camera", "password"), User()]
        dialogue = self.open(users, tls=make_tls(required="control", clear_users=["camera"]))
        self.refused_in_clear(dialogue, "user")
        dialogue.login("camera")
        dialogue.login("anonymous")

    def test_required_of_one_account(self) -> None:
        """Where one account needs TLS, every name is refused in clear, so that nobody learns which one it is."""
        users = [User("user", "password"), User("bank", "password", tls_required="control"), User()]
        dialogue = self.open(users)
        self.refused_in_clear(dialogue, "user", "bank", "nobody")
        dialogue.login("ftp")
        dialogue.secure()
        dialogue.login("bank")

    def test_a_declared_name_cannot_be_the_account_that_needs_it(self) -> None:
        """An account that needs TLS is not logged in without, even where its name is declared clear."""
        users = [User("bank", "password", tls_required="control")]
        dialogue = self.open(users, tls=make_tls(clear_users=["bank"]))
        dialogue.say("USER bank", expect=331)
        dialogue.send(b"PASS password\r\n")
        dialogue.advance(1)
        self.assertEqual(dialogue.last_reply.code, 530)

    def test_clear_text_for_named_networks_only(self) -> None:
        """Clients from elsewhere must use TLS, whatever their name."""
        tls = make_tls(clear_networks=["10.0.0.0/8"], clear_users=["user"])
        outside = self.open([User("user", "password"), User()], tls=tls)
        self.refused_in_clear(outside, "user", "anonymous")
        inside = self.open(tls=tls, client_host="10.1.2.3")
        inside.login()

    def test_private_data(self) -> None:
        """521 comes at the transfer where data must be under TLS, and not at PASV."""
        account = User("user", "password", tls_required="data")
        for dialogue in (self.secured(tls=make_tls(required="data")), self.secured([account])):
            dialogue.login()
            dialogue.say("EPSV", expect=229)
            for line in ("RETR a", "STOR a", "APPE a", "STOU", "LIST", "NLST", "MLSD"):
                dialogue.say(line, expect=521)

    def test_exempt_accounts_move_data_in_clear(self) -> None:
        """An account that may do without TLS may do without on data connections, too."""
        dialogue = self.open([User("camera", "password")], tls=make_tls(required="data", clear_users=["camera"]))
        dialogue.login("camera")
        self.assertEqual(dialogue.download("NLST"), b"")


class CertificateTests(SecureTestCase):
    """Client certificates log in."""

    def client(self, *names: str, **keywords: Any) -> Any:
        """Return a certificate of a client."""
        return AUTHORITY.issue_cert(*names, **keywords)

    def users(self, **keywords: Any) -> list[User]:
        """Return an account that belongs to a certificate."""
        return [User("camera", certificates=["camera.example.org"], **keywords), User("user", "password")]

    def under_tls(self, *names: str, **keywords: Any) -> SecureDialogue:
        """Return a dialogue under TLS of a client with a certificate of these names."""
        client = self.client(*names) if names else None
        return self.secured(self.users(**keywords), tls=verifying_tls(), client=client)

    def test_the_certificate_is_enough(self) -> None:
        """232 comes at USER for the account whose name is in the certificate."""
        dialogue = self.under_tls("camera.example.org")
        dialogue.say("USER camera", expect=232)
        dialogue.say("PWD", expect=257)

    def test_the_common_name_counts(self) -> None:
        """A certificate without other names is found by its common name."""
        client = self.client("other.example.org", common_name="camera.example.org")
        dialogue = self.secured(self.users(), tls=verifying_tls(), client=client)
        dialogue.say("USER camera", expect=232)

    def test_both_can_be_needed(self) -> None:
        """An account that has a password as well asks for it."""
        dialogue = self.under_tls("camera.example.org", password="password")
        dialogue.login("camera")

    def test_another_certificate_is_none(self) -> None:
        """A certificate of another name, or none, is answered like an unknown name."""
        for names in ((), ("other.example.org",)):
            for password in (None, "password"):
                dialogue = self.under_tls(*names, password=password)
                dialogue.say("USER camera", expect=331)
                dialogue.send(b"PASS password\r\n")
                dialogue.advance(1)
                self.assertEqual(dialogue.last_reply.code, 530)
                self.assertEqual(len(dialogue.events.of(LoginFailed)), 1)

    def test_in_clear_there_is_none(self) -> None:
        """Without TLS the account of a certificate cannot be entered."""
        self.open(self.users(), tls=verifying_tls()).say("USER camera", expect=331)

    def test_other_accounts_need_none(self) -> None:
        """An account without certificates logs in as ever."""
        self.under_tls().login()


class LifeTests(SecureTestCase):
    """TLS begins and ends on a control connection."""

    def test_implicit_tls(self) -> None:
        """Nothing is said in clear; the greeting comes under TLS, and data is protected from the start."""
        dialogue = self.open(mode="implicit")
        self.assertEqual(dialogue.transport.take_written(), b"")
        dialogue.begin_tls()
        self.assertEqual(dialogue.codes(), [220])
        self.assertIs(dialogue.protocol.connection.session.protection, Protection.ALL)
        dialogue.say("PROT P", expect=503)
        dialogue.say("PBSZ 0", expect=200)
        dialogue.say("PROT P", expect=200)

    def test_clear_text_on_an_implicit_port(self) -> None:
        """A client that does not speak TLS is hung up on without a word."""
        dialogue = self.open(mode="implicit")
        dialogue.send(b"USER user\r\n")
        self.assertTrue(dialogue.is_closed)
        self.assertNotIn(b"220", dialogue.transport.take_written())
        self.assertIn("TLS failed", dialogue.events.of(Disconnected)[0].reason)

    def test_a_reinitialised_session_is_in_clear(self) -> None:
        """REIN is answered under TLS, which ends then; it can begin again."""
        dialogue = self.secured()
        dialogue.login()
        dialogue.say("REIN", expect=220)
        dialogue.end_tls()
        dialogue.say("NOOP", expect=200)
        self.assertIs(dialogue.protocol.connection.session.protection, Protection.NONE)
        dialogue.secure()
        dialogue.login()

    def test_a_reinitialised_session_stays_on_an_implicit_port(self) -> None:
        """There clear text is never allowed: REIN only ends the login."""
        dialogue = self.open(mode="implicit")
        dialogue.begin_tls()
        dialogue.login()
        dialogue.say("REIN", expect=220)
        dialogue.say("PWD", expect=530)
        self.assertTrue(dialogue.protocol.connection.session.protects_commands)

    def test_a_handshake_that_never_ends(self) -> None:
        """The time for the login counts, too; the place is free again then."""
        dialogue = self.open(login_timeout=60)
        dialogue.say("AUTH TLS", expect=234)
        dialogue.send(b"\x16\x03\x01")
        dialogue.advance(59)
        self.assertFalse(dialogue.is_closed)
        dialogue.advance(1)
        self.assertTrue(dialogue.is_closed)
        self.assertEqual(dialogue.server.sessions, 0)

    def test_a_handshake_that_fails(self) -> None:
        """Garbage in place of a handshake ends the session."""
        dialogue = self.open()
        dialogue.say("AUTH TLS", expect=234)
        dialogue.send(b"this is no handshake\r\n")
        self.assertTrue(dialogue.is_closed)

    def test_what_came_in_clear_is_forgotten_where_auth_waited(self) -> None:
        """When AUTH had to wait for its turn, what came in clear behind it is not taken for said under TLS."""
        dialogue = self.open()
        dialogue.protocol.dataReceived(b"NOOP\r\n" * COMMANDS_PER_TURN + b"AUTH TLS\r\n")
        dialogue.protocol.dataReceived(b"SYST\r\n")
        dialogue.advance(0)
        self.assertEqual(dialogue.codes()[-2:], [200, 234])
        self.assertEqual(dialogue.protocol.connection.session.protection, Protection.COMMANDS)

    def test_a_client_that_ends_tls(self) -> None:
        """close_notify of the client is the end of the session: nothing in clear is heard."""
        dialogue = self.secured()
        dialogue.end_tls(behind=b"NOOP\r\n")
        self.assertTrue(dialogue.is_closed)

    def test_quit_ends_tls_in_order(self) -> None:
        """The server says close_notify before it hangs up."""
        dialogue = self.secured()
        dialogue.say("QUIT", expect=221)
        self.assertTrue(dialogue.server_has_ended_tls)

    def test_permissions_are_as_ever(self) -> None:
        """TLS changes nothing of what an account may do."""
        dialogue = self.secured([User("user", "password", permissions=[Permission("/", writable=False)])])
        dialogue.login()
        dialogue.say("MKD a", expect=550)
