# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the store of a session as its commands see it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer, implementer_only
from zope.interface.verify import verifyObject

from ftpserver import MemoryPathIO, VirtualPath
from ftpserver.control.storage import Storage, StoredFile
from ftpserver.core.paths import ROOT, resolve
from ftpserver.errors import NoSuchPath, PathTimeout, PermissionDenied
from ftpserver.interfaces import IAsksBack, IBatchListing, IFile, INameListing, IPathIO
from ftpserver.testing import DialogueFiles

PATH = resolve("/a")


async def approve(path: VirtualPath) -> None:
    """Approve of everything."""


def never(*_: object, **__: object) -> Deferred[Any]:
    """Never answer."""
    return Deferred()


class StorageTestCase(SynchronousTestCase):
    """A store in memory with the bounds of a session."""

    def setUp(self) -> None:
        """Make the store."""
        self.clock = Clock()
        self.files = DialogueFiles()
        self.files.write("/a", b"octets")
        self.backend = MemoryPathIO(files=self.files)
        self.storage = self.bounded(5)

    def bounded(self, timeout: float | None, backend: Any = None) -> Storage:
        """Return the store with a bound for each call."""
        return Storage(backend or self.backend, approve, self.clock, timeout)

    def result(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine that does not wait gives."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def assert_bounded(self, call: Callable[[], Coroutine[Any, Any, Any]], what: str) -> None:
        """Assert that a call to a store that never answers ends in time."""
        waiting = Deferred.fromCoroutine(call())
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.failureResultOf(waiting, PathTimeout)
        self.assertEqual(self.clock.getDelayedCalls(), [], what)


class StorageTests(StorageTestCase):
    """Calls to the store."""

    def test_the_interfaces_are_provided(self) -> None:
        """A store with bounds is a store that lists in batches, and its files are files."""
        self.assertTrue(verifyObject(IPathIO, self.storage))
        self.assertTrue(verifyObject(IBatchListing, self.storage))
        self.assertTrue(verifyObject(IFile, self.result(self.storage.open(PATH, "rb"))))

    def test_each_call_reaches_the_store(self) -> None:
        """What a command asks for is done."""
        storage, result = self.storage, self.result
        result(storage.mkdir(resolve("/d")))
        result(storage.rename(PATH, resolve("/d/b")))
        result(storage.set_modified(resolve("/d/b"), 5.0))
        result(storage.chmod(resolve("/d/b"), 0o600))
        status = result(storage.stat(resolve("/d/b")))
        self.assertEqual((status.st_mode & 0o777, status.st_mtime, status.st_size), (0o600, 5.0, 6))
        self.assertEqual(result(storage.list(resolve("/d"))), ["b"])
        result(storage.unlink(resolve("/d/b")))
        result(storage.rmdir(resolve("/d")))
        self.assertEqual(result(storage.list(ROOT)), [])
        result(storage.close())

    def test_each_call_is_bounded(self) -> None:
        """A store that never answers costs so much time and no more, in every call."""
        calls: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "stat": lambda: self.storage.stat(PATH),
            "open": lambda: self.storage.open(PATH, "rb"),
            "list": lambda: self.storage.list(PATH),
            "mkdir": lambda: self.storage.mkdir(PATH),
            "rmdir": lambda: self.storage.rmdir(PATH),
            "unlink": lambda: self.storage.unlink(PATH),
            "rename": lambda: self.storage.rename(PATH, PATH),
            "set_modified": lambda: self.storage.set_modified(PATH, 0.0),
            "chmod": lambda: self.storage.chmod(PATH, 0),
            "scan": lambda: self.storage.scan(PATH, 10),
            "scan_names": lambda: self.storage.scan_names(PATH, 10),
            "close": lambda: self.storage.close(),
        }
        for name, call in calls.items():
            setattr(self.backend, name, never)
            self.assert_bounded(call, name)

    def test_there_may_be_no_bound(self) -> None:
        """Without a timeout a call waits for ever."""
        self.patch(self.backend, "stat", never)
        waiting = Deferred.fromCoroutine(self.bounded(None).stat(PATH))
        self.clock.advance(10**6)
        self.assertNoResult(waiting)
        waiting.cancel()
        self.failureResultOf(waiting)

    def test_existence_is_told(self) -> None:
        """What is not there is no error when only that is asked."""
        self.assertTrue(self.result(self.storage.exists(PATH)))
        self.assertFalse(self.result(self.storage.exists(resolve("/missing"))))


