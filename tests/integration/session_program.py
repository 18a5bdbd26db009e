# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Libraries of other languages as clients: a program that holds a session and is told by lines what to do.

A line is words with tabs between: what to do, then its arguments. The program answers each with a line: ``ok`` and what
was found, or ``error`` and the reason. It ends with its input. What it can do:

=================  =====================================================================================================
``open``           host, port, ``explicit`` or ``implicit``, mode, version of TLS, authority, ``P`` or ``C``, user,
                   password, ``plain`` or ``continuing``
``upload``         local file, its name at the server; so ``append``
``download``       name at the server, local file; so ``resumeDownload``, which fetches what the local file lacks
``resumeUpload``   local file, name at the server, offset
``names``          directory, or nothing
``rename``         old name, new name
``delete``         name; so ``makeDirectory`` and ``removeDirectory``
``close``
=================  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from . import tls_contract
from .clients import Finished, Refused, Running

__all__ = ["SessionClient", "SessionProgram", "SessionTestCase"]


class SessionProgram(Running):
    """A program that answers lines by lines."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = 0
        self._waiting: Deferred[None] | None = None

    def outReceived(self, data: bytes) -> None:
        """Tell who waits for an answer."""
        super().outReceived(data)
        self._go_on()

    def processEnded(self, reason: Any) -> None:
        """Tell who waits that there will be no answer."""
        super().processEnded(reason)
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def ask(self, *words: str) -> list[str]:
        """
        Let the program do something and return what it has found.

        :raises Refused: if it reports an error.
        """
        self.process.write(("\t".join(words) + "\n").encode())
        while b"\n" not in self.output[self._answered :]:
            if self.finished.called:
                raise AssertionError(f"the program has ended: {(await self.finished).text}")
            self._waiting = Deferred()
            await self._waiting
        line, _, _ = self.output[self._answered :].partition(b"\n")
        self._answered += len(line) + 1
        kind, *found = line.decode().split("\t")
        if kind == "error":
            raise Refused(" ".join(found))
        return found

    async def end(self) -> Finished:
        """Close the program's input and wait until it has ended."""
        self.process.closeStdin()
        return await self.finished


class SessionClient(tls_contract.TLSClient):
    """
    One session of a library, from the first call to :meth:`leave`.

    :cvar kind: ``continuing`` makes the library continue its TLS session.
    """

    kind: ClassVar[str] = "plain"

    def __init__(self, site: tls_contract.TLSSite, program: SessionProgram) -> None:
        super().__init__(site)
        self._program = program
        self._is_open = False

    async def _ask(self, *words: str) -> list[str]:
        if not self._is_open:
            self._is_open = True
            await self._program.ask("open", *self._opening())
        return await self._program.ask(*words)

    def _opening(self) -> tuple[str, ...]:
        site = self.site
        return (
            site.host,
            str(site.port),
            "implicit" if site.is_implicit else "explicit",
            site.mode.value,
            site.version,
            str(site.authority),
            "P" if site.protects_data else "C",
            site.user or "anonymous",
            site.password,
            self.kind,
        )

    async def leave(self) -> None:
        """See :meth:`TLSClient.leave`."""
        if self._is_open:
            self._is_open = False
            await self._program.ask("close")

    async def upload(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.upload`."""
        for name, path in files.items():
            await self._ask("upload", str(path), name)

    async def download(self, files: Mapping[str, Path]) -> None:
        """See :meth:`FileClient.download`."""
        for name, path in files.items():
            await self._ask("download", name, str(path))

    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """See :meth:`FileClient.resume_upload`."""
        await self._ask("resumeUpload", str(source), target, str(offset))

    async def resume_download(self, source: str, target: Path) -> None:
        """See :meth:`FileClient.resume_download`."""
        await self._ask("resumeDownload", source, str(target))

    async def append(self, source: Path, target: str) -> None:
        """See :meth:`FileClient.append`."""
        await self._ask("append", str(source), target)

    async def names(self, directory: str = "") -> list[str]:
        """See :meth:`FileClient.names`."""
        return await self._ask("names", directory)

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`FileClient.rename`."""
        await self._ask("rename", old, new)

    async def delete(self, path: str) -> None:
        """See :meth:`FileClient.delete`."""
        await self._ask("delete", path)

    async def make_directory(self, path: str) -> None:
        """See :meth:`FileClient.make_directory`."""
        await self._ask("makeDirectory", path)

    async def remove_directory(self, path: str) -> None:
        """See :meth:`FileClient.remove_directory`."""
        await self._ask("removeDirectory", path)


class SessionTestCase(tls_contract.TLSTestCase):
    """A library as the client; one program serves a whole test."""

    client_class: ClassVar[type[SessionClient]]

    def setUp(self) -> Any:
        """Start no program yet."""
        self.program: SessionProgram | None = None
        return super().setUp()

    def start_program(self) -> SessionProgram:
        """Start the program."""
        raise NotImplementedError

    def client(self, **changes: Any) -> SessionClient:
        """See :meth:`TLSTestCase.client`."""
        if self.program is None:
            self.program = self.start_program()
        return self.client_class(self.changed_site(**changes), self.program)

    async def _finish(self) -> None:
        if self.program is not None:
            finished = await self.program.end()
            self.assertEqual((finished.status, finished.errors), (0, b""))
        await super()._finish()
