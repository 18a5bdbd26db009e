# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for new certificates without a restart.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpserver import TLS
from ftpserver.tls.layer import TLSFailure
from ftpserver.tls.session import TLSSession
from tests.certificates import authority, leaf, parsed, revocation_list, server_certificate, signed, write, write_pair
from tests.tls_client import VERSIONS, Client, client_context, converse, established

OLD, NEW = "old.example.org", "new.example.org"


class ReloadTestCase(SynchronousTestCase):
    """Has a certificate in a file, which can be replaced."""

    def setUp(self) -> None:
        """Write the certificate, and listen to the log."""
        self.path = write_pair(self, server_certificate(OLD))
        self.entries: list[tuple[Any, str]] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            if event.get("log_namespace") == "ftpserver.tls.reloading.Reloader":
                text = event.get("reason") or event.get("text") or event["log_format"]
                self.entries.append((event["log_level"], text))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def replace(self, octets: bytes | None = None, path: Path | None = None) -> None:
        """Replace a file as it should be done: in one step."""
        target = path or self.path
        new = target.with_suffix(".new")
        new.write_bytes(octets or server_certificate(NEW).private_key_and_cert_chain_pem.bytes())
        new.replace(target)

    def name(self, session: TLSSession, *, of_data: bool = False, version: ssl.TLSVersion | None = None) -> str:
        """Return the name in the certificate that a connection shows."""
        context = client_context(version)
        context.check_hostname = False
        layer = session.data_layer() if of_data else session.control_layer()
        shown = established(layer, Client(context)).server_certificate
        names = [name for name in (OLD, NEW) if shown == parsed(server_certificate(name)).public_bytes(Encoding.DER)]
        return names[0]


class ReloadTests(ReloadTestCase):
    """Tests for reloading when told."""

    def test_new_sessions_get_the_new_certificate(self) -> None:
        """After a reload new sessions show the new certificate, sessions under way the old one on both connections."""
        for reuse in ("off", "offered", "required"):
            self.replace(server_certificate(OLD).private_key_and_cert_chain_pem.bytes())
            tls = TLS(certificate=self.path, session_reuse=reuse)
            before = tls.open_session()
            self.assertEqual(self.name(before), OLD)
            self.replace()
            self.assertTrue(tls.reload())
            for version in VERSIONS:
                self.assertEqual(self.name(tls.open_session(), version=version), NEW)
                self.assertEqual(self.name(before, of_data=True, version=version), OLD)
            # As after REIN, when TLS begins anew on the same connection.
            self.assertEqual(self.name(before), OLD)
        self.assertEqual(self.entries, [(LogLevel.info, "the certificates are reloaded")] * 3)

    def test_sessions_under_way_still_continue(self) -> None:
        """After a reload a data connection still continues the TLS session of its control connection."""
        tls = TLS(certificate=self.path, session_reuse="required")
        context = client_context()
        session = tls.open_session()
        control = established(session.control_layer(), Client(context, server_name=OLD))
        self.replace()
        self.assertTrue(tls.reload())
        layer = session.data_layer()
        established(layer, Client(context, server_name=OLD, session=control.tls.session))
        session.check_data(layer)

    def test_a_broken_file(self) -> None:
        """A broken file is refused with an entry in the log, and the certificate from before stays."""
        tls = TLS(certificate=self.path)
        for octets, reason in (
            (b"rubbish", f"certificate: '{self.path}' holds no certificate that can be read"),
            (server_certificate(NEW).cert_chain_pems[0].bytes(), f"certificate: '{self.path}' holds no private key"),
            (
                server_certificate(OLD).private_key_pem.bytes() + server_certificate(NEW).cert_chain_pems[0].bytes(),
                f"certificate: the key in '{self.path}' is not that of the first certificate",
            ),
        ):
            self.replace(octets)
            self.assertFalse(tls.reload())
            (level, text), *others = self.entries
            self.assertEqual((level, others), (LogLevel.error, []))
            self.assertTrue(text.startswith(reason), text)
            self.assertEqual(self.name(tls.open_session()), OLD)
            self.entries.clear()
        os.unlink(self.path)
        self.assertFalse(tls.reload())
        self.assertIn("No such file or directory", self.entries[0][1])
        self.assertEqual(self.name(tls.open_session()), OLD)

    def test_one_broken_file_of_many(self) -> None:
        """When one file is broken nothing of the others is taken."""
        named = write_pair(self, server_certificate("a.example.org"), "a.pem")
        tls = TLS(certificate=self.path, names={"a.example.org": (named, None)})
        self.replace()
        self.replace(b"rubbish", named)
        self.assertFalse(tls.reload())
        self.assertEqual(self.name(tls.open_session()), OLD)

    def test_lists_of_revoked_certificates(self) -> None:
        """A certificate that is revoked by a new list is refused after the reload."""
        alice = leaf("alice@example.org")
        lists = write(self, revocation_list(), "lists.pem")
        tls = TLS(
            certificate=self.path,
            client_certificates="required",
            client_authorities=write(self, authority().cert_pem.bytes(), "authority.pem"),
            revocation_lists=lists,
        )
        context = client_context(ssl.TLSVersion.TLSv1_2, certificate=alice)
        established(tls.open_session().control_layer(), Client(context, server_name=OLD))
        self.replace(revocation_list(alice), lists)
        self.assertTrue(tls.reload())
        layer, client = tls.open_session().control_layer(), Client(context, server_name=OLD)
        self.assertRaises(TLSFailure, converse, layer, client)
        self.assertIn("REVOKED", client.alert)

    def test_an_expired_certificate_is_a_warning(self) -> None:
        """A certificate that has expired, or is not valid yet, is served with a warning in the log."""
        now, day = datetime.now(UTC), timedelta(days=1)
        for begins, ends, text in (
            (now - 3 * day, now - day, "certificate: it expired on "),
            (now + day, now + 2 * day, "certificate: it is not valid before "),
        ):
            _, pem = signed(["x"], [x509.DNSName("x")], begins=begins, ends=ends)
            self.replace(pem)
            TLS(certificate=self.path)
            ((level, entry),) = self.entries
            self.assertEqual(level, LogLevel.warn)
            self.assertTrue(entry.startswith(text), entry)
            self.entries.clear()

    def test_an_old_list_is_a_warning(self) -> None:
        """A list of revoked certificates that was to be replaced by now is used with a warning in the log."""
        TLS(
            certificate=self.path,
            client_certificates="optional",
            client_authorities=write(self, authority().cert_pem.bytes(), "authority.pem"),
            revocation_lists=write(self, revocation_list(updated_by=timedelta(days=-1)), "lists.pem"),
        )
        ((level, entry),) = self.entries
        self.assertEqual(level, LogLevel.warn)
        self.assertTrue(entry.startswith("revocation_lists: that of "), entry)


