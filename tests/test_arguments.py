# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the forms of arguments.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.commands.arguments import Argument, ArgumentMissing, ArgumentNotTaken, Context, Parsed
from ftpserver.core.listing import ListOptions
from ftpserver.core.paths import ForbiddenCharacter, resolve

CONTEXT = Context(resolve("/home"))


class ArgumentTests(SynchronousTestCase):
    """Each form makes values of the octets behind a verb."""

    def assert_parses(self, argument: Argument, octets: bytes | None, path: str | None, *values: object) -> None:
        """Assert what an argument is understood as."""
        place = None if path is None else resolve(path)
        self.assertEqual(argument.parse(octets, CONTEXT), Parsed(place, values), (argument.name, octets))

    def test_nothing_is_nothing_or_blanks(self) -> None:
        """A command without an argument may be followed by blanks and by nothing else."""
        self.assert_parses(Argument.NONE, None, None)
        self.assert_parses(Argument.NONE, b"  ", None)
        self.assertRaises(ArgumentNotTaken, Argument.NONE.parse, b" x", CONTEXT)

    def test_text_loses_the_blanks_around_it(self) -> None:
        """Blanks around a text mean nothing."""
        self.assert_parses(Argument.TEXT, b" A  N ", None, "A  N")
        self.assert_parses(Argument.OPTIONAL_TEXT, b" ALL ", None, "ALL")
        self.assert_parses(Argument.OPTIONAL_TEXT, None, None, "")
        self.assert_parses(Argument.OCTETS, b" 1,2 ", None, b"1,2")

    def test_a_needed_argument_must_be_there(self) -> None:
        """A form that needs something refuses nothing."""
        for argument in (Argument.TEXT, Argument.OCTETS, Argument.PATH, Argument.WORD_AND_PATH):
            for octets in (None, b""):
                self.assertRaises(ArgumentMissing, argument.parse, octets, CONTEXT)

    def test_names_and_passwords_are_kept_verbatim(self) -> None:
        """Every blank of a name or password counts."""
        self.assert_parses(Argument.VERBATIM, b"  a b ", None, "  a b ")
        self.assert_parses(Argument.VERBATIM, None, None, "")

    def test_paths_are_resolved(self) -> None:
        """A path is relative to the current directory, and all blanks of it count."""
        self.assert_parses(Argument.PATH, b" a ", "/home/ a ", resolve("/home/ a "))
        self.assert_parses(Argument.PATH, b"../x", "/x", resolve("/x"))
        self.assert_parses(Argument.OPTIONAL_PATH, None, "/home", resolve("/home"))
        self.assert_parses(Argument.OPTIONAL_PATH, b"/", "/", resolve("/"))

    def test_a_path_with_a_line_end_is_refused(self) -> None:
        """CR, LF and NUL are in no path."""
        for octet in (b"\r", b"\n", b"\0"):
            self.assertRaises(ForbiddenCharacter, Argument.PATH.parse, b"a" + octet, CONTEXT)

    def test_octets_of_another_encoding_survive(self) -> None:
        """What is not UTF-8 comes back as the same octets."""
        name = Argument.PATH.parse(b"\xe9", CONTEXT).path
        assert name is not None
        self.assertEqual(name.name.encode("utf-8", "surrogateescape"), b"\xe9")
        latin = Argument.TEXT.parse(b"\xe9", Context(resolve("/"), "latin-1"))
        self.assertEqual(latin.values, ("\xe9",))

    def test_a_name_has_one_text(self) -> None:
        """Octets that the encoding lacks are what they are in the names of files, so that rules for these hold."""
        for encoding in ("ascii", "utf-8"):
            self.assertEqual(Context(CONTEXT.directory, encoding).text(b"n\xc3\xa9"), "n\xe9")
        self.assertEqual(Context(CONTEXT.directory, "ascii").text(b"n\xe9"), "n\udce9")
        self.assertEqual(Context(CONTEXT.directory, "latin-1").text(b"n\xe9"), "n\xe9")

    def test_listings_take_options_and_a_path(self) -> None:
        """Options of ``ls`` stand before the path."""
        self.assert_parses(Argument.LISTING, None, "/home", resolve("/home"), ListOptions(False, ""), None)
        self.assert_parses(Argument.LISTING, b"a", "/home/a", resolve("/home/a"), ListOptions(False, "a"), None)
        self.assert_parses(
            Argument.LISTING,
            b"-lR a",
            "/home/a",
            resolve("/home/a"),
            ListOptions(True, "a"),
            resolve("/home/-lR a"),
        )

    def test_status_takes_nothing_or_a_listing(self) -> None:
        """STAT is about the session without an argument, and about a path with one."""
        self.assert_parses(Argument.STATUS, None, None, None, None, None)
        self.assert_parses(Argument.STATUS, b" ", None, None, None, None)
        self.assert_parses(Argument.STATUS, b"a", "/home/a", resolve("/home/a"), ListOptions(False, "a"), None)

    def test_a_word_stands_before_a_path(self) -> None:
        """Both the word and the path must be there; the path keeps its blanks."""
        self.assert_parses(Argument.WORD_AND_PATH, b"644  a", "/home/ a", b"644", resolve("/home/ a"))
        for octets in (b"644", b"644 ", b" a"):
            self.assertRaises(ArgumentMissing, Argument.WORD_AND_PATH.parse, octets, CONTEXT)
