# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Start a server by a shell command, use it with curl, and stop it as Ctrl-C does.

``server_check.py COMMAND`` waits for the URL that the server prints, and fetches a listing. ``--store`` also sends a
file as the user ``ci`` with the password in the environment variable FTPSERVER_PASSWORD, and fetches it again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: Seconds until the URL is there; an installation may come before it.
START = 600

#: Seconds that a transfer or the end of the server may take.
STEP = 60

URL = re.compile(r"ftp://(?:[^@/\s]*@)?(127\.0\.0\.1:\d+)")


def _prepare() -> None:
    # Whoever started this may ignore SIGINT, as shells do for what runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def running(command: str) -> Iterator[str]:
    """Start the server; give its address; stop it, and see that it shuts down."""
    process = subprocess.Popen(
        ["bash", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_prepare,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    signal.alarm(START)
    try:
        yield _address(process)
        signal.alarm(STEP)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate()
        sys.stdout.write(rest)
        # twistd ends by the signal that it has shut down for, and so does the shell around it.
        if process.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT) or "Server Shut Down." not in rest:
            sys.exit(f"the server did not shut down; its exit status is {process.returncode}")
    finally:
        signal.alarm(0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        found = URL.search(line)
        if found:
            return found[1]
    sys.exit(f"the command ended with the exit status {process.wait()} before it printed a URL")


def curl(*arguments: str) -> bytes:
    """Return what curl writes; end with its message if it fails."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(STEP), *arguments],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        sys.exit(f"curl {arguments} ended with the exit status {done.returncode}")
    return done.stdout


def store_and_fetch(address: str) -> None:
    """Send a file and fetch it again."""
    user = f"ci:{os.environ['FTPSERVER_PASSWORD']}"
    content = os.urandom(3_000_000)
    with tempfile.TemporaryDirectory() as directory:
        sent = Path(directory) / "sent"
        sent.write_bytes(content)
        curl("--user", user, "--upload-file", str(sent), f"ftp://{address}/stored")
    if curl("--user", user, f"ftp://{address}/stored") != content:
        sys.exit("the file came back changed")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command")
    parser.add_argument("--store", action="store_true", help="send a file and fetch it again")
    parser.add_argument("--expect", default="", help="a name that the listing must show")
    options = parser.parse_args()
    with running(options.command) as address:
        if options.store:
            store_and_fetch(address)
        listing = curl(f"ftp://{address}/").decode("utf-8", "replace")
        sys.stdout.write(listing)
        if options.expect not in listing:
            sys.exit(f"the listing does not show {options.expect}")


if __name__ == "__main__":
    main()
