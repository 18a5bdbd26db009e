# -*- test-case-name: tests.test_local_directory -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Listing a local directory in batches, so that no directory is ever held as a whole.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from ..errors import translating
from .found import Found, open_directory
from .leftovers import clear_leftover, is_hidden
from .system import FileSystem

__all__ = ["LocalDirectory"]

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
        try:
            with self._lock, translating():
                return self._next_entries(amount)
        finally:
            if self._is_closed:
                self._release()

    def _next_entries(self, amount: int) -> Sequence[tuple[str, os.stat_result | None]]:
        batch: list[tuple[str, os.stat_result | None]] = []
        for entry in () if self._is_closed else self._entries:
            if is_hidden(entry.name):
                clear_leftover(self._system, entry.name, self._descriptor)
            else:
                self._add(entry, batch)
            if len(batch) >= amount:
                break
        return batch

    @staticmethod
    def _add(entry: os.DirEntry[str], batch: list[tuple[str, os.stat_result | None]]) -> None:
        try:
            batch.append((entry.name, None if entry.is_symlink() else entry.stat(follow_symlinks=False)))
        except (FileNotFoundError, PermissionError):
            # It has vanished, or the directory may be read and not searched.
            return

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
