# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what "ftpserver security" tells.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

from ftpserver.config import ConfigurationError
from ftpserver.walls import report as report_module
from ftpserver.walls.landlock import Landlock
from ftpserver.walls.process import CAPABILITIES, ProcessState
from ftpserver.walls.report import Report, report
from ftpserver.walls.weaknesses import Finding

from .configuring import LISTENER
from .configuring_tls import ACCOUNT, TLS_SECTION, TLSConfigurationTestCase
from .test_confinement import MadeUpLandlock

STATE = ProcessState((12345678,), (8, 9), ("net_bind_service",), is_restricted=True, seccomp="on", umask=0o077)


class ReportTestCase(TLSConfigurationTestCase):
    """Reports on a process that is made up."""

    def setUp(self) -> None:
        """Put the process in place of the one that asks."""
        super().setUp()
        self.state = STATE
        self.asked: list[str] = []
        self.patch(report_module, "state_of", self.state_of)

    def state_of(self, process: str) -> ProcessState:
        """Return the state, and note whose it is."""
        self.asked.append(process)
        return self.state

    def report(self, text: str | None = None, process: int | None = None, system: Landlock | None = None) -> Report:
        """Return the report on a configuration."""
        file = None
        if text is not None:
            (self.directory / "ftpserver.toml").write_text(text)
            (self.directory / "ftpserver.toml").chmod(0o600)
            file = str(self.directory / "ftpserver.toml")
        return report(file, process, system if system is not None else MadeUpLandlock())


class WallsTests(ReportTestCase):
    """Tests for the walls."""

    def test_the_process(self) -> None:
        """User, groups, capabilities, privileges, filter and mask are told."""
        walls = dict(self.report().walls)
        walls.pop("openat2")
        expected = {
            "user": "12345678",
            "groups": "8, 9",
            "capabilities": "net_bind_service",
            "new privileges": "cannot be gained",
            "seccomp": "on",
            "umask": "077",
            "Landlock": "the kernel has version 7",
        }
        self.assertEqual(walls, expected)
        self.assertEqual(self.asked, ["self"])

    def test_root(self) -> None:
        """Root has its name, and so many capabilities that they are counted; without any, that is said."""
        self.state = ProcessState((0,), (0,), tuple(CAPABILITIES), is_restricted=False, seccomp="off", umask=0o022)
        walls = self.report().walls
        self.assertEqual((walls["user"], walls["capabilities"]), ("root (0)", "41 of 41"))
        self.assertEqual(walls["new privileges"], "can be gained")
        self.state = ProcessState((7,), (0,), (), is_restricted=False, seccomp="off", umask=0o022)
        self.assertEqual(self.report().walls["capabilities"], "none")

    def test_paths(self) -> None:
        """Whether the kernel keeps paths below their roots is told."""
        for confines, expected in ((True, "the kernel keeps"), (False, "missing; paths are walked by name")):
            self.patch(report_module, "kernel_confines", lambda confines=confines: confines)
            self.assertTrue(self.report().walls["openat2"].startswith(expected))

    def test_landlock(self) -> None:
        """Whether a server of this configuration would be confined is told, with the reason where it would not."""
        text = LISTENER + ACCOUNT
        self.assertEqual(self.report(text).walls["Landlock"], "would be on (version 7)")
        off = f'{LISTENER}[server]\nlandlock = "off"\n{ACCOUNT}'
        self.assertEqual(self.report(off).walls["Landlock"], "would be off: the configuration says so")
        missing = MadeUpLandlock(fails=("version", errno.ENOSYS))
        self.assertIn("would be off: this kernel has no Landlock", self.report(text, system=missing).walls["Landlock"])
        self.assertEqual(
            self.report(system=missing).walls["Landlock"], "the kernel has none (Function not implemented)"
        )

    def test_a_server_that_runs(self) -> None:
        """Of another process, procfs tells no more than that it cannot be confined; else its log does."""
        self.assertIn("its start", self.report(process=12).walls["Landlock"])
        self.assertEqual(self.asked, ["12"])
        self.state = ProcessState((7,), (7,), (), is_restricted=False, seccomp="on", umask=0o022)
        self.assertTrue(self.report(process=12).walls["Landlock"].startswith("off: "))

    def test_the_mask(self) -> None:
        """The mask that the configuration gives is told of a server that does not run yet; else the one it has."""
        text = f'{LISTENER}[server]\numask = "027"\n{ACCOUNT}'
        self.assertEqual(self.report(text).walls["umask"], "027")
        self.assertEqual(self.report(text, process=12).walls["umask"], "077")

    def test_tls(self) -> None:
        """The policy of TLS is told in a line."""
        self.assertEqual(self.report(LISTENER + ACCOUNT).walls["TLS"], "none")
        told = self.report(f'{LISTENER}{LISTENER}tls = "implicit"\n{TLS_SECTION}{ACCOUNT}').walls["TLS"]
        self.assertEqual(told, "explicit, implicit; 1.2 or later; required: none; session reuse: offered")

    def test_this_system(self) -> None:
        """The real kernel is asked where nobody else is given."""
        self.assertIn("Landlock", report(None, None).walls)


class FindingsTests(ReportTestCase):
    """Tests for what was found, and for how it is written."""

    def test_the_weak_ones_first(self) -> None:
        """What is to be changed stands before what is to be known."""
        text = f'[[listeners]]\nendpoint = "tcp:0"\n[server]\nfailed_login_delay = 0\n{ACCOUNT}'
        found = self.report(text)
        self.assertEqual([finding.severity for finding in found.findings], ["weak", "note", "note"])
        self.assertTrue(found.is_weak)
        self.assertFalse(self.report(LISTENER + ACCOUNT).is_weak)

    def test_a_file_that_is_wrong(self) -> None:
        """A file that is wrong is an error with everything that is wrong."""
        self.assertRaises(ConfigurationError, self.report, "nonsense")

    def test_text(self) -> None:
        """As text it is a line each."""
        finding = Finding("weak", "server.umask", "it is bad")
        text = Report({"user": "root (0)"}, [finding]).as_text()
        self.assertEqual(text, "user            root (0)\n\nweak  server.umask: it is bad\n")
        self.assertTrue(Report({}, []).as_text().endswith("\nnothing weak was found\n"))

    def test_json(self) -> None:
        """As JSON it is one object."""
        finding = Finding("note", "process", "it is root")
        found = json.loads(Report({"user": "root (0)"}, [finding]).as_json())
        expected = {"severity": "note", "place": "process", "text": "it is root"}
        self.assertEqual(found, {"walls": {"user": "root (0)"}, "findings": [expected]})


class CommandTests(TLSConfigurationTestCase):
    """Tests for the command as a process."""

    def test_another_process(self) -> None:
        """The state of a process that runs is told by its number."""
        with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as other:
            walls = report(None, other.pid).walls
            other.communicate()
        self.assertIn(str(os.getuid()), walls["user"])
