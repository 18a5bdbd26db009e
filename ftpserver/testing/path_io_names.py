# -*- test-case-name: tests.test_path_io_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of a store: names, directories, times and modes.
"""

from __future__ import annotations

import stat

from ..core.paths import ROOT, resolve
from ..core.status import is_directory, is_regular_file
from ..errors import DirectoryNotEmpty, NoSuchPath, NotADirectory, NotAFile, PathError, PathExists
from .path_io_base import MISSING, PathIOAsking

__all__ = ["NameTests"]

_MOMENTS = (1_000_000_000.0, 0.0, -86_400.0, 4_000_000_000.5)
_MODES = (0o600, 0o755, 0o444, 0o700)


class NameTests(PathIOAsking):
    """Tests of names; part of :class:`~ftpserver.testing.PathIOContract`."""

    # stat and list.

    async def test_the_root_is_a_directory(self) -> None:
        """A new store has an empty root."""
        store = await self._store()
        self.assertTrue(is_directory(await self._answer(store.stat(ROOT))))
        await self._assert_names(store, "/", [])

    async def test_stat_tells_kind_and_size(self) -> None:
        """A file is known as one, with its length, and a directory as one."""
        store = await self._store()
        await self._write(store, "/file", b"12345")
        await self._answer(store.mkdir(resolve("/directory")))
        file = await self._answer(store.stat(resolve("/file")))
        self.assertTrue(is_regular_file(file))
        self.assertEqual(file.st_size, 5)
        self.assertTrue(is_directory(await self._answer(store.stat(resolve("/directory")))))

    async def test_what_is_missing_has_no_stat(self) -> None:
        """There is no such path, neither in the root nor below what is missing or a file."""
        store = await self._store()
        await self._write(store, "/file")
        await self._refused(store.stat(resolve("/missing")), NoSuchPath)
        await self._refused(store.stat(resolve("/missing/below")), NoSuchPath)
        await self._refused(store.stat(resolve("/file/below")), MISSING)

    async def test_list_gives_each_name_once(self) -> None:
        """A directory lists files and directories, and neither itself nor its parent."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/a")))
        await self._answer(store.mkdir(resolve("/a/directory")))
        await self._write(store, "/a/file")
        await self._write(store, "/a/directory/deeper")
        await self._assert_names(store, "/a", ["directory", "file"])
        await self._assert_names(store, "/", ["a"])

    async def test_only_directories_are_listed(self) -> None:
        """A file is no directory, and nothing is no such path."""
        store = await self._store()
        await self._write(store, "/file")
        await self._refused(store.list(resolve("/file")), NotADirectory)
        await self._refused(store.list(resolve("/missing")), NoSuchPath)

    async def test_odd_names_are_kept(self) -> None:
        """Names come back as they were given, octets that are no text too."""
        store = await self._store()
        for name in self.odd_names:
            path = str(ROOT.child(name))
            await self._write(store, path, name.encode("utf-8", "surrogateescape"))
            await self._assert_names(store, "/", [name])
            await self._assert_content(store, path, name.encode("utf-8", "surrogateescape"))
            await self._answer(store.unlink(resolve(path)))
            self.assertFalse(await self._exists(store, path), repr(name))

    async def test_two_sessions_see_the_same_files(self) -> None:
        """What one session makes the other finds."""
        one, other = await self._store(), await self._store()
        await self._write(one, "/file", b"of one")
        await self._assert_content(other, "/file", b"of one")
        await self._answer(other.unlink(resolve("/file")))
        self.assertFalse(await self._exists(one, "/file"))

    # Directories.

    async def test_mkdir_makes_an_empty_directory(self) -> None:
        """A new directory holds nothing."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/new")))
        await self._assert_names(store, "/new", [])

    async def test_mkdir_takes_no_name_twice(self) -> None:
        """A name that is taken stays what it was."""
        store = await self._store()
        await self._write(store, "/file")
        await self._answer(store.mkdir(resolve("/directory")))
        await self._write(store, "/directory/inside")
        for path in ("/file", "/directory", "/"):
            await self._refused(store.mkdir(resolve(path)), PathExists, path)
        await self._assert_content(store, "/file", b"content")
        await self._assert_names(store, "/directory", ["inside"])

    async def test_mkdir_makes_no_parents(self) -> None:
        """Without its parent a directory is not made, nor is the parent."""
        store = await self._store()
        await self._write(store, "/file")
        await self._refused(store.mkdir(resolve("/missing/new")), NoSuchPath)
        await self._refused(store.mkdir(resolve("/file/new")), MISSING)
        await self._assert_names(store, "/", ["file"])

    async def test_rmdir_removes_an_empty_directory(self) -> None:
        """An empty directory is gone after rmdir."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        await self._answer(store.rmdir(resolve("/directory")))
        self.assertFalse(await self._exists(store, "/directory"))

    async def test_rmdir_loses_nothing(self) -> None:
        """A directory that holds something stays, with what it holds."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        await self._write(store, "/directory/inside")
        await self._refused(store.rmdir(resolve("/directory")), DirectoryNotEmpty)
        await self._assert_content(store, "/directory/inside", b"content")

    async def test_rmdir_takes_directories_only(self) -> None:
        """A file is no directory, nothing is no such path, and the root stays."""
        store = await self._store()
        await self._write(store, "/file")
        await self._refused(store.rmdir(resolve("/file")), NotADirectory)
        await self._refused(store.rmdir(resolve("/missing")), NoSuchPath)
        await self._refused(store.rmdir(ROOT), PathError, "the root")
        await self._assert_content(store, "/file", b"content")

    async def test_unlink_removes_a_file(self) -> None:
        """A file is gone after unlink, and nothing else."""
        store = await self._store()
        await self._write(store, "/file")
        await self._write(store, "/other")
        await self._answer(store.unlink(resolve("/file")))
        await self._assert_names(store, "/", ["other"])

    async def test_unlink_takes_files_only(self) -> None:
        """A directory is no file, even when empty, and nothing is no such path."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        await self._refused(store.unlink(resolve("/directory")), NotAFile)
        await self._refused(store.unlink(resolve("/missing")), NoSuchPath)
        await self._refused(store.unlink(ROOT), PathError, "the root")
        await self._assert_names(store, "/", ["directory"])

    # Rename.

    async def test_rename_moves_a_file(self) -> None:
        """A file gets another name, in another directory too, with its content."""
        store = await self._store()
        await self._write(store, "/old")
        await self._answer(store.mkdir(resolve("/directory")))
        await self._answer(store.rename(resolve("/old"), resolve("/new")))
        await self._answer(store.rename(resolve("/new"), resolve("/directory/newer")))
        await self._assert_names(store, "/", ["directory"])
        await self._assert_content(store, "/directory/newer", b"content")

    async def test_rename_moves_a_directory(self) -> None:
        """A directory moves with everything in it."""
        store = await self._store()
        for path in ("/old", "/old/inner", "/other"):
            await self._answer(store.mkdir(resolve(path)))
        await self._write(store, "/old/inner/file")
        await self._answer(store.rename(resolve("/old"), resolve("/other/new")))
        await self._assert_names(store, "/", ["other"])
        await self._assert_content(store, "/other/new/inner/file", b"content")

    async def test_rename_replaces_a_file_if_it_may(self) -> None:
        """A file at the target is replaced, unless the caller forbids it."""
        store = await self._store()
        await self._write(store, "/one", b"one")
        await self._write(store, "/two", b"two")
        await self._refused(store.rename(resolve("/one"), resolve("/two"), replace=False), PathExists)
        await self._assert_content(store, "/one", b"one")
        await self._assert_content(store, "/two", b"two")
        await self._answer(store.rename(resolve("/one"), resolve("/two"), replace=True))
        await self._assert_names(store, "/", ["two"])
        await self._assert_content(store, "/two", b"one")

    async def test_rename_never_replaces_a_directory(self) -> None:
        """Neither a file nor a directory takes the place of a directory, nor a directory that of a file."""
        store = await self._store()
        await self._write(store, "/file")
        for path in ("/directory", "/empty"):
            await self._answer(store.mkdir(resolve(path)))
        await self._write(store, "/directory/inside")
        for source, target in (("/file", "/empty"), ("/directory", "/empty"), ("/directory", "/file")):
            for replace in (True, False):
                call = store.rename(resolve(source), resolve(target), replace=replace)
                await self._refused(call, PathExists, f"{source} to {target}")
        await self._assert_names(store, "/", ["directory", "empty", "file"])
        await self._assert_content(store, "/directory/inside", b"content")

    async def test_rename_needs_source_and_parent(self) -> None:
        """Without a source, or a directory for the target, everything stays."""
        store = await self._store()
        await self._write(store, "/file")
        await self._refused(store.rename(resolve("/missing"), resolve("/new")), NoSuchPath)
        await self._refused(store.rename(resolve("/file"), resolve("/missing/new")), NoSuchPath)
        await self._refused(store.rename(resolve("/file"), resolve("/file/new")), PathError)
        await self._assert_names(store, "/", ["file"])

    async def test_nothing_is_renamed_into_itself(self) -> None:
        """A directory does not vanish into itself, and neither end is the root."""
        store = await self._store()
        await self._answer(store.mkdir(resolve("/directory")))
        pairs = (("/directory", "/directory/inner"), ("/", "/directory/root"), ("/directory", "/"))
        for source, target in pairs:
            await self._refused(store.rename(resolve(source), resolve(target)), PathError, f"{source} to {target}")
        await self._assert_names(store, "/", ["directory"])
        await self._assert_names(store, "/directory", [])

    async def test_a_file_renamed_to_its_own_name_stays(self) -> None:
        """Nothing is lost where both names are the same."""
        store = await self._store()
        await self._write(store, "/file")
        await self._answer(store.rename(resolve("/file"), resolve("/file")))
        await self._assert_content(store, "/file", b"content")

    # Times and modes.

    async def test_times_are_set(self) -> None:
        """The time of the last change is what was set, before 1970 and after 2038 too."""
        self._needs(self.keeps_times, "sets no times")
        store = await self._store()
        await self._write(store, "/file")
        await self._answer(store.mkdir(resolve("/directory")))
        for path in ("/file", "/directory"):
            for moment in _MOMENTS:
                await self._answer(store.set_modified(resolve(path), moment))
                status = await self._answer(store.stat(resolve(path)))
                difference = abs(status.st_mtime - moment)
                self.assertLessEqual(difference, self.time_precision, f"{path} at {moment}")

    async def test_modes_are_set(self) -> None:
        """The permission bits are what was set, and the kind stays what it was."""
        self._needs(self.keeps_modes, "sets no modes")
        store = await self._store()
        await self._write(store, "/file")
        for mode in _MODES:
            await self._answer(store.chmod(resolve("/file"), mode))
            status = await self._answer(store.stat(resolve("/file")))
            self.assertEqual(stat.S_IMODE(status.st_mode), mode, oct(mode))
            self.assertTrue(is_regular_file(status))

    async def test_what_is_missing_has_no_time_and_no_mode(self) -> None:
        """There is nothing to set, and nothing is made."""
        store = await self._store()
        await self._refused(store.set_modified(resolve("/missing"), 1.0), NoSuchPath)
        await self._refused(store.chmod(resolve("/missing"), 0o644), NoSuchPath)
        await self._assert_names(store, "/", [])
