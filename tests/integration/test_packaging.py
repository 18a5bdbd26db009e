# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the unit of systemd and the container file that come with the server.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ftpserver.config import read_text

from .processes import CHECKOUT, ProcessTestCase

PACKAGING = CHECKOUT / "packaging"
CONTAINER = PACKAGING / "container"
UNIT = PACKAGING / "ftpserver.service"

#: The worst level of exposure that the unit may have, in tenths: systemd calls up to 20 of 100 "OK".
EXPOSURE = 20


def settings_of_unit() -> dict[str, str]:
    """Return the settings of the unit; of one that is repeated, the last."""
    lines = (line.partition("=") for line in UNIT.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {key: value for key, separator, value in lines if separator}


class UnitTests(SynchronousTestCase):
    """Tests for the unit of systemd."""

    def analyzed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return what systemd-analyze says of the unit, with a program that is there."""
        program = shutil.which("systemd-analyze")
        if program is None:
            raise SkipTest("there is no systemd-analyze; install the Debian package 'systemd'")
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-unit-")
        self.addCleanup(directory.cleanup)
        unit = Path(directory.name) / UNIT.name
        unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text("utf-8"), flags=re.MULTILINE))
        command = [program, *arguments, "--no-pager", str(unit)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_systemd_takes_it(self) -> None:
        """There is no setting in the unit that systemd does not know or does not take."""
        ended = self.analyzed("verify")
        self.assertEqual((ended.returncode, ended.stdout + ended.stderr), (0, ""))

    def test_what_it_exposes(self) -> None:
        """The level of exposure that systemd computes is no worse than that of services it calls well confined."""
        ended = self.analyzed("security", "--offline=true", f"--threshold={EXPOSURE}")
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertIn("Overall exposure level", ended.stdout)

    def test_what_would_break_the_server(self) -> None:
        """The unit keeps what the server needs: pipes, Landlock, and memory in which callbacks are made."""
        settings = settings_of_unit()
        self.assertNotIn("MemoryDenyWriteExecute", settings)
        self.assertNotIn("@ipc", UNIT.read_text("utf-8").replace("# Not all of @ipc", ""))
        self.assertIn("landlock_restrict_self", UNIT.read_text("utf-8"))
        self.assertIn("AF_UNIX", settings["RestrictAddressFamilies"])

    def test_it_is_nobody(self) -> None:
        """The server is no root, and has no other capability than that for low ports."""
        settings = settings_of_unit()
        self.assertNotIn(settings["User"], ("", "root", "0"))
        for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertEqual(settings[key], "CAP_NET_BIND_SERVICE")


class ContainerTests(ProcessTestCase):
    """Tests for the container file."""

    def setUp(self) -> None:
        """Read the file."""
        super().setUp()
        self.file = (CONTAINER / "Containerfile").read_text("utf-8")

    def test_it_is_nobody(self) -> None:
        """The process in the container is no root, and the image tells so by a number."""
        users = re.findall(r"^USER (\d+):(\d+)$", self.file, re.MULTILINE)
        self.assertEqual(users, [("2121", "2121")])
        last = self.file.rpartition("USER 2121:2121")[2]
        self.assertNotIn("\nRUN", last)

    def test_its_configuration(self) -> None:
        """The configuration in the image is right, and its ports are those that the image tells of."""
        text = (CONTAINER / "ftpserver.toml").read_text("utf-8").replace('"/srv/ftp"', '"served"')
        settings = read_text(text, self.directory)
        ports = settings.server.data_ports
        assert ports is not None
        control = settings.listeners[0].endpoint.removeprefix("tcp:")
        self.assertIn(f"\nEXPOSE {control} {ports[0]}-{ports[-1]}\n", self.file)
        self.assertEqual(len(ports), ports[-1] - ports[0] + 1)

    def test_what_goes_into_it(self) -> None:
        """Everything that the image is made of is in the checkout, and the list of what is left out lets it in."""
        copied = re.findall(r"^COPY (?!--from)(?:\. )?(.+) \S+$", self.file, re.MULTILINE)
        allowed = (CONTAINER / "Containerfile.dockerignore").read_text("utf-8").splitlines()
        names = [name for line in copied for name in line.split() if name.startswith("packaging/")]
        self.assertEqual(names, ["packaging/container/ftpserver.toml", "packaging/container/health.py"])
        for name in [*names, *(line[1:] for line in allowed if line.startswith("!"))]:
            self.assertTrue((CHECKOUT / name).exists(), name)

    def health(self, port: int) -> int:
        """Return the status of the question whether a server on *port* is well."""
        command = [sys.executable, str(CONTAINER / "health.py"), str(port)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    def test_its_health(self) -> None:
        """A server that greets is well; where nobody listens, none is."""
        running = self.start("--config", self.configure())
        self.assertEqual(self.health(running.port()), 0)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.assertEqual(self.health(nobody.getsockname()[1]), 1)
