# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What every real client must be able to do.

A test module imports this module, not the class out of it: a class that it imports would be a test case of its own.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest
from zope.interface import implementer

from ftpserver import Command, Reply
from ftpserver.interfaces import IHook

from .clients import FileClient, Mode, Refused, Site, has_ipv6
from .harness import ServerTestCase

__all__ = ["ClientContract", "ClientTestCase", "IPv6Contract", "content"]

#: Names that some client or server somewhere gets wrong.
ODD_NAMES = (
    "with space", 'quote"d', "quote'd", "back\\slash", "Grüße", "日本語", "-dash", "-la", "100%25", "a;b&c", "#hash",
    "[x]", "star*", "what?", "~tilde", "$HOME", "{a,b}", "..dots", ".hidden", "a=b;size=1; c",
)  # fmt: skip

#: A name in ISO 8859-1, as it lies on many an old disk.
NOT_UTF_8 = b"Gr\xfc\xdfe \xe9.txt".decode("utf-8", "surrogateescape")

MANY = 1000
LARGE = 64 * 1024 * 1024


def content(size: int, seed: int = 0) -> bytes:
    """Return *size* octets of every value, others for each *seed*; no part of them repeats another by accident."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@implementer(IHook)
class Recorder:
    """
    Looks at the commands that run.

    :ivar verbs: how often each ran.
    :ivar types: the representation types of uploads and downloads.
    :ivar latest: the connection of the latest command.
    """

    def __init__(self) -> None:
        self.verbs: Counter[str] = Counter()
        self.types: set[str] = set()
        self.latest: Any = None

    async def before(self, connection: Any, command: Command, request: Any) -> Reply | None:
        """Let every command run."""
        self.verbs[command.verb] += 1
        self.latest = connection
        if command.verb in ("RETR", "STOR"):
            self.types.add(connection.transfer_type.value)
        return None


class ClientTestCase(ServerTestCase):
    """
    A server, and a client of the kind that is tested.

    :cvar client_class: makes it.
    :cvar mode_for_many: how it agrees data connections where there are many.
    :ivar local: a directory of the client's own.
    :ivar recorder: knows which commands the server ran.
    """

    timeout = 120
    client_class: ClassVar[type[FileClient]]
    mode_for_many: ClassVar[Mode] = Mode.PASV

    def setUp(self) -> Any:
        """Make the client's directory and start the server."""
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-client-")
        self.addCleanup(directory.cleanup)
        self.local = Path(directory.name)
        self.recorder = Recorder()
        return super().setUp()

    def server_keywords(self) -> dict[str, Any]:
        """Add the recorder, and wait longer than by default for a client on a busy machine."""
        return {**super().server_keywords(), "hooks": [self.recorder], "wait_future_timeout": 30}

    @property
    def site(self) -> Site:
        """The server, for a user who may write."""
        host, port = self.server.address
        return Site(str(host), port)

    def client(self, **changes: Any) -> FileClient:
        """Return a client for :attr:`site`, with *changes*."""
        return self.client_class(replace(self.site, **changes))

    def keep(self, name: str, octets: bytes = b"") -> Path:
        """Make a file of the client's and return its path."""
        path = self.local / name
        path.write_bytes(octets)
        return path

    async def refused(self, doing: Any) -> Refused:
        """Return how the client reports the refusal of what it is *doing*."""
        try:
            await doing
        except Refused as error:
            return error
        raise self.failureException("the client reports no error")

    async def gone(self) -> None:
        """Wait until the server has forgotten every session."""
        await self.until(lambda: not self.server.sessions)


class _RoundTrips(ClientTestCase):
    async def round_trip(self, client: FileClient, octets: bytes, name: str = "file") -> None:
        """Send *octets* and fetch them again."""
        back = self.local / "back"
        back.unlink(missing_ok=True)
        await client.upload({name: self.keep("sent", octets)})
        self.assertEqual((self.root / name).read_bytes(), octets, f"{name!r} at the server")
        await client.download({name: back})
        self.assertEqual(back.read_bytes(), octets, f"{name!r} at the client")


