# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
lftp as the client.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from . import client_contract
from .client_contract import MANY, content
from .clients import FileClient, Finished, Mode, Refused, Running, start


class LftpClient(FileClient):
    """One process of lftp for each call."""

    modes: ClassVar[Sequence[Mode]] = (Mode.PASV, Mode.EPSV, Mode.PORT)
    appends = False

    #: What stands before the host in the address that it opens.
    scheme = "ftp"

    def settings(self) -> dict[str, str]:
        """Return the settings of lftp that every call needs."""
        mode = self.site.mode
        return {
            "cmd:fail-exit": "yes",
            "net:max-retries": "1",
            "net:reconnect-interval-base": "1",
            "ftp:passive-mode": "yes" if mode in (Mode.PASV, Mode.EPSV) else "no",
            "ftp:prefer-epsv": "yes" if mode is Mode.EPSV else "no",
            # Names are octets: neither side converts them.
            "ftp:use-utf8": "no",
            "ftp:charset": "ISO-8859-1",
            "file:charset": "ISO-8859-1",
        }

    def begin(self, *commands: str) -> Running:
        """Start lftp with commands that end at the first that fails."""
        user = self.site.user
        host = f"[{self.site.host}]" if ":" in self.site.host else self.site.host
        account = "" if user is None else f" -u {user},{self.site.password}"
        script = [
            *(f"set {name} {value}" for name, value in self.settings().items()),
            f"open{account} {self.scheme}://{host}:{self.site.port}",
            *commands,
        ]
        return start("lftp", "--norc", "-c", "\n".join(script))

    async def run(self, *commands: str) -> Finished:
        """Run lftp and return what it left, if it reports no error."""
        finished = await self.begin(*commands).finished
        if finished.status:
            raise Refused(finished.text)
        return finished

    @property
    def _text(self) -> str:
        return "-a " if self.site.is_text else ""

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""
        await self.run(*(f"put {self._text}-- {word(path)} -o {word(name)}" for name, path in files.items()))

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""
        await self.run(*(f"get {self._text}-- {word(name)} -o {word(path)}" for name, path in files.items()))

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`; lftp asks for the size itself."""
        await self.run(f"put -c {word(source)} -o {word(target)}")

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""
        await self.run(f"get -c {word(source)} -o {word(target)}")

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`."""
        listed = (await self.run(*([f"cd {word(directory)}"] if directory else []), "nlist")).output
        return [name.decode("utf-8", "surrogateescape") for name in listed.splitlines()]

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`; ``mv`` does not know ``--``."""
        await self.run(f"mv {word(f'./{old}')} {word(f'./{new}')}")

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self.run(f"rm -- {word(path)}")

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self.run(f"mkdir -- {word(path)}")

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self.run(f"rmdir -- {word(path)}")


