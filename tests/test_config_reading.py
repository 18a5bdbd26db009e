# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for reading configuration files.
"""

from __future__ import annotations

import os
from pathlib import Path

from ftpserver.config import ConfigurationError, read

from .configuring import HASH, LISTENER, ConfigurationTestCase

SAMPLE = f"""
[[listeners]]
endpoint = "tcp:2121:interface=127.0.0.1"

[server]
maximum_connections = 500
maximum_connections_per_host = 50
maximum_login_attempts = 3
failed_login_delay = "1s"
idle_timeout = 300
login_timeout = 60
socket_timeout = 60
wait_future_timeout = 10
data_ports = "20000-20999"
ipv4_pasv_forced_response_address = "203.0.113.7"
read_speed_limit = "100M"
welcome_message = "files.example.org"
atomic_uploads = true
partial_uploads = "keep"

[[users]]
login = "alice"
password_hash = "{HASH}"
base_path = "pub"
home_path = "/"
maximum_connections = 5
write_speed_limit_per_connection = "10M"
permissions = [ {{ path = "/" }}, {{ path = "/logs", writable = false }} ]

[[users]]
base_path = "pub"
permissions = [ {{ path = "/", writable = false }} ]
"""

EVERYTHING_WRONG = """
colour = "red"
[[listeners]]
endpoint = "tpc:2121"
[server]
idel_timeout = 3
login_timeout = "soon"
maximum_connections = "many"
reactor = "poll"
[[users]]
login = "bob"
password = "geheim"
base_path = "pub"
permissions = [ { path = "logs", writeable = true }, 3 ]
[[users]]
login = 3
passwrd = "geheim"
base_path = "nothing"
"""


class ReadingTests(ConfigurationTestCase):
    """Tests for what a file means."""

    def test_the_sample(self) -> None:
        """Every value of a typical file is understood."""
        settings = self.settings(SAMPLE)
        self.assertEqual(settings.listeners[0].endpoint, "tcp:2121:interface=127.0.0.1")
        self.assertEqual(settings.server.failed_login_delay, 1)
        self.assertEqual(settings.server.data_ports, tuple(range(20000, 21000)))
        self.assertEqual(settings.server.read_speed_limit, 100_000_000)
        self.assertEqual(settings.server.welcome_message, ("files.example.org",))
        alice, anonymous = settings.users
        self.assertEqual((alice.login, alice.password_hash, alice.maximum_connections), ("alice", HASH, 5))
        self.assertEqual((anonymous.login, anonymous.base_path), (None, self.directory / "pub"))

    def test_the_least(self) -> None:
        """One listener and one account are a configuration."""
        self.assertEqual(self.problems(LISTENER + '[[users]]\nbase_path = "."\n'), [])


class ProblemsTests(ConfigurationTestCase):
    """Tests for files that are wrong."""

    def test_all_problems_are_named_at_once(self) -> None:
        """One run names everything that is wrong: where, what stands there, what would be right."""
        lines = self.problems(EVERYTHING_WRONG)
        expected = [
            'colour = "red": unknown key; the keys here are bans, listeners, server, tls, users',
            "listeners[0].endpoint = \"tpc:2121\": Twisted says: Unknown endpoint type: 'tpc'; it wants a server",
            'server.maximum_connections = "many": it wants a whole number from 1; "none" for no bound',
            'server.login_timeout = "soon": it wants a time: seconds, or a text such as "90s"',
            "server.idel_timeout = 3: unknown key; did you mean idle_timeout?",
            "server.reactor = \"poll\": this is no key here: choose it with 'twistd --reactor'",
            'users[0].permissions[0].path (login "bob") = "logs": it does not begin with /; it wants an absolute path',
            "users[0].permissions[0].writeable = (not shown): unknown key; did you mean writable?",
            'users[0].permissions[1] (login "bob") = 3: it wants a table',
            "users[1].login = 3: it wants a text of 1 to 256 characters",
            'users[1].base_path = "nothing": there is no such directory; it wants a directory',
            "users[1].passwrd = (not shown): unknown key; did you mean password?",
            "users[1]: there is no password; it wants password_hash",
        ]
        for line, beginning in zip(lines, expected, strict=True):
            self.assertTrue(line.startswith(beginning), f"{line}\ndoes not begin with\n{beginning}")

    def test_no_password_is_shown(self) -> None:
        """Whatever is wrong with a password, and wherever one was put by mistake, no message shows it."""
        account = '[[users]]\nbase_path = "pub"\nlogin = "a"\n'
        for wrong in (
            account + 'password = "geheim\\n"\n',
            account + 'password = ["geheim"]\n',
            account + 'password_hash = "geheim"\n',
            account + 'passphrase = "geheim"\n',
            account + 'pass = "geheim"\n',
            account + 'password = "geheim"\npassword_hash = "geheim"\n',
            '[[users]]\nbase_path = "pub"\npassword = "geheim"\n',
            '[users]\npassword = "geheim"\n',
            "[server]\npassword = 'geheim'\n",
            "[server]\nhooks = 3\n[users.a]\nb = 'geheim'",
        ):
            lines = self.problems(LISTENER + wrong)
            self.assertNotEqual(lines, [], wrong)
            self.assertNotIn("geheim", "\n".join(lines), wrong)

    def test_exceptions_hold_no_password(self) -> None:
        """The exception does not carry the values of the file along."""
        error = self.assertRaises(ConfigurationError, self.settings, LISTENER + '[[users]]\npassword = "geheim"\n')
        self.assertIs(error.__context__, None)

    def test_empty_files(self) -> None:
        """An empty file lacks a listener and an account."""
        self.assertEqual(
            self.problems(""),
            [
                "listeners: this is missing; it wants one or more [[listeners]] tables",
                "users: this is missing; it wants one or more [[users]] tables",
            ],
        )

    def test_empty_lists(self) -> None:
        """Lists without a listener and without an account are as wrong as none."""
        lines = self.problems("listeners = []\nusers = []\n")
        self.assertEqual(
            lines,
            [
                "listeners = []: it wants one or more [[listeners]] tables",
                "users = (not shown): it wants one or more [[users]] tables",
            ],
        )

    def test_values_in_place_of_tables(self) -> None:
        """A value where a table belongs, and a table where a list of them belongs, are told what is wanted."""
        lines = self.problems('listeners = "tcp:2121"\nserver = 3\nusers = ["alice"]\n')
        self.assertEqual(
            lines,
            [
                'listeners = "tcp:2121": it wants one or more [[listeners]] tables',
                "server = 3: it wants a table, [server]",
                "users[0] = (not shown): it wants a table",
            ],
        )


class FileTests(ConfigurationTestCase):
    """Tests for the file itself."""

    def problem_of(self, path: Path) -> str:
        """Return all that is wrong with the file at *path*."""
        return str(self.assertRaises(ConfigurationError, read, path))

    def test_paths_are_relative_to_the_file(self) -> None:
        """It does not matter from where the server is started."""
        file = self.directory / "ftpserver.toml"
        file.write_text(LISTENER + '[[users]]\nbase_path = "pub"\n')
        settings = read(os.path.relpath(file))
        self.assertEqual(settings.users[0].base_path, self.directory / "pub")

    def test_a_missing_file(self) -> None:
        """A file that is not there is named."""
        path = self.directory / "nothing.toml"
        self.assertEqual(
            self.problem_of(path),
            f"{path}: 1 error, nothing was started\n  the file cannot be read: No such file or directory",
        )

    def test_a_directory(self) -> None:
        """A directory is no file."""
        self.assertIn("the file cannot be read: Is a directory", self.problem_of(self.directory))

    def test_what_is_no_toml(self) -> None:
        """A mistake in the syntax is told with line and column."""
        file = self.directory / "ftpserver.toml"
        file.write_text("[server]\nidle_timeout = soon\n")
        self.assertIn("this is not TOML: Invalid value (at line 2, column 16)", self.problem_of(file))

    def test_what_is_no_text(self) -> None:
        """A file in another encoding is told with the line."""
        file = self.directory / "ftpserver.toml"
        file.write_bytes(b'[server]\nwelcome_message = "gr\xfc\xdfe"\n')
        self.assertIn("the file is not UTF-8 (at line 2)", self.problem_of(file))
