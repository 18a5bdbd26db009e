# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How long a server takes to answer, whatever else the machine does.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["typical"]


def typical(seconds: Sequence[float]) -> float:
    """
    Return what a fifth of the answers took at most.

    A server that is kept busy keeps all of them waiting; other programs of the machine delay some.
    """
    return sorted(seconds)[len(seconds) // 5]
