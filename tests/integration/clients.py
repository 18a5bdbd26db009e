# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Real clients: how each is told what to do, and how to run one that is a program.

The reactor that serves must go on turning, so programs run as processes of it and blocking libraries in threads.
"""

from __future__ import annotations

import enum
import os
import re
import shutil
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

__all__ = [
    "FileClient",
    "Finished",
    "Mode",
    "Refused",
    "Running",
    "Site",
    "has_ipv6",
    "in_thread",
    "octets",
    "spawn",
    "start",
]

reactor: Any = _reactor

T = TypeVar("T")
R = TypeVar("R", bound="Running")

#: Debian packages that are not called as their program.
PACKAGES = {"java": "default-jdk-headless", "node": "nodejs"}


class Mode(enum.Enum):
    """How a client asks for data connections."""

    PASV = "PASV"
    EPSV = "EPSV"
    PORT = "PORT"
    EPRT = "EPRT"


class Refused(Exception):
    """
    The client reported that the server refused.

    :ivar code: the reply that it showed; ``None`` where it shows none.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        found = re.search(r"\b([45][0-5]\d)\b", message)
        self.code = code if code is not None else int(found[1]) if found else None


@dataclass(frozen=True)
class Site:
    """
    Where a client goes, as whom, and how.

    :ivar user: ``None`` is whatever the client does for an anonymous login.
    :ivar is_text: whether files are texts, which go in TYPE A.
    """

    host: str
    port: int
    user: str | None = "alice"
    password: str = "secret"
    mode: Mode = Mode.PASV
    is_text: bool = False


class FileClient(ABC):
    """
    A client that is told what to do with whole files; paths of the server are relative to its root.

    Every method raises :class:`Refused` when the client reports an error.

    :cvar modes: the modes that it speaks over IPv4.
    :cvar appends: whether it has a command for APPE.
    """

    modes: ClassVar[Sequence[Mode]] = ()
    appends: ClassVar[bool] = True

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    async def upload(self, files: Mapping[str, Path]) -> None:
        """Send local files, in one session; the keys are their names at the server."""

    @abstractmethod
    async def download(self, files: Mapping[str, Path]) -> None:
        """Fetch files, in one session; the values are local paths."""

    @abstractmethod
    async def resume_upload(self, source: Path, target: str, offset: int) -> None:
        """Send what the server lacks of *source*, of which it has *offset* octets."""

    @abstractmethod
    async def resume_download(self, source: str, target: Path) -> None:
        """Fetch what *target* lacks."""

    async def append(self, source: Path, target: str) -> None:
        """Append a local file to one of the server."""
        raise NotImplementedError

    @abstractmethod
    async def names(self, directory: str = "") -> list[str]:
        """Return the names in a directory."""

    @abstractmethod
    async def rename(self, old: str, new: str) -> None:
        """Rename."""

    @abstractmethod
    async def delete(self, path: str) -> None:
        """Delete a file."""

    @abstractmethod
    async def make_directory(self, path: str) -> None:
        """Make a directory."""

    @abstractmethod
    async def remove_directory(self, path: str) -> None:
        """Remove a directory."""


def octets(name: str) -> bytes:
    """Return the octets of a name, those included that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def has_ipv6() -> bool:
    """Tell whether this machine has the address ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def in_thread(function: Callable[..., T], *arguments: Any) -> Deferred[T]:
    """Call a blocking function beside the reactor."""
    result: Deferred[T] = deferToThread(function, *arguments)
    return result


# Programs.


@dataclass(frozen=True)
class Finished:
    """
    What a program left.

    :ivar status: exit status; negative is the signal that ended it.
    """

    output: bytes
    errors: bytes
    status: int

    @property
    def text(self) -> str:
        """Both outputs as text."""
        return (self.output + self.errors).decode("utf-8", "surrogateescape")


class Running(ProcessProtocol):
    """
    A program that runs.

    :ivar output: what it has written so far.
    :ivar finished: fires with what it left.
    """

    def __init__(self) -> None:
        self.output = bytearray()
        self._errors = bytearray()
        self._wrote: Deferred[None] = Deferred()
        self.finished: Deferred[Finished] = Deferred()

    def outReceived(self, data: bytes) -> None:
        """Keep what it writes."""
        self.output += data
        if not self._wrote.called:
            self._wrote.callback(None)

    def errReceived(self, data: bytes) -> None:
        """Keep what it complains about."""
        self._errors += data

    def processEnded(self, reason: Failure) -> None:
        """Tell who waits."""
        ending: Any = reason.value
        status = 0 if isinstance(ending, ProcessDone) else -ending.signal if ending.signal else ending.exitCode
        if not self._wrote.called:
            self._wrote.callback(None)
        self.finished.callback(Finished(bytes(self.output), bytes(self._errors), status))

    async def wrote(self) -> None:
        """Wait until it has written something, or has ended."""
        await self._wrote

    def stop_reading(self) -> None:
        """Close its output, so that it cannot write on."""
        self.process.closeStdout()

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send a signal."""
        self.process.signalProcess(number)

    @property
    def process(self) -> Any:
        """The transport of the process."""
        return self.transport


def start(name: str, *arguments: str | bytes, **environment: str) -> Running:
    """
    Start a program, with no configuration of this machine's user.

    :param name: of the program.
    :param environment: what it is to find in its environment beside the least that it needs.
    :raises SkipTest: if it is missing.
    """
    return spawn(Running(), name, *arguments, **environment)


def spawn(running: R, name: str, *arguments: str | bytes, **environment: str) -> R:
    """Start a program as :func:`start` does, and let *running* follow it."""
    found = shutil.which(name)
    if found is None:
        raise SkipTest(f"{name} is missing: apt-get install {PACKAGES.get(name, name)}")
    words = [name.encode(), *(octets(word) if isinstance(word, str) else word for word in arguments)]
    least = {"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    reactor.spawnProcess(running, found, words, env={**least, **environment})
    return running
