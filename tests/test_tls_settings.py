# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what TLS is told to be, above all for what it cannot be.
"""

from __future__ import annotations

import ssl
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import load_der_x509_certificate
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

import ftpserver
from ftpserver import TLS
from ftpserver.tls.files import host_names
from ftpserver.tls.layer import TLSFailure
from ftpserver.tls.session import TLSSession
from tests.certificates import authority, parsed, revocation_list, server_certificate, signed, write, write_pair
from tests.tls_client import Client, client_context, established


class SettingsTestCase(SynchronousTestCase):
    """Has a certificate."""

    def setUp(self) -> None:
        """Write it."""
        self.path = write_pair(self, server_certificate())

    def server_context(self) -> SSL.Context:
        """Return a context of OpenSSL that is not in use yet."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(self.path)
        context.use_privatekey_file(self.path)
        return context

    def stdlib_context(self) -> ssl.SSLContext:
        """Return a context of the standard library."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def error(self, **keywords: Any) -> str:
        """Return the words with which keywords are refused."""
        return str(self.assertRaises(ValueError, TLS, **keywords))

    def assert_wrong(self, keyword: str, right: str, **keywords: Any) -> None:
        """Assert that an error begins with the keyword and tells what would be right."""
        error = self.error(**keywords)
        self.assertTrue(error.startswith(f"{keyword}: "), error)
        self.assertIn(right, error)

    def assert_serves(self, tls: TLS) -> None:
        """Assert that clients are served."""
        session = tls.open_session()
        self.assertIsInstance(session, TLSSession)
        established(session.control_layer(), Client())
        established(session.data_layer(), Client())


class RightTests(SettingsTestCase):
    """What is right."""

    def test_it_is_public(self) -> None:
        """The settings are part of the public face."""
        self.assertIs(ftpserver.TLS, TLS)
        self.assertIn("TLS", ftpserver.__all__)

    def test_defaults(self) -> None:
        """By default nothing is required of clients, and an upload must end by TLS."""
        tls = TLS(certificate=self.path)
        self.assertEqual((tls.required, tls.session_reuse, tls.client_certificates), ("none", "offered", "off"))
        self.assertEqual((tls.require_close_notify, tls.clear_command_channel), (True, False))
        self.assertEqual((tls.clear_networks, tls.clear_users), (None, frozenset()))
        self.assert_serves(tls)

    def test_what_is_given_can_be_read(self) -> None:
        """The policies that are given can be read."""
        tls = TLS(
            certificate=self.path,
            required="data",
            session_reuse="required",
            require_close_notify=False,
            clear_command_channel=True,
            clear_networks=["10.0.0.0/8", ip_network("2001:db8::/32")],
            clear_users=["printer"],
        )
        self.assertEqual((tls.required, tls.session_reuse), ("data", "required"))
        self.assertEqual((tls.require_close_notify, tls.clear_command_channel), (False, True))
        self.assertEqual(tls.clear_networks, (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
        self.assertEqual(tls.clear_users, {"printer"})

    def test_files_of_their_own(self) -> None:
        """Certificate and key may lie in one file or in two, named as text or as a path."""
        certificate = server_certificate()
        chain = write(self, certificate.cert_chain_pems[0].bytes(), "chain.pem")
        key = write(self, certificate.private_key_pem.bytes(), "key.pem")
        self.assert_serves(TLS(certificate=chain, private_key=key))
        self.assert_serves(TLS(certificate=str(chain), private_key=str(key)))
        self.assert_serves(TLS(certificate=str(self.path)))

    def test_a_chain(self) -> None:
        """The certificates between that of the server and its authority are sent to clients."""
        certificate = authority().create_child_ca().issue_cert("localhost")
        self.assert_serves(TLS(certificate=write_pair(self, certificate, "chain.pem")))

    def test_contexts(self) -> None:
        """A context of OpenSSL, an object that makes one, and one of the standard library serve in place of files."""

        class Factory:
            context = self.server_context()

            def getContext(self) -> SSL.Context:
                return self.context

        for context in (self.server_context(), Factory(), self.stdlib_context()):
            self.assert_serves(TLS(context=context))

    def test_a_context_of_openssl_gets_what_all_have(self) -> None:
        """A context of OpenSSL refuses protocols and versions, and chooses by name, as one from files does."""
        other = write_pair(self, server_certificate("other.example.org"), "other.pem")
        tls = TLS(
            context=self.server_context(),
            minimum_version="1.3",
            names={"other.example.org": (other, None)},
            unknown_names="refuse",
        )
        for name in ("localhost", "other.example.org"):
            client = established(tls.open_session().control_layer(), Client(server_name=name))
            self.assertEqual(client.tls.version(), "TLSv1.3")
        for context, name in (
            (client_context(ssl.TLSVersion.TLSv1_2), "localhost"),
            (client_context(alpn=["imap"]), "localhost"),
            (client_context(), "unknown.example.org"),
        ):
            layer, refused = tls.open_session().control_layer(), Client(context, server_name=name)
            self.assertRaises(TLSFailure, layer.receive, refused.outgoing())

    def test_one_object_for_several_servers(self) -> None:
        """One object may open any number of sessions."""
        tls = TLS(certificate=self.path)
        for _ in range(3):
            self.assert_serves(tls)


class RequiredFromTests(SettingsTestCase):
    """What clients must protect, by their network."""

    def test_without_networks(self) -> None:
        """Without networks the same holds for everybody."""
        for required in ("none", "control", "data"):
            tls = TLS(certificate=self.path, required=required)
            for host in ("10.1.2.3", "2001:db8::1", ""):
                self.assertEqual(tls.required_from(host), required)

    def test_with_networks(self) -> None:
        """Clients in the networks may do without TLS, all others protect the control connection at least."""
        for required, elsewhere in (("none", "control"), ("control", "control"), ("data", "data")):
            tls = TLS(
                certificate=self.path,
                required=required,  # type: ignore[arg-type] # from a table
                clear_networks=["10.0.0.0/8", "fe80::/10"],
            )
            for host, expected in (
                ("10.1.2.3", "none"),
                ("fe80::1", "none"),
                ("fe80::1%eth0", "none"),
                ("11.1.2.3", elsewhere),
                ("2001:db8::1", elsewhere),
                ("", elsewhere),
                ("/run/ftp.sock", elsewhere),
            ):
                self.assertEqual(tls.required_from(host), expected, host)

    def test_no_network(self) -> None:
        """An empty list of networks lets nobody do without."""
        self.assertEqual(TLS(certificate=self.path, clear_networks=[]).required_from("127.0.0.1"), "control")


class WrongTests(SettingsTestCase):
    """What is wrong with keywords."""

    def test_words(self) -> None:
        """A word that is none is told with those that are."""
        for keyword, words in (
            ("required", "'none', 'control', 'data'"),
            ("session_reuse", "'off', 'offered', 'required'"),
            ("client_certificates", "'off', 'optional', 'required'"),
            ("minimum_version", "'1.2', '1.3'"),
            ("unknown_names", "'default', 'refuse'"),
        ):
            for value in ("maybe", None, 1.2, True):
                error = self.error(certificate=self.path, **{keyword: value})
                self.assertEqual(error, f"{keyword}: {value!r} is none of {words}")

    def test_flags(self) -> None:
        """What is neither true nor false is told."""
        for keyword in ("require_close_notify", "clear_command_channel"):
            self.assert_wrong(keyword, "True nor False", certificate=self.path, **{keyword: "yes"})

    def test_networks_and_logins(self) -> None:
        """What is no list, no network or no login is told."""
        for keyword, value, right in (
            ("clear_networks", "10.0.0.0/8", "is no list; write it as ['10.0.0.0/8'"),
            ("clear_networks", 10, "is no list"),
            ("clear_networks", ["10.0.0.1/8"], "has host bits set"),
            ("clear_networks", ["example.org"], "write it as '10.0.0.0/8'"),
            ("clear_users", "printer", "write it as ['printer']"),
            ("clear_users", [None], "the anonymous account needs not be named"),
        ):
            self.assert_wrong(keyword, right, certificate=self.path, **{keyword: value})

    def test_nothing_to_serve_with(self) -> None:
        """Without a certificate or a context there is no TLS; with both it is not clear what is meant."""
        self.assert_wrong("certificate", "give the path of a PEM file, or a context")
        self.assert_wrong("certificate", "give the path", private_key=self.path)
        for given in ({"certificate": self.path}, {"private_key": self.path}):
            self.assert_wrong("context", "not both", context=self.server_context(), **given)

    def test_what_is_no_context(self) -> None:
        """What is no context is told with what would be one."""
        for value in (object(), "context.pem", 5):
            self.assert_wrong("context", "OpenSSL.SSL.Context", context=value)

    def test_ciphers(self) -> None:
        """Ciphers that OpenSSL does not know are told."""
        for value in ("NONSENSE", "TLS_NONSENSE", "ä"):
            self.assert_wrong("ciphers", "'openssl ciphers -s' lists them", certificate=self.path, ciphers=value)
        self.assert_wrong("ciphers", "write names", certificate=self.path, ciphers=["ECDHE-RSA-AES128-GCM-SHA256"])

    def test_names(self) -> None:
        """What is no name of a host, or no pair of files, is told."""
        pair = (self.path, None)
        for name in ("", "a b", "bücher.example", "*", "a.*.example", "*a.example", "a..b", "-a", "x" * 64, 5, "a\n"):
            self.assert_wrong("names", "'*.example.org'", certificate=self.path, names={name: pair})
        self.assert_wrong("names", "'*.example.org'", certificate=self.path, names={"a." * 127 + "a": pair})
        self.assert_wrong("names", "(certificate, private_key)", certificate=self.path, names=["a.example"])
        for files in (str(self.path), (self.path,), None):
            self.assert_wrong(
                "names['a']", "give (certificate, private_key)", certificate=self.path, names={"a": files}
            )

    def test_clients(self) -> None:
        """Certificates of clients need an authority; authorities and lists need such certificates."""
        for wanted in ("optional", "required"):
            self.assert_wrong(
                "client_certificates", "needs client_authorities", certificate=self.path, client_certificates=wanted
            )
        for keyword in ("client_authorities", "revocation_lists"):
            right = "give client_certificates='optional'"
            self.assert_wrong(keyword, right, certificate=self.path, **{keyword: self.path})
            self.assert_wrong(keyword, "is no path", certificate=self.path, **{keyword: 5})

    def test_a_context_decides_for_itself(self) -> None:
        """What a context has itself cannot be given beside it."""
        for keywords, keyword in (
            ({"ciphers": "ECDHE-RSA-AES128-GCM-SHA256"}, "ciphers"),
            ({"client_certificates": "optional", "client_authorities": self.path}, "client_certificates"),
        ):
            for context in (self.server_context(), self.stdlib_context()):
                self.assert_wrong(keyword, "set", context=context, **keywords)

    def test_the_standard_library(self) -> None:
        """What a ssl.SSLContext cannot do is told."""
        for keywords, keyword, right in (
            ({"session_reuse": "required"}, "session_reuse", "give certificate and private_key"),
            ({"session_reuse": "off"}, "session_reuse", "give certificate and private_key"),
            ({"names": {"a.example.org": (self.path, None)}}, "names", "sni_callback"),
            ({"unknown_names": "refuse"}, "unknown_names", "sni_callback"),
            ({"minimum_version": "1.3"}, "context", "set its minimum_version to ssl.TLSVersion.TLSv1_3"),
        ):
            self.assert_wrong(keyword, right, context=self.stdlib_context(), **keywords)
        self.assert_wrong("context", "PROTOCOL_TLS_SERVER", context=client_context())
        old = self.stdlib_context()
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        self.assert_wrong("context", "set its minimum_version to ssl.TLSVersion.TLSv1_2", context=old)

    def test_a_context_of_openssl(self) -> None:
        """A context that cannot serve, or is in use elsewhere, is told."""
        used = self.server_context()
        SSL.Connection(used, None)
        self.assert_wrong("context", "give one that serves FTP alone", context=used)
        self.assert_wrong("context", "load both", context=SSL.Context(SSL.TLS_SERVER_METHOD))
        half = SSL.Context(SSL.TLS_SERVER_METHOD)
        half.use_certificate_chain_file(self.path)
        self.assert_wrong("context", "load both", context=half)

    def test_names_beside_a_context_that_verifies(self) -> None:
        """Certificates by name do not fit a context that verifies clients."""
        context = self.server_context()
        context.set_verify(SSL.VERIFY_PEER)
        names = {"a.example.org": (self.path, None)}
        self.assert_wrong("names", "give certificate and client_authorities", context=context, names=names)


class FileTests(SettingsTestCase):
    """What is wrong with files."""

    def key_with(self, key: Any, encryption: Any = None) -> Path:
        """Write a key."""
        octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
        return write(self, octets, "key.pem")

    def test_a_file_that_cannot_be_read(self) -> None:
        """A file that is not there, or is none, is told with the reason."""
        missing = self.path.with_name("missing.pem")
        for path, text in (
            (missing, "No such file or directory"),
            (self.path.parent, "Is a directory"),
            ("a\0b", "null"),
        ):
            self.assert_wrong("certificate", text, certificate=path)
            self.assert_wrong("private_key", text, certificate=self.path, private_key=path)
            self.assert_wrong("names['a']", text, certificate=self.path, names={"a": (path, None)})
        for value in (0, 5.5, b"server.pem"):
            self.assert_wrong("certificate", "give the path of a PEM file", certificate=value)

    def test_what_is_no_certificate(self) -> None:
        """A file without a certificate is told."""
        key = write(self, server_certificate().private_key_pem.bytes(), "key.pem")
        broken = write(self, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "broken.pem")
        for path in (key, broken):
            self.assert_wrong("certificate", "'BEGIN CERTIFICATE'", certificate=path)

    def test_what_is_no_key(self) -> None:
        """A file without a key, or with one that cannot sign, is told, and nothing of it is shown."""
        chain = write(self, server_certificate().cert_chain_pems[0].bytes(), "chain.pem")
        self.assert_wrong("certificate", "as private_key", certificate=chain)
        secret = write(self, b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "key.pem")
        self.assert_wrong("private_key", "'BEGIN PRIVATE KEY'", certificate=chain, private_key=secret)
        self.assertNotIn("c2VjcmV0", self.error(certificate=chain, private_key=secret))
        exchange = self.key_with(x25519.X25519PrivateKey.generate())
        self.assert_wrong("private_key", "'BEGIN PRIVATE KEY'", certificate=chain, private_key=exchange)

    def test_an_encrypted_key(self) -> None:
        """A key with a passphrase is told, with how to take it off."""
        key = rsa.generate_private_key(65537, 2048)
        path = self.key_with(key, BestAvailableEncryption(b"secret"))
        self.assert_wrong("private_key", "'openssl pkey'", certificate=self.path, private_key=path)

    def test_a_key_that_does_not_fit(self) -> None:
        """A key of another certificate is told."""
        key = self.key_with(rsa.generate_private_key(65537, 2048))
        self.assert_wrong("private_key", "made together", certificate=self.path, private_key=key)

    def test_a_key_that_is_too_short(self) -> None:
        """A key that OpenSSL takes for too short is told."""
        key = rsa.generate_private_key(65537, 1024)
        path = write(self, signed(["localhost"], key=key)[1], "short.pem")
        self.assert_wrong("certificate", "2,048 bits or more", certificate=path)
        self.assert_wrong("names['a']", "2,048 bits or more", certificate=self.path, names={"a": (path, None)})

    def test_authorities(self) -> None:
        """A file of authorities without a certificate, and one of lists without a list, are told."""
        ours = write(self, authority().cert_pem.bytes(), "authority.pem")
        key = write(self, server_certificate().private_key_pem.bytes(), "key.pem")
        clients = {"certificate": self.path, "client_certificates": "optional"}
        self.assert_wrong("client_authorities", "'BEGIN CERTIFICATE'", client_authorities=key, **clients)
        self.assert_wrong("client_authorities", "No such file", client_authorities=[ours, "/none"], **clients)
        clients["client_authorities"] = ours
        self.assert_wrong("revocation_lists", "'BEGIN X509 CRL'", revocation_lists=ours, **clients)
        broken = write(self, revocation_list().replace(b"M", b"A"), "lists.pem")
        self.assert_wrong("revocation_lists", "fetch it anew", revocation_lists=broken, **clients)

    def test_names_of_hosts(self) -> None:
        """The names of a certificate are its DNS names; where they are missing or broken, there are none."""
        self.assertEqual(host_names(parsed(server_certificate("a.example", "b.example"))), ("a.example", "b.example"))
        self.assertEqual(host_names(signed(["a.example"])[0]), ())
        broken = parsed(server_certificate()).public_bytes(Encoding.DER).replace(b"localhost", b"\xff\xfecalhost")
        self.assertEqual(host_names(load_der_x509_certificate(broken)), ())
