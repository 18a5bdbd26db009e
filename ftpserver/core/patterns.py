# -*- test-case-name: tests.test_patterns -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Patterns of names for LIST and NLST: ``*``, ``?`` and ``[...]`` in the last component of a path.

Matching keeps one point to return to, so it takes at most the product of the two lengths, whatever the pattern.
"""

from __future__ import annotations

__all__ = ["MAXIMUM_PATTERN", "has_magic", "matches"]

#: A name has 255 octets at most; a longer pattern is taken literally.
MAXIMUM_PATTERN = 255


def has_magic(text: str) -> bool:
    """Tell whether *text* is a pattern and not only a name."""
    return len(text) <= MAXIMUM_PATTERN and any(sign in text for sign in "*?[")


def matches(pattern: str, name: str) -> bool:
    """Tell whether *name* is one that *pattern* describes; a leading dot must be written."""
    if name.startswith(".") and not pattern.startswith("."):
        return False
    tokens = _tokens(pattern)
    position = token = 0
    star: tuple[int, int] | None = None
    while position < len(name):
        if token < len(tokens) and tokens[token] is None:
            star = (token + 1, position)
            token += 1
        elif token < len(tokens) and _fits(tokens[token], name[position]):
            token += 1
            position += 1
        elif star is not None:
            star = (star[0], star[1] + 1)
            token, position = star
        else:
            return False
    return all(rest is None for rest in tokens[token:])


#: ``None`` is any text; a pair is whether the set excludes, and its ranges.
_Token = tuple[bool, tuple[tuple[str, str], ...]] | None


def _fits(token: _Token, character: str) -> bool:
    if token is None:
        return False
    excludes, ranges = token
    return excludes != any(low <= character <= high for low, high in ranges)


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        end = pattern.find("]", position + 2) if sign == "[" else -1
        if sign == "*":
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
        elif sign == "?":
            tokens.append((True, ()))
        elif end > 0:
            tokens.append(_set(pattern[position + 1 : end]))
            position = end
        else:
            tokens.append((False, ((sign, sign),)))
        position += 1
    return tokens


def _set(text: str) -> _Token:
    excludes = len(text) > 1 and text[0] in "!^"
    text = text[1:] if excludes else text
    ranges = []
    position = 0
    while position < len(text):
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            ranges.append((text[position], text[position + 2]))
            position += 3
        else:
            ranges.append((text[position], text[position]))
            position += 1
    return excludes, tuple(ranges)