class ContextTests(ReloadTestCase):
    """Tests for reloading contexts that were given."""

    def context(self, name: str = OLD) -> SSL.Context:
        """Return a context of OpenSSL."""
        path = write_pair(self, server_certificate(name), "context.pem")
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(path)
        context.use_privatekey_file(path)
        return context

    def test_another_context(self) -> None:
        """A new context can take the place of the one that was given."""
        tls = TLS(context=self.context())
        before = tls.open_session()
        self.assertEqual(self.name(before), OLD)
        self.assertTrue(tls.reload(self.context(NEW)))
        self.assertEqual(self.name(tls.open_session()), NEW)
        self.assertEqual(self.name(before, of_data=True), OLD)
        # A reload without a context keeps the last.
        self.assertTrue(tls.reload())
        self.assertEqual(self.name(tls.open_session()), NEW)

    def test_another_context_of_the_standard_library(self) -> None:
        """A new ssl.SSLContext can take the place of the one that was given."""
        contexts = {}
        for name in (OLD, NEW):
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server_certificate(name).configure_cert(contexts[name])
        tls = TLS(context=contexts[OLD])
        before = tls.open_session()
        self.assertEqual(self.name(before), OLD)
        self.assertTrue(tls.reload(contexts[NEW]))
        self.assertEqual(self.name(tls.open_session()), NEW)
        self.assertEqual(self.name(before, of_data=True), OLD)

    def test_a_factory_is_asked_again(self) -> None:
        """An object that makes contexts is asked anew, and may answer with a new one."""
        contexts = [self.context(), self.context(NEW)]

        class Factory:
            def getContext(self) -> SSL.Context:
                return contexts[0]

        tls = TLS(context=Factory())
        self.assertEqual(self.name(tls.open_session()), OLD)
        self.assertTrue(tls.reload())
        self.assertEqual(self.name(tls.open_session()), OLD)
        del contexts[0]
        self.assertTrue(tls.reload())
        self.assertEqual(self.name(tls.open_session()), NEW)

    def test_names_beside_a_context(self) -> None:
        """The files of names beside a context are read again, though the context is in use."""
        named = write_pair(self, server_certificate(OLD), "named.pem")
        tls = TLS(context=self.context(), names={NEW: (named, None)})
        before = tls.open_session()
        client = established(before.control_layer(), Client(_unchecked(), server_name=NEW))
        self.assertEqual(client.server_certificate, parsed(server_certificate(OLD)).public_bytes(Encoding.DER))
        self.replace(path=named)
        self.assertTrue(tls.reload())
        again = established(tls.open_session().control_layer(), Client(_unchecked(), server_name=NEW))
        self.assertEqual(again.server_certificate, parsed(server_certificate(NEW)).public_bytes(Encoding.DER))
        self.assertEqual(self.name(before, of_data=True), OLD)

    def test_a_context_that_cannot_serve(self) -> None:
        """A context that cannot serve is refused like a broken file."""
        tls = TLS(context=self.context())
        self.assertFalse(tls.reload(SSL.Context(SSL.TLS_SERVER_METHOD)))
        self.assertTrue(self.entries[0][1].startswith("context: it has no certificate"), self.entries)
        self.assertEqual(self.name(tls.open_session()), OLD)

    def test_what_cannot_take_the_place(self) -> None:
        """Files are not replaced by a context, nor a context by what is none."""
        error = self.assertRaises(ValueError, TLS(certificate=self.path).reload, self.context())
        self.assertTrue(str(error).startswith("context: this TLS was made with files"), error)
        error = self.assertRaises(ValueError, TLS(context=self.context()).reload, object())
        self.assertIn("is none", str(error))


