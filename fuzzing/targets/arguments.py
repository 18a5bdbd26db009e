# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The arguments of MLST, OPTS, MFMT, ALLO, REST and SITE.
"""

from __future__ import annotations

from ..laws.arguments import VERBS, check_argument

__all__ = ["check"]


def check(octets: bytes) -> None:
    """The whole is a line: one of the verbs, a blank, and the argument."""
    verb, _, argument = octets.partition(b" ")
    if verb in VERBS:
        check_argument(verb, argument)
