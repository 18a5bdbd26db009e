# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Two names that change places all the time.

It is run as a program: ``python swapping.py ONE OTHER ...``, with any number of pairs. Each step exchanges a pair, in
one call of the system, so that there is always something under each name. It ends when its input does.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import select
import sys

__all__ = ["exchange"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

#: Exchanges between two looks at the input.
_TURN = 200

_renameat2 = ctypes.CDLL(None, use_errno=True).renameat2


def exchange(one: str, other: str) -> None:
    """
    Let two names change places.

    :raises OSError: if one is not there, or the file system cannot.
    """
    if _renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main(names: list[str]) -> None:
    """Exchange until the input ends; tell once that it has begun, and at the end how often."""
    pairs = itertools.cycle(zip(names[::2], names[1::2], strict=True))
    number = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(_TURN):
            one, other = next(pairs)
            try:
                exchange(one, other)
            except FileNotFoundError:
                # Whoever is attacked has removed one; there is nothing to exchange until it is made again.
                continue
            number += 1
        if number <= _TURN:
            sys.stdout.write("begun\n")
            sys.stdout.flush()
    sys.stdout.write(f"{number}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
