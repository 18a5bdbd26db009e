# -*- test-case-name: tests.test_memory_path_io -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files in memory, for tests: directories, times and modes as a disk has them.
"""

from __future__ import annotations

import itertools
import stat
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zope.interface import implementer

from ..core.paths import VirtualPath
from ..core.status import Entry, FileStatus, Status
from ..core.uploads import UploadPolicy
from ..errors import (
    DirectoryNotEmpty,
    NameNotAllowed,
    NoSuchPath,
    NotADirectory,
    NotAFile,
    PathExists,
    PermissionDenied,
    RestartBeyondEnd,
)
from ..interfaces import IBatchListing, IFile, IPathIO, OpenMode

__all__ = ["MemoryFiles", "MemoryPathIO"]

_numbers = itertools.count(1)


@dataclass
class Node:
    """A file (with ``data``) or a directory (with ``children``)."""

    mode: int
    modified: float
    data: bytearray = field(default_factory=bytearray)
    children: dict[str, Node] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def is_directory(self) -> bool:
        """Tell whether this is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def status(self) -> FileStatus:
        """The stat values."""
        links = 2 if self.is_directory else 1
        return Status(self.mode, len(self.data), self.modified, self.number, 1, links)


class MemoryFiles:
    """
    A tree of files that lives as long as this object; every session sees the same one.

    ``Server(path_io_factory=MemoryFiles().path_io)`` serves it.

    :param clock: tells the seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.root = Node(stat.S_IFDIR | 0o755, clock())

    def path_io(self, connection: Any) -> MemoryPathIO:
        """Return the view of one session; a ``path_io_factory``."""
        return MemoryPathIO(connection, files=self)


@implementer(IFile)
class MemoryFile:
    """
    An open file in memory.

    :param node: what is read or written.
    :param finish: called with whether it ended well; returns whether a part was kept.
    """

    def __init__(self, node: Node, clock: Callable[[], float], finish: Callable[[bool], bool], appends: bool) -> None:
        self._node = node
        self._clock = clock
        self._finish = finish
        self._appends = appends
        self._offset = 0
        self._is_open = True
        self.reads = False

    async def read(self, amount: int) -> bytes:
        """See :meth:`IFile.read`."""
        data = bytes(self._node.data[self._offset : self._offset + amount])
        self._offset += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """See :meth:`IFile.write`."""
        content = self._node.data
        if self._appends:
            self._offset = len(content)
        content.extend(bytes(max(0, self._offset - len(content))))
        content[self._offset : self._offset + len(data)] = data
        self._offset += len(data)
        self._node.modified = self._clock()

    async def seek(self, offset: int) -> None:
        """See :meth:`IFile.seek`."""
        if self.reads and offset > len(self._node.data):
            raise RestartBeyondEnd(f"octet {offset} is beyond the end")
        self._offset = offset

    async def stat(self) -> FileStatus:
        """See :meth:`IFile.stat`."""
        return self._node.status

    async def close(self) -> None:
        """See :meth:`IFile.close`."""
        if self._is_open:
            self._is_open = False
            self._finish(True)

    async def abort(self) -> bool:
        """See :meth:`IFile.abort`."""
        if not self._is_open:
            return False
        self._is_open = False
        return self._finish(False)

    async def __aenter__(self) -> MemoryFile:
        return self

    async def __aexit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()


@implementer(IPathIO, IBatchListing)
class MemoryPathIO:
    """
    A store in memory.

    :param connection: has ``uploads``; ``None`` where there is no server.
    :param files: the tree; a new one by default.
    """

    def __init__(self, connection: Any = None, *, files: MemoryFiles | None = None) -> None:
        self.files = files or MemoryFiles()
        self._uploads = UploadPolicy() if connection is None else connection.uploads

    def _find(self, path: VirtualPath) -> Node:
        node = self.files.root
        for name in path.parts:
            if not node.is_directory:
                raise NotADirectory(str(path))
            found = node.children.get(name)
            if found is None:
                raise NoSuchPath(str(path))
            node = found
        return node

    def _directory(self, path: VirtualPath) -> Node:
        node = self._find(path)
        if not node.is_directory:
            raise NotADirectory(str(path))
        return node

    def _parent(self, path: VirtualPath) -> Node:
        if path.is_root:
            raise PermissionDenied("the root itself")
        return self._directory(path.parent)

    async def stat(self, path: VirtualPath) -> FileStatus:
        """See :meth:`IPathIO.stat`."""
        return self._find(path).status

    async def open(self, path: VirtualPath, mode: OpenMode, *, create: bool = True) -> MemoryFile:
        """See :meth:`IPathIO.open`."""
        try:
            node = self._find(path)
        except NoSuchPath:
            if mode == "rb" or not (create or mode == "xb"):
                raise
            return self._open_new(path, mode)
        if node.is_directory:
            raise NotAFile(str(path))
        if mode == "xb":
            raise PathExists(str(path))
        if mode == "wb":
            return self._open_to_replace(node)
        file = MemoryFile(node, self.files.clock, lambda ended_well: not ended_well, mode == "ab")
        file.reads = mode == "rb"
        return file

    def _open_new(self, path: VirtualPath, mode: OpenMode) -> MemoryFile:
        parent = self._parent(path)
        node = Node(stat.S_IFREG | 0o644, self.files.clock())
        is_hidden = self._uploads.atomic and mode in ("wb", "xb")
        if not is_hidden:
            parent.children[path.name] = node

        def finish(ended_well: bool) -> bool:
            keeps = ended_well or (self._uploads.partial == "keep" and bool(node.data))
            there = parent.children.get(path.name)
            if keeps and is_hidden:
                if there is not None and (mode == "xb" or not ended_well):
                    raise PathExists(str(path))
                parent.children[path.name] = node
            elif not keeps and there is node:
                del parent.children[path.name]
            return keeps and not ended_well

        return MemoryFile(node, self.files.clock, finish, mode == "ab")

    def _open_to_replace(self, old: Node) -> MemoryFile:
        fresh = Node(old.mode, self.files.clock())

        def finish(ended_well: bool) -> bool:
            changes = ended_well or (not self._uploads.atomic and bool(fresh.data))
            if changes:
                old.data, old.modified = fresh.data, fresh.modified
            return changes and not ended_well

        return MemoryFile(fresh, self.files.clock, finish, False)

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :meth:`IPathIO.list`."""
        return list(self._directory(path).children)

    async def mkdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.mkdir`."""
        if path.is_root:
            raise PathExists("/")
        children = self._parent(path).children
        if path.name in children:
            raise PathExists(str(path))
        children[path.name] = Node(stat.S_IFDIR | 0o755, self.files.clock())

    async def rmdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.rmdir`."""
        parent, node = self._parent(path), self._directory(path)
        if node.children:
            raise DirectoryNotEmpty(str(path))
        del parent.children[path.name]

    async def unlink(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.unlink`."""
        parent = self._parent(path)
        if self._find(path).is_directory:
            raise NotAFile(str(path))
        del parent.children[path.name]

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :meth:`IPathIO.rename`."""
        old, new, node = self._parent(source), self._parent(target), self._find(source)
        if source != target and source.contains(target):
            raise NameNotAllowed("into itself")
        there = new.children.get(target.name)
        if there is not None and there is not node and (not replace or there.is_directory or node.is_directory):
            raise PathExists(str(target))
        del old.children[source.name]
        new.children[target.name] = node

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :meth:`IPathIO.set_modified`."""
        self._find(path).modified = modified

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :meth:`IPathIO.chmod`."""
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | (mode & 0o777)

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""

    async def scan(self, path: VirtualPath, amount: int) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`IBatchListing.scan`."""
        entries = [(name, node.status) for name, node in self._directory(path).children.items()]
        return _batches(entries, amount)


async def _batches(entries: Sequence[Entry], amount: int) -> AsyncIterator[Sequence[Entry]]:
    for start in range(0, len(entries), amount):
        yield entries[start : start + amount]
