# -*- test-case-name: tests.test_fuzzing -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``python -m fuzzing``: search one target or all of them, or replay the inputs that are kept.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .kept import CORPUS, inputs, keep
from .targets import TARGETS, load

__all__ = ["Outcome", "main", "outcome_of", "replay"]

#: Octets of an input; twice the longest line that is tried would only be slow.
LONGEST_INPUT = 4096

#: Seconds that one input may take; it is lenient, for the machine may have other things to do.
SLOWEST_INPUT = 30

_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+)")
_EXECUTIONS = re.compile(r"stat::number_of_executed_units: (\d+)")


class Outcome(NamedTuple):
    """
    What libFuzzer told of one search.

    :ivar executions: inputs that were tried.
    :ivar before: branches that the inputs which are kept reach.
    :ivar after: branches that were reached in the end.
    """

    executions: int
    before: int
    after: int


def outcome_of(text: str) -> Outcome:
    """Read what libFuzzer has printed."""
    coverage = [int(found[1]) for found in _COVERAGE.finditer(text)]
    executions = _EXECUTIONS.search(text)
    first, last = (coverage[0], coverage[-1]) if coverage else (0, 0)
    return Outcome(int(executions[1]) if executions else 0, first, last)


def replay(target: str, octets: bytes) -> None:
    """Give one input to a target, which raises where a law is broken."""
    load(target)(octets)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _run(target: str, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = work / "program"
    command = [sys.executable, "-m", "fuzzing.searching", str(program), target]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)
    return subprocess.run(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )


def search(target: str, seconds: int, seed: int, *, keeps: bool) -> bool:
    """
    Search for *seconds*.

    :param seed: 0 is another one each time.
    :param keeps: whether inputs that reach something new join those that are kept.
    :returns: whether every law held.
    """
    with tempfile.TemporaryDirectory() as work:
        found, broken = Path(work, "found"), Path(work, "broken-")
        found.mkdir()
        known = CORPUS / target
        run = _run(
            target,
            Path(work),
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={LONGEST_INPUT}",
            f"-timeout={SLOWEST_INPUT}",
            f"-artifact_prefix={broken}",
            f"-dict={Path(__file__).parent / 'words.dict'}",
            "-print_final_stats=1",
            str(found),
            *([str(known)] if known.is_dir() else []),
        )
        outcome = outcome_of(run.stdout)
        _say(f"{target}: {outcome.executions} inputs, branches {outcome.before} -> {outcome.after}")
        culprits = [path.read_bytes() for path in sorted(Path(work).glob("broken-*"))]
        if run.returncode:
            _tell(target, run.stdout, culprits)
        elif keeps:
            _merge(target, found)
        return not run.returncode


def _tell(target: str, output: str, culprits: Sequence[bytes]) -> None:
    _say(output[-4000:])
    for octets in culprits:
        _say(f"{target} breaks with {octets!r}; it is kept as {keep(target, octets)}")


def _merge(target: str, found: Path) -> None:
    """Keep the fewest inputs that together reach all that was reached."""
    with tempfile.TemporaryDirectory() as work:
        fewest = Path(work, "fewest")
        fewest.mkdir()
        known = [str(CORPUS / target)] if (CORPUS / target).is_dir() else []
        run = _run(target, Path(work), "-merge=1", f"-max_len={LONGEST_INPUT}", str(fewest), *known, str(found))
        if run.returncode or not any(fewest.iterdir()):
            _say(run.stdout[-2000:])
            raise SystemExit(f"{target}: the inputs could not be merged")
        for path in fewest.iterdir():
            keep(target, path.read_bytes())
    _say(f"{target}: {len(list(inputs(target)))} inputs are kept")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("target", nargs="+", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=int, default=60, help="of each target; 60 unless given")
    parser.add_argument("--seed", type=int, default=0, help="the same one searches in the same way; 0 is any")
    parser.add_argument("--keep", action="store_true", help="keep the inputs that reach something new")
    parser.add_argument("--replay", action="store_true", help="only replay the inputs that are kept; needs no atheris")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; return the status of the process."""
    options = _arguments(arguments)
    targets = [*TARGETS] if "all" in options.target else options.target
    if options.replay:
        for target in targets:
            for path, octets in inputs(target):
                _say(f"{target} {path.name}")
                replay(target, octets)
        return 0
    if importlib.util.find_spec("atheris") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        _say(f"Searching needs atheris: pip install '.[fuzz]', where there is a wheel of it for Python {version}.")
        return 2
    held = [search(target, options.seconds, options.seed, keeps=options.keep) for target in targets]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
