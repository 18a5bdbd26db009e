# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
PBSZ, PROT, CCC and the policies: section T of the registry, its second part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ftpserver import MemoryUserManager, User

from .conformance import holds
from .tls_client import VERSIONS, SecureClient, client_context
from .tls_harness import SecureTestCase
from .tls_wire import is_tls

#: Every command that uses a data connection.
TRANSFERS = ("STOR new", "APPE f", "STOU", "RETR f", "LIST", "NLST", "MLSD")


class LevelTestCase(SecureTestCase):
    """A server with one file."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve it."""
        self.write("f", b"content")
        await super().start_server(**keywords)

    async def assert_private(self, client: SecureClient) -> None:
        """Fetch the file under TLS."""
        client.protects_data = True
        self.assertEqual(await client.fetch("RETR f"), b"content")

    async def assert_clear(self, client: SecureClient) -> None:
        """Fetch the file in clear."""
        client.protects_data = False
        self.assertEqual(await client.fetch("RETR f"), b"content")


class ProtectionTests(LevelTestCase):
    """PBSZ and PROT."""

    @holds("T07")
    async def test_a_buffer_size_comes_after_auth(self) -> None:
        """In clear PBSZ is out of sequence, before and after the login."""
        client = await self.connect()
        await client.command("PBSZ 0", 503)
        await client.login()
        await client.command("PBSZ 0", 503)

    @holds("T07")
    async def test_every_buffer_size_becomes_zero(self) -> None:
        """0 is accepted, and so is any other size, with a reply that says 0."""
        client = await self.secured()
        await client.command("PBSZ 0", 200)
        for size in ("1000", "1", "4294967295", "00"):
            reply = await client.command(f"PBSZ {size}", 200)
            self.assertIn("PBSZ=0", reply.text)

    @holds("T07")
    async def test_a_buffer_size_is_a_number(self) -> None:
        """Anything else is refused, and does not count as PBSZ."""
        client = await self.secured()
        for size in (" x", " -1", " +0", " 0x0", " 1e3", " 4294967296", " 1 2", "", " "):
            await client.command(f"PBSZ{size}", 501)
        await client.command("PROT P", 503)

    @holds("T08")
    async def test_a_level_comes_after_the_buffer_size(self) -> None:
        """PROT is out of sequence in clear, and before PBSZ."""
        client = await self.connect()
        for level in ("P", "C"):
            await client.command(f"PROT {level}", 503)
        await client.auth()
        for level in ("P", "C"):
            await client.command(f"PROT {level}", 503)
        await client.command("PBSZ 0", 200)
        await client.command("PROT P", 200)

    @holds("T08")
    async def test_levels_are_clear_and_private(self) -> None:
        """C and P are agreed and honoured, in upper and lower case, as often as the client likes."""
        client = await self.private()
        for level in ("C", "P", "c", "p"):
            await client.command(f"PROT {level}", 200)
            await (self.assert_private if level in "Pp" else self.assert_clear)(client)

    @holds("T08")
    async def test_other_levels_are_refused(self) -> None:
        """Levels that TLS does not have, and those that there are not, leave what was agreed before."""
        client = await self.private()
        for level in ("S", "E", "s", "e"):
            await client.command(f"PROT {level}", 536)
        for level in ("Q", "PP", "P C", "0"):
            await client.command(f"PROT {level}", 504, 501)
        await client.command("PROT Q", 504)
        await client.command("PROT", 501)
        await self.assert_private(client)

    @holds("T09", "L19")
    async def test_data_is_clear_at_first_after_auth(self) -> None:
        """Without PROT, even after PBSZ, data goes in clear."""
        client = await self.secured()
        await client.login()
        await client.command("TYPE I", 200)
        await self.assert_clear(client)
        await client.command("PBSZ 0", 200)
        await self.assert_clear(client)

    @holds("T09")
    async def test_data_is_private_at_first_under_implicit_tls(self) -> None:
        """Without PBSZ and PROT data goes under TLS; PROT C makes it clear."""
        for version in VERSIONS:
            client = await self.connect_implicitly(client_context(version))
            await client.login()
            await client.command("TYPE I", 200)
            await self.assert_private(client)
            await client.command("PBSZ 0", 200)
            await self.assert_private(client)
            await client.command("PROT C", 200)
            await self.assert_clear(client)

    @holds("T10")
    async def test_the_level_counts_at_the_transfer(self) -> None:
        """PROT may come between the agreement about a port and the transfer, in either direction and mode."""
        client = await self.secured()
        await client.login()
        await client.command("TYPE I", 200)
        await client.command("PBSZ 0", 200)
        for level in ("P", "C", "P"):
            client.protects_data = level == "P"
            data = await client.passive()
            await client.command(f"PROT {level}", 200)
            await client.start("RETR f", data)
            self.assertEqual(await data.everything(), b"content")
            await client.reply(226)
            listener = await client.active()
            await client.command(f"PROT {'C' if level == 'P' else 'P'}", 200)
            await client.command(f"PROT {level}", 200)
            self.assertEqual(await (await self.taken(client, listener)).everything(), b"content")
            await client.reply(226)

    async def taken(self, client: SecureClient, listener: Any) -> Any:
        """Fetch the file over the connection that the server makes to *listener*."""
        await client.command("RETR f", 150)
        data = await listener.connection()
        if client.protects_data:
            data.begin_tls(client.data_end())
        return data


