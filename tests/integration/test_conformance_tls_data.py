# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Data connections under TLS: section T of the registry, its third part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ftpserver import User
from ftpserver.core.events import Stored

from .conformance import holds
from .tls_client import VERSIONS, End, SecureClient, SecureData, client_context
from .tls_harness import SecureTestCase
from .tls_wire import is_tls

#: More than one record, and more than one piece of everything.
LARGE = bytes(range(256)) * 12000

MORE_THAN_BUFFERS = 64 * 1024 * 1024


class TransferTestCase(SecureTestCase):
    """A server with a small, a large and an empty file."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve them."""
        for name, octets in (("f", b"one\ntwo\n"), ("large", LARGE), ("empty", b"")):
            self.write(name, octets)
        (self.root / "d").mkdir(exist_ok=True)
        await super().start_server(**keywords)

    async def clients(self) -> list[SecureClient]:
        """Return a client of each version that says hello first, and one that says it after the 1xx."""
        clients = [await self.privately(version) for version in (*VERSIONS, *VERSIONS)]
        for client in clients[:2]:
            client.says_hello_first = True
        return clients


class TransferTests(TransferTestCase):
    """Transfers in every direction and mode."""

    @holds("T13")
    async def test_passive_transfers_are_private(self) -> None:
        """Files and listings go under TLS, whenever the client begins it."""
        for client in await self.clients():
            self.assertEqual(await client.fetch("RETR large"), LARGE)
            await client.store("STOR new", LARGE)
            self.assertEqual((self.root / "new").read_bytes(), LARGE)
            await client.store("APPE new", b"more")
            self.assertEqual((self.root / "new").read_bytes(), LARGE + b"more")
            for line in ("LIST", "NLST", "MLSD"):
                self.assertIn(b"large\r\n", await client.fetch(line))
            await client.command("TYPE A", 200)
            self.assertEqual(await client.fetch("RETR f"), b"one\r\ntwo\r\n")
            await client.store("STOR text", b"a\r\nb\r\n")
            self.assertEqual((self.root / "text").read_bytes(), b"a\nb\n")

    @holds("T13")
    async def test_the_server_is_the_server_of_tls_in_active_mode(self) -> None:
        """Where the server connects, the client still says hello first and sees the server's certificate."""
        for version in VERSIONS:
            client = await self.privately(version)
            for verb in ("PORT", "EPRT"):
                data = await client.begin_active("RETR large", verb)
                self.assertEqual(await data.everything(), LARGE)
                await client.reply(226)
                self.assertEqual(data.end.server_certificate, client.end.server_certificate)
                data = await client.begin_active("STOR new", verb)
                await data.upload(LARGE)
                await client.reply(226)
                self.assertEqual((self.root / "new").read_bytes(), LARGE)
                self.assertIn(b"large", await (await client.begin_active("LIST", verb)).everything())
                await client.reply(226)

    @holds("T13")
    async def test_nothing_of_a_private_transfer_is_seen(self) -> None:
        """What comes over the data connection is TLS from its first octet to its last."""
        client = await self.private()
        for line in ("RETR f", "LIST"):
            data = await client.begin(line)
            await data.everything()
            await client.reply(226)
            self.assertTrue(is_tls(data.wire))
            self.assertNotIn(b"one", data.wire)

    @holds("T17")
    async def test_the_end_is_told_by_tls(self) -> None:
        """After a file, a listing and an empty file, TLS is ended before the connection, which is not reset."""
        for client in await self.clients():
            for line in ("RETR large", "RETR f", "RETR empty", "LIST", "NLST", "MLSD", "LIST d"):
                data = await client.begin(line)
                await data.ended()
                self.assertTrue(data.end.has_ended, line)
                await data.lost()
                self.assertFalse(data.was_reset, line)
                await client.reply(226)

    @holds("T17")
    async def test_a_client_may_end_first(self) -> None:
        """A client that has ended its direction before a download gets all of it."""
        for client in await self.clients():
            data = await client.begin("RETR large")
            await data.secured()
            data.finish()
            self.assertEqual(await data.everything(), LARGE)
            await client.reply(226)

    @holds("T17")
    async def test_a_client_may_close_once_it_has_everything(self) -> None:
        """A client that closes without a word after the last octet of a download has got it all the same."""
        for how in ("close", "reset", "cut"):
            client = await self.private()
            data = await client.begin("RETR f")
            await data.some(len(b"one\ntwo\n"))
            getattr(data, how)()
            await client.reply(226)
            await client.command("NOOP", 200)

    @holds("T19")
    async def test_empty_files_are_transferred(self) -> None:
        """Nothing can be stored and fetched, in passive and in active mode, and an empty directory be listed."""
        for client in await self.clients():
            self.assertEqual(await client.fetch("RETR empty"), b"")
            self.assertEqual(await client.fetch("NLST d"), b"")
            await client.store("STOR nothing", b"")
            self.assertEqual((self.root / "nothing").read_bytes(), b"")
            data = await client.begin_active("STOR nothing else")
            await data.upload(b"")
            await client.reply(226)
            self.assertEqual((self.root / "nothing else").read_bytes(), b"")
            data = await client.begin_active("RETR empty")
            self.assertEqual(await data.everything(), b"")
            await client.reply(226)

    @holds("T17", "D27")
    async def test_a_download_that_breaks_is_not_ended_in_order(self) -> None:
        """A file that is cut while it is sent ends with an error, and without close_notify."""
        with open(self.root / "huge", "wb") as file:
            file.truncate(MORE_THAN_BUFFERS)
        for version in VERSIONS:
            client = await self.privately(version)
            data = await client.begin("RETR huge")
            await data.some()
            data.pause()
            (self.root / "huge").write_bytes(b"")
            data.resume()
            await data.ended()
            self.assertFalse(data.end.has_ended)
            await client.reply(426, 451)
            with open(self.root / "huge", "wb") as file:
                file.truncate(MORE_THAN_BUFFERS)
            self.assertEqual(await client.fetch("RETR f"), b"one\ntwo\n")


