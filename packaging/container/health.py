# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Asks the server in this container whether it greets clients; the status is 0 if it does.

``python health.py [PORT]``: 2121 where nothing else is said.
"""

from __future__ import annotations

import ftplib
import sys

#: Seconds; less than what the container leaves to the question.
PATIENCE = 4


def main(port: int) -> int:
    """Ask, and return the status."""
    try:
        with ftplib.FTP(timeout=PATIENCE) as client:  # noqa: S321 - it says nothing but that it is there.
            client.connect("127.0.0.1", port)
            client.quit()
    except ftplib.all_errors as error:
        sys.stderr.write(f"the server does not answer: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2121))
