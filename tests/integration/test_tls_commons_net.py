# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
commons-net of Java as the client, under TLS: as it comes, and as it is commonly taught to continue a TLS session.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SkipTest

from ftpserver.core.events import TransferEvent

from . import session_program, tls_contract
from .client_contract import content
from .clients import Mode, Refused, spawn

SOURCE = Path(__file__).parent / "CommonsNetSessions.java"

#: Where Debian puts the library.
LIBRARY = Path("/usr/share/java/commons-net.jar")

#: What the way to continue a session needs: Java's own table of sessions open to it.
OPTIONS = (
    "--add-opens=java.base/sun.security.ssl=ALL-UNNAMED",
    "--add-opens=java.base/sun.security.util=ALL-UNNAMED",
)


class CommonsNetClient(session_program.SessionClient):
    """A session of commons-net."""

    modes = (Mode.EPSV, Mode.PORT)
    continues: ClassVar[Collection[str]] = ()


class ContinuingCommonsNetClient(CommonsNetClient):
    """A session of commons-net that continues its TLS session."""

    kind = "continuing"
    continues = ("1.2",)
    # Java uses each ticket of TLS 1.3 once, and does not read those that come at the end of an upload.
    gives_out = ("1.3",)


@cache
def compiled(compiler: str) -> str:
    """Return the directory of the program, which is made once for all tests."""
    directory = tempfile.TemporaryDirectory(prefix="ftpserver-java-")
    atexit.register(directory.cleanup)
    command = [compiler, "-d", directory.name, "-classpath", str(LIBRARY), str(SOURCE)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return directory.name


class CommonsNetTestCase(session_program.SessionTestCase):
    """commons-net as the client."""

    def start_program(self) -> session_program.SessionProgram:
        """See :meth:`SessionTestCase.start_program`."""
        if not LIBRARY.exists():
            raise SkipTest("commons-net is missing: apt-get install libcommons-net-java")
        compiler = shutil.which("javac")
        if compiler is None:
            raise SkipTest("javac is missing: apt-get install default-jdk-headless")
        path = f"{LIBRARY}:{compiled(compiler)}"
        options = ("-XX:TieredStopAtLevel=1", *OPTIONS, "-classpath", path)
        return spawn(session_program.SessionProgram(), "java", *options, SOURCE.stem)


class CommonsNetTests(CommonsNetTestCase, tls_contract.TLSContract):
    """commons-net under TLS, as it comes: its data connections have sessions of their own."""

    client_class = CommonsNetClient


class ContinuingCommonsNetTests(CommonsNetTestCase, tls_contract.ReuseContract):
    """commons-net under TLS that continues the session of its control connection."""

    client_class = ContinuingCommonsNetClient

    async def test_uploads_in_tls_1_3(self) -> None:
        """Where Java has no ticket left it is told 522; what was stored by then is whole, the rest is not there."""
        await self.restart_server(tls=self.tls(session_reuse="required"))

        async def work(client: tls_contract.TLSClient) -> None:
            for number in range(10):
                await client.upload({f"file{number}": self.keep("sent", content(50_000, number))})

        for mode in CommonsNetClient.modes:
            self.forget()
            # trial takes a "suppress" in a module for its own.
            with contextlib.suppress(Refused):
                await self.with_client(work, mode=mode, version="1.3")
            await self.gone()
            transfers = self.of_kind(TransferEvent)
            stored = [event.code for event in transfers].count(226)
            self.assertEqual({event.code for event in transfers[stored:]} - {522}, set(), mode)
            self.assertGreater(stored, 0, mode)
            expected = {f"file{number}": content(50_000, number) for number in range(stored)}
            self.assertEqual(self.at_server(), expected, mode)
