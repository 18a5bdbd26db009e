# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Versions, protocols and names of TLS: section T of the registry, its fifth part.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from OpenSSL import SSL

from tests.certificates import server_certificate, write, write_pair

from .conformance import holds
from .tls_client import VERSIONS, End, SecureClient, client_context
from .tls_harness import SecureTestCase
from .tls_secrets import ticket_extensions
from .tls_wire import (
    ALERT,
    EARLY_DATA,
    HANDSHAKE,
    NO_APPLICATION_PROTOCOL,
    PROTOCOL_VERSION,
    SSL_3,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    UNRECOGNIZED_NAME,
    alerts,
    is_tls,
    make_client_hello,
    records,
    server_hello,
)

V12, V13 = VERSIONS

OLD = (SSL_3, TLS_1_0, TLS_1_1)

#: What a client of SSL 2 said.
SSL_2_HELLO = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x07\x00\xc0\x05\x00\x80" * 3 + bytes(3) + bytes(16)


def stop_logging(context: Any) -> None:
    """Close the file of secrets, which a context holds open; that its name may be none is not in the types."""
    context.keylog_filename = None


class VersionTestCase(SecureTestCase):
    """Clients that speak octets of their own."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    async def hello(self, octets: bytes) -> SecureClient:
        """Return a client that has sent a hello of its own behind AUTH; what comes is kept as it comes."""
        client = await self.connect()
        await client.command("AUTH TLS", 234)
        await client.send_raw(octets)
        return client

    async def assert_turned_away(self, octets: bytes, *expected: int) -> None:
        """Expect a hello to be answered with one of those alerts, or only by the end of the connection."""
        client = await self.hello(octets)
        await client.lost()
        self.assertTrue(not client.received or is_tls(client.received), bytes(client.received))
        found = alerts(client.received)
        self.assertTrue(not found or found[-1] in expected, found)
        self.assertNotIn(HANDSHAKE, [record.kind for record in records(client.received)])
        await self.until(lambda: self.server.sessions == 0)


class VersionTests(VersionTestCase):
    """Old versions, and what they were attacked by."""

    @holds("T23")
    async def test_versions_before_1_2_are_refused(self) -> None:
        """A hello of SSL or of TLS 1.0 or 1.1 is answered by an alert at most, and the connection ends."""
        for version in OLD:
            await self.assert_turned_away(make_client_hello(version), PROTOCOL_VERSION, 40)
        await self.assert_turned_away(SSL_2_HELLO, PROTOCOL_VERSION, 40, 10)

    @holds("T23", "T14")
    async def test_data_connections_refuse_them_too(self) -> None:
        """The same hellos on a data connection end the transfer with 522."""
        client = await self.private()
        for version in OLD:
            data = await client.passive()
            data.send(make_client_hello(version))
            await client.refused_data("RETR f", data)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("T23")
    async def test_1_2_can_be_refused(self) -> None:
        """Where 1.3 is the least, a hello of 1.2 is turned away, and 1.3 works."""
        await self.restart_server(tls=self.tls(minimum_version="1.3"))
        await self.assert_turned_away(make_client_hello(TLS_1_2), PROTOCOL_VERSION)
        client = await self.privately(V13)
        self.assertEqual(client.end.tls.version(), "TLSv1.3")
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("T23")
    async def test_nothing_is_compressed(self) -> None:
        """A client of TLS 1.2 that offers compression is told to do without."""
        client = await self.hello(make_client_hello(TLS_1_2, compression=b"\1\0"))
        await client.changes.until(lambda: len(client.received) > 100)
        hello = server_hello(client.received)
        self.assertEqual((hello.version, hello.compression), (TLS_1_2, b"\0"))

    @holds("T23")
    async def test_a_client_that_only_compresses_is_refused(self) -> None:
        """Compression alone is no offer."""
        await self.assert_turned_away(make_client_hello(TLS_1_2, compression=b"\1"), 40, 47, 50)

    @holds("T23")
    async def test_early_data_is_never_allowed(self) -> None:
        """No ticket of TLS 1.3, of either kind of connection, allows data before the handshake (0-RTT)."""
        for reuse in ("offered", "required"):
            await self.restart_server(tls=self.tls(session_reuse=reuse))
            context = client_context(V13)
            secrets = write(self, b"", f"secrets-{reuse}")
            context.keylog_filename = str(secrets)
            client = await self.private(context)
            data = await client.begin("RETR f")
            self.assertEqual(await data.everything(), b"content")
            await client.reply(226)
            for connection in (client, data):
                tickets = ticket_extensions(secrets, connection.sent, connection.wire, connection.end.tls.cipher())
                self.assertNotEqual(tickets, [], "no ticket came")
                for extensions in tickets:
                    self.assertNotIn(EARLY_DATA, extensions)
            stop_logging(context)


class RenegotiationTests(VersionTestCase):
    """Renegotiation, which only TLS 1.2 had."""

    @holds("T23")
    async def test_the_client_cannot_renegotiate(self) -> None:
        """A client that begins a second handshake within TLS 1.2 gets none."""
        client = await self.connect()
        await client.command("AUTH TLS", 234)
        tls = self.foreign_client()
        await self.shake_hands(client, tls)
        self.assertEqual(tls.get_protocol_version_name(), "TLSv1.2")
        tls.send(b"NOOP\r\n")
        await self.carry(client, tls)
        self.assertEqual(tls.recv(100)[:4], b"200 ")
        tls.renegotiate()
        with self.assertRaises(SSL.WantReadError):
            tls.do_handshake()
        answer = await self.carry(client, tls)
        # In TLS 1.2 the types of records are in clear, whatever protects them.
        self.assertLessEqual({record.kind for record in records(answer)}, {ALERT})
        self.assertTrue(answer or client.has_ended)
        with self.assertRaises(SSL.Error) as raised:
            tls.do_handshake()
        self.assertNotIsInstance(raised.exception, SSL.WantReadError)

    def foreign_client(self) -> SSL.Connection:
        """Return a client of pyOpenSSL, for the standard library does not renegotiate."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        tls = SSL.Connection(context, None)
        tls.set_connect_state()
        return tls

    async def shake_hands(self, client: SecureClient, tls: SSL.Connection) -> None:
        """Do the handshake."""
        is_established = False
        while not is_established:
            with contextlib.suppress(SSL.WantReadError):
                tls.do_handshake()
                is_established = True
            if not is_established:
                await self.carry(client, tls)

    async def carry(self, client: SecureClient, tls: SSL.Connection) -> bytes:
        """Carry what the client has to say to the server, and the answer, or the end, back."""
        with contextlib.suppress(SSL.WantReadError):
            client.send(tls.bio_read(65536))
        await client.changes.until(lambda: bool(client.received) or client.has_ended)
        answer = bytes(client.received)
        client.received.clear()
        if answer:
            tls.bio_write(answer)
        return answer


