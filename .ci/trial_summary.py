# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Turn the summary that trial wrote at the end of its log into ``N passed, N failed, N skipped``.

Exits with 1 unless the run passed without a skip: in CI every test has what it needs. A contract suite skips what a
backend does not claim to support, for a reason that begins with ``does not apply:``; those are told beside it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def trial_summary(log: str) -> tuple[int, int, int]:
    """
    Return how many tests passed, failed and were skipped; what was expected to fail counts as skipped.

    :raises ValueError: if trial wrote no summary.
    """
    found = re.findall(r"^(?:PASSED|FAILED)(?: \((.*)\))?\s*$", log, re.MULTILINE)
    if not found or not re.search(r"^Ran \d+ tests? in ", log, re.MULTILINE):
        raise ValueError("the log holds no summary of trial")
    counts = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", found[-1])}
    failed = sum(counts.get(name, 0) for name in ("failures", "errors", "unexpectedSuccesses"))
    return counts.get("successes", 0), failed, counts.get("skips", 0) + counts.get("expectedFailures", 0)


def not_applicable(log: str) -> int:
    """Return how many tests were skipped because they do not apply: trial lists the names below each reason."""
    groups = re.split(r"^=+$", log, flags=re.MULTILINE)
    return sum(
        len(re.findall(r"^[\w.]+\.test_\w+$", group, re.MULTILINE))
        for group in groups
        if group.lstrip().startswith("[SKIPPED]\ndoes not apply:")
    )


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text("utf-8", "replace")
    passed, failed, skipped = trial_summary(text)
    inapplicable = not_applicable(text)
    skipped -= inapplicable
    sys.stdout.write(f"{inapplicable} tests of the contract suites do not apply to the backend under test\n")
    sys.stdout.write(f"{passed} passed, {failed} failed, {skipped} skipped\n")
    sys.exit(0 if passed and not failed and not skipped else 1)
