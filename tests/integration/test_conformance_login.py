# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Login and session: section L of the registry.
"""

from __future__ import annotations

from typing import Any

from ftpserver import MemoryUserManager, Permission, User
from ftpserver.interfaces import GetUserResponse

from .conformance import ConformanceTestCase, holds
from .harness import open_descriptors

#: Commands that are answered before the login, with an argument that is right for them.
BEFORE_LOGIN = (
    "FEAT", "HELP", "HELP RETR", "SYST", "NOOP", "OPTS UTF8 ON", "CLNT test", "STAT", "ACCT x", "AUTH TLS", "PBSZ 0",
    "PROT P", "HOST example.org", "LANG en", "USER alice", "REIN", "PASS secret",
)  # fmt: skip

#: Commands that are not.
AFTER_LOGIN = (
    "CWD /", "CDUP", "PWD", "XCWD /", "XCUP", "XPWD", "MKD x", "XMKD x", "RMD x", "XRMD x", "DELE x", "RNFR x",
    "RNTO x", "RETR x", "STOR x", "APPE x", "STOU", "LIST", "NLST", "MLSD", "MLST", "STAT /", "SIZE x", "MDTM x",
    "MFMT 20260101000000 x", "TYPE I", "MODE S", "STRU F", "REST 0", "ALLO 1", "ABOR", "PASV", "EPSV", "EPSV ALL",
    "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|50000|", "SITE HELP", "SITE CHMOD 600 x", "SITE UTIME 202601010000 x",
)  # fmt: skip

CHANGES = (
    "STOR f", "STOR new", "APPE f", "STOU", "DELE f", "MKD new", "RMD d", "RNFR f", "SITE CHMOD 600 f",
    "MFMT 20260101000000 f",
)  # fmt: skip


class LoginTests(ConformanceTestCase):
    """USER, PASS and ACCT."""

    def users(self) -> list[User]:
        """Add an account that needs no password, and some with passwords of every kind."""
        others = [
            User("open", base_path=self.root),
            User("blank", "  two  words ", base_path=self.root),
            User("octets", "p\udcff\u00e4", base_path=self.root),
            User("empty", "", base_path=self.root),
        ]
        return [*super().users(), *others]

    @holds("L01")
    async def test_user_asks_for_the_password(self) -> None:
        """A known name gets 331."""
        client = await self.connect()
        await client.command("USER alice", 331)

    @holds("L01")
    async def test_user_is_enough_without_a_password(self) -> None:
        """An account that has no password is logged in by USER."""
        client = await self.connect()
        await client.command("USER open", 230)
        await client.command("PWD", 257)

    @holds("L02")
    async def test_an_unknown_name_is_answered_like_a_known_one(self) -> None:
        """USER and PASS get the same replies, octet by octet, whether or not the name exists."""
        known, unknown = await self.connect(), await self.connect()
        self.assertEqual((await known.command("USER alice")).raw, (await unknown.command("USER nobody")).raw)
        self.assertEqual((await known.command("PASS no", 530)).raw, (await unknown.command("PASS no", 530)).raw)

    @holds("L03")
    async def test_pass_needs_user(self) -> None:
        """PASS as the first command is out of sequence."""
        client = await self.connect()
        await client.command("PASS secret", 503)

    @holds("L04")
    async def test_the_right_password_logs_in(self) -> None:
        """USER and the right PASS are a login."""
        client = await self.connect()
        await client.command("USER alice", 331)
        await client.command("PASS secret", 230, 202, 332)
        await client.command("PWD", 257)

    @holds("L04")
    async def test_a_wrong_password_starts_the_login_again(self) -> None:
        """After a wrong password USER must come again, even before the right one."""
        client = await self.connect()
        await client.command("USER alice", 331)
        await client.command("PASS wrong", 530)
        await client.command("PASS secret", 503)
        await client.login()

    @holds("L05")
    async def test_a_password_keeps_its_blanks(self) -> None:
        """Blanks before, within and behind a password count."""
        client = await self.connect()
        for wrong in ("two  words", "  two words "):
            await client.command("USER blank", 331)
            await client.command(f"PASS {wrong}", 530)
        await client.login("blank", "  two  words ")

    @holds("L05")
    async def test_a_password_keeps_its_octets(self) -> None:
        """Octets beyond ASCII, UTF-8 or not, reach the comparison as they are."""
        client = await self.connect()
        await client.command("USER octets", 331)
        await client.command(b"PASS p\xff\xff\xc3\xa4", 230)

    @holds("L05")
    async def test_an_empty_password_lets_nobody_in(self) -> None:
        """Where the stored password is empty, no password is right."""
        client = await self.connect()
        for line in ("PASS", "PASS "):
            await client.command("USER empty", 331)
            await client.command(line, 530, 501)

    @holds("L06")
    async def test_user_ends_the_login_before(self) -> None:
        """A new USER leaves the old login at once; the session belongs to nobody until PASS."""
        client = await self.session()
        if (await client.command("USER blank", 331, 530, 503)).code == 331:
            await client.command("PWD", 530)
            await client.command("PASS   two  words ", 230)
        await client.command("PWD", 257)

    @holds("L07")
    async def test_a_command_between_user_and_pass_makes_no_half_login(self) -> None:
        """PASS after another command logs in or is out of sequence, and PWD agrees with what it said."""
        client = await self.connect()
        await client.command("USER alice", 331)
        await client.command("PWD", 530)
        await client.command("SYST", 215)
        code = (await client.command("PASS secret", 230, 503)).code
        await client.command("PWD", 257 if code == 230 else 530)

    @holds("L08")
    async def test_acct_is_answered(self) -> None:
        """ACCT is superfluous, and says so."""
        client = await self.session()
        await client.command("ACCT x", 202, 230, 502, 503)


class BeforeLoginTests(ConformanceTestCase):
    """What a client may do that has not logged in."""

    @holds("L09")
    async def test_commands_about_the_server_are_answered(self) -> None:
        """These commands do not ask for a login."""
        client = await self.connect()
        for line in BEFORE_LOGIN:
            reply = await client.command(line)
            self.assertNotEqual(reply.code, 530, line)
        await client.command("QUIT", 221)

    @holds("L09")
    async def test_all_other_commands_are_refused(self) -> None:
        """Everything that is about files and transfers asks for a login."""
        client = await self.connect()
        for line in AFTER_LOGIN:
            await client.command(line, 530)

    @holds("L10")
    async def test_no_file_is_touched_and_no_port_opened(self) -> None:
        """The store is not even made, and the server listens on no other port."""
        made: list[Any] = []
        await self.restart_server(path_io_factory=made.append)
        client = await self.connect()
        before = open_descriptors()
        for line in (*BEFORE_LOGIN[:-3], *AFTER_LOGIN):
            await client.command(line)
        self.assertEqual(made, [])
        self.assertEqual(open_descriptors(), before)


class FailedLoginTests(ConformanceTestCase):
    """Wrong passwords."""

    holds_time = True

    def server_keywords(self) -> dict[str, Any]:
        """Take the delays and limits that a server has by default."""
        keywords = super().server_keywords()
        del keywords["failed_login_delay"]
        return keywords

    @holds("L11")
    async def test_the_third_failure_ends_the_session(self) -> None:
        """The last wrong password is answered with 530, then 421, and the client is cut off."""
        client = await self.connect()
        for _ in range(3):
            await client.command("USER alice", 331)
            client.send_line("PASS wrong")
            await self.until(self.waits)
            self.time.advance(10)
            await client.reply(530)
        await client.reply(421)
        await client.at_end()

    def waits(self) -> bool:
        """Tell whether a failed login waits for its answer, beside the limit for the whole login."""
        return len(self.time.pending) > 1

    @holds("L12")
    async def test_a_failure_waits_and_others_do_not(self) -> None:
        """The first refusal waits a second, the second longer, while another client is served."""
        client, other = await self.connect(), await self.session()
        for seconds in (1, 2):
            await client.command("USER alice", 331)
            client.send_line("PASS wrong")
            await self.until(self.waits)
            self.time.advance(seconds - 0.1)
            await other.command("NOOP", 200)
            self.assertEqual(client.received, b"")
            self.time.advance(0.2)
            await client.reply(530)

    @holds("L02")
    async def test_an_unknown_name_waits_as_long(self) -> None:
        """The refusal of an unknown name comes no sooner than that of a wrong password."""
        client, other = await self.connect(), await self.session()
        await client.command("USER nobody", 331)
        client.send_line("PASS wrong")
        await self.until(self.waits)
        self.time.advance(0.9)
        await other.command("NOOP", 200)
        self.assertEqual(client.received, b"")
        self.time.advance(0.2)
        await client.reply(530)


class SessionEndTests(ConformanceTestCase):
    """QUIT and REIN."""

    @holds("L13")
    async def test_quit_ends_the_session(self) -> None:
        """QUIT gets 221, and the connection is closed."""
        client = await self.session()
        await client.command("QUIT", 221)
        await client.at_end()

    @holds("L13")
    async def test_quit_lets_the_transfer_finish(self) -> None:
        """QUIT during an upload is answered after the upload is complete."""
        client = await self.session()
        data = await client.begin("STOR x")
        client.send_line("QUIT")
        await client.turn()
        await data.upload(b"all of it")
        await client.replies(226, 221)
        await client.at_end()
        self.assertEqual((self.root / "x").read_bytes(), b"all of it")

    @holds("L14")
    async def test_rein_forgets_everything(self) -> None:
        """After REIN there is no login, no directory, no type and no data port of before."""
        (self.root / "d").mkdir()
        self.write("f", b"line\n")
        client = await self.session()
        await client.command("CWD d", 250)
        await client.passive_port()
        await client.command("REIN", 220)
        await client.command("PWD", 530)
        await client.login()
        await client.command("LIST", 425)
        self.assertIn('"/"', (await client.command("PWD", 257)).text)
        self.assertEqual(await client.fetch("RETR f"), b"line\r\n")

    @holds("L14")
    async def test_rein_lets_the_transfer_finish(self) -> None:
        """REIN during an upload is answered after the upload is complete."""
        client = await self.session()
        data = await client.begin("STOR x")
        client.send_line("REIN")
        await client.turn()
        await data.upload(b"all of it")
        await client.replies(226, 220)
        self.assertEqual((self.root / "x").read_bytes(), b"all of it")


class AnonymousTests(ConformanceTestCase):
    """The anonymous account."""

    @holds("L16")
    async def test_any_password_is_right(self) -> None:
        """Both names of the account take any e-mail address."""
        for name in ("anonymous", "ftp"):
            client = await self.connect()
            await client.login(name, "guest@example.org")

    @holds("L16")
    async def test_nothing_can_be_changed(self) -> None:
        """Every command that would change a file is refused."""
        self.write("f", b"kept")
        (self.root / "d").mkdir()
        client = await self.session("anonymous", "guest@example.org")
        await client.passive_port()
        for line in CHANGES:
            await client.command(line, 550, 553)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["d", "f"])
        self.assertEqual((self.root / "f").read_bytes(), b"kept")


class LimitTests(ConformanceTestCase):
    """Limits of sessions."""

    def users(self) -> list[User]:
        """Allow alice one session."""
        return [User("alice", "secret", base_path=self.root, maximum_connections=1)]

    @holds("L17")
    async def test_a_place_of_the_server_is_given_back(self) -> None:
        """A client beyond the limit is turned away until another one leaves."""
        await self.restart_server(maximum_connections=1)
        first = await self.connect()
        second = await self.connect(greeting=False)
        await second.reply(421)
        await second.at_end()
        await first.command("QUIT", 221)
        await first.lost()
        await self.until(lambda: self.server.sessions == 0)
        await self.connect()

    @holds("L17")
    async def test_a_place_of_the_account_is_given_back(self) -> None:
        """A login beyond the account's limit is refused until another one ends."""
        first, second = await self.session(), await self.connect()
        await second.command("USER alice", 331)
        await second.command("PASS secret", 530, 421)
        await first.command("REIN", 220)
        await second.login()


