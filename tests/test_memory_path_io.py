# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.memory`; what every store does is tested in :mod:`tests.test_path_io_contract`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver.core.paths import ROOT, resolve
from ftpserver.core.uploads import UploadPolicy
from ftpserver.errors import NoSuchPath, PathExists
from ftpserver.interfaces import IBatchListing, IFile, IPathIO
from ftpserver.pathio.memory import MemoryFiles, MemoryPathIO

T = TypeVar("T")


class _Session:
    def __init__(self, **policy: Any) -> None:
        self.uploads = UploadPolicy(**policy)


class MemoryPathIOTests(SynchronousTestCase):
    """Files in memory are as files on a disk."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.files = MemoryFiles(self.clock.seconds)
        self.store = self.files.path_io(None)

    def run_now(self, awaitable: Awaitable[T]) -> T:
        """Return what *awaitable* gives at once."""
        assert isinstance(awaitable, Coroutine)
        result: T = self.successResultOf(ensureDeferred(awaitable))
        return result

    def upload(self, path: str, content: bytes = b"content", mode: Any = "wb") -> None:
        """Store *content*."""
        file = self.run_now(self.store.open(resolve(path), mode))
        self.run_now(file.write(content))
        self.run_now(file.close())

    def modified(self, path: str) -> float:
        """Return the time of the last change."""
        return self.run_now(self.store.stat(resolve(path))).st_mtime

    def test_the_interfaces_are_provided(self) -> None:
        """It lists in batches."""
        verifyObject(IPathIO, self.store)
        verifyObject(IBatchListing, self.store)
        verifyObject(IFile, self.run_now(self.store.open(resolve("/file"), "wb")))

    def test_a_store_alone_has_files_of_its_own(self) -> None:
        """Without a tree a new one is made, and without a server the policy is the usual one."""
        one, other = MemoryPathIO(), MemoryPathIO()
        self.run_now(one.mkdir(resolve("/directory")))
        self.assertEqual(self.run_now(other.list(ROOT)), [])

    def test_a_write_changes_the_time(self) -> None:
        """The time of a file is that of its last octet."""
        self.upload("/file")
        self.clock.advance(10)
        self.upload("/file", mode="ab")
        self.assertEqual(self.modified("/file"), 10)

    def test_a_directory_changes_with_its_entries(self) -> None:
        """Each name that comes or goes is a change of its directory."""
        changes = (
            lambda: self.run_now(self.store.mkdir(resolve("/directory"))),
            lambda: self.upload("/file"),
            lambda: self.run_now(self.store.rename(resolve("/file"), resolve("/new"))),
            lambda: self.run_now(self.store.unlink(resolve("/new"))),
            lambda: self.run_now(self.store.rmdir(resolve("/directory"))),
        )
        for number, change in enumerate(changes, start=1):
            self.clock.advance(1)
            change()
            self.assertEqual(self.modified("/"), number)

    def test_a_reader_keeps_what_it_has_opened(self) -> None:
        """A file that is replaced or removed is read to its own end."""
        self.upload("/file", b"old content")
        file = self.run_now(self.store.open(resolve("/file"), "rb"))
        self.assertEqual(self.run_now(file.read(3)), b"old")
        self.upload("/file", b"new")
        self.run_now(self.store.unlink(resolve("/file")))
        self.assertEqual(self.run_now(file.read(100)), b" content")

    def test_octets_behind_a_gap(self) -> None:
        """What was never written is zeros."""
        self.upload("/file", b"12")
        file = self.run_now(self.store.open(resolve("/file"), "r+b"))
        self.run_now(file.seek(4))
        self.run_now(file.write(b"5"))
        self.run_now(file.close())
        file = self.run_now(self.store.open(resolve("/file"), "rb"))
        self.assertEqual(self.run_now(file.read(100)), b"12\0\x005")

    def test_a_directory_that_is_gone_takes_no_file(self) -> None:
        """Neither a whole upload nor a part of one appears in a removed directory."""
        self.run_now(self.store.mkdir(resolve("/directory")))
        files = [self.run_now(self.store.open(resolve("/directory/file"), "wb")) for _ in range(2)]
        for file in files:
            self.run_now(file.write(b"content"))
        self.run_now(self.store.rmdir(resolve("/directory")))
        self.failureResultOf(ensureDeferred(files[0].close()), NoSuchPath)
        self.assertFalse(self.run_now(files[1].abort()))

    def test_an_upload_replaces_no_directory(self) -> None:
        """A directory that was made meanwhile stays."""
        file = self.run_now(self.store.open(resolve("/file"), "wb"))
        self.run_now(self.store.mkdir(resolve("/file")))
        self.failureResultOf(ensureDeferred(file.close()), PathExists)

    def test_a_part_replaces_nothing(self) -> None:
        """Neither a file that somebody else has put there, in either way of writing."""
        for policy in ({"atomic": True}, {"atomic": False, "partial": "remove"}):
            self.store = self.files.path_io(_Session(**policy))
            file = self.run_now(self.store.open(resolve("/file"), "wb"))
            self.run_now(file.write(b"part"))
            self.store = self.files.path_io(None)
            self.upload("/file", b"whole")
            self.assertFalse(self.run_now(file.abort()))
            status = self.run_now(self.store.stat(resolve("/file")))
            self.assertEqual(status.st_size, 5)
            self.run_now(self.store.unlink(resolve("/file")))
