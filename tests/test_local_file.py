# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.local_file`: an upload is a success only when its data are where they belong.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from zope.interface.verify import verifyObject

from ftpserver.core.paths import resolve
from ftpserver.errors import (
    FileTooLarge,
    PathError,
    PathExists,
    QuotaExceeded,
    StorageFailure,
    StorageFull,
)
from ftpserver.interfaces import IFile, IReachedPath, IRealFile
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_file import LocalFile
from tests.local_store import FailingSystem, LocalStoreTestCase, open_descriptors

FAILURES: tuple[tuple[int, type[PathError]], ...] = (
    (errno.ENOSPC, StorageFull),
    (errno.EDQUOT, QuotaExceeded),
    (errno.EFBIG, FileTooLarge),
    (errno.EIO, StorageFailure),
)

POLICIES: tuple[dict[str, Any], ...] = tuple(
    {"atomic": atomic, "partial": partial, "fsync": "directory"}
    for atomic in (True, False)
    for partial in ("keep", "remove")
)


class LocalFileTestCase(LocalStoreTestCase):
    """Tests that open files."""

    def open(self, mode: Any = "wb", path: str = "/file", store: PathIO | None = None) -> LocalFile:
        """Return an open file."""
        return self.run_now((store or self.store).open(resolve(path), mode))

    def content(self, name: str = "file") -> bytes:
        """Return the real content of a file."""
        return (self.root / name).read_bytes()

    def stores(self) -> list[PathIO]:
        """Return a store for each policy, whose root is open."""
        stores = [self.make_store(policy=policy) for policy in POLICIES]
        for store in stores:
            self.run_now(store.stat(resolve("/")))
        return stores


class WriteTests(LocalFileTestCase):
    """Writing all of what is given."""

    def test_interfaces_are_provided(self) -> None:
        """A local file has a descriptor and knows its path."""
        self.upload("/file")
        file = self.open("rb")
        for interface in (IFile, IRealFile, IReachedPath):
            verifyObject(interface, file)
        self.run_now(file.close())

    def test_short_writes_are_continued(self) -> None:
        """A system that takes a few octets at a time gets them all, in place and at the end."""

        class Short(FailingSystem):
            def write(self, descriptor: int, data: memoryview, offset: int) -> int:
                return super().write(descriptor, data[:3], offset)

            def append(self, descriptor: int, data: memoryview) -> int:
                return super().append(descriptor, data[:2])

        store = self.make_store(system=Short())
        self.upload("/file", b"0123456789", store=store)
        self.upload("/file", b"abcdefg", mode="ab", store=store)
        self.assertEqual(self.content(), b"0123456789abcdefg")

    def test_a_system_that_takes_nothing_has_failed(self) -> None:
        """A write that writes nothing is an error, and not tried for ever."""

        class Nothing(FailingSystem):
            def write(self, descriptor: int, data: memoryview, offset: int) -> int:
                return 0

        file = self.open(store=self.make_store(system=Nothing()))
        self.refused(file.write(b"content"), StorageFailure)
        self.assertFalse(self.run_now(file.abort()))

    def test_appends_of_two_sessions_do_not_overwrite_each_other(self) -> None:
        """Every piece is at the end of its moment, whoever writes it."""
        one, other = self.open("ab"), self.open("ab")
        for file, piece in ((one, b"1"), (other, b"2"), (one, b"3"), (other, b"4")):
            self.run_now(file.write(piece))
        for file in (one, other):
            self.run_now(file.close())
        self.assertEqual(self.content(), b"1234")

    def test_an_append_starts_at_the_end(self) -> None:
        """The offset of a file that is appended to is where its next octet goes."""
        self.upload("/file", b"12345")
        file = self.open("ab")
        self.assertEqual(file.offset, 5)
        self.run_now(file.write(b"67"))
        self.assertEqual(file.offset, 7)
        self.run_now(file.close())

    def test_a_file_that_is_written_in_place_is_cut_behind_the_new_content(self) -> None:
        """Nothing of a longer old file stays, also when the octets were moved by the kernel."""
        for policy in ({"atomic": False}, {"atomic": True}):
            store = self.make_store(policy=policy)
            self.upload("/file", b"a long old content", store=store)
            file = self.open(store=store)
            file.advance(os.pwrite(file.fileno(), b"new", file.offset))
            file.advance(0)
            self.run_now(file.close())
            self.assertEqual(self.content(), b"new", policy)

    def test_a_cut_upload_in_place_is_cut_behind_its_part(self) -> None:
        """A restart after it finds the length of what came, and no old octets behind."""
        store = self.make_store(policy={"atomic": False})
        self.upload("/file", b"a long old content", store=store)
        file = self.open(store=store)
        file.advance(os.pwrite(file.fileno(), b"part", file.offset))
        self.assertTrue(self.run_now(file.abort()))
        self.assertEqual(self.content(), b"part")

    def test_an_old_file_is_as_it_was_until_something_comes(self) -> None:
        """An upload in place that is cut before its first octet changes nothing."""
        store = self.make_store(policy={"atomic": False})
        self.upload("/file", b"old", store=store)
        file = self.open(store=store)
        self.run_now(file.write(b""))
        self.assertFalse(self.run_now(file.abort()))
        self.assertEqual(self.content(), b"old")


