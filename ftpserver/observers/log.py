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
import time
from typing import IO, Any

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsText, formatEvent, formatTime
from twisted.python.reflect import safe_repr
from zope.interface import implementer

from ..core.events import (
    Banned,
    ConnectionRefused,
    Event,
    ForeignProtocol,
    LoginFailed,
    MoreRefused,
    Outcome,
    SessionEvent,
    TransferEvent,
)
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
    "ForeignProtocol": "{session} {peer} spoke {protocol} and was cut off",
    "ConnectionRefused": "{peer} refused: {reason}",
    "MoreRefused": "{count} more connections were refused",
    "Banned": "{source} banned for {seconds:.0f} s: {reason}",
    "BanEnded": "{source} banned no more; {refused} connections were refused",
}

_TRANSFER = _WHO + " {command} {path!r}: {outcome} {code}, {bytes} bytes in {seconds:.3f} s, {rate} bytes/s"

#: What makes an entry look otherwise than its message says.
_UNUSUAL = frozenset({"log_failure", "log_flattened", "log_system"})

#: Messages that hold nothing but the plain fields of an entry.
_PLAIN = frozenset({*_MESSAGES.values(), _TRANSFER})


@implementer(IObserver)
class LogObserver:
    """
    Writes each event to the log of Twisted, one entry each, with the fields of the event beside the message.

    A failed login, a connection that was refused or cut off, a ban and a transfer that is not complete are warnings. An
    event of one's own kind is written with its name.

    :param log: where the entries go; by default the log of Twisted, in the namespace ``ftpserver``.
    """

    def __init__(self, log: Logger | None = None) -> None:
        # As an attribute of the class it would take the name of the class for its namespace.
        self._log = log or Logger(namespace="ftpserver")

    def __call__(self, event: Event) -> None:
        """Log *event*."""
        form = _FORMS.get(type(event)) or _form(type(event))
        fields: dict[str, Any] = {name: getattr(event, name) for name in form.names}
        for name in form.shaped:
            fields[name] = _field(name, fields[name])
        level = LogLevel.warn if form.warns else LogLevel.info
        if isinstance(event, TransferEvent):
            fields["rate"] = round(event.bytes / event.seconds) if event.seconds > 0 else 0
            level = LogLevel.info if event.outcome is Outcome.COMPLETE else LogLevel.warn
        # As Logger.emit does, which sorts all levels to know whether the one that it was given is one.
        log = self._log
        fields.update(
            event=form.name,
            log_logger=log,
            log_level=level,
            log_namespace=log.namespace,
            log_source=log.source,
            log_format=form.message,
            log_time=time.time(),
        )
        log.observer(fields)


class _Form:
    """
    How the events of one kind become entries.

    :ivar names: of the fields.
    :ivar shaped: those of them whose values are not written as they are.
    """

    __slots__ = ("message", "name", "names", "shaped", "warns")

    def __init__(self, kind: type[Event]) -> None:
        self.name = kind.__name__
        # "time" would be taken for the time of the entry's own writing, which is the same.
        self.names = tuple(one.name for one in dataclasses.fields(kind) if one.name != "time")
        is_ours = kind.__module__ == Event.__module__
        self.shaped = tuple(name for name in self.names if not is_ours or name in _SHAPED)
        self.warns = issubclass(kind, _WARNINGS)
        fallback = _WHO + " {event}" if issubclass(kind, SessionEvent) else "{event}"
        self.message = _TRANSFER if issubclass(kind, TransferEvent) else _MESSAGES.get(self.name, fallback)


_WARNINGS = (Banned, ConnectionRefused, ForeignProtocol, LoginFailed, MoreRefused)

_SHAPED = frozenset({"change", "outcome", "reason"})

#: To ask the class of each event anew takes longer than all the rest.
_FORMS: dict[type[Event], _Form] = {}


def _form(kind: type[Event]) -> _Form:
    return _FORMS.setdefault(kind, _Form(kind))


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

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        self._second = -1
        self._time = ""

    def __call__(self, event: LogEvent) -> None:
        """Write *event*; a traceback takes several lines, each of which begins with a tab."""
        text = self._text(event)
        if text.isprintable():
            self._write(text)
            return
        first, *rest = text.split("\n")
        self._write("\n\t".join([printable(first), *(printable(line) for line in rest if line)]))

    def _text(self, event: LogEvent) -> str:
        message = event.get("log_format")
        when = event.get("log_time")
        if message not in _PLAIN or when is None or not _UNUSUAL.isdisjoint(event):
            return eventAsText(event)
        # An entry of ours says the same so, in a tenth of the time, which was a third of that of a login.
        try:
            told = message.format_map(event)
        except (LookupError, ValueError):
            return eventAsText(event)
        return f"{self._clock(when)} [{event['log_namespace']}#{event['log_level'].name}] {told}"

    def _clock(self, when: float) -> str:
        second = math.floor(when)
        if second != self._second:
            self._second, self._time = second, formatTime(when)
        return self._time


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
