# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.testing.path_io`: stores that are wrong in one point fail the test of that point.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.runner import TestLoader
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from ftpserver.core.paths import ROOT, VirtualPath
from ftpserver.core.status import Entry, FileStatus, Status
from ftpserver.core.uploads import UploadPolicy
from ftpserver.errors import DirectoryNotEmpty, NoSuchPath, PathExists, translating
from ftpserver.interfaces import INameListing
from ftpserver.pathio import local
from ftpserver.pathio.found import Found, find, find_beside
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.memory import MemoryFile, MemoryPathIO
from ftpserver.pathio.roots import LazyRoot
from ftpserver.testing import PathIOContract
from tests.test_path_io_contract import LocalContract, MemoryContract


class _Session:
    def __init__(self, policy: UploadPolicy) -> None:
        self.uploads = policy


class WrongStore(MemoryPathIO):
    """A store that opens files of a kind that is wrong."""

    file_kind: type[MemoryFile] = MemoryFile

    async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
        file = await super().open(path, mode, create=create)
        wrong = self.file_kind.__new__(self.file_kind)
        wrong.__dict__.update(file.__dict__)
        return wrong


def failed_tests(contract: type[Any], **members: Any) -> set[str]:
    """Run a contract and return the names of the tests that failed."""
    tests = type("ContractTests", (contract, TestCase), members)
    result = unittest.TestResult()
    TestLoader().loadClass(tests).run(result)
    assert result.testsRun > 50, "the whole contract was run"
    return {test.id().rpartition(".")[2] for test, _ in [*result.failures, *result.errors]}


class HookTests(SynchronousTestCase):
    """What the author of a store forgets is told."""

    def test_missing_methods_are_told(self) -> None:
        """A contract without a store, or with links that nobody makes, says what it needs."""
        contract = type("ContractTests", (PathIOContract, TestCase), {})("make_path_io")
        calls = (
            contract.make_path_io,
            lambda: contract.make_link(ROOT, "target"),
            lambda: contract.make_fifo(ROOT),
            lambda: contract.make_outside(b""),
            lambda: contract.read_outside("/outside"),
        )
        for call in calls:
            self.assertRaises(NotImplementedError, call)


