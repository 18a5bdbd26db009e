# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Refusals, time limits and the ends of sessions: section C of the registry, its second part.
"""

from __future__ import annotations

from .client import Client, DataConnection
from .conformance import ConformanceTestCase, holds

NEEDS_AN_ARGUMENT = (
    "USER", "CWD", "RETR", "STOR", "APPE", "DELE", "MKD", "RMD", "RNFR", "TYPE", "MODE", "STRU", "REST", "ALLO",
    "PORT", "EPRT", "SIZE", "MDTM", "MFMT", "CLNT", "ACCT",
)  # fmt: skip

TAKES_NONE = ("PASV", "FEAT", "QUIT", "PWD", "CDUP", "SYST", "NOOP", "ABOR", "REIN")


class RefusalTests(ConformanceTestCase):
    """Commands that are not understood."""

    @holds("C21")
    async def test_an_unknown_verb_is_refused_with_500(self) -> None:
        """A verb that no standard knows is a syntax error, before and after the login."""
        client = await self.connect()
        await client.command("BOGUS", 500)
        await client.login()
        await client.command("BOGUS x", 500)

    @holds("C21")
    async def test_a_known_verb_without_a_command_is_refused_with_502(self) -> None:
        """A verb of the standards that is not provided is told apart, before and after the login."""
        client = await self.connect()
        await client.command("SMNT /x", 502)
        await client.login()
        for line in ("SMNT /x", "HOST example.org", "LANG en", "HASH x", "AUTH TLS", "PBSZ 0", "PROT P"):
            await client.command(line, 502)

    @holds("C22")
    async def test_a_missing_argument_is_refused_with_501(self) -> None:
        """Each command that needs an argument says so."""
        client = await self.session()
        for verb in NEEDS_AN_ARGUMENT:
            await client.command(verb, 501)

    @holds("C23")
    async def test_an_argument_too_many_is_refused_with_501(self) -> None:
        """Each command that takes no argument refuses one, and does nothing."""
        client = await self.session()
        for verb in TAKES_NONE:
            await client.command(f"{verb} x", 501)
        await client.command("PWD", 257)

    @holds("C23")
    async def test_blanks_are_no_argument(self) -> None:
        """Blanks behind the verb change nothing."""
        client = await self.session()
        await client.command("PWD  ", 257)
        await client.command("SYST ", 215)

    @holds("C30")
    async def test_a_failure_loses_no_command_behind_it(self) -> None:
        """Commands that came together with one that fails are all answered, in order."""
        client = await self.session()
        await client.send_raw(b"CWD nowhere\r\nNOOP\r\nBOGUS\r\nRETR\r\nPWD\r\n")
        await client.replies(550, 200, 500, 501, 257)


class IdleTests(ConformanceTestCase):
    """Clients that say nothing."""

    holds_time = True

    @holds("C24")
    async def test_a_silent_client_is_cut_off(self) -> None:
        """After the time that the server was given, and not before, 421 comes and the connection is closed."""
        await self.restart_server(idle_timeout=300)
        client = await self.session()
        self.time.advance(299)
        await client.command("NOOP", 200)
        self.time.advance(299)
        await client.command("NOOP", 200)
        self.time.advance(301)
        await client.reply(421)
        await client.at_end()

    @holds("C24")
    async def test_five_minutes_of_silence_are_allowed_by_default(self) -> None:
        """Without a setting, a client that is silent for five minutes stays."""
        client = await self.session()
        self.time.advance(300)
        await client.command("NOOP", 200)

    @holds("C24")
    async def test_a_login_must_come_in_time(self) -> None:
        """A session without a login has a limit of its own, which commands do not extend."""
        await self.restart_server(login_timeout=60)
        client = await self.connect()
        self.time.advance(59)
        await client.command("NOOP", 200)
        self.time.advance(2)
        await client.reply(421)
        await client.at_end()

    @holds("C25")
    async def test_a_transfer_that_moves_is_no_silence(self) -> None:
        """An upload that takes much longer than the limit is not cut as long as octets come."""
        await self.restart_server(idle_timeout=300)
        grown = self.write("log")
        client = await self.session()
        data = await client.begin("APPE log")
        for count in range(1, 6):
            self.time.advance(200)
            data.send(b"x" * 100)
            await self.until_size(grown, count * 100)
        await data.upload(b"")
        await client.reply(226)
        self.time.advance(299)
        await client.command("NOOP", 200)


class DuringTransferTests(ConformanceTestCase):
    """The control connection while data moves."""

    @holds("C26")
    async def test_noop_during_a_transfer_is_answered(self) -> None:
        """NOOP gets its 200 before or after the final reply of the transfer."""
        client = await self.session()
        data = await client.begin("STOR x")
        client.send_line("NOOP")
        await client.turn()
        await data.upload(b"all")
        codes = sorted([(await client.reply()).code, (await client.reply()).code])
        self.assertEqual(codes, [200, 226])

    async def lose(self, **keywords: object) -> DataConnection:
        """Upload a part with the only session of a server, and lose its control connection."""
        await self.restart_server(maximum_connections=1, atomic_uploads=False, **keywords)
        client = await self.session()
        data = await client.begin("STOR part")
        data.send(b"a part")
        await self.until(lambda: (self.root / "part").read_bytes() == b"a part")
        client.reset()
        await data.lost()
        await self.until(lambda: self.server.sessions == 0)
        return data

    @holds("C27")
    async def test_the_loss_of_the_control_connection_gives_everything_back(self) -> None:
        """Data connection and place are free again, and the part is kept as configured."""
        await self.lose(partial_uploads="keep")
        self.assertEqual((self.root / "part").read_bytes(), b"a part")
        await self.session()

    @holds("C27")
    async def test_a_part_is_removed_where_that_is_configured(self) -> None:
        """With ``partial_uploads="remove"`` nothing is left of an upload that was cut."""
        await self.lose(partial_uploads="remove")
        self.assertEqual(list(self.root.iterdir()), [])


class ShutdownTests(ConformanceTestCase):
    """A server that stops."""

    holds_time = True

    @holds("C28")
    async def test_every_idle_client_is_told(self) -> None:
        """Each client gets 421 and is cut off."""
        clients = [await self.session(), await self.connect()]
        await self.server.close()
        for client in clients:
            await client.reply(421)
            await client.at_end()

    async def uploading(self) -> tuple[Client, DataConnection]:
        """Return a client in the middle of an upload to a server that begins to stop."""
        client = await self.session()
        data = await client.begin("STOR x")
        data.send(b"first ")
        self.closing = self.server.close()
        return client, data

    @holds("C28")
    async def test_a_transfer_may_finish(self) -> None:
        """A transfer that ends in time is complete before the client is told."""
        client, data = await self.uploading()
        await data.upload(b"second")
        await client.replies(226, 421)
        await client.at_end()
        await self.closing
        self.assertEqual((self.root / "x").read_bytes(), b"first second")

    @holds("C28")
    async def test_a_transfer_that_takes_too_long_is_aborted(self) -> None:
        """After the time of grace the transfer is ended, and the client is told by 421."""
        client, data = await self.uploading()
        await client.turn()
        self.time.advance(10)
        if (await client.reply(426, 421)).code == 426:
            await client.reply(421)
        await client.lost()
        await data.lost()
        await self.closing

    @holds("C29")
    async def test_nothing_follows_a_421(self) -> None:
        """Commands that wait behind the one that ended the session get no reply."""
        await self.restart_server(maximum_login_attempts=1)
        client = await self.connect()
        await client.send_raw(b"USER alice\r\nPASS wrong\r\nNOOP\r\nNOOP\r\nSYST\r\n")
        await client.replies(331, 530, 421)
        await client.at_end()
