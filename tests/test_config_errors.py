# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the messages about a wrong configuration.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.config.errors import ConfigurationError, Place, Problem, key_path, shown, unknown_key


class KeyPathTests(SynchronousTestCase):
    """Tests for the names of places."""

    def test_keys_and_indexes(self) -> None:
        """A place is written as in most languages, with quotes where TOML needs them."""
        table: list[tuple[Place, str]] = [
            (("server", "idle_timeout"), "server.idle_timeout"),
            (("users", 1, "base_path"), "users[1].base_path"),
            (("users", 0, "permissions", 2, "path"), "users[0].permissions[2].path"),
            (("server", "a b"), 'server."a b"'),
            (("a\x1bb",), '"a\\u001bb"'),
        ]
        for place, expected in table:
            self.assertEqual(key_path(place), expected)


class ShownTests(SynchronousTestCase):
    """Tests for the values in messages."""

    def test_values_are_written_as_in_the_file(self) -> None:
        """Texts have quotes, truth values are those of TOML, lists are lists, tables are not shown."""
        table: list[tuple[object, str]] = [
            ("soon", '"soon"'),
            ("größer", '"größer"'),
            ("a\nb\x1b", '"a\\nb\\u001b"'),
            (True, "true"),
            (3, "3"),
            ([1, "a", {"b": 1}], '[1, "a", (a table)]'),
            ({"password": "geheim"}, "(a table)"),
        ]
        for value, expected in table:
            self.assertEqual(shown(value, ("server", "x")), expected)

    def test_long_values_are_cut(self) -> None:
        """A long value is cut to the length of a line."""
        text = shown("x" * 1000, ("server", "x"))
        self.assertEqual((len(text), text[-3:]), (80, "..."))

    def test_secrets_are_not_shown(self) -> None:
        """A value whose place says that it may be a secret is not shown, whatever kind of value it is."""
        places: list[Place] = [
            ("users", 0, "password"),
            ("users", 0, "password_hash"),
            ("users", 0),
            ("users",),
            ("passwort",),
            ("server", "Secret"),
        ]
        for place in places:
            for value in ("geheim", 31337, ["geheim"]):
                self.assertEqual(shown(value, place), "(not shown)", repr((place, value)))

    def test_files_of_keys_are_shown(self) -> None:
        """The name of a key file is shown; the key itself, put there by mistake, is not, wherever it stands."""
        place: Place = ("tls", "private_key")
        self.assertEqual(shown("/etc/live/privkey.pem", place), '"/etc/live/privkey.pem"')
        for value in ("-----BEGIN PRIVATE KEY-----", "a\nb", "MC4CAQAwBQYDK2VwBCIEIGdlaGVpbWdlaGVpbWdlaGVp", 3):
            self.assertEqual(shown(value, place), "(not shown)", repr(value))
        self.assertEqual(shown(["-----BEGIN RSA PRIVATE KEY-----"], ("tls", "ciphers")), "[(not shown)]")


class UnknownKeyTests(SynchronousTestCase):
    """Tests for keys that there are not."""

    def test_the_nearest_key_is_proposed(self) -> None:
        """A misspelt key is answered with the one that was meant."""
        problem = unknown_key(("server", "idel_timeout"), 3, ["idle_timeout", "login_timeout"])
        self.assertEqual(str(problem), "server.idel_timeout = 3: unknown key; did you mean idle_timeout?")

    def test_all_keys_are_listed_where_none_is_near(self) -> None:
        """A key that resembles none is answered with all of them."""
        problem = unknown_key(("listeners", 0, "zzz"), 3, ["tls", "endpoint"])
        self.assertEqual(str(problem), "listeners[0].zzz = 3: unknown key; the keys here are endpoint, tls")

    def test_values_that_may_be_passwords_are_not_shown(self) -> None:
        """The value of an unknown key is not shown in an account, nor where a secret was meant."""
        places: list[Place] = [("users", 0, "zzz"), ("server", "pasword_hash"), ("server", "asswor")]
        for place in places:
            self.assertEqual(unknown_key(place, "geheim", ["password"]).value, "(not shown)", repr(place))


class ProblemTests(SynchronousTestCase):
    """Tests for one line of the message."""

    def test_the_login_is_named(self) -> None:
        """A problem of an account whose login is known names it."""
        problem = Problem(("users", 1, "base_path"), "wrong", '"/x"', "bob")
        self.assertEqual(str(problem), 'users[1].base_path (login "bob") = "/x": wrong')

    def test_a_missing_value_is_not_shown(self) -> None:
        """A problem of something that is missing shows no value."""
        self.assertEqual(str(Problem(("users",), "this is missing")), "users: this is missing")


class ConfigurationErrorTests(SynchronousTestCase):
    """Tests for the whole message."""

    def test_all_problems_have_a_line_each(self) -> None:
        """The message counts the errors and names each on its own line."""
        error = ConfigurationError("f.toml", [Problem(("a",), "wrong"), "also wrong"])
        self.assertEqual(str(error), "f.toml: 2 errors, nothing was started\n  a: wrong\n  also wrong")

    def test_one_problem_is_no_plural(self) -> None:
        """A single error is called so."""
        self.assertEqual(str(ConfigurationError("f.toml", ["x"])), "f.toml: 1 error, nothing was started\n  x")