class WrongFileTests(SynchronousTestCase):
    """A store whose files are wrong fails."""

    def _failed(self, kind: type[MemoryFile], **members: Any) -> set[str]:
        store = type("OneWrongStore", (WrongStore,), {"file_kind": kind})
        policy = UploadPolicy(partial=members.get("partial", "keep"))
        members["make_path_io"] = lambda tests: store(_Session(policy), files=tests.files)
        failed = failed_tests(MemoryContract, **members)
        self.assertTrue(failed, "a wrong store has passed")
        return failed

    def test_a_right_store_passes(self) -> None:
        """The way in which wrong stores are tested fails no store that is right."""
        store = WrongStore
        members = {"make_path_io": lambda tests: store(_Session(UploadPolicy()), files=tests.files)}
        self.assertEqual(failed_tests(MemoryContract, **members), set())

    def test_a_seek_must_be_heeded(self) -> None:
        """A store that ignores REST fails."""

        class Wrong(MemoryFile):
            async def seek(self, offset: int) -> None:
                return

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_reading_starts_where_it_is_told", "test_r_plus_b_writes_in_place"}, failed)

    def test_a_restart_beyond_the_end_must_be_refused(self) -> None:
        """A store that takes any offset fails."""

        class Wrong(MemoryFile):
            async def seek(self, offset: int) -> None:
                self._offset = offset

        self.assertEqual(self._failed(Wrong), {"test_reading_beyond_the_end_is_refused"})

    def test_every_octet_must_be_written(self) -> None:
        """A store that loses the tail of a piece fails."""

        class Wrong(MemoryFile):
            async def write(self, data: bytes | memoryview) -> None:
                await super().write(data[:4096])

        failed = self._failed(Wrong)
        self.assertEqual(failed, {"test_what_was_written_is_read", "test_pieces_are_written_in_order"})

    def test_a_buffer_must_be_copied(self) -> None:
        """A store that looks at the buffer only when the file is closed fails."""

        class Wrong(MemoryFile):
            async def write(self, data: bytes | memoryview) -> None:
                self.__dict__.setdefault("kept", []).append(data)

            async def close(self) -> None:
                for data in self.__dict__.pop("kept", []):
                    await super().write(data)
                await super().close()

        self.assertIn("test_pieces_are_written_in_order", self._failed(Wrong))

    def test_a_piece_is_not_the_end(self) -> None:
        """A store that says the end after the first piece fails."""

        class Wrong(MemoryFile):
            async def read(self, amount: int) -> bytes:
                return b"" if self._offset else await super().read(amount)

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_what_was_written_is_read", "test_reading_ends_at_the_end"}, failed)

    def test_no_more_is_read_than_asked_for(self) -> None:
        """A store that reads on fails."""

        class Wrong(MemoryFile):
            async def read(self, amount: int) -> bytes:
                return await super().read(amount + 1)

        self.assertIn("test_reading_ends_at_the_end", self._failed(Wrong))

    def test_a_close_must_answer(self) -> None:
        """A store that never says that a file is closed fails, and does not hang."""

        class Wrong(MemoryFile):
            def close(self) -> Any:
                return Deferred()

        self.assertIn("test_what_was_written_is_read", self._failed(Wrong, patience=0.01))

    def test_a_part_is_removed_where_it_should(self) -> None:
        """A store that keeps parts in spite of the policy fails."""

        class Wrong(MemoryFile):
            async def abort(self) -> bool:
                self._policy = UploadPolicy(partial="keep")
                return await super().abort()

        self.assertIn("test_a_cut_upload_leaves_what_it_should", self._failed(Wrong, partial="remove"))

    def test_a_part_replaces_nothing(self) -> None:
        """A store that ends a cut upload as if it were whole fails."""

        class Wrong(MemoryFile):
            async def abort(self) -> bool:
                await self.close()
                return True

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_a_cut_upload_replaces_nothing", "test_a_read_file_stays_as_it_is"}, failed)

    def test_the_size_must_be_true(self) -> None:
        """A store whose open files lie about their size fails."""

        class Wrong(MemoryFile):
            async def stat(self) -> FileStatus:
                return Status((await super().stat()).st_mode, 1)

        self.assertEqual(self._failed(Wrong), {"test_an_open_file_has_a_stat"})


