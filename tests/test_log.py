# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.observers.log.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, capturedLogs, eventAsText
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver.core.events import (
    AttributesChanged,
    BanEnded,
    Banned,
    Connected,
    ConnectionRefused,
    Deleted,
    DirectoryMade,
    DirectoryRemoved,
    Disconnected,
    Event,
    ForeignProtocol,
    Listed,
    LoggedIn,
    LoggedOut,
    LoginFailed,
    MoreRefused,
    Outcome,
    Renamed,
    Retrieved,
    SessionEvent,
    Stored,
    TransferEvent,
)
from ftpserver.interfaces import IObserver
from ftpserver.observers.log import JSONLog, LogObserver, TextLog, printable

SESSION: dict[str, Any] = {"time": 1.0, "session": "42-7", "sequence": 3, "peer": "192.0.2.1", "user": "alice"}

#: One event of each kind, and what its entry says.
MESSAGES: list[tuple[Event, str]] = [
    (Connected(**SESSION, port=21), "42-7 192.0.2.1 connected"),
    (Disconnected(**SESSION, reason="closed"), "42-7 192.0.2.1 'alice' disconnected: closed"),
    (LoggedIn(**SESSION), "42-7 192.0.2.1 'alice' logged in"),
    (LoggedOut(**SESSION), "42-7 192.0.2.1 'alice' logged out"),
    (LoginFailed(**SESSION, reason="wrong password"), "42-7 192.0.2.1 'alice' login failed: wrong password"),
    (Deleted(**SESSION, path="/a b"), "42-7 192.0.2.1 'alice' deleted '/a b'"),
    (Renamed(**SESSION, path="/a", new_path="/b"), "42-7 192.0.2.1 'alice' renamed '/a' to '/b'"),
    (DirectoryMade(**SESSION, path="/d"), "42-7 192.0.2.1 'alice' made the directory '/d'"),
    (DirectoryRemoved(**SESSION, path="/d"), "42-7 192.0.2.1 'alice' removed the directory '/d'"),
    (
        AttributesChanged(**SESSION, path="/a", change="UNIX.mode=0644"),
        "42-7 192.0.2.1 'alice' changed '/a': UNIX.mode=0644",
    ),
    (ForeignProtocol(**SESSION, protocol="HTTP"), "42-7 192.0.2.1 spoke HTTP and was cut off"),
    (ConnectionRefused(time=1.0, peer="192.0.2.1", reason="too many"), "192.0.2.1 refused: too many"),
    (MoreRefused(time=1.0, count=12), "12 more connections were refused"),
    (Banned(time=1.0, source="192.0.2.1", reason="10 failed", seconds=600), "192.0.2.1 banned for 600 s: 10 failed"),
    (BanEnded(time=1.0, source="192.0.2.1", refused=3), "192.0.2.1 banned no more; 3 connections were refused"),
]


def transfer(kind: type[TransferEvent] = Retrieved, **changes: Any) -> TransferEvent:
    """Return a transfer of 3,000 octets in two seconds."""
    details: dict[str, Any] = {
        "command": "RETR",
        "path": "/a",
        "bytes": 3000,
        "seconds": 2.0,
        "outcome": Outcome.COMPLETE,
        "code": 226,
    }
    return kind(**SESSION | details | changes)


@dataclass(frozen=True, kw_only=True)
class Greeted(SessionEvent):
    """An event that a command of somebody's own publishes."""

    words: str


@dataclass(frozen=True, kw_only=True)
class Reloaded(Event):
    """An event that belongs to no session."""


def text_of(event: Event) -> str:
    """Return what a text log says of *event*."""
    file = io.StringIO()
    LogObserver(Logger("ftpserver", observer=TextLog(file)))(event)
    return file.getvalue()


def object_of(event: Event) -> dict[str, Any]:
    """Return what a JSON log says of *event*."""
    file = io.StringIO()
    LogObserver(Logger("ftpserver", observer=JSONLog(file)))(event)
    (line,) = file.getvalue().splitlines()
    entry: dict[str, Any] = json.loads(line)
    return entry


