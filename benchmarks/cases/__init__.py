# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Every case, by its name.
"""

from __future__ import annotations

from . import commands, latency, limits, listings, sessions, transfers
from .base import Case, Task, Variant

__all__ = ["CASES", "Case", "Task", "Variant"]

CASES: dict[str, Case] = {
    case.name: case for module in (transfers, commands, listings, sessions, latency, limits) for case in module.CASES
}
