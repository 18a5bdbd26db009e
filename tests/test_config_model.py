# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the keys of the configuration file and their defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import TLS, BanPolicy, Permission, Server, User
from ftpserver.config import BanSettings, PermissionSettings, ServerSettings, TLSSettings, UserSettings
from ftpserver.config.model import MODELS

from .configuring import HASH, LISTENER, ConfigurationTestCase


def keywords(of: Callable[..., Any]) -> set[str]:
    """Return the names of what *of* is called with."""
    return set(inspect.signature(of).parameters)


class KeysTests(SynchronousTestCase):
    """Tests for what can be configured."""

    def test_every_keyword_of_the_server_has_its_key(self) -> None:
        """What a program can tell a server, the file can too, or it says where else."""
        known = set(ServerSettings.model_fields) | set(ServerSettings.elsewhere)
        self.assertEqual(keywords(Server) - known, set())

    def test_keys_of_the_process(self) -> None:
        """The section of the server has no other keys than its keywords and those of the process."""
        of_process = {"landlock", "landlock_paths", "log_format", "umask"}
        self.assertEqual(set(ServerSettings.model_fields) - keywords(Server), of_process)

    def test_every_keyword_of_a_user_has_its_key(self) -> None:
        """What a program can tell of a user, the file can too, and the hash of a password."""
        self.assertEqual(set(UserSettings.model_fields), keywords(User) | {"password_hash"})

    def test_every_keyword_of_tls_has_its_key(self) -> None:
        """What a program can tell of TLS, the file can too, or it says where else."""
        self.assertEqual(set(TLSSettings.model_fields) | set(TLSSettings.elsewhere), keywords(TLS))

    def test_every_keyword_of_a_permission_has_its_key(self) -> None:
        """What a program can tell of a permission, the file can too."""
        self.assertEqual(set(PermissionSettings.model_fields), keywords(Permission))

    def test_every_key_is_described(self) -> None:
        """No key is without a description."""
        for model in MODELS.values():
            for key, field in model.model_fields.items():
                self.assertTrue(field.description, f"{model.__name__}.{key}")


class DefaultsTests(SynchronousTestCase):
    """Tests for what holds where the file says nothing."""

    def test_limits_are_safe(self) -> None:
        """A server of the command line has bounds where a server of a program has none."""
        expected = {
            "maximum_connections": 500,
            "maximum_connections_per_host": 50,
            "connections_per_minute_per_host": 600,
            "maximum_login_attempts": 3,
            "failed_login_delay": 1,
            "idle_timeout": 300,
            "login_timeout": 60,
            "socket_timeout": 60,
            "wait_future_timeout": 10,
            "path_timeout": 60,
            "umask": 0o022,
        }
        defaults = ServerSettings()
        self.assertEqual({key: getattr(defaults, key) for key in expected}, expected)

    def test_the_rest_is_as_in_programs(self) -> None:
        """Every other default is that of the keyword."""
        defaults = ServerSettings()
        safe = {
            "maximum_connections",
            "maximum_connections_per_host",
            "connections_per_minute_per_host",
            "idle_timeout",
            "socket_timeout",
            "wait_future_timeout",
            "path_timeout",
        }
        for name, parameter in inspect.signature(Server).parameters.items():
            if name in ServerSettings.model_fields and name not in safe:
                self.assertEqual(getattr(defaults, name), parameter.default, name)

    def test_those_of_bans_are_as_in_programs(self) -> None:
        """Addresses are banned unless the file says otherwise, and as a policy of a program that says nothing."""
        self.assertEqual(BanPolicy(**BanSettings().model_dump()), BanPolicy())

    def test_those_of_tls_are_as_in_programs(self) -> None:
        """A section of TLS that says nothing of a key means what the keyword means."""
        for name, parameter in inspect.signature(TLS).parameters.items():
            field = TLSSettings.model_fields.get(name)
            if field is not None and not field.is_required():
                self.assertEqual(field.default or None, parameter.default or None, name)


class UnavailableTests(ConfigurationTestCase):
    """Tests for settled names whose features are not in this version."""

    account = '[[users]]\nbase_path = "pub"\n'

    def test_what_asks_for_nothing_passes(self) -> None:
        """A listener without TLS and without proxies may say so."""
        text = LISTENER + 'tls = "off"\nproxy_protocol = []\n' + self.account
        self.assertEqual(self.problems(text), [])

    def test_proxies_are_refused(self) -> None:
        """Whoever trusts a proxy is told that its header is not read."""
        [problem] = self.problems(LISTENER + 'proxy_protocol = ["10.0.0.0/8"]\n' + self.account)
        self.assertIn("listeners[0].proxy_protocol", problem)
        self.assertIn("not available in this version", problem)

    def test_nonsense_is_not_called_unavailable(self) -> None:
        """A word that was never a way, and what is no list, are told what would be right."""
        lines = self.problems(LISTENER + 'tls = "maybe"\nproxy_protocol = "10.0.0.0/8"\n' + self.account)
        self.assertEqual(
            lines,
            [
                'listeners[0].tls = "maybe": it wants "off", "explicit" or "implicit"',
                'listeners[0].proxy_protocol = "10.0.0.0/8": it wants an empty list, []',
            ],
        )


class SecrecyTests(ConfigurationTestCase):
    """Tests for what settings show of themselves."""

    def test_passwords_are_not_in_the_repr(self) -> None:
        """Neither a password nor a hash is in what a debugger or a traceback shows of the settings."""
        for key, secret in (("password", "geheim"), ("password_hash", HASH)):
            settings = self.settings(f'{LISTENER}[[users]]\nlogin = "a"\n{key} = "{secret}"\nbase_path = "pub"\n')
            self.assertNotIn(secret, repr(settings))
