# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What happens without a data connection: logins and plain commands.
"""

from __future__ import annotations

from ..client import Refused, Session
from ..results import Measured
from .base import Case, Task

__all__ = ["CASES", "nothing"]

#: Commands that are sent before the first reply is read.
WINDOW = 100


def nothing(task: Task) -> str:
    """Return NOOP, or PWD for a server that has none."""
    return "PWD" if "NOOP" in task.door.lacks else "NOOP"


def _logins(task: Task) -> Measured:
    count, meter = task.amounts.logins, task.meter()
    with meter.running():
        for _ in range(count):
            session = Session(task.door).log_in()
            session.ask("QUIT")
            session.close()
    return meter.per(count / 1000)


def _commands(task: Task, window: int) -> Measured:
    count, session, meter = task.amounts.commands // window * window, task.session(), task.meter()
    connection, burst = session.socket, f"{nothing(task)}\r\n".encode() * window
    with meter.running():
        for _ in range(count // window):
            connection.sendall(burst)
            replies = 0
            while replies < window:
                octets = connection.recv(65536)
                if not octets:
                    raise Refused("the control connection was closed")
                replies += octets.count(b"\n")
    return meter.per(count / 1000)


def _one_by_one(task: Task) -> Measured:
    return _commands(task, 1)


def _pipelined(task: Task) -> Measured:
    return _commands(task, WINDOW)


CASES = (
    Case("logins", "Logins", "1,000 logins", _logins),
    Case("logins_tls", "Logins over TLS", "1,000 logins", _logins, variant="tls"),
    Case("noop", "NOOP, one by one", "1,000 commands", _one_by_one),
    Case("noop_pipelined", "NOOP, pipelined", "1,000 commands", _pipelined),
)
