# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where a password could come out: in the log, the events, the text of objects, the title of the process.
"""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import User
from ftpserver.core.events import Event

from ..integration.client import Client, ConnectionClosed
from ..integration.processes import PASSWORD, Running
from ..integration.processes import ProcessTestCase as _ProcessTestCase
from .harness import AttackTestCase

#: A part of every password here, however it is written.
SECRET = "s3cret"

#: Lines by which a password may come; the account is that of the server.
FORMS = (
    b"PASS %b", b"pass %b", b"PaSs  %b", b" PASS %b", b"PASS\t%b", b"PASS%b", b"PA\xff\xf1SS %b", b"PA\0SS %b",
    b"PASS %b\0", b"\xff\xf4\xff\xf2PASS %b", b"PASS \x1b[2J%b", b"PASS %b\rUSER alice", b"USER alice\rPASS %b",
    b"USER alice\0\rPASS %b", b"USER alice PASS %b", b"USER  PASS %b", b"USER alice %b\r\nPASS x", b"ACCT %b",
    b"SITE PASS %b", b"XPASS %b", b"PASS: %b", b"PASS=%b", b"AUTH %b", b"ADAT %b", b"OPTS PASS %b",
    b"HELP %b", b"CLNT %b", b"HOST %b", b"PASS %b" + b"x" * 20_000,
    b"GET /?password=%b HTTP/1.1", b"\xef\xbb\xbfPASS %b", b"PASS %b\xff\xff\xed\xa0\x80",
)  # fmt: skip


class LogTests(_ProcessTestCase):
    """The log of a real server."""

    def test_no_password_is_written_anywhere(self) -> None:
        """In whatever odd form one comes, before and after a login, it is neither in the log nor in the title."""
        configuration = self.configure('log_format = "json"', "maximum_login_attempts = 100")
        for before in (
            b"",
            b"USER alice\r\n",
            b"USER nobody\r\n",
            b"USER alice\r\nPASS %b\r\n" % PASSWORD.encode(),
        ):
            # One server for all would write more than its pipe holds.
            running = self.start("--config", configuration)
            port = running.port()
            for form in FORMS:
                self.say(port, before + form % PASSWORD.encode() + b"\r\nNOOP\r\nQUIT\r\n")
            self.assertNotIn(PASSWORD, self.told_by_system(running))
            written = "".join(running.stop())
            self.assertIn("disconnected", written)
            self.assertNotIn(SECRET, written)

    def told_by_system(self, running: Running) -> str:
        """Return what everybody can read of the process."""
        place = Path("/proc", str(running.process.pid))
        return "".join((place / name).read_text() for name in ("cmdline", "comm", "status"))

    def say(self, port: int, octets: bytes) -> None:
        """Send *octets*, end, and read to the end."""
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except ConnectionResetError:
                # Who is cut off with something unread hears no more than that.
                pass
        assert SECRET.encode() not in answer, answer


class EventTests(AttackTestCase):
    """Events, and what objects say of themselves."""

    def users(self) -> list[User]:
        """Give alice the password that is looked for."""
        return [User("alice", PASSWORD, base_path=self.root)]

    async def session(self, user: str = "alice", password: str = PASSWORD, *, source: str | None = None) -> Client:
        """Log in with that password."""
        return await super().session(user, password, source=source)

    def server_keywords(self) -> dict[str, Any]:
        """Keep the events."""
        self.events: list[Event] = []
        return {**super().server_keywords(), "observers": [self.events.append], "maximum_login_attempts": 1000}

    async def test_no_event_holds_a_password(self) -> None:
        """Whatever is published about logins, right and wrong, does not tell it."""
        client = await self.connect()
        for form in FORMS:
            for name in (b"alice", b"nobody"):
                if client.has_ended:
                    client = await self.connect()
                await client.send_raw(b"USER " + name + b"\r\n" + form % PASSWORD.encode() + b"\r\nSYST\r\n")
                try:
                    while (await client.reply()).code not in (215, 421):
                        pass
                except ConnectionClosed:
                    await client.lost()
        self.assertIn("alice", repr(self.events))
        self.assertNotIn(SECRET, repr(self.events))

    async def test_nothing_that_is_left_says_a_password(self) -> None:
        """After a login, neither the session nor anything else of the server shows it, nor keeps a given one."""
        client = await self.connect()
        await client.login("alice", PASSWORD)
        given = "another-" + SECRET
        failed = await self.connect()
        await failed.command("USER alice", 331)
        await failed.command(f"PASS {given}", 530)
        ours = [one for one in gc.get_objects() if str(type(one).__module__).startswith("ftpserver")]
        self.assertNotIn(SECRET, "".join(map(repr, ours)))
        del ours


class EnvironmentTests(SynchronousTestCase):
    """What the tests themselves rely on."""

    def test_the_password_is_no_word_of_the_environment(self) -> None:
        """The password that is looked for is nowhere but in the tests."""
        self.assertNotIn(SECRET, "".join(os.environ.values()))
