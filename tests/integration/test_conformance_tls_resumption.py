# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Data connections that continue the TLS session of their control connection: section T of the registry, its fourth part.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.ssl import CertificateOptions

from ftpserver import TLS
from tests.certificates import parsed, server_certificate

from .client import Reply
from .conformance import holds
from .tls_client import VERSIONS, End, SecureClient, SecureData, client_context
from .tls_harness import SecureTestCase
from .tls_wire import PRE_SHARED_KEY, SESSION_TICKET, SUPPORTED_VERSIONS, TLS_1_2, Hello, client_hello, server_hello

V12, V13 = VERSIONS

#: The three ways to continue a session: of TLS 1.2 by its id or a ticket, of TLS 1.3 by a ticket.
WAYS: Mapping[str, Callable[[], ssl.SSLContext]] = {
    "id": lambda: client_context(V12, tickets=False),
    "ticket": lambda: client_context(V12),
    "PSK": lambda: client_context(V13),
}

ROUNDS = 10


def continuing(client: SecureClient, session: ssl.SSLSession | None) -> Callable[[], End]:
    """Return what makes ends for data connections of a client that continue *session*, or nothing."""
    return lambda: End(client.context, session=session)


def offered(data: SecureData) -> Hello:
    """Return what the client said first."""
    return client_hello(data.sent)


def assert_way(way: str, data: SecureData) -> None:
    """Judge by the octets on the wire that a session was continued, and how."""
    client, server = offered(data), server_hello(data.wire)
    if way == "PSK":
        assert PRE_SHARED_KEY in client.extensions, "no PSK was offered"
        assert PRE_SHARED_KEY in server.extensions, "the PSK was not taken"
        return
    assert server.version == TLS_1_2
    assert server.session_id, "there is no session id"
    assert server.session_id == client.session_id, "the session was not continued"
    has_ticket = bool(client.extensions.get(SESSION_TICKET))
    assert has_ticket is (way == "ticket"), f"by {'ticket' if has_ticket else 'id'}"


