# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for USER, PASS, ACCT, REIN and QUIT.
"""

from __future__ import annotations

from twisted.internet.defer import succeed

from ftpserver import MemoryPathIO, Permission, User
from ftpserver.core import replies
from ftpserver.core.events import LoggedIn, LoggedOut, LoginFailed
from ftpserver.core.users import MAXIMUM_LOGIN
from tests.conversation import ConversationTestCase, user_with


class UserTests(ConversationTestCase):
    """USER names the account."""

    def test_a_known_user_is_asked_for_the_password(self) -> None:
        """331 comes for a user who has a password."""
        self.converse().say("USER user", expect=331)

    def test_an_unknown_user_is_asked_in_the_same_words(self) -> None:
        """Nobody learns from the reply whether a name is known."""
        dialogue = self.converse()
        self.assertEqual(dialogue.say("USER nobody"), dialogue.say("USER user"))

    def test_no_name_is_no_user(self) -> None:
        """USER without a name is a syntax error."""
        dialogue = self.converse()
        dialogue.say("USER", expect=501)
        dialogue.say("USER ", expect=501)

    def test_a_name_has_a_bound(self) -> None:
        """A name longer than any is refused and not kept."""
        dialogue = self.converse()
        dialogue.say("USER " + "x" * MAXIMUM_LOGIN, expect=331)
        dialogue.say("USER " + "x" * (MAXIMUM_LOGIN + 1), expect=501)

    def test_a_name_with_a_control_character_is_not_kept(self) -> None:
        """A password that came behind a CR in the same line is in no event, and so in no log."""
        dialogue = self.converse()
        dialogue.send(b"USER user\rPASS secret\r\n")
        self.assertEqual(dialogue.last_reply.code, 501)
        dialogue.say("QUIT", expect=221)
        dialogue.lose_connection()
        self.assertNotIn("secret", repr(list(dialogue.events)))

    def test_words_behind_a_name_that_nobody_has_are_not_kept(self) -> None:
        """A password that came in the line of USER is in no event; who has a name of several words is told whole."""
        dialogue = self.converse([User("Max Planck", "password")])
        dialogue.say("USER Max secret", expect=331)
        dialogue.send(b"PASS x\r\n")
        dialogue.advance(1)
        self.assertEqual(dialogue.last_reply.code, 530)
        self.assertEqual(dialogue.events.of(LoginFailed)[0].user, "Max ...")
        dialogue.login("Max Planck", "password")
        self.assertEqual(dialogue.events.of(LoggedIn)[0].user, "Max Planck")
        self.assertNotIn("secret", repr(list(dialogue.events)))

    def test_a_user_without_a_password_is_logged_in_at_once(self) -> None:
        """230 comes for a user who has none, and PASS is out of place then."""
        dialogue = self.converse([User("guest")])
        dialogue.say("USER guest", expect=230)
        dialogue.say("PASS x", expect=503)
        dialogue.say("PWD", expect=257)

    def test_the_anonymous_user_gives_any_password(self) -> None:
        """Both names of the anonymous account take whatever password comes."""
        for name in ("anonymous", "ftp", "Anonymous"):
            dialogue = self.converse([User()])
            dialogue.say(f"USER {name}", expect=331)
            dialogue.say("PASS me@example.org", expect=230)
            dialogue.upload("STOR a", b"", expect=550)

    def test_blanks_belong_to_the_name(self) -> None:
        """A name with a blank in front is another name."""
        dialogue = self.converse()
        dialogue.say("USER  user", expect=331)
        dialogue.send(b"PASS password\r\n")
        dialogue.advance(1)
        self.assertEqual(dialogue.last_reply.code, 530)

    def test_user_after_login_ends_the_login(self) -> None:
        """USER logs out, and the session starts again with every parameter as at the beginning."""
        users = [User("user", "password", home_path="/home"), User("other", "secret")]
        dialogue = self.converse(users)
        dialogue.files.make_directory("/home")
        dialogue.login()
        dialogue.say("TYPE I", expect=200)
        dialogue.say("USER other", expect=331)
        dialogue.say("PWD", expect=530)
        dialogue.say("PASS secret", expect=230)
        self.assertEqual(dialogue.say("PWD", expect=257).lines[0].split('"')[1], "/")
        self.assertIn("the type is A", dialogue.say("STAT").lines[2])
        self.assertEqual([event.user for event in dialogue.events.of(LoggedOut)], ["user"])


class PassTests(ConversationTestCase):
    """PASS decides about the login."""

    def test_the_right_password_logs_in(self) -> None:
        """230 comes for it, and an event tells of the login."""
        dialogue = self.logged_in()
        self.assertEqual([event.user for event in dialogue.events.of(LoggedIn)], ["user"])

    def test_pass_without_user_is_out_of_sequence(self) -> None:
        """503 comes for a password of nobody."""
        dialogue = self.converse()
        dialogue.say("PASS password", expect=503)
        dialogue.login()
        dialogue.say("PASS password", expect=503)

    def test_a_wrong_password_restarts_the_sequence(self) -> None:
        """After 530 the client has to give USER again."""
        dialogue = self.converse(failed_login_delay=0)
        dialogue.login(password="wrong", expect=530)
        dialogue.say("PASS password", expect=503)
        dialogue.login()

    def test_a_password_is_taken_verbatim(self) -> None:
        """Each blank of a password counts, and octets of any kind do."""
        for password in (" lead", "trail ", "in ner", "p\xe4ss", "\udce9", "x" * 1000):
            self.converse([User("user", password)]).login(password=password)
            self.converse([User("user", password)], failed_login_delay=0).login(password=password + " ", expect=530)

    def test_an_empty_password_matches_nothing(self) -> None:
        """A stored password that is empty lets nobody in, whatever he gives."""
        dialogue = self.converse([User("user", "")], failed_login_delay=0)
        for line in ("PASS", "PASS ", "PASS x"):
            dialogue.say("USER user", expect=331)
            reply = dialogue.say(line)
            self.assertIn(reply.code, (530, 421))

    def test_a_wrong_password_waits(self) -> None:
        """The first wrong password waits one delay, the second two, and so on."""
        dialogue = self.converse(failed_login_delay=2.0, maximum_login_attempts=5)
        for attempt in (1, 2, 3):
            dialogue.say("USER user", expect=331)
            before = dialogue.codes()
            dialogue.send(b"PASS wrong\r\n")
            dialogue.advance(2.0 * attempt - 0.1)
            self.assertEqual(dialogue.codes(), before)
            dialogue.advance(0.1)
            self.assertEqual(dialogue.last_reply, replies.LOGIN_INCORRECT)

    def test_pipelining_does_not_shorten_the_wait(self) -> None:
        """Passwords sent all at once are tried one after another, each after its delay."""
        dialogue = self.converse(maximum_login_attempts=3)
        dialogue.send(b"USER user\r\nPASS wrong\r\n" * 1500)
        self.assertEqual(dialogue.codes(), [220, 331])
        dialogue.advance(0.9)
        self.assertEqual(dialogue.codes(), [220, 331])
        dialogue.advance(0.1)
        self.assertEqual(dialogue.codes(), [220, 331, 530, 331])
        dialogue.advance(2)
        dialogue.advance(3)
        self.assertEqual(dialogue.codes(), [220, 331, 530, 331, 530, 331, 530, 421])
        self.assertTrue(dialogue.is_closed)

    def test_the_wait_holds_up_nobody_else(self) -> None:
        """Another session goes on while one waits for the answer to a wrong password."""
        dialogue = self.converse()
        dialogue.say("USER user")
        dialogue.send(b"PASS wrong\r\n")
        other = self.converse(server=dialogue.server)
        other.login()
        self.assertEqual(dialogue.codes(), [220, 331])

    def test_too_many_wrong_passwords_end_the_session(self) -> None:
        """After the last one allowed comes 530, then 421 and the end."""
        dialogue = self.converse(failed_login_delay=0, maximum_login_attempts=2)
        dialogue.login(password="wrong", expect=530)
        dialogue.say("USER user", expect=331)
        dialogue.say("PASS wrong", expect=[530, 421])
        self.assertTrue(dialogue.is_closed)
        self.assertEqual([event.reason for event in dialogue.events.of(LoginFailed)], 2 * ["wrong password"])

    def test_a_right_password_clears_the_count(self) -> None:
        """Wrong passwords before a login are not counted after it."""
        dialogue = self.converse(failed_login_delay=0, maximum_login_attempts=2)
        dialogue.login(password="wrong", expect=530)
        dialogue.login()
        dialogue.login(password="wrong", expect=530)
        dialogue.login()

    def test_rein_does_not_clear_the_count(self) -> None:
        """REIN between wrong passwords gives no further attempts."""
        dialogue = self.converse(failed_login_delay=0, maximum_login_attempts=2)
        dialogue.login(password="wrong", expect=530)
        dialogue.say("REIN", expect=220)
        dialogue.say("USER user", expect=331)
        dialogue.say("PASS wrong", expect=[530, 421])

    def test_a_login_is_of_the_user_that_the_password_was_for(self) -> None:
        """A password on its way and another USER in the same packet never mix."""
        users = [User("admin", "secret"), User("evil", "known")]
        for lines in (b"USER evil\r\nPASS known\r\nUSER admin\r\n", b"USER evil\r\nUSER admin\r\nPASS known\r\n"):
            dialogue = self.converse(users)
            dialogue.send(lines)
            dialogue.advance(10)
            self.assertNotIn("admin", [event.user for event in dialogue.events.of(LoggedIn)])
            dialogue.say("PWD", expect=530)

    def test_a_login_in_one_packet_works(self) -> None:
        """USER, PASS and what follows may come at once."""
        dialogue = self.converse()
        dialogue.send(b"USER user\r\nPASS password\r\nPWD\r\nQUIT\r\n")
        self.assertEqual(dialogue.codes(), [220, 331, 230, 257, 221])


class OtherTests(ConversationTestCase):
    """ACCT, REIN and QUIT."""

    def test_acct_is_superfluous(self) -> None:
        """No account name is needed, before a login or after it."""
        dialogue = self.converse()
        dialogue.say("ACCT sales", expect=202)
        dialogue.login()
        dialogue.say("ACCT sales", expect=202)

    def test_rein_starts_again(self) -> None:
        """REIN forgets the user and every parameter, and the session takes another login."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a")
        for line in ("TYPE I", "CWD a", "REST 5", "OPTS MLST size;", "EPSV ALL"):
            dialogue.say(line)
        dialogue.say("EPSV", expect=229)
        dialogue.say("REIN", expect=220)
        self.assertEqual(dialogue.network.open_ports, [])
        dialogue.say("PWD", expect=530)
        dialogue.login()
        self.assertIn('"/"', dialogue.say("PWD").lines[0])
        self.assertIn("type*;size*;", "".join(dialogue.say("FEAT").lines))
        dialogue.files.write("/b", b"x\n")
        self.assertEqual(dialogue.download("RETR b", agree="PASV"), b"x\r\n")

    def test_rein_before_login_is_harmless(self) -> None:
        """REIN without a login says that the service is ready, and tells nobody of a logout."""
        dialogue = self.converse()
        dialogue.say("USER user", expect=331)
        dialogue.say("REIN", expect=220)
        dialogue.say("PASS password", expect=503)
        self.assertEqual(dialogue.events.of(LoggedOut), [])

    def test_quit_ends_the_session(self) -> None:
        """221 comes, then the end."""
        dialogue = self.logged_in(user_with(Permission("/")))
        dialogue.say("QUIT", expect=221)
        self.assertTrue(dialogue.is_closed)

    def test_nothing_behind_quit_is_run(self) -> None:
        """What was sent after QUIT is not answered."""
        dialogue = self.logged_in()
        dialogue.send(b"QUIT\r\nMKD a\r\n")
        dialogue.send(b"MKD b\r\n")
        self.assert_codes(dialogue, 230, 221)
        self.assertEqual(dialogue.files.names(), [])

    def test_a_store_is_closed_at_the_end_of_the_login(self) -> None:
        """The store that was made for a login hears of its end, once."""
        closed: list[str] = []

        class Closing(MemoryPathIO):
            async def close(self) -> None:
                closed.append("closed")
                await succeed(None)

        dialogue = self.logged_in(path_io_factory=Closing)
        dialogue.say("REIN", expect=220)
        dialogue.lose_connection()
        self.assertEqual(closed, ["closed"])
