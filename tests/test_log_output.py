# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the format and the place of the log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.logger import ILogObserver
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ftpserver import log_output
from ftpserver.log_output import install
from ftpserver.observers.log import JSONLog, TextLog

ENTRY = {"log_time": 0.0, "log_format": "hello {name}", "name": "world", "log_namespace": "test"}


def twistd(**given: object) -> dict[str, Any]:
    """Return the options of twistd, with those that are *given*."""
    return {"logfile": None, "logger": None, "syslog": False, "nodaemon": True, **given}


class ClosedLogFile(LogFile):
    """A log file that the test can close, as the end of a process does."""

    opened: ClassVar[list[LogFile]] = []

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        LogFile.__init__(self, *arguments, **keywords)
        self.opened.append(self)

    @classmethod
    def close_all(cls) -> None:
        """Close those that were opened."""
        while cls.opened:
            cls.opened.pop().close()


class TwistdTests(SynchronousTestCase):
    """Tests for the log of twistd."""

    def setUp(self) -> None:
        """Catch the standard output, and leave the signals as they were."""
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.application = Componentized()
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))
        self.patch(log_output, "LogFile", ClosedLogFile)
        self.addCleanup(ClosedLogFile.close_all)
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.directory)

    def observer(self, log_format: str | None, **given: object) -> Any:
        """Return the observer that is installed, if any."""
        install(self.application, twistd(**given), log_format)
        return self.application.getComponent(ILogObserver, None)

    def test_the_standard_output(self) -> None:
        """In the foreground, the log is the standard output unless a file is named; text is the default."""
        for given in ({}, {"logfile": "-"}):
            self.observer(None, **given)(ENTRY)
        lines = self.output.getvalue().splitlines()
        self.assertEqual([line.partition("] ")[2] for line in lines], ["hello world", "hello world"])

    def test_json(self) -> None:
        """JSON has one object a line."""
        self.observer("json")(ENTRY)
        entry = json.loads(self.output.getvalue())
        self.assertEqual((entry["message"], entry["name"]), ("hello world", "world"))

    def test_a_file(self) -> None:
        """The file that twistd was told is the log."""
        self.observer("text", logfile="own.log")(ENTRY)
        self.assertIn("hello world", (self.directory / "own.log").read_text())
        self.assertEqual(self.output.getvalue(), "")

    def test_a_daemon(self) -> None:
        """A daemon that was told nothing writes where twistd always does."""
        self.observer("text", nodaemon=False)(ENTRY)
        self.assertIn("hello world", (self.directory / "twistd.log").read_text())

    def test_what_twistd_does_itself(self) -> None:
        """The log of the system, an observer of one's own, and what cannot be are left to twistd."""
        for given in ({"syslog": True}, {"logger": "x.y"}, {"logfile": "-", "nodaemon": False}):
            self.assertIs(self.observer("json", **given), None, repr(given))


class RotationTests(TestCase):
    """Tests for the rotation of a log file."""

    def setUp(self) -> None:
        """Leave the signal as it was."""
        self.patch(log_output, "LogFile", ClosedLogFile)
        self.addCleanup(ClosedLogFile.close_all)
        self.path = Path(self.mktemp()).absolute()
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))

    def install(self) -> Any:
        """Return the observer of a log file."""
        application = Componentized()
        install(application, twistd(logfile=str(self.path)), "text")
        return application.getComponent(ILogObserver)

    async def test_a_signal_rotates(self) -> None:
        """SIGUSR1 begins another file, as with the files that twistd opens."""
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        observer = self.install()
        observer({**ENTRY, "name": "first"})
        signal.raise_signal(signal.SIGUSR1)
        await self.until_the_reactor_has_turned()
        observer({**ENTRY, "name": "second"})
        self.assertIn("first", self.path.with_name(self.path.name + ".1").read_text())
        self.assertIn("second", self.path.read_text())

    async def until_the_reactor_has_turned(self) -> None:
        """Wait until what was asked for from the signal handler is done."""
        from twisted.internet.defer import Deferred

        turned: Deferred[None] = Deferred()
        loop: Any = reactor
        loop.callFromThread(turned.callback, None)
        await turned

    def test_another_handler_stays(self) -> None:
        """A program that has a use of its own for the signal keeps it."""
        handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.assertIsNot(handler, signal.SIG_IGN)
        self.install()
        self.assertIs(signal.getsignal(signal.SIGUSR1), signal.SIG_IGN)


class TwistTests(SynchronousTestCase):
    """Tests for the log of twist."""

    def factory(self, log_format: str | None, told: str) -> object:
        """Return what writes the log where twist was *told* a format."""
        runner: dict[str, Any] = {"fileLogObserverFactory": None, "logFormat": told}
        install(Componentized(), runner, log_format)
        return runner["fileLogObserverFactory"]

    def test_the_format_of_the_file_wins(self) -> None:
        """The format of the configuration wins over that of twist, which wins over the default."""
        table = [("json", "text", JSONLog), ("text", "json", TextLog), (None, "json", JSONLog), (None, "text", TextLog)]
        for log_format, told, expected in table:
            self.assertIs(self.factory(log_format, told), expected, repr((log_format, told)))
