# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the server as a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

from twisted.application.service import Application, IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS, Server
from ftpserver.config import ServerSettings
from ftpserver.observers.log import JSONLog
from ftpserver.service import CannotStart, FTPService
from ftpserver.tls.settings import WATCH_INTERVAL
from ftpserver.walls.confinement import CannotConfine, Walls
from ftpserver.walls.landlock import Access
from ftpserver.walls.places import READ

from .certificates import server_certificate, write_pair
from .test_hangup import SignalReactor
from .test_log_output import twistd


class FailingServer(Server):
    """A server whose ports fail with whatever it is given."""

    def __init__(self, failure: Exception) -> None:
        super().__init__([], reactor=MemoryReactorClock())
        self.failure = failure

    def bind(self) -> None:
        """Fail."""
        raise self.failure


def running(server: Server | None = None, settings: ServerSettings | None = None, **options: Any) -> FTPService:
    """Return the service of *server*."""
    server = server if server is not None else Server([], reactor=MemoryReactorClock())
    return FTPService(server, settings if settings is not None else ServerSettings(), **options)


class ServiceTestCase(SynchronousTestCase):
    """Keeps the mask of the process and catches the standard error."""

    def setUp(self) -> None:
        """Set the mask that a daemon of twistd has."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.errors = StringIO()
        self.patch(sys, "__stderr__", self.errors)

    def mask(self) -> int:
        """Return the mask of the process."""
        mask = os.umask(0)
        os.umask(mask)
        return mask


class StartTests(ServiceTestCase):
    """Tests for a start that succeeds."""

    def test_the_server_serves(self) -> None:
        """With the service, the server starts and stops."""
        service = running()
        service.privilegedStartService()
        service.startService()
        self.assertTrue(service.server.running)
        self.successResultOf(service.stopService())
        self.assertFalse(service.server.running)

    def test_the_greeting_is_logged(self) -> None:
        """What there is to say is said when the server can be stopped again, and as a whole line."""
        reactor = MemoryReactorClock()
        service = running(
            Server([], reactor=reactor), greeting=lambda server: [f"running: {bool(server.running)}", "{braces}"]
        )
        with capturedLogs() as entries:
            service.startService()
            self.assertEqual(entries, [])
            reactor.run()
        self.assertEqual([entry["text"] for entry in entries if "text" in entry], ["running: True", "{braces}"])


class ReloadTests(ServiceTestCase):
    """Tests for certificates that are read again."""

    def setUp(self) -> None:
        """Write a certificate, and put back at the end what the signal did before."""
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.reactor = SignalReactor()
        self.file = write_pair(self, server_certificate())
        self.service = running(Server([], tls=TLS(certificate=self.file), reactor=self.reactor))

    def start(self) -> None:
        """Start the service, and then the reactor."""
        self.service.startService()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
        self.reactor.run()

    def logged_by(self, action: Callable[[], object]) -> list[str]:
        """Return what the log is told of certificates by *action*."""
        with capturedLogs() as entries:
            action()
        return [formatEvent(entry) for entry in entries if entry["log_namespace"].startswith("ftpserver.")]

    def hang_up(self) -> None:
        """Send the signal, and let the reactor take it."""
        signal.raise_signal(signal.SIGHUP)
        self.reactor.wake()

    def test_the_signal(self) -> None:
        """SIGHUP makes the server read its certificates again, as often as it comes, and the log tells of it."""
        self.start()
        for _ in range(2):
            asked, done = self.logged_by(self.hang_up)
            self.assertEqual(asked, "SIGHUP: reading certificates, keys and revocation lists again")
            self.assertTrue(done.startswith("the certificates are reloaded"), done)

    def test_a_file_that_is_wrong(self) -> None:
        """What cannot be read is told with the reason, and the server keeps what it has."""
        self.start()
        self.file.write_bytes(b"nothing")
        _asked, refused = self.logged_by(self.hang_up)
        self.assertIn("are not reloaded, those from before stay", refused)
        self.assertIn(str(self.file), refused)

    def test_a_file_that_changes(self) -> None:
        """A new file is read without a signal."""
        self.start()
        self.file.write_bytes(server_certificate("ftp.example.org").private_key_and_cert_chain_pem.bytes())
        lines = self.logged_by(lambda: self.reactor.pump([WATCH_INTERVAL] * 3))
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith("the certificates are reloaded"), lines[0])

    def test_the_end(self) -> None:
        """A service that has stopped neither looks at files nor takes the signal."""
        self.start()
        self.successResultOf(self.service.stopService())
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_service_that_ends_before_the_reactor_runs(self) -> None:
        """A service that was stopped again takes nothing."""
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.reactor.run()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

    def test_a_server_without_tls(self) -> None:
        """A server that has nothing to read again leaves the signal alone."""
        self.service = running(Server([], reactor=self.reactor))
        self.start()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
        self.successResultOf(self.service.stopService())


class MaskTests(ServiceTestCase):
    """Tests for the file creation mask."""

    def test_the_default_wins_over_that_of_a_daemon(self) -> None:
        """Without anything said, others may read what was uploaded."""
        for start in ("privilegedStartService", "startService"):
            os.umask(0o077)
            getattr(running(), start)()
            self.assertEqual(self.mask(), 0o022, start)

    def test_that_of_twistd_wins_over_the_default(self) -> None:
        """Whoever tells twistd a mask gets it."""
        os.umask(0o007)
        running(runner=twistd(umask=0o007)).startService()
        self.assertEqual(self.mask(), 0o007)

    def test_that_of_the_file_wins_over_all(self) -> None:
        """Whoever writes a mask into the file gets it."""
        running(settings=ServerSettings.model_construct(umask=0o027), runner=twistd(umask=0o007)).startService()
        self.assertEqual(self.mask(), 0o027)

    def test_twistd_without_a_mask(self) -> None:
        """A daemon of twistd that was told no mask gets the default of the server."""
        running(runner=twistd(umask=None)).startService()
        self.assertEqual(self.mask(), 0o022)


class StandInWalls(Walls):
    """
    Walls that confine nobody.

    :param failure: why they cannot be raised.
    """

    def __init__(self, failure: str | None = None) -> None:
        self.failure = failure
        self.service: FTPService | None = None
        self.built: list[tuple[bool, bool]] = []

    def build(self) -> None:
        """Note what there is by then."""
        if self.failure is not None:
            raise CannotConfine(self.failure)
        assert self.service is not None
        reactor: Any = self.service.server.reactor
        self.built.append((bool(self.service.server.running), bool(reactor.hasRun)))

    def refusal_of_root(self, path: str) -> str | None:
        """Refuse everything."""
        return self.refusal(path)

    def refusal(self, path: str | os.PathLike[str], access: Access = READ) -> str | None:
        """Refuse everything."""
        return f"{os.fspath(path)} lies outside"

    def lines(self) -> list[str]:
        """Return a line."""
        return ["the walls stand"]


class WallsTests(ServiceTestCase):
    """Tests for a process that confines itself."""

    def started(self, walls: StandInWalls, server: Server) -> FTPService:
        """Return a service with walls, once it has started."""
        service = walls.service = running(server, walls=walls, greeting=lambda _server: ["greeting"])
        service.privilegedStartService()
        self.assertEqual(walls.built, [])
        service.startService()
        return service

    def test_the_moment(self) -> None:
        """The walls are raised when the server has its ports, and before the reactor runs."""
        walls = StandInWalls()
        reactor = MemoryReactorClock()
        with capturedLogs() as entries:
            self.started(walls, Server([], reactor=reactor))
            self.assertEqual(walls.built, [(True, False)])
            reactor.run()
        self.assertEqual([entry["text"] for entry in entries if "text" in entry], ["the walls stand", "greeting"])

    def test_certificates_are_asked_for(self) -> None:
        """Before certificates are read again, the walls are asked, and what they say is the reason not to."""
        file = write_pair(self, server_certificate())
        tls = TLS(certificate=file)
        self.started(StandInWalls(), Server([], tls=tls, reactor=MemoryReactorClock()))
        with capturedLogs() as entries:
            self.assertFalse(tls.reload())
        self.assertIn(f"{file} lies outside", formatEvent(entries[0]))

    def test_roots_are_asked_for(self) -> None:
        """Before a root is used, the walls are asked, and what they say is the reason not to."""
        server = Server([], reactor=MemoryReactorClock())
        self.started(StandInWalls(), server)
        root = self.mktemp()
        os.mkdir(root)
        error = self.assertRaises(PermissionError, server.roots.take, root)
        self.assertEqual(error.strerror, f"{root} lies outside")

    def test_walls_that_are_required(self) -> None:
        """Where they are required and cannot be raised, one line says so, and the status is 1."""
        with capturedLogs() as entries:
            service = running(walls=StandInWalls("no walls here"))
            error = self.assertRaises(CannotStart, service.startService)
        self.assertEqual(error.code, 1)
        self.assertEqual(self.errors.getvalue(), "no walls here\n")
        self.assertEqual([entry["text"] for entry in entries if "text" in entry], ["no walls here"])


class LogTests(ServiceTestCase):
    """Tests for the log of the application."""

    def installed(self, settings: ServerSettings, runner: dict[str, Any] | None) -> object:
        """Return the observer of an application with the service."""
        application = Application("ftpserver")
        running(settings=settings, runner=runner).setServiceParent(IService(application))
        running(settings=settings, runner=runner).setServiceParent(application)
        return application.getComponent(ILogObserver, None)

    def test_the_format_of_the_file(self) -> None:
        """The application gets a log of the format that is configured."""
        self.assertIsInstance(self.installed(ServerSettings(log_format="json"), twistd()), JSONLog)

    def test_no_format_in_the_file(self) -> None:
        """Without a format in the file, the runner decides."""
        runner = {"fileLogObserverFactory": None, "logFormat": "json"}
        self.installed(ServerSettings(), runner)
        self.assertIs(runner["fileLogObserverFactory"], JSONLog)

    def test_a_program_of_ones_own(self) -> None:
        """An application that is not run by twistd keeps its log."""
        self.assertIs(self.installed(ServerSettings(log_format="json"), None), None)

    def test_a_service_of_ones_own(self) -> None:
        """A service that holds the server has no log to set."""
        parent = MultiService()
        service = running(settings=ServerSettings(log_format="json"), runner=twistd())
        service.setServiceParent(parent)
        self.assertEqual(list(parent), [service])


class FailureTests(ServiceTestCase):
    """Tests for a start that fails."""

    def failure(self, failure: Exception, start: Callable[[FTPService], Any]) -> str:
        """Return what is said where the ports of the server fail with *failure*."""
        service = running(FailingServer(failure))
        with capturedLogs() as entries:
            error = self.assertRaises(CannotStart, start, service)
        self.assertEqual([entry["text"] for entry in entries if "text" in entry], [str(error)])
        self.assertEqual(self.errors.getvalue(), f"{error}\n")
        self.assertEqual(error.code, 1)
        self.assertFalse(service.server.running)
        return str(error)

    def test_ports_in_use(self) -> None:
        """A port that cannot be opened costs one line, on the standard error and in the log, and status 1."""
        error = CannotListenError("127.0.0.1", 2121, OSError(98, "Address already in use"))
        for start in (FTPService.privilegedStartService, FTPService.startService):
            self.assertEqual(
                self.failure(error, start), "cannot listen on 127.0.0.1:2121: Address already in use", start.__name__
            )
            self.errors.truncate(0)
            self.errors.seek(0)

    def test_places_are_written_as_one_reads_them(self) -> None:
        """Addresses of both families, all addresses, and sockets in the file system are named."""
        table = [
            (CannotListenError("::1", 21, OSError(13, "Permission denied")), "on [::1]:21: Permission denied"),
            (CannotListenError("", 21, OSError(13, "Permission denied")), "on *:21: Permission denied"),
            (CannotListenError(None, "/run/x", "Cannot acquire lock"), "on /run/x: Cannot acquire lock"),
        ]
        for error, expected in table:
            self.assertEqual(self.failure(error, FTPService.startService), f"cannot listen {expected}")
            self.errors.truncate(0)
            self.errors.seek(0)

    def test_endpoints_that_are_not_there(self) -> None:
        """A socket that systemd did not pass costs one line, too."""
        message = self.failure(IndexError("list index out of range"), FTPService.startService)
        self.assertEqual(message, "cannot listen: list index out of range")

    def test_a_process_without_standard_error(self) -> None:
        """A process whose standard error is closed tells whoever stands in for it."""
        self.patch(sys, "__stderr__", None)
        self.patch(sys, "stderr", self.errors)
        message = self.failure(OSError("no such socket"), FTPService.startService)
        self.assertEqual(message, "cannot listen: no such socket")

    def test_both_kinds_of_exception(self) -> None:
        """The failure is an Exception for twistd, which cleans up, and a SystemExit, which shows no trace."""
        error = CannotStart("why")
        self.assertIsInstance(error, Exception)
        self.assertIsInstance(error, SystemExit)
