# -*- test-case-name: tests.test_docs -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The bounds that are fixed in the code, read from its source together with their reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ftpserver

__all__ = ["Limit", "limits"]


@dataclass(frozen=True, slots=True)
class Limit:
    """
    One constant.

    :ivar name: in the module.
    :ivar module: where it stands.
    :ivar value: a number, as it is written.
    :ivar reason: the comment above it.
    """

    name: str
    module: str
    value: str
    reason: str


def limits() -> Iterator[Limit]:
    """Yield the numbers of the package that a ``#:`` comment explains."""
    package = Path(ftpserver.__file__).parent
    for file in sorted(package.rglob("*.py")):
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        yield from _of_module(module, file.read_text("utf-8"))


def _of_module(module: str, source: str) -> Iterator[Limit]:
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float() as value)):
                reason = _comment_above(lines, statement.lineno - 1)
                if reason and not isinstance(value, bool) and not name.startswith("_"):
                    yield Limit(name, module, f"{value:,}", reason)


def _comment_above(lines: list[str], index: int) -> str:
    # One comment may stand above several constants.
    while index and lines[index - 1][:1].isalpha():
        index -= 1
    words: list[str] = []
    while index and lines[index - 1].startswith("#:"):
        index -= 1
        words.insert(0, lines[index].removeprefix("#:").strip())
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"``\1``", " ".join(words))
