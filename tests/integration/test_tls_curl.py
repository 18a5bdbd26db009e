# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
curl as the client, under TLS.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest
from zope.interface import implementer

from ftpserver import Command, Reply
from ftpserver.core.events import LoggedIn, Stored
from ftpserver.interfaces import IHook

from . import tls_contract
from .client_contract import content
from .clients import Mode, octets, reactor
from .test_curl import CurlClient


@cache
def leaves_active_data_clear() -> bool:
    """Tell whether this is a curl, 7.87 or 7.88, that forgets TLS on the data connections that it accepts."""
    found = shutil.which("curl")
    if found is None:
        return False
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return told.startswith(("curl 7.87.", "curl 7.88."))


class SecureCurl(CurlClient, tls_contract.TLSClient):
    """One process of curl for each call."""

    modes = (Mode.EPSV, Mode.EPRT)

    def url(self, path: str) -> str:
        """See :meth:`CurlClient.url`."""
        kind = "ftps" if self.site.is_implicit else "ftp"
        return f"{kind}://{self.site.host}:{self.site.port}/{quote(octets(path))}"

    def options(self) -> list[str | bytes]:
        """See :meth:`CurlClient.options`."""
        return [
            *super().options(),
            *(["--ssl-reqd"] if self.site.protects_data else ["--ftp-ssl-control"]),
            "--cacert", str(self.site.authority),
            f"--tlsv{self.site.version}", "--tls-max", self.site.version,
        ]  # fmt: skip

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`; without asking for the size, after which curl 7.88 waits for nothing."""
        words = (word for name, path in files.items() for word in ("-o", str(path), self.url(name)))
        await self.run("--ignore-content-length", *words)


@implementer(IHook)
class Distance:
    """Answers PASV and EPSV as from far away: curl 7.88 sleeps for a second when the answer comes too early."""

    async def before(self, connection: Any, command: Command, request: Any) -> Reply | None:
        """Let every command run, some of them a little later."""
        if command.verb in ("PASV", "EPSV"):
            await deferLater(reactor, 0.01)
        return None


class CurlUnderTLSTests(tls_contract.TLSContract):
    """curl under TLS."""

    client_class = SecureCurl

    def server_keywords(self) -> dict[str, Any]:
        """Add a distance."""
        keywords = super().server_keywords()
        return {**keywords, "hooks": [*keywords["hooks"], Distance()]}

    def ways(self) -> Iterator[dict[str, Any]]:
        """Leave out what this curl cannot do."""
        for way in super().ways():
            if way["mode"] is Mode.EPSV or not leaves_active_data_clear():
                yield way

    async def test_active_data_that_is_in_clear_in_spite_of_prot_p(self) -> None:
        """What curl 7.88 sends in clear after PROT P is answered 522 and not stored."""
        if not leaves_active_data_clear():
            raise SkipTest("does not apply: this curl protects the data connections that it accepts")
        for mode in (Mode.PORT, Mode.EPRT):
            for version in SecureCurl.versions:
                client = self.client(mode=mode, version=version)
                await self.refused(client.upload({"file": self.keep("file", content(1000))}))
        self.assertEqual([(event.code, event.bytes) for event in self.of_kind(Stored)], [(522, 0)] * 4)
        self.assertEqual(self.at_server(), {})

    async def test_data_in_clear_where_it_may_be(self) -> None:
        """curl with PROT C protects commands alone, where the server leaves that to clients."""
        self.write("file", content(1000))
        for version in SecureCurl.versions:
            await self.client(version=version, protects_data=False).download({"file": self.local / "back"})
            self.assertEqual((self.local / "back").read_bytes(), content(1000))

    async def test_a_password_in_clear_is_refused(self) -> None:
        """Where TLS is required, curl without it is told 530 before it says its password."""
        await self.restart_server(tls=self.tls(required="control"))
        refusal = await self.refused(CurlClient(self.site).names())
        self.assertIn("67:", str(refusal))
        self.assertEqual((self.recorder.verbs["PASS"], self.of_kind(LoggedIn)), (0, []))


class CurlClearCommandChannelTests(tls_contract.TLSTestCase):
    """curl that ends TLS on the control connection after the login."""

    client_class = SecureCurl
    settings: ClassVar = {"clear_command_channel": True}

    async def test_commands_in_clear_after_the_login(self) -> None:
        """CCC, whoever closes TLS first: later commands are in clear, files are not."""
        self.write("file", content(100_000))
        for first in ("passive", "active"):
            for version in SecureCurl.versions:
                client = self.client(mode=Mode.EPSV, version=version)
                got = await client.run("--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", first, client.url("file"))
                self.assertEqual(got.output, content(100_000), f"{first}, TLS {version}")
        self.assertEqual(self.recorder.verbs["CCC"], 4)
