# -*- test-case-name: tests.test_log -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Events as log entries, and entries as text or JSON lines.

Names that clients choose are quoted in the message, so that none can pass for another part of the line, and whatever
could end a line or move a cursor is escaped.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from typing import IO, Any

from twisted.logger import ILogObserver, LogEvent, Logger, eventAsText, formatEvent, formatTime
from twisted.python.reflect import safe_repr
from zope.interface import implementer

from ..core.events import ConnectionRefused, Event, LoginFailed, Outcome, SessionEvent, TransferEvent
from ..interfaces import IObserver

__all__ = ["JSONLog", "LogObserver", "TextLog", "printable"]

_WHO = "{session} {peer} {user!r}"

_MESSAGES = {
    "Connected": "{session} {peer} connected",
    "Disconnected": _WHO + " disconnected: {reason}",
    "Secured": _WHO + " is under {version}",
    "LoggedIn": _WHO + " logged in",
    "LoggedOut": _WHO + " logged out",
    "LoginFailed": _WHO + " login failed: {reason}",
    "Deleted": _WHO + " deleted {path!r}",
    "Renamed": _WHO + " renamed {path!r} to {new_path!r}",
    "DirectoryMade": _WHO + " made the directory {path!r}",
    "DirectoryRemoved": _WHO + " removed the directory {path!r}",
    "AttributesChanged": _WHO + " changed {path!r}: {change}",
    "ConnectionRefused": "{peer} refused: {reason}",
}

_TRANSFER = _WHO + " {command} {path!r}: {outcome} {code}, {bytes} bytes in {seconds:.3f} s, {rate} bytes/s"


@implementer(IObserver)
class LogObserver:
    """
    Writes each event to the log of Twisted, one entry each, with the fields of the event beside the message.

    A failed login, a refused connection and a transfer that is not complete are warnings. An event of one's own kind is
    written with its name.

    :param log: where the entries go; by default the log of Twisted, in the namespace ``ftpserver``.
    """

    def __init__(self, log: Logger | None = None) -> None:
        # As an attribute of the class it would take the name of the class for its namespace.
        self._log = log or Logger(namespace="ftpserver")

    def __call__(self, event: Event) -> None:
        """Log *event*."""
        fields = {one.name: _field(one.name, getattr(event, one.name)) for one in dataclasses.fields(event)}
        # "time" would be taken for the time of the entry's own writing, which is the same.
        del fields["time"]
        fields["event"] = type(event).__name__
        if isinstance(event, TransferEvent):
            fields["rate"] = round(event.bytes / event.seconds) if event.seconds > 0 else 0
        write = self._log.warn if _is_warning(event) else self._log.info
        write(_message(event), **fields)


def _is_warning(event: Event) -> bool:
    if isinstance(event, TransferEvent):
        return event.outcome is not Outcome.COMPLETE
    return isinstance(event, LoginFailed | ConnectionRefused)


def _message(event: Event) -> str:
    if isinstance(event, TransferEvent):
        return _TRANSFER
    fallback = _WHO + " {event}" if isinstance(event, SessionEvent) else "{event}"
    return _MESSAGES.get(type(event).__name__, fallback)


def _field(name: str, value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    # The others that are text are quoted where a message shows them.
    return printable(value) if name in ("reason", "change") else value


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
    :ivar lost: entries that could not be written.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = 0

    def _write(self, line: str) -> None:
        try:
            try:
                self._file.write(line + "\n")
            except UnicodeEncodeError:
                self._file.write(line.encode("ascii", "backslashreplace").decode() + "\n")
            self._file.flush()
        except (OSError, ValueError):
            # There is nowhere left to tell of it; the count is for whoever looks.
            self.lost += 1


@implementer(ILogObserver)
class TextLog(_LineLog):
    """A log of text lines."""

    def __call__(self, event: LogEvent) -> None:
        """Write *event*; a traceback takes several lines, each of which begins with a tab."""
        first, *rest = eventAsText(event).split("\n")
        self._write("\n\t".join([printable(first), *(printable(line) for line in rest if line)]))


@implementer(ILogObserver)
class JSONLog(_LineLog):
    """A log of one flat JSON object a line."""

    def __call__(self, event: LogEvent) -> None:
        """Write *event*."""
        entry: dict[str, Any] = {
            "time": formatTime(event.get("log_time")),
            "level": getattr(event.get("log_level"), "name", ""),
            "namespace": event.get("log_namespace", ""),
            "message": formatEvent(event),
        }
        if "log_failure" in event:
            entry["traceback"] = event["log_failure"].getTraceback()
        for name, value in event.items():
            if not name.startswith("log_") and name not in _NOISE:
                entry.setdefault(name, value)
        self._write(json.dumps({_text(name): _json_value(value) for name, value in entry.items()}))


def _json_value(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool | None) or (isinstance(value, int) and abs(value) <= _LARGEST_INTEGER):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(safe_repr(value))


def _text(text: str) -> str:
    """Return *text* without surrogates, at which some readers of JSON give up the line."""
    return text.encode("utf-8", "backslashreplace").decode()


#: Beyond this, readers that know only double precision would get another number (RFC 8259, section 6).
_LARGEST_INTEGER = 2**53 - 1

#: What Twisted adds for its old log system.
_NOISE = frozenset({"time", "message", "format", "isError", "system", "why", "failure", "logLevel"})
