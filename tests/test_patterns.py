# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.patterns.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.patterns import MAXIMUM_PATTERN, has_magic, matcher

NAMES = st.text("ab*?.\n\udcff", max_size=7)


def matches(pattern: str, name: str) -> bool:
    """Tell whether *pattern* describes *name*."""
    return bool(matcher(pattern)(name))


def described(pattern: str, name: str) -> bool:
    """Tell what a pattern without sets describes, by its definition; slow."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(described(pattern[1:], name[start:]) for start in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and described(pattern[1:], name[1:])


class MatchesTests(SynchronousTestCase):
    """Which names a pattern describes."""

    def test_patterns_and_names(self) -> None:
        """Stars, question marks and sets mean what they mean to a shell."""
        for pattern, name, expected in (
            ("*", "", True),
            ("*", "abc", True),
            ("*.txt", "a.txt", True),
            ("*.txt", "a.txt.gz", False),
            ("a*b*c", "aXbYc", True),
            ("a**c", "abc", True),
            ("a?c", "abc", True),
            ("a?c", "ac", False),
            ("[ab]x", "bx", True),
            ("[a-c]x", "bx", True),
            ("[a-c]x", "dx", False),
            ("[!a-c]x", "dx", True),
            ("[!a]x", "ax", False),
            ("[z-a]", "m", False),
            ("[]a]", "]", True),
            ("[!]a]", "]", False),
            ("[!]a]", "b", True),
            ("[!]", "[!]", True),
            ("[^a]", "^", True),
            ("[a-]", "-", True),
            ("[-a]", "-", True),
            ("[\\w]", "x", False),
            ("[a&&b]", "&", True),
            ("[a", "[a", True),
            ("[]", "[]", True),
            ("a", "a", True),
            ("a", "A", False),
            ("a.c", "abc", False),
            ("(a|b)+", "a", False),
            ("", "", True),
            ("", "a", False),
            ("é?", "éü", True),
            ("a", "a\n", False),
        ):
            self.assertIs(matches(pattern, name), expected, f"{pattern!r} and {name!r}")

    def test_a_leading_dot_must_be_written(self) -> None:
        """A star shows no hidden files."""
        for pattern, name, expected in (
            ("*", ".a", False),
            ("?a", ".a", False),
            ("[.]a", ".a", False),
            (".*", ".a", True),
        ):
            self.assertIs(matches(pattern, name), expected, f"{pattern!r} and {name!r}")

    @given(NAMES, NAMES)
    def test_stars_and_question_marks_by_their_definition(self, pattern: str, name: str) -> None:
        """But for the leading dot, a name matches as the definition says."""
        hidden = name.startswith(".") and not pattern.startswith(".")
        self.assertIs(matches(pattern, name), not hidden and described(pattern, name))

    @given(st.text(max_size=MAXIMUM_PATTERN) | st.text("[]!^-a&|~\\:", max_size=12), st.text(max_size=20))
    def test_any_pattern_can_be_asked(self, pattern: str, name: str) -> None:
        """No pattern raises."""
        self.assertIn(matches(pattern, name), (True, False))

    def test_the_worst_patterns(self) -> None:
        """Patterns that double their work with each star would not come to an end within a lifetime."""
        for pattern in ("a*a*a*a*b", "a*" * 100 + "b", "*a" * 100 + "*b", "*" * 200 + "b", "[!b]*" * 50 + "b"):
            self.assertIs(matches(pattern, "a" * 255), False, f"for {pattern!r}")


class MagicTests(SynchronousTestCase):
    """What is a pattern."""

    def test_signs_make_a_pattern(self) -> None:
        """A name with a star, a question mark or a bracket is a pattern, unless it is longer than any name."""
        for text, expected in (
            ("a*", True),
            ("?", True),
            ("[", True),
            ("a]", False),
            ("", False),
            ("{a,b}", False),
            ("*" + "a" * (MAXIMUM_PATTERN - 1), True),
            ("*" + "a" * MAXIMUM_PATTERN, False),
        ):
            self.assertIs(has_magic(text), expected, f"for {text[:20]!r}")
