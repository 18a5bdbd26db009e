# -*- test-case-name: tests.test_holding -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Descriptors that calls in threads use, while the reactor thread may already be done with them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ..errors import StorageFailure

__all__ = ["HeldDescriptor"]


class HeldDescriptor:
    """
    A descriptor that is closed as soon as it was asked for and no call uses it any more.

    A call that was given up may still be in its thread. Were its descriptor closed meanwhile, the call would go on with
    whatever gets the same number next: another file, or a socket.

    :param descriptor: owned by this.
    :param release: closes it; must not block for long.
    """

    __slots__ = ("_descriptor", "_is_closed", "_lock", "_release", "_users")

    def __init__(self, descriptor: int, release: Callable[[int], object] = os.close) -> None:
        self._descriptor = descriptor
        self._release = release
        self._lock = threading.Lock()
        self._users = 0
        self._is_closed = False

    def __enter__(self) -> int:
        """
        Lend the descriptor to the ``with`` block, in any thread; blocks may overlap.

        :raises StorageFailure: when it was closed before: whoever asked had given the call up while it was in line.
        """
        with self._lock:
            if self._is_closed:
                raise StorageFailure("the descriptor was closed before")
            self._users += 1
        return self._descriptor

    def __exit__(self, *failure: object) -> None:
        with self._lock:
            self._users -= 1
            is_last = self._is_closed and self._users == 0
        if is_last:
            self._release(self._descriptor)

    def close(self) -> None:
        """Close it now, or when the last block that uses it ends; harmless when repeated."""
        with self._lock:
            is_last = not self._is_closed and self._users == 0
            self._is_closed = True
        if is_last:
            self._release(self._descriptor)
