# -*- test-case-name: tests.test_log_output -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The log of the process in the format that the configuration asks for, in the place that twistd or twist was told.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, MutableMapping
from typing import IO, Any, cast

from twisted.logger import ILogObserver
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from .observers.log import JSONLog, TextLog

__all__ = ["install"]

_FORMATS: Mapping[str, type[JSONLog | TextLog]] = {"json": JSONLog, "text": TextLog}


def install(application: Componentized, runner: MutableMapping[str, Any], log_format: str | None) -> None:
    """
    Make the log of *application* have the format *log_format*.

    :param runner: the options of twistd or twist.
    :param log_format: ``text``, ``json``, or ``None`` for what twist was told, with twistd text.
    """
    if "fileLogObserverFactory" in runner:
        runner["fileLogObserverFactory"] = _FORMATS[log_format or runner["logFormat"]]
    elif not _chosen_elsewhere(runner):
        application.setComponent(ILogObserver, _FORMATS[log_format or "text"](_file(runner)))


def _chosen_elsewhere(runner: Mapping[str, Any]) -> bool:
    # A daemon cannot log to the standard output; twistd itself says so.
    impossible = runner["logfile"] == "-" and not runner["nodaemon"]
    return bool(runner["syslog"] or runner["logger"] or impossible)


def _file(runner: Mapping[str, Any]) -> IO[str]:
    name = runner["logfile"]
    if name == "-" or (runner["nodaemon"] and not name):
        return sys.stdout
    file = LogFile.fromFullPath(name or "twistd.log")
    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        # As twistd itself does for the files that it opens.
        signal.signal(signal.SIGUSR1, lambda _signal, _frame: _rotate_soon(file))
    return cast(IO[str], file)


def _rotate_soon(file: LogFile) -> None:
    # Imported on use: importing it at the top would install the default reactor.
    from twisted.internet import reactor

    cast(Any, reactor).callFromThread(file.rotate)
