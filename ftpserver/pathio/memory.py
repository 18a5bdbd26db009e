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
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
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
from ..interfaces import IBatchListing, IDiscardsParts, IFile, IPathIO, OpenMode

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
    is_removed: bool = False

    @property
    def is_directory(self) -> bool:
        """Tell whether this is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def status(self) -> FileStatus:
        """The stat values."""
        links = 2 if self.is_directory else 1
        return Status(self.mode, len(self.data), self.modified, self.number, 1, links)

    def enter(self, name: str, node: Node, now: float) -> None:
        """
        Give *node* the name *name* in this directory.

        :raises NoSuchPath: if the directory was removed.
        """
        if self.is_removed:
            raise NoSuchPath(name)
        self.children[name] = node
        self.modified = now

    def leave(self, name: str, now: float) -> None:
        """Take the name *name* out of this directory."""
        del self.children[name]
        self.modified = now


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


@dataclass
class _Place:
    """Where a written file belongs."""

    parent: Node
    name: str
    is_new: bool = False
    exclusive: bool = False
    is_hidden: bool = False

    def commit(self, node: Node, now: float) -> None:
        if self.is_hidden:
            there = self.parent.children.get(self.name)
            if there is not None and (self.exclusive or there.is_directory):
                raise PathExists(self.name)
            self.parent.enter(self.name, node, now)

    def keep(self, node: Node, now: float) -> bool:
        """Keep a part, where no old file is in its place."""
        if self.is_hidden:
            if not self.is_new or self.parent.is_removed or self.name in self.parent.children:
                return False
            self.parent.enter(self.name, node, now)
        return True

    def remove(self, node: Node, now: float) -> None:
        """Remove a part."""
        if not self.is_hidden and self.parent.children.get(self.name) is node:
            self.parent.leave(self.name, now)


@implementer(IFile, IDiscardsParts)
class MemoryFile:
    """
    An open file in memory.

    :param node: what is read or written.
    :param place: where a written file belongs; ``None`` for one that is read.
    :param appends: whether every write goes to the end.
    :param truncates: whether the old content goes with the first write.
    """

    def __init__(
        self,
        node: Node,
        clock: Callable[[], float],
        policy: UploadPolicy,
        place: _Place | None = None,
        *,
        appends: bool = False,
        truncates: bool = False,
    ) -> None:
        self._node = node
        self._clock = clock
        self._policy = policy
        self._place = place
        self._appends = appends
        self._truncates = truncates
        self._offset = 0
        self._written = False
        self._is_open = True

    async def read(self, amount: int) -> bytes:
        """See :meth:`IFile.read`."""
        data = bytes(self._node.data[self._offset : self._offset + amount])
        self._offset += len(data)
        return data

    async def write(self, data: bytes | memoryview) -> None:
        """See :meth:`IFile.write`."""
        if not data:
            return
        self._truncate()
        content = self._node.data
        if self._appends:
            self._offset = len(content)
        content.extend(bytes(max(0, self._offset - len(content))))
        content[self._offset : self._offset + len(data)] = data
        self._offset += len(data)
        self._written = True
        self._node.modified = self._clock()

    def _truncate(self) -> None:
        if self._truncates:
            self._truncates = False
            self._node.data.clear()
            self._node.modified = self._clock()

    async def seek(self, offset: int) -> None:
        """See :meth:`IFile.seek`."""
        if self._place is None and offset > len(self._node.data):
            raise RestartBeyondEnd(f"octet {offset} is beyond the end")
        self._offset = offset

    async def stat(self) -> FileStatus:
        """See :meth:`IFile.stat`."""
        return self._node.status

    async def close(self) -> None:
        """See :meth:`IFile.close`."""
        if self._is_open:
            self._is_open = False
            self._truncate()
            if self._place is not None:
                self._place.commit(self._node, self._clock())

    async def abort(self) -> bool:
        """See :meth:`IFile.abort`."""
        is_open, self._is_open = self._is_open, False
        place = self._place
        if not is_open or place is None:
            return False
        if self._written and (not place.is_new or self._policy.partial == "keep"):
            return place.keep(self._node, self._clock())
        if place.is_new:
            place.remove(self._node, self._clock())
        return False

    async def discard(self) -> bool:
        """See :meth:`IDiscardsParts.discard`."""
        self._policy = replace(self._policy, partial="remove")
        return await self.abort()

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
        if mode == "xb":
            raise PathExists(str(path))
        if node.is_directory:
            raise NotAFile(str(path))
        return self._open_old(path, node, mode)

    def _open_new(self, path: VirtualPath, mode: OpenMode) -> MemoryFile:
        parent = self._parent(path)
        now = self.files.clock()
        node = Node(stat.S_IFREG | 0o644, now)
        is_hidden = self._uploads.atomic and mode in ("wb", "xb")
        place = _Place(parent, path.name, is_new=True, exclusive=mode == "xb", is_hidden=is_hidden)
        if not is_hidden:
            parent.enter(path.name, node, now)
        return MemoryFile(node, self.files.clock, self._uploads, place, appends=mode == "ab")

    def _open_old(self, path: VirtualPath, node: Node, mode: OpenMode) -> MemoryFile:
        if mode == "rb":
            return MemoryFile(node, self.files.clock, self._uploads)
        place = _Place(self._parent(path), path.name, is_hidden=self._uploads.atomic and mode == "wb")
        if place.is_hidden:
            return MemoryFile(Node(node.mode, self.files.clock()), self.files.clock, self._uploads, place)
        return MemoryFile(node, self.files.clock, self._uploads, place, appends=mode == "ab", truncates=mode == "wb")

    async def list(self, path: VirtualPath) -> Sequence[str]:
        """See :meth:`IPathIO.list`."""
        return list(self._directory(path).children)

    async def mkdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.mkdir`."""
        if path.is_root:
            raise PathExists("/")
        parent, now = self._parent(path), self.files.clock()
        if path.name in parent.children:
            raise PathExists(str(path))
        parent.enter(path.name, Node(stat.S_IFDIR | 0o755, now), now)

    async def rmdir(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.rmdir`."""
        parent, node = self._parent(path), self._directory(path)
        if node.children:
            raise DirectoryNotEmpty(str(path))
        parent.leave(path.name, self.files.clock())
        node.is_removed = True

    async def unlink(self, path: VirtualPath) -> None:
        """See :meth:`IPathIO.unlink`."""
        parent = self._parent(path)
        if self._find(path).is_directory:
            raise NotAFile(str(path))
        parent.leave(path.name, self.files.clock())

    async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
        """See :meth:`IPathIO.rename`."""
        if source != target and source.contains(target):
            raise NameNotAllowed("into itself")
        old, new, node = self._parent(source), self._parent(target), self._find(source)
        there = new.children.get(target.name)
        if there is not None and (not replace or there.is_directory or node.is_directory):
            raise PathExists(str(target))
        now = self.files.clock()
        old.leave(source.name, now)
        new.enter(target.name, node, now)

    async def set_modified(self, path: VirtualPath, modified: float) -> None:
        """See :meth:`IPathIO.set_modified`."""
        self._find(path).modified = modified

    async def chmod(self, path: VirtualPath, mode: int) -> None:
        """See :meth:`IPathIO.chmod`."""
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | (mode & 0o777)

    async def close(self) -> None:
        """See :meth:`IPathIO.close`."""

    async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
        """See :meth:`IBatchListing.scan`."""
        entries = [(name, node.status) for name, node in self._directory(path).children.items()]
        return _batches(entries, amount)


async def _batches(entries: Sequence[Entry], amount: int) -> AsyncGenerator[Sequence[Entry], None]:
    for start in range(0, len(entries), amount):
        yield entries[start : start + amount]
