# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
ABOR, QUIT and REST under TLS, where no urgent data can be relied upon.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from .conformance import holds
from .tls_client import VERSIONS, SecureClient, SecureData
from .tls_harness import SecureTestCase

Abort = Callable[[SecureClient], Awaitable[None]]


async def abort(client: SecureClient) -> None:
    """Ask for the end of the transfer."""
    client.send_line("ABOR")


async def abort_with_telnet(client: SecureClient) -> None:
    """Ask with IP and DM before the line, which go under TLS as everything else."""
    client.send(b"\xff\xf4\xff\xf2ABOR\r\n")


async def abort_urgently(client: SecureClient) -> None:
    """Ask with a record whose last octet is urgent data, as a client would that sends all of its ABOR so."""
    client.send_now(client.protect(b"ABOR\r\n"), socket.MSG_OOB)


class AbortTests(SecureTestCase):
    """Transfers in the middle."""

    keywords: ClassVar[Mapping[str, Any]] = {"partial_uploads": "remove"}

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file that fills every buffer, and a small one."""
        self.write("f", b"content")
        with open(self.root / "large", "wb") as file:
            file.truncate(64 * 1024 * 1024)
        await super().start_server(**keywords)

    async def downloading(self, client: SecureClient) -> SecureData:
        """Begin a download, and stop to read."""
        data = await client.begin("RETR large")
        await data.some()
        data.pause()
        return data

    async def uploading(self, client: SecureClient) -> SecureData:
        """Begin an upload, and stop to send."""
        data = await client.begin("STOR new")
        await data.secured()
        data.send(b"a part")
        await client.command("NOOP", 200)
        return data

    async def assert_aborts(self, client: SecureClient, data: SecureData, how: Abort = abort) -> None:
        """Abort, and expect exactly the two replies, and no end of TLS that would make the file look complete."""
        await how(client)
        await client.replies(426, 226)
        data.resume()
        await data.ended()
        assert data.tls is None or not data.tls.has_ended, "close_notify after an abort"
        await data.vanish()
        await client.command("NOOP", 200)

    @holds("F35")
    async def test_abort_needs_no_urgent_data(self) -> None:
        """ABOR ends downloads and uploads with 426 and 226, alone or with Telnet's IP and DM before it."""
        for version in VERSIONS:
            client = await self.privately(version)
            for how in (abort, abort_with_telnet, abort_urgently):
                await self.assert_aborts(client, await self.downloading(client), how)
                await self.assert_aborts(client, await self.uploading(client), how)
                self.assertFalse((self.root / "new").exists())
                self.assertEqual(await client.fetch("RETR f"), b"content")
            await client.store("STOR new", b"complete")
            (self.root / "new").unlink()

    @holds("F35")
    async def test_a_handshake_is_aborted(self) -> None:
        """ABOR while the client of the data connection has yet to come, or to finish its handshake, ends that, too."""
        client = await self.private()
        for line in ("RETR f", "STOR new", "LIST"):
            await client.passive_port()
            await client.command(line, 150)
            await abort(client)
            await client.replies(426, 226)
            data = await client.passive()
            hello = client.data_end().outgoing()
            data.send(hello[:100])
            await client.command(line, 150)
            await client.command("NOOP", 200)
            await self.assert_aborts(client, data)
        self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("F35")
    async def test_nothing_to_abort_is_told(self) -> None:
        """Without a transfer the reply is positive, and there is one."""
        client = await self.private()
        for how in (abort, abort_with_telnet, abort_urgently):
            await how(client)
            await client.reply(225, 226)
            await client.command("SYST", 215)

    @holds("F34", "F35")
    async def test_abort_comes_with_the_transfer_command(self) -> None:
        """ABOR in one record with RETR ends it, or comes too late; there are never more replies than that."""
        client = await self.private()
        data = await client.passive()
        data.begin_tls(client.data_end())
        client.send(b"RETR large\r\nABOR\r\nSYST\r\n")
        codes = []
        while (code := (await client.reply()).code) != 215:
            codes.append(code)
        self.assertIn(codes, ([150, 426, 226], [426, 226], [150, 226, 226], [150, 226, 225]))
        await data.vanish()

    @holds("D27")
    async def test_a_client_that_goes_ends_its_download(self) -> None:
        """A data connection that is reset amid a download ends it with an error; the next one works."""
        for version in VERSIONS:
            client = await self.privately(version)
            data = await self.downloading(client)
            data.reset()
            await client.reply(426, 451)
            self.assertEqual(await client.fetch("RETR f"), b"content")

    @holds("L13")
    async def test_quit_lets_the_transfer_finish_under_tls(self) -> None:
        """QUIT during an upload is answered after the upload is complete, and TLS is ended in order."""
        client = await self.private()
        data = await client.begin("STOR new")
        await data.secured()
        client.send_line("QUIT")
        await client.turn()
        await data.upload(b"all of it")
        await client.replies(226, 221)
        await client.at_end()
        self.assertTrue(client.end.has_ended)
        self.assertEqual((self.root / "new").read_bytes(), b"all of it")

    @holds("F13", "F14")
    async def test_transfers_go_on_in_the_middle(self) -> None:
        """REST counts octets of the file, not of TLS, in both directions."""
        client = await self.private()
        await client.command("REST 3", 350)
        self.assertEqual(await client.fetch("RETR f"), b"tent")
        await client.store("STOR new", b"0123456789")
        await client.command("REST 4", 350)
        await client.store("STOR new", b"abcdef")
        self.assertEqual((self.root / "new").read_bytes(), b"0123abcdef")

    @holds("C27")
    async def test_the_loss_of_the_control_connection_ends_the_transfer(self) -> None:
        """A client that vanishes amid an upload leaves neither a session nor a file."""
        client = await self.private()
        data = await self.uploading(client)
        await client.vanish()
        await data.ended()
        await self.until(lambda: self.server.sessions == 0)
        self.assertFalse((self.root / "new").exists())
