# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
rclone as the client, under TLS.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from . import tls_contract
from .clients import Finished, Mode, Refused, start


class RcloneClient(tls_contract.TLSClient):
    """One process of rclone for each call; it knows passive mode only, and cannot go on with an upload."""

    modes = (Mode.EPSV,)
    uploads_resume = False
    leaves_data_clear = False

    #: Passwords as rclone takes them, which rclone alone can make of them.
    obscured: ClassVar[dict[str, str]] = {}

    async def environment(self) -> dict[str, str]:
        """Return the settings of rclone, which it takes from its environment."""
        site = self.site
        if site.password not in self.obscured:
            self.obscured[site.password] = (await start("rclone", "obscure", site.password).finished).text.strip()
        return {
            "RCLONE_CONFIG": "",
            "RCLONE_RETRIES": "1",
            "RCLONE_LOW_LEVEL_RETRIES": "1",
            # Sessions of one process would share a store of TLS sessions, and continue each other's.
            "RCLONE_TRANSFERS": "1",
            "RCLONE_CHECKERS": "1",
            "RCLONE_FTP_HOST": site.host,
            "RCLONE_FTP_PORT": str(site.port),
            "RCLONE_FTP_USER": site.user or "anonymous",
            "RCLONE_FTP_PASS": self.obscured[site.password],
            "RCLONE_FTP_TLS" if site.is_implicit else "RCLONE_FTP_EXPLICIT_TLS": "true",
            "RCLONE_FTP_DISABLE_TLS13": "true" if site.version == "1.2" else "false",
            "SSL_CERT_FILE": str(site.authority),
            "SSL_CERT_DIR": "/nonexistent",
        }

    async def run(self, *arguments: str) -> Finished:
        """Run rclone and return what it left, if it reports no error."""
        finished = await start("rclone", *arguments, **await self.environment()).finished
        if finished.status:
            raise Refused(finished.text)
        return finished

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""
        with tempfile.TemporaryDirectory() as staged:
            for name, path in files.items():
                (Path(staged) / name).symlink_to(path)
            await self.run("copy", "--copy-links", "--no-traverse", "--ignore-times", staged, ":ftp:")

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""
        with tempfile.TemporaryDirectory() as staged:
            await self.run("copy", *(f"--include=/{name}" for name in files), ":ftp:", staged)
            for name, path in files.items():
                path.write_bytes((Path(staged) / name).read_bytes())

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`; rclone begins anew instead."""
        raise NotImplementedError

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""
        with target.open("ab") as file:
            got = await self.run("cat", "--offset", str(file.tell()), f":ftp:{source}")
            file.write(got.output)

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`."""
        return (await self.run("lsf", f":ftp:{directory}")).output.decode().splitlines()

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`."""
        await self.run("moveto", f":ftp:{old}", f":ftp:{new}")

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self.run("deletefile", f":ftp:{path}")

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self.run("mkdir", f":ftp:{path}")

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self.run("rmdir", f":ftp:{path}")


class RcloneTests(tls_contract.TLSContract):
    """rclone under TLS."""

    client_class = RcloneClient
