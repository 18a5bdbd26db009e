# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the logs of server processes.
"""

from __future__ import annotations

import contextlib
import ftplib
import json
from io import BytesIO
from typing import Any

from .processes import PASSWORD, ProcessTestCase, connect

#: A password that is wrong, and must not be in a log either.
WRONG = "wr0ng-of-alice"


def use(port: int) -> None:
    """Do what leaves lines in a log: a wrong login, a right one, a transfer each way, one that is refused."""
    with contextlib.suppress(ftplib.error_perm):
        connect(port, password=WRONG)
    with connect(port) as client:
        client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        client.retrbinary("RETR hello.txt", lambda _piece: None)
        with contextlib.suppress(ftplib.error_perm):
            client.sendcmd(f"PASS {WRONG}")


class LogTests(ProcessTestCase):
    """Tests for both formats."""

    def assert_no_password(self, text: str) -> None:
        """Assert that *text* holds no password."""
        self.assertNotIn(PASSWORD, text)
        self.assertNotIn(WRONG, text)

    def test_json(self) -> None:
        """Each line is an object; each transfer has one, with session, user, path, bytes; no password is in any."""
        running = self.start("--config", self.configure('log_format = "json"'))
        use(running.port())
        lines = running.stop()
        self.assert_no_password("".join(lines))
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.assertEqual([one for one in entries if not one["time"] or not one["level"]], [])
        of_sessions = [one for one in entries if "event" in one]
        self.assertEqual(len({one["session"] for one in of_sessions}), 2)
        transfers = [(one["user"], one["command"], one["path"], one["bytes"]) for one in of_sessions if "bytes" in one]
        self.assertEqual(transfers, [("alice", "STOR", "/new.txt", 4), ("alice", "RETR", "/hello.txt", 6)])
        self.assertIn("LoginFailed", [one["event"] for one in of_sessions])

    def test_text(self) -> None:
        """Each line about a session begins with its identifier; each transfer has one line; no password is in any."""
        running = self.start("--config", self.configure())
        use(running.port())
        lines = running.stop()
        self.assert_no_password("".join(lines))
        of_sessions = [line.partition("[ftpserver#")[2].split() for line in lines if "[ftpserver#" in line]
        self.assertEqual(len({line[1] for line in of_sessions}), 2)
        self.assertEqual(
            [" ".join(line[4:6]) for line in of_sessions if "bytes" in line], ["STOR '/new.txt':", "RETR '/hello.txt':"]
        )

    def test_the_file_of_twistd(self) -> None:
        """The log goes where twistd was told, in the format of the file."""
        port = self.start_daemon("ftpserver", "--config", self.configure('log_format = "json"'))
        use(port)
        text = (self.directory / "server.log").read_text()
        self.assert_no_password(text)
        entries = [json.loads(line) for line in text.splitlines()]
        self.assertIn("STOR", [one.get("command") for one in entries])

    def test_twist(self) -> None:
        """Under twist, the format of the file wins over that of twist."""
        running = self.start("--config", self.configure('log_format = "text"'), runner=["twist", "--log-format=json"])
        use(running.port())
        lines = running.stop()
        self.assertTrue(any("[ftpserver#info]" in line and "STOR" in line for line in lines))
