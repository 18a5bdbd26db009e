# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A client of a server in memory that sends any octets, reads as the strictest client does, and looks at what is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpserver.control.sequence import MAXIMUM_WAITING
from ftpserver.core.wire import MAXIMUM_LINE
from ftpserver.testing import Dialogue
from ftpserver.testing.network import DataConnection
from ftpserver.testing.transport import BUFFER

from .replies import ReadReply, ReplyReader

__all__ = ["Talk", "nothing_fails"]

#: Octets of replies that a client which does not read is owed at most: what was under way when the server was told to
#: pause, and the longest reply there is (a thousand lines of STAT).
MOST_UNREAD = 4 * BUFFER


@implementer(ILogObserver)
class _Failures:
    """Those that were logged."""

    def __init__(self) -> None:
        self.found: list[Failure] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            self.found.append(event["log_failure"])


@contextmanager
def nothing_fails() -> Iterator[None]:
    """See that no failure is logged in the ``with`` block: each is an error of the server, whatever it has said."""
    failures = _Failures()
    globalLogPublisher.addObserver(failures)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(failures)
    assert not failures.found, f"logged: {failures.found[0].getTraceback()}"


class Talk:
    """
    One client.

    :param keywords: of :class:`~ftpserver.testing.Dialogue`.
    :ivar replies: what has come since the greeting.
    :ivar sent: every octet that went to the control connection.
    """

    def __init__(self, **keywords: Any) -> None:
        # Waiting for a data connection or for a client that stalls comes to an end; silence alone ends nothing.
        keywords = {"wait_future_timeout": 5, "socket_timeout": 20, "login_timeout": None, **keywords}
        self.dialogue = Dialogue(**keywords)
        self.dialogue.files.write("/file", b"line\nline\r\n")
        self.dialogue.files.write("/directory/inner", b"0123456789")
        self._reader = ReplyReader()
        self.replies: list[ReadReply] = []
        self.sent = bytearray()
        self._data: list[DataConnection] = []
        self.read()
        (greeting,) = self.replies
        assert greeting.code == 220
        self.replies.clear()

    def read(self) -> list[ReadReply]:
        """Return the replies that have come since the last call."""
        news = self._reader.feed(self.dialogue.transport.take_written())
        self.replies += news
        return news

    def send(self, octets: bytes) -> None:
        """Send a segment."""
        self.sent += octets
        self.dialogue.send(octets)
        self.look()

    def look(self) -> None:
        """See that replies are replies, and that what is held has its bounds."""
        self.read()
        protocol, transport = self.dialogue.protocol, self.dialogue.transport
        assert len(protocol._lines._rest) <= MAXIMUM_LINE + 1, "too much of a line is held"
        waiting = protocol._commands.waiting or ()
        # Reading stops behind the bound, and what came in one piece with that was taken already.
        assert len(waiting) <= MAXIMUM_WAITING + BUFFER, "too many commands wait"
        assert len(transport._unread) <= MOST_UNREAD, f"{len(transport._unread)} octets of replies are held"
        assert not protocol._output, "replies do not leave"

    def ask(self, line: bytes) -> ReadReply:
        """Return the one reply to a line."""
        before = len(self.replies)
        self.send(line + b"\r\n")
        news = self.replies[before:]
        assert len(news) == 1, f"{line!r} is answered by {news}"
        return news[0]

    def login(self) -> None:
        """Log in."""
        self.send(b"USER user\r\nPASS password\r\n")
        assert [one.code for one in self.replies[-2:]] == [331, 230]

    # Data connections.

    def connect(self) -> None:
        """Connect to every passive port that is open; each end takes a few octets."""
        for port in self.dialogue.network.open_ports:
            connection = self.dialogue.network.connect(port, self.dialogue.client_host)
            connection.limit = 3
            self._data.append(connection)

    def act_on_data(self, name: str, octets: bytes = b"") -> None:
        """Call a method of the last data connection, if there is one."""
        if self._data:
            method = getattr(self._data[-1], name)
            method(*((octets,) if name == "send" else ()))

    # The end.

    def finish(self, rounds: int) -> None:
        """Let everything come to its end, each round a wait that is longer than any of the server's."""
        self.dialogue.read_again()
        for _ in range(rounds):
            if self.dialogue.is_closed or not self._has_work():
                break
            self.dialogue.advance(21)
            self.look()
        self.look()
        self._reader.finish()

    def _has_work(self) -> bool:
        commands = self.dialogue.protocol._commands
        return bool(commands.waiting) or commands.is_running or bool(self.dialogue.unsent)

    def leave(self) -> None:
        """Break the connection, and see that nothing is left of it."""
        self.dialogue.lose_connection()
        assert self.dialogue.server.sessions == 0, "a session is left"
        assert self.dialogue.network.open_handles == 0, "a socket is left"
        left = self.dialogue.reactor.getDelayedCalls()
        assert not left, f"timers are left: {left}"
