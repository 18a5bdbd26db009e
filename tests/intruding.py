# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What somebody would try who has taken over a server process: each attempt answers ``done`` or the name of an error.

``python -m tests.intruding CONFIGURATION`` confines itself as a server with that file would, and then makes the
attempts that stand on its standard input as JSON, a list of a name and arguments each.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ftpserver.config import read
from ftpserver.walls.confinement import Walls

__all__ = ["attempt", "attempt_in_thread"]


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def _make(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _run(path: str) -> None:
    os.posix_spawn(path, [path], {})


def _kill(process: str) -> None:
    # Signal 0 only asks whether one might be sent.
    os.kill(int(process), 0)


def _knock(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.connect(f"\0{name}")


_ATTEMPTS: dict[str, Callable[..., object]] = {
    "read": _read,
    "write": _write,
    "make": _make,
    "list": os.listdir,
    "truncate": lambda path: os.truncate(path, 0),
    "remove": os.unlink,
    "mkdir": os.mkdir,
    "link": os.link,
    "symlink": os.symlink,
    "rename": os.rename,
    "run": _run,
    "kill": _kill,
    "knock": _knock,
}


def attempt(name: str, *arguments: str) -> str:
    """Make an attempt, and return what came of it."""
    try:
        _ATTEMPTS[name](*arguments)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def attempt_in_thread(name: str, *arguments: str) -> str:
    """Make an attempt in a new thread."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(attempt(name, *arguments)))
    thread.start()
    thread.join()
    return found[0]


def main(configuration: str) -> None:
    """Confine the process and make the attempts."""
    attempts: Sequence[Sequence[str]] = json.load(sys.stdin)
    walls = Walls(read(Path(configuration)), {})
    walls.build()
    answers = [[attempt(*one), attempt_in_thread(*one)] for one in attempts]
    json.dump({"lines": walls.lines(), "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
