# -*- test-case-name: tests.test_fuzzing -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What is fuzzed: a module a target, whose ``check`` takes any octets and raises where a law is broken.

Each is imported when it is asked for: what steers the search looks at what is imported only, and that takes time.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

__all__ = ["TARGETS", "load"]

#: Their names.
TARGETS = ("lines", "addresses", "paths", "arguments", "dialogue")


def load(name: str) -> Callable[[bytes], object]:
    """
    Return the function of a target.

    :raises ValueError: if there is no such target.
    """
    if name not in TARGETS:
        raise ValueError(f"the targets are {', '.join(TARGETS)}; {name!r} is none")
    check: Callable[[bytes], object] = import_module(f"{__name__}.{name}").check
    return check
