# -*- test-case-name: tests.test_path_io_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of a store: links, listings in batches, and asking back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from itertools import product
from typing import Any

from zope.interface.verify import verifyObject

from ..core.paths import ROOT, VirtualPath, resolve
from ..core.status import Entry, is_directory
from ..errors import NoSuchPath, NotADirectory, PathError, PathExists, PermissionDenied
from ..interfaces import IAsksBack, IBatchListing, IFile, INameListing, IPathIO, IReachedPath, IRealFile
from .path_io_base import PathIOAsking

__all__ = ["LinkTests"]

_MODES = ("rb", "wb", "ab", "r+b")
_SECRET = b"nobody reads or changes this"


class LinkTests(PathIOAsking):
    """Tests of links and of the optional powers; part of :class:`~ftpserver.testing.PathIOContract`."""

    async def test_the_interfaces_are_provided(self) -> None:
        """A store and its files have every method with the arguments that are written there."""
        store = await self._store()
        await self._write(store, "/file")
        file = await self._answer(store.open(resolve("/file"), "rb"))
        verifyObject(IPathIO, store)
        verifyObject(IFile, file)
        for interface, provider in (
            (IBatchListing, store),
            (IAsksBack, store),
            (IReachedPath, file),
            (IRealFile, file),
        ):
            if interface.providedBy(provider):
                verifyObject(interface, provider)
        await self._answer(file.close())

    # Links.

    async def _store_with_links(self) -> Any:
        self._needs(self.supports_links, "has no links")
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        await self._write(store, "/directory/file")
        for link, target in (
            ("/to-file", "directory/file"),
            ("/to-directory", "/directory"),
            ("/chain", "to-directory/../to-file"),
            ("/dangling", "nothing"),
            ("/loop", "loop"),
        ):
            self.make_link(resolve(link), target)
        return store

    async def test_links_inside_are_followed(self) -> None:
        """A link is what it leads to: relative, from the root, and through others."""
        store = await self._store_with_links()
        for path in ("/to-file", "/to-directory/file", "/chain"):
            await self._assert_content(store, path, b"content")
        await self._assert_names(store, "/to-directory", ["file"])
        self.assertTrue(is_directory(await self._answer(store.stat(resolve("/to-directory")))))

    async def test_files_are_written_where_a_link_leads(self) -> None:
        """An upload to a link changes what it leads to, and the link stays."""
        store = await self._store_with_links()
        for mode in ("wb", "ab"):
            await self._write(store, "/to-file", b"new", mode=mode)
        await self._assert_content(store, "/directory/file", b"newnew")
        await self._write(store, "/to-directory/new", b"new")
        await self._assert_names(store, "/directory", ["file", "new"])
        await self._answer(store.unlink(resolve("/directory/file")))
        await self._refused(store.stat(resolve("/to-file")), NoSuchPath, "the link still leads there")

    async def test_a_link_that_leads_nowhere_makes_nothing(self) -> None:
        """Nothing is found or made through a dangling link or a loop."""
        store = await self._store_with_links()
        for link in ("/dangling", "/loop"):
            path = resolve(link)
            await self._refused(store.stat(path), NoSuchPath, link)
            for mode in _MODES:
                await self._refused(store.open(path, mode), NoSuchPath, f"{link} {mode}")
            await self._refused(store.open(path, "xb"), PathExists, link)
            await self._refused(store.mkdir(path), PathExists, link)
        self.assertFalse(await self._exists(store, "/nothing"))

    async def test_unlink_and_rename_take_the_link_itself(self) -> None:
        """What a link leads to stays when the link goes or gets another name."""
        store = await self._store_with_links()
        await self._answer(store.rename(resolve("/to-file"), resolve("/renamed")))
        await self._assert_content(store, "/renamed", b"content")
        await self._answer(store.unlink(resolve("/renamed")))
        await self._answer(store.unlink(resolve("/dangling")))
        await self._answer(store.unlink(resolve("/to-directory")))
        await self._refused(store.rmdir(resolve("/chain")), NotADirectory)
        await self._assert_content(store, "/directory/file", b"content")
        await self._assert_names(store, "/", ["chain", "directory", "loop"])

    async def test_nothing_leads_out_of_the_root(self) -> None:
        """What is outside is not found, read, listed or changed through links, however they are written."""
        self._needs(self.supports_links, "has no links")
        store = await self._store()
        outside = self.make_outside(_SECRET)
        directory, _, name = outside.rpartition("/")
        self.make_link(resolve("/file"), outside)
        self.make_link(resolve("/directory"), directory)
        self.make_link(resolve("/up"), "../" * 64 + outside.lstrip("/"))
        for link in ("/file", f"/directory/{name}", "/up"):
            for what, call in _every_call(store, resolve(link)):
                await self._refused(call(), PathError, f"{what} {link}")
        await self._refused(store.list(resolve("/directory")), PathError)
        await self._refused(store.open(resolve("/directory/new"), "wb"), PathError)
        await self._refused(store.unlink(resolve(f"/directory/{name}")), PathError)
        await self._refused(store.mkdir(resolve("/directory/new")), PathError)
        self.assertEqual(self.read_outside(outside), _SECRET)

    async def test_an_open_file_tells_where_it_is(self) -> None:
        """The path of an open file is the one that was really reached."""
        store = await self._store_with_links()
        for mode in _MODES:
            file = await self._answer(store.open(resolve("/chain"), mode))
            await self._answer(file.abort())
            self._needs(IReachedPath.providedBy(file), "does not tell the paths of its files")
            self.assertEqual(file.virtual_path, resolve("/directory/file"), mode)
        file = await self._answer(store.open(resolve("/to-directory/new"), "xb"))
        self.assertEqual(file.virtual_path, resolve("/directory/new"))
        await self._answer(file.abort())

    # Asking back.

    async def test_nobody_is_asked_where_no_link_leads_elsewhere(self) -> None:
        """Paths that are what they seem cost no question."""
        store = await self._store_with_links()
        view, asked = self._asking(store, refuses=True)
        await self._assert_content(view, "/directory/file", b"content")
        await self._write(view, "/directory/new")
        await self._answer(view.rename(resolve("/directory/new"), resolve("/directory/newer")))
        await self._answer(view.unlink(resolve("/to-file")))
        self.assertEqual(asked, [])

    async def test_each_call_asks_before_it_acts_elsewhere(self) -> None:
        """Where a link leads elsewhere, the place is told, and a refusal ends the call with nothing done."""
        store = await self._store_with_links()
        view, asked = self._asking(store, refuses=True)
        for what, call in _every_call(view, resolve("/to-file")):
            del asked[:]
            await self._refused(call(), PermissionDenied, what)
            self.assertEqual(asked, [resolve("/directory/file")], what)
        for what, call in _every_change_below(view, resolve("/to-directory")):
            await self._refused(call(), PermissionDenied, what)
        await self._assert_content(store, "/directory/file", b"content")
        await self._assert_names(store, "/directory", ["file"])

    async def test_what_is_approved_is_done(self) -> None:
        """Where the place is approved, each call does what it would do without a link."""
        store = await self._store_with_links()
        view, asked = self._asking(store, refuses=False)
        await self._write(view, "/to-directory/new", b"new")
        await self._answer(view.mkdir(resolve("/to-directory/made")))
        await self._answer(view.rename(resolve("/to-directory/new"), resolve("/to-directory/newer")))
        await self._assert_content(view, "/to-directory/newer", b"new")
        await self._assert_names(store, "/directory", ["file", "made", "newer"])
        self.assertIn(resolve("/directory/new"), asked)

    def _asking(self, store: Any, *, refuses: bool) -> tuple[Any, list[VirtualPath]]:
        self._needs(IAsksBack.providedBy(store), "does not ask back")
        asked: list[VirtualPath] = []

        async def approve(reached: VirtualPath) -> None:
            asked.append(reached)
            if refuses:
                raise PermissionDenied(str(reached))

        view = store.asking(approve)
        verifyObject(IPathIO, view)
        return view, asked

    # Listings in batches.

    async def _scan(self, store: Any, path: VirtualPath, amount: int) -> list[Entry]:
        entries: list[Entry] = await self._all_of(await self._answer(store.scan(path, amount)), amount)
        if INameListing.providedBy(store):
            names: list[str] = await self._all_of(await self._answer(store.scan_names(path, amount)), amount)
            self.assertEqual(sorted(names), sorted(name for name, _ in entries), "names alone")
        return entries

    async def _all_of(self, batches: AsyncGenerator[Sequence[Any], None], amount: int) -> list[Any]:
        everything: list[Any] = []
        try:
            while True:
                batch = await self._answer(anext(batches))
                self.assertLessEqual(len(batch), amount, "entries in a batch")
                everything.extend(batch)
        except StopAsyncIteration:
            return everything
        finally:
            await self._answer(batches.aclose())

    async def _store_with_batches(self) -> Any:
        store = await self._store()
        self._needs(IBatchListing.providedBy(store), "does not list in batches")
        for number in range(5):
            await self._write(store, f"/{number}", bytes(number))
        await self._answer(store.mkdir(resolve("/directory")))
        return store

    async def test_batches_hold_every_entry_once(self) -> None:
        """All batches together are the directory, with the stat values of each entry."""
        store = await self._store_with_batches()
        for amount in (1, 2, 6, 100):
            entries = await self._scan(store, ROOT, amount)
            self.assertEqual(sorted(name for name, _ in entries), ["0", "1", "2", "3", "4", "directory"], amount)
            for name, status in entries:
                self.assertEqual(is_directory(status), name == "directory")
                if name != "directory":
                    self.assertEqual(status.st_size, int(name))
        self.assertEqual(await self._scan(store, resolve("/directory"), 10), [])

    async def test_only_directories_are_scanned(self) -> None:
        """A file or nothing is refused before anything is listed."""
        store = await self._store_with_batches()
        for scan in _scans(store):
            await self._refused(scan(resolve("/0"), 10), NotADirectory)
            await self._refused(scan(resolve("/missing"), 10), NoSuchPath)

    async def test_a_scan_may_be_left(self) -> None:
        """A listing is ended before its first batch, or after it, and the directory can be removed then."""
        store = await self._store_with_batches()
        for scan, begins in product(_scans(store), (False, True)):
            batches = await self._answer(scan(ROOT, 2))
            if begins:
                await self._answer(anext(batches))
            await self._answer(batches.aclose())
        await self._answer(store.rmdir(resolve("/directory")))

    async def test_scanned_links_are_what_they_lead_to(self) -> None:
        """A link is listed with what it leads to, and left out where that is nothing or outside."""
        store = await self._store_with_links()
        self._needs(IBatchListing.providedBy(store), "does not list in batches")
        self.make_link(resolve("/out"), self.make_outside(_SECRET))
        entries = dict(await self._scan(store, ROOT, 3))
        self.assertEqual(sorted(entries), ["chain", "directory", "to-directory", "to-file"])
        self.assertTrue(is_directory(entries["to-directory"]))
        self.assertEqual(entries["chain"].st_size, len(b"content"))

    async def test_refused_links_are_not_scanned(self) -> None:
        """A link to a place that is not approved is left out of a listing."""
        store = await self._store_with_links()
        self._needs(IBatchListing.providedBy(store), "does not list in batches")
        view, _ = self._asking(store, refuses=True)
        self.assertEqual([name for name, _ in await self._scan(view, ROOT, 3)], ["directory"])
        for scan in _scans(view):
            await self._refused(scan(resolve("/to-directory"), 3), PermissionDenied)


