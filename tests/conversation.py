# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of commands and of the control connection share.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import Permission, User
from ftpserver.testing import Dialogue

__all__ = ["ConversationTestCase", "ImageConversationTestCase", "user_with"]


def user_with(*permissions: Permission, **keywords: Any) -> list[User]:
    """Return the accounts of a server with one user, who has these permissions."""
    return [User("user", "password", permissions=permissions or None, **keywords)]


class ConversationTestCase(SynchronousTestCase):
    """A test that talks to a server in memory, and in the end finds nothing left behind."""

    def converse(self, users: Any = None, **keywords: Any) -> Dialogue:
        """Return a dialogue that has just begun."""
        dialogue = Dialogue(users, **keywords)
        self.addCleanup(self._leave, dialogue, "server" not in keywords)
        return dialogue

    def logged_in(self, users: Any = None, **keywords: Any) -> Dialogue:
        """Return a dialogue in which ``user`` is logged in."""
        dialogue = self.converse(users, **keywords)
        dialogue.login()
        return dialogue

    def _leave(self, dialogue: Dialogue, is_last: bool) -> None:
        dialogue.lose_connection()
        if is_last:
            self.assertEqual(dialogue.server.sessions, 0, "a session was left behind")
            self.assertEqual(dialogue.network.open_handles, 0, "a socket was left behind")
            self.assertEqual(dialogue.network.open_ports, [], "a data port was left behind")
            self.assertEqual(dialogue.reactor.getDelayedCalls(), [], "a timer was left behind")

    def assert_codes(self, dialogue: Dialogue, *codes: int) -> None:
        """Assert that these are the codes of the last replies."""
        self.assertEqual(dialogue.codes()[-len(codes) :], list(codes))


class ImageConversationTestCase(ConversationTestCase):
    """Dialogues in image type."""

    def logged_in(self, users: Any = None, **keywords: Any) -> Dialogue:
        """Return a dialogue in which ``user`` is logged in and the type is image."""
        dialogue = super().logged_in(users, **keywords)
        dialogue.say("TYPE I", expect=200)
        return dialogue
