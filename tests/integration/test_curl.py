# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
curl as the client.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from . import client_contract
from .client_contract import content
from .clients import FileClient, Finished, Mode, Refused, octets, start

#: How curl is told each mode.
OPTIONS: Mapping[Mode, Sequence[str]] = {
    Mode.EPSV: (),
    Mode.PASV: ("--disable-epsv",),
    Mode.EPRT: ("--ftp-port", "-"),
    Mode.PORT: ("--ftp-port", "-", "--disable-eprt"),
}


class CurlClient(FileClient):
    """One process of curl for each call."""

    modes: ClassVar[Sequence[Mode]] = (Mode.PASV, Mode.EPSV, Mode.PORT, Mode.EPRT)

    def url(self, path: str) -> str:
        """Return the address of a file, or of a directory if *path* ends with a slash."""
        host = f"[{self.site.host}]" if ":" in self.site.host else self.site.host
        return f"ftp://{host}:{self.site.port}/{quote(octets(path))}"

    def options(self) -> list[str | bytes]:
        """Return the options that every call needs."""
        account = [] if self.site.user is None else ["--user", f"{self.site.user}:{self.site.password}"]
        return [
            "--disable", "--silent", "--show-error", "--globoff",
            *account, *OPTIONS[self.site.mode], *(["--use-ascii"] if self.site.is_text else []),
        ]  # fmt: skip

    async def run(self, *arguments: str | bytes) -> Finished:
        """Run curl and return what it left, if it reports no error."""
        finished = await start("curl", *self.options(), *arguments).finished
        if finished.status:
            raise Refused(f"{finished.status}: {finished.text}")
        return finished

    async def quote(self, *commands: str) -> None:
        """Run curl for commands alone."""
        await self.run("--head", self.url(""), *(word for command in commands for word in ("--quote", command)))

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""
        await self.run(*(word for name, path in files.items() for word in ("-T", str(path), self.url(name))))

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""
        await self.run(*(word for name, path in files.items() for word in ("-o", str(path), self.url(name))))

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`; curl asks for the size itself."""
        await self.run("--continue-at", "-", "-T", str(source), self.url(target))

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""
        await self.run("--continue-at", "-", "-o", str(target), self.url(source))

    async def append(self, source: Path, target: str) -> None:
        """See :meth:`FileClient.append`."""
        await self.run("--append", "-T", str(source), self.url(target))

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`; curl has turned CRLF into LF."""
        url = self.url(f"{directory}/" if directory else "")
        listed = (await self.run("--list-only", url)).output
        return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\n") if name]

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`."""
        await self.quote(f"RNFR {old}", f"RNTO {new}")

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self.quote(f"DELE {path}")

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self.quote(f"MKD {path}")

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self.quote(f"RMD {path}")


class CurlTests(client_contract.ClientContract):
    """curl over IPv4."""

    client_class = CurlClient
    # curl 7.88 sleeps for a second between files when the reply to EPSV or PASV comes faster than it expects.
    mode_for_many = Mode.EPRT

    def curl(self) -> CurlClient:
        """Return a client with the powers of curl."""
        return CurlClient(self.site)

    def huge(self) -> str:
        """Make a file that no client will have to the end, and return its address."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(1 << 32)
        return self.curl().url("huge")

    async def test_a_download_whose_reader_goes_away(self) -> None:
        """curl stops when nobody reads its output; the server ends the session and serves the next."""
        running = start("curl", *self.curl().options(), self.huge())
        await running.wrote()
        running.stop_reading()
        self.assertEqual((await running.finished).status, 23)
        await self.gone()
        await self.round_trip(self.client(), content(1000))

    async def test_a_download_that_is_interrupted(self) -> None:
        """curl is ended by a signal in the middle; the server ends the session and serves the next."""
        running = start("curl", *self.curl().options(), self.huge())
        await running.wrote()
        running.interrupt(signal.SIGKILL)
        await running.finished
        await self.gone()
        await self.round_trip(self.client(), content(1000))

    async def test_an_upload_whose_client_dies(self) -> None:
        """curl is killed in the middle of an upload: the old file is as it was, not replaced by a part of the new."""
        self.write("file", b"old")
        running = start("curl", *self.curl().options(), "-T", "-", self.curl().url("file"))
        running.process.write(content(100_000))
        # All that was sent is with the server, so that the ends of both connections come at the same time.
        await self.until(lambda: bool(self.recorder.verbs["STOR"]) and self.recorder.latest.data.bytes_moved == 100_000)
        running.interrupt(signal.SIGKILL)
        await running.finished
        await self.gone()
        self.assertEqual((self.root / "file").read_bytes(), b"old")

    async def test_a_size_beyond_the_one_that_is_allowed(self) -> None:
        """curl learns the size before the download and declines."""
        refusal = await self.refused(self.curl().run("--max-filesize", "1000", self.huge()))
        self.assertIn("63:", str(refusal))
        await self.gone()

    async def test_a_range(self) -> None:
        """curl fetches the middle of a file: it restarts there, and hangs up when it has enough."""
        self.write("file", content(3_000_000))
        got = await self.curl().run("--range", "1000000-1000999", self.curl().url("file"))
        self.assertEqual(got.output, content(3_000_000)[1_000_000:1_001_000])
        await self.gone()

    async def test_missing_directories_are_made(self) -> None:
        """curl makes the directories of an upload."""
        await self.curl().run("--ftp-create-dirs", "-T", str(self.keep("file", b"x")), self.curl().url("a/b c/file"))
        self.assertEqual((self.root / "a/b c/file").read_bytes(), b"x")

    async def test_each_way_through_directories(self) -> None:
        """curl reaches a file by one CWD a directory, by a single CWD, and by none."""
        (self.root / "a/b").mkdir(parents=True)
        self.write("a/b/file", content(100))
        for method in ("multicwd", "singlecwd", "nocwd"):
            got = await self.curl().run("--ftp-method", method, self.curl().url("a/b/file"))
            self.assertEqual(got.output, content(100), method)

    async def test_size_and_time_are_told(self) -> None:
        """curl shows size and time of a file, and gives its copy that time."""
        path = self.write("file", content(12_345))
        told = (await self.curl().run("--head", self.curl().url("file"))).text
        self.assertIn("Content-Length: 12345", told)
        self.assertIn("Last-Modified: ", told)
        copy = self.local / "copy"
        await self.curl().run("--remote-time", "-o", str(copy), self.curl().url("file"))
        self.assertEqual(int(copy.stat().st_mtime), int(path.stat().st_mtime))

    async def test_a_listing_is_that_of_ls(self) -> None:
        """curl shows one line a file, with mode and size."""
        self.write("file", content(12_345))
        listed = (await self.curl().run(self.curl().url(""))).text
        self.assertRegex(listed, r"^-rw\S+ +1 \S+ +\S+ +12345 [A-Z][a-z]{2} \d\d \d\d:\d\d file\n$")

    async def test_an_upload_from_a_stream(self) -> None:
        """curl sends a file whose size it does not know."""
        running = start("curl", *self.curl().options(), "-T", "-", self.curl().url("file"))
        running.process.write(content(500_000))
        running.process.closeStdin()
        self.assertEqual((await running.finished).status, 0)
        self.assertEqual((self.root / "file").read_bytes(), content(500_000))


class CurlOverIPv6Tests(client_contract.IPv6Contract):
    """curl over IPv6."""

    client_class = CurlClient