class LogObserverTests(SynchronousTestCase):
    def test_it_is_an_observer(self) -> None:
        """It provides IObserver."""
        self.assertTrue(verifyObject(IObserver, LogObserver()))

    def test_each_event_says_what_happened_in_one_line(self) -> None:
        """Session, address and login come first, then what happened."""
        for event, message in MESSAGES:
            line = text_of(event)
            self.assertTrue(line.endswith(f"] {message}\n"), line)
            self.assertEqual(line.count("\n"), 1, line)

    def test_a_transfer_is_one_line_with_its_figures(self) -> None:
        """A transfer tells verb, path, outcome, code, octets, seconds and rate, for all three kinds of it."""
        for kind in (Stored, Retrieved, Listed):
            self.assertTrue(
                text_of(transfer(kind)).endswith(
                    "42-7 192.0.2.1 'alice' RETR '/a': complete 226, 3000 bytes in 2.000 s, 1500 bytes/s\n"
                ),
                kind,
            )

    def test_a_transfer_that_took_no_time_has_no_rate(self) -> None:
        """Where the clock has not moved, the rate is told as 0."""
        self.assertIn("0.000 s, 0 bytes/s", text_of(transfer(seconds=0.0)))

    def test_failures_are_warnings(self) -> None:
        """A failed login, a client turned away, a ban and a transfer that is not complete are warnings."""
        failures: list[Event] = [transfer(outcome=one) for one in Outcome if one is not Outcome.COMPLETE]
        warnings = LoginFailed | ConnectionRefused | MoreRefused | Banned | ForeignProtocol
        failures += [event for event, _ in MESSAGES if isinstance(event, warnings)]
        for event, _ in [*MESSAGES, *((one, "") for one in [*failures, transfer()])]:
            self.assertEqual(object_of(event)["level"], "warn" if event in failures else "info", event)

    def test_the_fields_stand_beside_the_message(self) -> None:
        """What the event holds is in the entry, too, for whoever evaluates it."""
        entry = object_of(transfer(outcome=Outcome.ABORTED, code=426))
        del entry["time"], entry["message"]
        self.assertEqual(
            entry,
            {
                "level": "warn",
                "namespace": "ftpserver",
                "event": "Retrieved",
                "session": "42-7",
                "sequence": 3,
                "peer": "192.0.2.1",
                "user": "alice",
                "command": "RETR",
                "path": "/a",
                "bytes": 3000,
                "seconds": 2.0,
                "rate": 1500,
                "outcome": "aborted",
                "code": 426,
                "unclosed": False,
            },
        )

    def test_a_text_log_says_what_the_log_of_twisted_would_say(self) -> None:
        """The lines of the server's own events are those that Twisted's formatter makes."""
        with capturedLogs() as captured:
            for event in [*(one for one, _ in MESSAGES), transfer(), Greeted(**SESSION, words="hello")]:
                LogObserver()(event)
        seen = list(captured)
        seen += [{**entry, "log_time": 0.5} for entry in seen]
        seen += [{**seen[0], "log_system": "elsewhere"}, {**seen[0], "log_time": None}]
        seen += [{name: value for name, value in seen[0].items() if name != "peer"}]
        file = io.StringIO()
        text = TextLog(file)
        for entry in seen:
            text(entry)
        self.assertEqual(file.getvalue().splitlines(), [eventAsText(entry) for entry in seen])

    def test_events_of_ones_own_are_logged_by_name(self) -> None:
        """An event that the server does not know is an entry with its name and its fields."""
        entry = object_of(Greeted(**SESSION, words="hello"))
        self.assertEqual(entry["message"], "42-7 192.0.2.1 'alice' Greeted")
        self.assertEqual(entry["words"], "hello")
        self.assertEqual(object_of(Reloaded(time=1.0))["message"], "Reloaded")

    def test_entries_go_to_the_log_of_twisted_by_default(self) -> None:
        """Without a logger of one's own the entries go where all of Twisted writes, in the namespace "ftpserver"."""
        with capturedLogs() as seen:
            LogObserver()(MESSAGES[0][0])
        self.assertEqual([one["log_namespace"] for one in seen], ["ftpserver"])

    def test_a_name_cannot_pass_for_another_part_of_the_line(self) -> None:
        """A login that looks like the rest of an entry stands in quotes, with its own quotes escaped."""
        line = text_of(LoginFailed(**SESSION | {"user": "root' logged in"}, reason="unknown user"))
        self.assertIn("""192.0.2.1 "root' logged in" login failed: unknown user""", line)

    @given(st.text(), st.text())
    def test_no_name_breaks_the_line_or_the_format(self, login: str, path: str) -> None:
        """Whatever a client calls itself and its files, the entry is one printable line that holds both names."""
        event = Renamed(**SESSION | {"user": login}, path=path, new_path="{0}%s${x}")
        line = text_of(event)
        self.assertTrue(line.endswith("\n"))
        self.assertTrue(line[:-1].isprintable(), repr(line))
        self.assertIn(f"42-7 192.0.2.1 {login!r} renamed {path!r} to '{{0}}%s${{x}}'", line)

    def test_a_reason_cannot_break_the_line(self) -> None:
        """What a user manager says for the log is escaped, too, for it may repeat what the client wrote."""
        self.assertIn(r"failed: no user a\r\nb\x1b[2J", text_of(LoginFailed(**SESSION, reason="no user a\r\nb\x1b[2J")))


