# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
ABOR: section F of the registry, its last part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.error import ConnectError

from .client import Client, DataConnection
from .conformance import ConformanceTestCase, holds
from .stores import LargeDirectory

#: IAC IP, IAC DM: "stop", and the mark to which input is to be looked through (RFC 959, section 4.1.3).
INTERRUPT, MARK = b"\xff\xf4\xff", b"\xf2"

Abort = Callable[[Client], Awaitable[None]]


async def abort(client: Client) -> None:
    """Ask for the end of the transfer."""
    client.send_line("ABOR")


async def abort_urgently(client: Client) -> None:
    """Ask for it as the standard says: IP and DM as urgent data before the line."""
    client.send_now(INTERRUPT)
    client.send_urgent(MARK)
    client.send_now(b"ABOR\r\n")


class IdleAbortTests(ConformanceTestCase):
    """ABOR without a transfer."""

    @holds("F33")
    async def test_there_is_nothing_to_abort(self) -> None:
        """The reply is positive."""
        client = await self.session()
        await client.command("ABOR", 225, 226)
        await client.command("NOOP", 200)

    @holds("F36")
    async def test_an_agreed_port_is_closed(self) -> None:
        """ABOR between PASV and the transfer closes the port, and the agreement is gone."""
        client = await self.session()
        for verb in ("PASV", "EPSV"):
            port = await client.passive_port(verb)
            await client.command("ABOR", 225, 226)
            with self.assertRaises(ConnectError):
                await client.open_data(port)
            await client.command("LIST", 425)


class AbortTestCase(ConformanceTestCase):
    """Transfers in the middle."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file that fills every buffer, and a small one."""
        self.write("f", b"content")
        with open(self.root / "large", "wb") as file:
            file.truncate(64 * 1024 * 1024)
        await super().start_server(**keywords)

    async def downloading(self, client: Client, line: str = "RETR large") -> DataConnection:
        """Begin a transfer to the client that stops in the middle, for the client takes nothing more."""
        data = await client.begin(line)
        await data.some()
        data.pause()
        return data

    async def uploading(self, client: Client) -> DataConnection:
        """Begin a transfer from the client that stops in the middle."""
        data = await client.begin("STOR new")
        data.send(b"a part")
        await client.command("NOOP", 200)
        return data

    async def assert_aborts(self, client: Client, data: DataConnection, how: Abort = abort) -> None:
        """Abort, and expect exactly the two replies and the end of the data connection."""
        await how(client)
        await client.replies(426, 226)
        data.resume()
        await data.lost()
        await client.command("NOOP", 200)


class FileAbortTests(AbortTestCase):
    """ABOR while a file moves."""

    @holds("F34")
    async def test_a_download_is_aborted(self) -> None:
        """RETR ends with 426, ABOR with 226; the next RETR sends the whole file."""
        client = await self.session()
        await self.assert_aborts(client, await self.downloading(client))
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("F34")
    async def test_an_upload_is_aborted(self) -> None:
        """STOR ends with 426, ABOR with 226; the next STOR stores the whole file."""
        client = await self.session()
        await self.assert_aborts(client, await self.uploading(client))
        await client.store("STOR new", b"complete")
        self.assertEqual((self.root / "new").read_bytes(), b"complete")

    @holds("F34")
    async def test_the_wait_for_the_client_is_aborted(self) -> None:
        """ABOR before the client has connected ends the transfer, too."""
        client = await self.session()
        for line in ("RETR f", "STOR new", "LIST", "MLSD"):
            port = await client.passive_port()
            await client.command(line, 150)
            await client.command("ABOR", 426)
            await client.reply(226)
            with self.assertRaises(ConnectError):
                await client.open_data(port)

    @holds("F34")
    async def test_abort_comes_with_the_transfer_command(self) -> None:
        """ABOR in one segment with RETR ends it, or comes too late; there are never more replies than that."""
        client = await self.session()
        data = await client.passive()
        await client.send_raw(b"RETR large\r\nABOR\r\nSYST\r\n")
        codes = []
        while (code := (await client.reply()).code) != 215:
            codes.append(code)
        self.assertIn(codes, ([150, 426, 226], [426, 226], [150, 226, 226], [150, 226, 225]))
        await data.lost()

    @holds("F35")
    async def test_urgent_data_before_it_changes_nothing(self) -> None:
        """IP and DM, sent as urgent data, come before ABOR without harm, for downloads and uploads."""
        client = await self.session()
        await self.assert_aborts(client, await self.downloading(client), abort_urgently)
        await self.assert_aborts(client, await self.uploading(client), abort_urgently)
        await abort_urgently(client)
        await client.reply(225, 226)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("F37")
    async def test_a_client_that_closed_before_is_answered_once(self) -> None:
        """ABOR after the client has closed or reset the data connection makes no third reply."""
        client = await self.session()
        for end in ("close", "reset"):
            data = await self.downloading(client)
            getattr(data, end)()
            await client.send_raw(b"ABOR\r\nSYST\r\n")
            codes = []
            while (code := (await client.reply()).code) != 215:
                codes.append(code)
            self.assertIn(codes, ([426, 226], [426, 225], [226]), end)
        self.assertEqual(await client.fetch("RETR f"), b"content")


class ListingAbortTests(AbortTestCase):
    """ABOR while a listing moves."""

    def server_keywords(self) -> dict[str, Any]:
        """Serve a large directory."""
        return {**super().server_keywords(), "path_io_factory": LargeDirectory}

    @holds("F34")
    async def test_a_listing_is_aborted(self) -> None:
        """LIST, NLST and MLSD end with 426, ABOR with 226, and the session goes on."""
        client = await self.session()
        for line in ("LIST", "NLST", "MLSD"):
            await self.assert_aborts(client, await self.downloading(client, line))
