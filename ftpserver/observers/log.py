# -*- test-case-name: tests.test_log -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Events as log entries, and entries as text or JSON lines.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import IO, Any

from twisted.logger import (
    ILogObserver,
    LogEvent,
    Logger,
    eventAsText,
    formatEvent,
    formatTime,
)
from zope.interface import implementer

from ..core.events import (
    ConnectionRefused,
    Event,
    LoginFailed,
    Outcome,
    SessionEvent,
    TransferEvent,
)
from ..interfaces import IObserver

__all__ = ["JSONLog", "LogObserver", "TextLog"]

_MESSAGES = {
    "Connected": "{session} {peer} connected",
    "Disconnected": "{session} {peer} {user} disconnected: {reason}",
    "LoggedIn": "{session} {peer} {user} logged in",
    "LoggedOut": "{session} {peer} {user} logged out",
    "LoginFailed": "{session} {peer} {user} login failed: {reason}",
    "Deleted": "{session} {peer} {user} deleted {path}",
    "Renamed": "{session} {peer} {user} renamed {path} to {new_path}",
    "DirectoryMade": "{session} {peer} {user} made the directory {path}",
    "DirectoryRemoved": "{session} {peer} {user} removed the directory {path}",
    "AttributesChanged": "{session} {peer} {user} changed {path}: {change}",
    "ConnectionRefused": "{peer} refused: {reason}",
}

_TRANSFER = (
    "{session} {peer} {user} {command} {path}: {outcome} {code}, {bytes} bytes in {seconds:.3f} s, {rate} bytes/s"
)


@implementer(IObserver)
class LogObserver:
    """Writes each event to the log of Twisted, one entry each, with the fields of the event beside the message."""

    log = Logger(namespace="ftpserver")

    def __call__(self, event: Event) -> None:
        """Log *event*."""
        fields = {one.name: _plain(getattr(event, one.name)) for one in dataclasses.fields(event)}
        # "time" would be taken for the time of the entry's own writing, which is the same.
        del fields["time"]
        kind = type(event).__name__
        fields["event"] = kind
        if isinstance(event, TransferEvent):
            fields["rate"] = round(event.bytes / event.seconds) if event.seconds > 0 else 0
            write = self.log.info if event.outcome is Outcome.COMPLETE else self.log.warn
            write(_TRANSFER, **fields)
        elif isinstance(event, LoginFailed | ConnectionRefused):
            self.log.warn(_MESSAGES[kind], **fields)
        elif isinstance(event, SessionEvent):
            self.log.info(_MESSAGES[kind], **fields)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    return printable(value) if isinstance(value, str) else value


def printable(text: str) -> str:
    """Return *text* with everything escaped that could forge a line, move a cursor, or not be written as UTF-8."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode() for sign in text
    )


class _LineLog:
    """
    Writes lines to a file; a full disk costs entries, never the server.

    :param file: text file.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = 0

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except (OSError, ValueError):
            # There is nowhere left to tell of it; the count is for whoever looks.
            self.lost += 1


@implementer(ILogObserver)
class TextLog(_LineLog):
    """A log of text lines."""

    def __call__(self, event: LogEvent) -> None:
        """Write *event*; a traceback takes several lines, each of which is marked."""
        first, *rest = eventAsText(event).splitlines() or [""]
        self._write("\n".join([first, *("\t" + line for line in rest)]))


@implementer(ILogObserver)
class JSONLog(_LineLog):
    """A log of one flat JSON object a line."""

    def __call__(self, event: LogEvent) -> None:
        """Write *event*."""
        entry: dict[str, Any] = {
            "time": formatTime(event["log_time"]),
            "level": getattr(event.get("log_level"), "name", ""),
            "namespace": event.get("log_namespace", ""),
            "message": formatEvent(event),
        }
        if "log_failure" in event:
            entry["traceback"] = event["log_failure"].getTraceback()
        for name, value in event.items():
            if not name.startswith("log_") and name not in _NOISE:
                entry.setdefault(name, value if isinstance(value, str | int | float | bool | None) else repr(value))
        self._write(json.dumps(entry, ensure_ascii=True, allow_nan=False, default=repr))


#: What Twisted adds for its old log system.
_NOISE = frozenset({"time", "message", "format", "isError", "system", "why", "failure", "logLevel"})
