# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the kinds of values about TLS in the configuration file.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from ftpserver.config import tls_values

from .configuring_tls import TLSConfigurationTestCase


class TLSValuesTestCase(TLSConfigurationTestCase):
    """Reads single values."""

    def read(self, kind: Any, value: object) -> Any:
        """Return *value* read as *kind*."""
        return TypeAdapter(kind).validate_python(value, context={"directory": self.directory}, strict=True)

    def reason(self, kind: Any, value: object) -> str:
        """Return why *value* is refused; nothing where that it is of another kind says it all."""
        error = self.assertRaises(ValidationError, self.read, kind, value)
        return str(error.errors()[0].get("ctx", {}).get("error", ""))

    def names(self, kind: Any, value: object) -> list[str]:
        """Return the files that *value* names, as names in the directory of the configuration."""
        return [str(path.relative_to(self.directory)) for path in self.read(kind, value)]


class FilesTests(TLSValuesTestCase):
    """Tests for files in PEM."""

    def test_paths_are_relative_to_the_configuration(self) -> None:
        """Files of all kinds lie beside the configuration file, unless it says where else."""
        for kind, name in ((tls_values.CertificateFile, "chain.pem"), (tls_values.KeyFile, "key.pem")):
            path = self.directory / name
            self.assertEqual((self.read(kind, name), self.read(kind, str(path))), (path, path))

    def test_one_file_or_several(self) -> None:
        """Authorities and revocation lists may lie in one file or in several."""
        for kind, name in ((tls_values.Authorities, "authority.pem"), (tls_values.RevocationLists, "revoked.pem")):
            self.assertEqual(self.names(kind, name), [name])
            self.assertEqual(self.names(kind, [name, name]), [name, name])
            self.assertEqual(self.reason(kind, []), "there is no file at all")

    def test_files_that_are_not_there(self) -> None:
        """A missing file, a directory and what is no name of a file are refused by every kind."""
        table = [
            ("nothing.pem", "it cannot be read: No such file or directory"),
            ("pub", "it cannot be read: Is a directory"),
            ("", "there is no such file"),
            ("a\0b", "there is no such file"),
            (3, ""),
        ]
        kinds = (tls_values.CertificateFile, tls_values.KeyFile, tls_values.Authorities, tls_values.RevocationLists)
        for kind in kinds:
            for value, expected in table:
                self.assertEqual(self.reason(kind, value), expected, f"{kind} {value!r}")

    def test_files_of_another_kind(self) -> None:
        """A file that holds something else is named, with what it should hold."""
        table = [
            (tls_values.CertificateFile, "key.pem", "BEGIN CERTIFICATE"),
            (tls_values.Authorities, "key.pem", "BEGIN CERTIFICATE"),
            (tls_values.RevocationLists, "chain.pem", "BEGIN X509 CRL"),
        ]
        for kind, name, expected in table:
            reason = self.reason(kind, name)
            self.assertTrue(reason.startswith(repr(str(self.directory / name))), reason)
            self.assertIn(expected, reason)
        self.assertEqual(self.reason(tls_values.KeyFile, "chain.pem"), "it holds no private key")


class NamesTests(TLSValuesTestCase):
    """Tests for names, networks and ciphers."""

    def test_names_of_hosts(self) -> None:
        """A name is written as DNS has it, with an asterisk for one label, and upper case does not matter."""
        for written, expected in (("FTP.example.org.", "ftp.example.org"), ("*.example.org", "*.example.org")):
            self.assertEqual(self.read(tls_values.HostName, written), expected)
        for wrong in ("", "a b", "*", "a.*.org", "größe.example"):
            self.assertIn("is not the name of a host", self.reason(tls_values.HostName, wrong), wrong)

    def test_names_in_certificates(self) -> None:
        """Names in certificates of clients are texts that name one holder."""
        names = ["alice@example.org", "Alice Liddell", "urn:uuid:1"]
        self.assertEqual(self.read(tls_values.CertificateNames, names), tuple(names))
        table = [
            (["*.example.org"], "*.example.org is a pattern, which no account belongs to"),
            ([""], "empty, or with a character that cannot be printed"),
            (["a\0b"], "empty, or with a character that cannot be printed"),
            ("alice", ""),
            ([3], ""),
        ]
        for wrong, expected in table:
            self.assertEqual(self.reason(tls_values.CertificateNames, wrong), expected, repr(wrong))

    def test_networks(self) -> None:
        """Networks are those of both families; one whose address lies in the middle of it is a mistake."""
        self.assertEqual(self.read(tls_values.Networks, ["10.0.0.0/8", "::1"]), ("10.0.0.0/8", "::1/128"))
        self.assertEqual(self.read(tls_values.Networks, []), ())
        self.assertEqual(self.reason(tls_values.Networks, ["10.0.0.1/8"]), "10.0.0.1/8 has host bits set")
        self.assertIn("does not appear to be", self.reason(tls_values.Networks, ["home"]))
        self.assertEqual(self.reason(tls_values.Networks, "10.0.0.0/8"), "")

    def test_ciphers(self) -> None:
        """Ciphers are names that OpenSSL knows."""
        for names in ("ECDHE-RSA-AES128-GCM-SHA256", "HIGH:!aNULL:TLS_AES_128_GCM_SHA256"):
            self.assertEqual(self.read(tls_values.Ciphers, names), names)
        self.assertEqual(self.reason(tls_values.Ciphers, "ROT13"), "OpenSSL knows none of them")

    def test_choices(self) -> None:
        """A choice is one of its words, as text."""
        table = [
            (tls_values.ListenerTLS, "implicit"),
            (tls_values.Required, "data"),
            (tls_values.SessionReuse, "required"),
            (tls_values.ClientCertificates, "optional"),
            (tls_values.MinimumVersion, "1.3"),
            (tls_values.UnknownNames, "refuse"),
        ]
        for kind, word in table:
            self.assertEqual(self.read(kind, word), word)
            for wrong in ("", word.upper() + "!", 1.3, True):
                self.assertRaises(ValidationError, self.read, kind, wrong)
