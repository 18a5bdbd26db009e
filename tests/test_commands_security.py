# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for AUTH, PBSZ, PROT and CCC.
"""

from __future__ import annotations

from ftpserver import User
from ftpserver.core.events import LoggedOut, Secured
from ftpserver.core.session import Protection
from tests.tls_dialogue import SecureDialogue, SecureTestCase, make_tls


class AuthTests(SecureTestCase):
    """AUTH begins TLS."""

    def test_tls_begins_behind_the_reply(self) -> None:
        """234 is the last reply in clear, and commands go on under TLS."""
        for mechanism in ("TLS", "tls", "TLS-C", "SSL"):
            dialogue = self.open()
            dialogue.say(f"AUTH {mechanism}", expect=234)
            dialogue.begin_tls()
            dialogue.say("NOOP", expect=200)
            self.assertEqual(dialogue.events.of(Secured)[0].version, "TLSv1.3")

    def test_other_mechanisms_are_refused(self) -> None:
        """504 comes for what is not TLS, and the session goes on in clear."""
        dialogue = self.open()
        dialogue.say("AUTH KERBEROS_V4", expect=504)
        dialogue.say("AUTH", expect=501)
        dialogue.login()

    def test_once_is_enough(self) -> None:
        """There is no TLS within TLS."""
        self.secured().say("AUTH TLS", expect=503)

    def test_the_session_starts_again(self) -> None:
        """A login that there was has ended, with all of its parameters."""
        dialogue = self.open()
        dialogue.login()
        dialogue.secure()
        self.assertEqual(len(dialogue.events.of(LoggedOut)), 1)
        dialogue.say("PWD", expect=530)
        dialogue.login()

    def test_what_came_in_clear_is_forgotten(self) -> None:
        """Nothing that stands behind AUTH in the same segment is run."""
        dialogue = self.open()
        dialogue.send(b"AUTH TLS\r\nUSER user\r\nPASS pass")
        self.assertEqual(dialogue.codes(), [220, 234])
        dialogue.begin_tls()
        dialogue.send(b"word\r\n")
        self.assertEqual(dialogue.codes(), [220, 234, 500])
        dialogue.say("PASS password", expect=503)

    def test_a_quit_in_clear_is_forgotten_too(self) -> None:
        """What waited behind a transfer together with AUTH was never said, and the session goes on under TLS."""
        dialogue = self.open()
        dialogue.login()
        dialogue.files.write("/kept", b"octets")
        connection = dialogue.agree()
        dialogue.send(b"STOR new\r\n")
        dialogue.send(b"AUTH TLS\r\nDELE kept\r\nQUIT\r\n")
        connection.end()
        dialogue.advance(0)
        self.assert_codes(dialogue, 150, 226, 234)
        dialogue.begin_tls()
        dialogue.say("NOOP", expect=200)
        self.assertEqual(dialogue.files.read("/kept"), b"octets")

    def test_without_tls_it_is_not_there(self) -> None:
        """A server without TLS, or a port without it, knows none of the commands and tells none in FEAT."""
        for dialogue in (self.converse(), self.open(mode="off")):
            dialogue.say("AUTH TLS", expect=502)
            self.assertNotIn("AUTH", str(dialogue.say("FEAT", expect=211)))
        self.assertIn("AUTH TLS", str(self.open().say("FEAT", expect=211)))


class LevelTests(SecureTestCase):
    """PBSZ and PROT choose the protection of data connections."""

    def level(self, dialogue: SecureDialogue) -> Protection:
        """Return what is protected."""
        return dialogue.protocol.connection.session.protection

    def test_in_clear_they_are_out_of_sequence(self) -> None:
        """503 comes before TLS has begun."""
        dialogue = self.open()
        dialogue.say("PBSZ 0", expect=503)
        dialogue.say("PROT P", expect=503)

    def test_the_size_is_always_zero(self) -> None:
        """Whatever number comes, 0 is agreed; what is no number of 32 bits is a syntax error."""
        dialogue = self.secured()
        for size in ("0", "1000", "4294967295"):
            self.assertEqual(dialogue.say(f"PBSZ {size}", expect=200).lines, ("PBSZ=0",))
        for size in ("x", "-1", "4294967296"):
            dialogue.say(f"PBSZ {size}", expect=501)

    def test_the_size_comes_first(self) -> None:
        """PROT before PBSZ is out of sequence."""
        self.secured().say("PROT P", expect=503)

    def test_levels(self) -> None:
        """C and P are there, S and E are not for TLS, and others are unknown."""
        dialogue = self.secured()
        dialogue.say("PBSZ 0", expect=200)
        for level, code in (("P", 200), ("S", 536), ("E", 536), ("Q", 504), ("c", 200)):
            dialogue.say(f"PROT {level}", expect=code)
        self.assertIs(self.level(dialogue), Protection.COMMANDS_SIZED)
        dialogue.say("PROT P", expect=200)
        self.assertIs(self.level(dialogue), Protection.ALL_SIZED)

    def test_they_keep_through_the_first_login(self) -> None:
        """Clients may say them before USER; another USER, or REIN, forgets them."""
        dialogue = self.secured()
        dialogue.say("PBSZ 0", expect=200)
        dialogue.say("PROT P", expect=200)
        dialogue.login()
        self.assertIs(self.level(dialogue), Protection.ALL_SIZED)
        dialogue.login()
        self.assertIs(self.level(dialogue), Protection.COMMANDS)

    def test_clear_data_can_be_refused(self) -> None:
        """534 comes for PROT C where the policy or the account wants data under TLS."""
        account = User("user", "password", tls_required="data")
        for dialogue in (self.secured(tls=make_tls(required="data")), self.secured([account])):
            dialogue.login()
            dialogue.say("PBSZ 0", expect=200)
            dialogue.say("PROT C", expect=534)


class ClearCommandChannelTests(SecureTestCase):
    """CCC ends TLS on the control connection."""

    def logged_in_securely(self, **keywords: object) -> SecureDialogue:
        """Return a dialogue under TLS after the login, whose server allows CCC."""
        dialogue = self.secured(tls=make_tls(clear_command_channel=True), **keywords)
        dialogue.login()
        return dialogue

    def test_commands_go_on_in_clear(self) -> None:
        """After both have said the end of TLS, commands are in clear; data stays as it was."""
        dialogue = self.logged_in_securely()
        dialogue.say("PBSZ 0", expect=200)
        dialogue.say("PROT P", expect=200)
        dialogue.say("CCC", expect=200)
        dialogue.end_tls(behind=b"NOOP\r\n")
        self.assert_codes(dialogue, 200, 200)
        self.assertTrue(dialogue.protocol.connection.session.protects_data)

    def test_nothing_can_be_chosen_any_more(self) -> None:
        """AUTH, PBSZ, PROT and CCC are refused then."""
        dialogue = self.logged_in_securely()
        dialogue.say("CCC", expect=200)
        dialogue.end_tls()
        for line, code in (("PBSZ 0", 503), ("PROT P", 503), ("CCC", 533), ("AUTH TLS", 503), ("PWD", 257)):
            dialogue.say(line, expect=code)

    def test_it_must_be_allowed(self) -> None:
        """Unless the server offers it, nobody can end TLS; nor before the login, nor in clear."""
        dialogue = self.secured()
        dialogue.login()
        dialogue.say("CCC", expect=502)
        self.secured(tls=make_tls(clear_command_channel=True)).say("CCC", expect=530)
        in_clear = self.open(tls=make_tls(clear_command_channel=True))
        in_clear.login()
        in_clear.say("CCC", expect=533)

    def test_accounts_that_must_be_protected_stay_so(self) -> None:
        """534 comes where the account or the policy wants commands under TLS."""
        account = User("user", "password", tls_required="control")
        self.logged_in_securely(users=[account]).say("CCC", expect=534)
        dialogue = self.secured(tls=make_tls(clear_command_channel=True, required="control"))
        dialogue.login()
        dialogue.say("CCC", expect=534)
