# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for a self-signed certificate to try TLS out.
"""

from __future__ import annotations

import errno
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS
from ftpserver.tls.certificate import LONGEST, make, write
from ftpserver.tls.layer import TLSFailure
from tests.tls_client import Client, converse, established


class MakeTests(SynchronousTestCase):
    """Tests for what is made."""

    def test_a_client_that_trusts_it_is_served(self) -> None:
        """A server can use the file as it is, and a client that was given it can verify each of the names."""
        made = make(["localhost", "ftp.example.org", "127.0.0.1", "::1"], 30)
        path = Path(self.mktemp())
        write(str(path), made.pem)
        tls = TLS(certificate=path)
        for name in ("localhost", "ftp.example.org", "127.0.0.1", "::1"):
            context = ssl.create_default_context(cafile=path)
            established(tls.open_session().control_layer(), Client(context, server_name=name))
        context = ssl.create_default_context(cafile=path)
        other = Client(context, server_name="other.example.org")
        self.assertRaises(ssl.SSLCertVerificationError, converse, tls.open_session().control_layer(), other)

    def test_nobody_else_trusts_it(self) -> None:
        """A client that was not given it refuses the server."""
        path = self.mktemp()
        write(path, make(["localhost"], 30).pem)
        layer = TLS(certificate=path).open_session().control_layer()
        client = Client(ssl.create_default_context())
        layer.receive(client.outgoing())
        self.assertRaises(ssl.SSLCertVerificationError, client.take, layer.outgoing())
        self.assertRaises(TLSFailure, layer.receive, client.outgoing())

    def test_how_long(self) -> None:
        """It is valid from a little before now for as many days as were asked for."""
        now = datetime(2030, 1, 1, tzinfo=UTC)
        for days in (1, 365, LONGEST):
            certificate = make(["a"], days, now).certificate
            self.assertEqual(certificate.not_valid_after_utc, now + timedelta(days=days))
            self.assertEqual(certificate.not_valid_before_utc, now - timedelta(minutes=5))
        for days in (0, -1, LONGEST + 1):
            error = self.assertRaises(ValueError, make, ["a"], days)
            self.assertEqual(str(error), f"a certificate is valid for 1 to {LONGEST} days, not {days}")

    def test_names(self) -> None:
        """What is no name of a host is refused, a long one is not."""
        make([".".join(["a" * 60] * 4)], 1)
        for name in ("", "a b", "bücher.example", "300.1.1.1 "):
            self.assertRaises(ValueError, make, ["localhost", name], 1)

    def test_the_fingerprint(self) -> None:
        """The fingerprint is that which clients show; each certificate has its own."""
        one, other = make(["a"], 1), make(["a"], 1)
        self.assertRegex(one.fingerprint, r"\A([0-9A-F]{2}:){31}[0-9A-F]{2}\Z")
        self.assertNotEqual(one.fingerprint, other.fingerprint)


class WriteTests(SynchronousTestCase):
    """Tests for writing it."""

    def test_nobody_else_may_read_it(self) -> None:
        """The file is for its owner alone, whatever the mask of the process is."""
        for mask in (0o000, 0o277):
            path = self.mktemp()
            before = os.umask(mask)
            try:
                write(path, b"secret")
            finally:
                os.umask(before)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(Path(path).read_bytes(), b"secret")

    def test_nothing_is_replaced(self) -> None:
        """A file, and a link even to nothing, is never replaced or followed."""
        path = Path(self.mktemp())
        path.write_bytes(b"old")
        link = Path(self.mktemp())
        link.symlink_to("nowhere")
        for taken in (path, link):
            self.assertRaises(FileExistsError, write, str(taken), b"new")
        self.assertEqual(path.read_bytes(), b"old")
        self.assertFalse(link.exists())

    def test_a_full_disk(self) -> None:
        """When it cannot be written, nothing is left of it."""
        path = self.mktemp()

        def full(_descriptor: int, _mode: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "fchmod", full)
        self.assertRaises(OSError, write, path, b"new")
        self.assertFalse(os.path.exists(path))