class Locks(MemoryUserManager):
    """A user manager that locks an account."""

    async def get_user(self, login: str) -> tuple[GetUserResponse, User | None, str]:
        """Refuse bob, who is known."""
        if login == "bob":
            return GetUserResponse.ERROR, None, "locked until Monday"
        return await super().get_user(login)


class PolicyTests(ConformanceTestCase):
    """Logins that are refused though the password is right."""

    @holds("L18")
    async def test_a_locked_account_looks_like_a_wrong_password(self) -> None:
        """The replies to the right password of a locked account are those to a wrong one."""
        await self.restart_server(users=Locks([User("bob", "right", base_path=self.root), *self.users()]))
        locked, wrong = await self.connect(), await self.connect()
        self.assertEqual((await locked.command("USER bob")).raw, (await wrong.command("USER alice")).raw)
        self.assertEqual((await locked.command("PASS right", 530)).raw, (await wrong.command("PASS no", 530)).raw)


class StartTests(ConformanceTestCase):
    """The state after a login."""

    def users(self) -> list[User]:
        """Give alice a home below the root."""
        permissions = [Permission("/", writable=False), Permission("/home")]
        return [User("alice", "secret", base_path=self.root, home_path="/home", permissions=permissions)]

    @holds("L19")
    async def test_a_session_starts_at_home_with_the_defaults(self) -> None:
        """The directory is the home; a file is sent as ASCII text in stream mode, without any parameter chosen."""
        (self.root / "home").mkdir()
        self.write("home/f", b"one\ntwo\n")
        client = await self.connect()
        await client.login()
        self.assertIn('"/home"', (await client.command("PWD", 257)).text)
        self.assertEqual(await client.fetch("RETR f"), b"one\r\ntwo\r\n")

    @holds("L20")
    async def test_questions_about_the_server_are_answered(self) -> None:
        """SYST says that LIST looks like that of Unix; HELP and NOOP work."""
        client = await self.connect()
        self.assertTrue((await client.command("SYST", 215)).text.startswith("UNIX Type: L8"))
        await client.command("HELP", 214)
        await client.command("HELP STOR", 214)
        await client.command("HELP nosuch", 501, 502)
        await client.command("NOOP", 200)
