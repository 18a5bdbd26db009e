# -*- test-case-name: tests.test_fuzzing -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The inputs that are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["CORPUS", "inputs", "keep", "name_of"]

CORPUS = Path(__file__).parent / "corpus"


def name_of(octets: bytes) -> str:
    """Return the name of the file that holds *octets*, which is the one that libFuzzer gives it, too."""
    return hashlib.sha1(octets, usedforsecurity=False).hexdigest()


def inputs(target: str, corpus: Path = CORPUS) -> Iterator[tuple[Path, bytes]]:
    """Give each file of a target and what it holds."""
    for path in sorted((corpus / target).glob("*")):
        yield path, path.read_bytes()


def keep(target: str, octets: bytes, corpus: Path = CORPUS) -> Path:
    """Keep an input."""
    directory = corpus / target
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name_of(octets)
    path.write_bytes(octets)
    return path
