# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests that programs written for the server side of aioftp find every name and keyword that they use.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path, PurePosixPath
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import ftpserver
from ftpserver.awaiting import as_deferred
from ftpserver.core.users import Right
from ftpserver.testing import Dialogue

KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
POSITIONAL_OR_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD

#: The keywords of Server with their defaults. block_size is larger on purpose; welcome_message came later there.
SERVER_KEYWORDS: dict[str, object] = {
    "block_size": 262144,
    "socket_timeout": None,
    "idle_timeout": None,
    "wait_future_timeout": 1,
    "path_timeout": None,
    "path_io_factory": ftpserver.PathIO,
    "maximum_connections": None,
    "read_speed_limit": None,
    "write_speed_limit": None,
    "read_speed_limit_per_connection": None,
    "write_speed_limit_per_connection": None,
    "ipv4_pasv_forced_response_address": None,
    "data_ports": None,
    "encoding": "utf-8",
    "ssl": None,
    "welcome_message": None,
}

#: What User takes, in this order, and what an instance has then.
USER_PARAMETERS: dict[str, object] = {
    "login": None,
    "password": None,
    "base_path": Path(),
    "home_path": PurePosixPath("/"),
    "permissions": [ftpserver.Permission("/", readable=True, writable=False)],
    "maximum_connections": None,
    "read_speed_limit": None,
    "write_speed_limit": None,
    "read_speed_limit_per_connection": None,
    "write_speed_limit_per_connection": None,
}

