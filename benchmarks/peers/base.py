# -*- test-case-name: tests.test_benchmarks_peers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a server that can be measured is.
"""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from ..cases import Variant
from ..client import Door, Security
from ..site import Site

__all__ = ["Absent", "Given", "Peer", "said"]

#: Everything that a server can be.
EVERY: frozenset[Variant] = frozenset({"clear", "tls", "limited"})


class Absent(Exception):
    """A server that cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Given:
    """
    What the command line says about where servers are.

    :ivar pythons: by server, the interpreter that has its package.
    :ivar programs: by server, its program.
    """

    pythons: Mapping[str, Path] = field(default_factory=dict)
    programs: Mapping[str, Path] = field(default_factory=dict)


class Peer(ABC):
    """
    A server that is on this machine.

    :cvar name: for the command line, and in tables.
    :cvar variants: how it can be configured.
    :cvar lacks: commands that it does not know.
    :cvar tls: how its TLS begins.
    """

    name: ClassVar[str]
    variants: frozenset[Variant] = EVERY
    lacks: ClassVar[frozenset[str]] = frozenset()
    tls: ClassVar[Security] = "explicit"

    #: As it calls it itself.
    version: str

    @classmethod
    @abstractmethod
    def find(cls, given: Given) -> Self:
        """
        Look for the server.

        :raises Absent: if it is not there, or cannot be used.
        """

    @abstractmethod
    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """Write what configuration the server needs, and return the words that start it in the foreground."""

    def environment(self) -> dict[str, str]:
        """Return the environment that it needs."""
        return dict(os.environ)

    def door(self, port: int, variant: Variant) -> Door:
        """Return how a client enters it."""
        return Door(port, self.tls if variant == "tls" else "off", lacks=self.lacks)


def said(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """
    Return what a program says that ends by itself, on whichever channel.

    vsftpd tells its version on its standard input.

    :raises Absent: if it cannot be run.
    """
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8", errors="replace") as pipe, open(writing, "wb") as end:
        try:
            subprocess.run(words, stdin=end, stdout=end, stderr=end, env=environment, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Absent(str(error)) from error
        end.close()
        return pipe.read()
