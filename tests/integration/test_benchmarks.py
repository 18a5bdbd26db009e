# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the benchmark with real servers: every case does its work, and nothing is left behind. No figure is judged.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import TestCase

from benchmarks.amounts import KIB, Amounts
from benchmarks.apart import Apart, LoadFailed
from benchmarks.cases import CASES, Variant
from benchmarks.client import Door, Refused, Session
from benchmarks.peers import Given, Peer
from benchmarks.peers.ours import Ours
from benchmarks.peers.python import TwistedFTP
from benchmarks.ports import free_ports
from benchmarks.processes import ProcessTree, descendants
from benchmarks.results import OURS, from_json
from benchmarks.running import Bench
from benchmarks.servers import DidNotStart, RunningServer
from benchmarks.site import Site, site

CHECKOUT = Path(__file__).parents[2]

VARIANTS: tuple[Variant, ...] = ("clear", "tls", "limited")

LITTLE = Amounts(
    size=2048 * KIB,
    tls_size=2048 * KIB,
    parallel=3,
    parallel_size=64 * KIB,
    files=5,
    logins=3,
    commands=200,
    entries=300,
    sessions=5,
    seconds=0.5,
)


class Broken(Peer):
    """A server that ends at once."""

    name = "broken"
    version = "0"

    @classmethod
    def find(cls, given: Given) -> Broken:
        """It is always there."""
        return cls()

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """Say why, and end."""
        return [sys.executable, "-c", "import sys; sys.exit('it is too late')"]


class SiteTestCase(TestCase):
    """A test with a place to work in."""

    timeout = 120

    def setUp(self) -> None:
        context = site()
        self.site = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.processor = min(os.sched_getaffinity(0))
        self.before = set(descendants(os.getpid()))
        self.addCleanup(self.check_processes)

    def check_processes(self) -> None:
        """Assert that every process that was started has ended."""
        self.assertEqual(set(descendants(os.getpid())) - self.before, set())

    def bench(self) -> Bench:
        """Return what a little of everything is measured with."""
        processors = (self.processor, max(os.sched_getaffinity(0)))
        return Bench(self.site, LITTLE, 2, processors, lambda _text: None)


class CaseTests(SiteTestCase):
    """Every case, at our server and at another one."""

    def test_every_case_can_be_done(self) -> None:
        """Our server does all of them, and each gives a figure."""
        for variant in VARIANTS:
            server = RunningServer(Ours.find(Given()), self.site, variant, self.processor)
            self.addCleanup(server.stop)
            for case in CASES.values():
                if case.variant == variant:
                    measured = self.bench().work(case, server, LITTLE)
                    self.assertGreater(measured.wall, 0, case.name)

    def test_every_round_is_done_by_each_server(self) -> None:
        """A server that cannot do a case is left out of it with the reason."""
        peers: list[Peer] = [Ours.find(Given()), TwistedFTP.find(Given())]
        result = self.bench().measure(CASES["noop"], peers)
        self.assertEqual([len(result.rounds[name]) for name in (OURS, "twisted")], [2, 2])
        result = self.bench().measure(CASES["logins_tls"], peers)
        self.assertEqual((list(result.rounds), result.absent), ([OURS], {"twisted": "no TLS"}))

    def test_a_server_that_fails_does_not_end_the_run(self) -> None:
        """It is left out of the case with what it said, and the others are measured."""
        for name in ("noop", "idle"):
            result = self.bench().measure(CASES[name], [Broken(), Ours.find(Given())])
            self.assertEqual(result.absent, {"broken": "failed: it is too late"})
            self.assertEqual(list(result.rounds), [OURS])


class ServerTests(SiteTestCase):
    """Servers under their supervisor."""

    def start(self, variant: Variant = "clear") -> RunningServer:
        """Start our server."""
        server = RunningServer(Ours.find(Given()), self.site, variant, self.processor)
        self.addCleanup(server.stop)
        return server

    def test_a_server_has_one_processor(self) -> None:
        """It is kept from where the load is."""
        server = self.start()
        (pid,) = descendants(server.tree.root)
        self.assertEqual(os.sched_getaffinity(pid), {self.processor})

    def test_cpu_and_memory_are_those_of_the_server(self) -> None:
        """A server has used some of both when it greets."""
        tree = self.start().tree
        self.assertGreater(tree.settled_cpu(), 0.0)
        memory = tree.memory()
        self.assertTrue(0 < memory.proportional <= memory.resident)

    def test_one_that_ends_is_told(self) -> None:
        """The text is the last line that it wrote."""
        self.assertRaisesRegex(
            DidNotStart, "^it is too late$", RunningServer, Broken(), self.site, "clear", self.processor
        )

    def test_a_refusal_is_told(self) -> None:
        """The load does not go on after a reply that it did not expect."""
        for variant in VARIANTS:
            session = Session(self.start(variant).door)
            self.addCleanup(session.close)
            self.assertRaisesRegex(Refused, "^530", session.ask, "STAT nothing")
            session.image()
            self.assertRaisesRegex(Refused, "^550", session.begin, "RETR nothing")


