# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Certificates of clients, and those of the server over time: section T of the registry, its sixth part.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from trustme import LeafCert

from ftpserver import User
from tests.certificates import authority, leaf, revocation_list, server_certificate, signed, write, write_pair

from .conformance import holds
from .harness import reactor
from .tls_client import VERSIONS, End, SecureClient, client_context
from .tls_harness import EXPLICIT, IMPLICIT, SecureTestCase

DAY = timedelta(days=1)

#: What a certificate must say to be carol's; see :meth:`CertificateTestCase.users`.
CAROL = "carol@example.org"


class CertificateTestCase(SecureTestCase):
    """A server that looks at certificates of clients."""

    settings: ClassVar[Mapping[str, Any]] = {"client_certificates": "optional"}

    def tls(self, **settings: Any) -> Any:
        """Trust one authority."""
        authorities = write(self, authority().cert_pem.bytes(), "authority.pem")
        return super().tls(client_authorities=authorities, **settings)

    def users(self) -> list[User]:
        """Add accounts that need a certificate: one of them alone, the other with a password."""
        names = (CAROL, "carol.example.org", "https://carol.example.org/", "Carol")
        return [
            *super().users(),
            User("carol", base_path=self.root, certificates=names),
            User("dave", "d", base_path=self.root, certificates=("dave@example.org",)),
        ]

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    def made(self, version: ssl.TLSVersion, *names: str, **details: Any) -> ssl.SSLContext:
        """Return a client with a certificate such as trustme does not make."""
        _, pem = signed(names, **details)
        context = client_context(version)
        context.load_cert_chain(write(self, pem, "client.pem"))
        return context

    def holding(self, version: ssl.TLSVersion, certificate: LeafCert | None) -> ssl.SSLContext:
        """Return a client with a certificate of trustme, or none."""
        return client_context(version, certificate=certificate)

    async def assert_enters(self, context: ssl.SSLContext) -> None:
        """Expect USER alone to log carol in."""
        client = await self.secured(context)
        await client.command("USER carol", 232)
        await client.command("PWD", 257)
        await client.command("TYPE I", 200)
        await client.protect_data()
        self.assertEqual(await client.fetch("RETR f"), b"content")

    async def assert_stays_out(self, context: ssl.SSLContext) -> None:
        """Expect carol to look like anybody who is not known, and a password to work for others."""
        client, other = await self.secured(context), await self.secured()
        self.assertEqual((await client.command("USER carol", 331)).raw, (await other.command("USER nobody", 331)).raw)
        self.assertEqual((await client.command("PASS x", 530)).raw, (await other.command("PASS x", 530)).raw)
        await client.login()

    async def assert_no_handshake(self, context: ssl.SSLContext) -> None:
        """Expect the handshake to be refused on either port, without a word in clear, and nobody to be left."""
        sessions = self.server.sessions
        for listener in (EXPLICIT, IMPLICIT):
            client = await self.reach(SecureClient(reactor, self.host, context), listener)
            if listener == EXPLICIT:
                await client.reply(220)
                await client.command("AUTH TLS", 234)
            client.begin_tls(End(context))
            self.assertNotEqual(await client.refused(), "")
            self.assertEqual(client.received, b"")
        await self.until(lambda: self.server.sessions == sessions)


