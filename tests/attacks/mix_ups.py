# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The long campaign of session mix-ups, of which the suite runs a short part.

It is run as a program: ``python -m tests.attacks.mix_ups --rounds 10000 --seed 1``. Each round interferes with one
transfer at a random point of it; see :mod:`tests.integration.test_sessions`. A seed that fails is told with what was
done, and fails again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

__all__ = ["command", "main"]

TESTS = "tests.integration.test_sessions"


def command(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command line that *arguments* ask for, and what its environment has beside ours."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.mix_ups", description="Mix up sessions.")
    parser.add_argument("--rounds", type=int, default=10_000, help="rounds of one session, and of six at once together")
    parser.add_argument("--seed", type=int, default=1, help="of the generator")
    options = parser.parse_args(arguments)
    line = [sys.executable, "-W", "error", "-m", "twisted.trial", TESTS]
    return line, {"FTPSERVER_ROUNDS": str(options.rounds), "FTPSERVER_SEED": str(options.seed)}


def main(arguments: Sequence[str]) -> int:
    """Run the campaign and return its exit status."""
    line, environment = command(arguments)
    return subprocess.run(line, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
