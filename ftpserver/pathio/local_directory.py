# -*- test-case-name: tests.test_local_directory -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Listing a local directory in batches, so that no directory is ever held as a whole.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from ..errors import translating
from .found import Found, open_directory
from .leftovers import HIDDEN_PREFIX, clear_leftover, is_hidden
from .system import FileSystem

__all__ = ["LocalDirectory"]

T = TypeVar("T")

_scan = os.scandir


class LocalDirectory:
    """
    A directory that is listed.

    Everything but :meth:`close` may block and belongs into a thread.
    """

    def __init__(self, system: FileSystem, found: Found) -> None:
        self._system = system
        with found.held as descriptor, translating():
            self._descriptor = open_directory(descriptor)
            try:
                self._entries = _scan(self._descriptor)
            except BaseException:
                os.close(self._descriptor)
                raise
        self._lock = threading.Lock()
        self._is_closed = False

    def next_entries(self, amount: int) -> Sequence[tuple[str, os.stat_result | None]]:
        """
        Return names with stat values; ``None`` stands for those of a link, which is to be followed below the root.

        :param amount: entries at most; fewer are not the end, none are.
        """
        return self._read(self._next_entries, amount)

    def next_names(self, amount: int) -> tuple[list[str], list[str]]:
        """
        Return names of what is no link, and those of links.

        :param amount: names at most; fewer are not the end, none of either are.
        """
        return self._read(self._next_names, amount)

    def _read(self, function: Callable[[int], T], amount: int) -> T:
        try:
            with self._lock, translating():
                return function(amount)
        finally:
            if self._is_closed:
                self._release()

    def _next_entries(self, amount: int) -> Sequence[tuple[str, os.stat_result | None]]:
        while entries := [] if self._is_closed else list(islice(self._entries, amount)):
            if batch := _described(self._shown(entries)):
                return batch
        return []

    def _next_names(self, amount: int) -> tuple[list[str], list[str]]:
        while entries := [] if self._is_closed or not self._is_searchable() else list(islice(self._entries, amount)):
            if shown := self._shown(entries):
                links = [entry.name for entry in shown if entry.is_symlink()]
                return [entry.name for entry in shown if not links or not entry.is_symlink()], links
        return [], []

    def _is_searchable(self) -> bool:
        # Where the directory may be read and not searched, nothing may be known of an entry, not even that it is there.
        try:
            os.stat(".", dir_fd=self._descriptor)
        except PermissionError:
            return False
        return True

    def _shown(self, entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
        # One look at all names together costs a third of a look at each.
        if HIDDEN_PREFIX not in "/".join([entry.name for entry in entries]):
            return entries
        for entry in entries:
            if is_hidden(entry.name):
                clear_leftover(self._system, entry.name, self._descriptor)
        return [entry for entry in entries if not is_hidden(entry.name)]

    def close(self) -> None:
        """Let go of the directory: now, or when the call ends that still reads it."""
        self._is_closed = True
        self._release()

    def _release(self) -> None:
        # Whoever has the lock sees that it is closed when done, and comes here itself.
        if not self._lock.acquire(blocking=False):
            return
        try:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                self._entries.close()
                os.close(descriptor)
        finally:
            self._lock.release()


def _described(entries: list[os.DirEntry[str]]) -> list[tuple[str, os.stat_result | None]]:
    try:
        return [(entry.name, None if entry.is_symlink() else entry.stat(follow_symlinks=False)) for entry in entries]
    except (FileNotFoundError, PermissionError):
        # One has vanished, or the directory may be read and not searched. An entry remembers its stat values, so that
        # looking for those to leave out by halves asks for none of them twice.
        middle = len(entries) // 2
        return _described(entries[:middle]) + _described(entries[middle:]) if middle else []
