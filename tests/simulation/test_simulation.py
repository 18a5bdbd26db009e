# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the whole server on a clock, where the network, the disk, the threads and the accounts fail by seed.

``python -m tests.simulation --seeds 0-5000`` runs more of them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.control.connection import ControlConnection
from ftpserver.control.storage import StoredFile
from ftpserver.core.replies import Reply
from ftpserver.data.plane import Pipe
from ftpserver.data.stream import ClearStream, SecureStream
from ftpserver.pathio.place import Place
from ftpserver.server import Server

from .__main__ import main, report
from .chance import InjectedFailure
from .world import PUMPS, Pump, Run, simulate

CHECKOUT = Path(__file__).parents[2]

#: Seconds of the processor for the seeds of each pump.
BUDGET = 1.5

#: Seeds in which a broken server has to be found out.
ENOUGH = 60


class SimulationTestCase(SynchronousTestCase):
    """Tests that run seeds."""

    def simulate(self, seed: int, pump: Pump) -> Run:
        """Run one; what faults have made backends raise is no error."""
        run = simulate(seed, pump)
        self.flushLoggedErrors()
        return run


class SeedTests(SimulationTestCase):
    """Whatever fails, no reply is lost, no file is half, nothing is left, and the others are served."""

    def run_seeds(self, pump: Pump) -> None:
        """Run as many as there is time for."""
        began, seed = time.process_time(), 0
        while time.process_time() - began < BUDGET:
            run = self.simulate(seed, pump)
            self.assertEqual(run.findings, [], report(run))
            seed += 1

    def test_everything_holds_where_the_kernel_moves_the_octets(self) -> None:
        """Transfers by sendfile and splice."""
        self.run_seeds("kernel")

    def test_everything_holds_where_the_kernel_refuses(self) -> None:
        """Transfers through the buffer that all share."""
        self.run_seeds("copy")

    def test_everything_holds_under_tls(self) -> None:
        """Transfers under TLS through the buffers that all share."""
        self.run_seeds("tls")

    def test_everything_holds_without_the_kernel(self) -> None:
        """Transfers by the methods of files."""
        self.run_seeds("portable")

    def test_everything_holds_under_tls_without_the_kernel(self) -> None:
        """Transfers under TLS by the methods of files."""
        self.run_seeds("portable-tls")

    def test_everything_holds_where_files_are_in_threads(self) -> None:
        """Transfers of files on a mount that may be slow."""
        self.run_seeds("threads")


class ReplayTests(SimulationTestCase):
    """A seed that has found something can be run again."""

    def test_a_seed_is_the_same_every_time(self) -> None:
        """Everything that happens is decided by the seed, under TLS and with threads, too."""
        for pump in PUMPS:
            self.assertEqual(self.simulate(3, pump).trace, self.simulate(3, pump).trace, pump)

    def test_seeds_differ(self) -> None:
        """Another seed is another run, with other faults."""
        first, second = self.simulate(1, "kernel"), self.simulate(2, "kernel")
        self.assertNotEqual(first.trace, second.trace)
        self.assertNotEqual(first.faults, second.faults)

    def test_a_finding_comes_with_its_replay(self) -> None:
        """The report tells what was found, what had happened, and the command that runs it again."""
        told = report(Run(7, "copy", ["something is left"], ["what happened"]))
        self.assertEqual(
            told.splitlines(),
            ["what happened", "something is left", "again: python -m tests.simulation --seeds 7 --pump copy --trace"],
        )


