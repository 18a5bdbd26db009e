# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what must hold between the values about TLS in a configuration.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .configuring import HASH, LISTENER
from .configuring_tls import ACCOUNT, TLS_SECTION, TLSConfigurationTestCase


def account(*lines: str) -> str:
    """Return the table of an account that may log in."""
    return "\n".join(["[[users]]", 'login = "alice"', f'password_hash = "{HASH}"', 'base_path = "pub"', *lines, ""])


class WithoutTheSectionTests(TLSConfigurationTestCase):
    """Tests for files that ask for TLS and have no section about it."""

    def test_listeners(self) -> None:
        """A listener that wants TLS is not opened without."""
        for mode in ("explicit", "implicit"):
            self.assertEqual(
                self.problems(f'{LISTENER}tls = "{mode}"\n{ACCOUNT}'),
                [
                    f'listeners[0].tls = "{mode}": there is no [tls] section; add one with certificate and '
                    'private_key, or write "off"'
                ],
            )

    def test_accounts(self) -> None:
        """An account that wants TLS is not served without."""
        for key, value in (("tls_required", '"control"'), ("certificates", '["a"]'), ("require_close_notify", "true")):
            [problem] = self.problems(LISTENER + account(f"{key} = {value}"))
            self.assertTrue(problem.startswith(f'users[0].{key} (login "alice") = {value}: there is no'), problem)

    def test_what_asks_for_nothing_passes(self) -> None:
        """Whoever says that there is no TLS is right."""
        text = LISTENER + 'tls = "off"\n' + account('tls_required = "none"', "certificates = []")
        self.assertEqual(self.problems(text), [])


class SectionTests(TLSConfigurationTestCase):
    """Tests for the section itself."""

    def test_sections_that_are_right(self) -> None:
        """The least is a certificate with its key; both may lie in one file."""
        self.assertEqual(self.told(), [])
        self.assertEqual(self.problems(f'{LISTENER}[tls]\ncertificate = "both.pem"\n{ACCOUNT}'), [])

    def test_no_listener_uses_it(self) -> None:
        """A section that nobody uses is a mistake: passwords would go in clear."""
        self.assertEqual(
            self.told(listener=LISTENER + 'tls = "off"\n'),
            ['tls: every listener has tls = "off"; it wants one with "explicit" or "implicit", or no [tls] section'],
        )
        self.assertEqual(self.told(listener=LISTENER + 'tls = "off"\n' + LISTENER), [])

    def test_a_key_of_another_certificate(self) -> None:
        """A key that does not fit its certificate is named, wherever the two stand."""
        text = f'{LISTENER}[tls]\ncertificate = "chain.pem"\nprivate_key = "other-key.pem"\n[[tls.names]]\n'
        text += 'name = "ftp.example.org"\ncertificate = "other-chain.pem"\nprivate_key = "key.pem"\n'
        lines = self.problems(text + ACCOUNT)
        self.assertEqual(
            [line.partition(":")[0] for line in lines],
            ['tls.private_key = "other-key.pem"', 'tls.names[0].private_key = "key.pem"'],
        )
        for line in lines:
            self.assertIn("give the two that were made together", line)

    def test_a_certificate_without_its_key(self) -> None:
        """Where no key is named, the file of the certificate must hold one."""
        [problem] = self.problems(f'{LISTENER}[tls]\ncertificate = "chain.pem"\n{ACCOUNT}')
        self.assertTrue(problem.startswith('tls.certificate = "chain.pem": '), problem)
        self.assertIn("holds no private key that can be used", problem)

    def test_a_file_without_a_key(self) -> None:
        """A key file that holds something else is told once."""
        [problem] = self.problems(f'{LISTENER}[tls]\ncertificate = "both.pem"\nprivate_key = "chain.pem"\n{ACCOUNT}')
        self.assertTrue(problem.startswith('tls.private_key = "chain.pem": it holds no private key; it wants'), problem)

    def test_a_key_that_cannot_be_used(self) -> None:
        """A key file that is broken is told once, and nothing of it is shown."""
        self.write("key.pem", b"-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----\n")
        [problem] = self.told()
        self.assertTrue(problem.startswith('tls.private_key = "key.pem": '), problem)
        self.assertNotIn("geheim", problem)

    def test_one_name_twice(self) -> None:
        """Of two certificates for one name none would be the right one."""
        names = ("a.org", "A.org.", "b.org")
        lines = self.told(*(f'[[tls.names]]\nname = "{name}"\ncertificate = "both.pem"' for name in names))
        text = "more than one certificate is for this name; it wants one only"
        self.assertEqual(lines, [f'tls.names[{index}].name = "a.org": {text}' for index in (0, 1)])

    def test_certificates_of_clients(self) -> None:
        """Whoever asks clients for certificates says who makes them, and nobody says so in vain."""
        self.assertEqual(
            self.told('client_certificates = "required"'),
            [
                'tls.client_certificates = "required": it needs client_authorities, a PEM file with the authorities '
                "that certificates of clients come from"
            ],
        )
        for key, name in (("client_authorities", "authority.pem"), ("revocation_lists", "revoked.pem")):
            [problem] = self.told(f'{key} = "{name}"')
            self.assertTrue(problem.startswith(f'tls.{key} = "{name}": no client is asked for a certificate'), problem)
        right = ('client_certificates = "optional"', 'client_authorities = "authority.pem"')
        self.assertEqual(self.told(*right, 'revocation_lists = ["revoked.pem"]'), [])

    def test_what_openssl_refuses(self) -> None:
        """What only OpenSSL finds wrong is told with the key that it is about."""
        weak = self.weak_certificate()
        self.write("chain.pem", weak)
        self.write("key.pem", weak)
        [problem] = self.told()
        self.assertTrue(problem.startswith('tls.certificate = "chain.pem": OpenSSL refuses'), problem)

    def weak_certificate(self) -> bytes:
        """Return a certificate with a key of RSA that is too short, and the key."""
        key = rsa.generate_private_key(65537, 1024)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        made = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
        return made + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class AccountsTests(TLSConfigurationTestCase):
    """Tests for the section beside the accounts."""

    clients = ('client_certificates = "optional"', 'client_authorities = "authority.pem"')

    def test_certificates_instead_of_passwords(self) -> None:
        """An account that a certificate logs in needs no password, and may have one besides."""
        alone = '[[users]]\nlogin = "bob"\nbase_path = "pub"\ncertificates = ["bob@example.org"]\n'
        both = account('certificates = ["alice@example.org"]')
        self.assertEqual(self.told(*self.clients, account=alone + both), [])

    def test_certificates_that_nobody_is_asked_for(self) -> None:
        """An account cannot be logged in by a certificate that no client is asked for."""
        self.assertEqual(
            self.told(account=account('certificates = ["a"]')),
            [
                'users[0].certificates (login "alice") = ["a"]: no client is asked for a certificate; write '
                'client_certificates = "optional" in [tls]'
            ],
        )

    def test_users_in_clear(self) -> None:
        """Logins that are exempt are logins of accounts, which do not ask for TLS themselves."""
        exempt = 'clear_users = ["alice", "anonymous"]'
        self.assertEqual(self.told(exempt, account=account() + ACCOUNT), [])
        self.assertEqual(
            self.told('clear_users = ["alcie"]', account=account()),
            ['tls.clear_users[0] = "alcie": no account has this login'],
        )
        self.assertEqual(
            self.told(exempt, account=account('tls_required = "data"')),
            ['tls.clear_users[0] = "alice": this account has tls_required; take away one of the two'],
        )