class CutUploadTests(TransferTestCase):
    """Uploads that somebody on the way has cut."""

    keywords: ClassVar[Mapping[str, Any]] = {"partial_uploads": "remove"}

    def users(self) -> list[User]:
        """Add an account with clients that do not end TLS."""
        return [*super().users(), User("camera", "c", base_path=self.root, require_close_notify=False)]

    async def begin_upload(self, client: SecureClient, name: str, octets: bytes = b"a part") -> SecureData:
        """Begin to store *name*, and send a part."""
        data = await client.begin(f"STOR {name}")
        await data.secured()
        data.send(octets)
        return data

    def assert_not_published(self, name: str) -> None:
        """Expect that there is no file of that name."""
        self.assertFalse((self.root / name).exists(), name)

    @holds("T18", "D26")
    async def test_an_upload_without_its_end_is_not_complete(self) -> None:
        """Where the connection ends without close_notify, the reply is no 226, and the file is not there."""
        for client in await self.clients():
            for how in ("cut", "close", "reset"):
                data = await self.begin_upload(client, how)
                getattr(data, how)()
                # A reset takes away what was on its way, so that the server may not have seen the end of the handshake.
                await client.reply(426, 451, *([522] if how == "reset" else []))
                self.assert_not_published(how)
                await data.vanish()
            await client.store("STOR whole", b"all of it")
            (self.root / "whole").unlink()

    @holds("T18")
    async def test_nothing_and_a_part_of_a_record_are_no_end(self) -> None:
        """An upload that is cut before its first octet, or amid a record, is not complete."""
        for version in VERSIONS:
            client = await self.privately(version)
            for octets in (b"", b"x"):
                data = await self.begin_upload(client, "part", b"whole record")
                data.send_in_clear(data.protect(b"half a record")[:12] if octets else b"")
                data.cut()
                await client.reply(426, 451)
                self.assert_not_published("part")
                await data.lost()
            data = await client.begin("STOR part")
            await data.secured()
            data.cut()
            await client.reply(426, 451)
            self.assert_not_published("part")
            await data.lost()

    @holds("T18")
    async def test_a_part_does_not_take_the_name(self) -> None:
        """By default, too, a name that was not there before is not given to what may have been cut."""
        await self.restart_server(partial_uploads="keep")
        for version in VERSIONS:
            client = await self.privately(version)
            data = await self.begin_upload(client, "new")
            await client.command("NOOP", 200)
            data.cut()
            await client.reply(426, 451)
            self.assert_not_published("new")

    @holds("T18")
    async def test_the_file_that_was_there_stays(self) -> None:
        """A cut upload does not replace the file of the same name."""
        client = await self.private()
        data = await self.begin_upload(client, "f")
        data.cut()
        await client.reply(426, 451)
        self.assertEqual((self.root / "f").read_bytes(), b"one\ntwo\n")

    @holds("T18")
    async def test_an_active_upload_must_end_too(self) -> None:
        """In active mode the same holds."""
        client = await self.private()
        data = await client.begin_active("STOR new")
        await data.secured()
        data.send(b"a part")
        data.cut()
        await client.reply(426, 451)
        self.assert_not_published("new")

    @holds("T18")
    async def test_the_configuration_can_take_it_for_the_end(self) -> None:
        """Where it is said so, for all or for one account, such a file is complete, and the event tells of it."""
        await self.assert_takes("camera", "c")
        await self.restart_server(tls=self.tls(require_close_notify=False))
        await self.assert_takes("alice", "secret")

    async def assert_takes(self, user: str, password: str) -> None:
        """Store one file without close_notify, and one with it."""
        for version in VERSIONS:
            client = await self.private(client_context(version), user, password)
            data = await self.begin_upload(client, "unclosed", b"all of it")
            data.cut()
            await client.reply(226)
            self.assertEqual((self.root / "unclosed").read_bytes(), b"all of it")
            await client.store("STOR closed", b"all of it")
            stored = [event for event in self.events if isinstance(event, Stored)]
            self.assertEqual([event.unclosed for event in stored[-2:]], [True, False])

    @holds("T18")
    async def test_a_part_of_a_record_is_never_the_end(self) -> None:
        """Even there, a connection that ends amid a record of TLS was cut: what the client sent is not all here."""
        for version in VERSIONS:
            client = await self.private(client_context(version), "camera", "c")
            for length in (3, 12):
                data = await self.begin_upload(client, "part", b"a whole record")
                data.send_in_clear(data.protect(b"half a record")[:length])
                data.cut()
                await client.reply(426, 451)
                self.assert_not_published("part")
                await data.lost()

    @holds("T18", "D26")
    async def test_a_reset_is_never_the_end(self) -> None:
        """Even there, a connection that was reset makes no complete file."""
        client = await self.private(None, "camera", "c")
        data = await self.begin_upload(client, "new")
        await client.command("NOOP", 200)
        data.reset()
        await client.reply(426, 451, 522)
        self.assert_not_published("new")


