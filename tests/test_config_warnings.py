# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what in a configuration works but should not stay so.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from twisted.logger import capturedLogs

from ftpserver.config import certificate_warnings, unreadable, warnings

from .certificates import signed
from .configuring import HASH, LISTENER
from .configuring_tls import ACCOUNT, TLS_SECTION, TLSConfigurationTestCase

NAMED = '[[tls.names]]\nname = "ftp.example.org"\ncertificate = "other-chain.pem"\nprivate_key = "other-key.pem"\n'


class PasswordsTests(TLSConfigurationTestCase):
    """Tests for passwords."""

    def test_passwords_in_clear(self) -> None:
        """A password in clear costs a warning that names the login and not the password."""
        hashed = f'[[users]]\nlogin = "alice"\npassword_hash = "{HASH}"\nbase_path = "pub"\n'
        text = LISTENER + hashed + '[[users]]\nlogin = "bob"\npassword = "geheim"\nbase_path = "pub"\n'
        [warning] = warnings(self.settings(text))
        self.assertIn("users[1] (login 'bob'): the password stands in clear", warning)
        self.assertNotIn("geheim", warning)


class KeysTests(TLSConfigurationTestCase):
    """Tests for files of keys."""

    def found(self, text: str = TLS_SECTION + NAMED) -> list[str]:
        """Return the warnings about a file."""
        return warnings(self.settings(LISTENER + text + ACCOUNT))

    def test_keys_of_the_owner(self) -> None:
        """A key that its owner alone may read costs no warning, whoever may read the certificate."""
        (self.directory / "chain.pem").chmod(0o644)
        self.assertEqual(self.found(), [])

    def test_keys_that_others_may_read(self) -> None:
        """A key that its group or everybody may read costs a warning with the cure."""
        (self.directory / "key.pem").chmod(0o640)
        (self.directory / "other-key.pem").chmod(0o604)
        first, second = self.found()
        self.assertEqual(
            first,
            f"tls.private_key: others than its owner may read the key in '{self.directory}/key.pem' (mode 640); "
            "take that away with 'chmod 600'",
        )
        self.assertTrue(second.startswith("tls.names[0].private_key: others than its owner"), second)

    def test_keys_in_the_file_of_the_certificate(self) -> None:
        """A key that lies in the file of its certificate is looked at, too."""
        (self.directory / "both.pem").chmod(0o644)
        [warning] = self.found('[tls]\ncertificate = "both.pem"\n')
        self.assertTrue(warning.startswith("tls.certificate: others than its owner"), warning)


class ListenersTests(TLSConfigurationTestCase):
    """Tests for listeners in clear beside policies."""

    def test_policies_that_do_not_hold(self) -> None:
        """A listener without TLS costs a warning where TLS is asked for elsewhere."""
        listeners = LISTENER + LISTENER + 'tls = "off"\n'
        table = [
            ("", None),
            ('required = "data"', 'tls.required = "data"'),
            ("clear_networks = []", "tls.clear_networks"),
            ('required = "control"\nclear_networks = []', 'tls.required = "control" and tls.clear_networks'),
        ]
        for line, policy in table:
            expected = f'listeners[1].tls = "off": {policy} does not hold there; write "explicit" unless that is meant'
            found = warnings(self.settings(f"{listeners}{TLS_SECTION}{line}\n{ACCOUNT}"))
            self.assertEqual(found, [] if policy is None else [expected], line)


class CertificatesTests(TLSConfigurationTestCase):
    """Tests for certificates whose time is over, or has not come."""

    def test_certificates_in_their_time(self) -> None:
        """A certificate whose time it is, and no certificate at all, cost no warning."""
        for text in (TLS_SECTION + NAMED, ""):
            self.assertEqual(certificate_warnings(self.settings(LISTENER + text + ACCOUNT)), [])

    def test_certificates_that_have_expired(self) -> None:
        """A certificate that has expired is no error, but is told, here and in the log."""
        now = datetime.now(UTC)
        _, octets = signed(["localhost"], begins=now - timedelta(days=9), ends=now - timedelta(days=1))
        self.write("old.pem", octets)
        with capturedLogs() as entries:
            settings = self.settings(f'{LISTENER}[tls]\ncertificate = "old.pem"\n{NAMED}{ACCOUNT}')
        [warning] = certificate_warnings(settings)
        begin = f"tls.certificate: the one in '{self.directory}/old.pem' expired on "
        self.assertTrue(warning.startswith(begin) and warning.endswith("; renew it"), warning)
        self.assertEqual([entry["log_level"].name for entry in entries], ["warn"])


class UnreadableTests(TLSConfigurationTestCase):
    """Tests for files that the process could not read again."""

    def test_files_that_can_be_read_again(self) -> None:
        """Files that can be read cost no warning."""
        clients = 'client_certificates = "optional"\nclient_authorities = "authority.pem"\n'
        settings = self.settings(f'{LISTENER}{TLS_SECTION}{clients}revocation_lists = "revoked.pem"\n{NAMED}{ACCOUNT}')
        self.assertEqual(unreadable(settings), [])
        self.assertEqual(unreadable(self.settings(LISTENER + ACCOUNT)), [])

    def test_files_that_cannot(self) -> None:
        """Each file that the process may read no more costs a warning with the cure."""
        clients = 'client_certificates = "optional"\nclient_authorities = "authority.pem"\n'
        settings = self.settings(f'{LISTENER}{TLS_SECTION}{clients}revocation_lists = "revoked.pem"\n{NAMED}{ACCOUNT}')
        # Root may read everything, so that the files are taken away instead.
        for name in ("key.pem", "other-chain.pem", "authority.pem", "revoked.pem"):
            os.unlink(self.directory / name)
        lines = unreadable(settings)
        self.assertEqual(
            [line.partition(":")[0] for line in lines],
            ["tls.private_key", "tls.names[0].certificate", "tls.client_authorities", "tls.revocation_lists"],
        )
        self.assertIn("unless the user of the server may read it", lines[0])