class WrongStoreTests(SynchronousTestCase):
    """A store that is wrong itself fails."""

    def _failed(self, kind: type[MemoryPathIO], policy: UploadPolicy | None = None, **members: Any) -> set[str]:
        session = _Session(policy or UploadPolicy())
        members["make_path_io"] = lambda tests: kind(session, files=tests.files)
        return failed_tests(MemoryContract, **members)

    def test_what_is_missing_must_be_refused(self) -> None:
        """A store that has zeros for what is missing fails."""

        class Wrong(MemoryPathIO):
            async def stat(self, path: VirtualPath) -> FileStatus:
                try:
                    return await super().stat(path)
                except NoSuchPath:
                    return Status(0)

        self.assertIn("test_what_is_missing_has_no_stat", self._failed(Wrong))

    def test_failures_must_be_of_the_right_kind(self) -> None:
        """A store that raises the errors of the operating system fails."""

        class Wrong(MemoryPathIO):
            async def unlink(self, path: VirtualPath) -> None:
                try:
                    await super().unlink(path)
                except NoSuchPath as error:
                    raise FileNotFoundError from error

        self.assertEqual(self._failed(Wrong), {"test_unlink_takes_files_only"})

    def test_the_size_must_be_true(self) -> None:
        """A store that lies about the size of a file fails."""

        class Wrong(MemoryPathIO):
            async def stat(self, path: VirtualPath) -> FileStatus:
                status = await super().stat(path)
                return Status(status.st_mode, status.st_size + 1, status.st_mtime)

        failed = self._failed(Wrong)
        self.assertEqual(failed, {"test_stat_tells_kind_and_size", "test_what_was_written_is_read"})

    def test_every_method_must_return_an_awaitable(self) -> None:
        """A store that answers at once, and not by an awaitable, fails."""

        class Wrong(MemoryPathIO):
            def stat(self, path: VirtualPath) -> Any:
                return self._find(path).status

        self.assertIn("test_the_root_is_a_directory", self._failed(Wrong))

    def test_every_call_must_answer(self) -> None:
        """A store that never answers fails, and does not hang."""

        class Wrong(MemoryPathIO):
            def mkdir(self, path: VirtualPath) -> Any:
                return Deferred()

        self.assertIn("test_mkdir_makes_an_empty_directory", self._failed(Wrong, patience=0.01))

    def test_r_plus_b_must_not_truncate(self) -> None:
        """A store that empties the file for a restart fails."""

        class Wrong(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                return await super().open(path, "wb" if mode == "r+b" else mode, create=create)

        self.assertIn("test_r_plus_b_writes_in_place", self._failed(Wrong))

    def test_an_append_must_not_overwrite(self) -> None:
        """A store that writes an append from the start fails."""

        class Wrong(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                return await super().open(path, "r+b" if mode == "ab" else mode, create=create)

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_ab_writes_at_the_end", "test_a_cut_append_keeps_what_was_there"}, failed)

    def test_xb_must_not_replace(self) -> None:
        """A store that makes a name anew which is taken fails."""

        class Wrong(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                return await super().open(path, "wb" if mode == "xb" else mode, create=create or mode == "xb")

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_xb_makes_new_names_only", "test_xb_loses_a_race"}, failed)

    def test_nothing_is_created_unasked(self) -> None:
        """A store that heeds no ``create`` fails."""

        class Wrong(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                return await super().open(path, mode)

        self.assertEqual(self._failed(Wrong), {"test_nothing_is_created_unasked"})

    def test_an_upload_must_not_appear_too_early(self) -> None:
        """A store that says it is atomic and writes in place fails."""
        failed = self._failed(MemoryPathIO, UploadPolicy(atomic=False))
        self.assertEqual(failed, {"test_an_upload_appears_when_it_is_whole", "test_a_cut_upload_replaces_nothing"})

    def test_rename_must_not_replace_directories(self) -> None:
        """A store that renames over whatever is there fails."""

        class Wrong(MemoryPathIO):
            async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
                if not source.contains(target) and replace:
                    self._directory(target.parent).children.pop(target.name, None)
                await super().rename(source, target, replace=replace)

        self.assertEqual(self._failed(Wrong), {"test_rename_never_replaces_a_directory"})

    def test_rename_must_heed_replace(self) -> None:
        """A store that replaces a file unasked fails."""

        class Wrong(MemoryPathIO):
            async def rename(self, source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> None:
                await super().rename(source, target)

        self.assertEqual(self._failed(Wrong), {"test_rename_replaces_a_file_if_it_may"})

    def test_mkdir_must_not_make_parents(self) -> None:
        """A store that makes what is missing on the way fails."""

        class Wrong(MemoryPathIO):
            async def mkdir(self, path: VirtualPath) -> None:
                try:
                    await super().mkdir(path)
                except NoSuchPath:
                    await self.mkdir(path.parent)
                    await super().mkdir(path)

        self.assertEqual(self._failed(Wrong), {"test_mkdir_makes_no_parents"})

    def test_mkdir_must_not_take_a_name_twice(self) -> None:
        """A store that is content with a directory that is there fails."""

        class Wrong(MemoryPathIO):
            async def mkdir(self, path: VirtualPath) -> None:
                try:
                    await super().mkdir(path)
                except PathExists:
                    return

        self.assertEqual(self._failed(Wrong), {"test_mkdir_takes_no_name_twice"})

    def test_rmdir_must_not_empty(self) -> None:
        """A store that removes a directory with what it holds fails."""

        class Wrong(MemoryPathIO):
            async def rmdir(self, path: VirtualPath) -> None:
                try:
                    await super().rmdir(path)
                except DirectoryNotEmpty:
                    self._find(path).children.clear()
                    await super().rmdir(path)

        self.assertEqual(self._failed(Wrong), {"test_rmdir_loses_nothing"})

    def test_a_directory_must_not_list_itself(self) -> None:
        """A store that lists ``.`` fails."""

        class Wrong(MemoryPathIO):
            async def list(self, path: VirtualPath) -> Sequence[str]:
                return [".", *await super().list(path)]

        self.assertIn("test_list_gives_each_name_once", self._failed(Wrong))

    def test_batches_must_keep_to_the_amount(self) -> None:
        """A store that scans all at once fails."""

        class Wrong(MemoryPathIO):
            async def scan(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[Entry], None]:
                return await super().scan(path, 1000)

        self.assertEqual(self._failed(Wrong), {"test_batches_hold_every_entry_once"})

    def test_names_alone_must_be_those_of_the_entries(self) -> None:
        """A store that names more than it lists fails."""

        @implementer(INameListing)
        class Wrong(MemoryPathIO):
            async def scan_names(self, path: VirtualPath, amount: int) -> AsyncGenerator[Sequence[str], None]:
                return self._names(await self.scan(path, amount))

            async def _names(self, batches: AsyncGenerator[Sequence[Entry], None]) -> AsyncGenerator[list[str], None]:
                async for batch in batches:
                    yield [f"{name}~" for name, _ in batch]

        self.assertEqual(self._failed(Wrong), {"test_batches_hold_every_entry_once"})

    def test_the_mode_of_an_old_file_must_stay(self) -> None:
        """A store that makes a private file public by replacing it fails."""

        class Wrong(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                file = await super().open(path, mode, create=create)
                file._node.mode |= 0o044 if mode == "wb" else 0
                return file

        self.assertEqual(self._failed(Wrong), {"test_a_replaced_file_keeps_its_mode"})


class FollowingPathIO(PathIO):
    """A local store that follows links wherever they lead."""

    def _at(self, path: VirtualPath, stay: bool = False) -> Found:
        with translating():
            real = os.path.join(self._root.base_path, *path.parts)
            return Found(os.open(real, os.O_PATH | os.O_CLOEXEC), path)


class WrongLinkTests(SynchronousTestCase):
    """A store that is wrong with links fails."""

    def _failed(self, kind: type[PathIO]) -> set[str]:
        return failed_tests(LocalContract, make_path_io=lambda tests: kind.at(tests.root))

    def test_links_must_not_lead_out(self) -> None:
        """A store that follows a link out of its root fails."""
        self.assertIn("test_nothing_leads_out_of_the_root", self._failed(FollowingPathIO))

    def test_unlink_must_take_the_link(self) -> None:
        """A store that removes what a link leads to fails."""

        class Wrong(PathIO):
            async def unlink(self, path: VirtualPath) -> None:
                with find(LazyRoot(self._root.base_path), path) as found:
                    await super().unlink(found.path)

        self.assertIn("test_unlink_and_rename_take_the_link_itself", self._failed(Wrong))

    def test_a_store_must_ask_back_before_it_acts(self) -> None:
        """A store that never asks fails."""

        class Wrong(PathIO):
            def asking(self, approve: local.Approve) -> PathIO:
                return self

        failed = self._failed(Wrong)
        self.assertLessEqual({"test_each_call_asks_before_it_acts_elsewhere", "test_what_is_approved_is_done"}, failed)

    def test_nothing_may_be_made_through_a_dangling_link(self) -> None:
        """A store that makes the file that a link promises fails."""

        class Wrong(PathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Any:
                with find_beside(LazyRoot(self._root.base_path), path) as beside:
                    real = Path(self._root.base_path, *beside.path.parts)
                if real.is_symlink() and not real.exists() and mode == "wb" and "nothing" in os.readlink(real):
                    real.touch()
                return await super().open(path, mode, create=create)

        self.assertIn("test_a_link_that_leads_nowhere_makes_nothing", self._failed(Wrong))
