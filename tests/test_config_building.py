# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for servers made from configurations.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs

from ftpserver import MemoryPathIO, Permission, Server, User
from ftpserver.config import building, make_server
from ftpserver.config.building import make_user
from ftpserver.core.events import ConnectionRefused, ForeignProtocol, LoginFailed

from .configuring import HASH, LISTENER, ConfigurationTestCase
from .configuring_tls import ACCOUNT, TLS_SECTION, TLSConfigurationTestCase
from .test_config_values import hook, observed
from .tls_client import Client, client_context, established


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

    def test_bans_reach_the_server(self) -> None:
        """Who may connect, and when an address is banned, is as the file says."""
        text = [
            LISTENER,
            "[server]",
            'denied_networks = ["198.51.100.0/24"]',
            "trusted_networks = []",
            "[bans]",
            "failed_logins = 1",
            'foreign_protocols = "none"',
            'duration = "1h"',
            ACCOUNT,
        ]
        server = make_server(self.settings("\n".join(text)), MemoryReactorClock())
        self.assertTrue(server.gate.refuses("198.51.100.7"))
        details: dict[str, Any] = {"time": 0.0, "session": "1-1", "sequence": 1, "peer": "127.0.0.1", "user": "a"}
        server.publisher.publish(ForeignProtocol(**details, protocol="HTTP"))
        self.assertEqual(server.bans, [])
        server.publisher.publish(LoginFailed(**details, reason="wrong password", guessed=True))
        self.assertEqual([(ban.source, ban.until - ban.since) for ban in server.bans], [("127.0.0.1", 3600)])

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


class TLSTests(TLSConfigurationTestCase):
    """Tests for what of a file about TLS reaches the server."""

    def server(self, *lines: str, listeners: str = LISTENER) -> Server:
        """Return the server of a file with *lines* in its section of TLS."""
        text = "\n".join([listeners, TLS_SECTION, *lines, ACCOUNT])
        return make_server(self.settings(text), MemoryReactorClock())

    def test_values_reach_the_server(self) -> None:
        """What the section says is what the server does."""
        tls = self.server('required = "data"', 'session_reuse = "required"', 'clear_networks = ["10.0.0.0/8"]').tls
        assert tls is not None
        self.assertEqual((tls.required_from("192.0.2.1"), tls.required_from("10.1.2.3")), ("data", "none"))
        self.assertEqual(tls.session_reuse, "required")

    def test_names_reach_the_server(self) -> None:
        """A client that asks for a name gets the certificate for it."""
        named = 'certificate = "other-chain.pem"\nprivate_key = "other-key.pem"'
        tls = self.server(f'[[tls.names]]\nname = "ftp.example.org"\n{named}').tls
        assert tls is not None
        for name in ("ftp.example.org", "localhost"):
            layer, client = tls.open_session().control_layer(), Client(client_context(), server_name=name)
            established(layer, client)

    def test_files_are_read_once(self) -> None:
        """The keys are those of the time when the file was read: the process may have given up its privileges since."""
        settings = self.settings(LISTENER + TLS_SECTION + ACCOUNT)
        (self.directory / "key.pem").unlink()
        self.assertIs(make_server(settings, MemoryReactorClock()).tls, settings.tls and settings.tls.made)

    def test_no_section(self) -> None:
        """Without a section there is no TLS and none of its commands."""
        server = make_server(self.settings(LISTENER + ACCOUNT), MemoryReactorClock())
        self.assertIs(server.tls, None)
        self.assertNotIn("AUTH", server.commands)

    def test_listeners(self) -> None:
        """A listener has the mode that it names; where it names none, clients may ask for TLS if there is any."""
        modes: list[str] = []
        self.patch(building, "Listener", lambda _endpoint, mode: modes.append(mode))
        self.server(listeners="".join(LISTENER + line for line in ("", 'tls = "off"\n', 'tls = "implicit"\n')))
        make_server(self.settings(LISTENER + ACCOUNT), MemoryReactorClock())
        self.assertEqual(modes, ["explicit", "off", "implicit", "off"])

    def test_accounts(self) -> None:
        """What an account asks for is asked for."""
        clients = 'client_certificates = "optional"\nclient_authorities = "authority.pem"\n'
        lines = 'login = "a"\ntls_required = "data"\ncertificates = ["b"]\nrequire_close_notify = false\n'
        user = make_user(self.settings(LISTENER + TLS_SECTION + clients + ACCOUNT + lines).users[0])
        self.assertEqual((user.tls_required, user.require_close_notify, user.password), ("data", False, None))
        self.assertEqual(list(user.certificates), ["b"])
