# -*- test-case-name: tests.test_descriptor -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A socket in the reactor: who waits for it is told when it is ready.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Descriptor"]


@implementer(IReadWriteDescriptor)
class Descriptor:
    """
    A socket that a coroutine reads and writes itself, and waits for here.

    :param reactor: provides IReactorFDSet.
    :param handle: non-blocking; whoever made the descriptor closes it, after :meth:`forget`.
    """

    def __init__(self, reactor: Any, handle: socket.socket) -> None:
        self.handle = handle
        self._reactor = reactor
        self._reader: Deferred[None] | None = None
        self._writer: Deferred[None] | None = None

    def readable(self) -> Deferred[None]:
        """Return a Deferred that fires when there is something to read, an end or an error; it can be cancelled."""
        self._reader = Deferred(self._forget_reader)
        self._reactor.addReader(self)
        return self._reader

    def writable(self) -> Deferred[None]:
        """Return a Deferred that fires when the socket takes more, or has an error; it can be cancelled."""
        self._writer = Deferred(self._forget_writer)
        self._reactor.addWriter(self)
        return self._writer

    def _forget_reader(self, _deferred: Deferred[None]) -> None:
        self._stop_reading()

    def _forget_writer(self, _deferred: Deferred[None]) -> None:
        self._stop_writing()

    def _stop_reading(self) -> Deferred[None] | None:
        self._reactor.removeReader(self)
        waiting, self._reader = self._reader, None
        return waiting

    def _stop_writing(self) -> Deferred[None] | None:
        self._reactor.removeWriter(self)
        waiting, self._writer = self._writer, None
        return waiting

    def forget(self) -> None:
        """Leave the reactor, which has it only while somebody waits."""
        if self._reader is not None:
            self._stop_reading()
        if self._writer is not None:
            self._stop_writing()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.handle.fileno()

    def logPrefix(self) -> str:
        """Return the name of this kind of descriptor."""
        return "FTP data connection"

    def doRead(self) -> None:
        """Wake who waits to read."""
        _fire(self._stop_reading())

    def doWrite(self) -> None:
        """Wake who waits to write."""
        _fire(self._stop_writing())

    def connectionLost(self, reason: Failure) -> None:
        """Wake who waits: the next call on the socket tells what has happened to it."""
        _fire(self._stop_reading())
        _fire(self._stop_writing())


def _fire(waiting: Deferred[None] | None) -> None:
    if waiting is not None:
        waiting.callback(None)
