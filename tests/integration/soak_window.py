# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
twistd, with a window: at SIGUSR2 the process writes what it holds, as a line of JSON, to a descriptor that it got.

Before that it gives back the memory that is free and that the C library would keep: the rest is what is held.

It is run as a program: ``python -m tests.integration.soak_window DESCRIPTOR ARGUMENTS``; the arguments are those of
twistd, which runs as it always does.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

from twisted.scripts.twistd import run

from ftpserver import Server

from .random_transfers_server import look


def _look_soon(descriptor: int) -> None:
    # Imported on use: twistd chooses the reactor.
    from twisted.internet import reactor

    loose: Any = reactor
    loose.callFromThread(_write, loose, descriptor)


def _write(reactor: Any, descriptor: int) -> None:
    gc.collect()
    # The C library of GNU has it; others give back by themselves, or not at all.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    servers = [one for one in gc.get_objects() if isinstance(one, Server)]
    os.write(descriptor, json.dumps(asdict(look(reactor, servers))).encode() + b"\n")


if __name__ == "__main__":
    window, *arguments = sys.argv[1:]
    signal.signal(signal.SIGUSR2, lambda _signal, _frame: _look_soon(int(window)))
    sys.argv = ["twistd", *arguments]
    run()
