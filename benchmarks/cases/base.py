# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a case is, and what it works with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from ..amounts import Amounts
from ..client import Door, Session
from ..processes import ProcessTree
from ..results import Measured
from ..site import Site

__all__ = ["Case", "Incomplete", "Meter", "Task", "Variant"]

#: How a server is configured: without TLS, with it, or with speed limits.
Variant = Literal["clear", "tls", "limited"]


class Incomplete(Exception):
    """The server did less than it said; the text says what is missing."""


class Meter:
    """
    CPU time of a server, and time, from the beginning of some work to its end.

    :param tree: the processes of the server.
    :ivar cpu: seconds of CPU.
    :ivar wall: seconds.
    """

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self.cpu = self.wall = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what happens within; the server rests before it and after it."""
        cpu, began = self._tree.settled_cpu(), time.perf_counter()
        yield
        self.wall = time.perf_counter() - began
        self.cpu = self._tree.settled_cpu() - cpu

    def per(self, units: float, **extra: float) -> Measured:
        """Return the CPU seconds for each of so many units."""
        labelled = {label.replace("_", " "): value for label, value in extra.items()}
        return Measured(self.cpu / units, units, self.wall, labelled)


@dataclass(frozen=True, slots=True)
class Task:
    """
    What one round of a case gets.

    :ivar door: of the server.
    :ivar site: what is served.
    :ivar amounts: of work.
    :ivar tree: the processes of the server.
    """

    door: Door
    site: Site
    amounts: Amounts
    tree: ProcessTree
    _open: ExitStack = field(default_factory=ExitStack)

    def meter(self) -> Meter:
        """Return a new meter."""
        return Meter(self.tree)

    def session(self) -> Session:
        """Return a session that is logged in, type image."""
        session = self._open.enter_context(closing(Session(self.door)))
        return session.image()

    def close(self) -> None:
        """Close every session."""
        self._open.close()


@dataclass(frozen=True, slots=True)
class Case:
    """
    One kind of work.

    :ivar name: for the command line.
    :ivar title: for people.
    :ivar unit: what is counted, as in "CPU seconds per ...".
    :ivar run: does it once.
    :ivar variant: how servers are configured for it.
    :ivar figure: label of the figure, unless it is CPU time.
    :ivar command: one that a server must know.
    :ivar compares: whether the figures of two servers have a ratio that means something.
    :ivar is_fresh: whether each round needs a server that has done nothing yet.
    """

    name: str
    title: str
    unit: str
    run: Callable[[Task], Measured]
    variant: Variant = "clear"
    figure: str = ""
    command: str = ""
    compares: bool = True
    is_fresh: bool = False

    @property
    def label(self) -> str:
        """What the figure is."""
        return self.figure or f"CPU s per {self.unit}"
