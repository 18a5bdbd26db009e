# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A store of one's own: the files in a zip archive, to be read without unpacking it.

    python examples/zip_archive.py archive.zip [port]

A store is a class that provides IPathIO. It gets paths that are already safe, answers with what errors.py names, and
leaves everything else (permissions, replies, data connections, REST, ASCII) to the server.
"""

from __future__ import annotations

import lzma
import stat
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from twisted.internet import task
from twisted.internet.interfaces import IReactorCore
from twisted.internet.threads import deferToThread
from zope.interface import implementer

import ftpserver
from ftpserver import Status, resolve
from ftpserver.errors import NoSuchPath, NotADirectory, NotAFile, PermissionDenied, RestartBeyondEnd, StorageFailure
from ftpserver.interfaces import OpenMode

T = TypeVar("T")

#: What zipfile raises for entries that are encrypted, packed in a way that is unknown here, or damaged.
UNREADABLE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call what may take time without holding up the other sessions, and answer its failures with a 451."""
    try:
        return await deferToThread(function, *arguments)
    except UNREADABLE as error:
        raise StorageFailure("the archive does not give it") from error


class Archive:
    """
    What is in a zip archive, found once.

    :param path: of the archive.
    """

    def __init__(self, path: str) -> None:
        self.zip = zipfile.ZipFile(path)
        self.files: dict[ftpserver.VirtualPath, zipfile.ZipInfo] = {}
        self.directories: dict[ftpserver.VirtualPath, set[str]] = {resolve("/"): set()}
        for info in self.zip.infolist():
            self._add(info)

    def _add(self, info: zipfile.ZipInfo) -> None:
        try:
            path = resolve("/" + info.filename)
        except ValueError:
            # A name with a line end cannot be said in FTP.
            return
        if info.is_dir():
            self._add_directory(path)
        elif not path.is_root and path not in self.directories:
            self._add_directory(path.parent)
            self.directories[path.parent].add(path.name)
            self.files[path] = info

    def _add_directory(self, path: ftpserver.VirtualPath) -> None:
        if path not in self.directories:
            self._add_directory(path.parent)
            self.directories[path.parent].add(path.name)
            self.directories[path] = set()
            self.files.pop(path, None)

    def status(self, path: ftpserver.VirtualPath) -> Status:
        """Return the stat values of a file or directory."""
        if path in self.directories:
            return Status(stat.S_IFDIR | 0o555)
        info = self.files.get(path)
        if info is None:
            raise NoSuchPath(str(path))
        modified = time.mktime((*info.date_time, 0, 0, -1))
        return Status(stat.S_IFREG | 0o444, info.file_size, modified)

    def path_io(self, connection: Any) -> ZipPathIO:
        """Return the store of one login; a ``path_io_factory``."""
        return ZipPathIO(self)


@implementer(ftpserver.IFile)
class ZipMember:
    """
    One open file. What takes time happens in a thread.

    :param member: as zipfile opened it.
    """

    def __init__(self, member: Any, status: Status) -> None:
        self._member = member
        self._status = status

    async def read(self, amount: int) -> bytes:
        """Unpack the next octets."""
        return await in_thread(self._member.read, amount)

    async def seek(self, offset: int) -> None:
        """Go to *offset*, which means to unpack everything before it."""
        if offset > self._status.st_size:
            raise RestartBeyondEnd(f"octet {offset} is beyond the end")
        await in_thread(self._member.seek, offset)

    async def write(self, data: bytes | memoryview) -> NoReturn:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def stat(self) -> Status:
        """Return the stat values."""
        return self._status

    async def close(self) -> None:
        """Give the member back."""
        self._member.close()

    async def abort(self) -> bool:
        """Give the member back after a failure."""
        self._member.close()
        return False

    async def __aenter__(self) -> ZipMember:
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._member.close()


@implementer(ftpserver.IPathIO)
class ZipPathIO:
    """
    The archive as one login sees it.

    :param archive: what everybody shares.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def stat(self, path: ftpserver.VirtualPath) -> Status:
        """Return the stat values."""
        return self._archive.status(path)

    async def open(self, path: ftpserver.VirtualPath, mode: OpenMode, *, create: bool = True) -> ZipMember:
        """Open a file to read."""
        if mode != "rb":
            raise PermissionDenied("an archive is only read")
        status = self._archive.status(path)
        if path not in self._archive.files:
            raise NotAFile(str(path))
        member = await in_thread(self._archive.zip.open, self._archive.files[path])
        return ZipMember(member, status)

    async def list(self, path: ftpserver.VirtualPath) -> Sequence[str]:
        """Return the names in a directory."""
        self._archive.status(path)
        if path not in self._archive.directories:
            raise NotADirectory(str(path))
        return sorted(self._archive.directories[path])

    async def mkdir(self, path: ftpserver.VirtualPath) -> None:
        """Refuse, as everything that would change the archive."""
        raise PermissionDenied("an archive is only read")

    async def rmdir(self, path: ftpserver.VirtualPath) -> None:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def unlink(self, path: ftpserver.VirtualPath) -> None:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def rename(
        self, source: ftpserver.VirtualPath, target: ftpserver.VirtualPath, *, replace: bool = True
    ) -> None:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def set_modified(self, path: ftpserver.VirtualPath, modified: float) -> None:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def chmod(self, path: ftpserver.VirtualPath, mode: int) -> None:
        """Refuse."""
        raise PermissionDenied("an archive is only read")

    async def close(self) -> None:
        """Have nothing to release: the archive stays open for the others."""


async def main(reactor: IReactorCore, archive: str, port: str = "2121") -> None:
    """Serve until the process is told to end."""
    server = ftpserver.Server(users=[ftpserver.User()], path_io_factory=Archive(archive).path_io)
    await server.start(host="localhost", port=int(port))
    print("Listening on port", server.address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    task.react(main, sys.argv[1:])
