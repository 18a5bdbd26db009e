# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what must hold between the values of a configuration.
"""

from __future__ import annotations

from .configuring import HASH, LISTENER, ConfigurationTestCase


def account(login: str | None, *lines: str) -> str:
    """Return the table of an account."""
    name = [] if login is None else [f'login = "{login}"']
    return "\n".join(["[[users]]", *name, 'base_path = "pub"', *lines, ""])


class AccountsTests(ConfigurationTestCase):
    """Tests for accounts beside each other and their passwords."""

    hashed = f'password_hash = "{HASH}"'

    def found(self, *accounts: str) -> list[str]:
        """Return what is wrong with a file of these accounts."""
        return self.problems(LISTENER + "".join(accounts))

    def test_accounts_of_all_kinds(self) -> None:
        """A hash, a password in clear, and no login at all may stand beside each other."""
        self.assertEqual(self.found(account("a", self.hashed), account("b", 'password = "geheim"'), account(None)), [])

    def test_two_accounts_of_one_login(self) -> None:
        """Both accounts that have one login are named."""
        lines = self.found(account("a", self.hashed), account("b", self.hashed), account("a", self.hashed))
        text = '].login = "a": more than one account has this login; it wants one only'
        self.assertEqual(lines, [f"users[0{text}", f"users[2{text}"])

    def test_two_anonymous_accounts(self) -> None:
        """There is one anonymous account at most."""
        text = "]: there is more than one account without a login; it wants one at most"
        self.assertEqual(self.found(account(None), account(None)), [f"users[0{text}", f"users[1{text}"])

    def test_an_account_without_a_password(self) -> None:
        """An account whose password was forgotten is not open to everybody, but an error."""
        self.assertEqual(
            self.found(account("a")),
            ["users[0] (login \"a\"): there is no password; it wants password_hash (see 'ftpserver passwd')"],
        )

    def test_an_account_with_two_passwords(self) -> None:
        """A hash and a password in clear exclude each other."""
        self.assertEqual(
            self.found(account("a", self.hashed, 'password = "geheim"')),
            ['users[0].password (login "a") = (not shown): there is password_hash too; it wants one of them'],
        )

    def test_an_anonymous_account_with_a_password(self) -> None:
        """A password without a login would protect nothing, and is an error."""
        for key, line in (("password", 'password = "geheim"'), ("password_hash", self.hashed)):
            self.assertEqual(
                self.found(account(None, line)),
                [
                    f"users[0].{key} = (not shown): the anonymous account takes any password; leave this out, or give "
                    "the account a login"
                ],
            )

    def test_two_permissions_of_one_path(self) -> None:
        """Of two permissions for one path, neither would be the more specific one."""
        lines = self.found(
            account(None, 'permissions = [ { path = "/a" }, { path = "/a/", writable = false }, {}, { path = "/b" } ]')
        )
        self.assertEqual(
            lines, ['users[0].permissions[1].path = "/a/": more than one permission has this path; it wants one only']
        )

    def test_the_default_path_counts(self) -> None:
        """A permission without a path is one for the root."""
        lines = self.found(account(None, 'permissions = [ { writable = false }, { path = "/" } ]'))
        self.assertEqual(len(lines), 1)
        self.assertIn("users[0].permissions[1].path", lines[0])

    def test_what_is_no_path_is_told_once(self) -> None:
        """Two permissions whose paths are no texts are two errors of their own, not one path twice."""
        lines = self.found(account(None, "permissions = [ { path = 3 }, { path = 4 } ]"))
        self.assertEqual(
            [line.partition(" = ")[0] for line in lines], [f"users[0].permissions[{n}].path" for n in (0, 1)]
        )
