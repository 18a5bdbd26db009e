# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What every real client that speaks TLS must be able to do under it.

A test module imports this module, not the class out of it: a class that it imports would be a test case of its own.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import trustme
from twisted.trial.unittest import SkipTest

from ftpserver import TLS
from ftpserver.core.events import Event, LoggedIn, Retrieved, Secured, Stored, TransferEvent

from . import client_contract
from .client_contract import checksum, content
from .clients import FileClient, Refused, Site

__all__ = ["HUNDRED", "ReuseContract", "TLSClient", "TLSContract", "TLSSite", "TLSTestCase"]

HUNDRED = 100
LARGE = 16 * 1024 * 1024

#: How each version of TLS is called in events.
VERSIONS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


@dataclass(frozen=True)
class TLSSite(Site):
    """
    Where a client goes under TLS.

    :ivar is_implicit: whether TLS begins with the connection; otherwise AUTH begins it.
    :ivar version: the only version of TLS that the client offers, if it can choose.
    :ivar authority: whose certificates the client trusts.
    :ivar protects_data: whether the client asks for PROT P.
    """

    is_implicit: bool = False
    version: str = "1.3"
    authority: Path = Path("/nonexistent")
    protects_data: bool = True


class TLSClient(FileClient):
    """
    A client that speaks TLS.

    :cvar versions: of TLS, which it can be told to use.
    :cvar continues: the versions in which data connections continue the TLS session of the control connection.
    :cvar gives_out: the versions in which they do so a few times only.
    :cvar sends_empty_files: whether it ends the upload of an empty file by the rules of TLS.
    :cvar uploads_resume: whether it goes on with an upload.
    :cvar leaves_data_clear: whether it can be told to leave data connections in clear.
    """

    site: TLSSite
    versions: ClassVar[Collection[str]] = tuple(VERSIONS)
    continues: ClassVar[Collection[str]] = tuple(VERSIONS)
    gives_out: ClassVar[Collection[str]] = ()
    sends_empty_files: ClassVar[bool] = True
    uploads_resume: ClassVar[bool] = True
    leaves_data_clear: ClassVar[bool] = True

    async def leave(self) -> None:
        """End the session, where one spans several calls."""


class TLSTestCase(client_contract.ClientTestCase):
    """
    A server with an explicit and an implicit listener, and what clients need to trust it.

    :cvar settings: keywords of :class:`TLS`, for every test of the class.
    :ivar authority: the file of the authority that clients trust.
    :ivar events: what the server has published.
    """

    settings: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> Any:
        """Make the certificates and start the server."""
        self.events: list[Event] = []
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-certificates-")
        self.addCleanup(directory.cleanup)
        self.certificates = Path(directory.name)
        authority = trustme.CA()
        self.authority = self.keep_authority("authority", authority)
        self.certificate = self.certificates / "server.pem"
        issued = authority.issue_cert("localhost", "127.0.0.1", "::1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(self.certificate))
        return super().setUp()

    def keep_authority(self, name: str, authority: trustme.CA) -> Path:
        """Write the certificate of an authority and return its path."""
        path = self.certificates / f"{name}.pem"
        authority.cert_pem.write_to_path(str(path))
        return path

    def tls(self, **settings: Any) -> TLS:
        """Return the TLS of the server, with *settings* beside those of the class."""
        return TLS(certificate=self.certificate, **{**self.settings, **settings})

    def server_keywords(self) -> dict[str, Any]:
        """Add TLS, and the list of events."""
        return {"tls": self.tls(), **super().server_keywords(), "observers": [self.events.append]}

    async def start_server(self, **keywords: Any) -> None:
        """Start a server that listens for both kinds."""
        await super().start_server(**keywords)
        await self.server.start(self.host, tls="implicit")

    @property
    def site(self) -> TLSSite:
        """The explicit listener, for a user who may write."""
        host, port = self.server.addresses[0]
        return TLSSite(str(host), port, authority=self.authority)

    def changed_site(self, **changes: Any) -> TLSSite:
        """Return :attr:`site` with *changes*, at the listener that they ask for."""
        site = replace(self.site, **changes)
        return replace(site, port=self.server.addresses[1][1]) if site.is_implicit else site

    def client(self, **changes: Any) -> Any:
        """Return a client for the site with *changes*."""
        return self.client_class(self.changed_site(**changes))

    def forget(self) -> None:
        """Begin anew with a server that has no files and was asked nothing."""
        for path in self.root.iterdir():
            path.unlink()
        self.events.clear()
        self.recorder.verbs.clear()

    def of_kind(self, kind: type[Event]) -> list[Any]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]