class BrokenServerTests(SimulationTestCase):
    """A server that breaks a promise is found out."""

    def assert_found(self, pump: Pump, words: str) -> None:
        """Run seeds until one finds what was broken."""
        for seed in range(ENOUGH):
            findings = self.simulate(seed, pump).findings
            if any(words in finding for finding in findings):
                return
        self.fail(f"no seed has found it: {words}")

    def broken(self, kind: type, name: str, wrong: Callable[..., Any]) -> None:
        """Put something wrong in place of a method for this test."""
        self.patch(kind, name, wrong)

    def test_a_success_that_is_none_is_found(self) -> None:
        """226 while the file is not closed."""

        async def close(file: StoredFile) -> None:
            file.is_closing = True

        self.broken(StoredFile, "close", close)
        self.assert_found("kernel", "instead of")

    def test_a_part_over_a_whole_file_is_found(self) -> None:
        """An upload that was cut, and is published all the same."""

        async def abort(file: StoredFile) -> bool:
            await file.file.close()
            return False

        self.broken(StoredFile, "abort", abort)
        self.assert_found("copy", "instead of")

    def test_a_cut_under_tls_that_counts_as_an_end_is_found(self) -> None:
        """The end of a connection without close_notify."""

        def closed(stream: SecureStream) -> None:
            stream._is_at_end = True

        self.broken(SecureStream, "_closed_without_notice", closed)
        self.assert_found("tls", "which was not finished")

    def test_a_reset_that_counts_as_an_end_is_found(self) -> None:
        """A connection that broke, and is taken for one that ended."""
        receive = ClearStream.receive_into

        def receive_into(stream: ClearStream, buffer: memoryview) -> int:
            try:
                return receive(stream, buffer)
            except ConnectionResetError:
                return 0

        self.broken(ClearStream, "receive_into", receive_into)
        self.assert_found("copy", "which was not finished")

    def test_octets_that_stay_in_the_pipe_are_found(self) -> None:
        """The next upload would begin with them."""
        self.broken(Pipe, "take", lambda pipe, amount: b"")
        self.assert_found("kernel", "left in a pipe")

    def test_a_lost_reply_is_found(self) -> None:
        """A reply that is never written."""
        write = ControlConnection._write

        def forgetful(connection: ControlConnection, reply: Reply) -> None:
            if reply.code != 426:
                write(connection, reply)

        self.broken(ControlConnection, "_write", forgetful)
        self.assert_found("portable", "answer")

    def test_a_doubled_reply_is_found(self) -> None:
        """A reply that comes twice."""
        write = ControlConnection._write

        def eager(connection: ControlConnection, reply: Reply) -> None:
            write(connection, reply)
            if reply.code == 425:
                write(connection, reply)

        self.broken(ControlConnection, "_write", eager)
        self.assert_found("kernel", "425")

    def test_a_place_that_is_not_given_back_is_found(self) -> None:
        """The place of a login."""
        self.broken(Server, "release_login", lambda server, user: None)
        self.assert_found("kernel", "places of logins")

    def test_a_descriptor_that_stays_open_is_found(self) -> None:
        """The directory of an upload."""
        self.broken(Place, "close", lambda place: None)
        self.assert_found("kernel", "descriptors")


class CommandTests(SimulationTestCase):
    """Running seeds from the command line."""

    def said(self, *arguments: str, status: int = 0) -> list[str]:
        """Return the lines of a run of the command."""
        command = [sys.executable, "-m", "tests.simulation", *arguments]
        ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        self.assertEqual((ended.returncode, ended.stderr), (status, ""))
        return ended.stdout.splitlines()

    def test_it_tells_what_it_has_run(self) -> None:
        """One seed on one pump, with everything that happened on demand."""
        *trace, runs, faults = self.said("--seeds", "1", "--pump", "copy", "--trace")
        self.assertEqual(trace, "\n".join(self.simulate(1, "copy").trace).splitlines())
        self.assertRegex(runs, r"^1 runs of 1 seeds in \d+ s, 0 with findings$")
        self.assertRegex(faults, r"^faults: \d+ ")

    def test_it_takes_the_pumps_in_turn(self) -> None:
        """Each seed on another one, with the outcome that it has there by itself."""
        faults = sum((self.simulate(seed, pump).faults for seed, pump in enumerate(PUMPS)), Counter[str]())
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(faults.items()))
        runs, said = self.said("--seeds", f"0-{len(PUMPS) - 1}", "--in-turn")
        self.assertRegex(runs, r"^6 runs of 6 seeds in \d+ s, 0 with findings$")
        self.assertEqual(said, f"faults: {told}")

    def test_faults_that_never_strike_are_told(self) -> None:
        """One seed has a few of them, and that is an error for who wants all."""
        told = self.said("--seeds", "1", "--pump", "copy", "--every-fault", status=1)[-1]
        self.assertRegex(told, r"^never: .*epoll: EMFILE")

    def test_an_unknown_pump_is_refused(self) -> None:
        """Only the pumps that there are."""
        self.patch(sys, "stderr", StringIO())
        self.assertRaises(SystemExit, main, ["--pump", "none"])

    def test_what_was_injected_is_known(self) -> None:
        """What a backend raises on purpose is of a kind of its own."""
        self.assertFalse(issubclass(InjectedFailure, (OSError, AssertionError)))
