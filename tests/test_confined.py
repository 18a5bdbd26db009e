# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.confined`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.paths import resolve
from ftpserver.pathio import confined
from ftpserver.pathio.confined import Root, _How
from tests.local_store import FoldingRoot, open_descriptors, os_error, unprivileged

LONG = "n" * 256

#: What links of the trees lead to; the number of an open file outside is put in place of the braces.
TARGETS = (
    "a",
    "b/c",
    "..",
    "../..",
    "../../../../../../etc/passwd",
    "/",
    "/a",
    "/b/c/",
    "/etc/passwd",
    "c/.",
    "a/..",
    "./b//c",
    "b/",
    "nothing",
    "/proc/self/fd/{}",
    "/proc/self/fd/{}/",
    LONG,
)
NAMES = ("a", "b", "c")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple)
#: One entry of a tree: where it is, and whether it is a file, a directory, or a link and to what.
ENTRIES = st.tuples(PATHS, st.one_of(st.just("file"), st.just("directory"), st.sampled_from(TARGETS)))
ASKED = st.lists(st.sampled_from((*NAMES, "nothing")), max_size=5).map(tuple)


def build(root: Path, entries: Sequence[tuple[tuple[str, ...], str]], outside: int) -> None:
    """Build a tree, as far as its entries do not stand in each other's way."""
    for parts, kind in entries:
        path = root.joinpath(*parts)
        if path.is_symlink() or path.exists() or not _is_real_directory(root, path.parent):
            continue
        if kind == "file":
            path.touch()
        elif kind == "directory":
            path.mkdir()
        else:
            path.symlink_to(kind.format(outside))


def _is_real_directory(root: Path, path: Path) -> bool:
    while path != root:
        if path.is_symlink() or not path.is_dir():
            return False
        path = path.parent
    return True


def outcome(root: Root, parts: Sequence[str]) -> tuple[str, object]:
    """Return where *parts* lead to, or with which error they do not."""
    try:
        descriptor = root.locate(parts)
    except OSError as error:
        return "error", error.errno
    try:
        return "reached", root.reached(descriptor)
    finally:
        os.close(descriptor)


class BothWaysTests(SynchronousTestCase):
    """The walk follows the links that the kernel follows, and fails where and how it fails."""

    def setUp(self) -> None:
        if not confined.kernel_confines():
            raise self.skipTest("this kernel, or this sandbox, has no openat2")

    def assert_same(self, root: Path, parts: Sequence[str]) -> None:
        """Ask both ways."""
        kernel, walk = Root(str(root)), Root(str(root), walk=True)
        try:
            self.assertEqual(outcome(walk, parts), outcome(kernel, parts), f"{parts}")
        finally:
            kernel.close()
            walk.close()

    @settings(deadline=None, max_examples=150)
    @given(st.lists(ENTRIES, max_size=10), st.lists(ASKED, min_size=1, max_size=8))
    def test_every_path_in_every_tree(
        self, entries: list[tuple[tuple[str, ...], str]], asked: list[tuple[str, ...]]
    ) -> None:
        """Whatever links lead to, both ways reach the same place or give the same error, and leak nothing."""
        base = Path(tempfile.mkdtemp())
        outside = os.open("/etc/passwd", os.O_RDONLY)
        before = open_descriptors()
        try:
            build(base, entries, outside)
            for parts in asked:
                self.assert_same(base, parts)
            self.assertEqual(open_descriptors(), before)
        finally:
            os.close(outside)
            shutil.rmtree(base)

    def test_forty_links_and_no_more(self) -> None:
        """Chains of links are followed up to the bound of the kernel."""
        root = Path(self.mktemp())
        root.mkdir()
        (root / "0").touch()
        for number in range(1, 42):
            (root / str(number)).symlink_to(str(number - 1))
        for number in (39, 40, 41):
            self.assert_same(root, [str(number)])

    def test_names_that_are_too_long(self) -> None:
        """A component of 256 octets and a path of 4096 are refused in the same way."""
        root = Path(self.mktemp())
        root.mkdir()
        for parts in ([LONG], ["a" * 255] * 15, ["a" * 255] * 16, ["a"] * 2048, ["a"] * 2049):
            self.assert_same(root, parts)

    def test_links_of_the_real_procfs(self) -> None:
        """Where the root is that of the machine, links to open files lead nowhere, and plain ones do."""
        with open("/etc/passwd") as file:
            for parts in (["proc", "self", "fd", str(file.fileno())], ["proc", "self", "cwd"], ["proc", "self", "exe"]):
                self.assert_same(Path("/"), parts)
        for parts in (["proc", "self", "status"], ["proc", "mounts"], []):
            kernel, walk = Root("/"), Root("/", walk=True)
            self.assertEqual(outcome(walk, parts), outcome(kernel, parts))
            self.assertEqual(outcome(walk, parts)[0], "reached")
            kernel.close()
            walk.close()

    def test_directories_that_may_not_be_searched(self) -> None:
        """Without the right to search, neither way goes on."""
        base = Path(self.mktemp()).absolute()
        root = base / "root"
        (root / "closed").mkdir(parents=True)
        (root / "link").symlink_to("closed/..")
        (root / "closed").chmod(0)
        self.addCleanup((root / "closed").chmod, 0o700)
        with unprivileged(base):
            for parts in (["closed"], ["closed", "x"], ["link"]):
                self.assert_same(root, parts)