class ProtocolTests(VersionTestCase):
    """ALPN."""

    @holds("T24")
    async def test_ftp_is_agreed(self) -> None:
        """A client that offers ftp, among others or alone, gets it, on both connections and in either version."""
        for version in VERSIONS:
            for offered in (("ftp",), ("h2", "ftp"), ("ftp", "http/1.1")):
                client = await self.privately(version, alpn=offered)
                self.assertEqual(client.end.tls.selected_alpn_protocol(), "ftp")
                data = await client.begin("RETR f")
                self.assertEqual(await data.everything(), b"content")
                self.assertEqual(data.end.tls.selected_alpn_protocol(), "ftp")
                await client.reply(226)

    @holds("T24")
    async def test_a_client_may_offer_nothing(self) -> None:
        """Without ALPN none is agreed."""
        for version in VERSIONS:
            client = await self.privately(version)
            self.assertIsNone(client.end.tls.selected_alpn_protocol())

    @holds("T24")
    async def test_other_protocols_are_refused(self) -> None:
        """A client that offers others only, as a browser that was led astray, gets the alert and the end."""
        for version in VERSIONS:
            for offered in (("http/1.1",), ("h2", "http/1.1"), ("ftp-data",), ("FTP",)):
                client = await self.connect(context=client_context(version, alpn=offered))
                await client.command("AUTH TLS", 234)
                client.begin_tls(End(client.context))
                await client.refused()
                self.assertEqual(alerts(client.wire), [NO_APPLICATION_PROTOCOL])
        await self.until(lambda: self.server.sessions == 0)

    @holds("T24")
    async def test_implicit_tls_refuses_them_too(self) -> None:
        """The port where TLS begins at once is what such a client would find first."""
        client = await self.connect_implicitly(client_context(alpn=("http/1.1",)), greeting=False)
        client.begin_tls(End(client.context))
        await client.refused()
        self.assertEqual(alerts(client.wire), [NO_APPLICATION_PROTOCOL])

    @holds("T24", "T14")
    async def test_data_connections_refuse_them_too(self) -> None:
        """The same on a data connection ends the transfer with 522."""
        for version in VERSIONS:
            client = await self.privately(version)
            data = await client.begin("RETR f", end=End(client_context(version, alpn=("http/1.1",))))
            await client.reply(522)
            await data.lost()
            self.assertEqual(alerts(data.wire), [NO_APPLICATION_PROTOCOL])
            self.assertEqual(await client.fetch("RETR f"), b"content")