class _Ways(TLSTestCase):
    """The ways that a client knows, and what it does on each."""

    client_class: ClassVar[type[TLSClient]]

    def ways(self) -> Iterator[dict[str, Any]]:
        """Yield what the client can be told: kind of listener, mode and version in every combination."""
        kind = self.client_class
        for is_implicit, mode, version in itertools.product((False, True), kind.modes, kind.versions):
            yield {"is_implicit": is_implicit, "mode": mode, "version": version}

    async def with_client(self, doing: Callable[[TLSClient], Any], **changes: Any) -> Any:
        """Return what *doing* does with a client whose session then ends."""
        client = self.client(**changes)
        try:
            return await doing(client)
        finally:
            await client.leave()

    async def everywhere(self, session_reuse: str) -> None:
        """Go every way at a server with *session_reuse*; clients that do not continue a session are refused in time."""
        await self.restart_server(tls=self.tls(session_reuse=session_reuse))
        is_required = session_reuse == "required"
        for way in self.ways():
            self.forget()
            if is_required and way["version"] in self.client_class.gives_out:
                continue
            if is_required and way["version"] not in self.client_class.continues:
                await self.with_client(self.is_refused, **way)
            else:
                await self.with_client(self.tour, **way)
                self.assertTrue(self.recorder.verbs[way["mode"].value], f"{way}: {self.recorder.verbs}")
            self.assertEqual({event.version for event in self.of_kind(Secured)}, {VERSIONS[way["version"]]}, way)
            self.assertEqual(bool(self.recorder.verbs["AUTH"]), not way["is_implicit"], way)
            self.assertTrue(self.recorder.verbs["PROT"], way)

    async def tour(self, client: TLSClient) -> None:
        """Send, fetch, list, resume and delete files."""
        octets = content(200_000)
        await client.upload({"file": self.keep("sent", octets)})
        if client.sends_empty_files:
            await client.upload({"empty": self.keep("nothing")})
        else:
            self.write("empty")
        self.assertEqual(self.at_server(), {"file": octets, "empty": b""}, client.site)
        self.assertEqual(sorted(await client.names()), ["empty", "file"], client.site)
        back, nothing = self.local / "back", self.local / "nothing back"
        await client.download({"file": back, "empty": nothing})
        self.assertEqual((back.read_bytes(), nothing.read_bytes()), (octets, b""), client.site)
        back.write_bytes(octets[:123_456])
        await client.resume_download("file", back)
        self.assertEqual(back.read_bytes(), octets, client.site)
        self.assertTrue(self.recorder.verbs["REST"], client.site)
        if client.uploads_resume:
            self.write("part", octets[:123_456])
            await client.resume_upload(self.keep("sent", octets), "part", 123_456)
            self.assertEqual(self.at_server()["part"], octets, client.site)
            await client.delete("part")
        await client.delete("file")
        self.assertEqual(self.at_server(), {"empty": b""}, client.site)
        for path in (back, nothing):
            path.unlink()

    async def is_refused(self, client: TLSClient) -> None:
        """See that the client reports 522 for an upload and a download, and nothing is stored or sent."""
        self.write("file", content(1000))
        back = self.local / "back"
        for attempt in (
            lambda: client.upload({"new": self.keep("new", b"x")}),
            lambda: client.download({"file": back}),
        ):
            refusal = await self.refused(attempt())
            self.assertIn(refusal.code, (522, None), f"{client.site}: {refusal}")
        transfers = self.of_kind(TransferEvent)
        self.assertTrue(transfers, client.site)
        self.assertEqual({(event.code, event.bytes) for event in transfers}, {(522, 0)}, client.site)
        self.assertEqual(self.at_server(), {"file": content(1000)}, client.site)
        back.unlink(missing_ok=True)

    def at_server(self) -> dict[str, bytes]:
        """Return the files of the server."""
        return {path.name: path.read_bytes() for path in self.root.iterdir()}


