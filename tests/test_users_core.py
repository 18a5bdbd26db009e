# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.users.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.paths import resolve
from ftpserver.core.users import ANONYMOUS_NAMES, Permission, Right, User

#: What *writable* stands for where no finer right is given.
FINE_RIGHTS = frozenset(Right) - {Right.READ, Right.WRITE, Right.LIST}

PLACES = st.lists(st.sampled_from("abc"), max_size=4).map(lambda names: "/" + "/".join(names))


class PermissionTests(SynchronousTestCase):
    """What may be done at a path."""

    def test_everything_by_default(self) -> None:
        """Without a word a permission is about the root and grants everything."""
        permission = Permission()
        self.assertEqual(permission.path, PurePosixPath("/"))
        for right in Right:
            self.assertIs(permission.grants(right), True, str(right))

    def test_finer_rights_follow_the_coarse_ones(self) -> None:
        """``list`` follows ``readable``, all other rights follow ``writable``."""
        reading = Permission("/", writable=False)
        writing = Permission("/", readable=False)
        for right in FINE_RIGHTS:
            self.assertEqual((reading.grants(right), writing.grants(right)), (False, True), str(right))
        for right in (Right.READ, Right.LIST):
            self.assertEqual((reading.grants(right), writing.grants(right)), (True, False), str(right))

    def test_each_finer_right_can_be_given_and_denied(self) -> None:
        """A right that is named alone differs from the others."""
        for right in FINE_RIGHTS | {Right.LIST}:
            given_alone = Permission("/", False, False, **{right.value: True})
            denied_alone = Permission("/", **{right.value: False})
            for other in FINE_RIGHTS | {Right.LIST}:
                self.assertIs(given_alone.grants(other), other is right, f"{right} given, {other}")
                self.assertIs(denied_alone.grants(other), other is not right, f"{right} denied, {other}")

    def test_nothing_granted(self) -> None:
        """A permission that denies every right hides its place; one right shows it."""
        self.assertIs(Permission("/", False, False).grants_nothing, True)
        self.assertIs(Permission("/", False, False, delete=True).grants_nothing, False)
        self.assertIs(Permission().grants_nothing, False)

    def test_parents(self) -> None:
        """A permission is about its path and everything below, compared name by name."""
        permission = Permission("/a/b")
        for other, expected in (
            ("/a/b", True),
            (PurePosixPath("/a/b/c"), True),
            (resolve("/a/b/c/d"), True),
            ("/a/bc", False),
            ("/a", False),
            ("/a/b/../c", False),
        ):
            self.assertIs(permission.is_parent(other), expected, f"for {other!r}")

    def test_equal_permissions(self) -> None:
        """Permissions compare by path and by what they grant."""
        self.assertEqual(Permission("/a", writable=False), Permission("a/", True, False, list=True))
        self.assertEqual(hash(Permission("/a")), hash(Permission("//a")))
        self.assertNotEqual(Permission("/a"), Permission("/b"))
        self.assertNotEqual(Permission("/a"), Permission("/a", delete=False))
        self.assertNotEqual(Permission("/a"), "/a")

    def test_a_permission_in_a_log(self) -> None:
        """As text a permission tells its path and what it grants."""
        self.assertEqual(repr(Permission("/a", writable=False)), "<Permission '/a': readable, list>")
        self.assertEqual(repr(Permission("/", False, False)), "<Permission '/': nothing>")

    def test_paths_that_cannot_be(self) -> None:
        """A path with CR, LF or NUL is an error."""
        for path in ("a\r", "a\n", "a\0"):
            self.assertRaises(ValueError, Permission, path)


