# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What one login leaves to the next in the same session: nothing; and the campaign that mixes sessions up.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from ..integration.tls_client import SecureClient
from ..integration.tls_harness import SecureTestCase
from .mix_ups import command

#: What begins something that a later command would go on with, and the command that must not find it.
BEGUN = (("RNFR f", 350, "RNTO g", 503), ("EPSV", 229, "RETR f", 425))

CONTENT = b"0123456789"


class ForgottenTests(SecureTestCase):
    """USER, REIN and AUTH."""

    def ways(self) -> Iterator[tuple[bool, str]]:
        """Yield whether a session runs under TLS, and the command that its next login begins with."""
        # REIN would end TLS.
        yield from ((False, "USER alice"), (False, "REIN"), (True, "USER alice"))

    async def again(self, client: SecureClient, ending: str) -> None:
        """Begin a new login with *ending*."""
        await client.command(ending, 331, 220)
        await client.login()
        await client.command("TYPE I", 200)

    async def test_a_new_login_finds_nothing_begun(self) -> None:
        """RNFR, a data port and PBSZ do not outlast USER and REIN, in clear and under TLS."""
        self.write("f", CONTENT)
        for (under_tls, ending), (begin, code, line, refusal) in itertools.product(self.ways(), BEGUN):
            client = await (self.private() if under_tls else self.session())
            await client.command(begin, code)
            await self.again(client, ending)
            await client.command(line, refusal)
            if under_tls:
                await client.command("PROT P", 503)

    async def test_a_new_login_begins_at_the_start(self) -> None:
        """REST does not outlast USER and REIN: the first file that comes then is whole."""
        self.write("f", CONTENT)
        for under_tls, ending in self.ways():
            client = await (self.private() if under_tls else self.session())
            await client.command("REST 5", 350)
            await self.again(client, ending)
            # Nothing stands between that would have taken the offset.
            await self.assert_whole(client)

    async def assert_whole(self, client: SecureClient) -> None:
        """Assert that a download begins at the start of the file."""
        client.protects_data = False
        self.assertEqual(await client.fetch("RETR f"), CONTENT)

    async def test_auth_forgets_them(self) -> None:
        """So it is with AUTH: what was begun in clear is not gone on with under TLS."""
        self.write("f", CONTENT)
        for begin, code, line, refusal in BEGUN:
            client = await self.session()
            await client.command(begin, code)
            await client.auth()
            await client.command(line, 530)
            await client.login()
            await client.command(line, refusal)
            await client.command("PROT P", 503)

    async def test_auth_forgets_an_offset(self) -> None:
        """REST in clear leaves nothing to the first download under TLS."""
        self.write("f", CONTENT)
        client = await self.session()
        await client.command("REST 5", 350)
        await client.auth()
        await client.login()
        await client.command("TYPE I", 200)
        await self.assert_whole(client)

    async def test_random_logins(self) -> None:
        """In whatever order USER, PASS, REIN, AUTH, PBSZ, PROT and CCC come, only who has given a password is in."""
        generator = random.Random(20260101)
        for _ in range(15):
            client = await self.connect()
            who = None
            named = None
            is_secure = False
            for _ in range(12):
                line = generator.choice(
                    ("USER alice", "USER anonymous", "USER nobody", "PASS secret", "PASS no", "REIN", "AUTH TLS",
                     "PBSZ 0", "PROT P", "PROT C", "CCC", "NOOP", "RNFR f", "REST 3")
                )  # fmt: skip
                if line == "AUTH TLS" and not is_secure:
                    await client.auth()
                    is_secure, who, named = True, None, None
                elif line == "REIN" and is_secure:
                    continue
                else:
                    code = (await client.command(line)).code
                    if line.startswith("USER"):
                        who, named = None, line[5:]
                    elif line.startswith("PASS"):
                        is_right = named == "anonymous" or (named == "alice" and line == "PASS secret")
                        self.assertEqual(code, 503 if named is None else 230 if is_right else 530, line)
                        who, named = (named if is_right else who if named is None else None), None
                    elif line == "REIN":
                        who, named = None, None
                if client.has_ended:
                    break
                await client.command("PWD", 530 if who is None else 257)
            await client.vanish()
        await self.until(lambda: self.server.sessions == 0)


class CampaignTests(SecureTestCase):
    """The command of the campaign."""

    async def test_rounds_and_seed_are_passed_on(self) -> None:
        """What is asked for reaches the tests."""
        line, environment = command(["--rounds", "7", "--seed", "5"])
        self.assertEqual(line[-1], "tests.integration.test_sessions")
        self.assertEqual(environment, {"FTPSERVER_ROUNDS": "7", "FTPSERVER_SEED": "5"})