class ReuseTestCase(SecureTestCase):
    """A server with one file."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve it."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    async def assert_works(self, client: SecureClient) -> None:
        """Fetch the file."""
        self.assertEqual(await client.fetch("RETR f"), b"content")


class RequiredTests(ReuseTestCase):
    """Where the session must be continued."""

    settings: ClassVar[Mapping[str, Any]] = {"session_reuse": "required"}

    @holds("T15")
    async def test_every_way_to_continue_is_recognised(self) -> None:
        """An id and a ticket of TLS 1.2, and a ticket of TLS 1.3, tie a data connection to its control connection."""
        for way, context in WAYS.items():
            for hello_first in (False, True):
                client = await self.private(context())
                client.says_hello_first = hello_first
                for line in ("RETR f", "LIST", "MLSD"):
                    data = await client.begin(line)
                    self.assertNotEqual(await data.everything(), b"")
                    await client.reply(226)
                    assert_way(way, data)
                    self.assertTrue(data.end.was_resumed)
                await client.store("STOR new", b"all of it")
                self.assertEqual((self.root / "new").read_bytes(), b"all of it")

    @holds("T15", "T13")
    async def test_active_connections_continue_it_too(self) -> None:
        """In active mode it is the same."""
        for way, context in WAYS.items():
            client = await self.private(context())
            data = await client.begin_active("RETR f")
            self.assertEqual(await data.everything(), b"content")
            await client.reply(226)
            assert_way(way, data)
            await (await client.begin_active("STOR new")).upload(b"all of it")
            await client.reply(226)

    @holds("T15")
    async def test_implicit_sessions_are_continued(self) -> None:
        """The session of a control connection that began with TLS binds its data connections alike."""
        for context in WAYS.values():
            client = await self.connect_implicitly(context())
            await client.login()
            await client.command("TYPE I", 200)
            client.protects_data = True
            await self.assert_works(client)
            client.data_end = continuing(client, None)
            await self.assert_refused(client)

    @holds("T14", "T15")
    async def test_a_new_session_is_refused(self) -> None:
        """A data connection that continues nothing gets 522 with the reason; nothing is sent or stored."""
        for context in WAYS.values():
            client = await self.private(context())
            own = client.data_end
            client.data_end = continuing(client, None)
            for hello_first in (False, True):
                client.says_hello_first = hello_first
                reply = await self.assert_refused(client)
                self.assertRegex(reply.text, "(?i)session")
            client.data_end = own
            await self.assert_works(client)

    async def assert_refused(self, client: SecureClient) -> Reply:
        """Try every kind of transfer, and expect 522 behind the 1xx; return the last."""
        before = sorted(path.name for path in self.root.iterdir())
        reply = None
        for line in ("RETR f", "LIST", "STOR other", "APPE other", "STOU"):
            data = await client.begin(line)
            data.send(b"what a stranger would store")
            reply = await client.reply(522)
            await data.vanish()
            self.assertEqual(data.received, b"", line)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), before)
        assert reply is not None
        return reply

    @holds("T15")
    async def test_the_session_of_a_refused_connection_is_refused(self) -> None:
        """Whoever was refused cannot come back and continue the session of the connection that was refused."""
        for context in WAYS.values():
            client = await self.private(context())
            own = client.data_end
            client.data_end = continuing(client, None)
            data = await client.begin("RETR f")
            await client.reply(522)
            await data.vanish()
            client.data_end = continuing(client, data.end.session)
            await self.assert_refused(client)
            client.data_end = own
            await self.assert_works(client)

    @holds("T15")
    async def test_the_session_of_another_login_is_refused(self) -> None:
        """The session of another control connection, of the same account or another, is a stranger's."""
        for context in WAYS.values():
            shared = context()
            victim, other = await self.private(shared), await self.private(shared)
            guest = await self.private(shared, "anonymous", "guest@example.org")
            # Each is good for its own control connection, and so are the sessions of its data connections.
            for client in (victim, other, guest):
                await self.assert_works(client)
            for stranger in (other, guest):
                for session in (stranger.session, await self.session_of_data(stranger)):
                    own = victim.data_end
                    victim.data_end = continuing(victim, session)
                    await self.assert_refused(victim)
                    victim.data_end = own
                    await self.assert_works(victim)

    async def session_of_data(self, client: SecureClient) -> ssl.SSLSession | None:
        """Return the session of a data connection."""
        data = await client.begin("RETR f")
        await data.everything()
        await client.reply(226)
        return data.end.session

    @holds("T15")
    async def test_a_session_of_before_is_refused(self) -> None:
        """What was continued before REIN is not good for the login after it."""
        for context in WAYS.values():
            client = await self.private(context())
            before = client.session
            await self.assert_works(client)
            await client.command("REIN", 220)
            await client.leave_tls()
            await client.auth()
            await client.login()
            await client.command("TYPE I", 200)
            await client.protect_data()
            own = client.data_end
            client.data_end = continuing(client, before)
            await self.assert_refused(client)
            client.data_end = own
            await self.assert_works(client)

    @holds("T15")
    async def test_a_stolen_session_opens_no_control_connection(self) -> None:
        """Who continues another's session on a control connection is not logged in, and binds only to itself."""
        for context in WAYS.values():
            shared = context()
            victim = await self.private(shared)
            thief = await self.connect(context=shared)
            await thief.auth(end=End(shared, session=victim.session))
            await thief.command("PWD", 530)
            await thief.login()
            await thief.command("TYPE I", 200)
            await thief.protect_data()
            await self.assert_works(thief)
            thief.data_end = continuing(thief, victim.session)
            await self.assert_refused(thief)

    @holds("T14")
    async def test_the_reasons_differ(self) -> None:
        """522 says whether TLS failed, or it was not that of the control connection."""
        client = await self.private()
        client.data_end = continuing(client, None)
        unbound = await self.assert_refused(client)
        data = await client.passive()
        data.send(b"an upload in clear, which a client that forgot TLS would send")
        failed = await client.refused_data("STOR new", data)
        self.assertNotEqual(unbound.text, failed.text)

    @holds("T16")
    async def test_a_ticket_may_be_used_again(self) -> None:
        """Clients that continue the session of the control connection each time get through more than two transfers."""
        for context in WAYS.values():
            client = await self.private(context())
            client.data_end = continuing(client, client.session)
            for number in range(ROUNDS):
                await self.assert_works(client)
                await client.store(f"STOR {number}", b"all of it")

    @holds("T16")
    async def test_each_ticket_may_be_used_once(self) -> None:
        """Clients of TLS 1.3 that use a ticket once get a fresh one from each data connection that follows."""
        for line in ("RETR f", "STOR new"):
            client = await self.privately(V13)
            client.says_hello_first = True
            tickets: list[bytes] = []
            session = client.session
            for _ in range(ROUNDS):
                client.data_end = continuing(client, session)
                data = await client.begin(line)
                await (data.upload(b"all of it") if line.startswith("STOR") else data.everything())
                await client.reply(226)
                assert_way("PSK", data)
                tickets.append(offered(data).extensions[PRE_SHARED_KEY])
                session = data.end.session
            self.assertEqual(len(set(tickets)), ROUNDS, "a ticket came twice")