class IdentityTests(CertificateTestCase):
    """Who somebody is by certificate."""

    @holds("T21", "L01")
    async def test_a_certificate_logs_in(self) -> None:
        """USER is answered with 232 where the certificate names the account, by any of its names."""
        for version in VERSIONS:
            await self.assert_enters(self.holding(version, leaf(CAROL)))
            await self.assert_enters(self.holding(version, leaf("carol.example.org")))
            await self.assert_enters(self.made(version, "Carol"))
            uri = x509.UniformResourceIdentifier("https://carol.example.org/")
            await self.assert_enters(self.made(version, alternatives=[uri]))
            await self.assert_enters(self.made(version, "Somebody", alternatives=[x509.RFC822Name(CAROL)]))

    @holds("T21")
    async def test_a_certificate_and_a_password_can_both_be_needed(self) -> None:
        """An account with both is asked for its password, and lets in only who has the certificate, too."""
        for version in VERSIONS:
            client = await self.secured(self.holding(version, leaf("dave@example.org")))
            await client.command("USER dave", 331)
            await client.command("PASS wrong", 530)
            await client.login("dave", "d")
            for certificate in (None, leaf(CAROL)):
                client = await self.secured(self.holding(version, certificate))
                await client.command("USER dave", 331)
                await client.command("PASS d", 530)

    @holds("T21", "L18")
    async def test_another_certificate_is_not_enough(self) -> None:
        """No certificate, or one for somebody else, gives nothing that a stranger would not get."""
        for version in VERSIONS:
            for certificate in (None, leaf("mallory@example.org"), leaf("dave@example.org")):
                await self.assert_stays_out(self.holding(version, certificate))
            for name in ("carol", "CAROL", "Carol ", "Carol.example.org", "*", "Carol@example.org"):
                await self.assert_stays_out(self.made(version, name))
            alternative = x509.DNSName("*.example.org")
            await self.assert_stays_out(self.made(version, "x", alternatives=[alternative]))

    @holds("T21")
    async def test_an_embedded_nul_names_nobody(self) -> None:
        """A name that only begins like that of the account is another one."""
        for version in VERSIONS:
            for name in ("Carol\0.attacker.example", "Carol\0", "\0Carol"):
                await self.assert_stays_out(self.made(version, name))
            address = x509.RFC822Name._init_without_validation(CAROL + "\0.attacker.example")
            await self.assert_stays_out(self.made(version, "x", alternatives=[address]))

    @holds("T21")
    async def test_a_certificate_does_not_help_in_clear(self) -> None:
        """Without TLS nobody has shown a certificate."""
        client = await self.connect()
        await client.command("USER carol", 331, 530)
        await client.command("PASS x", 530, 503)
        await client.command("PWD", 530)

    @holds("T21")
    async def test_a_certificate_is_forgotten_with_tls(self) -> None:
        """After REIN the certificate of before counts no more."""
        client = await self.secured(self.holding(VERSIONS[1], leaf(CAROL)))
        await client.command("USER carol", 232)
        await client.command("REIN", 220)
        await client.leave_tls()
        await client.command("USER carol", 331, 530)
        await client.command("PASS x", 530, 503)


class RefusedCertificateTests(CertificateTestCase):
    """Certificates that prove nothing."""

    @holds("T21")
    async def test_a_certificate_must_be_valid(self) -> None:
        """One that has expired, has yet to begin, or is of another authority, ends the handshake."""
        now = datetime.now(UTC)
        for version in VERSIONS:
            await self.assert_no_handshake(self.made(version, "Carol", begins=now - 9 * DAY, ends=now - DAY))
            await self.assert_no_handshake(self.made(version, "Carol", begins=now + DAY, ends=now + 9 * DAY))
            await self.assert_no_handshake(self.holding(version, leaf(CAROL, "theirs")))
            await self.assert_no_handshake(self.made(version, "Carol", usage=ExtendedKeyUsageOID.SERVER_AUTH))

    @holds("T21")
    async def test_a_revoked_certificate_is_refused(self) -> None:
        """One that the list of its authority names ends the handshake; others of it are good."""
        lists = write(self, revocation_list(leaf(CAROL)), "revoked.pem")
        await self.restart_server(tls=self.tls(revocation_lists=lists))
        for version in VERSIONS:
            await self.assert_no_handshake(self.holding(version, leaf(CAROL)))
            await self.assert_enters(self.holding(version, leaf("carol.example.org")))

    @holds("T21")
    async def test_a_certificate_can_be_required(self) -> None:
        """Where every client must have one, those without are refused before they can name an account."""
        await self.restart_server(tls=self.tls(client_certificates="required"))
        for version in VERSIONS:
            await self.assert_no_handshake(self.holding(version, None))
            await self.assert_enters(self.holding(version, leaf(CAROL)))