class RootTestCase(SynchronousTestCase):
    """Tests that have a root."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.base.mkdir()
        self.root = Root(str(self.base))
        self.addCleanup(lambda: self.root.close())

    def locate(self, *parts: str) -> int:
        """Return a descriptor that is closed after the test."""
        descriptor = self.root.locate(parts)
        self.addCleanup(os.close, descriptor)
        return descriptor

    def reached(self, *parts: str) -> str:
        """Return the virtual path of what *parts* lead to."""
        return str(self.root.reached(self.locate(*parts)))


class ReachedTests(RootTestCase):
    """What was found knows its virtual path."""

    def test_the_root_itself(self) -> None:
        """The root is ``/``."""
        self.assertEqual(self.reached(), "/")

    def test_the_root_of_the_machine(self) -> None:
        """Where the root is ``/``, virtual paths are real ones."""
        self.root = Root("/")
        self.assertEqual(self.reached("etc"), "/etc")
        self.assertEqual(self.reached(), "/")

    def test_what_was_removed_is_nowhere(self) -> None:
        """A file or directory that is gone has no path, whatever the system calls it."""
        for kind in ("file", "directory"):
            path = self.base / kind
            (path.touch if kind == "file" else path.mkdir)()
            descriptor = self.locate(kind)
            (path.unlink if kind == "file" else path.rmdir)()
            with self.assertRaises(FileNotFoundError, msg=kind):
                self.root.reached(descriptor)

    def test_a_removed_name_of_a_file_with_two_is_nowhere(self) -> None:
        """A file that lives on under another name is not found under the one that is gone."""
        (self.base / "name").touch()
        (self.base / "other").hardlink_to(self.base / "name")
        descriptor = self.locate("name")
        (self.base / "name").unlink()
        for _ in ("without such a file", "with one"):
            with self.assertRaises(FileNotFoundError):
                self.root.reached(descriptor)
            (self.base / "name (deleted)").touch()

    def test_a_file_may_be_called_deleted(self) -> None:
        """A name that looks like that of a removed file is a name like any other."""
        (self.base / "x (deleted)").touch()
        self.assertEqual(self.reached("x (deleted)"), "/x (deleted)")

    def test_what_is_moved_out_is_nowhere(self) -> None:
        """A file that is taken out of the root is not there any more."""
        (self.base / "file").touch()
        descriptor = self.locate("file")
        (self.base / "file").rename(self.base.parent / f"{self.base.name}-out")
        self.addCleanup((self.base.parent / f"{self.base.name}-out").unlink)
        with self.assertRaises(FileNotFoundError):
            self.root.reached(descriptor)

    def test_the_root_may_be_moved(self) -> None:
        """A session goes on when its root gets another name."""
        (self.base / "file").touch()
        self.base.rename(f"{self.base}-moved")
        self.assertEqual(self.reached("file"), "/file")

    def test_a_name_with_a_newline_is_nowhere(self) -> None:
        """What no client can name is not reached, not through a link either."""
        (self.base / "a\nb").mkdir()
        (self.base / "link").symlink_to("a\nb")
        for parts in (["a\nb"], ["link"]):
            with self.assertRaises(FileNotFoundError):
                self.root.reached(self.locate(*parts))


class FindTests(RootTestCase):
    """What is found tells where it is, unless who asks takes names as they are."""

    def find(self, path: str, **how: bool) -> str:
        """Return the virtual path of what was found."""
        descriptor, reached = self.root.find(resolve(path), **how)
        os.close(descriptor)
        return str(reached)

    def test_a_name_in_another_spelling_is_told(self) -> None:
        """Only who takes names as they are gets what was asked for."""
        (self.base / "secret").mkdir()
        self.root = FoldingRoot(str(self.base))
        self.assertEqual(self.find("/SECRET"), "/secret")
        self.assertEqual(self.find("/SECRET", takes_names=True), "/SECRET")

    def test_links_are_followed_either_way(self) -> None:
        """What a link leads to is told to everybody."""
        (self.base / "directory").mkdir()
        (self.base / "link").symlink_to("directory")
        for takes_names in (False, True):
            self.assertEqual(self.find("/link", takes_names=takes_names), "/directory")

    def test_a_root_that_was_removed_is_nowhere(self) -> None:
        """It has no path that could be taken, and nothing stays open."""
        self.base.rmdir()
        before = open_descriptors()
        for takes_names in (False, True):
            with self.assertRaises(FileNotFoundError):
                self.find("/", takes_names=takes_names)
        self.assertEqual(open_descriptors(), before)


class LocateTests(RootTestCase):
    """Finding in the kernel."""

    def test_a_root_must_be_a_directory(self) -> None:
        """A home that is missing or a file is refused."""
        (self.base / "file").touch()
        self.assertRaises(NotADirectoryError, Root, str(self.base / "file"))
        self.assertRaises(FileNotFoundError, Root, str(self.base / "missing"))

    def test_a_name_that_no_file_system_can_hold_is_refused(self) -> None:
        """A surrogate that stands for no octet is an error of the name."""
        error = self.assertRaises(OSError, self.root.locate, ["\ud800"])
        self.assertEqual(error.errno, errno.EILSEQ)

    def test_the_walk_decides_when_the_kernel_cannot(self) -> None:
        """Renames elsewhere, at any rate, keep no path from being found."""
        (self.base / "file").touch()
        asked: list[bytes] = []

        class Disturbed(Root):
            def _ask_kernel(self, root: int, path: bytes, how: _How) -> int:
                asked.append(path)
                raise os_error(errno.EAGAIN)

        self.root = Disturbed(str(self.base))
        self.assertEqual(self.reached("file"), "/file")
        self.assertEqual(asked, [b"file"] * confined.ATTEMPTS)

    def test_a_disturbed_kernel_is_asked_again(self) -> None:
        """One rename that comes in between costs one more call."""
        failures = [os_error(errno.EAGAIN)]

        class DisturbedOnce(Root):
            def _ask_kernel(self, root: int, path: bytes, how: _How) -> int:
                if failures:
                    raise failures.pop()
                return super()._ask_kernel(root, path, how)

        self.root = DisturbedOnce(str(self.base))
        self.assertEqual(self.reached(), "/")
        self.assertEqual(failures, [])

    def test_a_kernel_without_openat2_is_known(self) -> None:
        """Where the call is not there, or not allowed, the walk is taken from the start."""

        def refuse(directory: int, path: bytes, how: _How | None = None) -> int:
            raise os_error(errno.ENOSYS)

        self.patch(confined, "_openat2", refuse)
        confined.kernel_confines.cache_clear()
        self.addCleanup(confined.kernel_confines.cache_clear)
        self.assertFalse(confined.kernel_confines())
        (self.base / "file").touch()
        self.root = Root(str(self.base))
        self.assertEqual(self.reached("file"), "/file")
