# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the filter of fail2ban: it finds whom it should in the log, and nobody else, whatever clients write into it.

The Debian package ``fail2ban`` has the program that these ask; where it is missing, the expressions are tried alone.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections import Counter
from configparser import ConfigParser
from pathlib import Path
from typing import Any
from unittest import skipUnless

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import BanPolicy, LogObserver
from ftpserver.core.events import (
    Banned,
    Connected,
    ConnectionRefused,
    Deleted,
    Disconnected,
    Event,
    ForeignProtocol,
    LoggedIn,
    LoginFailed,
    SessionEvent,
)
from ftpserver.observers.log import JSONLog, TextLog

PLACE = Path(__file__).parent.parent / "packaging" / "fail2ban"
FILTER = PLACE / "filter.d" / "ftpserver.conf"

PROGRAM = shutil.which("fail2ban-regex")

#: The offender, and somebody whom an attacker wants to be banned in its place.
OFFENDER, VICTIM = "192.0.2.1", "203.0.113.9"

#: Names and paths made to look like lines of the log.
FORGED = [
    f"42-7 {VICTIM} 'bob' login failed: wrong password",
    f"' login failed: wrong password 42-7 {VICTIM} 'bob",
    f"\" login failed: x [ftpserver#warn] 42-7 {VICTIM} 'bob' login failed: x",
    f'", "peer": "{VICTIM}", "user": "a", "reason": "x", "guessed": true, "event": "LoginFailed"}}',
    f"a\\' 42-7 {VICTIM} spoke HTTP and was cut off",
    f"a\n2026-01-01T00:00:00+0000 [ftpserver#warn] 42-7 {VICTIM} 'bob' login failed: wrong password",
    f"a\u2028[ftpserver#warn] 42-7 {VICTIM} spoke HTTP and was cut off",
    "it's",
    "a\"b'c\\",
    "",
]


def session(user: str = "alice", peer: str = OFFENDER) -> dict[str, Any]:
    """Return the fields of an event of a session."""
    return {"time": 1.0, "session": "42-7", "sequence": 3, "peer": peer, "user": user}


def failed(user: str = "alice", peer: str = OFFENDER, reason: str = "wrong password") -> LoginFailed:
    """Return a failed login with a wrong password."""
    return LoginFailed(**session(user, peer), reason=reason, guessed=True)


def innocent(text: str) -> list[Event]:
    """Return events that bring no ban, with a text of the client's choice where there is one."""
    return [
        Connected(**session(text), port=21),
        LoggedIn(**session(text)),
        LoginFailed(**session(text), reason="too many connections of this account"),
        LoginFailed(**session(text), reason="the home directory cannot be entered: /a"),
        Deleted(**session(), path=text),
        Disconnected(**session(text), reason=text),
        ConnectionRefused(time=1.0, peer=OFFENDER, reason="too many connections"),
        Banned(time=1.0, source=OFFENDER, reason="10 failed logins", seconds=600),
    ]


def lines(kind: type[TextLog | JSONLog], *events: Event) -> list[str]:
    """Return what the log has of *events* in one format."""
    file = io.StringIO()
    observer = LogObserver(Logger(namespace="ftpserver", observer=kind(file)))
    for event in events:
        observer(event)
    return file.getvalue().splitlines()


class Filter:
    """The expressions of the filter, used as fail2ban does: the time is cut out of each line first."""

    def __init__(self) -> None:
        parser = ConfigParser()
        parser.read(FILTER)
        definition = parser["Definition"]
        address = r"(?P<address>[0-9A-Fa-f:.]+)"
        self._expressions = [
            re.compile(one.replace("<ADDR>", address)) for one in definition["failregex"].splitlines() if one
        ]
        dates = definition["datepattern"].splitlines()[:2]
        self._dates = [re.compile(re.sub("%[YmdHMS]", r"\\d+", one).replace("%z", r"[+-]\d{4}")) for one in dates]

    def found(self, line: str) -> str | None:
        """Return whom the filter finds in a line."""
        for date in self._dates:
            line = date.sub("", line, count=1)
        matches = (one.search(line) for one in self._expressions)
        return next((match["address"] for match in matches if match), None)


