# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Looks every millisecond whether a thread waits for a disk, which the system tells from every other wait: state D.

It is run as a program: ``python slow_disk_watcher.py PROCESS THREAD``. It begins with an empty line and ends with its
input; then it writes the seconds of each wait. A thread of the process itself could not look: a call that waits and
keeps the interpreter would keep it waiting, too. Too few processors make no wait longer than it is.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["waits_of"]


def waits_of(state: Path) -> Iterator[float]:
    """Yield the length of each wait, until the thread or the input ends."""
    began: float | None = None
    latest = 0.0
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        try:
            is_waiting = state.read_text().rpartition(")")[2].split()[0] == "D"
        except (FileNotFoundError, ProcessLookupError):
            break
        if is_waiting:
            latest = time.monotonic()
            began = latest if began is None else began
        elif began is not None:
            yield latest - began
            began = None
    if began is not None:
        yield latest - began


if __name__ == "__main__":
    sys.stdout.write("\n")
    sys.stdout.flush()
    for seconds in waits_of(Path(f"/proc/{sys.argv[1]}/task/{sys.argv[2]}/stat")):
        sys.stdout.write(f"{seconds}\n")
