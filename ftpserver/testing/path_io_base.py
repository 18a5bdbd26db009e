# -*- test-case-name: tests.test_path_io_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of a store share: what it can do, how it is asked, and how long it may take.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from twisted.trial.unittest import SkipTest

from ..awaiting import as_deferred
from ..core.paths import VirtualPath, resolve
from ..errors import NoSuchPath, NotADirectory, PathError

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _Base
else:
    # A mixin: as a TestCase it would be collected, and run, wherever it is imported.
    _Base = object

__all__ = ["PathIOAsking"]

T = TypeVar("T")

#: What a path below something that is no directory may be called.
MISSING = (NoSuchPath, NotADirectory)

#: Octets asked for at once by the tests that read all of a file.
PIECE = 4096


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


class PathIOAsking(_Base):
    """
    What a store can do, and how the tests ask it; see :class:`~ftpserver.testing.PathIOContract`.

    :cvar atomic: whether an upload has no name, and an old file stays, until it is closed.
    :cvar partial: what is left of an upload to a new name that is aborted: ``keep`` or ``remove``.
    :cvar keeps_times: whether :meth:`~ftpserver.interfaces.IPathIO.set_modified` has an effect.
    :cvar time_precision: seconds by which a time that was set may differ when it is asked for.
    :cvar keeps_modes: whether :meth:`~ftpserver.interfaces.IPathIO.chmod` has an effect.
    :cvar supports_links: whether :meth:`make_link` makes links.
    :cvar supports_fifos: whether :meth:`make_fifo` makes FIFOs.
    :cvar odd_names: names that the store keeps as they are.
    :cvar patience: seconds within which every answer comes.
    """

    atomic: bool = True
    partial: Literal["keep", "remove"] = "keep"
    keeps_times: bool = True
    time_precision: float = 0.001
    keeps_modes: bool = True
    supports_links: bool = False
    supports_fifos: bool = False
    odd_names: tuple[str, ...] = (
        " blanks ",
        "-dash",
        ".dot",
        "...",
        "~",
        "per%cent%s{0}",
        "quote\"'",
        "back\\slash",
        "st*r?[a]",
        "é\u202e\U0001f600",
        "octets\udcff\udc80",
        "n" * 255,
    )
    patience: float = 30.0

    # What the author of a store provides.

    def make_path_io(self) -> Any:
        """
        Return a store, or a coroutine or Deferred of one.

        Called again in the same test it returns another session of the same files, which are none at first.
        """
        raise NotImplementedError("a test of a store says how to make one")

    def make_link(self, link: VirtualPath, target: str) -> None:
        """Make a symbolic link with the text *target* at *link*, which the store itself has no call for."""
        raise NotImplementedError("a store with links says how to make one")

    def make_fifo(self, path: VirtualPath) -> None:
        """Make a FIFO at *path*."""
        raise NotImplementedError("a store with FIFOs says how to make one")

    def make_outside(self, content: bytes) -> str:
        """Make a file with *content* outside of the root, and return its path as the text of a link would have it."""
        raise NotImplementedError("a store with links says what is outside of its root")

    def read_outside(self, path: str) -> bytes:
        """Return what the file that :meth:`make_outside` made holds now."""
        raise NotImplementedError("a store with links says what is outside of its root")

    # How the tests ask.

    async def _store(self) -> Any:
        made = self.make_path_io()
        store = await self._answer(made) if inspect.isawaitable(made) else made
        self.addCleanup(lambda: as_deferred(self._answer(store.close())))
        return store

    async def _answer(self, awaitable: Awaitable[T]) -> T:
        self.assertTrue(inspect.isawaitable(awaitable), f"neither a coroutine nor a Deferred: {type(awaitable)}")
        answer = as_deferred(awaitable)
        if not answer.called:
            answer.addTimeout(self.patience, _reactor(), self._too_late)
        return await answer

    def _too_late(self, result: object, seconds: float) -> object:
        raise self.failureException(f"there was no answer within {seconds} seconds")

    async def _refused(
        self, awaitable: Awaitable[object], kinds: type[PathError] | tuple[type[PathError], ...], what: str = ""
    ) -> None:
        try:
            answer = await self._answer(awaitable)
        except kinds:
            return
        except self.failureException:
            raise
        except Exception as error:  # noqa: BLE001 - which of them it was is what is told
            answer = repr(error)
        self.fail(f"not refused as it should be: {what} {answer}")

    def _needs(self, power: bool, reason: str) -> None:
        if not power:
            raise SkipTest(f"does not apply: this store {reason}")

    # What they ask for.

    async def _write(self, store: Any, path: str, content: bytes = b"content", mode: str = "wb") -> None:
        file = await self._answer(store.open(resolve(path), mode))
        if content:
            await self._answer(file.write(content))
        await self._answer(file.close())

    async def _read(self, store: Any, path: str) -> bytes:
        file = await self._answer(store.open(resolve(path), "rb"))
        content = await self._read_open(file)
        await self._answer(file.close())
        return content

    async def _read_open(self, file: Any) -> bytes:
        pieces = []
        while piece := await self._answer(file.read(PIECE)):
            self.assertLessEqual(len(piece), PIECE, "more was read than asked for")
            pieces.append(bytes(piece))
        return b"".join(pieces)

    async def _exists(self, store: Any, path: str) -> bool:
        try:
            await self._answer(store.stat(resolve(path)))
        except MISSING:
            return False
        return True

    async def _assert_names(self, store: Any, directory: str, names: Iterable[str], message: str = "") -> None:
        found = await self._answer(store.list(resolve(directory)))
        self.assertEqual(sorted(found), sorted(names), message or f"the names in {directory}")

    async def _assert_content(self, store: Any, path: str, content: bytes, message: str = "") -> None:
        self.assertEqual(await self._read(store, path), content, message or f"the content of {path}")