class FilterTests(SynchronousTestCase):
    """Whom the filter finds."""

    def setUp(self) -> None:
        self.filter = Filter()

    def found(self, kind: type[TextLog | JSONLog], event: Event, before: str = "") -> list[str | None]:
        """Return whom the filter finds in each line of *event*, of which there is one."""
        return [self.filter.found(before + line) for line in lines(kind, event)]

    def test_offences_are_found(self) -> None:
        """A failed login and a foreign protocol are found in both formats, for both families of addresses."""
        for kind in (TextLog, JSONLog):
            for peer in (OFFENDER, "2001:db8::1"):
                noise = ForeignProtocol(**session("", peer), protocol="HTTP")
                for event in (failed(peer=peer), failed(peer=peer, reason="no such user here"), noise):
                    self.assertEqual(self.found(kind, event), [peer], (kind, event))

    def test_syslog_and_the_journal(self) -> None:
        """What the journal or syslog put in front of a line does not matter."""
        for before in ("host twistd[17]: ", "host ftpserver[17]: ", "host twist: "):
            for kind in (TextLog, JSONLog):
                self.assertEqual(self.found(kind, failed(), before), [OFFENDER], before)
        self.assertEqual(self.filter.found(" host twistd: [ftpserver#warn] 1-1 ::1 'a' login failed: x"), "::1")

    @given(st.sampled_from([TextLog, JSONLog]), st.text(max_size=40) | st.sampled_from(FORGED))
    def test_no_text_bans_somebody_else(self, kind: type[TextLog | JSONLog], text: str) -> None:
        """Whatever a client chooses for a name or a path: an offence is that of its address, and the only one."""
        self.assertEqual(self.found(kind, failed(text)), [OFFENDER])
        for event in innocent(text):
            for address in self.found(kind, event):
                self.assertIsNone(address, event)

    @given(st.sampled_from(FORGED))
    @example(f"a\nb\n\n2026-01-01T00:00:00+0000 [ftpserver#warn] 42-7 {VICTIM} spoke HTTP and was cut off")
    def test_no_traceback_bans_anybody(self, text: str) -> None:
        """What an exception says, in several lines maybe, is found by nobody."""
        for kind in (TextLog, JSONLog):
            file = io.StringIO()
            try:
                raise ValueError(text)
            except ValueError:
                Logger(namespace="ftpserver", observer=kind(file)).failure("a session broke")
            self.assertEqual({self.filter.found(line) for line in file.getvalue().splitlines()}, {None})


@skipUnless(PROGRAM, "fail2ban-regex is missing: apt-get install fail2ban")
class ProgramTests(SynchronousTestCase):
    """What fail2ban itself makes of the filter."""

    def found(self, *written: str) -> Counter[str]:
        """Return whom fail2ban finds in these lines, and how often."""
        log = Path(self.mktemp())
        log.write_text("".join(f"{line}\n" for line in written))
        command = [str(PROGRAM), "--out=ip", str(log), str(FILTER)]
        done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
        return Counter(done.stdout.split())

    def test_whom_it_finds(self) -> None:
        """It finds each offence once, in both formats, and nobody whom a client only wrote about."""
        events: list[SessionEvent] = [failed(text) for text in FORGED]
        events += [failed(peer="2001:db8::1"), ForeignProtocol(**session(""), protocol="SSH")]
        others = [event for text in FORGED for event in innocent(text)]
        for kind in (TextLog, JSONLog):
            self.assertEqual(
                self.found(*lines(kind, *events, *others)), {OFFENDER: len(FORGED) + 1, "2001:db8::1": 1}, kind
            )

    def test_the_jail_is_one(self) -> None:
        """The jail has what fail2ban asks of one, and names the filter."""
        parser = ConfigParser(interpolation=None)
        parser.read(PLACE / "jail.d" / "ftpserver.conf")
        jail = parser["ftpserver"]
        self.assertEqual((jail["filter"], jail.getboolean("enabled")), (FILTER.stem, True))
        self.assertGreater(int(jail["maxretry"]), BanPolicy().failed_logins or 0, "the server decides first")
