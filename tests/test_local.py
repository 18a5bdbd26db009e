# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.local`; what every store does is tested in :mod:`tests.test_path_io_contract`.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface.verify import verifyObject

from ftpserver.core.paths import ROOT, VirtualPath, resolve
from ftpserver.core.uploads import UploadPolicy
from ftpserver.core.users import Permission, User
from ftpserver.errors import NoSuchPath, PathError, PermissionDenied, StorageFailure
from ftpserver.interfaces import IAsksBack, IBatchListing, IPathIO
from ftpserver.pathio import confined, procfs, roots
from ftpserver.pathio.confined import Root
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_directory import LocalDirectory
from ftpserver.pathio.mount_table import MountTable
from ftpserver.pathio.mounts import Mounts
from ftpserver.pathio.opening import FileOpener
from ftpserver.pathio.roots import Roots
from ftpserver.pathio.threads import StorageThreads
from tests.local_store import LOCAL_DISK, FailingSystem, FixedTable, FoldingRoot, LocalStoreTestCase, open_descriptors

#: Rounds in which somebody exchanges a directory and a link while files are asked for.
ROUNDS = 500


class Server:
    """What a store asks of a server."""

    def __init__(self, table: MountTable | None = None) -> None:
        self.roots = Roots(Mounts("inline", table))


class Connection:
    """What a store asks of a session."""

    uploads = UploadPolicy()
    storage_threads = None

    def __init__(self, user: User, table: MountTable | None = None) -> None:
        self.user = user
        self.server = Server(table)


class PathIOTests(LocalStoreTestCase):
    """The store of a login."""

    def test_the_interfaces_are_provided(self) -> None:
        """It lists in batches and asks back."""
        for interface in (IPathIO, IBatchListing, IAsksBack):
            verifyObject(interface, self.store)

    def test_a_login_has_the_root_of_its_user(self) -> None:
        """The base path of the account is what the session sees as ``/``."""

        (self.root / "file").write_bytes(b"content")
        store = PathIO(Connection(User("alice", base_path=self.root)))
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
        names = self.run_now(self.store.scan_names(ROOT, 1))
        self.assertEqual(self.run_now(anext(names)), ["file"])
        self.refused(anext(names), StopAsyncIteration)


class SpellingTests(LocalStoreTestCase):
    """A rule for a path holds for every spelling by which its directory is found."""

    def setUp(self) -> None:
        super().setUp()
        self.user = User("alice", base_path=self.root, permissions=[Permission("/")])
        self.table = FixedTable()
        self.asked: list[str] = []
        (self.root / "secret").mkdir()
        (self.root / "secret" / "file").write_bytes(b"content")

    def logged_in(self) -> PathIO:
        """Return the store of a login that notes what it is asked for, and refuses the secret."""

        async def approve(reached: VirtualPath) -> None:
            self.asked.append(str(reached))
            if not (await self.user.get_permissions(reached)).readable:
                raise PermissionDenied(str(reached))

        store = PathIO(Connection(self.user, self.table)).asking(approve)
        self.addCleanup(lambda: self.run_now(store.close()))
        return store

    def everything(self, store: PathIO) -> list[Awaitable[object]]:
        """Return calls that name what is in the secret directory, which fold case and change nothing."""
        file, other = resolve("/Secret/file"), resolve("/SECRET/new")
        return [
            store.stat(file),
            store.list(resolve("/SECRET")),
            store.open(file, "rb"),
            *(store.open(file, mode) for mode in ("wb", "ab", "r+b")),
            store.open(other, "xb"),
            store.mkdir(other),
            store.unlink(file),
            store.rmdir(other),
            store.rename(file, other),
            store.rename(other, resolve("/new")),
            store.set_modified(file, 1.0),
            store.chmod(file, 0o600),
            store.scan(resolve("/SECRET"), 5),
        ]

    def test_a_rule_below_the_root_is_asked_whatever_the_spelling(self) -> None:
        """No call gets around it, and nothing is changed or left open."""
        self.patch(roots, "Root", FoldingRoot)
        self.user.permissions.append(Permission("/secret", readable=False))
        store = self.logged_in()
        self.run_now(store.stat(ROOT))
        before = open_descriptors()
        for number, call in enumerate(self.everything(store)):
            self.refused(call, PermissionDenied)
            self.assertEqual(len(self.asked), number + 1)
        self.assertEqual({path.split("/")[1] for path in self.asked}, {"secret"})
        self.assertEqual(os.listdir(self.root / "secret"), ["file"])
        self.assertEqual(open_descriptors(), before)

    def test_a_rule_that_comes_later_is_asked_too(self) -> None:
        """An account that had none may get one while it is logged in."""
        self.patch(roots, "Root", FoldingRoot)
        store = self.logged_in()
        path = resolve("/SECRET")
        self.run_now(store.stat(path))
        self.user.permissions.append(Permission("/secret", readable=False))
        self.refused(store.stat(path), PermissionDenied)
        self.assertEqual(self.asked, ["/secret"])

    def test_the_path_is_read_only_where_a_rule_could_be_missed(self) -> None:
        """For an account whose permissions are the same everywhere, and on an exact file system, it is not."""
        places: list[int] = []

        def place_of(descriptor: int) -> str:
            places.append(descriptor)
            return procfs.place_of(descriptor)

        self.patch(confined, "place_of", place_of)
        for kind, rules, reads in (
            ("ext4", [], False),
            ("ext4", [Permission("/other")], True),
            ("btrfs", [Permission("/other")], False),
            ("vfat", [], True),
        ):
            self.table.entry = replace(LOCAL_DISK, kind=kind)
            self.user.permissions[1:] = rules
            store = self.logged_in()
            self.run_now(store.stat(ROOT))
            places.clear()
            self.run_now(store.stat(resolve("/secret/file")))
            self.upload("/secret/file", store=store)
            self.assertEqual(bool(places), reads, f"{kind} {rules}")

    def test_a_real_directory_that_folds_case(self) -> None:
        """Below a root that does not, on a file system that keeps the names of its entries."""
        mounted = self.base / "folding"
        mounted.mkdir()
        _run("mount", "-t", "tmpfs", "-o", "casefold,size=1m", "tmpfs", str(mounted))
        self.addCleanup(subprocess.run, ["umount", "-l", str(mounted)], check=True)
        (mounted / "below").mkdir()
        _run("chattr", "+F", str(mounted / "below"))
        (mounted / "below" / "secret").mkdir()
        self.table.entry = replace(LOCAL_DISK, kind="tmpfs")
        self.user.base_path = mounted
        self.run_now(self.logged_in().stat(resolve("/below/SECRET")))
        self.assertEqual(self.asked, [])
        self.user.permissions.append(Permission("/below/secret", readable=False))
        self.refused(self.logged_in().stat(resolve("/below/SECRET")), PermissionDenied)
        self.assertEqual(self.asked, ["/below/secret"])


def _run(*command: str) -> None:
    """Do what not every machine lets a test do."""
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise SkipTest(f"does not apply: no directory that folds case can be made here: {error}") from None


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
        self.gated("find", Root)
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
