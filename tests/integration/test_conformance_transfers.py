# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How transfers begin and end: section D of the registry, its second part.
"""

from __future__ import annotations

from typing import Any

from ftpserver.control import state

from .client import Client, DataConnection
from .conformance import ConformanceTestCase, holds
from .stores import full_disk, mount_small, unmount

#: More than the buffers of both ends of a connection hold.
MORE_THAN_BUFFERS = 64 * 1024 * 1024


class TransferTestCase(ConformanceTestCase):
    """Transfers that can be held in the middle."""

    def make_large(self) -> None:
        """Make a file that fills every buffer; it takes no room on the disk."""
        with open(self.root / "large", "wb") as file:
            file.truncate(MORE_THAN_BUFFERS)

    async def begin_upload(self, client: Client, name: str, octets: bytes = b"a part") -> DataConnection:
        """Begin to store *name*, and send a part."""
        data = await client.begin(f"STOR {name}")
        data.send(octets)
        return data

    async def begin_download(self, client: Client) -> DataConnection:
        """Begin to fetch the large file, and stop to read."""
        self.make_large()
        data = await client.begin("RETR large")
        await data.some()
        data.pause()
        return data


class ReplyTests(TransferTestCase):
    """Marks and final replies."""

    @holds("D24")
    async def test_a_transfer_has_one_mark_and_one_final_reply(self) -> None:
        """Between the commands before and behind it, a transfer answers twice."""
        self.write("f", b"content")
        client = await self.session()
        for line in ("RETR f", "LIST", "NLST", "MLSD"):
            data = await client.passive()
            await client.send_raw(f"NOOP\r\n{line}\r\n".encode())
            await client.reply(200)
            await client.reply(150, 125)
            await data.everything()
            await client.reply(226, 250)
            await client.command("SYST", 215)

    @holds("D24")
    async def test_a_refused_transfer_has_no_mark(self) -> None:
        """A transfer that cannot be is refused without a 1xx."""
        client = await self.session()
        await client.passive_port()
        await client.command("RETR missing", 550)
        await client.command("NOOP", 200)

    @holds("D25")
    async def test_a_download_is_complete_when_it_is_said_so(self) -> None:
        """226 does not come while octets wait to be sent."""
        client = await self.session()
        data = await self.begin_download(client)
        await client.command("NOOP", 200)
        self.assertEqual(client.received, b"")
        data.resume()
        self.assertEqual(len(await data.everything()), MORE_THAN_BUFFERS)
        await client.reply(226)

    @holds("D25")
    async def test_an_upload_is_complete_when_it_is_said_so(self) -> None:
        """With 226 the file is there, whole; before, there is none of that name."""
        client = await self.session()
        data = await self.begin_upload(client, "f")
        await client.command("NOOP", 200)
        self.assertFalse((self.root / "f").exists())
        await data.upload(b" and the rest")
        await client.reply(226)
        self.assertEqual((self.root / "f").read_bytes(), b"a part and the rest")

    @holds("D30")
    async def test_a_second_transfer_does_not_mix_with_the_first(self) -> None:
        """A transfer command during a transfer waits, or is refused; the first one is complete."""
        self.write("other", b"other")
        client = await self.session()
        data = await self.begin_upload(client, "f", b"first ")
        client.send_line("RETR other")
        await client.turn()
        await data.upload(b"second")
        codes = {(await client.reply()).code, (await client.reply()).code}
        self.assertEqual(codes, {226, 425})
        self.assertEqual((self.root / "f").read_bytes(), b"first second")

    @holds("D32")
    async def test_half_a_close_ends_an_upload(self) -> None:
        """The client ends only its direction; the file is complete."""
        client = await self.session()
        data = await self.begin_upload(client, "f", b"all of it")
        data.finish()
        await client.reply(226)
        self.assertEqual((self.root / "f").read_bytes(), b"all of it")


class BrokenTransferTests(TransferTestCase):
    """Transfers that do not end well."""

    async def cut_upload(self) -> Client:
        """Reset an upload after a part of it was written, and expect the refusal."""
        client = await self.session()
        data = await self.begin_upload(client, "f")
        await client.command("NOOP", 200)
        data.reset()
        await client.reply(426, 451)
        return client

    @holds("D26")
    async def test_an_upload_that_is_reset_is_not_complete(self) -> None:
        """The upload is refused; a part that is kept is the beginning of the file."""
        client = await self.cut_upload()
        if (self.root / "f").exists():
            self.assertTrue(b"a part".startswith((self.root / "f").read_bytes()))
        await client.store("STOR f", b"complete")
        self.assertEqual((self.root / "f").read_bytes(), b"complete")

    @holds("D26")
    async def test_an_upload_that_is_reset_can_leave_nothing(self) -> None:
        """With ``partial_uploads="remove"`` there is no file."""
        await self.restart_server(partial_uploads="remove")
        await self.cut_upload()
        self.assertEqual(list(self.root.iterdir()), [])

    @holds("D26")
    async def test_an_upload_that_is_reset_leaves_the_old_file(self) -> None:
        """A file that was to be replaced is as it was."""
        self.write("f", b"old")
        await self.cut_upload()
        self.assertEqual((self.root / "f").read_bytes(), b"old")

    @holds("D27")
    async def test_a_download_that_is_closed_is_not_complete(self) -> None:
        """The download is refused, whether the client closes or resets; the next one works."""
        client = await self.session()
        for end in ("close", "reset"):
            data = await self.begin_download(client)
            getattr(data, end)()
            await client.reply(426, 451)
        self.write("f", b"content")
        self.assertEqual(await client.fetch("RETR f"), b"content")


class StalledTransferTests(TransferTestCase):
    """Transfers that do not go on."""

    holds_time = True

    def server_keywords(self) -> dict[str, Any]:
        """Allow half a minute without progress."""
        return {**super().server_keywords(), "socket_timeout": 30}

    async def let_time_pass(self, client: Client) -> None:
        """Let half a minute after another pass until the client hears something."""
        while not client.received:
            self.time.advance(31)
            await client.turn()

    @holds("D28")
    async def test_a_stalled_upload_ends(self) -> None:
        """A client that sends nothing more gets 426, and the session goes on."""
        client = await self.session()
        data = await self.begin_upload(client, "f")
        await self.let_time_pass(client)
        await client.reply(426, 421)
        await data.lost()
        await client.store("STOR f", b"complete")

    @holds("D28")
    async def test_a_stalled_download_ends(self) -> None:
        """A client that takes nothing more gets 426, and the session goes on."""
        client = await self.session()
        data = await self.begin_download(client)
        await self.let_time_pass(client)
        await client.reply(426, 421)
        data.reset()
        await client.command("NOOP", 200)


class LastMomentTests(TransferTestCase):
    """Clients whose control connection ends right behind the data."""

    async def at_the_last_moment(self) -> Client:
        """Replace a file, and return the client when all is received and the server has yet to believe in its end."""
        # As long as the test needs.
        self.patch(state, "LAST_MOMENT", 60)
        self.write("f", b"old")
        client = await self.session()
        data = await self.begin_upload(client, "f")
        data.finish()
        await data.lost()
        return client

    async def test_a_client_that_dies(self) -> None:
        """What a client has sent that is gone right after it replaces nothing."""
        client = await self.at_the_last_moment()
        await client.leave()
        await self.until(lambda: not self.server.sessions)
        self.assertEqual([(path.name, path.read_bytes()) for path in self.root.iterdir()], [("f", b"old")])

    async def test_a_client_that_aborts(self) -> None:
        """ABOR comes in time, as long as nothing is said of the end."""
        client = await self.at_the_last_moment()
        client.send_line("ABOR")
        await client.replies(426, 226)
        self.assertEqual((self.root / "f").read_bytes(), b"old")
        self.patch(state, "LAST_MOMENT", 0)
        await client.store("STOR f", b"new")
        self.assertEqual((self.root / "f").read_bytes(), b"new")

    async def test_a_client_that_sends_a_small_file_at_once(self) -> None:
        """A new file that is sent in one go is whole at once."""
        self.patch(state, "LAST_MOMENT", 60)
        client = await self.session()
        await client.store("STOR f", b"whole")
        self.assertEqual((self.root / "f").read_bytes(), b"whole")


class FullDiskTests(TransferTestCase):
    """A store without room."""

    async def store_too_much(self) -> Client:
        """Upload 200 kB where 64 kB are left, and expect the refusal."""
        client = await self.session()
        data = await client.begin("STOR f")
        data.send(bytes(200_000))
        data.finish()
        await client.reply(452, 552)
        await data.lost()
        return client

    @holds("D29")
    async def test_a_full_disk_is_told(self) -> None:
        """An upload that does not fit is refused, and the session goes on."""
        # Through the calls of the store, of which this disk is made.
        await self.restart_server(path_io_factory=full_disk(self.root, 65536), data_plane="portable")
        client = await self.store_too_much()
        await client.command("NOOP", 200)

    @holds("D29")
    async def test_a_full_file_system_is_told(self) -> None:
        """A real file system of 64 kB does not take 200 kB; what fits can be stored afterwards."""
        mount_small(self.root, "64k")
        self.addCleanup(unmount, self.root)
        await self.restart_server(partial_uploads="remove")
        client = await self.store_too_much()
        await client.store("STOR small", b"fits")
        # The file system is in use until the server has let go of it.
        await self.restart_server()