class OfferedTests(ReuseTestCase):
    """Where a session can be continued, which is so by default."""

    @holds("T15")
    async def test_a_session_can_be_continued(self) -> None:
        """Clients that continue are let, in each way; others are served as well."""
        for way, context in WAYS.items():
            client = await self.private(context())
            data = await client.begin("RETR f")
            self.assertEqual(await data.everything(), b"content")
            await client.reply(226)
            assert_way(way, data)
            client.data_end = continuing(client, None)
            await self.assert_works(client)


class OffTests(ReuseTestCase):
    """Where no session is continued."""

    settings: ClassVar[Mapping[str, Any]] = {"session_reuse": "off"}

    @holds("T15")
    async def test_no_session_is_continued(self) -> None:
        """Each connection has a handshake of its own, whatever the client offers; TLS 1.2 gives no id and no ticket."""
        for context in WAYS.values():
            client = await self.private(context())
            hello = server_hello(client.wire)
            if hello.version == TLS_1_2 and SUPPORTED_VERSIONS not in hello.extensions:
                self.assertEqual(hello.session_id, b"")
                self.assertNotIn(SESSION_TICKET, hello.extensions)
            for _ in range(3):
                data = await client.begin("RETR f")
                self.assertEqual(await data.everything(), b"content")
                await client.reply(226)
                self.assertFalse(data.end.was_resumed)
                self.assertNotIn(PRE_SHARED_KEY, server_hello(data.wire).extensions)


class ContextTests(ReuseTestCase):
    """Contexts that the program of the user has made."""

    def contexts(self) -> list[ssl.SSLContext | SSL.Context | CertificateOptions]:
        """Return one of each kind."""
        standard = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        standard.load_cert_chain(self.certificate)
        return [standard, *self.of_openssl()]

    def of_openssl(self) -> list[SSL.Context | CertificateOptions]:
        """Return one of pyOpenSSL and one of Twisted."""
        plain = SSL.Context(SSL.TLS_SERVER_METHOD)
        plain.use_privatekey_file(str(self.certificate))
        plain.use_certificate_chain_file(str(self.certificate))
        certificate = server_certificate()
        key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
        # It takes what it is annotated with, too, with a warning that this is of yesterday.
        today: dict[str, Any] = {"privateKey": key, "certificate": parsed(certificate)}
        return [plain, CertificateOptions(**today)]

    @holds("T13", "T15")
    async def test_every_kind_of_context_serves(self) -> None:
        """Control and data connections work with each, in either version, whether or not they continue a session."""
        for context in self.contexts():
            await self.restart_server(tls=TLS(context=context))
            for version in VERSIONS:
                client = await self.privately(version)
                for end in (client.data_end, continuing(client, None)):
                    client.data_end = end
                    await self.assert_works(client)
                    await client.store("STOR new", b"all of it")
                    data = await client.begin_active("RETR new")
                    self.assertEqual(await data.everything(), b"all of it")
                    await client.reply(226)

    @holds("T09")
    async def test_a_context_in_place_of_settings_is_implicit_tls(self) -> None:
        """``Server(ssl=context)`` speaks TLS from the first octet on."""
        for context in self.contexts():
            await self.restart_server(tls=None, ssl=context)
            client = await self.connect_implicitly()
            await client.login()
            await client.command("TYPE I", 200)
            client.protects_data = True
            await self.assert_works(client)

    @holds("T15")
    async def test_contexts_of_openssl_bind_sessions(self) -> None:
        """Where the session must be continued, a new one and a stranger's are refused."""
        for context in self.of_openssl():
            await self.restart_server(tls=TLS(context=context, session_reuse="required"))
            for version in VERSIONS:
                shared = client_context(version)
                client, stranger = await self.private(shared), await self.private(shared)
                await self.assert_works(client)
                for session in (None, stranger.session):
                    data = await client.begin("RETR f", end=End(shared, session=session))
                    await client.reply(522)
                    await data.vanish()
                    self.assertEqual(data.received, b"")
