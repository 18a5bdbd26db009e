# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Python's own ftplib as the client.
"""

from __future__ import annotations

import ftplib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from . import client_contract
from .client_contract import content
from .clients import FileClient, Mode, Refused, in_thread, octets

T = TypeVar("T")


class Library(ftplib.FTP):
    """ftplib with the two modes that it has for IPv6 only, over IPv4 as well."""

    mode = Mode.PASV

    def makepasv(self) -> tuple[str, int]:
        """Agree a passive connection as :attr:`mode` says."""
        if self.mode is Mode.EPSV:
            assert self.sock is not None
            return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())
        return super().makepasv()

    def sendport(self, host: str, port: int) -> str:
        """Agree an active connection as :attr:`mode` says."""
        return self.sendeprt(host, port) if self.mode is Mode.EPRT else super().sendport(host, port)


class FtplibClient(FileClient):
    """One session of ftplib for each call."""

    modes: ClassVar[Sequence[Mode]] = (Mode.PASV, Mode.EPSV, Mode.PORT, Mode.EPRT)

    def session(self) -> Library:
        """Connect and log in."""
        # Every octet is a character of ISO 8859-1, so that names in any encoding can be said.
        library = Library(encoding="latin-1")
        library.mode = self.site.mode
        try:
            library.connect(self.site.host, self.site.port)
            library.set_pasv(self.site.mode in (Mode.PASV, Mode.EPSV))
            library.login(*([] if self.site.user is None else [self.site.user, self.site.password]))
        except BaseException:
            library.close()
            raise
        return library

    async def _do(self, work: Callable[[Library], None]) -> None:
        def do() -> None:
            library = self.session()
            try:
                work(library)
                library.quit()
            finally:
                library.close()

        try:
            await in_thread(do)
        except ftplib.Error as error:
            raise Refused(str(error)) from error

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""

        def work(library: Library) -> None:
            store = library.storlines if self.site.is_text else library.storbinary
            for name, path in files.items():
                with path.open("rb") as file:
                    store(f"STOR {said(name)}", file)

        await self._do(work)

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""

        def work(library: Library) -> None:
            for name, path in files.items():
                with path.open("wb") as file:
                    if self.site.is_text:
                        library.retrlines(f"RETR {said(name)}", lambda line: file.write(line.encode("latin-1") + b"\n"))
                    else:
                        library.retrbinary(f"RETR {said(name)}", file.write)

        await self._do(work)

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`."""

        def work(library: Library) -> None:
            with source.open("rb") as file:
                file.seek(offset)
                library.storbinary(f"STOR {said(target)}", file, rest=offset)

        await self._do(work)

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""

        def work(library: Library) -> None:
            with target.open("ab") as file:
                library.retrbinary(f"RETR {said(source)}", file.write, rest=file.tell())

        await self._do(work)

    async def append(self, source: Path, target: str) -> None:
        """See :meth:`FileClient.append`."""

        def work(library: Library) -> None:
            with source.open("rb") as file:
                library.storbinary(f"APPE {said(target)}", file)

        await self._do(work)

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`; every listing that ftplib has must agree."""
        found: list[str] = []

        def work(library: Library) -> None:
            library.cwd(f"/{said(directory)}")
            found.extend(unsaid(name) for name in library.nlst())
            facts = [unsaid(name) for name, _ in library.mlsd()]
            lines: list[str] = []
            library.dir(lines.append)
            assert sorted(facts) == sorted(found), f"MLSD has {facts}, NLST {found}"
            long = [unsaid(line.split(maxsplit=8)[8]) for line in lines]
            assert sorted(long) == sorted(found), f"LIST has {long}, NLST {found}"

        await self._do(work)
        return found

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`."""
        await self._do(lambda library: none(library.rename(said(old), said(new))))

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self._do(lambda library: none(library.delete(said(path))))

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self._do(lambda library: none(library.mkd(said(path))))

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self._do(lambda library: none(library.rmd(said(path))))


def said(name: str) -> str:
    """Return a name as ftplib takes it, one character an octet."""
    return octets(name).decode("latin-1")


def unsaid(name: str) -> str:
    """Return the name that ftplib has read one character an octet."""
    return name.encode("latin-1").decode("utf-8", "surrogateescape")


def none(answer: object) -> None:
    """Drop the reply of a command that succeeded."""


class FtplibTests(client_contract.ClientContract):
    """ftplib over IPv4."""

    client_class = FtplibClient

    async def test_abort_in_the_middle_of_a_download(self) -> None:
        """ABOR ends the download with 426 and 226, and the session transfers on."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(1 << 32)
        self.write("small", content(10_000))

        def work(library: Library) -> tuple[str, str, bytes]:
            connection = library.transfercmd("RETR huge")
            connection.recv(65536)
            aborted = library.abort()
            connection.close()
            final = library.getresp()
            got = bytearray()
            library.retrbinary("RETR small", got.extend)
            return aborted, final, bytes(got)

        aborted, final, got = await self.in_session(work)
        self.assertEqual((aborted[:3], final[:3]), ("426", "226"))
        self.assertEqual(got, content(10_000))

    async def test_abort_in_the_middle_of_an_upload(self) -> None:
        """ABOR ends the upload; the old file is as it was, and the session transfers on."""
        self.write("file", b"old")

        def work(library: Library) -> tuple[str, str]:
            library.voidcmd("TYPE I")
            connection = library.transfercmd("STOR file")
            connection.sendall(content(100_000))
            aborted = library.abort()
            connection.close()
            final = library.getresp()
            return aborted, final

        aborted, final = await self.in_session(work)
        self.assertEqual((aborted[:3], final[:3]), ("426", "226"))
        self.assertEqual((self.root / "file").read_bytes(), b"old")

    async def test_utf_8_names_by_default(self) -> None:
        """ftplib as it comes writes and reads UTF-8 names."""
        self.write("Grüße", b"x")

        def work(library: Library) -> tuple[list[str], str]:
            plain = ftplib.FTP()
            plain.connect(self.site.host, self.site.port)
            with plain:
                plain.login("alice", "secret")
                return plain.nlst(), plain.mkd("日本語")

        names, made = await self.in_session(work)
        self.assertEqual(names, ["Grüße"])
        self.assertEqual(made, "/日本語")
        self.assertTrue((self.root / "日本語").is_dir())

    async def test_a_directory_with_quotes_is_told_right(self) -> None:
        """ftplib reads the name in a 257 reply as it is, quotes included."""

        def work(library: Library) -> tuple[str, str]:
            made = library.mkd('say "hi"')
            library.cwd(made)
            return made, library.pwd()

        self.assertEqual(await self.in_session(work), ('/say "hi"', '/say "hi"'))

    async def test_blanks_around_a_name(self) -> None:
        """Names that begin or end with blanks are stored, listed and fetched as they are."""
        names = [" before", "after ", " both "]

        def work(library: Library) -> tuple[list[str], list[str], bytes]:
            for name in names:
                library.storbinary(f"STOR {name}", io.BytesIO(name.encode()))
            got = bytearray()
            library.retrbinary("RETR  both ", got.extend)
            return library.nlst(), [name for name, _ in library.mlsd()], bytes(got)

        listed, facts, got = await self.in_session(work)
        self.assertEqual((sorted(listed), sorted(facts), got), (sorted(names), sorted(names), b" both "))
        self.assertEqual({path.name for path in self.root.iterdir()}, set(names))

    async def test_the_size_of_a_file(self) -> None:
        """SIZE tells the octets of a file in TYPE I."""
        self.write("file", content(12_345))

        def work(library: Library) -> int | None:
            library.voidcmd("TYPE I")
            return library.size("file")

        self.assertEqual(await self.in_session(work), 12_345)

    async def in_session(self, work: Callable[[Library], T]) -> T:
        """Return what *work* does with a session."""
        client = FtplibClient(self.site)

        def do() -> T:
            with client.session() as library:
                return work(library)

        return await in_thread(do)


class FtplibOverIPv6Tests(client_contract.IPv6Contract):
    """ftplib over IPv6."""

    client_class = FtplibClient
