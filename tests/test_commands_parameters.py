# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for TYPE, MODE, STRU, REST, ALLO and OPTS.
"""

from __future__ import annotations

from tests.conversation import ConversationTestCase

#: Numbers that are none, or that are beyond what a file can hold.
NO_NUMBERS = ("-1", "+1", "1e3", "1_000", "abc", "0x10", "1.5", "\u0661", "1 2", "99999999999999999999", str(2**63))


class TypeTests(ConversationTestCase):
    """TYPE, MODE and STRU."""

    def test_ascii_and_image_are_the_types(self) -> None:
        """Both types are taken in each of their spellings."""
        dialogue = self.logged_in()
        for text, shown in (("A", "A"), ("A N", "A N"), ("a n", "A N"), ("I", "I"), ("i", "I"), ("L 8", "L 8")):
            self.assertEqual(dialogue.say(f"TYPE {text}", expect=200).lines, (f"The type is {shown} now.",))

    def test_other_types_are_refused(self) -> None:
        """504 comes for a type that is not provided, and the type stays as it was."""
        dialogue = self.logged_in()
        dialogue.say("TYPE I", expect=200)
        for text in ("A T", "A C", "A Q", "E", "L 7", "L 36", "Z", "I N", "AN"):
            dialogue.say(f"TYPE {text}", expect=504)
        for text in (" L", " ", ""):
            dialogue.say(f"TYPE{text}", expect=501)
        self.assertIn("the type is I", dialogue.say("STAT").lines[2])

    def test_the_type_converts_line_ends(self) -> None:
        """Files are sent and stored with converted line ends in ASCII and as they are in image."""
        dialogue = self.logged_in()
        dialogue.upload("STOR a", b"1\r\n2\r\n")
        self.assertEqual(dialogue.files.read("/a"), b"1\n2\n")
        self.assertEqual(dialogue.download("RETR a"), b"1\r\n2\r\n")
        dialogue.say("TYPE L 8", expect=200)
        self.assertEqual(dialogue.download("RETR a"), b"1\n2\n")
        dialogue.upload("STOR a", b"1\r\n2\r\n")
        self.assertEqual(dialogue.files.read("/a"), b"1\r\n2\r\n")

    def test_stream_is_the_mode(self) -> None:
        """MODE S is taken, and no other."""
        dialogue = self.logged_in()
        for text, code in (("S", 200), ("s", 200), ("B", 504), ("C", 504), ("Z", 504), ("Q", 504)):
            dialogue.say(f"MODE {text}", expect=code)

    def test_file_is_the_structure(self) -> None:
        """STRU F is taken, and no other."""
        dialogue = self.logged_in()
        for text, code in (("F", 200), ("f", 200), ("R", 504), ("P", 504), ("Q", 504)):
            dialogue.say(f"STRU {text}", expect=code)


class RestTests(ConversationTestCase):
    """REST."""

    def test_a_download_starts_at_the_offset(self) -> None:
        """RETR after REST sends the rest of the file, and the next one all of it."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        dialogue.say("TYPE I", expect=200)
        dialogue.say("REST 4", expect=350)
        self.assertEqual(dialogue.download("RETR a"), b"456789")
        self.assertEqual(dialogue.download("RETR a"), b"0123456789")

    def test_other_commands_keep_the_offset(self) -> None:
        """Clients may send PASV, TYPE and NOOP between REST and RETR."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        for way in ("EPSV", "PASV", "PORT", "EPRT"):
            dialogue.say("REST 4", expect=350)
            dialogue.say("TYPE I", expect=200)
            dialogue.say("NOOP", expect=200)
            self.assertEqual(dialogue.download("RETR a", agree=way), b"456789")

    def test_zero_clears_the_offset(self) -> None:
        """REST 0 makes the next transfer start at the beginning."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        dialogue.say("REST 4", expect=350)
        dialogue.say("REST 0", expect=350)
        self.assertEqual(dialogue.download("RETR a"), b"0123456789")

    def test_a_refused_transfer_uses_the_offset_up(self) -> None:
        """After a transfer that was refused the next one starts at the beginning."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        dialogue.say("TYPE I")
        dialogue.say("REST 4", expect=350)
        dialogue.download("RETR missing", expect=550)
        self.assertEqual(dialogue.download("RETR a"), b"0123456789")

    def test_what_is_no_offset_is_refused(self) -> None:
        """Only the digits 0 to 9 make an offset, and it is one that a file can have."""
        dialogue = self.logged_in()
        for text in (*NO_NUMBERS, ""):
            dialogue.say(f"REST {text}", expect=501)
        dialogue.say(f"REST {2**63 - 1}", expect=350)


class AlloTests(ConversationTestCase):
    """ALLO."""

    def test_a_size_is_superfluous(self) -> None:
        """Room needs no announcement."""
        dialogue = self.logged_in()
        for text in ("0", "1000", "1000 R 80", "1000 r 80"):
            dialogue.say(f"ALLO {text}", expect=202)

    def test_what_is_no_size_is_refused(self) -> None:
        """501 comes for what is no number, and 552 for one that no file can have."""
        dialogue = self.logged_in()
        for text in ("", "-1", "abc", "1 R", "1 R x", "1 Q 2", "1 R 2 3", "1  R 2"):
            dialogue.say(f"ALLO {text}", expect=501)
        dialogue.say(f"ALLO {2**63}", expect=552)
        dialogue.say(f"ALLO 1 R {2**63}", expect=552)


class OptsTests(ConversationTestCase):
    """OPTS MLST and OPTS UTF8."""

    def test_facts_can_be_chosen(self) -> None:
        """The reply, FEAT and MLST show the facts that were asked for, and unknown ones are dropped."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"12345")
        reply = dialogue.say("OPTS MLST size;nosuch;TYPE;", expect=200)
        self.assertEqual(reply.lines, ("MLST OPTS type;size;",))
        self.assertEqual(dialogue.say("MLST a", expect=250).lines[1], "type=file;size=5; /a")
        features = dialogue.say("FEAT", expect=211).lines
        self.assertIn("MLST type*;size*;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;", features)

    def test_no_fact_at_all_can_be_chosen(self) -> None:
        """Without facts a line is a blank and the name."""
        dialogue = self.logged_in()
        self.assertEqual(dialogue.say("OPTS MLST", expect=200).lines, ("MLST OPTS",))
        self.assertEqual(dialogue.say("MLST /", expect=250).lines[1], " /")

    def test_what_is_no_list_of_facts_is_refused(self) -> None:
        """501 comes unless each fact is followed by a semicolon."""
        dialogue = self.converse()
        for text in ("size", "size; type;", ";", "size;;"):
            dialogue.say(f"OPTS MLST {text}", expect=501)

    def test_names_are_utf8(self) -> None:
        """Clients may say that they use UTF-8, before and after the login, and may not say the opposite."""
        dialogue = self.converse()
        for verb in ("OPTS UTF8", "OPTS UTF-8", "opts utf8"):
            for text, code in ((" ON", 200), (" on", 200), ("", 200), (" NLST", 200), (" OFF", 504), (" x", 504)):
                dialogue.say(verb + text, expect=code)
        dialogue.login()
        dialogue.say("OPTS UTF8 ON", expect=200)

    def test_another_encoding_is_not_utf8(self) -> None:
        """A server with another encoding says so, and has no such feature."""
        dialogue = self.logged_in(encoding="latin-1")
        dialogue.say("OPTS UTF8 ON", expect=504)
        dialogue.say("OPTS UTF8 OFF", expect=200)
        self.assertNotIn("UTF8", dialogue.say("FEAT").lines)

    def test_unknown_options_are_refused(self) -> None:
        """501 comes for options of a command that has none."""
        dialogue = self.converse()
        for text in ("", " ", " RETR", " NOSUCH x"):
            dialogue.say(f"OPTS{text}", expect=501)