#: Fields of a connection that commands written for that library ask for.
CONNECTION_FIELDS = {
    "acquired",
    "block_size",
    "client_host",
    "client_port",
    "current_directory",
    "data_connection",
    "encoding",
    "idle_timeout",
    "logged",
    "passive_server",
    "path_io",
    "path_timeout",
    "rename_from",
    "restart_offset",
    "server_host",
    "server_port",
    "socket_timeout",
    "transfer_type",
    "user",
    "wait_future_timeout",
}


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of *function* without ``self``."""
    return {name: one for name, one in inspect.signature(function).parameters.items() if name != "self"}


class NamesTests(SynchronousTestCase):
    def test_every_name_is_there(self) -> None:
        """Each name of the seed API is public under its own spelling."""
        for name in (
            "AbstractUserManager",
            "AvailableConnections",
            "Connection",
            "ConnectionConditions",
            "MemoryUserManager",
            "PathConditions",
            "PathIO",
            "PathPermissions",
            "Permission",
            "Server",
            "User",
            "worker",
        ):
            self.assertIn(name, ftpserver.__all__)
            self.assertTrue(hasattr(ftpserver, name), name)

    def test_the_conditions_have_their_constants(self) -> None:
        """Each decorator names what it can ask for, one value each."""
        for decorator, constants in (
            (
                ftpserver.ConnectionConditions,
                "user_required login_required passive_server_started data_connection_made rename_from_required",
            ),
            (ftpserver.PathConditions, "path_must_exists path_must_not_exists path_must_be_dir path_must_be_file"),
            (ftpserver.PathPermissions, "readable writable"),
        ):
            values = [getattr(decorator, name) for name in constants.split()]
            self.assertEqual(len(set(values)), len(values), decorator)


class DecoratorsTests(SynchronousTestCase):
    def test_they_annotate_in_any_order(self) -> None:
        """The four decorators note what they ask for on a command and leave the function itself alone."""

        async def function(connection: ftpserver.Connection, path: ftpserver.VirtualPath) -> ftpserver.Reply:
            return ftpserver.reply(200, "Okay.")

        decorators: list[Callable[[Any], Any]] = [
            ftpserver.ConnectionConditions(
                ftpserver.ConnectionConditions.login_required, ftpserver.ConnectionConditions.passive_server_started
            ),
            ftpserver.PathConditions(ftpserver.PathConditions.path_must_exists),
            ftpserver.PathPermissions(ftpserver.PathPermissions.readable, ftpserver.PathPermissions.writable),
            ftpserver.worker,
        ]
        rows = []
        for order in (decorators, decorators[::-1]):
            target: Any = function
            for decorator in order:
                target = decorator(target)
                self.assertIs(target, function)
            rows.append(ftpserver.command("XTEST", argument=ftpserver.Argument.PATH)(target))
        for row in rows:
            self.assertEqual([one.name for one in row.conditions[:2]], ["login_required", "passive_server_started"])
            self.assertEqual(row.rights[:2], (frozenset({Right.READ}), frozenset({Right.WRITE})))
            self.assertEqual(row.path_conditions[0], ftpserver.PathConditions.path_must_exists)
            self.assertTrue(row.is_abortable)


class ServerTests(SynchronousTestCase):
    def test_the_keywords_have_their_names_and_defaults(self) -> None:
        """Server takes the users by position or keyword, and everything else by keyword."""
        found = parameters(ftpserver.Server.__init__)
        self.assertEqual(next(iter(found)), "users")
        self.assertEqual((found["users"].kind, found["users"].default), (POSITIONAL_OR_KEYWORD, None))
        for name, default in SERVER_KEYWORDS.items():
            self.assertEqual((found[name].kind, found[name].default), (KEYWORD_ONLY, default), name)

    def test_every_keyword_is_taken(self) -> None:
        """A server with a value for each keyword can be made."""
        ftpserver.Server(
            users=[ftpserver.User()],
            block_size=8192,
            socket_timeout=1.0,
            idle_timeout=1.0,
            wait_future_timeout=1.0,
            path_timeout=1.0,
            path_io_factory=ftpserver.MemoryPathIO,
            maximum_connections=1,
            read_speed_limit=1,
            write_speed_limit=1,
            read_speed_limit_per_connection=1,
            write_speed_limit_per_connection=1,
            ipv4_pasv_forced_response_address="192.0.2.1",
            data_ports=range(20000, 20100),
            encoding="latin-1",
            ssl=None,
            welcome_message="Welcome.",
        )

    def test_users_are_a_list_or_a_manager(self) -> None:
        """A list of users, a manager, and nothing at all all make a server; nothing is anonymous reading."""
        manager = ftpserver.MemoryUserManager([ftpserver.User("alice", "secret")])
        self.assertIs(ftpserver.Server(manager).users, manager)
        for users, login, may_write in (([ftpserver.User("alice")], "alice", True), (None, "anonymous", False)):
            found = as_deferred(ftpserver.Server(users).users.get_user(login))
            _, user, _ = self.successResultOf(found)
            permission = self.successResultOf(as_deferred(user.get_permissions("/")))
            self.assertEqual((permission.readable, permission.writable), (True, may_write), login)

    def test_its_life_has_the_methods(self) -> None:
        """start and run take host, port and further keywords; serve_forever and close take nothing."""
        for method in (ftpserver.Server.start, ftpserver.Server.run):
            found = parameters(method)
            self.assertEqual(list(found), ["host", "port", "kwargs"])
            self.assertEqual([found[name].default for name in ("host", "port")], [None, 0])
            self.assertEqual([found[name].kind for name in ("host", "port")], [POSITIONAL_OR_KEYWORD] * 2)
        for without in (ftpserver.Server.serve_forever, ftpserver.Server.close):
            self.assertEqual(parameters(without), {})
        self.assertIsInstance(inspect.getattr_static(ftpserver.Server, "address"), property)

    def test_an_unknown_keyword_of_start_is_an_error(self) -> None:
        """What start cannot honour it refuses, where that library hands it on to asyncio."""
        server = ftpserver.Server()
        self.assertRaises(TypeError, lambda: server.start(reuse_port=True))
        self.failureResultOf(server.run(reuse_port=True), TypeError)

    def test_there_is_no_address_before_the_start(self) -> None:
        """A server that does not listen has no address."""
        self.assertRaises(RuntimeError, lambda: ftpserver.Server().address)


class AccountsTests(SynchronousTestCase):
    def test_user_takes_everything_by_position_and_by_keyword(self) -> None:
        """The parameters of User have the order, the names and the defaults of the seed API."""
        names = list(parameters(ftpserver.User.__init__))
        self.assertEqual(names[: len(USER_PARAMETERS)], list(USER_PARAMETERS))
        plain = ftpserver.User()
        for name, default in USER_PARAMETERS.items():
            self.assertEqual(getattr(plain, name), default, name)
        permissions = [ftpserver.Permission("/a")]
        values = ("alice", "secret", Path("/srv"), PurePosixPath("/a"), permissions, 1, 2, 3, 4, 5)
        for user in (ftpserver.User(*values), ftpserver.User(**dict(zip(USER_PARAMETERS, values, strict=True)))):  # type: ignore[arg-type]
            self.assertEqual(tuple(getattr(user, name) for name in USER_PARAMETERS), values)

    def test_permission_takes_everything_by_position_and_by_keyword(self) -> None:
        """A permission is a path, readable and writable; both by default, at the root."""
        for permission in (ftpserver.Permission("/a", False, True), ftpserver.Permission(path="/a", readable=False)):
            self.assertEqual(
                (permission.path, permission.readable, permission.writable), (PurePosixPath("/a"), False, True)
            )
        plain = ftpserver.Permission()
        self.assertEqual((plain.path, plain.readable, plain.writable), (PurePosixPath("/"), True, True))

    def test_a_permission_covers_what_is_below(self) -> None:
        """is_parent compares name by name, and takes the path itself for covered."""
        permission = ftpserver.Permission("/a")
        for path, expected in [("/a", True), ("/a/b", True), ("/ab", False), ("/", False)]:
            self.assertEqual(permission.is_parent(PurePosixPath(path)), expected, path)

    def test_a_user_answers_the_permission_of_a_path(self) -> None:
        """get_permissions is awaited and answers the nearest permission."""
        below = ftpserver.Permission("/a", writable=False)
        user = ftpserver.User("alice", permissions=[ftpserver.Permission("/"), below])
        self.assertIs(self.successResultOf(as_deferred(user.get_permissions(PurePosixPath("/a/b")))), below)

    def test_the_managers_have_the_methods(self) -> None:
        """The abstract manager and the one in memory have the three methods and the three answers."""
        answers = ftpserver.AbstractUserManager.GetUserResponse
        self.assertTrue(issubclass(answers, enum.Enum))
        self.assertEqual(
            {one.name: one.value for one in answers},
            {"OK": "ok", "PASSWORD_REQUIRED": "password_required", "ERROR": "error"},
        )
        self.assertTrue(issubclass(ftpserver.MemoryUserManager, ftpserver.AbstractUserManager))
        for kind in (ftpserver.AbstractUserManager, ftpserver.MemoryUserManager):
            self.assertIs(kind.GetUserResponse, answers)
            self.assertEqual(list(parameters(kind.get_user)), ["login"])
            self.assertEqual(list(parameters(kind.authenticate)), ["user", "password"])
            self.assertEqual(list(parameters(kind.notify_logout)), ["user"])
        found = parameters(ftpserver.MemoryUserManager.__init__)
        self.assertEqual(list(found)[:2], ["users", "timeout"])
        self.assertIsNone(found["timeout"].default)


class AvailableConnectionsTests(SynchronousTestCase):
    def test_it_counts(self) -> None:
        """It is locked when every place is taken, and crossing a bound is an error that changes nothing."""
        for places in (ftpserver.AvailableConnections(1), ftpserver.AvailableConnections(value=1)):
            self.assertFalse(places.locked())
            places.acquire()
            self.assertTrue(places.locked())
            self.assertRaises(ValueError, places.acquire)
            places.release()
            self.assertFalse(places.locked())
            self.assertRaises(ValueError, places.release)

    def test_without_a_number_it_is_never_locked(self) -> None:
        """None is no limit, and the default."""
        for places in (ftpserver.AvailableConnections(), ftpserver.AvailableConnections(None)):
            for _ in range(1000):
                places.acquire()
            self.assertFalse(places.locked())


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = Dialogue().protocol.connection

    def test_it_is_a_mapping_of_its_fields(self) -> None:
        """Every declared field can be read as an item and as an attribute, and the two agree."""
        self.assertIsInstance(self.connection, Mapping)
        self.assertIsInstance(self.connection, MutableMapping)
        self.assertEqual(CONNECTION_FIELDS - set(self.connection), set())
        for name in CONNECTION_FIELDS:
            self.assertEqual(self.connection[name], getattr(self.connection, name), name)
        self.assertEqual(len(list(self.connection)), len(self.connection))

    def test_an_item_that_is_set_is_the_field(self) -> None:
        """Writing an item writes the field."""
        self.connection["restart_offset"] = 7
        self.assertEqual(self.connection.restart_offset, 7)

    def test_an_unknown_name_is_an_error(self) -> None:
        """A misspelt name is an error, where that library makes a future that never fires."""
        self.assertNotIn("usr", self.connection)
        self.assertRaises(KeyError, lambda: self.connection["usr"])
        self.assertRaises(KeyError, self.connection.__setitem__, "usr", None)
        self.assertRaises(AttributeError, lambda: getattr(self.connection, "usr"))  # noqa: B009 - mypy knows it, too
        self.assertNotIsInstance(self.connection["user"], Deferred)
