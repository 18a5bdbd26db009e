# -*- test-case-name: tests.test_patterns -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Patterns of names for LIST and NLST: ``*``, ``?`` and ``[...]`` in the last component of a path.

The standard library makes a regular expression of a pattern, in which no star but the last gives back what it has
taken; so matching takes at most the product of the two lengths, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

__all__ = ["MAXIMUM_PATTERN", "has_magic", "matcher"]

#: A name has 255 octets at most; a longer pattern is taken literally.
MAXIMUM_PATTERN = 255

#: Patterns that are kept compiled: one for each listing under way, mostly.
PATTERNS_KEPT = 64


def has_magic(text: str) -> bool:
    """Tell whether *text* is a pattern and not only a name."""
    return len(text) <= MAXIMUM_PATTERN and any(sign in text for sign in "*?[")


@lru_cache(maxsize=PATTERNS_KEPT)
def matcher(pattern: str) -> Callable[[str], object]:
    """
    Return what tells of a name, by a true value, whether *pattern* describes it; a leading dot must be written.
    """
    compiled = translate(pattern)
    return re.compile(compiled if pattern.startswith(".") else rf"(?!\.){compiled}").match
