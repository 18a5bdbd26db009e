# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.local`; what every store does is tested in :mod:`tests.test_path_io_contract`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ftpserver.core.paths import ROOT, VirtualPath, resolve
from ftpserver.core.uploads import UploadPolicy
from ftpserver.core.users import User
from ftpserver.errors import NoSuchPath, PathError, PermissionDenied, StorageFailure
from ftpserver.interfaces import IAsksBack, IBatchListing, IPathIO
from ftpserver.pathio.confined import Root
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_directory import LocalDirectory
from ftpserver.pathio.opening import FileOpener
from ftpserver.pathio.threads import StorageThreads
from tests.local_store import FailingSystem, LocalStoreTestCase, open_descriptors

#: Rounds in which somebody exchanges a directory and a link while files are asked for.
ROUNDS = 500


class PathIOTests(LocalStoreTestCase):
    """The store of a login."""

    def test_the_interfaces_are_provided(self) -> None:
        """It lists in batches and asks back."""
        for interface in (IPathIO, IBatchListing, IAsksBack):
            verifyObject(interface, self.store)

    def test_a_login_has_the_root_of_its_user(self) -> None:
        """The base path of the account is what the session sees as ``/``."""

        class Connection:
            user = User("alice", base_path=self.root)
            uploads = UploadPolicy()
            storage_threads = None

        (self.root / "file").write_bytes(b"content")
        store = PathIO(Connection())
        self.assertEqual(self.read("/file", store), b"content")
        self.run_now(store.close())

    def test_a_home_that_does_not_exist_is_refused(self) -> None:
        """Nothing is found, and never the root of the machine."""
        store = PathIO.at(self.base / "missing")
        for path in ("/", "/etc/passwd"):
            self.refused(store.stat(resolve(path)), NoSuchPath)
        self.refused(store.mkdir(resolve("/new")), NoSuchPath)
        self.assertFalse((self.base / "missing").exists())

    def test_a_home_that_is_removed_is_empty(self) -> None:
        """A session whose root is gone finds nothing and makes nothing."""
        self.run_now(self.store.stat(ROOT))
        self.root.rmdir()
        for call in (self.store.stat(ROOT), self.store.mkdir(resolve("/new")), self.store.list(ROOT)):
            self.refused(call, NoSuchPath)

    def test_the_end_of_a_login_leaves_nothing_open(self) -> None:
        """And what comes after it is a failure."""
        before = open_descriptors()
        store = self.make_store()
        self.run_now(store.stat(ROOT))
        self.run_now(store.close())
        self.assertEqual(open_descriptors(), before)
        self.refused(store.stat(ROOT), StorageFailure)

    def test_hidden_names_are_nobodys(self) -> None:
        """No command reaches an upload under way, nor makes something that looks like one."""
        self.upload("/file")
        hidden = resolve("/.ftpserver-mine")
        calls: tuple[Callable[[], Any], ...] = (
            lambda: self.store.mkdir(hidden),
            lambda: self.store.open(hidden, "wb"),
            lambda: self.store.open(hidden, "xb"),
            lambda: self.store.rename(resolve("/file"), hidden),
            lambda: self.store.unlink(hidden),
            lambda: self.store.rmdir(hidden),
            lambda: self.store.stat(hidden),
        )
        for call in calls:
            self.refused(call(), NoSuchPath)
        self.assertEqual(self.names(), ["file"])

    def test_a_refused_link_leaves_nothing_open(self) -> None:
        """What was found for nothing is let go."""
        self.upload("/file")
        (self.root / "link").symlink_to("file")
        (self.root / "directory").mkdir()
        (self.root / "to-directory").symlink_to("directory")

        async def refuse(reached: VirtualPath) -> None:
            raise PermissionDenied(str(reached))

        view = self.store.asking(refuse)
        before = open_descriptors()
        link, below = resolve("/link"), resolve("/to-directory/new")
        for call in (view.stat(link), view.open(link, "rb"), view.open(below, "wb"), view.rename(link, below)):
            self.refused(call, PermissionDenied)
        self.assertEqual(open_descriptors(), before)

    def test_a_listing_that_fails_leaves_nothing_open(self) -> None:
        """A broken disk in the middle of a directory ends the listing with its reply."""
        self.run_now(self.store.stat(ROOT))
        before = open_descriptors()
        batches = self.run_now(self.store.scan(ROOT, 2))
        self.refused(batches.athrow(ZeroDivisionError()), ZeroDivisionError)
        self.assertEqual(open_descriptors(), before)

    def test_batches_without_entries_are_passed_over(self) -> None:
        """A row of links that lead nowhere is not taken for the end."""
        for number in range(6):
            (self.root / f"dangling-{number}").symlink_to("nothing")
        self.upload("/file")
        batches = self.run_now(self.store.scan(ROOT, 1))
        self.assertEqual([name for name, _ in self.run_now(anext(batches))], ["file"])
        self.refused(anext(batches), StopAsyncIteration)


