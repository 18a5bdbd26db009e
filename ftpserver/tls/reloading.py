# -*- test-case-name: tests.test_tls_reloading -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
New certificates without a restart.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..timer import Timer
from .contexts import Contexts
from .files import Path
from .sources import Source

__all__ = ["Reloader"]

#: What a file looks like from outside: device, inode, size, nanoseconds of its last change; ``None`` for a missing one.
Look = tuple[int, int, int, int] | None


class Reloader:
    """
    Loads a source, and again when it has changed.

    :param source: loaded at once.
    :raises ValueError: if it cannot be.
    :ivar source: what was loaded last without an error.
    :ivar contexts: what it gave.
    :ivar refusal: tells why a file cannot be read any more, where something else than the file itself is the reason.
    """

    log = Logger()

    def __init__(self, source: Source) -> None:
        self.source = source
        self.refusal: Callable[[Path], str | None] = lambda _file: None
        self._seen: tuple[Look, ...] = ()
        self._changing: tuple[Look, ...] | None = None
        self._timer: Timer | None = None
        self.contexts = self._load(source)

    def reload(self, source: Source | None = None) -> bool:
        """
        Load the source anew, or another one in its place.

        :returns: whether that worked; if not, the log says why, and what was loaded before stays.
        """
        chosen = source or self.source
        try:
            self.contexts = self._load(chosen)
        except ValueError as error:
            self.log.error(
                "the certificates are not reloaded, those from before stay: {reason}", reason=str(error), error=error
            )
            return False
        self.source = chosen
        self.log.info("the certificates are reloaded")
        return True

    def watch(self, reactor: IReactorTime, seconds: float) -> None:
        """
        Look at the files time and again, and reload when they have changed and changed no more since the look before.

        One that is written just now, or whose key is not there yet, is so not taken half.
        """
        self.unwatch()
        timer = Timer(reactor, lambda: self._look(timer, seconds))
        timer.set(seconds)
        self._timer = timer

    def unwatch(self) -> None:
        """Look no more; harmless when nobody does."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()

    def _load(self, source: Source) -> Contexts:
        # Before they are read: a change in between is then one more.
        self._seen = _looks(source)
        self._changing = None
        for reason in map(self.refusal, source.files):
            if reason is not None:
                raise ValueError(reason)
        loaded = source.load()
        for warning in loaded.warnings:
            self.log.warn("{text}", text=warning)
        return loaded.contexts

    def _look(self, timer: Timer, seconds: float) -> None:
        timer.set(seconds)
        looks = _looks(self.source)
        if looks == self._changing:
            self.reload()
        else:
            self._changing = looks if looks != self._seen else None


def _looks(source: Source) -> tuple[Look, ...]:
    return tuple(_look(file) for file in source.files)


def _look(file: str | os.PathLike[str]) -> Look:
    try:
        found = os.stat(file)
    except (OSError, ValueError, TypeError):
        # What is wrong with it is told when it is read.
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
