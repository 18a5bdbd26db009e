# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for a server process that gives up the privileges of root.
"""

from __future__ import annotations

import errno
import os
import pwd
import random
import socket
from io import BytesIO
from pathlib import Path

from twisted.trial.unittest import SkipTest

from .processes import ProcessTestCase, connect


def free_privileged_port() -> int:
    """Return a port below 1024 that nobody listens on."""
    for port in random.sample(range(600, 1024), 424):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise SkipTest(f"port {port} cannot be bound: {error.strerror}") from error
                continue
            return port
    raise SkipTest("every port below 1024 is in use")


class PrivilegesTests(ProcessTestCase):
    """Tests for --uid and --gid."""

    def setUp(self) -> None:
        """Skip without root; find somebody else to be."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give up the privileges of root")
        super().setUp()
        try:
            self.nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise SkipTest("there is no user 'nobody'") from None
        os.chown(self.served, self.nobody.pw_uid, self.nobody.pw_gid)

    def test_privileges_are_given_up(self) -> None:
        """A port of root is opened, then the process is somebody else, with none of root's groups, and serves."""
        port = free_privileged_port()
        name = self.configure(endpoint=f"tcp:{port}:interface=127.0.0.1")
        uid, gid = self.nobody.pw_uid, self.nobody.pw_gid
        runner = ["twistd", "-n", "--pidfile=", f"--uid={uid}", f"--gid={gid}"]
        running = self.start("--config", name, runner=runner)
        self.assertEqual(running.port(), port)
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        self.assertEqual(fields["Uid"].split(), [str(uid)] * 4)
        self.assertEqual(fields["Gid"].split(), [str(gid)] * 4)
        self.assertEqual(fields["Groups"].split(), [str(gid)])
        with connect(port) as client:
            client.storbinary("STOR new.txt", BytesIO(b"new\n"))
        stored = (self.served / "new.txt").stat()
        self.assertEqual((stored.st_uid, stored.st_gid), (uid, gid))
        self.assertNotIn("Traceback", "".join(running.stop()))