class TogetherTests(TLSConfigurationTestCase):
    """Tests for several mistakes."""

    def test_all_problems_are_named_at_once(self) -> None:
        """One run names everything that is wrong about TLS, each thing once."""
        text = (
            LISTENER + 'tls = "maybe"\n[tls]\ncertificate = "nothing.pem"\nprivate_key = "chain.pem"\n'
            'required = "all"\nsession_reuse = "must"\nclear_networks = ["10.0.0.1/8"]\nciphers = "ROT13"\n'
            'context = "mine"\ncertifcate = "x"\nclient_certificates = "optional"\n'
            '[[tls.names]]\nname = "a b"\ncertificate = "both.pem"\n' + account('tls_required = "never"')
        )
        self.assertEqual(
            sorted(line.partition(" ")[0].rstrip(":") for line in self.problems(text)),
            sorted(
                [
                    "listeners[0].tls",
                    "tls.certificate",
                    "tls.private_key",
                    "tls.required",
                    "tls.session_reuse",
                    "tls.clear_networks",
                    "tls.ciphers",
                    "tls.context",
                    "tls.certifcate",
                    "tls.client_certificates",
                    "tls.names[0].name",
                    "users[0].tls_required",
                ]
            ),
        )

    def test_what_is_no_table(self) -> None:
        """A value in place of the section, or of a table in it, is told what is wanted."""
        self.assertEqual(self.problems(f"tls = 3\n{LISTENER}{ACCOUNT}"), ["tls = 3: it wants a table, [tls]"])
        self.assertEqual(self.told("names = [3]"), ["tls.names[0] = 3: it wants a table"])
        self.assertEqual(self.told('names = "a"'), ['tls.names = "a": it wants [[tls.names]] tables'])

    def test_an_empty_section(self) -> None:
        """A section without a certificate lacks it."""
        [problem] = self.problems(f"{LISTENER}[tls]\n{ACCOUNT}")
        self.assertTrue(problem.startswith("tls.certificate: this is missing; it wants a PEM file"), problem)

    def test_no_key_is_shown(self) -> None:
        """A key that somebody has written into the configuration, instead of the name of its file, is not shown."""
        secret = "MC4CAQAwBQYDK2VwBCIEIGdlaGVpbWdlaGVpbWdlaGVpbWdlaGVpbWdlaGVp"
        pem = f"-----BEGIN PRIVATE KEY-----\\n{secret}\\n-----END PRIVATE KEY-----\\n"
        for wrong in (
            f'certificate = "{pem}"\nprivate_key = "{secret}"\n',
            f'certificate = "chain.pem"\nprivate_key = "{pem}"\n',
            f'certificate = "chain.pem"\nprivat_key = "{secret}"\n',
            f'certificate = "chain.pem"\nprivate_key = ["{pem}"]\n',
            f'certificate = "chain.pem"\nciphers = "{pem}"\n',
        ):
            lines = self.problems(f"{LISTENER}[tls]\n{wrong}{ACCOUNT}")
            self.assertNotEqual(lines, [], wrong)
            self.assertNotIn(secret[:20], "\n".join(lines), wrong)

    def test_the_sample(self) -> None:
        """Every key of the section may stand beside the others."""
        lines = [
            'unknown_names = "refuse"',
            'minimum_version = "1.3"',
            'required = "data"',
            'session_reuse = "required"',
            "require_close_notify = false",
            'client_certificates = "required"',
            'client_authorities = ["authority.pem"]',
            'clear_networks = ["127.0.0.0/8"]',
            'clear_users = ["alice"]',
            "clear_command_channel = true",
            '[[tls.names]]\nname = "ftp.example.org"\ncertificate = "other-chain.pem"\nprivate_key = "other-key.pem"',
        ]
        self.assertEqual(self.told(*lines, account=account()), [])
        self.assertEqual(self.problems(LISTENER + TLS_SECTION + account()), [])
