# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Twisted's own FTPClient as the client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.ftp import CommandFailed, ConnectionLost, FTPClient, FTPFileListProtocol
from twisted.python.failure import Failure

from . import client_contract
from .client_contract import content
from .clients import FileClient, Mode, Refused, Site, has_ipv6, octets

reactor: Any = _reactor


class Kept(Protocol):
    """Keeps what comes over a data connection."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.came: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.octets += data
        if not self.came.called:
            self.came.callback(None)


class Session(FTPClient):
    """
    FTPClient, which leaves it to its owner to learn of the end.

    :ivar lost: fires when the control connection is closed.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.lost: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the owner."""
        super().connectionLost(reason)
        self.lost.callback(None)

    async def store(self, line: str, data: bytes, offset: int = 0) -> None:
        """Send *data* by the command *line*."""
        restart = [f"REST {offset}"] if offset else []
        opened, done = self.sendToConnection([*restart, line])

        def refused(failure: Failure) -> Failure:
            # Nobody connects then, and FTPClient does not say so.
            if not opened.called:
                opened.errback(failure)
            return failure

        done.addErrback(refused)
        sender = await opened
        sender.transport.write(data)
        sender.finish()
        await done

    async def end(self) -> None:
        """Close the control connection."""
        control: Any = self.transport
        control.loseConnection()
        await self.lost


async def open_session(site: Site) -> Session:
    """Connect and log in; FTPClient says TYPE I itself."""
    account = {} if site.user is None else {"username": site.user, "password": site.password}
    session = Session(passive=int(site.mode is Mode.PASV), **account)
    await connectProtocol(HostnameEndpoint(reactor, site.host, site.port), session)
    return session


class TwistedClient(FileClient):
    """One session of FTPClient for each call."""

    modes = (Mode.PASV, Mode.PORT)

    async def _do(self, work: Callable[[Session], Awaitable[None]]) -> None:
        session = await open_session(self.site)
        try:
            if self.site.is_text:
                await session.queueStringCommand("TYPE A")
            await work(session)
            await session.quit()
        except CommandFailed as error:
            raise Refused(str(error)) from error
        except ConnectionLost as error:
            # FTPClient hangs up when the login fails, and tells why in the error within the error.
            raise Refused(str(error.args[-1].value)) from error
        finally:
            await session.end()

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""

        async def work(session: Session) -> None:
            for name, path in files.items():
                await session.store(f"STOR {said(name)}", self._wire(path.read_bytes()))

        await self._do(work)

    def _wire(self, data: bytes) -> bytes:
        return data.replace(b"\n", b"\r\n") if self.site.is_text else data

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""

        async def work(session: Session) -> None:
            for name, path in files.items():
                kept = Kept()
                await session.retrieveFile(said(name), kept)
                data = bytes(kept.octets)
                path.write_bytes(data.replace(b"\r\n", b"\n") if self.site.is_text else data)

        await self._do(work)

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`."""
        data = source.read_bytes()[offset:]
        await self._do(lambda session: session.store(f"STOR {said(target)}", data, offset))

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""

        async def work(session: Session) -> None:
            kept = Kept()
            await session.retrieveFile(said(source), kept, offset=target.stat().st_size)
            with target.open("ab") as file:
                file.write(kept.octets)

        await self._do(work)

    async def append(self, source: Path, target: str) -> None:
        """See :meth:`FileClient.append`."""
        await self._do(lambda session: session.store(f"APPE {said(target)}", source.read_bytes()))

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`."""
        kept = Kept()

        async def work(session: Session) -> None:
            await session.cwd(f"/{said(directory)}")
            await session.nlst("", kept)

        await self._do(work)
        return [name.decode("utf-8", "surrogateescape") for name in bytes(kept.octets).split(b"\r\n")[:-1]]

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`."""
        await self._do(lambda session: session.rename(said(old), said(new)))

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self._do(lambda session: session.removeFile(said(path)))

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self._do(lambda session: session.makeDirectory(said(path)))

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self._do(lambda session: session.removeDirectory(said(path)))


def said(name: str) -> str:
    """Return a name as FTPClient takes it, one character an octet."""
    return octets(name).decode("latin-1")


class TwistedClientTests(client_contract.ClientContract):
    """Twisted's client over IPv4."""

    client_class = TwistedClient

    async def test_a_download_that_is_hung_up(self) -> None:
        """The client closes the data connection in the middle; the session learns so and transfers on."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(1 << 32)
        self.write("small", content(1000))
        session = await open_session(self.site)
        kept = Kept()
        done = session.retrieveFile("huge", kept)
        await kept.came
        transfer: Any = kept.transport
        transfer.abortConnection()
        with self.assertRaises(CommandFailed) as raised:
            await done
        self.assertIn("426", str(raised.exception))
        again = Kept()
        await session.retrieveFile("small", again)
        self.assertEqual(bytes(again.octets), content(1000))
        await session.quit()
        await session.end()

    async def test_the_listing_is_understood(self) -> None:
        """The client's own parser of LIST finds size, kind and name of every entry."""
        self.write("a file", content(12_345))
        (self.root / "sub").mkdir()
        session = await open_session(self.site)
        listing = FTPFileListProtocol()
        await session.list("", listing)
        await session.quit()
        await session.end()
        found = {entry["filename"]: (entry["filetype"], entry["size"]) for entry in listing.files}
        self.assertEqual(found["a file"], ("-", 12_345))
        self.assertEqual(found["sub"][0], "d")

    async def test_the_current_directory_is_understood(self) -> None:
        """The client reads the directory out of the 257 reply."""
        (self.root / "sub dir").mkdir()
        session = await open_session(self.site)
        await session.cwd("sub dir")
        self.assertEqual(await session.getDirectory(), "/sub dir")
        await session.cdup()
        self.assertEqual(await session.getDirectory(), "/")
        await session.quit()
        await session.end()

    async def test_forty_sessions_in_parallel(self) -> None:
        """Forty sessions upload and download at the same time, and none gets what is another's."""

        async def one(number: int) -> None:
            data, kept = content(100_000 + number, number), Kept()
            session = await open_session(self.site)
            await session.store(f"STOR file{number}", data)
            await session.retrieveFile(f"file{number}", kept)
            await session.quit()
            await session.end()
            self.assertEqual(bytes(kept.octets), data, f"file{number}")

        await gatherResults([Deferred.fromCoroutine(one(number)) for number in range(40)], consumeErrors=True)


class TwistedClientOverIPv6Tests(client_contract.ClientTestCase):
    """Twisted's client over IPv6, of which it has no data connections."""

    client_class = TwistedClient
    host = "::1"
    skip = None if has_ipv6() else "this machine has no ::1"

    async def test_pasv_is_refused_and_the_session_goes_on(self) -> None:
        """PASV has no way to tell an IPv6 address; everything without data connections works."""
        refusal = await self.refused(self.client().download({"file": self.local / "file"}))
        self.assertEqual(refusal.code, 425)
        await self.client().make_directory("made")
        self.assertTrue((self.root / "made").is_dir())
