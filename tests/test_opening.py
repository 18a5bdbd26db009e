# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.opening`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from typing import Any

from ftpserver.core.paths import VirtualPath, resolve
from ftpserver.errors import NoSuchPath, NotAFile, PathError, PathExists, PermissionDenied, StorageFailure, StorageFull
from ftpserver.pathio.confined import ABSENT, UNCLEAR, Root
from ftpserver.pathio.found import Found
from ftpserver.pathio.local import PathIO
from tests.local_store import LocalStoreTestCase, open_descriptors

MODES = ("rb", "wb", "ab", "r+b")


class OpeningTestCase(LocalStoreTestCase):
    """Tests that open files and look for what is left open."""

    def setUp(self) -> None:
        super().setUp()
        self.run_now(self.store.stat(resolve("/")))
        self.before = open_descriptors()

    def open(self, mode: Any, path: str = "/file", store: PathIO | None = None) -> Any:
        """Return an open file."""
        return self.run_now((store or self.store).open(resolve(path), mode))

    def assert_refused(
        self, kind: type[Exception], mode: Any, path: str = "/file", store: PathIO | None = None
    ) -> None:
        """Assert that a file is not opened."""
        self.refused((store or self.store).open(resolve(path), mode), kind)

    def mode_of(self, name: str = "file") -> int:
        """Return the permission bits of a file."""
        return stat.S_IMODE((self.root / name).stat().st_mode)


