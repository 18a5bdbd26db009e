# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for server processes that confine themselves: what they keep out, and that nothing else changes.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import stat
import tempfile
from ftplib import FTP, error_perm
from io import BytesIO
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.test_landlock import version_here

from .processes import ProcessTestCase, connect
from .test_twistd_tls import NOT_RELOADED, RELOADED, TLSProcessTestCase

ON = re.compile(r"Landlock is on \(version \d+\): this process is confined to (.*)")
OFF = re.compile(r"Landlock is off: (.*)")
REFUSED = re.compile(r"the home directory cannot be entered: (.*)")
LISTENING = re.compile(r"listening on ")


def fetched(client: FTP, name: str) -> bytes:
    """Return the file *name* of the server."""
    pieces: list[bytes] = []
    client.retrbinary(f"RETR {name}", pieces.append)
    return b"".join(pieces)


class IntruderTests(ProcessTestCase):
    """Tests for a server process that somebody has taken over."""

    def test_what_lies_outside(self) -> None:
        """Outside of the roots nothing can be opened, by no thread, though its user owns it; inside it can."""
        version_here()
        secret = self.directory / "secret"
        secret.write_text("secret")
        lines = ['landlock = "required"', 'commands = "tests.integration.intruder.COMMANDS"']
        running = self.start("--config", self.configure(*lines))
        with connect(running.port()) as client:
            # The threads that the server itself has begun by now are behind the wall, too.
            self.assertEqual(fetched(client, "hello.txt"), b"hello\n")
            expected = {
                f"read {secret}": "EACCES",
                f"write {secret}": "EACCES",
                "read /etc/shadow": "EACCES",
                f"list {self.directory}": "EACCES",
                f"read /proc/{os.getpid()}/environ": "EACCES",
                "run /bin/true": "EACCES",
                f"read {self.served / 'hello.txt'}": "done",
            }
            for attempt, answer in expected.items():
                self.assertEqual(client.sendcmd(f"SITE INTRUDE {attempt}"), f"200 {answer} {answer}", attempt)
            status = Path(f"/proc/{running.process.pid}/status").read_text()
        self.assertIn("NoNewPrivs:\t1\n", status)
        self.assertNotIn("Traceback", "".join(running.stop()))


