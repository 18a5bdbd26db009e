# -*- test-case-name: tests.test_hangup -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
SIGHUP: the wish that files be read again, or the end of the terminal that the process was started in.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.logger import Logger

__all__ = ["Hangup"]

#: The descriptor that a process has its terminal on, if it has one.
STANDARD_INPUT = 0


class Hangup:
    """
    What SIGHUP does from :meth:`listen` to :meth:`forget`, both in the main thread.

    :param reactor: which *function* is called in.
    :param function: called without arguments.
    """

    log = Logger()

    def __init__(self, reactor: Any, function: Callable[[], object]) -> None:
        self._reactor = reactor
        self._function = function
        self._before: Any = None
        self._is_listening = False
        self._had_terminal = False

    def listen(self) -> None:
        """Take the signal."""
        self._had_terminal = os.isatty(STANDARD_INPUT)
        self._before = signal.signal(signal.SIGHUP, self._received)
        self._is_listening = True

    def forget(self) -> None:
        """Leave the signal to what it did before; harmless where it was not taken."""
        if self._is_listening:
            self._is_listening = False
            signal.signal(signal.SIGHUP, signal.SIG_DFL if self._before is None else self._before)

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        # The reactor may be in the middle of anything, or asleep.
        self._reactor.callFromThread(self._act)

    def _act(self) -> None:
        if self._had_terminal and not os.isatty(STANDARD_INPUT):
            self.log.info("the terminal is gone")
            self._reactor.stop()
        else:
            self._function()