class KindTests(OpeningTestCase):
    """Only regular files are opened."""

    def test_fifos_sockets_and_devices_are_refused_at_once(self) -> None:
        """Nobody waits for the other end of a FIFO, and no device is touched."""
        os.mkfifo(self.root / "fifo")
        with socket.socket(socket.AF_UNIX) as listener:
            directory = os.open(self.root, os.O_PATH)
            listener.bind(f"/proc/self/fd/{directory}/socket")
            os.close(directory)
        names = ["fifo", "socket"]
        # Only root makes devices, and not in every container.
        with contextlib.suppress(PermissionError):
            os.mknod(self.root / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            names.append("device")
        for atomic in (True, False):
            store = self.make_store(policy={"atomic": atomic})
            for name in names:
                for mode in MODES:
                    self.assert_refused(NotAFile, mode, f"/{name}", store)
                self.assert_refused(PathExists, "xb", f"/{name}", store)
            self.run_now(store.close())
        self.assertEqual(open_descriptors(), self.before)

    def test_the_stat_values_are_those_of_the_moment(self) -> None:
        """A file that is open to read tells its size as it was opened, and each later time as it is then."""
        (self.root / "file").write_bytes(b"12345")
        file = self.open("rb")
        self.assertEqual(self.run_now(file.stat()).st_size, 5)
        (self.root / "file").write_bytes(b"123")
        self.assertEqual(self.run_now(file.stat()).st_size, 3)
        self.run_now(file.close())
        file = self.open("rb")
        self.run_now(file.close())
        self.refused(file.stat(), PathError)

    def test_a_real_file_is_opened_in_every_mode(self) -> None:
        """And closed again."""
        for mode in (*MODES, "rb"):
            self.upload("/file")
            self.run_now(self.open(mode).close())
        self.assertEqual(open_descriptors(), self.before)


class OwnerAndModeTests(OpeningTestCase):
    """What a new file has of the one that it replaces."""

    def test_the_mode_stays_but_for_set_user_id(self) -> None:
        """A private file stays private; a program with more rights than its caller never comes from outside."""
        self.upload("/file")
        for before, after in ((0o600, 0o600), (0o666, 0o666), (0o4755, 0o755), (0o2711, 0o711)):
            (self.root / "file").chmod(before)
            self.upload("/file", b"new")
            self.assertEqual(self.mode_of(), after, oct(before))

    def test_a_new_file_has_the_mode_that_umask_leaves(self) -> None:
        """The operator decides by umask who may read uploads."""
        previous = os.umask(0o027)
        self.addCleanup(os.umask, previous)
        for number, atomic in enumerate((True, False)):
            self.upload(f"/{number}", store=self.make_store(policy={"atomic": atomic}))
            self.assertEqual(self.mode_of(str(number)), 0o640)

    def test_the_owner_stays_where_the_system_allows_it(self) -> None:
        """A server that runs as root leaves a file to its owner."""
        if os.geteuid() != 0:
            raise self.skipTest("only root gives files away")
        self.upload("/file")
        os.chown(self.root / "file", 12345, 54321)
        self.upload("/file", b"new")
        status = (self.root / "file").stat()
        self.assertEqual((status.st_uid, status.st_gid), (12345, 54321))

    def test_the_owner_changes_where_it_must(self) -> None:
        """Without privileges the file becomes that of the server, and the upload succeeds."""
        if os.geteuid() != 0:
            raise self.skipTest("only root makes files of others")
        self.upload("/file", b"old")
        (self.root / "file").chmod(0o666)
        with self.unprivileged():
            os.seteuid(0)
            os.chown(self.root / "file", 12345, 54321)
            os.seteuid(65534)
            self.upload("/file", b"new")
        self.assertEqual((self.root / "file").stat().st_uid, 65534)
        self.assertEqual(self.mode_of(), 0o666)

    def test_a_file_that_may_not_be_written_is_not_replaced(self) -> None:
        """Whether uploads are atomic or not, a read-only file stays."""
        self.upload("/file", b"old")
        (self.root / "file").chmod(0o444)
        with self.unprivileged():
            for atomic in (True, False):
                store = self.make_store(policy={"atomic": atomic})
                self.assert_refused(PermissionDenied, "wb", store=store)
                self.run_now(store.close())
        self.assertEqual(self.read("/file"), b"old")

    def test_a_directory_that_may_not_be_written_takes_no_file(self) -> None:
        """The upload is refused at once, not at its end."""
        self.root.chmod(0o500)
        self.addCleanup(self.root.chmod, 0o700)
        with self.unprivileged():
            for atomic in (True, False):
                store = self.make_store(policy={"atomic": atomic})
                for mode in ("wb", "xb", "ab"):
                    self.assert_refused(PermissionDenied, mode, store=store)
                self.run_now(store.close())

    def test_the_mode_must_be_kept(self) -> None:
        """A replacement that could be read by more than the old file is none."""
        self.upload("/file", b"old")

        def refuse(descriptor: int, mode: int) -> None:
            raise OSError(errno.EIO, "broken")

        self.patch(os, "fchmod", refuse)
        self.assert_refused(StorageFailure, "wb")
        self.assertEqual(self.names(), ["file"])
        self.assertEqual(open_descriptors(), self.before)


class ExchangedTests(OpeningTestCase):
    """What is exchanged between finding and opening leads nowhere."""

    def test_a_directory_that_has_become_a_link_is_not_followed(self) -> None:
        """A file is replaced where it was found, or nowhere."""
        for name in ("allowed", "forbidden"):
            (self.root / name).mkdir()
            (self.root / name / "file").write_bytes(name.encode())

        class Exchanging(PathIO):
            def _at(self, path: VirtualPath, stay: bool = False) -> Found:
                found = super()._at(path, stay)
                if len(path.parts) == 2 and not os.path.islink(os.path.join(self._root.base_path, "allowed")):
                    os.rename(
                        os.path.join(self._root.base_path, "allowed"), os.path.join(self._root.base_path, "moved")
                    )
                    os.symlink("forbidden", os.path.join(self._root.base_path, "allowed"))
                return found

        self.assert_refused(NoSuchPath, "wb", "/allowed/file", Exchanging.at(self.root, walk=True))
        self.assertEqual((self.root / "forbidden" / "file").read_bytes(), b"forbidden")
        self.assertEqual((self.root / "moved" / "file").read_bytes(), b"allowed")

    def test_a_name_that_is_taken_meanwhile_is_found(self) -> None:
        """A new name that somebody else makes in the same moment is an old file then, but not for xb."""

        class Faster(PathIO):
            def _beside(self, path: VirtualPath, stay: bool = False) -> Found:
                found = super()._beside(path, stay)
                with open(os.path.join(self._root.base_path, path.name), "wb") as file:
                    file.write(b"faster")
                return found

        store = Faster.at(self.root, walk=True)
        self.upload("/file", b" and later", mode="ab", store=store)
        self.assertEqual(self.read("/file"), b"faster and later")
        self.assert_refused(PathExists, "xb", "/other", store)

    def test_a_name_that_is_taken_meanwhile_is_found_where_no_link_is(self) -> None:
        """The same, where the directory is looked at once."""
        ask, root = Root.child_without_links, self.root

        def asking(self: Root, directory: int, name: str) -> int:
            there = ask(self, directory, name)
            if there == ABSENT:
                (root / name).write_bytes(b"faster")
            return there

        self.patch(Root, "child_without_links", asking)
        self.upload("/file", b" and later", mode="ab")
        self.assertEqual(self.read("/file"), b"faster and later")
        file = self.open("xb", "/other")
        self.run_now(file.write(b"later"))
        self.refused(file.close(), PathExists)
        self.assertEqual((self.root / "other").read_bytes(), b"faster")
        self.assertEqual(open_descriptors(), self.before)

    def test_a_place_that_is_not_clear_is_asked_for_in_another_way(self) -> None:
        """Where the kernel is not sure about a name, links are followed as ever, and nothing stays open."""
        self.upload("/file", b"old")
        self.patch(Root, "child_without_links", lambda self, directory, name: UNCLEAR)
        for path in ("/file", "/new"):
            self.upload(path, b"new")
            self.assertEqual(self.read(path), b"new")
        self.assertEqual(open_descriptors(), self.before)

    def test_a_link_that_leads_nowhere_is_no_place(self) -> None:
        """Nothing is made through it, in any mode and way."""
        (self.root / "file").symlink_to("nothing")
        for atomic in (True, False):
            store = self.make_store(policy={"atomic": atomic})
            for mode in ("wb", "ab", "r+b"):
                self.assert_refused(NoSuchPath, mode, store=store)
            self.assert_refused(PathExists, "xb", store=store)
            self.run_now(store.close())
        self.assertEqual(self.names(), ["file"])
        self.assertEqual(open_descriptors(), self.before)


class FailureTests(OpeningTestCase):
    """An open that fails leaves nothing open."""

    def test_a_full_disk_is_told(self) -> None:
        """Neither a new file nor a replacement is begun."""
        self.upload("/file")
        self.system.failures["open_unnamed"] = errno.ENOSPC
        for path in ("/file", "/new"):
            self.assert_refused(StorageFull, "wb", path)
        self.assertEqual(self.names(), ["file"])
        self.assertEqual(open_descriptors(), self.before)

    def test_other_names_of_a_replaced_file_keep_the_old_content(self) -> None:
        """A replacement is a new file; an upload in place changes it under all of its names."""
        for atomic, expected in ((True, b"old"), (False, b"new")):
            self.upload("/file", b"old")
            (self.root / "other").unlink(missing_ok=True)
            (self.root / "other").hardlink_to(self.root / "file")
            self.upload("/file", b"new", store=self.make_store(policy={"atomic": atomic}))
            self.assertEqual(self.read("/other"), expected)
