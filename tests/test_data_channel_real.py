# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.channel with the real reactor and real sockets.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.channel import DataChannel, DataSettings
from ftpserver.data.plane import DataPlane
from ftpserver.errors import DataConnectionLost, TransferAborted

from .data_doubles import PATIENCE, FaultySystem, PlainFile, needs_ipv6

CONTENT = bytes(range(256)) * 20_000


def mark() -> None:
    """Write no 1xx."""


def fetched(host: str, port: int) -> bytes:
    """Return what a client gets, read to the end; runs in a thread."""
    octets = bytearray()
    with socket.create_connection((host, port), PATIENCE) as client:
        while piece := client.recv(65536):
            octets += piece
    return bytes(octets)


def put(host: str, port: int, content: bytes) -> None:
    """Send everything as a client does; runs in a thread."""
    with socket.create_connection((host, port), PATIENCE) as client:
        client.sendall(content)


def served(listener: socket.socket) -> bytes:
    """Return what a client that is called gets; runs in a thread."""
    accepted, _ = listener.accept()
    octets = bytearray()
    with accepted:
        accepted.settimeout(PATIENCE)
        while piece := accepted.recv(65536):
            octets += piece
    return bytes(octets)


class RealSocketTests(TestCase):
    """Whole transfers over loopback."""

    def setUp(self) -> None:
        """Make the subject."""
        from twisted.internet import reactor

        self.reactor = reactor
        self.system = FaultySystem()
        self.channels: list[DataChannel] = []
        self.subject = self.channel("127.0.0.1")

    def tearDown(self) -> None:
        """Check that no socket stays open when the sessions are over."""
        for channel in self.channels:
            channel.close()
        self.assertEqual(self.system.open, set())

    def channel(self, host: str, **limits: Throttle) -> DataChannel:
        """Return a channel."""
        channel = DataChannel(
            DataPlane(self.reactor, self.system), DataSettings(wait_future_timeout=PATIENCE), host, host, **limits
        )
        self.channels.append(channel)
        return channel

    def sending(self, content: bytes) -> Deferred[None]:
        """Send a file."""
        return Deferred.fromCoroutine(self.subject.send(PlainFile(content), mark=mark))

    async def test_downloads(self) -> None:
        """A client gets every octet of a file, over IPv4 and over IPv6."""
        for host in ("127.0.0.1", "::1"):
            if host == "::1":
                needs_ipv6()
            self.subject = self.channel(host)
            client = deferToThread(fetched, host, self.subject.listen())
            await self.sending(CONTENT)
            self.assertEqual(await client, CONTENT)
            self.assertEqual(self.subject.bytes_moved, len(CONTENT))

    async def test_an_upload(self) -> None:
        """A file gets every octet that a client sent."""
        file = PlainFile()
        client = deferToThread(put, "127.0.0.1", self.subject.listen(), CONTENT)
        await self.subject.receive(file, mark=mark)
        await client
        self.assertEqual(file.content, CONTENT)

    async def test_active_mode(self) -> None:
        """A client that is called gets every octet of a file."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PATIENCE)
            client = deferToThread(served, listener)
            self.subject.connect_to("127.0.0.1", listener.getsockname()[1])
            await self.sending(CONTENT)
            self.assertEqual(await client, CONTENT)

    async def test_a_limited_download(self) -> None:
        """A download that has to wait for its limit is whole, too."""
        self.subject = self.channel("127.0.0.1", write_throttle=Throttle([TokenBucket(len(CONTENT) * 10)]))
        client = deferToThread(fetched, "127.0.0.1", self.subject.listen())
        await self.sending(CONTENT)
        self.assertEqual(await client, CONTENT)

    async def test_a_client_that_resets(self) -> None:
        """A client that resets while its upload is waited for costs a 426."""
        client = socket.create_connection(("127.0.0.1", self.subject.listen()), PATIENCE)
        transfer = Deferred.fromCoroutine(self.subject.receive(PlainFile(), mark=mark))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with self.assertRaises(DataConnectionLost):
            await transfer

    async def test_a_client_that_closes_a_download(self) -> None:
        """A client that closes in the middle of a download costs a 426."""
        client = socket.create_connection(("127.0.0.1", self.subject.listen()), PATIENCE)
        transfer = self.sending(bytes(50_000_000))
        client.recv(1)
        client.close()
        with self.assertRaises(DataConnectionLost):
            await transfer

    async def test_an_abort(self) -> None:
        """A transfer that is aborted in the middle ends at once, and the next one works."""
        with socket.create_connection(("127.0.0.1", self.subject.listen()), PATIENCE):
            transfer = self.sending(bytes(50_000_000))
            self.subject.abort(TransferAborted())
            with self.assertRaises(TransferAborted):
                await transfer
        client = deferToThread(fetched, "127.0.0.1", self.subject.listen())
        await self.sending(b"x")
        self.assertEqual(await client, b"x")
