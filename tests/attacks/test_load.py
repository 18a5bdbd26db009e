# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Requests that are small and whose work is large, and backends that do not come to an end.
"""

from __future__ import annotations

import errno
import os
import socket
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredList

from ftpserver import User

from ..integration.client import Client, DataConnection
from ..integration.client_contract import content
from ..integration.slow_disk import SlowDisk
from ..integration.tls_harness import SecureTestCase
from .faults import Faults, FaultySystem, serve_faulty
from .harness import AttackTestCase, ProcessAttackTestCase, all_of, without_collection
from .latency import typical

#: Patterns whose work grows with the power of their length where they are matched carelessly.
PATTERNS = (
    "a*a*a*a*b", "*a" * 60, "*" * 200, "[a-z]*" * 40 + "!", "*/../*/../*/..", "{a,b}{a,b}{a,b}{a,b}", "?*" * 100,
    "[" * 200, "[!" * 100, "[]-a]*b", "[z-a]", "a" * 250 + "*", "**/**/**/**", "\\" * 100 + "*", "*[[:alpha:]]*b",
)  # fmt: skip

#: What is no number, though some would read one in it.
NO_NUMBERS = ("+1", "-1", "1e3", " 1", "1 ", "1_0", "0x10", "1.0", "\u0661", "\uff11", "\u00b2", "1\u00a0", "", "1,000")

BEYOND = str(2**63)

#: Seconds of processor time that a pattern may cost, which is a hundred times what it costs.
WORK = 2


class PatternTests(AttackTestCase):
    """Patterns of names."""

    async def test_patterns_are_bounded_work(self) -> None:
        """None of them keeps a session that came later waiting for long, against names made for them."""
        for number in range(60):
            self.write("a" * 100 + f"{number:03}")
        client = await self.session()
        with without_collection():
            for pattern in PATTERNS:
                for verb in ("LIST", "NLST"):
                    await self.assert_bounded(client, verb, pattern)
                began = time.thread_time()
                await client.command(f"STAT {pattern}", 212, 213, 550)
                self.assertLess(time.thread_time() - began, WORK, f"STAT {pattern}")
        await self.assert_served()

    async def assert_bounded(self, client: Client, verb: str, pattern: str) -> None:
        """Assert that a listing keeps nobody waiting for long, and is little work to its end."""
        data = await client.passive()
        began = time.thread_time()
        client.send_line(f"{verb} {pattern}")
        self.assertLess((await self.answer()).processor, WORK / 2, f"{verb} {pattern}")
        if (await client.reply()).code < 200:
            await data.everything()
            await client.reply(226)
        self.assertLess(time.thread_time() - began, WORK, f"{verb} {pattern}")
        await data.vanish()

    async def test_recursion_is_bounded(self) -> None:
        """LIST -R of a deep tree and of a broad one shows so many levels and so many directories, no more."""
        deep = self.root
        for _ in range(40):
            deep /= "d"
            deep.mkdir()
        broad = self.root / "broad"
        for number in range(1100):
            (broad / str(number)).mkdir(parents=True)
        (broad / "loop").symlink_to("..")
        client = await self.session()
        await client.command("TYPE A", 200)
        listing = await client.fetch("LIST -R /")
        heads = [line for line in listing.splitlines() if line.startswith(b"/") and line.endswith(b":")]
        self.assertLessEqual(len(heads), 1000)
        self.assertLessEqual(max(line.count(b"/d") for line in heads), 8)


class ListingTests(ProcessAttackTestCase):
    """Large directories."""

    number = 50_000

    async def test_20_listings_of_50_000_entries_at_once(self) -> None:
        """Memory stays flat while 20 clients have asked for them and do not read, and somebody else is answered."""
        os.mkdir(self.root / "large")
        inode = self.write("large/0")
        for number in range(1, self.number):
            os.link(inode, self.root / "large" / f"entry-with-a-longer-name-{number}")
        before = self.vitals_before()
        clients = await all_of(*(self.session() for _ in range(20)))
        for number, client in enumerate(clients):
            data = await client.passive()
            # A window so small that next to nothing of a listing fits between.
            data.handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            data.pause()
            await client.command(("LIST large", "MLSD large", "NLST large")[number % 3], 150)
        answers = [await self.answer() for _ in range(50)]
        processor = [answer.processor for answer in answers]
        self.assertLess(statistics.median(processor), 0.1)
        self.assertLess(max(processor), 0.25)
        self.assertLess(typical([answer.seconds for answer in answers]), 0.1)
        self.assert_peak(before, 40 << 20)
        for client in clients:
            await client.leave()
        # The threads for files stay for a while.
        await self.settled(replace(before, threads=before.threads + 8))


class NumberTests(AttackTestCase):
    """Numbers of clients."""

    #: What stands around each number, and the reply to one that is too large.
    forms: ClassVar[Mapping[str, int]] = {
        "REST {}": 501,
        "ALLO {}": 552,
        "ALLO 1 R {}": 552,
        "MFMT {} f": 501,
        "PORT 127,0,0,9,{},1": 501,
        "PORT 127,0,0,9,200,{}": 501,
        "EPRT |1|127.0.0.9|{}|": 501,
    }

    async def test_what_is_no_number_is_refused(self) -> None:
        """A sign, an exponent, a blank, a digit of another script, and a number beyond all bounds get their refusal."""
        self.write("f")
        client = await self.session(source="127.0.0.9")
        for form, beyond in self.forms.items():
            for number in NO_NUMBERS:
                if form.format(number).rstrip() in ("ALLO", "REST") or number.strip() != number:
                    continue
                await client.command(form.format(number), 501)
            for number in (BEYOND, "9" * 400, "9" * 5000):
                await client.command(form.format(number), beyond)
        await client.command("NOOP", 200)

    async def test_blanks_make_no_number(self) -> None:
        """A blank before, within or behind a number is not read over where it changes what the line says."""
        client = await self.session(source="127.0.0.9")
        for line in (
            "REST 1 2",
            "ALLO 1 2",
            "PORT 127,0,0,9, 200,1",
            "PORT 127,0,0,9,200,1 1",
            "EPRT |1|127.0.0.9| 9|",
        ):
            await client.command(line, 501)

    async def test_commands_that_come_with_their_features(self) -> None:
        """HASH and RANG and compressed mode are not there yet: each is refused at once."""
        self.write("f")
        client = await self.session()
        for line, code in (("HASH f", 502), ("RANG 0 1", 502), ("MODE Z", 504), ("XCRC f", 502), ("XSHA256 f", 502)):
            await client.command(line, code)


class SecureNumberTests(SecureTestCase):
    """Numbers of commands that are there with TLS."""

    async def test_what_is_no_number_is_refused(self) -> None:
        """The size of a buffer for protection is a plain number within its bounds, or it is refused."""
        client = await self.private()
        for number in (*NO_NUMBERS, str(2**32), BEYOND, "9" * 400, "9" * 5000):
            # As with the other numbers, a blank before or behind changes nothing.
            if number.strip(" ") == number:
                await client.command(f"PBSZ {number}", 501)
        await client.command("PBSZ 0", 200)


class TruncatedTests(AttackTestCase):
    """Files that change while they are sent, and uploads that break."""

    async def test_a_file_is_cut_while_it_is_sent(self) -> None:
        """The transfer ends with an error, the session and everybody else go on; so does one that is gone."""
        client = await self.session()
        for offset, left in ((0, 0), (0, 1000), (1 << 20, 0)):
            path = self.write("huge")
            os.truncate(path, 64 << 20)
            await client.command(f"REST {offset}", 350)
            data = await client.begin("RETR huge")
            await data.some(1000)
            data.pause()
            os.truncate(path, left)
            path.unlink()
            data.resume()
            await data.everything()
            await client.reply(426, 451)
            await client.command("NOOP", 200)
        await self.assert_served()

    def server_keywords(self) -> dict[str, Any]:
        """Have a disk that can fail."""
        self.faults = Faults()
        return {**super().server_keywords(), "path_io_factory": serve_faulty(self.root, self.faults)}

    def prepare(self) -> None:
        """Let data connections fail, too."""
        self.server.system = FaultySystem(self.faults)

    async def break_uploads(self) -> None:
        """Let writes fail in the middle of uploads, with octets on their way to the file; compare what follows."""
        client = await self.session()
        for round_ in range(8):
            self.faults.plan("write", errno.EIO, after=1)
            data = await client.begin("STOR broken")
            await self.send_in_two_writes(client, data, round_)
            await client.reply(451)
            await data.vanish()
            self.assertGreater(self.faults.failed, 0)
            self.faults.plan("", 0)
            await self.assert_next_is_whole(client, round_)

    async def send_in_two_writes(self, client: Client, data: DataConnection, seed: int) -> None:
        """Send a part, and more when it has been written, so that the server must write again."""
        data.send(content(1000, seed))
        while "1000 octets so far" not in (await client.command("STAT", 211)).text:
            await client.turn()
        data.send(content(300_000, 50 + seed))
        data.finish()

    async def assert_next_is_whole(self, client: Client, seed: int) -> None:
        """Assert that the file that is uploaded next is what was sent."""
        whole = content(200_000 + seed, 100 + seed)
        await client.store("STOR whole", whole)
        self.assertEqual((self.root / "whole").read_bytes(), whole)
        self.assertEqual(await client.fetch("RETR whole"), whole)

    async def test_an_upload_that_the_disk_broke_leaves_nothing_for_the_next(self) -> None:
        """After a write that failed half-way the next file is exactly what was sent."""
        await self.break_uploads()

    async def test_an_upload_that_the_disk_broke_where_octets_move_in_python(self) -> None:
        """The same where the kernel does not move them."""
        await self.restart_server(data_plane="portable")
        await self.break_uploads()

    async def test_a_broken_upload_leaves_nothing_for_the_next(self) -> None:
        """After uploads that were cut, aborted or refused in their middle, the next file is exactly what was sent."""
        client = await self.session()
        for round_ in range(8):
            data = await client.begin("STOR broken")
            data.send(content(300_000, round_))
            if round_ % 2:
                await client.turn()
                client.send_line("ABOR")
                await client.replies(426, 226)
            else:
                data.reset()
                await client.reply(426, 451)
            await data.vanish()
            await self.assert_next_is_whole(client, round_)


class HungRootTests(AttackTestCase):
    """A root on a disk that answers nobody."""

    #: Seconds that each read takes.
    delay = 2

    def users(self) -> list[User]:
        """Give bob the disk."""
        (self.root / "disk").mkdir(exist_ok=True)
        return [*super().users(), User("bob", "secret", base_path=self.root / "disk")]

    async def test_50_requests_on_a_hung_root(self) -> None:
        """While they wait, or are refused, a download from another root takes no time."""
        disk = SlowDisk(self.root / "disk")
        self.addCleanup(disk.close)
        self.addCleanup(self.restart_server)
        disk.mount()
        (self.root / "disk" / "file").write_bytes(content(3 << 20))
        disk.forget()
        self.write("small", b"served")
        await self.restart_server()
        waiting = await all_of(*(self.session("bob") for _ in range(50)))
        disk.set_delay(self.delay)

        async def fetch(client: Client) -> int:
            data = await client.passive()
            code = (await client.command("RETR file", 150, 451)).code
            if code == 150:
                await data.everything()
                code = (await client.reply(226, 426, 451)).code
            await data.vanish()
            return code

        hung = DeferredList([Deferred.fromCoroutine(fetch(client)) for client in waiting], consumeErrors=True)
        seconds = []
        other = await self.session()
        for _ in range(10):
            began = time.monotonic()
            self.assertEqual(await other.fetch("RETR small"), b"served")
            seconds.append(time.monotonic() - began)
        self.assertFalse(hung.called, "the disk was not hung")
        self.assertLess(statistics.median(seconds), 0.2)
        disk.set_delay(0)
        results: Any = await hung
        self.assertLessEqual({code for succeeded, code in results if succeeded}, {226, 426, 451})
        self.assertTrue(all(succeeded for succeeded, _ in results), results)
