# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Paths, the options of LIST, and patterns.
"""

from __future__ import annotations

from ftpserver.core.paths import ROOT

from ..laws.paths import check_list_options, check_path, check_pattern

__all__ = ["check"]

#: Ends the directory, where one is given.
BEHIND_DIRECTORY = b"\x1e"


def check(octets: bytes) -> None:
    """The whole is what a client wrote; where 0x1E is in it, the directory that it is in stands before that."""
    first, is_there, rest = octets.partition(BEHIND_DIRECTORY)
    written, start = (rest, first) if is_there else (first, b"")
    for encoding in ("utf-8", "latin-1"):
        directory = check_path(start, ROOT, encoding)
        check_path(written, directory or ROOT, encoding)
    check_list_options(written)
    check_pattern(written)
