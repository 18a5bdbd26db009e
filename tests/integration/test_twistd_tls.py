# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for server processes with TLS: their listeners, their certificates, and SIGHUP.
"""

from __future__ import annotations

import ftplib
import os
import pty
import pwd
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import trustme
from twisted.trial.unittest import SkipTest

from .processes import PASSWORD, PATIENCE, ProcessTestCase, Running, environment, script

RELOADED = re.compile("the certificates are reloaded")
NOT_RELOADED = re.compile("the certificates are not reloaded, those from before stay: (.*)")

#: Makes the standard input the terminal of the session, as a shell does, and then is another program.
IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)

EXPLICIT_AND_IMPLICIT = 'tls = "explicit"\n[[listeners]]\nendpoint = "tcp:0:interface=127.0.0.1"\ntls = "implicit"'


class TLSProcessTestCase(ProcessTestCase):
    """Runs servers that have a certificate."""

    def setUp(self) -> None:
        """Make an authority, and a certificate for the server."""
        super().setUp()
        self.authority = trustme.CA()
        self.context = ssl.create_default_context()
        self.authority.configure_trust(self.context)
        self.issue()

    def issue(self) -> None:
        """Put a new certificate, and its key, in the place of those that are there."""
        made = self.authority.issue_cert("localhost")
        for name, pem in (("chain.pem", made.cert_chain_pems[0]), ("key.pem", made.private_key_pem)):
            pem.write_to_path(str(self.directory / "new"))
            os.chmod(self.directory / "new", 0o600)
            os.replace(self.directory / "new", self.directory / name)

    def configure_tls(self, *lines: str) -> str:
        """Write a configuration with a listener of each kind, and *lines* in its section of TLS."""
        section = ["[tls]", 'certificate = "chain.pem"', 'private_key = "key.pem"', *lines]
        name = self.configure(*section)
        file = self.directory / name
        file.write_text(file.read_text().replace("\n[server]", f"\n{EXPLICIT_AND_IMPLICIT}\n[server]"))
        return name

    def log_in(self, port: int) -> ftplib.FTP_TLS:
        """Return a client that has begun TLS by AUTH and is logged in."""
        client = ftplib.FTP_TLS(context=self.context, timeout=PATIENCE)
        self.addCleanup(client.close)
        client.connect("127.0.0.1", port)
        client.host = "localhost"
        client.login("alice", PASSWORD)
        return client

    def shown(self, client: ftplib.FTP_TLS) -> bytes | None:
        """Return the certificate that the server has shown."""
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.getpeercert(binary_form=True)

    def on_disk(self) -> bytes:
        """Return the certificate in the file of the server."""
        return ssl.PEM_cert_to_DER_cert((self.directory / "chain.pem").read_text())


class ListenersTests(TLSProcessTestCase):
    """Tests for listeners of both kinds in one process."""

    def test_both_kinds(self) -> None:
        """One process serves clients that ask for TLS and, on another port, those that begin with it."""
        for runner in (["twistd", "-n", "--pidfile="], ["twist"]):
            running = self.start("--config", self.configure_tls('required = "data"'), runner=runner)
            explicit = int(running.find(re.compile(r"listening on 127\.0\.0\.1:(\d+) \(explicit TLS\)"))[1])
            implicit = int(running.find(re.compile(r"listening on 127\.0\.0\.1:(\d+) \(implicit TLS\)"))[1])
            client = self.log_in(explicit)
            client.prot_p()
            self.assertEqual(client.nlst(), ["hello.txt"], runner)
            with (
                socket.create_connection(("127.0.0.1", implicit), PATIENCE) as connection,
                self.context.wrap_socket(connection, server_hostname="localhost") as protected,
            ):
                self.assertEqual(protected.recv(4), b"220 ", runner)
            self.assertNotIn("Traceback", "".join(running.stop()))

    def test_a_client_in_clear(self) -> None:
        """Where TLS is required, a client in clear is told so at USER, before it has sent a password."""
        port = self.start("--config", self.configure_tls('required = "control"')).port()
        client = ftplib.FTP(timeout=PATIENCE)
        self.addCleanup(client.close)
        client.connect("127.0.0.1", port)
        refused = self.assertRaises(ftplib.error_perm, client.sendcmd, "USER alice")
        self.assertEqual(str(refused)[:3], "530")


class ReloadTests(TLSProcessTestCase):
    """Tests for new certificates without a restart."""

    def test_the_signal(self) -> None:
        """After SIGHUP new sessions get the new certificate; a session under way keeps its own on data connections."""
        for runner in (["twistd", "-n", "--pidfile="], ["twist"]):
            running = self.start("--config", self.configure_tls('session_reuse = "off"'), runner=runner)
            port = running.port()
            before = self.log_in(port)
            old = self.on_disk()
            self.issue()
            running.signal(signal.SIGHUP)
            running.find(RELOADED)
            after = self.log_in(port)
            self.assertEqual((self.shown(before), self.shown(after)), (old, self.on_disk()), runner)
            before.prot_p()
            before.voidcmd("TYPE I")
            with before.transfercmd("RETR hello.txt") as data:
                assert isinstance(data, ssl.SSLSocket)
                self.assertEqual((data.getpeercert(binary_form=True), data.recv(100)), (old, b"hello\n"))
                data.unwrap()
            self.assertEqual(before.voidresp()[:3], "226")
            running.stop()

    def test_a_broken_file(self) -> None:
        """A new key that does not fit is refused, the server goes on with the old one, and takes a right one later."""
        running = self.start("--config", self.configure_tls())
        port = running.port()
        old = self.on_disk()
        self.issue()
        self.authority.issue_cert("localhost").private_key_pem.write_to_path(str(self.directory / "key.pem"))
        running.signal(signal.SIGHUP)
        self.assertIn("give the two that were made together", running.find(NOT_RELOADED)[1])
        self.assertEqual(self.shown(self.log_in(port)), old)
        self.issue()
        running.signal(signal.SIGHUP)
        running.find(RELOADED)
        self.assertEqual(self.shown(self.log_in(port)), self.on_disk())

    def test_a_daemon(self) -> None:
        """A daemon takes the signal, too."""
        port = self.start_daemon("ftpserver", "--config", self.configure_tls())
        self.issue()
        following = Running(["tail", "-n", "+1", "-F", "server.log"], self.directory)
        self.addCleanup(following.discard)
        os.kill(self.daemon(), signal.SIGHUP)
        following.find(RELOADED)
        self.assertEqual(self.shown(self.log_in(port)), self.on_disk())

    def test_a_certificate_that_has_expired(self) -> None:
        """A certificate that has expired stands in the log, once, and the server serves."""
        over = datetime.now(UTC) - timedelta(days=1)
        made = self.authority.issue_cert("localhost", not_before=over - timedelta(days=9), not_after=over)
        made.cert_chain_pems[0].write_to_path(str(self.directory / "chain.pem"))
        made.private_key_pem.write_to_path(str(self.directory / "key.pem"))
        running = self.start("--config", self.configure_tls())
        running.port()
        text = "".join(running.stop())
        self.assertEqual(text.count("expired on"), 1, text)


class TerminalTests(TLSProcessTestCase):
    """Tests for a server in a terminal."""

    def test_the_end_of_the_terminal(self) -> None:
        """A server in a terminal that is closed ends, rather than serve on unseen."""
        command = [script("twistd"), "-n", "--pidfile=", "ftpserver", "--config", self.configure_tls()]
        terminal, end = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *command],
            cwd=self.directory,
            env=environment(),
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(end)
        written = b""
        while b"implicit TLS" not in written:
            ready, _, _ = select.select([terminal], [], [], PATIENCE)
            self.assertEqual(ready, [terminal], written)
            written += os.read(terminal, 65536)
        os.close(terminal)
        process.wait(PATIENCE)


class PrivilegesTests(TLSProcessTestCase):
    """Tests for a server that reads its key as root, and then is somebody else."""

    def setUp(self) -> None:
        """Skip without root; find somebody else to be."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give up the privileges of root")
        super().setUp()
        try:
            self.nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise SkipTest("there is no user 'nobody'") from None

    def start_as_nobody(self) -> Running:
        """Start a server that becomes the user "nobody"."""
        runner = ["twistd", "-n", "--pidfile=", f"--uid={self.nobody.pw_uid}", f"--gid={self.nobody.pw_gid}"]
        return self.start("--config", self.configure_tls(), runner=runner)

    def test_a_key_of_root(self) -> None:
        """The key is read before the privileges are gone; that a new one cannot be is told, and the old one stays."""
        running = self.start_as_nobody()
        port = running.port()
        warning = f"warning: tls.private_key: '{self.directory}/key.pem' can no longer be read"
        self.assertIn(warning, "".join(running.lines))
        old = self.on_disk()
        self.issue()
        running.signal(signal.SIGHUP)
        reason = running.find(NOT_RELOADED)[1]
        self.assertRegex(reason, r"cannot be read \(Permission denied\); give the path of a PEM file that")
        self.assertEqual(self.shown(self.log_in(port)), old)

    def test_a_key_of_the_user(self) -> None:
        """A key that belongs to the user of the server is read again, and nothing is warned of."""

        def give_away() -> None:
            for name in ("chain.pem", "key.pem"):
                os.chown(self.directory / name, self.nobody.pw_uid, self.nobody.pw_gid)

        give_away()
        running = self.start_as_nobody()
        port = running.port()
        self.assertNotIn("warning:", "".join(running.lines))
        self.issue()
        give_away()
        running.signal(signal.SIGHUP)
        running.find(RELOADED)
        self.assertEqual(self.shown(self.log_in(port)), self.on_disk())