class SupervisorTests(SiteTestCase):
    """What a server leaves behind."""

    #: Starts a process that would outlive it, which has used 50 ms of CPU, and tells its number.
    ORPHAN = """
import os, time
reading, writing = os.pipe()
if not os.fork():
    while time.process_time() < 0.05: pass
    print(os.getpid(), flush=True)
    os.write(writing, b".")
    time.sleep(1000)
os.read(reading, 1)
time.sleep({0})
"""

    def supervise(self, seconds: float) -> tuple[subprocess.Popen[str], int]:
        """Return a supervisor, and the process that its server has left."""
        words = [sys.executable, "-m", "benchmarks.supervisor", str(self.processor), sys.executable, "-c"]
        process = subprocess.Popen(
            [*words, self.ORPHAN.format(seconds)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        self.addCleanup(process.wait)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        return process, int(process.stdout.readline())

    def assert_gone(self, pid: int) -> None:
        """Assert that a process has ended."""
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_all_of_it_ends_when_it_is_told(self) -> None:
        """Nothing that the server has started goes on."""
        process, orphan = self.supervise(1000)
        self.assertGreaterEqual(ProcessTree(process.pid).cpu(), 0.05)
        process.terminate()
        self.assertEqual(process.wait(), signal.SIGTERM)
        self.assert_gone(orphan)

    def test_all_of_it_ends_with_the_server(self) -> None:
        """A process that was left behind does not outlive it."""
        process, orphan = self.supervise(0)
        process.wait()
        self.assert_gone(orphan)


class ApartTests(SiteTestCase):
    """Work in a process of its own."""

    def result(self, function: Callable[[], object], timeout: float = 60) -> object:
        """Return what a call in another process gives."""
        return Apart(function, self.processor).result(timeout)

    def test_results_come_back(self) -> None:
        """It runs elsewhere, on the processor that it was given."""
        self.assertEqual(self.result(lambda: os.sched_getaffinity(0)), {self.processor})
        self.assertNotEqual(self.result(os.getpid), os.getpid())

    def test_errors_come_back(self) -> None:
        """What is raised there is raised here, with its kind."""
        self.assertRaisesRegex(LoadFailed, "^ZeroDivisionError: ", self.result, lambda: 1 // 0)

    def test_a_death_is_told(self) -> None:
        """A process that is gone has no result."""
        self.assertRaisesRegex(LoadFailed, "has died", self.result, lambda: os.kill(os.getpid(), signal.SIGKILL))

    def test_there_is_an_end(self) -> None:
        """One that takes too long is ended."""
        self.assertRaisesRegex(LoadFailed, "no end after 0.1 seconds", self.result, lambda: time.sleep(1000), 0.1)


class ClientTests(SiteTestCase):
    """What the load understands."""

    def session(self, *pieces: bytes) -> Session:
        """Return a session with a server that only says these."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def speak() -> None:
            with listener.accept()[0] as connection:
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=speak)
        thread.start()
        self.addCleanup(thread.join)
        session = Session(Door(listener.getsockname()[1]))
        self.addCleanup(session.close)
        return session

    def test_replies_may_have_several_lines(self) -> None:
        """The last line is the one that begins with the code and a blank."""
        session = self.session(b"220-a\r\n220-b\r\n221 no\r\n220 c\r\n2", b"00 d\r\n")
        self.assertEqual(session.reply("2"), b"200 d\r")

    def test_a_server_that_leaves_is_told(self) -> None:
        """So is one that says nothing."""
        self.assertRaisesRegex(Refused, "was closed", self.session(b"220 a\r\n").reply, "2")
        self.assertRaisesRegex(Refused, "empty line", self.session(b"220 a\r\n\r\n").reply, "2")

    def test_a_port_is_free(self) -> None:
        """Nobody listens there."""
        self.assertRaises(ConnectionRefusedError, Session, Door(free_ports(1)[0]))


class CommandTests(SiteTestCase):
    """The command as a user gives it."""

    def run_it(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the benchmark."""
        command = [sys.executable, "-m", "benchmarks", "--peers", "twisted,vsftpd", "--quick", "--rounds", "1", *words]
        return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    def test_one_command_measures_and_shows(self) -> None:
        """Tables, a picture and a file that can be shown again; a server that is not there is named."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        kept, drawn = folder / "run.json", folder / "chart.svg"
        words = ["--server", f"vsftpd={folder / 'nothing'}", "--json", str(kept), "--chart", str(drawn)]
        done = self.run_it("--cases", "noop", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Without vsftpd: there is no", done.stdout)
        self.assertIn("NOOP, one by one", done.stdout)
        self.assertIn("</svg>", drawn.read_text())
        run = from_json(kept.read_text())
        self.assertEqual(list(run.cases[0].rounds), [OURS, "twisted"])
        self.assertEqual(self.run_it("--again", str(kept)).stdout, done.stdout)

    def test_a_failure_of_ours_is_an_error(self) -> None:
        """The exit status tells programs."""
        done = self.run_it("--cases", "noop", "--server", "ftpserver=/nothing")
        self.assertEqual(done.returncode, 1)
        self.assertIn("without ftpserver: there is no /nothing", done.stderr)

    def test_a_file_that_is_no_run_is_an_error(self) -> None:
        """It is said in one line."""
        done = self.run_it("--again", str(CHECKOUT / "README.rst"))
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1))
