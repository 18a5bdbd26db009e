# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Print a command of README.rst: ``start`` for the one that starts a server, ``test`` for the one that runs the tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.rst"

HEADINGS = {"start": "**Start it**", "test": "**Run the tests**"}


def readme_command(name: str, text: str) -> str:
    """
    Return the one line of shell under a heading of the README.

    :raises ValueError: if there is not exactly one.
    """
    _, found, rest = text.partition(HEADINGS[name])
    block = re.search(r"^\.\. code-block:: sh\n\n((?:   .*\n|\n)+)", rest, re.MULTILINE)
    lines = [line.strip() for line in block[1].splitlines() if line.strip()] if found and block else []
    if len(lines) != 1:
        raise ValueError(f"README.rst has not one line of shell under {HEADINGS[name]!r} but {len(lines)}")
    return lines[0]


if __name__ == "__main__":
    sys.stdout.write(readme_command(sys.argv[1], README.read_text("utf-8")) + "\n")