def _unchecked() -> ssl.SSLContext:
    context = client_context()
    context.check_hostname = False
    return context


class WatchTests(ReloadTestCase):
    """Tests for reloading when files change."""

    def setUp(self) -> None:
        """Watch the file."""
        super().setUp()
        self.clock = Clock()
        self.tls = TLS(certificate=self.path)
        self.tls.watch(self.clock, 10)
        self.addCleanup(self.tls.unwatch)

    def look(self) -> str:
        """Let the time pass until the next look; return what new sessions show."""
        self.clock.advance(10)
        return self.name(self.tls.open_session())

    def test_a_file_that_changed(self) -> None:
        """A new certificate is served from the second look that shows it, once it does not change any more."""
        self.assertEqual(self.look(), OLD)
        self.replace()
        self.assertEqual(self.look(), OLD)
        self.assertEqual(self.look(), NEW)
        self.assertEqual(self.look(), NEW)
        self.assertEqual(len(self.entries), 1)

    def test_a_file_that_changes_still(self) -> None:
        """A file that was changed between two looks is not read yet."""
        self.replace(b"half a certificate")
        self.assertEqual(self.look(), OLD)
        self.replace()
        self.assertEqual(self.look(), OLD)
        self.assertEqual(self.entries, [])
        self.assertEqual(self.look(), NEW)

    def test_a_change_taken_back(self) -> None:
        """A file that is again what it was is not read again."""
        moved = self.path.with_suffix(".moved")
        self.path.rename(moved)
        self.assertEqual(self.look(), OLD)
        moved.rename(self.path)
        self.assertEqual(self.look(), OLD)
        self.assertEqual(self.look(), OLD)
        self.assertEqual(self.entries, [])

    def test_a_broken_file(self) -> None:
        """A broken file is told of once, the old certificate stays, and the next change is taken."""
        self.replace(b"rubbish")
        for _ in range(5):
            self.assertEqual(self.look(), OLD)
        self.assertEqual([level for level, _ in self.entries], [LogLevel.error])
        self.replace()
        self.look()
        self.assertEqual(self.look(), NEW)

    def test_a_file_that_is_gone(self) -> None:
        """A file that is gone is told of once, and taken when it is there again."""
        os.unlink(self.path)
        for _ in range(5):
            self.assertEqual(self.look(), OLD)
        self.assertEqual([level for level, _ in self.entries], [LogLevel.error])
        self.replace()
        self.look()
        self.assertEqual(self.look(), NEW)

    def test_a_link_that_leads_elsewhere(self) -> None:
        """A new target of a symbolic link is a change, as certbot makes it."""
        link = self.path.with_name("live.pem")
        os.symlink(self.path, link)
        tls = TLS(certificate=link)
        clock = Clock()
        tls.watch(clock)
        self.addCleanup(tls.unwatch)
        target = write_pair(self, server_certificate(NEW), "new.pem")
        other = link.with_name("other.pem")
        os.symlink(target, other)
        os.replace(other, link)
        clock.pump([10, 10])
        self.assertEqual(self.name(tls.open_session()), NEW)

    def test_reloaded_meanwhile(self) -> None:
        """What was reloaded when told is not read again by the watch."""
        self.replace()
        self.look()
        self.assertTrue(self.tls.reload())
        self.assertEqual(self.look(), NEW)
        self.assertEqual(self.look(), NEW)
        self.assertEqual(len(self.entries), 1)

    def test_no_more(self) -> None:
        """Nothing is looked at any more after unwatch, which may be called twice; watching anew begins anew."""
        self.tls.watch(self.clock, 10)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.tls.unwatch()
        self.tls.unwatch()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_files(self) -> None:
        """A context without files can be watched, which does nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls = TLS(context=context)
        tls.watch(self.clock, 10)
        self.addCleanup(tls.unwatch)
        self.clock.pump([10, 10, 10])
        self.assertEqual(self.entries, [])