class StoredFileTests(StorageTestCase):
    """An open file."""

    def opened(self, mode: Any = "rb", path: VirtualPath = PATH) -> StoredFile:
        """Return an open file."""
        file: StoredFile = self.result(self.storage.open(path, mode))
        return file

    def test_each_call_reaches_the_file(self) -> None:
        """What a command asks of the file is done."""
        file = self.opened("r+b")
        self.assertEqual(self.result(file.stat()).st_size, 6)
        self.result(file.seek(3))
        self.result(file.write(b"xyz"))
        self.result(file.close())
        self.assertEqual(self.result(self.opened().read(10)), b"octxyz")

    def test_each_call_is_bounded(self) -> None:
        """A file that never answers costs so much time and no more, in every call."""
        file = self.opened()
        calls: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "read": lambda: file.read(1),
            "write": lambda: file.write(b"x"),
            "seek": lambda: file.seek(1),
            "stat": lambda: file.stat(),
            "close": lambda: file.close(),
            "abort": lambda: file.abort(),
        }
        for name, call in calls.items():
            setattr(file.file, name, never)
            self.assert_bounded(call, name)

    def test_leaving_the_block_ends_the_file(self) -> None:
        """A block that ends well stores the file; an exception leaves a part, and the file knows it."""

        async def store(name: str, *, fails: bool) -> StoredFile:
            file = await self.storage.open(resolve(name), "wb")
            try:
                async with file:
                    await file.write(b"part")
                    if fails:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            return file

        self.assertFalse(self.result(store("/whole", fails=False)).kept_part)
        self.assertTrue(self.result(store("/cut", fails=True)).kept_part)
        self.assertEqual(self.files.read("/cut"), b"part")


@implementer_only(IPathIO)
class Plain(MemoryPathIO):
    """A store that does not list in batches."""


@implementer(IAsksBack)
class Asking(MemoryPathIO):
    """A store with a link from ``/link`` to ``/place``."""

    approve: Any = None

    def asking(self, approve: Any) -> Any:
        """Return a view that asks."""
        view = Asking(files=self.files)
        view.approve = approve
        return view

    async def stat(self, path: VirtualPath) -> Any:
        """Follow the link."""
        if path == resolve("/link"):
            await self.approve(resolve("/place"))
        return await super().stat(path)


@implementer(INameListing)
class Naming(MemoryPathIO):
    """A store that lists names alone."""

    async def scan(self, path: VirtualPath, amount: int) -> Any:
        """Fail: it need not be asked."""
        raise AssertionError("not asked")

    async def scan_names(self, path: VirtualPath, amount: int) -> Any:
        """Return the names."""
        return self.batches(sorted(await self.list(path)), amount)

    async def batches(self, names: list[str], amount: int) -> Any:
        """Yield them."""
        for start in range(0, len(names), amount):
            yield names[start : start + amount]


class ScanTests(StorageTestCase):
    """Listing in batches."""

    async def names(self, storage: Storage, amount: int) -> list[list[str]]:
        """Return the names in the batches of the root."""
        return [[name for name, _ in batch] async for batch in await storage.scan(ROOT, amount)]

    def test_batches_are_bounded(self) -> None:
        """A directory comes in batches of so many entries, from any store."""
        for name in ("/b", "/c"):
            self.files.write(name)
        for backend in (self.backend, Plain(files=self.files)):
            self.assertEqual(self.result(self.names(self.bounded(5, backend), 2)), [["a", "b"], ["c"]])

    def test_names_come_from_any_store(self) -> None:
        """A store that lists no names alone is asked for entries."""
        for name in ("/b", "/c"):
            self.files.write(name)

        async def names(storage: Storage) -> list[Any]:
            return [batch async for batch in await storage.scan_names(ROOT, 2)]

        for backend in (self.backend, Plain(files=self.files), Naming(files=self.files)):
            self.assertEqual(self.result(names(self.bounded(5, backend))), [["a", "b"], ["c"]])

    def test_entries_that_vanish_are_left_out(self) -> None:
        """An entry that is gone when it is looked at is no error."""

        class Vanishing(Plain):
            async def stat(self, path: VirtualPath) -> Any:
                raise NoSuchPath(str(path))

        self.assertEqual(self.result(self.names(self.bounded(5, Vanishing(files=self.files)), 2)), [[]])

    def test_each_batch_is_bounded(self) -> None:
        """A directory that stops answering in the middle costs so much time and no more, and is closed."""
        closed: list[str] = []

        async def stuck() -> Any:
            try:
                yield [("a", None)]
                await Deferred()
            finally:
                closed.append("closed")

        async def scan(path: VirtualPath, amount: int) -> Any:
            return stuck()

        self.patch(self.backend, "scan", scan)
        waiting = Deferred.fromCoroutine(self.names(self.storage, 2))
        self.clock.advance(5)
        self.failureResultOf(waiting, PathTimeout)
        self.assertEqual(closed, ["closed"])


class AskingTests(StorageTestCase):
    """A store with links."""

    def test_the_place_that_a_link_leads_to_is_approved(self) -> None:
        """The store asks for the place before it acts there, and a refusal ends the call."""
        asked: list[str] = []

        async def refuse(path: VirtualPath) -> None:
            asked.append(str(path))
            raise PermissionDenied(str(path))

        self.files.write("/link")
        storage = Storage(Asking(files=self.files), refuse, self.clock, 5)
        self.failureResultOf(Deferred.fromCoroutine(storage.stat(resolve("/link"))), PermissionDenied)
        self.assertEqual(asked, ["/place"])
        self.result(storage.stat(PATH))
