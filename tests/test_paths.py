# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.paths.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.paths import MAXIMUM_PATH, ROOT, ForbiddenCharacter, VirtualPath, resolve

COMPONENTS = st.sampled_from(["a", "b", ".", "..", "", "...", "..\\", "%2e%2e", "~", "*", " ", "\udcff"])
WRITTEN = st.lists(COMPONENTS | st.text(max_size=5), max_size=12).map("/".join)


class ResolveTests(SynchronousTestCase):
    """From text to paths."""

    def test_texts_and_what_they_mean(self) -> None:
        """Paths are taken apart by their slashes, from the root or from the current directory."""
        directory = resolve("/home/me")
        for text, path in (
            ("/", "/"),
            ("", "/home/me"),
            (".", "/home/me"),
            ("..", "/home"),
            ("../../..", "/"),
            ("/../..", "/"),
            ("a", "/home/me/a"),
            ("a/", "/home/me/a"),
            ("//a///b/./c", "/a/b/c"),
            ("/a/b/../c", "/a/c"),
            ("/a/./../..//../b", "/b"),
            ("...", "/home/me/..."),
            ("~", "/home/me/~"),
            ("..\\..", "/home/me/..\\.."),
            ("%2e%2e/*[a]?", "/home/me/%2e%2e/*[a]?"),
            (" a ", "/home/me/ a "),
            ("/a\tb", "/a\tb"),
            ("/\udcff", "/\udcff"),
        ):
            self.assertEqual(str(resolve(text, directory)), path, f"for {text!r}")

    def test_other_kinds_of_path(self) -> None:
        """Paths of the standard library are taken, and virtual paths stay what they are."""
        path = resolve(PurePosixPath("a/b"), resolve("/c"))
        self.assertEqual(str(path), "/c/a/b")
        self.assertIs(resolve(path, resolve("/d")), path)

    def test_octets_that_no_path_has(self) -> None:
        """CR, LF and NUL are refused wherever they stand."""
        for text in ("\r", "a\nb", "/a/\0", "a\0/../b"):
            self.assertRaises(ForbiddenCharacter, resolve, text)

    def test_surrogates_that_stand_for_no_octet(self) -> None:
        """Half a character of UTF-16 is refused; it could not be written to any store."""
        for text in ("\ud800", "a\udc2f..", "/\udc00"):
            self.assertRaises(ValueError, resolve, text)

    def test_the_longest_path(self) -> None:
        """A path has 4,096 octets at most, counted in UTF-8."""
        self.assertEqual(len(str(resolve("/" + "a" * 4095))), MAXIMUM_PATH)
        self.assertEqual(len(resolve("/" + "é" * 2047).name), 2047)
        for text in ("/" + "a" * 4096, "/" + "é" * 2048, "../" * 1366, "a/" * 2049):
            self.assertRaises(ValueError, resolve, text)

    def test_relative_paths_do_not_grow_beyond_the_longest(self) -> None:
        """Nobody reaches a longer path by going down step by step."""
        directory = resolve("/" + "a" * 4000)
        self.assertRaises(ValueError, resolve, "b" * 200, directory)
        self.assertEqual(str(resolve("../" + "b" * 200, directory)), "/" + "b" * 200)

    @given(WRITTEN, WRITTEN)
    def test_no_text_leaves_the_root(self, text: str, directory: str) -> None:
        """Whatever is written, the path is refused or lies below the root, in normal form."""
        try:
            path = resolve(text, resolve(directory))
        except ValueError:
            return
        self.assertTrue(ROOT.contains(path))
        for part in path.parts:
            self.assertNotIn(part, ("", ".", ".."))
            self.assertFalse(set(part) & set("/\0\r\n"), part)

    @given(WRITTEN)
    def test_resolving_twice_changes_nothing(self, text: str) -> None:
        """The text of a path means the path itself."""
        try:
            path = resolve(text)
        except ValueError:
            return
        self.assertEqual(resolve(str(path)), path)
        self.assertEqual(resolve(str(path), resolve("/elsewhere")), path)


class VirtualPathTests(SynchronousTestCase):
    """The value."""

    def test_only_the_resolver_makes_one(self) -> None:
        """Nothing but resolve() and the methods of a path makes one."""
        self.assertRaises(TypeError, VirtualPath, ("..",))
        self.assertRaises(TypeError, VirtualPath, ("a",), _made_by=object())

    def test_it_does_not_change(self) -> None:
        """The parts of a path are fixed."""
        path = resolve("/a")
        self.assertRaises(AttributeError, setattr, path, "parts", ("..",))
        self.assertEqual(path.parts, ("a",))

    def test_equal_paths_are_equal_values(self) -> None:
        """Paths compare by what they mean, and with nothing else."""
        self.assertEqual(resolve("/a/b"), resolve("//a/./b"))
        self.assertEqual(hash(resolve("/a/b")), hash(resolve("//a/./b")))
        self.assertNotEqual(resolve("/a"), resolve("/A"))
        self.assertNotEqual(resolve("/a"), "/a")

    def test_name_and_parent(self) -> None:
        """The parent of the root is the root."""
        path = resolve("/a/b")
        self.assertEqual((path.name, str(path.parent), path.is_root), ("b", "/a", False))
        self.assertEqual((ROOT.name, ROOT.parent, ROOT.is_root), ("", ROOT, True))

    def test_entries(self) -> None:
        """An entry has one name, which may hold what only a listing must not show."""
        self.assertEqual(resolve("/a").child("b\n").parts, ("a", "b\n"))
        for name in ("", ".", "..", "a/b", "/", "a\0"):
            self.assertRaises(ValueError, ROOT.child, name)

    def test_containing(self) -> None:
        """A directory contains itself and what lies below it, compared name by name."""
        for directory, path, contains in (
            ("/", "/", True),
            ("/", "/a", True),
            ("/a", "/a", True),
            ("/a", "/a/b", True),
            ("/a", "/ab", False),
            ("/a/b", "/a", False),
        ):
            self.assertIs(resolve(directory).contains(resolve(path)), contains, f"{directory} and {path}")

    def test_text(self) -> None:
        """As text a path is what PWD shows."""
        self.assertEqual((str(ROOT), repr(resolve("/a"))), ("/", "<VirtualPath '/a'>"))