class UserTests(SynchronousTestCase):
    """An account."""

    def test_the_anonymous_account(self) -> None:
        """Without a login the account is anonymous and only reads."""
        user = User()
        self.assertIs(user.is_anonymous, True)
        self.assertEqual(user.permissions, [Permission("/", writable=False)])
        self.assertEqual(ANONYMOUS_NAMES, {"anonymous", "ftp"})

    def test_an_account_with_a_login(self) -> None:
        """With a login everything is granted below the user's directory."""
        user = User("me", "secret", "/srv/me", "/in")
        self.assertIs(user.is_anonymous, False)
        self.assertEqual(user.permissions, [Permission()])
        self.assertEqual((user.base_path, user.home_path), (Path("/srv/me"), PurePosixPath("/in")))

    def test_positional_arguments(self) -> None:
        """All arguments may be given by position."""
        user = User("me", None, "/", "/", [Permission("/a")], 3, 10, 20.5, 30, 40)
        self.assertEqual(user.permissions, [Permission("/a")])
        self.assertEqual(user.maximum_connections, 3)
        self.assertEqual((user.read_speed_limit, user.write_speed_limit), (10, 20.5))
        self.assertEqual((user.read_speed_limit_per_connection, user.write_speed_limit_per_connection), (30, 40))

    def test_the_home_stays_inside(self) -> None:
        """A home above the root is the root."""
        self.assertEqual(User("me", home_path="../../x/..").home_path, PurePosixPath("/"))

    def test_limits_are_positive(self) -> None:
        """A limit of zero or less, or one that is no number, is an error that names it."""
        for name in (
            "maximum_connections",
            "read_speed_limit",
            "write_speed_limit",
            "read_speed_limit_per_connection",
            "write_speed_limit_per_connection",
        ):
            for value in (0, -1, float("nan")):
                limits: dict[str, Any] = {name: value}
                error = self.assertRaises(ValueError, partial(User, "me", **limits))
                self.assertIn(name, str(error))

    def test_the_password_is_never_shown(self) -> None:
        """As text an account is its login."""
        self.assertEqual(repr(User("me", "secret")), "<User 'me'>")
        self.assertEqual(repr(User(None, "secret")), "<User 'anonymous (no login)'>")


class ProtectionTests(SynchronousTestCase):
    """What an account says of TLS."""

    def test_what_must_be_protected(self) -> None:
        """Nothing by default; a word that is none is an error."""
        self.assertEqual(User().tls_required, "none")
        self.assertRaises(ValueError, User, tls_required="always")

    def test_certificates_are_a_list_of_names(self) -> None:
        """One text in place of a list would be taken for many names of one letter, and is an error."""
        self.assertEqual(User("a", certificates=["a.example.org"]).certificates, ("a.example.org",))
        self.assertRaises(ValueError, User, "a", certificates="a.example.org")


class DecisionTests(SynchronousTestCase):
    """Which permission decides."""

    def decided(self, user: User, path: str) -> Permission:
        """Return the permission that decides about *path*."""
        coroutine = user.get_permissions(path)
        stopped = self.assertRaises(StopIteration, coroutine.send, None)
        permission: Permission = stopped.value
        return permission

    def test_the_most_specific_decides(self) -> None:
        """The longest path that contains the one asked for decides, in whatever order they were given."""
        permissions = [Permission("/"), Permission("/a/b", writable=False), Permission("/a", readable=False)]
        for order in (permissions, permissions[::-1]):
            user = User("me", permissions=order)
            for path, expected in (("/x", "/"), ("/a", "/a"), ("/ab", "/"), ("/a/b/c", "/a/b"), ("/a/b/../c", "/a")):
                self.assertEqual(self.decided(user, path).path, PurePosixPath(expected), f"for {path}")

    def test_of_two_about_one_path_the_last_decides(self) -> None:
        """A later permission about the same path replaces an earlier one."""
        user = User("me", permissions=[Permission("/a"), Permission("/a", writable=False)])
        self.assertIs(self.decided(user, "/a/b").writable, False)

    def test_nothing_is_granted_where_nothing_is_said(self) -> None:
        """An empty list, or none that contains the path, denies everything."""
        for permissions in ([], [Permission("/other")]):
            user = User("me", permissions=permissions)
            self.assertIs(self.decided(user, "/a").grants_nothing, True)

    def test_permissions_below(self) -> None:
        """Moving a directory concerns the permissions about what lies in it, and not its own."""
        inside, own, outside = Permission("/a/b/c"), Permission("/a/b"), Permission("/a/bc")
        user = User("me", permissions=[Permission("/"), inside, own, outside])
        self.assertEqual(user.permissions_below(resolve("/a/b")), [inside])
        self.assertEqual(user.permissions_below(resolve("/")), [inside, own, outside])

    @given(st.lists(PLACES, max_size=6), PLACES)
    def test_the_decision_against_its_definition(self, places: list[str], path: str) -> None:
        """The permission that decides contains the path, and none that does is closer."""
        user = User("me", permissions=[Permission(place) for place in places])
        containing = [place for place in places if Permission(place).is_parent(path)]
        decided = user.permission_for(resolve(path))
        if containing:
            self.assertEqual(str(decided.path), max(containing, key=len))
        else:
            self.assertIs(decided.grants_nothing, True)