class ClientContract(_RoundTrips):
    """What every client must be able to do over IPv4."""

    async def test_a_file_goes_up_and_comes_down(self) -> None:
        """An upload and a download move every octet value unchanged."""
        await self.round_trip(self.client(), content(300_001) + bytes(range(256)))

    async def test_every_mode_of_data_connections(self) -> None:
        """Each way to agree a data connection that the client has moves files both ways."""
        for mode in self.client_class.modes:
            await self.round_trip(self.client(mode=mode), content(70_000), mode.value)
            self.assertTrue(self.recorder.verbs[mode.value], f"{mode.value} was not used: {self.recorder.verbs}")

    async def test_an_empty_file(self) -> None:
        """A file without an octet is a file, both ways."""
        await self.round_trip(self.client(), b"")

    async def test_64_mebibytes(self) -> None:
        """A large file arrives with the same checksum, both ways."""
        sent = self.keep("large", content(LARGE))
        back = self.local / "back"
        await self.client().upload({"large": sent})
        self.assertEqual(checksum(self.root / "large"), checksum(sent))
        await self.client().download({"large": back})
        self.assertEqual(checksum(back), checksum(sent))

    async def test_a_shorter_file_replaces_a_longer_one(self) -> None:
        """Nothing of the old file is left."""
        self.write("file", content(5000))
        await self.round_trip(self.client(), content(100, 1))

    async def test_a_download_is_resumed(self) -> None:
        """The client asks for what it lacks, and only that is sent."""
        octets = content(200_000)
        self.write("file", octets)
        partial = self.keep("partial", octets[:123_456])
        await self.client().resume_download("file", partial)
        self.assertEqual(partial.read_bytes(), octets)
        self.assertTrue(self.recorder.verbs["REST"])

    async def test_an_upload_is_resumed(self) -> None:
        """The client sends what the server lacks."""
        octets = content(200_000)
        self.write("file", octets[:123_456])
        await self.client().resume_upload(self.keep("whole", octets), "file", 123_456)
        self.assertEqual((self.root / "file").read_bytes(), octets)
        self.assertTrue(self.recorder.verbs["APPE"] or self.recorder.verbs["REST"])

    async def test_a_file_is_appended_to(self) -> None:
        """APPE adds to the end."""
        if not self.client_class.appends:
            raise SkipTest("does not apply: this client has no command for APPE")
        self.write("file", b"one")
        await self.client().append(self.keep("more", b"two"), "file")
        self.assertEqual((self.root / "file").read_bytes(), b"onetwo")
        self.assertTrue(self.recorder.verbs["APPE"])

    async def test_a_directory_is_listed(self) -> None:
        """Files and directories are listed, the root and others; an empty one is empty."""
        self.write("one")
        (self.root / "sub").mkdir()
        (self.root / "empty").mkdir()
        self.write("sub/two")
        self.assertEqual(sorted(await self.client().names()), ["empty", "one", "sub"])
        self.assertEqual(await self.client().names("sub"), ["two"])
        self.assertEqual(await self.client().names("empty"), [])

    async def test_a_thousand_files_go_up(self) -> None:
        """One session sends 1,000 files, each of them right."""
        files = {f"file{number}": self.keep(f"file{number}", content(number % 97, number)) for number in range(MANY)}
        await self.client(mode=self.mode_for_many).upload(files)
        for name, path in files.items():
            self.assertEqual((self.root / name).read_bytes(), path.read_bytes(), name)

    async def test_a_thousand_files_come_down(self) -> None:
        """One session fetches 1,000 files, each of them right."""
        for number in range(MANY):
            self.write(f"file{number}", content(number % 97, number))
        files = {name: self.local / name for name in await self.client().names()}
        self.assertEqual(len(files), MANY)
        await self.client(mode=self.mode_for_many).download(files)
        for name, path in files.items():
            self.assertEqual(path.read_bytes(), (self.root / name).read_bytes(), name)

    async def test_a_file_is_renamed(self) -> None:
        """A file gets another name, in another directory too."""
        self.write("old name", b"x")
        (self.root / "sub").mkdir()
        await self.client().rename("old name", "sub/new name")
        self.assertEqual((self.root / "sub/new name").read_bytes(), b"x")
        self.assertFalse((self.root / "old name").exists())

    async def test_a_file_is_deleted(self) -> None:
        """A file is gone, and a second attempt is refused."""
        self.write("file")
        await self.client().delete("file")
        self.assertFalse((self.root / "file").exists())
        self.assertEqual((await self.refused(self.client().delete("file"))).code, 550)

    async def test_directories_are_made_and_removed(self) -> None:
        """A directory comes and goes; one that holds something stays."""
        await self.client().make_directory("new dir")
        self.assertTrue((self.root / "new dir").is_dir())
        self.write("new dir/file")
        self.assertEqual((await self.refused(self.client().remove_directory("new dir"))).code, 550)
        (self.root / "new dir/file").unlink()
        await self.client().remove_directory("new dir")
        self.assertFalse((self.root / "new dir").exists())

    async def test_odd_names(self) -> None:
        """Blanks, quotes, umlauts, patterns and leading dashes in a name mean nothing but themselves."""
        for name in ODD_NAMES:
            await self._name_survives(name)

    async def test_a_name_that_is_not_utf_8(self) -> None:
        """A name in another encoding is listed, fetched, renamed and deleted by its octets."""
        await self._name_survives(NOT_UTF_8)

    async def _name_survives(self, name: str) -> None:
        client = self.client()
        await self.round_trip(client, name.encode("utf-8", "surrogateescape"), name)
        self.assertIn(name, await client.names())
        await client.rename(name, f"{name}.new")
        self.assertEqual([path.name for path in self.root.iterdir()], [f"{name}.new"])
        await client.delete(f"{name}.new")
        self.assertEqual(list(self.root.iterdir()), [], name)

    async def test_a_text(self) -> None:
        """TYPE A keeps the lines of a text, both ways."""
        await self.round_trip(self.client(is_text=True), b"one\ntwo\n\nfour\n")
        self.assertEqual(self.recorder.types, {"A"})

    async def test_a_file_that_is_missing(self) -> None:
        """The client reports the 550, and makes no file."""
        refusal = await self.refused(self.client().download({"missing": self.local / "missing"}))
        self.assertIn(refusal.code, (550, None))

    async def test_anonymous_reading(self) -> None:
        """Whoever does not log in reads."""
        self.write("file", content(1000))
        await self.client(user=None).download({"file": self.local / "file"})
        self.assertEqual((self.local / "file").read_bytes(), content(1000))

    async def test_anonymous_writing_is_an_error(self) -> None:
        """Whoever may not write is told so by the client, for each way to write, and nothing changes."""
        self.write("file", b"kept")
        client = self.client(user=None)
        attempts: tuple[Callable[[], Any], ...] = (
            lambda: client.upload({"new": self.keep("new", b"x")}),
            lambda: client.upload({"file": self.keep("file", b"x")}),
            lambda: client.rename("file", "other"),
            lambda: client.delete("file"),
            lambda: client.make_directory("sub"),
        )
        for attempt in attempts:
            self.assertIn((await self.refused(attempt())).code, (550, 553, None))
        self.assertEqual({path.name: path.read_bytes() for path in self.root.iterdir()}, {"file": b"kept"})

    async def test_a_wrong_password_is_an_error(self) -> None:
        """The client reports that it was not let in."""
        self.write("file")
        refusal = await self.refused(self.client(password="wrong").download({"file": self.local / "file"}))
        self.assertIn(refusal.code, (530, None))

    async def test_sessions_in_parallel(self) -> None:
        """Eight sessions send and fetch at the same time, and none gets what is another's."""

        async def one(number: int) -> None:
            octets, back = content(400_000 + number, number), self.local / f"back{number}"
            await self.client().upload({f"file{number}": self.keep(f"sent{number}", octets)})
            await self.client().download({f"file{number}": back})
            self.assertEqual(back.read_bytes(), octets, f"file{number}")

        await gatherResults([Deferred.fromCoroutine(one(number)) for number in range(8)], consumeErrors=True)


class IPv6Contract(_RoundTrips):
    """What every client that speaks IPv6 must be able to do over it."""

    host = "::1"
    modes: ClassVar[tuple[Mode, ...]] = (Mode.EPSV, Mode.EPRT)
    skip = None if has_ipv6() else "this machine has no ::1"

    async def test_files_and_listings_over_ipv6(self) -> None:
        """Uploads, downloads and listings work over IPv6, passive and active."""
        for mode in self.modes:
            client = self.client(mode=mode)
            await self.round_trip(client, content(100_000), mode.value)
            self.assertIn(mode.value, await client.names())
            self.assertTrue(self.recorder.verbs[mode.value], f"{mode.value} was not used: {self.recorder.verbs}")
