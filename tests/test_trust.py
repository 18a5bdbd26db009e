# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.trust`: whether the permissions of an account are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.paths import VirtualPath
from ftpserver.core.users import Permission, User
from ftpserver.pathio.trust import Trust, trust_nobody


class Asking(User):
    """An account that asks somewhere else."""

    async def get_permissions(self, path: str | PurePath | VirtualPath) -> Permission:
        """Ask."""
        return Permission()


class Deciding(User):
    """An account that decides on its own."""

    def permission_for(self, path: VirtualPath) -> Permission:
        """Decide."""
        return Permission()


class Secretive(User):
    """An account that does not tell which rules it has."""

    def permissions_below(self, path: VirtualPath) -> Sequence[Permission]:
        """Tell nothing."""
        return ()


class TrustTests(SynchronousTestCase):
    """Only where permissions are the same at every path is the spelling of a name no matter."""

    def test_rules_about_the_root_alone_are_the_same_everywhere(self) -> None:
        """So are none."""
        for permissions in (None, [], [Permission("/")], [Permission("/", writable=False)]):
            self.assertTrue(Trust(User("alice", permissions=permissions))(), permissions)
        self.assertTrue(Trust(User())())

    def test_a_rule_below_the_root_matters(self) -> None:
        """Whatever it grants."""
        for readable in (True, False):
            user = User("alice", permissions=[Permission("/"), Permission("/secret", readable=readable)])
            self.assertFalse(Trust(user)())

    def test_who_decides_in_another_way_may_have_rules_for_any_path(self) -> None:
        """Nothing is known of what such an account answers, be it by its class or on its own."""
        for kind in (Asking, Deciding, Secretive):
            self.assertFalse(Trust(kind("alice"))(), kind)
        user = User("alice")
        self.patch(user, "get_permissions", Asking("alice").get_permissions)
        self.assertFalse(Trust(user)())
        self.assertFalse(Trust(object())())

    def test_a_rule_that_comes_later_counts_at_once(self) -> None:
        """An account may get rules while it is logged in, in its list or with a new one."""
        user = User("alice")
        trust = Trust(user)
        self.assertTrue(trust())
        secret = Permission("/secret", readable=False)
        user.permissions.append(secret)
        self.assertFalse(trust())
        user.permissions = [Permission("/"), secret]
        self.assertFalse(trust())

    def test_nobody_is_trusted_unless_told(self) -> None:
        """The usual answer of a store without a server."""
        self.assertFalse(trust_nobody())