class RefusedHandshakeTests(TransferTestCase):
    """Data connections without the TLS that was agreed."""

    async def assert_goes_on(self, client: SecureClient) -> None:
        """Expect that nothing was stored, and that the next transfer works."""
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["d", "empty", "f", "large"])
        self.assertEqual(await client.fetch("RETR f"), b"one\ntwo\n")

    @holds("T14")
    async def test_clear_text_is_refused(self) -> None:
        """Octets in clear on a private data connection end it with 522 and are not stored; nothing is sent in clear."""
        client = await self.private()
        for line in ("STOR new", "APPE new", "STOU"):
            data = await client.passive()
            data.send(b"an upload in clear, which a client that forgot TLS would send")
            reply = await client.refused_data(line, data)
            self.assertNotEqual(reply.text.strip(), "")
        for line in ("RETR f", "LIST"):
            data = await client.passive()
            data.send(b"\r\n\r\n\r\n\r\n\r\n")
            await client.command(line, 150)
            await client.reply(522)
            await data.lost()
            self.assertTrue(not data.received or is_tls(data.received), bytes(data.received))
        await self.assert_goes_on(client)

    @holds("T14")
    async def test_a_client_that_goes_is_told(self) -> None:
        """Who closes instead of shaking hands, at any point, hears 522, and why."""
        client = await self.private()
        hello = End(client.context).outgoing()
        for how in ("close", "reset", "cut"):
            for octets in (b"", hello[:3], hello[:50], hello):
                data = await client.passive()
                data.send(octets)
                await client.turn()
                getattr(data, how)()
                await client.refused_data("STOR new", data)
        await self.assert_goes_on(client)

    @holds("T14")
    async def test_a_client_that_refuses_the_certificate_is_told(self) -> None:
        """Where the client does not like what it sees, the transfer ends with 522."""
        for version in VERSIONS:
            client = await self.privately(version)
            data = await client.passive()
            await client.command("STOR new", 150)
            data.begin_tls(End(client_context(version), server_name="other.example.org"))
            await client.reply(522)
            await data.vanish()
            await self.assert_goes_on(client)

    @holds("T14")
    async def test_active_connections_are_refused_alike(self) -> None:
        """In active mode a client that answers in clear, or not with TLS, hears 522."""
        client = await self.private()
        client.protects_data = False
        for octets in (b"an upload in clear, which a client that forgot TLS would send", b"\x16\x03\x01\xff\xff"):
            data = await client.begin_active("STOR new")
            data.send(octets)
            data.cut()
            await client.reply(522)
            await data.vanish()
        client.protects_data = True
        await self.assert_goes_on(client)

    @holds("T10")
    async def test_tls_where_clear_was_agreed_is_not_answered(self) -> None:
        """To a client that begins TLS after PROT C, the server sends the file in clear and nothing else."""
        client = await self.private()
        await client.command("PROT C", 200)
        for line, expected in (("RETR f", b"one\ntwo\n"), ("RETR empty", b"")):
            data = await client.passive()
            data.send(End(client.context).outgoing())
            await client.command(line, 150)
            self.assertEqual(await data.everything(), expected)
            await client.reply(226)


