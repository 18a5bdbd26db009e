# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the store of the example zip_archive.py.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from examples.zip_archive import Archive, ZipPathIO
from ftpserver.core.paths import resolve
from ftpserver.errors import (
    FTPError,
    NoSuchPath,
    NotADirectory,
    NotAFile,
    PermissionDenied,
    RestartBeyondEnd,
    StorageFailure,
)
from ftpserver.interfaces import IFile, IPathIO

CONTENT = bytes(range(256)) * 1000


class ZipPathIOTests(TestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("a/b/content", CONTENT)
            target.writestr(zipfile.ZipInfo("dated", (2020, 1, 2, 3, 4, 6)), "x")
            target.writestr("empty/", "")
            target.writestr("../../outside", "y")
            target.writestr("line\nend", "z")
            target.writestr("dated/below", "of what is a file by another entry")
        self.store = self.open_archive()

    def open_archive(self) -> ZipPathIO:
        """Return a store of the archive as it is now."""
        archive = Archive(str(self.path))
        self.addCleanup(archive.zip.close)
        return archive.path_io(None)

    async def assert_raises(self, kind: type[FTPError], awaitable: Awaitable[object]) -> None:
        """See *awaitable* raise *kind*."""
        try:
            await awaitable
        except kind:
            return
        self.fail(f"no {kind.__name__}")

    async def test_it_is_a_store(self) -> None:
        """The store and its files provide the interfaces of the server."""
        self.assertTrue(verifyObject(IPathIO, self.store))
        async with await self.store.open(resolve("/a/b/content"), "rb") as file:
            self.assertTrue(verifyObject(IFile, file))

    async def test_directories_are_listed(self) -> None:
        """Directories are there with and without an entry of their own, and nothing lies outside of the root."""
        for path, names in [("/", ["a", "dated", "empty", "outside"]), ("/a", ["b"]), ("/empty", [])]:
            self.assertEqual(await self.store.list(resolve(path)), names)
            self.assertTrue(stat.S_ISDIR((await self.store.stat(resolve(path))).st_mode))

    async def test_a_file_is_read_from_any_place(self) -> None:
        """A file is read from its start, from the middle, and from its end, where there is nothing more."""
        async with await self.store.open(resolve("/a/b/content"), "rb") as file:
            self.assertEqual((await file.stat()).st_size, len(CONTENT))
            self.assertEqual(await file.read(300), CONTENT[:300])
            for offset in (100_000, 5, len(CONTENT)):
                await file.seek(offset)
                self.assertEqual(await file.read(10), CONTENT[offset : offset + 10])
            await self.assert_raises(RestartBeyondEnd, file.seek(len(CONTENT) + 1))

    async def test_a_file_may_be_given_up(self) -> None:
        """A download that fails leaves no part anywhere, and closing twice is harmless."""
        file = await self.store.open(resolve("/a/b/content"), "rb")
        self.assertIs(await file.abort(), False)
        await file.close()

    async def test_what_cannot_be_is_refused(self) -> None:
        """Missing paths, and files and directories in each other's place, are told apart."""
        for kind, awaitable in [
            (NoSuchPath, self.store.stat(resolve("/none"))),
            (NoSuchPath, self.store.list(resolve("/none"))),
            (NoSuchPath, self.store.open(resolve("/none"), "rb")),
            (NotAFile, self.store.open(resolve("/a"), "rb")),
            (NotADirectory, self.store.list(resolve("/a/b/content"))),
        ]:
            await self.assert_raises(kind, awaitable)

    async def test_nothing_can_be_changed(self) -> None:
        """Every call that would change the archive is refused, and the archive stays as it is."""
        before = self.path.read_bytes()
        path = resolve("/a/b/content")
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: self.store.mkdir(resolve("/new")),
            lambda: self.store.rmdir(resolve("/empty")),
            lambda: self.store.unlink(path),
            lambda: self.store.rename(path, resolve("/new")),
            lambda: self.store.set_modified(path, 0),
            lambda: self.store.chmod(path, 0o600),
            lambda: self.store.open(path, "wb"),
            lambda: self.store.open(path, "r+b"),
            lambda: self.store.open(resolve("/new"), "xb"),
            lambda: self.store.open(resolve("/new"), "ab"),
        ]
        for change in changes:
            await self.assert_raises(PermissionDenied, change())
        async with await self.store.open(path, "rb") as file:
            await self.assert_raises(PermissionDenied, file.write(b"x"))
        await self.store.close()
        self.assertEqual(self.path.read_bytes(), before)

    async def test_damage_is_a_failure_of_the_store(self) -> None:
        """An entry whose octets are wrong is answered as a failing store, not as an error of the server."""
        archive = bytearray(self.path.read_bytes())
        archive[60:200] = bytes(140)
        self.path.write_bytes(archive)

        async def read_all() -> None:
            async with await self.open_archive().open(resolve("/a/b/content"), "rb") as file:
                while await file.read(65536):
                    pass

        await self.assert_raises(StorageFailure, read_all())

    async def test_a_locked_entry_is_a_failure_of_the_store(self) -> None:
        """An entry that needs a password is answered as one that the store does not give."""
        archive = bytearray(self.path.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            place = archive.index(signature)
            archive[place + offset] |= 1
        self.path.write_bytes(archive)
        await self.assert_raises(StorageFailure, self.open_archive().open(resolve("/a/b/content"), "rb"))
