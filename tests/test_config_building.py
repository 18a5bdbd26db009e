# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for servers made from configurations.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs

from ftpserver import MemoryPathIO, Permission, Server, User
from ftpserver.config import make_server, warnings
from ftpserver.config.building import make_user
from ftpserver.core.events import ConnectionRefused

from .configuring import HASH, LISTENER, ConfigurationTestCase
from .test_config_values import hook, observed

ACCOUNT = f'[[users]]\nlogin = "alice"\npassword_hash = "{HASH}"\nbase_path = "pub"\n'


class ServerTests(ConfigurationTestCase):
    """Tests for what of a file reaches the server."""

    def server(self, *lines: str) -> Server:
        """Return the server of a file with *lines* in its section of the server."""
        text = "\n".join([LISTENER, "[server]", *lines, ACCOUNT])
        return make_server(self.settings(text), MemoryReactorClock())

    def test_values_reach_the_server(self) -> None:
        """What the file says is what the server does."""
        server = self.server(
            'idle_timeout = "2m"',
            'socket_timeout = "none"',
            "maximum_connections = 7",
            'partial_uploads = "remove"',
            'encoding = "latin-1"',
            "active_mode = false",
            'welcome_message = ["a", "b"]',
        )
        self.assertEqual((server.idle_timeout, server.socket_timeout), (120, None))
        self.assertEqual(server.available_connections.maximum, 7)
        self.assertEqual(server.uploads.partial, "remove")
        self.assertEqual(server.encoding, "iso8859-1")
        self.assertNotIn("PORT", server.commands)
        self.assertEqual(server.greeting.lines, ("a", "b"))

    def test_safe_defaults_reach_the_server(self) -> None:
        """A server of a file that says nothing has the safe bounds."""
        server = self.server()
        self.assertEqual((server.idle_timeout, server.login_timeout, server.wait_future_timeout), (300, 60, 10))

    def test_named_objects_reach_the_server(self) -> None:
        """A store, observers and hooks that the file names are used, and the log hears of events besides."""
        names = "tests.test_config_values"
        server = self.server(
            'path_io_factory = "ftpserver.MemoryPathIO"',
            f'hooks = ["{names}.hook"]',
            f'observers = ["{names}.observer"]',
        )
        self.assertIs(server.path_io_factory, MemoryPathIO)
        self.assertEqual(server.hooks, (hook,))
        event = ConnectionRefused(time=0, peer="192.0.2.1", reason="too many connections")
        with capturedLogs() as entries:
            server.publisher.publish(event)
        self.assertEqual([entry["peer"] for entry in entries], ["192.0.2.1"])
        self.assertIs(observed.pop(), event)


class UserTests(ConfigurationTestCase):
    """Tests for what of a file reaches the accounts."""

    def user(self, *lines: str) -> User:
        """Return the user of an account with *lines*."""
        text = "\n".join([LISTENER, "[[users]]", 'base_path = "pub"', *lines])
        return make_user(self.settings(text).users[0])

    def test_passwords(self) -> None:
        """A hash and a password in clear both are the password of the user."""
        self.assertEqual(self.user('login = "a"', f'password_hash = "{HASH}"').password, HASH)
        self.assertEqual(self.user('login = "a"', 'password = "geheim"').password, "geheim")

    def test_the_anonymous_account_reads(self) -> None:
        """An account without a login may read and change nothing, where the file says nothing of it."""
        user = self.user()
        self.assertTrue(user.is_anonymous)
        self.assertEqual(user.permissions, [Permission("/", writable=False)])

    def test_permissions(self) -> None:
        """Rights that are not given derive from the two that are."""
        user = self.user('permissions = [ { path = "/in", readable = false, delete = false } ]')
        self.assertEqual(user.permissions, [Permission("/in", readable=False, delete=False)])

    def test_no_permission_at_all(self) -> None:
        """An empty list denies everything."""
        self.assertEqual(self.user("permissions = []").permissions, [])

    def test_limits_and_places(self) -> None:
        """Directory, home and limits are those of the file."""
        user = self.user('home_path = "/x"', "maximum_connections = 2", 'read_speed_limit = "1k"')
        self.assertEqual((user.base_path, str(user.home_path)), (self.directory / "pub", "/x"))
        self.assertEqual((user.maximum_connections, user.read_speed_limit), (2, 1000))


class WarningsTests(ConfigurationTestCase):
    """Tests for what works but should not stay so."""

    def test_passwords_in_clear(self) -> None:
        """A password in clear costs a warning that names the login and not the password."""
        text = LISTENER + ACCOUNT + '[[users]]\nlogin = "bob"\npassword = "geheim"\nbase_path = "pub"\n'
        [warning] = warnings(self.settings(text))
        self.assertIn("users[1] (login 'bob'): the password stands in clear", warning)
        self.assertNotIn("geheim", warning)