class ExchangeTests(LocalStoreTestCase):
    """A directory and a link that change places all the time let nobody out."""

    def exchange(self, stop: threading.Event) -> None:
        """Let ``door`` be a directory, then a link out of the root, and so on."""
        inside, door, out = (self.root / name for name in ("inside", "door", "out"))
        out.symlink_to(self.base / "outside")
        inside.mkdir()
        (inside / "file").write_bytes(b"inside")
        while not stop.is_set():
            os.rename(inside, door)
            os.rename(door, inside)
            os.rename(out, door)
            os.rename(door, out)

    def one_round(self, store: PathIO, path: VirtualPath, number: int) -> None:
        """Read, write, make, remove and list where nobody knows what is there."""

        async def everything() -> None:
            file = await store.open(path, "rb")
            self.seen.add(await file.read(6))
            await file.close()
            file = await store.open(path, ("wb", "ab", "r+b")[number % 3])
            await file.write(b"inside")
            await file.close()
            await store.list(path.parent)
            await store.chmod(path, 0o600)
            await store.set_modified(path, 1.0)
            await store.rename(path, path.parent.child("new"))
            await store.rename(path.parent.child("new"), path)
            await store.unlink(path.parent.child("secret"))

        # Every round ends early: where the door was closed, or at the file that is outside only.
        ensureDeferred(everything()).addErrback(lambda failure: failure.trap(PathError))

    def test_nothing_outside_is_read_or_changed(self) -> None:
        """Whatever the moment, found by the kernel or by the walk."""
        self.seen: set[bytes] = set()
        outside = self.base / "outside"
        outside.mkdir()
        for name in ("file", "secret"):
            (outside / name).write_bytes(b"outside")
        before = [(one.name, one.read_bytes(), one.stat().st_mtime, one.stat().st_mode) for one in outside.iterdir()]
        stop = threading.Event()
        thread = threading.Thread(target=self.exchange, args=(stop,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        for store in (self.make_store(), self.make_store(walk=True)):
            for number in range(ROUNDS):
                self.one_round(store, resolve("/door/file"), number)
        self.assertLessEqual(self.seen, {b"inside"})
        after = [(one.name, one.read_bytes(), one.stat().st_mtime, one.stat().st_mode) for one in outside.iterdir()]
        self.assertEqual(after, before)


class Gate:
    """A door in a system call that a test opens."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def pass_through(self) -> None:
        """Wait, in a thread, until the test opens the gate."""
        self.reached.set()
        self.opened.wait(60)


class ThreadTests(TestCase):
    """Calls that are given up while they are in a thread leave nothing open and nothing half done."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.gate = Gate()
        self.threads = StorageThreads(reactor, 4)
        self.addCleanup(lambda: ensureDeferred(self.threads.stop()))
        self.addCleanup(self.gate.opened.set)

    def gated(self, name: str, kind: type[Any]) -> None:
        """Let a method wait at the gate, after it has done its work."""
        original = getattr(kind, name)
        gate = self.gate

        def waiting(*arguments: Any, **keywords: Any) -> Any:
            result = original(*arguments, **keywords)
            gate.pass_through()
            return result

        self.patch(kind, name, waiting)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, turn by turn of the reactor, for what a thread brings about."""
        while not condition():
            turn: Deferred[None] = Deferred()
            self.reactor.callLater(0, turn.callback, None)
            await turn

    async def give_up(self, deferred: Deferred[Any]) -> None:
        """Cancel a call that is in a thread, and let it end there."""
        await self.until(self.gate.reached.is_set)
        deferred.cancel()
        with self.assertRaises(CancelledError):
            await deferred
        self.gate.opened.set()
        await self.until(lambda: self.threads.running == 0)

    async def test_a_call_that_is_given_up_leaves_nothing_open(self) -> None:
        """What it finds or opens afterwards is let go."""
        (self.root / "file").touch()
        (self.root / "link").symlink_to("file")
        store = PathIO.at(self.root, threads=self.threads)
        await store.stat(ROOT)
        before = open_descriptors()
        self.gated("locate", Root)
        for path in ("/file", "/link"):
            for call in (store.stat, store.list, lambda path: store.open(path, "rb"), lambda path: store.scan(path, 5)):
                self.gate.reached.clear()
                self.gate.opened.clear()
                await self.give_up(ensureDeferred(call(resolve(path))))
                self.assertEqual(open_descriptors(), before)
        await store.close()

    async def test_an_upload_that_is_opened_too_late_is_aborted(self) -> None:
        """No hidden name and no lock is left of it."""
        store = PathIO.at(self.root, threads=self.threads)
        await store.stat(ROOT)
        before = open_descriptors()
        self.gated("new", FileOpener)
        await self.give_up(ensureDeferred(store.open(resolve("/file"), "wb")))
        self.assertEqual(open_descriptors(), before)
        self.assertEqual(os.listdir(self.root), [])
        await store.close()

    async def test_a_directory_that_is_opened_too_late_is_closed(self) -> None:
        """Also while its first batch is read."""
        (self.root / "file").touch()
        store = PathIO.at(self.root, threads=self.threads)
        await store.stat(ROOT)
        before = open_descriptors()
        batches = await store.scan(ROOT, 5)
        self.gated("next_entries", LocalDirectory)
        await self.give_up(ensureDeferred(anext(batches)))
        self.assertEqual(open_descriptors(), before)
        await store.close()

    async def test_the_root_is_closed_when_its_last_call_is_done(self) -> None:
        """A login that ends while a call hangs closes nothing under it."""

        gate = self.gate

        class Slow(FailingSystem):
            def read(self, descriptor: int, amount: int, offset: int) -> bytes:
                gate.pass_through()
                return super().read(descriptor, amount, offset)

        (self.root / "file").write_bytes(b"content")
        before = open_descriptors()
        store = PathIO.at(self.root, threads=self.threads, system=Slow())
        file = await store.open(resolve("/file"), "rb")
        reading = ensureDeferred(file.read(100))
        await self.until(self.gate.reached.is_set)
        closing = ensureDeferred(file.close())
        await store.close()
        self.gate.opened.set()
        self.assertEqual(await reading, b"content")
        await closing
        await self.until(lambda: self.threads.running == 0)
        self.assertEqual(open_descriptors(), before)