def word(text: str | Path) -> str:
    """Return *text* as one word of lftp's language."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


class LftpTests(client_contract.ClientContract):
    """lftp over IPv4."""

    client_class = LftpClient

    def lftp(self) -> LftpClient:
        """Return a client with the powers of lftp."""
        return LftpClient(self.site)

    def huge(self) -> None:
        """Make a file that no client will have to the end."""
        with (self.root / "huge").open("wb") as file:
            file.truncate(1 << 32)

    async def test_a_tree_is_mirrored_down(self) -> None:
        """lftp copies 1,000 files in directories, with their times; a second run has nothing to do."""
        self.plant(self.root)
        await self.lftp().run(f"mirror / {word(self.local)}")
        self.assertEqual(tree(self.local), tree(self.root))
        self.recorder.verbs.clear()
        await self.lftp().run(f"mirror / {word(self.local)}")
        self.assertEqual(self.recorder.verbs["RETR"], 0)

    async def test_a_tree_is_mirrored_up(self) -> None:
        """lftp sends 1,000 files in directories, with their times; a second run has nothing to do."""
        self.plant(self.local)
        await self.lftp().run(f"mirror -R {word(self.local)} /")
        self.assertEqual(tree(self.root), tree(self.local))
        self.recorder.verbs.clear()
        await self.lftp().run(f"mirror -R {word(self.local)} /")
        self.assertEqual(self.recorder.verbs["STOR"], 0)

    async def test_a_tree_is_mirrored_by_several_sessions(self) -> None:
        """lftp copies with eight sessions at once, both ways."""
        self.plant(self.local)
        await self.lftp().run(f"mirror -R --parallel=8 {word(self.local)} /")
        self.assertEqual(tree(self.root), tree(self.local))
        back = self.local / "back"
        await self.lftp().run(f"mirror --parallel=8 / {word(back)}")
        self.assertEqual(tree(back), tree(self.root))

    async def test_what_is_gone_is_deleted(self) -> None:
        """lftp mirrors deletions of files and directories."""
        (self.root / "old/older").mkdir(parents=True)
        self.write("old/older/file")
        self.write("file")
        await self.lftp().run(f"mirror -R --delete {word(self.local)} /")
        self.assertEqual(list(self.root.iterdir()), [])

    async def test_one_file_in_several_pieces(self) -> None:
        """lftp fetches a file over four connections at once, each from an offset."""
        # Without it the first connection may have everything before the others are logged in.
        await self.restart_server(write_speed_limit_per_connection=4_000_000)
        self.write("file", content(8_000_000))
        target = self.local / "file"
        await self.lftp().run(f"pget -n 4 file -o {word(target)}")
        self.assertEqual(target.read_bytes(), content(8_000_000))
        self.assertTrue(self.recorder.verbs["REST"])

    async def test_a_download_that_is_interrupted(self) -> None:
        """lftp is interrupted in the middle; the server ends the session and serves the next."""
        self.huge()
        running = self.lftp().begin("cat huge")
        await running.wrote()
        running.interrupt(signal.SIGINT)
        await running.finished
        await self.gone()
        await self.round_trip(self.client(), content(1000))

    async def test_an_upload_that_is_interrupted(self) -> None:
        """lftp is interrupted in the middle; an old file is as it was, and the server serves the next."""
        self.write("file", b"old")
        with (self.local / "huge").open("wb") as file:
            file.truncate(1 << 40)
        running = self.lftp().begin(f"put {word(self.local / 'huge')} -o file")
        await self.until(lambda: bool(self.recorder.verbs["STOR"]))
        running.interrupt(signal.SIGINT)
        await running.finished
        await self.gone()
        self.assertEqual((self.root / "file").read_bytes(), b"old")
        await self.round_trip(self.client(), content(1000))

    async def test_a_session_goes_on_after_a_part_of_a_file(self) -> None:
        """lftp closes a data connection in the middle, and goes on in the same session."""
        self.huge()
        self.write("small", b"small")
        finished = await self.lftp().run("cat huge | head -c 1000 > /dev/null", "cat small")
        self.assertEqual(finished.output, b"small")

    async def test_a_long_listing(self) -> None:
        """lftp shows sizes and times by MLSD and by LIST."""
        self.write("file", content(12_345))
        for use_mlsd in ("yes", "no"):
            listed = (await self.lftp().run(f"set ftp:use-mlsd {use_mlsd}", "cls -l --time-style=%Y file")).text
            self.assertRegex(listed, r"12345 20\d\d file", f"MLSD: {use_mlsd}")

    async def test_mode_and_time_are_set(self) -> None:
        """lftp sets the mode of a file, and gives an upload the time of its source."""
        path = self.keep("file", b"x")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        await self.lftp().run(f"put {word(path)} -o file", "chmod 600 file")
        status = (self.root / "file").stat()
        self.assertEqual((status.st_mtime, status.st_mode & 0o777), (1_000_000_000, 0o600))

    def plant(self, top: Path) -> None:
        """Make 1,000 files in 20 directories below *top*, from 2001."""
        for number in range(MANY):
            path = top / f"dir {number % 20}" / f"file {number}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content(number % 97, number))
            os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))


class LftpOverIPv6Tests(client_contract.IPv6Contract):
    """lftp over IPv6; its EPRT names the address ``::``, which is not the client's."""

    client_class = LftpClient
    modes = (Mode.EPSV,)


def tree(top: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below *top*: time and octets."""
    files = (path for path in top.rglob("*") if path.is_file())
    return {str(path.relative_to(top)): (int(path.stat().st_mtime), path.read_bytes()) for path in files}