class StatTests(LevelTestCase):
    """STAT of a path."""

    @holds("T28")
    async def test_a_listing_on_the_control_connection_is_protected(self) -> None:
        """Even where data goes in clear, the names that STAT shows go under TLS."""
        self.write("the-secret-name", b"content")
        for version in VERSIONS:
            client = await self.secured(client_context(version))
            await client.login()
            await client.command("PBSZ 0", 200)
            await client.command("PROT C", 200)
            client.wire.clear()
            reply = await client.command("STAT /", 211, 212, 213)
            self.assertIn("the-secret-name", reply.text)
            self.assertTrue(is_tls(client.wire))
            self.assertNotIn(b"the-secret-name", client.wire)


class DataPolicyTests(LevelTestCase):
    """Where data must be private."""

    settings: ClassVar[Mapping[str, Any]] = {"required": "data"}

    async def assert_refuses_clear_data(self, client: SecureClient) -> None:
        """Expect 521 at the transfers and not before, and a private transfer over the port that was agreed."""
        for verb in ("PASV", "EPSV"):
            data = await client.passive(verb)
            for line in TRANSFERS:
                await client.command(line, 521)
            await data.vanish()
        await client.active("PORT")
        await client.command("RETR f", 521)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["f"])
        self.assertEqual((self.root / "f").read_bytes(), b"content")
        await client.command("PBSZ 0", 200)
        await client.command("PROT C", 534)
        await client.command("RETR f", 521)
        await client.command("PROT P", 200)
        await self.assert_private(client)

    @holds("T11")
    async def test_a_clear_transfer_is_refused(self) -> None:
        """Every transfer command is refused in clear, PASV and PORT are not; nothing is opened, stored or shown."""
        client = await self.secured()
        await client.login()
        await client.command("TYPE I", 200)
        await self.assert_refuses_clear_data(client)

    @holds("T11")
    async def test_an_account_can_need_it(self) -> None:
        """The policy of one account counts for it alone."""
        users = [User("alice", "secret", base_path=self.root, tls_required="data"), User("bob", "b", self.root)]
        await self.restart_server(users=users, tls=self.tls(required="none"))
        client, other = await self.secured(), await self.secured()
        for one, password in ((client, ("alice", "secret")), (other, ("bob", "b"))):
            await one.login(*password)
            await one.command("TYPE I", 200)
        await self.assert_clear(other)
        await self.assert_refuses_clear_data(client)

    @holds("T11", "T12")
    async def test_it_needs_a_private_login_too(self) -> None:
        """USER in clear is refused where data must be private."""
        client = await self.connect()
        await client.command("USER alice", 530, 534, 421)


