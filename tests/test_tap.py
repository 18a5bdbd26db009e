# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for "twistd ftpserver" and its options.
"""

from __future__ import annotations

import errno
import os
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import Server, asking, config
from ftpserver.command_line import version
from ftpserver.tap import PASSWORD_VARIABLE, Options, makeService
from ftpserver.walls.confinement import Walls
from ftpserver.walls.landlock import Landlock

from .certificates import signed
from .configuring import HASH, LISTENER
from .test_command_line import Terminal


class OptionsTestCase(SynchronousTestCase):
    """Parses options in a directory of its own, with nothing on the standard input or in the environment."""

    def setUp(self) -> None:
        """Go there."""
        self.directory = Path(self.mktemp()).absolute()
        (self.directory / "pub").mkdir(parents=True)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.directory)
        self.output = StringIO()
        self.errors = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)
        self.patch(sys, "stdin", StringIO())
        self.patch(os, "environ", {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE})

    def parse(self, *arguments: str, runner: dict[str, Any] | None = None) -> Options:
        """Return the options of a command line."""
        options = Options()
        parent: Any = runner
        options.parent = parent
        options.parseOptions(list(arguments))
        return options

    def refusal(self, *arguments: str) -> str:
        """Return why a command line is refused."""
        return str(self.assertRaises(usage.UsageError, self.parse, *arguments))

    def status(self, *arguments: str) -> object:
        """Return the status that a command line ends the process with."""
        return self.assertRaises(SystemExit, self.parse, *arguments).code

    def write(self, text: str) -> str:
        """Write a configuration file, and return its name."""
        (self.directory / "ftpserver.toml").write_text(text)
        return "ftpserver.toml"


class DirectoryTests(OptionsTestCase):
    """Tests for serving a directory without a configuration file."""

    def test_the_current_directory_is_served(self) -> None:
        """Without options, the current directory is served on port 2121 of this machine, for reading."""
        settings = self.parse().settings
        self.assertEqual([one.endpoint for one in settings.listeners], ["tcp:2121:interface=127.0.0.1"])
        self.assertEqual([(one.login, one.base_path) for one in settings.users], [(None, self.directory)])

    def test_another_directory_and_port(self) -> None:
        """Directory and port can be chosen; the directory is made absolute, for a daemon changes its own."""
        settings = self.parse("--root", "pub", "--port", "0").settings
        self.assertEqual(settings.listeners[0].endpoint, "tcp:0:interface=127.0.0.1")
        self.assertEqual(settings.users[0].base_path, self.directory / "pub")

    def test_a_directory_that_is_not_there(self) -> None:
        """A directory that is missing is named."""
        self.assertEqual(
            self.refusal("--root", "nothing"), f"--root {self.directory}/nothing: there is no such directory"
        )

    def test_what_is_no_port(self) -> None:
        """What is no port is refused."""
        for port in ("65536", "-1", "ftp"):
            self.assertIn("Parameter type enforcement failed", self.refusal("--port", port), port)

    def test_checking_needs_a_file(self) -> None:
        """There is nothing to check without a configuration file."""
        self.assertEqual(self.refusal("--check"), "--check checks a configuration file: give --config FILE")

    def test_safe_defaults(self) -> None:
        """The bounds are those of a configuration file that says nothing."""
        self.assertEqual(self.parse().settings.server, config.ServerSettings())


class UserTests(OptionsTestCase):
    """Tests for the user who may write."""

    def hashed(self, *arguments: str) -> str:
        """Return the hash of the password of the user "alice"."""
        account = self.parse("--user", "alice", *arguments).settings.users[1]
        self.assertEqual((account.login, account.password, account.permissions), ("alice", None, None))
        assert account.password_hash is not None
        return account.password_hash

    def assert_is_hash_of(self, password: str, hashed: str) -> None:
        """Assert that *hashed* is one of *password*."""
        from argon2 import PasswordHasher

        self.assertTrue(PasswordHasher().verify(hashed, password))

    def test_a_password_in_a_file(self) -> None:
        """The password is the first line of a file, which wins over the environment."""
        os.environ[PASSWORD_VARIABLE] = "other"
        (self.directory / "secret").write_text("geheim\n")
        self.assert_is_hash_of("geheim", self.hashed("--password-file", "secret"))

    def test_a_password_in_the_environment(self) -> None:
        """The password is in the environment, which wins over the terminal."""
        os.environ[PASSWORD_VARIABLE] = "geheim"
        self.patch(sys, "stdin", Terminal())
        self.assert_is_hash_of("geheim", self.hashed())

    def test_a_password_that_is_typed(self) -> None:
        """At a terminal the password is asked for."""
        self.patch(sys, "stdin", Terminal())
        self.patch(asking.ask_once, "__defaults__", (lambda prompt: f"typed at {prompt!r}",))
        self.assert_is_hash_of("typed at 'Password for alice: '", self.hashed())

    def test_no_password(self) -> None:
        """Where there is nobody to ask, the ways to give a password are named."""
        self.assertEqual(
            self.refusal("--user", "alice"),
            "--user alice: there is no terminal to ask for the password at; set FTPSERVER_PASSWORD, or give "
            "--password-file FILE",
        )

    def test_an_empty_password(self) -> None:
        """An empty password is refused from wherever it comes."""
        os.environ[PASSWORD_VARIABLE] = ""
        self.assertEqual(self.refusal("--user", "alice"), "--user alice: the password is empty")

    def test_a_missing_file(self) -> None:
        """A password file that cannot be read is named."""
        self.assertEqual(
            self.refusal("--user", "alice", "--password-file", "nothing"),
            "--user alice: nothing cannot be read: No such file or directory",
        )

    def test_a_password_without_a_user(self) -> None:
        """A password file is for a user, who must be named."""
        self.assertIn("give --user NAME, too", self.refusal("--password-file", "secret"))

    def test_names_that_cannot_be(self) -> None:
        """A user needs a name, other than those of the anonymous account."""
        for name in ("", "anonymous", "FTP", "a\nb"):
            self.assertIn("--user: choose a name", self.refusal("--user", name), repr(name))

    def test_no_option_takes_a_password(self) -> None:
        """A password on the command line, which every process can read, does not become one."""
        self.assertIn("cannot be read", self.refusal("--user", "alice", "--password", "geheim"))


class FileTests(OptionsTestCase):
    """Tests for the configuration file."""

    account = f'[[users]]\nlogin = "alice"\npassword_hash = "{HASH}"\nbase_path = "pub"\n'
    in_clear = '[[users]]\nlogin = "bob"\npassword = "geheim"\nbase_path = "pub"\n'

    def test_a_file_that_is_right(self) -> None:
        """The settings are those of the file."""
        settings = self.parse("--config", self.write(LISTENER + self.account)).settings
        self.assertEqual([one.login for one in settings.users], ["alice"])

    def test_a_file_that_is_wrong(self) -> None:
        """All errors go to the standard error, and the status is 1, checking or not."""
        name = self.write("[server]\nidle_timeout = 'soon'\n")
        for arguments in (["--config", name], ["--check", "--config", name]):
            self.errors.truncate(0)
            self.errors.seek(0)
            self.assertEqual(self.status(*arguments), 1)
            first, *others = self.errors.getvalue().splitlines()
            self.assertEqual(first, "ftpserver.toml: 3 errors, nothing was started")
            self.assertEqual([line.split()[0] for line in others], ["listeners:", "server.idle_timeout", "users:"])
        self.assertEqual(self.output.getvalue(), "")

    def test_checking(self) -> None:
        """A file that is right is called so, and the status is 0."""
        self.assertEqual(self.status("--check", "--config", self.write(LISTENER + self.account)), 0)
        self.assertEqual(self.output.getvalue(), "ftpserver.toml: no errors\n")

    def test_checking_warns(self) -> None:
        """A password in clear is no error, but is told."""
        self.assertEqual(self.status("--check", "--config", self.write(LISTENER + self.in_clear)), 0)
        warning, verdict = self.output.getvalue().splitlines()
        self.assertIn("(login 'bob'): the password stands in clear", warning)
        self.assertEqual(verdict, "ftpserver.toml: no errors")

    def test_other_options_belong_into_the_file(self) -> None:
        """The options for serving a directory do not go together with a file."""
        name = self.write(LISTENER + self.account)
        table = [["--root", "pub"], ["--port", "0"], ["--user", "alice"], ["--password-file", "secret"]]
        for option in table:
            self.assertEqual(
                self.refusal("--config", name, *option),
                f"--config and {option[0]} do not go together: write it in the file",
            )


class HelpTests(OptionsTestCase):
    """Tests for what the options say of themselves."""

    def test_help(self) -> None:
        """The help names every option and every key of the configuration file."""
        self.patch(os, "environ", {**os.environ, "COLUMNS": "100"})
        self.assertEqual(self.status("--help") or 0, 0)
        text = self.output.getvalue()
        for option in ("--config=", "--check", "--root=", "--port=", "--user=", "--password-file="):
            self.assertIn(option, text)
        self.assertIn(config.help_text(100), text)

    def test_version(self) -> None:
        """The version that is printed is that of the server."""
        self.assertEqual(self.status("--version"), 0)
        self.assertEqual(self.output.getvalue(), f"ftpserver {version()}\n")


class GreetingTests(OptionsTestCase):
    """Tests for what is said once the server listens."""

    def greeting(self, options: Options) -> list[str]:
        """Return what is said by the service that *options* ask for; the reactor of tests has one address, 0.0.0.0."""
        server = config.make_server(options.settings, MemoryReactorClock())
        server.bind()
        return list(options.greeting(server))

    def test_a_directory(self) -> None:
        """There is an address to click, and how to stop."""
        self.assertEqual(
            self.greeting(self.parse("--root", "pub")),
            [f"serving {self.directory}/pub: open ftp://0.0.0.0:2121/ (anonymous, for reading); stop with Ctrl-C"],
        )

    def test_a_user(self) -> None:
        """The user who may write has an address, too."""
        os.environ[PASSWORD_VARIABLE] = "geheim"
        reading, writing = self.greeting(self.parse("--user", "alice b"))
        self.assertIn("ftp://0.0.0.0:2121/", reading)
        self.assertIn("ftp://alice%20b@0.0.0.0:2121/ (for reading and writing)", writing)
        self.assertNotIn("geheim", reading + writing)

    def test_a_daemon(self) -> None:
        """A daemon has no terminal for Ctrl-C, but a number."""
        [line] = self.greeting(self.parse(runner={"nodaemon": 0}))
        self.assertTrue(line.endswith(f"stop with kill {os.getpid()}"), line)

    def test_a_foreground_process(self) -> None:
        """In the foreground of twistd, Ctrl-C stops."""
        [line] = self.greeting(self.parse(runner={"nodaemon": 1}))
        self.assertTrue(line.endswith("stop with Ctrl-C"), line)

    def test_twist(self) -> None:
        """Under twist, which has no daemons, Ctrl-C stops."""
        [line] = self.greeting(self.parse(runner={"logFormat": "text"}))
        self.assertTrue(line.endswith("stop with Ctrl-C"), line)

    def test_a_file(self) -> None:
        """Each listener is named with the port that it really has, and what should not stay so is told."""
        text = (
            '[[listeners]]\nendpoint = "tcp:2121"\n[[listeners]]\nendpoint = "tcp6:2122"\n'
            '[[listeners]]\nendpoint = "unix:ftp.sock"\n'
        )
        warning, *places = self.greeting(self.parse("--config", self.write(text + FileTests.in_clear)))
        self.assertTrue(warning.startswith("warning: users[0] (login 'bob')"), warning)
        self.assertEqual(
            places,
            [
                "listening on 0.0.0.0:2121",
                "listening on [::]:2122",
                f"listening on unix:{self.directory}/ftp.sock:mode=600",
            ],
        )


class EncryptedTests(OptionsTestCase):
    """Tests for what is said about TLS."""

    listeners = "".join(f'{LISTENER}tls = "{mode}"\n' for mode in ("explicit", "implicit", "off"))

    def setUp(self) -> None:
        """Write a certificate that has expired, with its key."""
        super().setUp()
        now = datetime.now(UTC)
        _, octets = signed(["localhost"], begins=now - timedelta(days=9), ends=now - timedelta(days=1))
        (self.directory / "both.pem").write_bytes(octets)
        (self.directory / "both.pem").chmod(0o600)
        text = f'{self.listeners}[tls]\ncertificate = "both.pem"\n{FileTests.account}'
        self.name = self.write(text)

    def test_listeners(self) -> None:
        """Each listener is named with the way that TLS begins there."""
        options = self.parse("--config", self.name)
        server = config.make_server(options.settings, MemoryReactorClock())
        server.bind()
        lines = list(options.greeting(server))
        self.assertEqual([line.partition("(")[2] for line in lines], ["explicit TLS)", "implicit TLS)", "no TLS)"])

    def test_files_that_cannot_be_read_again(self) -> None:
        """What the process may read no more, once it runs, is told: it is read once more when it changes."""
        options = self.parse("--config", self.name)
        server = config.make_server(options.settings, MemoryReactorClock())
        server.bind()
        (self.directory / "both.pem").unlink()
        warning, *_ = options.greeting(server)
        self.assertTrue(warning.startswith("warning: tls.certificate: "), warning)

    def test_checking(self) -> None:
        """A certificate that has expired is told by the check, which starts no log."""
        self.assertEqual(self.status("--check", "--config", self.name), 0)
        warning, verdict = self.output.getvalue().splitlines()
        self.assertTrue(warning.startswith("tls.certificate: the one in "), warning)
        self.assertEqual(verdict, "ftpserver.toml: no errors")


class MakeServiceTests(OptionsTestCase):
    """Tests for the service."""

    def test_the_service_holds_a_server(self) -> None:
        """The service that twistd runs is a server for the accounts that were asked for."""
        service = makeService(self.parse())
        self.assertIsInstance(service.server, Server)
        self.assertEqual(list(service), [service.server])

    def test_who_is_confined(self) -> None:
        """A process of twistd confines itself; a program that makes the service for itself is left alone."""
        raised: list[Walls] = []
        self.patch(Walls, "build", lambda walls: raised.append(walls))
        for runner, expected in ((None, 0), ({"nodaemon": 1}, 1)):
            options = self.parse(runner=runner)
            service = makeService(options)
            self.patch(service.server, "reactor", MemoryReactorClock())
            self.patch(service.server, "bind", lambda: None)
            service.startService()
            self.assertEqual(len(raised), expected)
            self.successResultOf(service.stopService())

    def test_walls_that_are_required(self) -> None:
        """Where the wall is required and cannot be had, that is an error of the configuration file."""
        self.patch(Landlock, "version", self.refuse)
        name = self.write(f'{LISTENER}[server]\nlandlock = "required"\n[[users]]\nbase_path = "pub"\n')
        self.assertEqual(self.status("--check", "--config", name), 1)
        self.assertIn(
            'server.landlock = "required": it cannot be had: this kernel has no Landlock', self.errors.getvalue()
        )

    def refuse(self) -> int:
        """Be a kernel without Landlock."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
