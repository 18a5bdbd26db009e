# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Paths that are written to lead out of the root, in every verb.
"""

from __future__ import annotations

from ftpserver.commands import COMMANDS

from .outside import OutsideTestCase, serve_threads, serve_walk
from .verbs import Attempt, paths_of, verbs_of
from .ways import OVERLONG, written

#: Replies that a path may have: done, or refused as the standards have it; never 500 or 421.
ANSWERS = frozenset(
    {200, 202, 211, 212, 213, 214, 215, 226, 229, 250, 257, 350, 450, 501, 502, 503, 504, 522, 550, 552, 553}
)

#: Verbs that have commands below them.
FAMILIES = ("OPTS", "SITE")

#: Ways for commands that take no path.
SHORTEST = [b"../secret", b"/../outside/secret", OVERLONG[0]]


class VerbTests(OutsideTestCase):
    """The verbs that are attacked."""

    async def test_every_verb_with_a_path_is_known(self) -> None:
        """Each standard command that names a file or directory is attacked, and so is each below SITE."""
        expected = {
            "CWD", "XCWD", "RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD", "MLST", "STAT", "DELE", "MKD",
            "XMKD", "RMD", "XRMD", "RNFR", "RNTO", "SIZE", "MDTM", "MFMT", "SITE CHMOD", "SITE UTIME",
        }  # fmt: skip
        self.assertLessEqual(expected, set(paths_of(COMMANDS)))

    async def test_every_command_that_asks_for_rights_is_known(self) -> None:
        """A command that is given rights over a path is among those that take one."""
        asking = {verb for verb, row in COMMANDS.items() if row.rights or row.path_conditions}
        self.assertEqual(asking - set(paths_of(COMMANDS)), set())

    async def test_every_verb_works(self) -> None:
        """What is attacked works otherwise: each verb with a path does something with one of its own."""
        for verb, between in paths_of(COMMANDS).items():
            attempts = await self.attempts("mine")
            done = []
            for path in (b"file", b"directory", b"new"):
                for name in ("mine", "file"):
                    (self.inside / name).write_bytes(b"content")
                (self.inside / "directory").mkdir(exist_ok=True)
                done.append(await attempts(verb, between + path))
            self.assertTrue(any(one.succeeded for one in done), "; ".join(map(str, done)))
            self.empty()


class WrittenTests(OutsideTestCase):
    """``..`` in every mixture, in every verb."""

    def ways(self, verb: str) -> list[bytes]:
        """Return each way for a verb that takes a path, or that is below SITE or OPTS, and the shortest for others."""
        if verb in paths_of(self.server.commands) or verb.partition(" ")[0] in FAMILIES:
            return list(written(b"secret"))
        return SHORTEST

    async def try_all(self) -> list[Attempt]:
        """Try each way in each verb, and in place of the command behind SITE and OPTS."""
        attempts = await self.attempts()
        done = []
        before = self.world()
        for verb, between in verbs_of(self.server.commands).items():
            self.empty()
            for way in self.ways(verb):
                (self.inside / "mine").write_bytes(b"mine")
                (self.inside / "d").mkdir(exist_ok=True)
                done.append(attempt := await attempts(verb, between + way))
                self.assert_harmless(attempt)
            self.assertEqual(self.world(), before, verb)
        for family in FAMILIES:
            for way in self.ways(family):
                line = family.encode() + b" " + way
                done.append(attempt := Attempt(line, await attempts.client.command(line), b""))
                self.assert_harmless(attempt)
        self.assertEqual(self.world(), before)
        await attempts.client.command("CWD /", 250)
        await attempts.client.command("PWD", 257)
        return done

    def assert_harmless(self, attempt: Attempt) -> None:
        """Assert that an attempt has shown nothing and was answered as the standards have it."""
        self.assert_nothing_seen(attempt)
        self.assertIn(attempt.reply.code, ANSWERS, str(attempt))

    async def check(self) -> None:
        """Try everything, and be served."""
        self.assertGreater(len(await self.try_all()), 2000)
        await self.assert_served()

    async def test_no_mixture_leads_out(self) -> None:
        """Nothing outside is seen, changed or made, every attempt has one reply, and the session goes on."""
        await self.check()

    async def test_no_mixture_leads_out_without_the_kernel(self) -> None:
        """The same where files are found component by component, for kernels without openat2."""
        await self.restart_server(**serve_walk(self))
        await self.check()

    async def test_no_mixture_leads_out_in_threads(self) -> None:
        """The same where calls to files are made in threads."""
        await self.restart_server(**serve_threads(self))
        await self.check()