class ControlPolicyTests(LevelTestCase):
    """Where the login must be private."""

    settings: ClassVar[Mapping[str, Any]] = {"required": "control"}

    @holds("T12")
    async def test_a_clear_login_is_refused_at_user(self) -> None:
        """No password is asked for in clear; under TLS the login works, and data may be clear."""
        client = await self.connect()
        for name in ("alice", "nobody"):
            await client.command(f"USER {name}", 530, 534, 421)
            await client.command("PASS secret", 503)
        await client.auth()
        await client.login()
        await client.command("TYPE I", 200)
        await self.assert_clear(client)
        implicit = await self.connect_implicitly()
        await implicit.login()

    @holds("T12")
    async def test_anonymous_users_may_stay_in_clear(self) -> None:
        """Who has no secret need not hide it, and neither do the names that are declared so; no others."""
        users = [*self.users(), User("public", "p", base_path=self.root)]
        await self.restart_server(users=users, tls=self.tls(clear_users=("public",)))
        for name in ("anonymous", "ftp", "public"):
            client = await self.session(name, "p")
            await self.assert_clear(client)
        client = await self.connect()
        for name in ("PUBLIC2", "alice", "nobody", "publi"):
            await client.command(f"USER {name}", 530)

    @holds("T12", "L18")
    async def test_a_policy_tells_nobody_which_names_there_are(self) -> None:
        """Where one account needs TLS, USER in clear gets the same reply, octet by octet, for every name."""
        users = [
            User("alice", "secret", base_path=self.root),
            User("bob", "b", base_path=self.root, tls_required="control"),
            User(base_path=self.root),
        ]
        await self.restart_server(users=users, tls=self.tls(required="none"))
        replies = set()
        for name in ("alice", "bob", "nobody"):
            client = await self.connect()
            replies.add((await client.command(f"USER {name}")).raw)
            await client.command("PASS b", 503)
            await client.command("PWD", 530)
        self.assertEqual({reply[:3] for reply in replies}, {b"530"})
        self.assertEqual(len(replies), 1, replies)
        await self.session("anonymous", "guest@example.org")
        for name, password in (("alice", "secret"), ("bob", "b")):
            client = await self.secured()
            await client.login(name, password)

    @holds("L18")
    async def test_under_tls_a_policy_says_no_more_either(self) -> None:
        """Unknown names and wrong passwords get the same replies under TLS."""
        known, unknown = await self.secured(), await self.secured()
        self.assertEqual((await known.command("USER alice", 331)).raw, (await unknown.command("USER nobody", 331)).raw)
        self.assertEqual((await known.command("PASS no", 530)).raw, (await unknown.command("PASS no", 530)).raw)

    @holds("T12", "L18")
    async def test_clear_text_is_for_named_networks(self) -> None:
        """Clients of those networks may log in in clear; others must protect themselves, whatever their name."""
        await self.restart_server(tls=self.tls(clear_networks=["127.0.0.2/32", "::1/128"]))
        near, far = await self.connect(source="127.0.0.2"), await self.connect()
        await near.login()
        for name in ("alice", "nobody", "anonymous"):
            await far.command(f"USER {name}", 530, 534, 421)
        await far.auth()
        await far.login()

    @holds("T12")
    async def test_a_manager_that_knows_no_policy_is_served(self) -> None:
        """The policy of the server holds for managers of accounts that say nothing of TLS."""
        users = MemoryUserManager([User("alice", "secret", base_path=self.root)])
        await self.restart_server(users=users)
        client = await self.connect()
        await client.command("USER alice", 530, 534, 421)


class NoClearCommandChannelTests(LevelTestCase):
    """CCC where it is not offered, which is so by default."""

    @holds("T20")
    async def test_it_is_refused(self) -> None:
        """CCC is refused in clear and under TLS, and the session goes on as it was."""
        client = await self.session()
        await client.command("CCC", 500, 502, 533, 534)
        private = await self.private()
        await private.command("CCC", 500, 502, 534)
        self.assertNotIn("CCC", (await private.command("FEAT", 211)).text)
        await self.assert_private(private)
        self.assertTrue(is_tls(private.wire))


class ClearCommandChannelTests(LevelTestCase):
    """CCC where it is offered."""

    settings: ClassVar[Mapping[str, Any]] = {"clear_command_channel": True}

    def users(self) -> list[User]:
        """Add an account that must stay under TLS."""
        return [*super().users(), User("bob", "b", base_path=self.root, tls_required="control")]

    @holds("T20")
    async def test_in_clear_it_has_nothing_to_end(self) -> None:
        """Without TLS there is nothing to clear."""
        await self.restart_server(users=super().users())
        client = await self.session()
        await client.command("CCC", 533)

    @holds("T20")
    async def test_before_the_login_it_is_refused(self) -> None:
        """Who has not logged in cannot end TLS: the password would go in clear."""
        client = await self.secured()
        await client.command("CCC", 530, 533, 534)
        await client.command("USER alice", 331)
        await client.command("CCC", 530, 533, 534)
        await client.login()
        self.assertTrue(is_tls(client.wire))

    @holds("T20")
    async def test_it_ends_tls_after_the_reply(self) -> None:
        """The 200 is protected, TLS ends in order, the session goes on in clear; PBSZ and PROT are refused then."""
        for version in VERSIONS:
            client = await self.privately(version)
            await client.command("CCC", 200)
            self.assertTrue(is_tls(client.wire))
            await client.leave_tls(b"PWD\r\n")
            await client.reply(257)
            self.assertEqual(client.wire[:4], b"257 ")
            for line in ("PBSZ 0", "PROT C", "PROT P", "AUTH TLS"):
                self.assertGreaterEqual((await client.command(line)).code, 500, line)

    @holds("T20")
    async def test_data_stays_as_it_was(self) -> None:
        """After CCC data connections are private if they were, and clear if they were."""
        for level in ("P", "C"):
            client = await self.private()
            await client.command(f"PROT {level}", 200)
            await client.command("CCC", 200)
            await client.leave_tls()
            await (self.assert_private if level == "P" else self.assert_clear)(client)

    @holds("T20")
    async def test_the_policy_comes_first(self) -> None:
        """An account that must be under TLS, and a port where TLS is always on, keep it."""
        client = await self.secured()
        await client.login("bob", "b")
        await client.command("CCC", 534)
        implicit = await self.connect_implicitly()
        await implicit.login()
        await implicit.command("CCC", 534)
        for one in (client, implicit):
            await one.command("PWD", 257)
            self.assertTrue(is_tls(one.wire))
