# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for SIGHUP.
"""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Callable

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import hangup
from ftpserver.hangup import Hangup


class SignalReactor(MemoryReactorClock):
    """A reactor in memory that is woken by signals, and can be stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[Callable[[], object]] = []

    def callFromThread(self, function: Callable[[], object]) -> None:
        """Keep *function* until the reactor is awake."""
        self.woken.append(function)

    def wake(self) -> None:
        """Do what a signal has left to do."""
        for function in self.woken:
            function()
        self.woken.clear()


class HangupTests(SynchronousTestCase):
    """Tests for the signal."""

    def setUp(self) -> None:
        """Put back at the end what the signal did before."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.reactor = SignalReactor()
        self.calls: list[None] = []
        self.hangup = Hangup(self.reactor, lambda: self.calls.append(None))

    def test_the_function_is_called_in_the_reactor(self) -> None:
        """The signal itself does nothing; the reactor then calls the function, once for each signal."""
        self.hangup.listen()
        for number in (1, 2):
            signal.raise_signal(signal.SIGHUP)
            self.assertEqual(len(self.calls), number - 1)
            self.reactor.wake()
            self.assertEqual(len(self.calls), number)

    def test_the_signal_is_given_back(self) -> None:
        """In the end the signal does again what it did before."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.hangup.listen()
        self.hangup.forget()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

    def test_what_was_not_taken_is_not_given_back(self) -> None:
        """Somebody else's signal is left alone."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.hangup.forget()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

    def test_a_handler_that_python_does_not_know(self) -> None:
        """What was set by another language cannot be given back; then the signal does what it does by itself."""
        self.patch(signal, "signal", self.without_a_handler(signal.signal))
        self.hangup.listen()
        self.hangup.forget()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)

    def without_a_handler(self, real: Callable[..., object]) -> Callable[..., object]:
        """Return *real*, which then says that Python does not know what was there before."""

        def set_handler(number: int, handler: object) -> None:
            real(number, handler)

        return set_handler

    def test_the_end_of_the_terminal(self) -> None:
        """A server in a terminal ends with it, as a program does that knows nothing of the signal."""
        terminal, end = pty.openpty()
        self.patch(hangup, "STANDARD_INPUT", end)
        self.hangup.listen()
        signal.raise_signal(signal.SIGHUP)
        self.reactor.wake()
        self.assertEqual((len(self.calls), self.reactor.hasStopped), (1, False))
        os.close(terminal)
        signal.raise_signal(signal.SIGHUP)
        self.reactor.wake()
        os.close(end)
        self.assertEqual((len(self.calls), self.reactor.hasStopped), (1, True))