class DataCertificateTests(CertificateTestCase):
    """Certificates on the data connection."""

    @holds("T22")
    async def test_the_client_must_be_the_same(self) -> None:
        """A data connection with another certificate, or none, gets 522, in either mode; the same one is served."""
        for reuse in ("off", "offered"):
            await self.restart_server(tls=self.tls(session_reuse=reuse))
            for version in VERSIONS:
                await self.assert_bound(version, leaf(CAROL), None, leaf("carol.example.org"), leaf("x@example.org"))

    @holds("T22")
    async def test_a_certificate_appears_on_both_or_neither(self) -> None:
        """Where the control connection has none, a data connection with one is another client."""
        for version in VERSIONS:
            await self.assert_bound(version, None, leaf(CAROL))

    async def assert_bound(self, version: ssl.TLSVersion, own: LeafCert | None, *others: LeafCert | None) -> None:
        """Expect data connections of the client with *own* to be served, and those with *others* to be refused."""
        client = await self.private(self.holding(version, own))
        for other in others:
            context = self.holding(version, other)
            for begin in (client.begin, client.begin_active):
                for line in ("RETR f", "STOR new"):
                    client.data_end = self.fresh(context)
                    data = await begin(line)
                    data.send(b"what a stranger would store")
                    await client.reply(522)
                    await data.vanish()
                    self.assertEqual(data.received, b"")
                    self.assertFalse((self.root / "new").exists())
        client.data_end = self.fresh(client.context)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    def fresh(self, context: ssl.SSLContext) -> Callable[[], End]:
        """Return what makes ends that continue nothing."""
        return lambda: End(context)

    @holds("T22", "T15")
    async def test_a_continued_session_keeps_the_certificate(self) -> None:
        """Who continues the session of the control connection need not show it again."""
        for reuse in ("offered", "required"):
            await self.restart_server(tls=self.tls(session_reuse=reuse))
            for version in VERSIONS:
                client = await self.private(self.holding(version, leaf(CAROL)))
                for _ in range(3):
                    data = await client.begin("RETR f")
                    self.assertEqual(await data.everything(), b"content")
                    await client.reply(226)
                    self.assertTrue(data.end.was_resumed)


class ReloadTests(SecureTestCase):
    """The server's own certificate."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    def der(self, certificate: LeafCert) -> bytes:
        """Return a certificate as clients see it."""
        return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())

    async def shown(self, client: SecureClient, *, mode: str = "begin") -> bytes | None:
        """Return the certificate that a data connection shows which continues nothing."""
        client.data_end = lambda: End(client.context)
        data = await getattr(client, mode)("RETR f")
        self.assertEqual(await data.everything(), b"content")
        await client.reply(226)
        certificate: bytes | None = data.end.server_certificate
        return certificate

    @holds("T22")
    async def test_both_connections_show_the_same(self) -> None:
        """Data connections show the certificate of the control connection, in either mode."""
        for version in VERSIONS:
            client = await self.privately(version)
            for mode in ("begin", "begin_active"):
                self.assertEqual(await self.shown(client, mode=mode), client.end.server_certificate)

    @holds("T22")
    async def test_a_reload_changes_nothing_of_a_session(self) -> None:
        """After a renewal, old sessions show the old certificate on new data connections, new ones the new."""
        renewed = server_certificate("localhost", "renewed.example.org")
        for reuse in ("off", "offered"):
            write_pair(self, server_certificate())
            await self.restart_server(tls=self.tls(session_reuse=reuse))
            olds = [await self.privately(version) for version in VERSIONS]
            write_pair(self, renewed)
            assert self.server.tls is not None
            self.assertTrue(self.server.tls.reload())
            news = [await self.privately(version) for version in VERSIONS]
            for clients, certificate in ((olds, server_certificate()), (news, renewed)):
                for client in clients:
                    self.assertEqual(client.end.server_certificate, self.der(certificate))
                    for mode in ("begin", "begin_active"):
                        self.assertEqual(await self.shown(client, mode=mode), self.der(certificate))

    @holds("T22", "T15")
    async def test_a_session_is_continued_across_a_reload(self) -> None:
        """Where sessions must be continued, those under way still can, and new ones as well."""
        await self.restart_server(tls=self.tls(session_reuse="required"))
        olds = [await self.privately(version) for version in VERSIONS]
        write_pair(self, server_certificate("localhost", "renewed.example.org"))
        assert self.server.tls is not None
        self.assertTrue(self.server.tls.reload())
        news = [await self.privately(version) for version in VERSIONS]
        for client in (*olds, *news):
            for _ in range(2):
                self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("T22")
    async def test_a_broken_file_changes_nothing(self) -> None:
        """A new certificate that cannot be used leaves the old one to all, with an entry in the log."""
        write(self, b"nothing of use", "server.pem")
        assert self.server.tls is not None
        self.assertFalse(self.server.tls.reload())
        self.flushLoggedErrors()
        for version in VERSIONS:
            client = await self.privately(version)
            self.assertEqual(client.end.server_certificate, self.der(server_certificate()))
