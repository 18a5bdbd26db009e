# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How TLS begins and ends on the control connection: section T of the registry, its first part.
"""

from __future__ import annotations

from twisted.internet.error import ConnectError

from ftpserver import Listener

from .client import Client
from .conformance import holds
from .harness import reactor
from .tls_client import VERSIONS, End, SecureClient, client_context
from .tls_harness import SecureTestCase
from .tls_wire import is_tls


class AuthTests(SecureTestCase):
    """AUTH."""

    @holds("T01")
    async def test_auth_begins_tls(self) -> None:
        """The server answers 234 in clear, and all that follows goes under TLS, in either version."""
        for version in VERSIONS:
            client = await self.secured(client_context(version))
            await client.login()
            await client.command("PWD", 257)
            self.assertTrue(is_tls(client.wire), bytes(client.wire))

    @holds("T01")
    async def test_every_name_of_tls_is_understood(self) -> None:
        """The registered synonym and what old clients say begin TLS as well, in upper and lower case."""
        for mechanism in ("tls", "TLS-C", "tls-c", "SSL", "ssl"):
            client = await self.connect()
            await client.auth(mechanism)
            await client.login()

    @holds("T01")
    async def test_a_handshake_may_come_octet_by_octet(self) -> None:
        """Segments mean nothing to the handshake."""
        client = await self.connect()
        await client.command("AUTH TLS", 234)
        end = End(client.context)
        await client.send_slowly(end.outgoing())
        client.begin_tls(end)
        await client.secured()
        await client.login()

    @holds("T01", "X03")
    async def test_feat_lists_what_there_is(self) -> None:
        """AUTH TLS, PBSZ and PROT are features, before and under TLS."""
        client = await self.connect()
        for _ in range(2):
            lines = {line.strip() for line in (await client.command("FEAT", 211)).lines}
            self.assertLessEqual({"AUTH TLS", "PBSZ", "PROT"}, lines)
            if client.tls is None:
                await client.auth()

    @holds("T02")
    async def test_another_mechanism_is_refused(self) -> None:
        """Mechanisms that the server does not know are told from requests without any."""
        client = await self.connect()
        for line in ("AUTH FOO", "AUTH GSSAPI", "AUTH TLS-P", "AUTH TLSX"):
            await client.command(line, 504)
        await client.command("AUTH", 501)
        await client.login()

    @holds("T02", "X03")
    async def test_without_a_certificate_there_is_no_auth(self) -> None:
        """A server that has no TLS does not list it and refuses it."""
        await self.restart_server(tls=None)
        await self.assert_offers_none(await self.connect())

    @holds("T02", "X03")
    async def test_a_listener_without_tls_offers_none(self) -> None:
        """Where one port of the server has no TLS, its clients are told of none."""
        await self.server.start(self.host, tls="off")
        await self.assert_offers_none(await self.reach(Client(reactor, self.host), 2), greeting=True)

    async def assert_offers_none(self, client: Client, *, greeting: bool = False) -> None:
        """Expect every command of TLS to be refused, and FEAT to say nothing of them."""
        if greeting:
            await client.reply(220)
        await client.command("AUTH TLS", 500, 502, 431)
        await client.command("PBSZ 0", 500, 502, 503)
        await client.command("PROT P", 500, 502, 503)
        text = (await client.command("FEAT", 211)).text
        for feature in ("AUTH", "PBSZ", "PROT"):
            self.assertNotIn(feature, text)
        await client.login()

    @holds("T03")
    async def test_there_is_no_tls_within_tls(self) -> None:
        """AUTH under TLS is refused, in either kind, and the session goes on."""
        for client in (await self.secured(), await self.connect_implicitly()):
            for mechanism in ("TLS", "SSL"):
                await client.command(f"AUTH {mechanism}", 503, 534)
            await client.login()
            await client.command("AUTH TLS", 503, 534)
            await client.command("PWD", 257)

    @holds("T01", "T02")
    async def test_listeners_of_every_kind_serve_side_by_side(self) -> None:
        """Endpoints with and without TLS belong to one server, each as it was configured."""
        endpoint = f"tcp:0:interface={self.host}"
        kinds = [Listener(endpoint), Listener(endpoint, tls="implicit"), Listener(endpoint, tls="off")]
        await self.restart_server(listeners=kinds)
        # They come behind the port that the test case itself has opened.
        explicit = await self.reach(SecureClient(reactor, self.host), 1)
        await explicit.reply(220)
        await explicit.auth()
        implicit = await self.reach(SecureClient(reactor, self.host), 2)
        implicit.begin_tls(End(implicit.context))
        await implicit.reply(220)
        for client in (explicit, implicit):
            await client.login()
        await self.assert_offers_none(await self.reach(Client(reactor, self.host), 3), greeting=True)

    @holds("L09")
    async def test_protection_is_chosen_before_the_login(self) -> None:
        """AUTH, PBSZ and PROT are answered before USER, and hold after the login."""
        self.write("f", b"content")
        client = await self.secured()
        await client.protect_data()
        await client.login()
        await client.command("TYPE I", 200)
        self.assertEqual(await client.fetch("RETR f"), b"content")


class InjectionTests(SecureTestCase):
    """Octets that anybody on the way could have put behind AUTH."""

    async def assert_nobody(self, client: SecureClient) -> None:
        """Do the handshake, and expect a session that has heard nothing."""
        client.begin_tls(End(client.context))
        await client.secured()
        await client.command("SYST", 215)
        await client.command("PWD", 530)
        self.assertTrue(is_tls(client.wire))

    @holds("T04")
    async def test_what_stands_behind_auth_is_never_executed(self) -> None:
        """Whole commands in the same segment are dropped: nobody is logged in, nothing is deleted."""
        path = self.write("f", b"kept")
        client = await self.connect()
        await client.send_raw(b"AUTH TLS\r\nUSER alice\r\nPASS secret\r\nDELE f\r\n")
        await client.reply(234)
        await self.assert_nobody(client)
        self.assertTrue(path.exists())

    @holds("T04")
    async def test_a_part_of_a_line_is_not_the_beginning_of_the_next(self) -> None:
        """A command that was begun in clear is not finished by what comes under TLS."""
        client = await self.connect()
        await client.send_raw(b"AUTH TLS\r\nSYST x\r\nNO")
        await client.reply(234)
        client.begin_tls(End(client.context))
        await client.secured()
        await client.command("OP", 500)
        await client.command("NOOP", 200)

    @holds("T04")
    async def test_what_waits_behind_auth_is_dropped(self) -> None:
        """Where AUTH itself waits for a transfer, the commands behind it are dropped all the same."""
        path = self.write("f", b"kept")
        client = await self.session()
        data = await client.begin("STOR new")
        await client.send_raw(b"AUTH TLS\r\nDELE f\r\nQUIT\r\n")
        await client.turn()
        await data.upload(b"all of it")
        await client.replies(226, 234)
        await self.assert_nobody(client)
        self.assertTrue(path.exists())
        self.assertEqual((self.root / "new").read_bytes(), b"all of it")

    @holds("T04")
    async def test_commands_before_auth_are_answered_before_it(self) -> None:
        """In one segment with others, AUTH keeps its place; what is behind it does not count."""
        client = await self.connect()
        await client.send_raw(b"NOOP\r\nSYST\r\nAUTH TLS\r\nNOOP\r\n")
        await client.replies(200, 215, 234)
        await self.assert_nobody(client)

    @holds("T04")
    async def test_clear_text_after_the_reply_ends_the_session(self) -> None:
        """A command in clear after 234 is no handshake: nothing is run, nothing is said in clear."""
        path = self.write("f", b"kept")
        client = await self.connect()
        await client.command("AUTH TLS", 234)
        await client.send_raw(b"USER alice\r\nPASS secret\r\nDELE f\r\n")
        await client.lost()
        self.assertTrue(not client.received or is_tls(client.received), bytes(client.received))
        self.assertTrue(path.exists())

    @holds("T04")
    async def test_clear_text_in_the_stream_ends_the_session(self) -> None:
        """A command in clear amid an established session is not run."""
        path = self.write("f", b"kept")
        client = await self.private()
        client.send_in_clear(b"DELE f\r\n")
        await client.lost()
        self.assertEqual(client.received, b"")
        self.assertTrue(is_tls(client.wire))
        self.assertTrue(path.exists())


class ResetTests(SecureTestCase):
    """What AUTH forgets."""

    async def start_server(self, **keywords: object) -> None:
        """Serve a directory and a text."""
        (self.root / "d").mkdir(exist_ok=True)
        for name in ("f", "d/f"):
            self.write(name, b"one\ntwo\n")
        await super().start_server(**keywords)

    @holds("T05")
    async def test_a_login_is_forgotten(self) -> None:
        """Who was logged in must log in again; a USER without its PASS does not count."""
        client = await self.session()
        await client.auth()
        await client.command("PWD", 530)
        await client.login()
        half = await self.connect()
        await half.command("USER alice", 331)
        await half.auth()
        await half.command("PASS secret", 503)

    @holds("T05")
    async def test_every_parameter_is_forgotten(self) -> None:
        """Directory, type, offset, rename, data port and EPSV ALL are as at the start after a new login."""
        client = await self.session()
        for line in ("CWD d", "TYPE I", "REST 4", "EPSV ALL"):
            await client.command(line)
        port = await client.passive_port()
        await client.command("RNFR f", 350)
        await client.auth()
        await client.login()
        await client.command("RNTO g", 503)
        await client.command("LIST", 425)
        with self.assertRaises(ConnectError):
            await client.open_data(port)
        self.assertIn('"/"', (await client.command("PWD", 257)).text)
        data = await client.passive("PASV")
        await client.start("RETR f", data)
        self.assertEqual(await data.everything(), b"one\r\ntwo\r\n")
        await client.reply(226)

    @holds("T05", "T08")
    async def test_protection_is_forgotten_at_the_end_of_a_login(self) -> None:
        """USER after a login, and AUTH after REIN, begin without PBSZ and PROT."""
        client = await self.private()
        await client.command("USER alice", 331)
        await client.command("PASS secret", 230)
        await client.command("PROT P", 503)
        client.protects_data = False
        self.assertEqual(await client.fetch("RETR f"), b"one\r\ntwo\r\n")
        await client.protect_data()
        await client.command("REIN", 220)
        await client.leave_tls()
        await client.auth()
        await client.command("PROT P", 503)
        await client.command("PBSZ 0", 200)


class ReinTests(SecureTestCase):
    """REIN under TLS."""

    async def start_server(self, **keywords: object) -> None:
        """Serve a file."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    @holds("L15")
    async def test_tls_ends_after_the_reply(self) -> None:
        """The 220 is protected, TLS ends in order, and from then on both connections are in clear."""
        for version in VERSIONS:
            client = await self.privately(version)
            self.assertEqual(await client.fetch("RETR f"), b"content")
            await client.command("REIN", 220)
            self.assertTrue(is_tls(client.wire))
            await client.leave_tls()
            await client.command("PWD", 530)
            await client.command("PBSZ 0", 503)
            await client.command("PROT P", 503)
            await client.login()
            await client.command("TYPE I", 200)
            self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("L15")
    async def test_tls_can_begin_again(self) -> None:
        """AUTH works after REIN, again and again."""
        client = await self.private()
        for _ in range(3):
            await client.command("REIN", 220)
            await client.leave_tls()
            await client.auth()
            await client.login()
            await client.command("TYPE I", 200)
            await client.protect_data()
            self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("L15")
    async def test_what_follows_the_end_in_its_segment_is_heard(self) -> None:
        """Commands in clear behind the client's end of TLS, in the same segment, are answered in clear."""
        client = await self.private()
        await client.command("REIN", 220)
        await client.leave_tls(b"NOOP\r\nUSER alice\r\nPASS secret\r\n")
        await client.replies(200, 331, 230)
        self.assertEqual(client.wire[:4], b"200 ")

    @holds("L15")
    async def test_clear_text_before_the_end_is_no_command(self) -> None:
        """Before the client has ended TLS, nothing that came in one piece with it in clear counts as protected."""
        client = await self.private()
        await client.command("REIN", 220)
        client.send_in_clear(b"\x17\x03\x03\x00\x20" + bytes(32))
        await client.lost()

    @holds("L15")
    async def test_implicit_tls_stays(self) -> None:
        """Where TLS began before the greeting, REIN leaves it, and the data connections are private again."""
        client = await self.connect_implicitly()
        await client.login()
        await client.command("PBSZ 0", 200)
        await client.command("PROT C", 200)
        await client.command("REIN", 220)
        await client.login()
        await client.command("TYPE I", 200)
        client.protects_data = True
        self.assertEqual(await client.fetch("RETR f"), b"content")
        self.assertTrue(is_tls(client.wire))