class FailureTests(LocalFileTestCase):
    """No failure is taken for a success, and none leaves anything open."""

    def setUp(self) -> None:
        super().setUp()
        self.run_now(self.store.stat(resolve("/")))

    def test_a_write_that_fails_is_told(self) -> None:
        """A full disk, a quota, a limit and a broken disk each have their reply; what was written is a part."""
        for number, kind in FAILURES:
            file = self.open()
            self.run_now(file.write(b"part"))
            self.system.failures["write"] = number
            self.refused(file.write(b" and more"), kind)
            del self.system.failures["write"]
            self.assertTrue(self.run_now(file.abort()))
            self.assertEqual(self.content(), b"part")
            (self.root / "file").unlink()

    def test_a_read_that_fails_is_told(self) -> None:
        """A broken disk is no end of the file."""
        self.upload("/file")
        file = self.open("rb")
        self.system.failures["read"] = errno.EIO
        self.refused(file.read(10), StorageFailure)
        self.run_now(file.close())

    def test_a_close_that_fails_is_told(self) -> None:
        """Where data cannot be forced to the disk or the descriptor not be closed, no new file stays."""
        for store in self.stores():
            for call in ("fsync", "close"):
                before = open_descriptors()
                for number, kind in FAILURES:
                    file = self.open(store=store)
                    self.run_now(file.write(b"content"))
                    self.system.failures[call] = number
                    self.refused(file.close(), kind)
                    del self.system.failures[call]
                    self.assertEqual(self.names(), [], call)
                self.assertEqual(open_descriptors(), before)

    def test_an_upload_that_is_where_it_belongs_is_not_denied(self) -> None:
        """Once the data are safe and have their name, the last close cannot make a failure of it."""

        class LastClosesFail(FailingSystem):
            def close(self, descriptor: int) -> None:
                super().close(descriptor)
                if self.calls.count("close") == 2:
                    raise OSError(errno.EIO, "broken")

        before = open_descriptors()
        for mode in ("wb", "ab", "r+b"):
            store = self.make_store(system=LastClosesFail())
            self.run_now(store.stat(resolve("/")))
            file = self.open(mode, f"/{mode}", store)
            self.run_now(file.write(b"content"))
            self.run_now(file.close())
            self.run_now(store.close())
            self.assertEqual(self.content(mode), b"content")
        self.assertEqual(open_descriptors(), before)

    def test_a_name_that_cannot_be_given_is_told(self) -> None:
        """When the directory is full, the upload has failed, and nothing stays."""
        self.system.failures["link"] = errno.ENOSPC
        file = self.open()
        self.run_now(file.write(b"content"))
        self.refused(file.close(), StorageFull)
        self.assertEqual(self.names(), [])

    def test_a_replacement_that_fails_leaves_the_old_file(self) -> None:
        """Whatever fails at the end, the old file is there and whole."""
        self.upload("/file", b"old")
        for call in ("close", "link", "rename"):
            file = self.open()
            self.run_now(file.write(b"new content"))
            self.system.failures[call] = errno.EIO
            self.refused(file.close(), StorageFailure)
            self.system.failures.clear()
            self.assertEqual(self.content(), b"old", call)
            self.assertEqual(self.names(), ["file"], call)

    def test_a_directory_that_cannot_be_forced_is_told(self) -> None:
        """The file has its name then, but nobody may rely on it."""

        class DirectoriesFail(FailingSystem):
            def fsync(self, descriptor: int) -> None:
                super().fsync(descriptor)
                if self.calls.count("fsync") == 2:
                    raise OSError(errno.EIO, "broken")

        file = self.open(store=self.make_store(system=DirectoriesFail(), policy={"fsync": "directory"}))
        self.run_now(file.write(b"content"))
        self.refused(file.close(), StorageFailure)
        self.assertEqual(self.content(), b"content")

    def test_an_abort_never_fails(self) -> None:
        """What is lost anyway is no failure of its own."""
        before = open_descriptors()
        for call in ("close", "link"):
            file = self.open()
            self.run_now(file.write(b"part"))
            self.system.failures[call] = errno.EIO
            self.run_now(file.abort())
            self.system.failures.clear()
        self.assertEqual(open_descriptors(), before)

    def test_a_part_replaces_nothing_that_came_meanwhile(self) -> None:
        """The file of somebody who was faster stays, and the part goes."""
        file = self.open()
        self.run_now(file.write(b"part"))
        self.upload("/file", b"whole", mode="xb")
        self.assertFalse(self.run_now(file.abort()))
        self.assertEqual(self.content(), b"whole")

    def test_an_exclusive_upload_that_comes_too_late_is_told(self) -> None:
        """STOU never replaces."""
        file = self.open("xb")
        self.upload("/file", b"faster")
        self.refused(file.close(), PathExists)
        self.assertEqual(self.content(), b"faster")

    def test_a_directory_that_is_gone_is_told(self) -> None:
        """An upload whose directory was removed has failed."""
        self.run_now(self.store.mkdir(resolve("/directory")))
        file = self.open(path="/directory/file")
        self.run_now(self.store.rmdir(resolve("/directory")))
        self.run_now(file.write(b"content"))
        self.refused(file.close(), PathError)


