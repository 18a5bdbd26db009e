# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.channel under TLS with the real reactor, real sockets and clients of the standard library.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.channel import DataChannel, DataSettings
from ftpserver.data.plane import DataPlane
from ftpserver.errors import DataConnectionLost, TransferAborted
from ftpserver.tls.layer import TLSLayer

from .certificates import authority
from .data_doubles import PATIENCE, FaultySystem, PlainFile
from .secure_data import MAKERS, openssl_layer, protection
from .tls_client import VERSIONS, client_context

HOST = "127.0.0.1"
TEN_MEBIBYTES = bytes(range(256)) * 40960


def connected(port: int, version: ssl.TLSVersion) -> ssl.SSLSocket:
    """Connect and do the handshake; runs in a thread."""
    return handshaken(socket.create_connection((HOST, port), PATIENCE), version)


def handshaken(connection: socket.socket, version: ssl.TLSVersion) -> ssl.SSLSocket:
    """Do the handshake; runs in a thread."""
    connection.settimeout(PATIENCE)
    return client_context(version).wrap_socket(connection, server_hostname="localhost")


def fetched(tls: ssl.SSLSocket) -> bytes:
    """Return what a client gets up to close_notify; runs in a thread."""
    octets = bytearray()
    with tls:
        # A connection that ends without it is an error here.
        while piece := tls.recv(65536):
            octets += piece
        tls.unwrap().close()
    return bytes(octets)


def get(port: int, version: ssl.TLSVersion) -> bytes:
    """Return what a client gets that calls a passive port; runs in a thread."""
    return fetched(connected(port, version))


def put(port: int, version: ssl.TLSVersion, content: bytes) -> None:
    """Send everything, and wait for the server's close_notify as ftplib does; runs in a thread."""
    with connected(port, version) as tls:
        tls.sendall(content)
        tls.unwrap().close()


def put_and_go(port: int, version: ssl.TLSVersion, content: bytes, patience: float) -> None:
    """Send everything and close_notify, and close without reading as many clients do; runs in a thread."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(version).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection((HOST, port), patience) as connection:
        while not _is_done(tls.do_handshake):
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
        tls.write(content)
        _is_done(lambda: tls.unwrap())
        connection.sendall(outgoing.read())


def _is_done(step: Callable[[], object]) -> bool:
    try:
        step()
    except ssl.SSLWantReadError:
        return False
    return True


class SecureRealSocketTests(TestCase):
    """Whole transfers over loopback."""

    def setUp(self) -> None:
        """Make the subject."""
        from twisted.internet import reactor

        # Made here once, or each thread would have an authority of its own.
        authority()
        self.reactor = reactor
        self.system = FaultySystem()
        self.channels: list[DataChannel] = []
        self.subject = self.channel()

    def tearDown(self) -> None:
        """Check that no socket stays open when the sessions are over."""
        for channel in self.channels:
            channel.close()
        self.assertEqual(self.system.open, set())

    def channel(self, **limits: Throttle) -> DataChannel:
        """Return a channel."""
        settings = DataSettings(wait_future_timeout=PATIENCE)
        channel = DataChannel(DataPlane(self.reactor, self.system), settings, HOST, HOST, **limits)
        self.channels.append(channel)
        return channel

    def sending(self, content: bytes, make_layer: Callable[[], TLSLayer] = openssl_layer) -> Deferred[None]:
        """Send a file."""
        sending = self.subject.send(PlainFile(content), mark=lambda: None, protection=protection(make_layer))
        return Deferred.fromCoroutine(sending)

    def receiving(self, file: PlainFile, make_layer: Callable[[], TLSLayer] = openssl_layer) -> Deferred[None]:
        """Receive a file."""
        receiving = self.subject.receive(file, mark=lambda: None, protection=protection(make_layer))
        return Deferred.fromCoroutine(receiving)

    async def test_downloads(self) -> None:
        """A client gets every octet and close_notify, by either layer and version, however large the file is."""
        for make_layer in MAKERS:
            for version in VERSIONS:
                for content in (b"", b"x", TEN_MEBIBYTES):
                    client = deferToThread(get, self.subject.listen(), version)
                    await self.sending(content, make_layer)
                    self.assertTrue(await client == content, f"{version} {len(content)}")
                    self.assertEqual(self.subject.bytes_moved, len(content))

    async def test_uploads(self) -> None:
        """A file gets every octet, and the client its close_notify, by either layer and version."""
        for make_layer in MAKERS:
            for version in VERSIONS:
                for content in (b"", b"x", TEN_MEBIBYTES):
                    file = FastFile()
                    client = deferToThread(put, self.subject.listen(), version, content)
                    await self.receiving(file, make_layer)
                    await client
                    self.assertTrue(bytes(file.whole) == content, f"{version} {len(content)}")
                    self.assertEqual(self.subject.bytes_moved, len(content))

    async def test_clients_that_do_not_read(self) -> None:
        """A client that closes its upload without reading the tickets of TLS 1.3 loses nothing of it."""
        for version in VERSIONS:
            file = FastFile()
            client = deferToThread(put_and_go, self.subject.listen(), version, TEN_MEBIBYTES, PATIENCE)
            await self.receiving(file)
            await client
            self.assertTrue(bytes(file.whole) == TEN_MEBIBYTES, str(version))

    async def test_active_mode(self) -> None:
        """A client that is called begins TLS, and gets every octet."""
        with socket.create_server((HOST, 0)) as listener:
            listener.settimeout(PATIENCE)
            client = deferToThread(lambda: fetched(handshaken(listener.accept()[0], VERSIONS[1])))
            self.subject.connect_to(HOST, listener.getsockname()[1])
            await self.sending(TEN_MEBIBYTES)
            self.assertTrue(await client == TEN_MEBIBYTES)

    async def test_a_limited_download(self) -> None:
        """A download that has to wait for its limit is whole, too."""
        self.subject = self.channel(write_throttle=Throttle([TokenBucket(len(TEN_MEBIBYTES) * 5)]))
        client = deferToThread(get, self.subject.listen(), VERSIONS[1])
        await self.sending(TEN_MEBIBYTES)
        self.assertTrue(await client == TEN_MEBIBYTES)

    async def test_a_client_that_closes_a_download(self) -> None:
        """A client that closes in the middle of a download costs a 426."""
        port = self.subject.listen()
        client = deferToThread(lambda: connected(port, VERSIONS[1]).close())
        transfer = self.sending(bytes(50_000_000))
        await client
        with self.assertRaises(DataConnectionLost):
            await transfer

    async def test_an_abort(self) -> None:
        """A transfer that is aborted in the middle ends at once, as no end of the file, and the next one works."""
        port = self.subject.listen()
        client = deferToThread(connected, port, VERSIONS[1])
        transfer = self.sending(bytes(50_000_000))
        tls = await client
        self.subject.abort(TransferAborted())
        with self.assertRaises(TransferAborted):
            await transfer
        with self.assertRaises(OSError):
            await deferToThread(fetched, tls)
        port = self.subject.listen()
        client = deferToThread(connected, port, VERSIONS[1])
        transfer = self.sending(b"x")
        self.assertEqual(await deferToThread(fetched, await client), b"x")
        await transfer


class FastFile(PlainFile):
    """
    A file that grows without being copied.

    :ivar whole: what was written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.whole = bytearray()

    async def write(self, data: bytes | memoryview) -> None:
        """See IFile."""
        self.whole += data
