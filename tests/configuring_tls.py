# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of TLS in the configuration share: a directory with certificates, keys and lists.
"""

from __future__ import annotations

from .certificates import authority, leaf, revocation_list, server_certificate
from .configuring import LISTENER, ConfigurationTestCase

__all__ = ["ACCOUNT", "TLS_SECTION", "TLSConfigurationTestCase"]

TLS_SECTION = '[tls]\ncertificate = "chain.pem"\nprivate_key = "key.pem"\n'

ACCOUNT = '[[users]]\nbase_path = "pub"\n'


class TLSConfigurationTestCase(ConfigurationTestCase):
    """Reads configurations beside ``chain.pem``, ``key.pem``, ``both.pem``, another pair, and what clients need."""

    def setUp(self) -> None:
        """Write the files."""
        super().setUp()
        own, other = server_certificate(), server_certificate("ftp.example.org")
        files = {
            "chain.pem": own.cert_chain_pems[0].bytes(),
            "key.pem": own.private_key_pem.bytes(),
            "both.pem": own.private_key_and_cert_chain_pem.bytes(),
            "other-chain.pem": other.cert_chain_pems[0].bytes(),
            "other-key.pem": other.private_key_pem.bytes(),
            "authority.pem": authority().cert_pem.bytes(),
            "revoked.pem": revocation_list(leaf("mallory@example.org")),
        }
        for name, octets in files.items():
            self.write(name, octets)

    def write(self, name: str, octets: bytes, mode: int = 0o600) -> None:
        """Write a file beside the configuration."""
        path = self.directory / name
        path.write_bytes(octets)
        path.chmod(mode)

    def told(self, *lines: str, listener: str = LISTENER, account: str = ACCOUNT) -> list[str]:
        """Return what is wrong with a section of TLS that has *lines* besides what it must have."""
        return self.problems("\n".join([listener, TLS_SECTION, *lines, account]))
