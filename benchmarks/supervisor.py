# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Runs one server on one processor, and ends it with all that it has started.

    python -m benchmarks.supervisor PROCESSOR COMMAND...

Processes whose parent ends become children of the supervisor, so that none can hide, and the CPU time of each is found
with it (see :mod:`benchmarks.processes`). It ends on SIGTERM, when its own parent ends, and when the server does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from .processes import descendants

__all__ = ["main", "set_process_option"]

#: Options of prctl(2).
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

#: Seconds that a server has to end when it is asked to.
PATIENCE = 3

_WAITED_FOR = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def set_process_option(option: int, value: int) -> None:
    """
    Call prctl(2), which Python has no function for.

    :raises OSError: if the kernel refuses.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _reap(server: subprocess.Popen[bytes]) -> bool:
    """Collect what has ended, and tell whether anything is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not pid:
            return True
        if pid == server.pid:
            server.returncode = os.waitstatus_to_exitcode(status)


def _supervise(server: subprocess.Popen[bytes]) -> None:
    """Return when the server has ended, or the supervisor is asked to end."""
    while signal.sigwait(_WAITED_FOR) == signal.SIGCHLD:
        _reap(server)
        if server.returncode is not None:
            return


def _send_all(number: signal.Signals) -> None:
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            # It was quicker.
            continue


def _end(server: subprocess.Popen[bytes]) -> None:
    _send_all(signal.SIGTERM)
    while _reap(server):
        if signal.sigtimedwait({signal.SIGCHLD}, PATIENCE) is None:
            # A process that is forked meanwhile is found by the next round.
            _send_all(signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Run a server until one side ends; return its exit status."""
    set_process_option(PR_SET_PDEATHSIG, signal.SIGTERM)
    set_process_option(PR_SET_CHILD_SUBREAPER, 1)
    os.sched_setaffinity(0, {int(arguments[0])})
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    server = subprocess.Popen(arguments[1:], preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
    try:
        _supervise(server)
    finally:
        _end(server)
    status: int = server.returncode or 0
    return abs(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