Call = Callable[[], Awaitable[object]]


def _scans(store: Any) -> list[Callable[[VirtualPath, int], Awaitable[Any]]]:
    """Return the calls that list a directory in batches."""
    return [store.scan, store.scan_names] if INameListing.providedBy(store) else [store.scan]


def _every_call(store: Any, path: VirtualPath) -> list[tuple[str, Call]]:
    """Return every call that follows a link at the end of a path."""
    calls: list[tuple[str, Call]] = [
        ("stat", lambda: store.stat(path)),
        ("list", lambda: store.list(path)),
        ("set_modified", lambda: store.set_modified(path, 1.0)),
        ("chmod", lambda: store.chmod(path, 0o777)),
    ]
    return [*calls, *(_open_call(store, path, mode) for mode in _MODES)]


def _open_call(store: Any, path: VirtualPath, mode: str) -> tuple[str, Call]:
    return f"open {mode}", lambda: store.open(path, mode)


def _every_change_below(store: Any, directory: VirtualPath) -> list[tuple[str, Call]]:
    """Return calls that would change something in a directory that a link leads to."""
    file, new = directory.child("file"), directory.child("new")
    return [
        ("unlink", lambda: store.unlink(file)),
        ("mkdir", lambda: store.mkdir(new)),
        ("rmdir", lambda: store.rmdir(file)),
        ("rename from", lambda: store.rename(file, resolve("/new"))),
        ("rename to", lambda: store.rename(resolve("/dangling"), new)),
        ("open xb", lambda: store.open(new, "xb")),
        ("open wb", lambda: store.open(new, "wb")),
        ("open ab", lambda: store.open(new, "ab")),
    ]