class NameTests(VersionTestCase):
    """SNI."""

    #: The default is for localhost.
    hosts: ClassVar[Mapping[str, str]] = {"one.example.org": "one", "*.example.net": "any"}

    def tls(self, **settings: Any) -> Any:
        """Serve three certificates."""
        names: dict[str, tuple[Path, None]] = {}
        self.certificates: dict[str, bytes] = {"": self.der()}
        for host, short in self.hosts.items():
            names[host] = (write_pair(self, server_certificate(host), f"{short}.pem"), None)
            self.certificates[host] = self.der(host)
        return super().tls(names=names, **settings)

    def der(self, *names: str) -> bytes:
        """Return a certificate as clients see it."""
        return ssl.PEM_cert_to_DER_cert(server_certificate(*names).cert_chain_pems[0].bytes().decode())

    async def named(self, name: str | None, version: ssl.TLSVersion) -> SecureClient:
        """Return a client that has asked for that name, whatever certificate it gets."""
        context = client_context(version)
        context.check_hostname = False
        client = await self.connect(context=context)
        await client.command("AUTH TLS", 234)
        client.begin_tls(End(context, server_name=name))
        return client

    @holds("T25")
    async def test_the_name_chooses_the_certificate(self) -> None:
        """Each name gets its own certificate, a pattern counts for one label; no name gets the default."""
        cases = (
            ("one.example.org", "one.example.org"),
            ("ONE.example.ORG", "one.example.org"),
            ("a.example.net", "*.example.net"),
            ("localhost", ""),
            (None, ""),
        )
        for version in VERSIONS:
            for name, expected in cases:
                client = await self.named(name, version)
                await client.secured()
                self.assertEqual(client.end.server_certificate, self.certificates[expected], name)

    @holds("T25")
    async def test_an_unknown_name_gets_the_default(self) -> None:
        """By default, clients that ask for a name that is not here see the default certificate."""
        for version in VERSIONS:
            for name in ("other.example.org", "a.b.example.net", "example.net"):
                client = await self.named(name, version)
                await client.secured()
                self.assertEqual(client.end.server_certificate, self.certificates[""], name)
                await client.login()

    @holds("T25")
    async def test_an_unknown_name_can_be_refused(self) -> None:
        """By policy such clients get the alert unrecognized_name, on either port; known names and none are served."""
        await self.restart_server(tls=self.tls(unknown_names="refuse"))
        for version in VERSIONS:
            for name in ("other.example.org", "a.b.example.net"):
                client = await self.named(name, version)
                await client.refused()
                self.assertEqual(alerts(client.wire), [UNRECOGNIZED_NAME])
            for known in ("one.example.org", "a.example.net", "localhost", None):
                client = await self.named(known, version)
                await client.secured()
                await client.login()

    @holds("T25")
    async def test_another_host_than_the_name_is_refused(self) -> None:
        """HOST cannot lead a session to another host than the one that the client has asked for by TLS."""
        client = await self.named("one.example.org", V13)
        await client.secured()
        self.assertGreaterEqual((await client.command("HOST other.example.org")).code, 500)
        await client.login()

    @holds("T22", "T25")
    async def test_the_data_connection_shows_the_same(self) -> None:
        """Whatever name a client gives on the data connection, or none, it sees the certificate of the control one."""
        for reuse in ("off", "offered"):
            await self.restart_server(tls=self.tls(session_reuse=reuse, unknown_names="refuse"))
            for version in VERSIONS:
                client = await self.named("one.example.org", version)
                await client.secured()
                await client.login()
                await client.protect_data()
                for name in ("one.example.org", "localhost", "a.example.net", "other.example.org", None):
                    context = client_context(version)
                    context.check_hostname = False
                    data = await client.begin("RETR f", end=End(context, server_name=name))
                    await data.everything()
                    await client.reply(226)
                    self.assertEqual(data.end.server_certificate, self.certificates["one.example.org"], name)