class PrintableTests(SynchronousTestCase):
    def test_readable_text_stays_as_it_is(self) -> None:
        """Letters of every script, blanks and backslashes are kept."""
        for text in ("", "a b", "Grüße", "Привет", "你好", "C:\\x"):
            self.assertEqual(printable(text), text)

    def test_what_could_forge_a_line_is_escaped(self) -> None:
        """Line ends, escape sequences, directions of writing and stray octets are shown as escapes."""
        for text, shown in [
            ("a\r\nb", r"a\r\nb"),
            ("\x1b[0m", r"\x1b[0m"),
            ("\u2028", r"\u2028"),
            ("\u202e", r"\u202e"),
            ("\udcff", r"\udcff"),
            ("\x85", r"\x85"),
        ]:
            self.assertEqual(printable(text), shown)


class FullDisk(io.RawIOBase):
    """A disk with little room left, which somebody makes larger in time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data[: self.room])
        if not piece:
            raise OSError(28, "No space left on device")
        self.room -= len(piece)
        self.content += piece
        return len(piece)


def entry(text: str, **fields: Any) -> dict[str, Any]:
    """Return an entry as a logger makes it."""
    return {"log_format": "{text}", "log_time": 0.0, "log_level": LogLevel.info, "text": text, **fields}


class TextLogTests(SynchronousTestCase):
    def test_a_traceback_is_marked(self) -> None:
        """Every line of a traceback behind the first begins with a tab, so that none looks like an entry."""
        file = io.StringIO()
        try:
            raise ValueError("first\nsecond")
        except ValueError:
            Logger("x", observer=TextLog(file)).failure("it failed")
        first, *rest = file.getvalue().splitlines()
        self.assertTrue(first.endswith("it failed"), first)
        self.assertTrue(rest)
        self.assertEqual([line for line in rest if not line.startswith("\t")], [])

    def test_whatever_any_entry_holds_is_escaped(self) -> None:
        """An entry of some other part of the process cannot send an escape sequence either."""
        file = io.StringIO()
        TextLog(file)(entry("a\x1b[2J\rb\x85c\u2028d\udc80"))
        self.assertTrue(file.getvalue().endswith("a\\x1b[2J\\rb\\x85c\\u2028d\\udc80\n"), file.getvalue())

    def test_an_entry_without_anything_is_an_empty_line(self) -> None:
        """An entry that has no text at all is written and hurts nobody."""
        file = io.StringIO()
        TextLog(file)({})
        self.assertEqual(file.getvalue().count("\n"), 1)

    def test_a_file_in_a_poor_encoding_gets_escapes(self) -> None:
        """A letter that the file cannot hold costs the letter, not the entry."""
        octets = io.BytesIO()
        log = TextLog(io.TextIOWrapper(octets, encoding="ascii"))
        log(entry("Grüße"))
        self.assertTrue(octets.getvalue().endswith(b"Gr\\xfc\\xdfe\n"), octets.getvalue())
        self.assertEqual(log.lost, 0)

    def test_a_full_disk_costs_entries_only(self) -> None:
        """With no room on the disk entries are lost and counted, and nothing is raised."""
        file = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115 - to close it is an error, too
        log = TextLog(file)
        log(entry("one"))
        log(entry("two"))
        self.assertEqual(log.lost, 2)
        self.assertRaises(OSError, file.close)

    def test_a_closed_file_costs_entries_only(self) -> None:
        """A file that somebody closed loses entries and raises nothing."""
        file = io.StringIO()
        file.close()
        log = TextLog(file)
        log(entry("one"))
        self.assertEqual(log.lost, 1)


class JSONLogTests(SynchronousTestCase):
    def read(self, *entries: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what stands in the log after *entries*."""
        file = io.StringIO()
        log = JSONLog(file)
        for one in entries:
            log(one)
        self.assertEqual(log.lost, 0)
        return [json.loads(line, parse_constant=self.fail) for line in file.getvalue().splitlines()]

    def test_a_traceback_is_a_field(self) -> None:
        """A failure is one line like everything else, with its traceback in a field."""
        try:
            raise ValueError("why")
        except ValueError:
            failure = Failure()
        (line,) = self.read(entry("it failed", log_failure=failure))
        self.assertEqual(line["message"], "it failed")
        self.assertIn("ValueError: why", line["traceback"])

    def test_what_json_lacks_is_text(self) -> None:
        """Values that JSON cannot hold exactly are written as Python shows them."""
        values: list[tuple[object, object]] = [
            (None, None),
            (True, True),
            (7, 7),
            (0.5, 0.5),
            ("é\n", "é\n"),
            (float("nan"), "nan"),
            (float("-inf"), "-inf"),
            (2**53, "9007199254740992"),
            (b"\xff", "b'\\xff'"),
            (["x"], "['x']"),
            ("a\udc80", "a\\udc80"),
        ]
        for value, written in values:
            self.assertEqual(self.read(entry("x", value=value))[0]["value"], written, repr(value))

    def test_an_object_without_a_representation_costs_nothing(self) -> None:
        """A field whose repr() fails is told as such, and the entry is written."""

        class Odd:
            def __repr__(self) -> str:
                raise ValueError("none")

        (line,) = self.read(entry("x", value=Odd()))
        self.assertIn("Odd", line["value"])

    def test_the_common_fields_cannot_be_forged(self) -> None:
        """A field called "level" does not replace the level of the entry."""
        (line,) = self.read(entry("x", level="none", namespace="none", isError=1))
        self.assertEqual((line["level"], line["namespace"]), ("info", ""))
        self.assertNotIn("isError", line)

    def test_an_entry_without_anything_is_written(self) -> None:
        """An entry that no logger made still gives an object."""
        self.assertEqual(self.read({}), [{"time": "-", "level": "", "namespace": "", "message": ""}])

    @given(
        st.dictionaries(
            st.text(), st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans())
        )
    )
    def test_every_line_can_be_read(self, fields: dict[str, Any]) -> None:
        """Whatever an entry holds, its line is one JSON object without surrogates."""
        (line,) = self.read({name: value for name, value in fields.items() if not name.startswith("log_")})
        json.dumps(line, ensure_ascii=False).encode()

    def test_a_disk_that_was_full_leaves_no_torn_line(self) -> None:
        """When the disk has room again, what is in the file are whole lines: entries were lost, no part of one."""
        disk = FullDisk(room=250)
        log = JSONLog(io.TextIOWrapper(io.BufferedWriter(disk), encoding="utf-8"))
        for number in range(200):
            if number == 150:
                disk.room = 100_000
            log(entry(f"entry {number}"))
        lines = disk.content.decode().splitlines()
        self.assertGreater(log.lost, 0)
        self.assertEqual(json.loads(lines[-1])["message"], "entry 199")
        self.assertEqual([line for line in lines if set(json.loads(line)) < {"time", "message"}], [])
