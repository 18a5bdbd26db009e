# -*- test-case-name: tests.test_calls -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where the calls of one store are made: in the reactor thread, without a Deferred, or in another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .confined import CrossesMounts
from .mounts import Stopwatch
from .roots import LazyRoot
from .threads import StorageThreads

__all__ = ["ELSEWHERE", "Calls"]

#: Stands for the outcome of a call that was not made.
ELSEWHERE = object()


class Calls:
    """
    Makes the calls of the store of one login.

    :param root: the root of the store.
    :param threads: where calls are made that may block; ``None`` is here.
    """

    __slots__ = ("_is_here", "_root", "_threads")

    def __init__(self, root: LazyRoot, threads: StorageThreads | None) -> None:
        self._root = root
        self._threads = threads
        self._is_here = threads is None or root.is_forced

    def is_inline(self, stays: bool) -> bool:
        """
        Tell whether a call on what was found is made in the reactor thread now.

        :param stays: whether that is known to be on the mount of the root.
        """
        return self._is_here or (stays and self._root.inline_mount() is not None)

    def moves_inline(self, stays: bool) -> bool:
        """
        Tell whether the reactor thread may move the octets of an open file.

        :param stays: see :meth:`is_inline`.
        """
        mount = self._root.mount if stays else None
        return self._is_here or (mount is not None and mount.moves_inline)

    def find_here(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """
        Make a call as :meth:`find` does, if it is one for the reactor thread.

        :returns: :data:`ELSEWHERE` if not, with nothing done.
        """
        if self._is_here:
            return function(*arguments, False)
        mount = self._root.inline_mount()
        if mount is None:
            return ELSEWHERE
        try:
            return mount.call(function, *arguments, True)
        except CrossesMounts:
            return ELSEWHERE

    async def find(self, function: Callable[..., Any], *arguments: Any, dispose: Any = None) -> Any:
        """
        Call ``function(*arguments, stay)``, which begins at the root.

        :param function: raises :class:`~ftpserver.pathio.confined.CrossesMounts`, with nothing done, where it is told
            to stay on the mount of the root and cannot: then it is called again, in a thread.
        :param dispose: see :meth:`~ftpserver.pathio.threads.StorageThreads.run`.
        """
        outcome = self.find_here(function, *arguments)
        if outcome is not ELSEWHERE:
            return outcome
        call = _Measured(self._root, function, arguments)
        return await self.in_thread(call, dispose=dispose, returned=call.report)

    async def act(self, stays: bool, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """
        Call *function* on what was found.

        :param stays: whether that is known to be on the mount of the root.
        :param keywords: see :meth:`in_thread`.
        """
        if self._is_here:
            return function(*arguments)
        mount = self._root.inline_mount() if stays else None
        if mount is not None:
            return mount.call(function, *arguments)
        return await self.in_thread(function, *arguments, **keywords)

    def here(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call *function* in the reactor thread, which :meth:`is_inline` has allowed."""
        mount = None if self._is_here else self._root.inline_mount()
        return function(*arguments) if mount is None else mount.call(function, *arguments)

    async def in_thread(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """
        Call *function* where it may block.

        :param keywords: see :meth:`~ftpserver.pathio.threads.StorageThreads.run`.
        """
        if self._threads is None:
            return function(*arguments)
        return await self._threads.run(self._root.base_path, function, *arguments, **keywords)

    def took(self, seconds: float) -> None:
        """Hear how long a call that moved octets took in the reactor thread."""
        mount = self._root.inline_mount()
        if mount is not None:
            mount.took(seconds)


class _Measured:
    """A call that begins at the root, made in a thread."""

    __slots__ = ("_arguments", "_function", "_root", "_watch")

    def __init__(self, root: LazyRoot, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._root = root
        self._function = function
        self._arguments = arguments
        self._watch: Stopwatch | None = None

    def __call__(self) -> Any:
        """Make the call; where it leads to another mount, the time tells nothing of that of the root."""
        watch = Stopwatch()
        try:
            outcome = self._function(*self._arguments, True)
        except CrossesMounts:
            return self._function(*self._arguments, False)
        except BaseException:
            self._stop(watch)
            raise
        self._stop(watch)
        return outcome

    def _stop(self, watch: Stopwatch) -> None:
        watch.stop()
        self._watch = watch

    def report(self) -> None:
        """Tell the mount, in the reactor thread."""
        mount = self._root.mount
        if mount is not None and self._watch is not None:
            mount.was_measured(self._watch)