class ServiceTests(ProcessTestCase):
    """Tests for what a confined server does for its users."""

    def setUp(self) -> None:
        """Ask whether this kernel has Landlock."""
        version_here()
        super().setUp()

    def use(self, client: FTP) -> None:
        """Do what changes the root in every way."""
        for directory in ("one", "two"):
            client.mkd(directory)
        client.storbinary("STOR one/file", BytesIO(b"first"))
        client.storbinary("STOR one/file", BytesIO(b"second"))
        client.storbinary("APPE one/file", BytesIO(b" and third"))
        client.storbinary("STOR one/file", BytesIO(b"2nd"), rest=7)
        client.rename("one/file", "two/moved")
        client.rename("two", "one/two")
        self.assertEqual(fetched(client, "one/two/moved"), b"second 2nd third")
        self.assertEqual(client.nlst("one"), ["one/two"])
        client.sendcmd("MFMT 20200101000000 one/two/moved")
        client.sendcmd("SITE CHMOD 600 one/two/moved")
        self.assertEqual(client.sendcmd("MDTM one/two/moved"), "213 20200101000000")
        client.delete("one/two/moved")
        client.rmd("one/two")
        client.rmd("one")

    def test_both_data_planes(self) -> None:
        """Uploads, downloads, renames to other directories and the rest are as without a wall, on either plane."""
        for plane in ("auto", "portable"):
            running = self.start("--config", self.configure(f'data_plane = "{plane}"', 'path_calls = "threads"'))
            self.assertEqual(running.find(ON)[1], "1 root, 0 for reading only")
            with connect(running.port()) as client:
                self.use(client)
            self.assertNotIn("Traceback", "".join(running.stop()))
            self.assertEqual(sorted(os.listdir(self.served)), ["hello.txt"])

    def test_a_server_that_has_given_up_root(self) -> None:
        """A process that has become somebody else is confined as well, and serves."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give up the privileges of root")
        nobody = pwd.getpwnam("nobody")
        os.chown(self.served, nobody.pw_uid, nobody.pw_gid)
        runner = ["twistd", "-n", "--pidfile=", f"--uid={nobody.pw_uid}", f"--gid={nobody.pw_gid}"]
        running = self.start("--config", self.configure('landlock = "required"'), runner=runner)
        running.find(ON)
        with connect(running.port()) as client:
            self.use(client)

    def test_twist(self) -> None:
        """Under twist, and without a configuration file, it is the same."""
        running = self.start("--root=served", "--port=0", runner=["twist"])
        self.assertTrue(running.find(ON)[1].startswith("1 root, 1 for reading only"))
        with connect(running.port(), "anonymous") as client:
            self.assertEqual(fetched(client, "hello.txt"), b"hello\n")

    def test_a_daemon_and_its_log(self) -> None:
        """A daemon that is confined rotates its log, goes on in a new one, and at its end removes its number."""
        port = self.start_daemon("ftpserver", "--config", self.configure())
        log = self.directory / "server.log"
        self.assertRegex(log.read_text(), ON)
        os.kill(self.daemon(), signal.SIGUSR1)
        # The server turns to the signal before it answers whoever comes after it.
        for _ in range(2):
            with connect(port) as client:
                client.sendcmd("NOOP")
        text = log.read_text()
        self.assertRegex((self.directory / "server.log.1").read_text(), ON)
        self.assertIn("alice", text)
        self.assertNotIn("Traceback", text)

    def test_a_socket(self) -> None:
        """The socket of a listener is for its owner alone, and is gone at the end."""
        running = self.start("--config", self.configure(endpoint="unix:ftp.socket"))
        running.find(LISTENING)
        path = self.directory / "ftp.socket"
        self.assertEqual(stat.S_IMODE(path.lstat().st_mode), 0o600)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            self.assertEqual(client.recv(3), b"220")
        running.stop()
        self.assertEqual(sorted(set(os.listdir(self.directory)) - {"served", "ftpserver.toml"}), [])

    def test_a_root_that_is_made_anew(self) -> None:
        """It is another directory, which nobody may open: the login is refused, and the log says why, and the cure."""
        running = self.start("--config", self.configure())
        port = running.port()
        with connect(port) as before:
            self.served.rename(self.directory / "old")
            self.served.mkdir()
            (self.served / "new.txt").write_bytes(b"new\n")
            with self.assertRaisesRegex(error_perm, "^530 The login is not possible now"):
                connect(port)
            reason = running.find(REFUSED)[1]
            self.assertIn(f"'{self.served}' lies outside of the places that this process has confined", reason)
            self.assertIn("restart the server", reason)
            # Who was there before keeps the root of then.
            self.assertEqual(fetched(before, "hello.txt"), b"hello\n")
        self.assertNotIn("Traceback", "".join(running.stop()))
        with connect(self.start("--config", self.configure()).port()) as client:
            self.assertEqual(fetched(client, "new.txt"), b"new\n")


class CertificatesTests(TLSProcessTestCase):
    """Tests for certificates that a confined server reads again."""

    def setUp(self) -> None:
        """Ask whether this kernel has Landlock."""
        version_here()
        super().setUp()

    def test_new_certificates(self) -> None:
        """New files in their place are read; a link to elsewhere is refused with the cure, and the old stays."""
        running = self.start("--config", self.configure_tls())
        running.find(ON)
        port = running.port()
        self.issue()
        running.signal(signal.SIGHUP)
        running.find(RELOADED)
        self.assertEqual(self.shown(self.log_in(port)), self.on_disk())
        before = self.on_disk()
        elsewhere = tempfile.TemporaryDirectory(prefix="ftpserver-elsewhere-")
        self.addCleanup(elsewhere.cleanup)
        self.issue()
        for name in ("chain.pem", "key.pem"):
            os.rename(self.directory / name, f"{elsewhere.name}/{name}")
            os.symlink(f"{elsewhere.name}/{name}", self.directory / name)
        running.signal(signal.SIGHUP)
        reason = running.find(NOT_RELOADED)[1]
        self.assertIn(f"{self.directory}/chain.pem' lies outside of the places that this process has confined", reason)
        self.assertIn("restart the server", reason)
        self.assertEqual(self.shown(self.log_in(port)), before)


class OffTests(ProcessTestCase):
    """Tests for servers that do not confine themselves."""

    def test_code_of_ones_own(self) -> None:
        """With commands of one's own the wall is not raised, and the log says why and what to do."""
        running = self.start("--config", self.configure('commands = "tests.integration.intruder.COMMANDS"'))
        reason = running.find(OFF)[1]
        self.assertIn("server.commands is code whose files are not known", reason)
        with connect(running.port()) as client:
            self.assertEqual(client.sendcmd("SITE INTRUDE list /"), "200 done done")

    def test_required_where_it_cannot_be_had(self) -> None:
        """Where it is required and cannot be had, that is an error in the configuration, and nothing is started."""
        name = self.configure('landlock = "required"')
        file = self.directory / name
        file.write_text(file.read_text().replace('base_path = "served"', 'base_path = "/"', 1))
        ended = self.run_to_end("twistd", "-n", "--pidfile=", "ftpserver", "--config", name)
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(
            ended.stderr,
            "ftpserver.toml: 1 error, nothing was started\n"
            '  server.landlock = "required": it cannot be had: users[0].base_path is the whole file system\n',
        )
