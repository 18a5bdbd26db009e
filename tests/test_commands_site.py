# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for SITE HELP, SITE CHMOD and SITE UTIME.
"""

from __future__ import annotations

import stat

from ftpserver import Permission
from ftpserver.core.events import AttributesChanged
from tests.conversation import ConversationTestCase, user_with


class SiteTests(ConversationTestCase):
    """SITE as a whole."""

    def test_help_lists_the_commands(self) -> None:
        """SITE HELP lists what there is behind SITE, and tells of one."""
        dialogue = self.logged_in()
        self.assertEqual(dialogue.say("SITE HELP", expect=214).lines[1], "SITE CHMOD SITE HELP SITE UTIME")
        self.assertIn("octal mode", dialogue.say("SITE HELP chmod", expect=214).lines[0])
        dialogue.say("SITE HELP NOSUCH", expect=502)

    def test_unknown_commands_are_refused(self) -> None:
        """504 comes for what is not there, 501 for nothing, and 530 for either before the login."""
        dialogue = self.converse()
        dialogue.say("SITE NOSUCH", expect=530)
        dialogue.say("SITE", expect=530)
        dialogue.login()
        dialogue.say("SITE NOSUCH", expect=504)
        dialogue.say("SITE HELPX", expect=504)
        for line in ("SITE", "SITE ", "SITE  "):
            dialogue.say(line, expect=501)

    def test_case_does_not_matter(self) -> None:
        """Both words are taken in any case of letters."""
        self.logged_in().say("site help", expect=214)


class ChmodTests(ConversationTestCase):
    """SITE CHMOD."""

    def test_the_mode_is_set(self) -> None:
        """The bits are set, told and published."""
        dialogue = self.logged_in()
        node = dialogue.files.write("/a b")
        for written, bits in (("600", 0o600), ("0755", 0o755), ("0", 0), ("00000644", 0o644)):
            self.assertEqual(dialogue.say(f"SITE CHMOD {written} a b").lines, (f"The mode is {bits:04o} now.",))
            self.assertEqual(node.mode, stat.S_IFREG | bits)
        self.assertEqual(dialogue.events.of(AttributesChanged)[0].change, "UNIX.mode=0600")

    def test_what_is_no_mode_is_refused(self) -> None:
        """501 comes for more than the nine bits, and for anything but octal digits."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        for text in ("4755 a", "888 a", "rwx a", "-1 a", "u+x a", "644", "644 ", ""):
            dialogue.say(f"SITE CHMOD {text}", expect=501)
        dialogue.say("SITE CHMOD 644 missing", expect=550)

    def test_it_needs_a_right(self) -> None:
        """Who may not change attributes changes none."""
        dialogue = self.logged_in(user_with(Permission("/", attributes=False)))
        node = dialogue.files.write("/a")
        dialogue.say("SITE CHMOD 600 a", expect=550)
        dialogue.say("SITE UTIME 20200102030405 a", expect=550)
        self.assertEqual(node.mode, stat.S_IFREG | 0o644)


class UtimeTests(ConversationTestCase):
    """SITE UTIME."""

    def test_both_forms_set_the_time(self) -> None:
        """The short form has the time first, the long one has three times and UTC behind the name."""
        dialogue = self.logged_in()
        node = dialogue.files.write("/a b")
        for text, modified in (
            ("20200102030405 a b", 1577934245),
            ("202001020304 a b", 1577934240),
            ("a b 20000101000000 20200102030405 20000101000000 UTC", 1577934245),
            ("a b 20000101000000 20200102030405 20000101000000 utc", 1577934245),
        ):
            node.modified = 0
            dialogue.say(f"SITE UTIME {text}", expect=200)
            self.assertEqual(node.modified, modified, text)
        self.assertEqual(dialogue.events.of(AttributesChanged)[0].change, "modify=20200102030405")

    def test_what_is_no_time_is_refused(self) -> None:
        """501 comes for a date that is none, and without a name."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        for text in (
            "20201302030405 a",
            "2020 a",
            "x a",
            "20200102030405",
            "20200102030405 ",
            "",
            "20200102030405 a UTC",
        ):
            code = 550 if text.endswith("a UTC") else 501
            dialogue.say(f"SITE UTIME {text}", expect=code)