class StalledHandshakeTests(TransferTestCase):
    """Data connections that never finish their handshake."""

    holds_time = True
    keywords: ClassVar[Mapping[str, Any]] = {"socket_timeout": 20, "wait_future_timeout": 5, "login_timeout": None}

    @holds("T14", "D28")
    async def test_a_handshake_has_its_time(self) -> None:
        """A client that says nothing, or half a hello, gets 522 in the end; its session and port are free again."""
        for version in VERSIONS:
            client = await self.privately(version)
            free = self.server.data_ports.free
            hello = End(client.context).outgoing()
            for line in ("STOR new", "RETR f"):
                for octets in (b"", hello[:1], hello[:100], hello):
                    data = await client.passive()
                    await client.command(line, 150)
                    data.send(octets)
                    await client.turn()
                    await self.until_refused(client)
                    await data.lost()
                    self.assertEqual(self.server.data_ports.free, free)
            self.assertFalse((self.root / "new").exists())
            self.assertEqual(await client.fetch("RETR f"), b"one\ntwo\n")

    async def until_refused(self, client: SecureClient) -> None:
        """Let the time go on, a second after another, until the refusal comes."""
        for _ in range(60):
            if client.received:
                break
            self.time.advance(1)
            await client.turn()
            await client.turn()
        await client.reply(522, 425, 426)