class WrongPortTests(SecureTestCase):
    """Clients that have mistaken the port."""

    @holds("T26")
    async def test_tls_on_the_clear_port_is_cut_off(self) -> None:
        """A hello before AUTH is answered in clear, once at most, and the connection is closed."""
        client = await self.connect()
        await client.send_raw(End(client_context()).outgoing())
        await client.lost()
        self.assertRegex(bytes(client.received), rb"\A([45]\d\d [^\r\n]*\r\n)?\Z")

    @holds("T26")
    async def test_clear_text_on_the_tls_port_is_cut_off(self) -> None:
        """Nothing is said in clear, and nothing is run."""
        client = await self.connect_implicitly(greeting=False)
        await client.send_raw(b"USER alice\r\nPASS secret\r\n")
        await client.lost()
        self.assertTrue(not client.received or is_tls(client.received), bytes(client.received))

    @holds("T26", "C02")
    async def test_the_tls_port_greets_under_tls_only(self) -> None:
        """The server says nothing before the handshake; the greeting is the first thing under it."""
        client = await self.connect_implicitly(greeting=False)
        await client.turn()
        await client.turn()
        self.assertEqual(client.received, b"")
        client.begin_tls(End(client.context))
        await client.reply(220)
        self.assertTrue(is_tls(client.wire))

    @holds("T26", "L17")
    async def test_a_client_that_is_turned_away_hears_nothing_in_clear(self) -> None:
        """Beyond the limit of sessions, the TLS port closes without a word in clear."""
        await self.restart_server(maximum_connections=1)
        first = await self.connect_implicitly()
        second = await self.connect_implicitly(greeting=False)
        second.begin_tls(End(second.context))
        await second.lost()
        self.assertTrue(not second.wire or is_tls(second.wire), bytes(second.wire))
        await first.command("NOOP", 200)