class ReuseContract(_Ways):
    """Every way, with and without reuse of sessions: what is tested of a client that is taught to continue one."""

    async def test_every_way_without_reuse(self) -> None:
        """Files move in both modes, at both kinds of listener and in both versions where no session is continued."""
        await self.everywhere("off")

    async def test_every_way_with_reuse_offered(self) -> None:
        """Files move in both modes, at both kinds of listener and in both versions where sessions may be continued."""
        await self.everywhere("offered")

    async def test_every_way_with_reuse_required(self) -> None:
        """Files move every way for a client that continues its session; another is told 522, and nothing moves."""
        await self.everywhere("required")

    async def test_a_hundred_transfers_on_one_session(self) -> None:
        """Where reuse is required, one session sends 100 files and one fetches them again."""
        if not self.client_class.continues:
            raise SkipTest("does not apply: this client continues no TLS session")
        await self.restart_server(tls=self.tls(session_reuse="required"))
        for version in self.client_class.continues:
            self.forget()
            await self.with_client(self.hundred, version=version)

    async def hundred(self, client: TLSClient) -> None:
        """Send 100 files in one session, and fetch them in one."""
        sent = {f"file{number}": self.keep(f"file{number}", content(number * 97, number)) for number in range(HUNDRED)}
        fetched = {name: self.local / f"{name} back {client.site.version}" for name in sent}
        await client.upload(sent)
        self.assertEqual(self.sessions_of(Stored), [HUNDRED], client.site)
        await client.download(fetched)
        self.assertEqual(self.sessions_of(Retrieved), [HUNDRED], client.site)
        for name, path in sent.items():
            self.assertEqual((self.root / name).read_bytes(), path.read_bytes(), f"{client.site}: {name}")
            self.assertEqual(fetched[name].read_bytes(), path.read_bytes(), f"{client.site}: {name}")

    def sessions_of(self, kind: type[TransferEvent]) -> list[int]:
        """Return how many transfers of one kind each session has made."""
        sessions = [event.session for event in self.of_kind(kind)]
        return [sessions.count(session) for session in sorted(set(sessions))]


class TLSContract(ReuseContract):
    """What every client must be able to do under TLS."""

    async def test_a_large_file(self) -> None:
        """A file of 16 MiB arrives with the same checksum, both ways, in both versions."""
        sent, back = self.keep("large", content(LARGE)), self.local / "back"

        async def both_ways(client: TLSClient) -> None:
            await client.upload({"large": sent})
            self.assertEqual(checksum(self.root / "large"), checksum(sent), client.site)
            await client.download({"large": back})
            self.assertEqual(checksum(back), checksum(sent), client.site)

        for version in self.client_class.versions:
            self.forget()
            back.unlink(missing_ok=True)
            await self.with_client(both_ways, version=version)

    async def test_directories_and_names(self) -> None:
        """Directories are made and removed, and files are renamed, under TLS."""

        async def work(client: TLSClient) -> None:
            await client.make_directory("new dir")
            self.assertTrue((self.root / "new dir").is_dir())
            self.write("Grüße", b"x")
            await client.rename("Grüße", "new dir/日本語")
            self.assertEqual(await client.names("new dir"), ["日本語"])
            await client.delete("new dir/日本語")
            await client.remove_directory("new dir")
            self.assertEqual(self.at_server(), {})

        await self.with_client(work)

    async def test_data_in_clear_is_refused(self) -> None:
        """Where data must be protected, a client that leaves it in clear is told 521, and nothing moves."""
        if not self.client_class.leaves_data_clear:
            raise SkipTest("does not apply: this client cannot leave data connections in clear")
        await self.restart_server(tls=self.tls(required="data"))
        self.write("file", b"secret")

        async def work(client: TLSClient) -> None:
            refusal = await self.refused(client.upload({"new": self.keep("new", b"x")}))
            # To the transfer, or already to PROT C.
            self.assertIn(refusal.code, (521, 534, None), refusal)
            refusal = await self.refused(client.download({"file": self.local / "file"}))
            self.assertIn(refusal.code, (521, 534, None), refusal)

        for version in self.client_class.versions:
            await self.with_client(work, version=version, protects_data=False)
        self.assertEqual(self.at_server(), {"file": b"secret"})
        self.assertEqual({event.code for event in self.of_kind(TransferEvent)} - {521}, set())

    async def test_an_authority_that_the_client_does_not_know(self) -> None:
        """The client does not say its password to a server whose certificate it cannot verify."""
        stranger = self.keep_authority("stranger", trustme.CA())
        for is_implicit, version in itertools.product((False, True), self.client_class.versions):
            with self.assertRaises(Refused):
                await self.with_client(
                    lambda client: client.names(), is_implicit=is_implicit, version=version, authority=stranger
                )
        await self.gone()
        self.assertEqual((self.recorder.verbs["USER"], self.of_kind(LoggedIn)), (0, []))
