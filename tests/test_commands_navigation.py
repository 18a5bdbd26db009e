# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for CWD, CDUP, PWD and their X-forms.
"""

from __future__ import annotations

from ftpserver import Permission
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase, user_with


def directory(dialogue: Dialogue, verb: str = "PWD") -> str:
    """Return the current directory, its quotes undone."""
    text = dialogue.say(verb, expect=257).lines[0]
    return text[1 : text.rindex('"')].replace('""', '"')


class NavigationTests(ConversationTestCase):
    """The current directory."""

    def test_the_current_directory_changes(self) -> None:
        """CWD goes down and up, and PWD shows where."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a/b")
        for path, shown in (("a", "/a"), ("b", "/a/b"), ("..", "/a"), ("/a/b/", "/a/b"), (".", "/a/b"), ("/", "/")):
            dialogue.say(f"CWD {path}", expect=250)
            self.assertEqual(directory(dialogue), shown)

    def test_the_parent_of_the_root_is_the_root(self) -> None:
        """No path and no CDUP leads above the root."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a")
        for line in ("CDUP", "CWD ..", "CWD /../..", "CWD a/../../..", "CWD //..//."):
            dialogue.say(line, expect=250)
            self.assertEqual(directory(dialogue), "/")
        dialogue.say("CWD a")
        dialogue.say("CDUP", expect=250)
        self.assertEqual(directory(dialogue), "/")

    def test_what_is_no_directory_is_refused(self) -> None:
        """A missing directory, a file and a path without end are refused, and the directory stays."""
        dialogue = self.logged_in()
        dialogue.files.write("/f")
        for path, code in (("missing", 550), ("f", 550), ("f/x", 550), ("x" * 5000, 501), ("a\0b", 550)):
            dialogue.say(f"CWD {path}", expect=code)
        self.assertEqual(directory(dialogue), "/")

    def test_quotes_are_doubled(self) -> None:
        """A quote in the name of the directory is doubled in the reply."""
        dialogue = self.logged_in()
        dialogue.files.make_directory('/say "hi"')
        dialogue.say('CWD say "hi"', expect=250)
        self.assertEqual(dialogue.say("PWD").lines[0], '"/say ""hi""" is the current directory.')
        self.assertEqual(directory(dialogue), '/say "hi"')

    def test_the_x_forms_are_the_same(self) -> None:
        """XCWD, XCUP and XPWD do what the commands without the X do."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a/b")
        dialogue.say("XCWD a/b", expect=250)
        dialogue.say("XCUP", expect=250)
        self.assertEqual(directory(dialogue, "XPWD"), "/a")

    def test_a_forbidden_directory_looks_missing(self) -> None:
        """The reply is the same for what must not be seen and for what is not there."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/hidden", readable=False, writable=False)))
        dialogue.files.make_directory("/hidden")
        self.assertEqual(dialogue.say("CWD hidden", expect=550), dialogue.say("CWD missing", expect=550))
        self.assertEqual(dialogue.say("CWD hidden/deeper", expect=550), dialogue.say("CWD missing", expect=550))

    def test_a_forbidden_parent_is_refused(self) -> None:
        """CDUP asks for the right to be in the parent."""
        permissions = [Permission("/", readable=False, writable=False), Permission("/home")]
        dialogue = self.converse(user_with(*permissions, home_path="/home"))
        dialogue.files.make_directory("/home")
        dialogue.login()
        dialogue.say("CDUP", expect=550)
        self.assertEqual(directory(dialogue), "/home")

    def test_a_directory_that_is_gone_is_survived(self) -> None:
        """When the current directory was removed, commands in it fail and others work."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a")
        dialogue.say("CWD a", expect=250)
        dialogue.files.root.children.clear()
        dialogue.say("MLST", expect=550)
        dialogue.download("LIST", expect=550)
        dialogue.say("CDUP", expect=250)
        self.assertEqual(dialogue.download("NLST"), b"")
