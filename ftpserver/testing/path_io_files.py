# -*- test-case-name: tests.test_path_io_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of a store: what is read and written.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ..awaiting import as_deferred
from ..core.paths import ROOT, resolve
from ..core.status import is_regular_file
from ..errors import NoSuchPath, NotAFile, PathError, PathExists, RestartBeyondEnd
from ..interfaces import IRealFile
from .path_io_base import MISSING, PIECE, PathIOAsking

__all__ = ["FileTests"]

_WRITING = ("wb", "ab", "r+b")
_OCTETS = bytes(range(256))


class FileTests(PathIOAsking):
    """Tests of open files; part of :class:`~ftpserver.testing.PathIOContract`."""

    async def _open(self, store: Any, path: str, mode: str) -> Any:
        return await self._answer(store.open(resolve(path), mode))

    # Reading.

    async def test_what_was_written_is_read(self) -> None:
        """Every octet comes back, from files of every size."""
        store = await self._store()
        for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 300_001):
            content = (_OCTETS * (size // 256 + 1))[:size]
            await self._write(store, "/file", content)
            self.assertTrue(await self._read(store, "/file") == content, f"{size} octets")
            status = await self._answer(store.stat(resolve("/file")))
            self.assertEqual(status.st_size, size)

    async def test_reading_ends_at_the_end(self) -> None:
        """No octets mean the end, now and when asked again; before it there is at least one."""
        store = await self._store()
        await self._write(store, "/file", _OCTETS)
        file = await self._open(store, "/file", "rb")
        left = len(_OCTETS)
        while left:
            piece = await self._answer(file.read(100))
            self.assertTrue(1 <= len(piece) <= min(100, left), f"{len(piece)} octets where {left} are left")
            left -= len(piece)
        self.assertEqual(await self._answer(file.read(100)), b"")
        self.assertEqual(await self._answer(file.read(100)), b"")
        await self._answer(file.close())

    async def test_reading_starts_where_it_is_told(self) -> None:
        """After a seek comes what is there, up to the very end."""
        store = await self._store()
        await self._write(store, "/file", _OCTETS)
        for offset in (0, 1, 100, 255, 256):
            file = await self._open(store, "/file", "rb")
            await self._answer(file.seek(offset))
            self.assertEqual(await self._read_open(file), _OCTETS[offset:], f"from {offset}")
            await self._answer(file.close())

    async def test_reading_beyond_the_end_is_refused(self) -> None:
        """A restart behind the last octet is an error, not an empty file."""
        store = await self._store()
        await self._write(store, "/file", _OCTETS)
        file = await self._open(store, "/file", "rb")
        await self._refused(file.seek(257), RestartBeyondEnd)
        await self._answer(file.close())

    async def test_two_readers_do_not_disturb_each_other(self) -> None:
        """Each open file has its own offset."""
        store = await self._store()
        await self._write(store, "/file", _OCTETS)
        one, other = await self._open(store, "/file", "rb"), await self._open(store, "/file", "rb")
        await self._answer(one.seek(128))
        self.assertEqual(await self._read_open(other), _OCTETS)
        self.assertEqual(await self._read_open(one), _OCTETS[128:])
        for file in (one, other):
            await self._answer(file.close())

    async def test_an_open_file_has_a_stat(self) -> None:
        """The size of an open file is known before anything is read."""
        store = await self._store()
        await self._write(store, "/file", b"12345")
        file = await self._open(store, "/file", "rb")
        status = await self._answer(file.stat())
        self.assertEqual(status.st_size, 5)
        self.assertTrue(is_regular_file(status))
        await self._answer(file.close())

    async def test_a_read_file_stays_as_it_is(self) -> None:
        """Aborting a download keeps no part and changes nothing."""
        store = await self._store()
        await self._write(store, "/file")
        file = await self._open(store, "/file", "rb")
        await self._answer(file.read(3))
        self.assertFalse(await self._answer(file.abort()))
        await self._assert_content(store, "/file", b"content")

    # Writing.

    async def test_pieces_are_written_in_order(self) -> None:
        """An upload is all of its pieces, whatever their sizes, and the buffer may be used again after each."""
        store = await self._store()
        buffer = bytearray(70_000)
        expected = bytearray()
        file = await self._open(store, "/file", "wb")
        for number, size in enumerate((1, 70_000, 3, 4096, 65_537, 0, 2)):
            buffer[:size] = bytes([number + 1]) * size
            expected += buffer[:size]
            await self._answer(file.write(memoryview(buffer)[:size]))
        await self._answer(file.close())
        self.assertTrue(await self._read(store, "/file") == bytes(expected), "the pieces in their order")

    async def test_wb_replaces_all_of_an_old_file(self) -> None:
        """Nothing of a longer old file is left, even when nothing was written."""
        store = await self._store()
        for content in (b"short", b""):
            await self._write(store, "/file", b"a long old content")
            await self._write(store, "/file", content)
            await self._assert_content(store, "/file", content)
        await self._assert_names(store, "/", ["file"])

    async def test_xb_makes_new_names_only(self) -> None:
        """A new name is made; a taken one is refused and stays what it was."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        await self._write(store, "/file", b"first", mode="xb")
        for path in ("/file", "/directory"):
            await self._refused(store.open(resolve(path), "xb"), PathExists, path)
        await self._refused(store.open(resolve("/file"), "xb", create=False), PathExists)
        await self._assert_content(store, "/file", b"first")
        await self._assert_names(store, "/directory", [])

    async def test_xb_loses_a_race(self) -> None:
        """A name that was taken while the upload went on stays with who was faster."""
        store = await self._store()
        file = await self._open(store, "/file", "xb")
        await self._answer(file.write(b"slower"))
        if await self._exists(store, "/file"):
            await self._refused(store.open(resolve("/file"), "xb"), PathExists)
            await self._answer(file.close())
            await self._assert_content(store, "/file", b"slower")
        else:
            await self._write(store, "/file", b"faster", mode="xb")
            await self._refused(file.close(), PathExists)
            await self._assert_content(store, "/file", b"faster")
        await self._assert_names(store, "/", ["file"])

    async def test_ab_writes_at_the_end(self) -> None:
        """Appending keeps what was there, wherever the offset is; a new file is made."""
        store = await self._store()
        await self._write(store, "/file", b"head", mode="ab")
        file = await self._open(store, "/file", "ab")
        await self._answer(file.seek(0))
        for piece in (b" and", b" tail"):
            await self._answer(file.write(piece))
        await self._answer(file.close())
        await self._assert_content(store, "/file", b"head and tail")

    async def test_r_plus_b_writes_in_place(self) -> None:
        """What is before and behind the written octets stays; a new file is made."""
        store = await self._store()
        await self._write(store, "/file", b"0123456789")
        file = await self._open(store, "/file", "r+b")
        await self._answer(file.seek(3))
        await self._answer(file.write(b"ab"))
        await self._answer(file.write(b"c"))
        await self._answer(file.close())
        await self._assert_content(store, "/file", b"012abc6789")
        await self._write(store, "/new", b"new", mode="r+b")
        await self._assert_content(store, "/new", b"new")

    async def test_a_seek_alone_changes_nothing(self) -> None:
        """No gap is written before there is something behind it."""
        store = await self._store()
        await self._write(store, "/file")
        file = await self._open(store, "/file", "r+b")
        await self._answer(file.seek(1000))
        await self._answer(file.close())
        await self._assert_content(store, "/file", b"content")

    async def test_nothing_is_created_unasked(self) -> None:
        """Without ``create`` a missing file stays missing, and an old one is opened all the same."""
        store = await self._store()
        await self._write(store, "/old")
        for mode in _WRITING:
            await self._refused(store.open(resolve("/new"), mode, create=False), NoSuchPath, mode)
            file = await self._answer(store.open(resolve("/old"), mode, create=False))
            await self._answer(file.abort())
        await self._refused(store.open(resolve("/new"), "rb"), NoSuchPath)
        await self._assert_names(store, "/", ["old"])

    async def test_a_file_needs_its_parent(self) -> None:
        """Nothing is made below what is missing or a file."""
        store = await self._store()
        await self._write(store, "/file")
        for mode in ("rb", "xb", *_WRITING):
            await self._refused(store.open(resolve("/missing/new"), mode), NoSuchPath, mode)
            await self._refused(store.open(resolve("/file/new"), mode), MISSING, mode)
        await self._assert_names(store, "/", ["file"])

    async def test_a_directory_is_no_file(self) -> None:
        """A directory, the root too, is opened in no mode."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        for mode in ("rb", *_WRITING):
            await self._refused(store.open(resolve("/directory"), mode), NotAFile, mode)
            await self._refused(store.open(ROOT, mode), PathError, f"the root, {mode}")
        await self._assert_names(store, "/directory", [])

    async def test_a_fifo_is_no_file(self) -> None:
        """A FIFO is refused at once in every mode, and nobody waits for its other end."""
        self._needs(self.supports_fifos, "has no FIFOs")
        store = await self._store()
        self.make_fifo(resolve("/fifo"))
        for mode in ("rb", *_WRITING):
            await self._refused(store.open(resolve("/fifo"), mode), NotAFile, mode)
        await self._refused(store.open(resolve("/fifo"), "xb"), (NotAFile, PathExists), "xb")

    # The end.

    async def test_the_end_comes_once(self) -> None:
        """A second close, a close after abort and an abort after close do nothing."""
        store = await self._store()
        file = await self._open(store, "/closed", "wb")
        await self._answer(file.write(b"whole"))
        await self._answer(file.close())
        await self._answer(file.close())
        self.assertFalse(await self._answer(file.abort()))
        await self._assert_content(store, "/closed", b"whole")
        file = await self._open(store, "/aborted", "wb")
        await self._answer(file.abort())
        await self._answer(file.close())
        self.assertFalse(await self._answer(file.abort()))
        await self._assert_names(store, "/", ["closed"])

    async def test_a_block_closes_or_aborts(self) -> None:
        """Leaving the block ends the file well; an exception aborts it and passes."""
        store = await self._store()
        await self._answer(self._write_in_block(store, "/old"))
        await self._assert_content(store, "/old", b"whole")
        with self.assertRaises(ZeroDivisionError):
            await self._answer(self._fail_in_block(store, "/new"))
        await self._assert_names(store, "/", ["old"])

    async def _write_in_block(self, store: Any, path: str) -> None:
        async with await store.open(resolve(path), "wb") as file:
            await file.write(b"whole")

    async def _fail_in_block(self, store: Any, path: str) -> None:
        async with await store.open(resolve(path), "xb"):
            raise ZeroDivisionError

    async def test_a_cut_upload_leaves_what_it_should(self) -> None:
        """A part of a new file is kept, or removed, and the answer says which."""
        store = await self._store()
        for mode in ("wb", "xb", "ab", "r+b"):
            file = await self._open(store, "/file", mode)
            await self._answer(file.write(b"a part"))
            is_kept = await self._answer(file.abort())
            self.assertEqual(bool(is_kept), self.partial == "keep", mode)
            await self._assert_names(store, "/", ["file"] if is_kept else [], mode)
            if is_kept:
                await self._assert_content(store, "/file", b"a part", mode)
                await self._answer(store.unlink(resolve("/file")))

    async def test_an_upload_cut_before_its_first_octet_leaves_nothing(self) -> None:
        """No empty file stays where nothing came."""
        store = await self._store()
        for mode in ("wb", "xb", "ab", "r+b"):
            file = await self._open(store, "/file", mode)
            self.assertFalse(await self._answer(file.abort()), mode)
            await self._assert_names(store, "/", [], mode)

    async def test_a_cut_append_keeps_what_was_there(self) -> None:
        """What the file had before an append or a restart stays."""
        store = await self._store()
        for mode, offset in (("ab", 0), ("r+b", 7)):
            await self._write(store, "/file")
            file = await self._open(store, "/file", mode)
            await self._answer(file.seek(offset))
            await self._answer(file.write(b" more"))
            await self._answer(file.abort())
            content = await self._read(store, "/file")
            self.assertTrue(content.startswith(b"content"), f"{mode}: {content!r}")

    async def test_an_upload_appears_when_it_is_whole(self) -> None:
        """Until it is closed, an upload has no name, in no listing, and an old file is as it was."""
        self._needs(self.atomic, "writes uploads in place")
        store = await self._store()
        await self._write(store, "/old", b"old content")
        files = [await self._open(store, path, "wb") for path in ("/old", "/new")]
        for file in files:
            await self._answer(file.write(b"new content"))
        await self._assert_names(store, "/", ["old"])
        await self._assert_content(store, "/old", b"old content")
        for file in files:
            await self._answer(file.close())
        for path in ("/old", "/new"):
            await self._assert_content(store, path, b"new content")
        await self._assert_names(store, "/", ["new", "old"])

    async def test_a_cut_upload_replaces_nothing(self) -> None:
        """An old file is never replaced by a part."""
        self._needs(self.atomic, "writes uploads in place")
        store = await self._store()
        await self._write(store, "/file", b"old content")
        file = await self._open(store, "/file", "wb")
        await self._answer(file.write(b"a part"))
        self.assertFalse(await self._answer(file.abort()))
        await self._assert_content(store, "/file", b"old content")
        await self._assert_names(store, "/", ["file"])

    async def test_a_replaced_file_keeps_its_mode(self) -> None:
        """Who could not read the old file cannot read the new one."""
        self._needs(self.keeps_modes, "sets no modes")
        store = await self._store()
        await self._write(store, "/file")
        await self._answer(store.chmod(resolve("/file"), 0o600))
        await self._write(store, "/file", b"new")
        status = await self._answer(store.stat(resolve("/file")))
        self.assertEqual(status.st_mode & 0o777, 0o600)

    async def test_the_later_of_two_uploads_stays(self) -> None:
        """Two sessions that store under one new name disturb each other no more than that."""
        one, other = await self._store(), await self._store()
        files = [await self._open(store, "/file", "wb") for store in (one, other)]
        for file, content in zip(files, (b"first", b"later"), strict=True):
            await self._answer(file.write(content))
            await self._answer(file.close())
        await self._assert_content(one, "/file", b"later")
        await self._assert_names(other, "/", ["file"])

    # Waiting, and descriptors.

    async def test_a_cancelled_call_leaves_the_store_in_order(self) -> None:
        """Whoever gives up waiting is released, and the next call is answered as if nothing had been."""
        store = await self._store()
        await self._write(store, "/file")
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: store.stat(resolve("/file")),
            lambda: store.open(resolve("/file"), "rb"),
            lambda: store.list(ROOT),
        ]
        for call in calls:
            answer: Deferred[Any] = as_deferred(call())
            answer.cancel()
            try:
                outcome = await self._answer(answer)
            except CancelledError:
                continue
            if hasattr(outcome, "abort"):
                await self._answer(outcome.abort())
        await self._assert_content(store, "/file", b"content")

    async def test_a_real_file_is_read_by_its_descriptor(self) -> None:
        """The descriptor is that of the file, and what was moved through it is not read again."""
        store = await self._store()
        await self._write(store, "/file", _OCTETS)
        file = await self._open(store, "/file", "rb")
        self._needs(IRealFile.providedBy(file), "has no files of the operating system")
        await self._answer(file.seek(10))
        self.assertEqual(file.offset, 10)
        self.assertEqual(os.pread(file.fileno(), 5, file.offset), _OCTETS[10:15])
        file.advance(5)
        self.assertEqual(await self._read_open(file), _OCTETS[15:])
        await self._answer(file.close())

    async def test_a_real_file_is_written_by_its_descriptor(self) -> None:
        """What was moved through the descriptor is a part of the upload like any other."""
        store = await self._store()
        await self._write(store, "/file", b"a very long old content")
        file = await self._open(store, "/file", "wb")
        if not IRealFile.providedBy(file):
            await self._answer(file.abort())
        self._needs(IRealFile.providedBy(file), "has no files of the operating system")
        file.advance(os.pwrite(file.fileno(), b"moved", file.offset))
        await self._answer(file.write(b" and written"))
        await self._answer(file.close())
        await self._assert_content(store, "/file", b"moved and written")
        file = await self._open(store, "/new", "wb")
        file.advance(os.pwrite(file.fileno(), b"a part", file.offset))
        self.assertEqual(bool(await self._answer(file.abort())), self.partial == "keep")