class OrderTests(LocalFileTestCase):
    """In which order an upload is made safe."""

    def order(self, policy: dict[str, Any], mode: Any = "wb") -> list[str]:
        """Return the calls of the end of an upload."""
        file = self.open(mode, store=self.make_store(policy=policy))
        self.run_now(file.write(b"content"))
        del self.system.calls[:]
        self.run_now(file.close())
        return self.system.calls

    def test_data_are_safe_before_their_name(self) -> None:
        """The file is forced to the disk and closed once before it has its name, and the directory after that."""
        self.assertEqual(self.order({"fsync": "never"}), ["close", "link", "close"])
        (self.root / "file").unlink()
        self.assertEqual(self.order({"fsync": "file"}), ["fsync", "close", "link", "close"])
        (self.root / "file").unlink()
        self.assertEqual(self.order({"fsync": "directory"}), ["fsync", "close", "link", "fsync", "close"])
        # And the same file again, which is replaced now.
        self.assertEqual(
            self.order({"fsync": "directory"}), ["fsync", "close", "lock", "link", "rename", "fsync", "close"]
        )

    def test_a_directory_that_does_not_change_is_left_alone(self) -> None:
        """An append to an old file needs the file alone to be forced to the disk."""
        self.upload("/file")
        for mode in ("ab", "r+b"):
            self.assertEqual(self.order({"fsync": "directory"}, mode), ["fsync", "close", "close"], mode)
        self.assertEqual(self.order({"fsync": "directory", "atomic": False}), ["fsync", "close", "close"])


class Later:
    """Makes calls when a test says so, as threads do."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...], Deferred[Any], bool]] = []

    def is_inline(self, stays: bool) -> bool:
        """Nothing is made at once."""
        return False

    def in_thread(self, function: Any, *arguments: Any, owed: bool = False) -> Deferred[Any]:
        """Keep a call."""
        answer: Deferred[Any] = Deferred()
        self.calls.append((function, arguments, answer, owed))
        return answer

    def make(self) -> None:
        """Make the first call that waits; who was cancelled hears nothing."""
        function, arguments, answer, owed = self.calls.pop(0)
        assert owed or not answer.called
        result = function(*arguments)
        if not answer.called:
            answer.callback(result)


class GivenUpTests(LocalFileTestCase):
    """Who gives up waiting for the end of a file need not care about it any more."""

    def give_up_closing(self, store: PathIO) -> LocalFile:
        """Write a file, and give up when it is closed, before the call is made."""
        later = Later()
        file = self.open(store=store)
        self.run_now(file.write(b"content"))
        self.patch(file, "_calls", later)
        closing = ensureDeferred(file.close())
        closing.cancel()
        self.failureResultOf(closing, CancelledError)
        later.make()
        return file

    def test_a_close_that_was_given_up_is_an_abort(self) -> None:
        """No whole file appears after its transfer has been answered as failed; nothing stays open."""
        for store, policy in zip(self.stores(), POLICIES, strict=True):
            before = open_descriptors()
            file = self.give_up_closing(store)
            self.assertEqual(self.names(), ["file"] if policy["partial"] == "keep" else [], policy)
            self.assertEqual(file.fileno(), -1)
            for name in self.names():
                (self.root / name).unlink()
            self.assertEqual(open_descriptors(), before)

    def test_a_close_that_was_given_up_replaces_nothing(self) -> None:
        """The old file is as it was."""
        self.upload("/file", b"old")
        self.give_up_closing(self.store)
        self.assertEqual(self.content(), b"old")

    def test_a_close_may_be_given_up_while_it_waits_for_the_disk(self) -> None:
        """The name does not appear when the caller has gone during fsync."""
        policy: dict[str, Any] = {"fsync": "file", "partial": "remove"}

        class Slow(FailingSystem):
            def fsync(self, descriptor: int) -> None:
                closing.cancel()

        file = self.open(store=self.make_store(system=Slow(), policy=policy))
        self.run_now(file.write(b"content"))
        later = Later()
        self.patch(file, "_calls", later)
        closing = ensureDeferred(file.close())
        later.make()
        self.failureResultOf(closing, CancelledError)
        self.assertEqual(self.names(), [])

    def test_two_closes_at_once_are_one(self) -> None:
        """Whoever comes second finds the file closed."""
        file = self.open()
        self.run_now(file.write(b"content"))
        later = Later()
        self.patch(file, "_calls", later)
        closings = [ensureDeferred(file.close()) for _ in range(2)]
        for _ in closings:
            later.make()
        self.assertEqual([self.successResultOf(closing) for closing in closings], [None, None])
        self.assertEqual(self.content(), b"content")
