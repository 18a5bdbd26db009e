# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Run many seeds: ``python -m tests.simulation --seeds 0-5000 [--pump copy | --in-turn] [--trace]``.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from threading import Timer

from twisted.logger import globalLogBeginner

from .chance import FAULTS
from .log import forget
from .world import PUMPS, Pump, Run, simulate

__all__ = ["main"]

#: Seconds after which a run is taken to hang; it needs a tenth of a second.
HANGING = 600.0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0-99", help="one seed, or first-last")
    pumps = parser.add_mutually_exclusive_group()
    pumps.add_argument("--pump", choices=PUMPS, help="by default, every seed runs on each of them")
    pumps.add_argument("--in-turn", action="store_true", help="every seed runs on one of them, the next on the next")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument("--every-fault", action="store_true", help="fail if a kind of fault has never struck")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that finds something")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _arguments(arguments)
    globalLogBeginner.beginLoggingTo([forget], redirectStandardIO=False, discardBuffer=True)
    # Nearly everything of a run lives until its end; to look for garbage among it costs a sixth of the time.
    gc.set_threshold(50_000, 20, 100)
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    began, runs, faults, failed = time.monotonic(), 0, Counter[str](), 0
    for seed in seeds:
        for pump in _pumps(options, seed):
            hanging = Timer(HANGING, _hangs, (seed, pump))
            hanging.daemon = True
            hanging.start()
            run = simulate(seed, pump)
            hanging.cancel()
            runs += 1
            faults += run.faults
            if options.trace:
                _say("\n".join(run.trace))
            if run.findings:
                failed += 1
                _say(report(run, with_trace=not options.keep_going and not options.trace))
                if not options.keep_going:
                    return 1
    _say(f"{runs} runs of {len(seeds)} seeds in {time.monotonic() - began:.0f} s, {failed} with findings")
    _say("faults: " + ", ".join(f"{count} {kind}" for kind, count in sorted(faults.items())))
    missing = sorted(set(FAULTS) - set(faults)) if options.every_fault else []
    if missing:
        _say(f"never: {', '.join(missing)}")
    return bool(failed or missing)


def _pumps(options: argparse.Namespace, seed: int) -> Sequence[Pump]:
    if options.in_turn:
        return (PUMPS[seed % len(PUMPS)],)
    return (options.pump,) if options.pump else PUMPS


def _hangs(seed: int, pump: Pump) -> None:
    # The clock of the simulation stands still, and nothing else would ever tell which seed it was.
    sys.stderr.write(f"hangs: python -m tests.simulation --seeds {seed} --pump {pump} --trace\n")
    sys.stderr.flush()
    faulthandler.dump_traceback(all_threads=True)
    os._exit(1)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def report(run: Run, *, with_trace: bool = True) -> str:
    """Return what a run has found, and how it is run again."""
    lines = run.trace[-200:] if with_trace else []
    replay = f"python -m tests.simulation --seeds {run.seed} --pump {run.pump} --trace"
    return "\n".join([*lines, *run.findings, f"again: {replay}"])


if __name__ == "__main__":
    sys.exit(main())
