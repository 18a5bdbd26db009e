# -*- test-case-name: tests.test_service -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The server as a process of its own: its mask, its log, what it says at start, how it fails to start, what it reads
again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.components import Componentized

from .config import ServerSettings
from .hangup import Hangup
from .log_output import install
from .server import Server
from .tls.settings import TLS
from .walls.confinement import CannotConfine, Walls

__all__ = ["CannotStart", "FTPService"]


class CannotStart(SystemExit, Exception):
    """
    The server cannot start, and the process is to end with status 1.

    twistd cleans up after an ``Exception`` and tells the parent of a daemon; that it is a ``SystemExit`` too spares the
    traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 1


class FTPService(MultiService):
    """
    What :func:`ftpserver.tap.makeService` makes.

    :param server: the server.
    :param settings: what the process is to be like.
    :param runner: the options of twistd or twist; ``None`` leaves the log alone.
    :param greeting: makes the lines that are logged once the server listens and the reactor runs.
    :param walls: what confines the process once it is somebody else; ``None`` leaves a process that belongs to others
        as it is.
    """

    log = Logger()

    def __init__(
        self,
        server: Server,
        settings: ServerSettings,
        runner: MutableMapping[str, Any] | None = None,
        greeting: Callable[[Server], Sequence[str]] = lambda _server: (),
        walls: Walls | None = None,
    ) -> None:
        MultiService.__init__(self)
        self.server = server
        self._settings = settings
        self._runner = runner
        self._greeting = greeting
        self._walls = walls
        self._hangup: Hangup | None = None
        MultiService.setServiceParent(server, self)

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 - Twisted calls it.
        """Become a part of an application, whose log gets the format that is configured."""
        MultiService.setServiceParent(self, parent)
        if self._runner is not None and isinstance(parent, Componentized):
            log_format = self._settings.log_format if "log_format" in self._settings.model_fields_set else None
            install(parent, self._runner, log_format)

    def privilegedStartService(self) -> None:
        """
        Open the ports, while the process may still use those below 1024.

        :raises CannotStart: if one cannot be opened.
        """
        self._set_mask()
        with self._failing_clearly():
            MultiService.privilegedStartService(self)

    def startService(self) -> None:
        """
        Start to serve.

        :raises CannotStart: if a port cannot be opened, only where nobody has called :meth:`privilegedStartService`; if
            the process cannot be confined, where that is required.
        """
        self._set_mask()
        with self._failing_clearly():
            MultiService.startService(self)
            self._confine()
        # Not before: until the reactor runs, Ctrl-C and SIGTERM end the process without a goodbye to anybody.
        self.server.reactor.callWhenRunning(self._is_running)

    def stopService(self) -> Deferred[Any]:
        """Stop the service, as the server does; files are watched no more."""
        if self.server.tls is not None:
            self.server.tls.unwatch()
        stopped: Deferred[Any] = MultiService.stopService(self)
        return stopped.addBoth(self._stopped)

    def _stopped(self, outcome: Any) -> Any:
        # Not before: a signal would end the process in the middle of its goodbyes.
        if self._hangup is not None:
            self._hangup.forget()
        return outcome

    def _confine(self) -> None:
        # Here the ports are open, privileges are given up, and no thread has begun: the reactor does not run yet.
        if self._walls is not None:
            self._walls.build()
            self.server.roots.confine(self._walls.refusal_of_root)
            if self.server.tls is not None:
                self.server.tls.confine(self._walls.refusal)

    def _is_running(self) -> None:
        if self.running and self.server.tls is not None:
            self.server.tls.watch(self.server.reactor)
            self._hangup = Hangup(self.server.reactor, partial(self._reload, self.server.tls))
            self._hangup.listen()
        # Last: whoever reads that the server listens may send SIGHUP at once, which would end the process before.
        walls = [] if self._walls is None else self._walls.lines()
        for line in [*walls, *self._greeting(self.server)]:
            self.log.info("{text}", text=line)

    def _reload(self, tls: TLS) -> None:
        self.log.info("SIGHUP: reading certificates, keys and revocation lists again")
        tls.reload()

    def _set_mask(self) -> None:
        # A daemon of twistd has 0077 by now, with which nobody else could read what was uploaded.
        given = self._runner.get("umask") if self._runner is not None else None
        if given is None or "umask" in self._settings.model_fields_set:
            os.umask(self._settings.umask)

    @contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except CannotConfine as error:
            self._fail(str(error), error)
        except (CannotListenError, OSError, LookupError, ValueError, OverflowError) as error:
            self._fail(f"cannot listen{_reason(error)}", error)

    def _fail(self, message: str, cause: Exception) -> NoReturn:
        self.log.error("{text}", text=message)
        # The standard error of twistd is its log by now.
        stream = sys.__stderr__ if sys.__stderr__ is not None else sys.stderr
        stream.write(f"{message}\n")
        raise CannotStart(message) from cause


def _reason(error: BaseException) -> str:
    if not isinstance(error, CannotListenError):
        return f": {error}"
    reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
    if not isinstance(error.port, int):
        return f" on {error.port}: {reason}"
    host = f"[{error.interface}]" if ":" in str(error.interface) else error.interface or "*"
    return f" on {host}:{error.port}: {reason}"
