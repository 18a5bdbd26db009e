# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One search, in a process of its own: libFuzzer ends the process that it runs in.

``python -m fuzzing.searching PROGRAM TARGET OPTION...`` takes the options of libFuzzer. To merge, that starts itself
again: PROGRAM is what it runs with those options.
"""

from __future__ import annotations

import sys

import atheris

from .targets import load


def main(arguments: list[str]) -> None:
    """Search until the options say that it is enough."""
    program, target, *options = arguments
    # Only what is imported in here tells of its branches.
    with atheris.instrument_imports(include=["ftpserver"], enable_loader_override=False):
        check = load(target)

    atheris.Setup([program, *options], check, enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
