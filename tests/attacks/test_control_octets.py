# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Octets that are no FTP, in commands, in names and in place of FTP.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ftpserver import COMMANDS
from ftpserver.core.replies import MAXIMUM_LINE_LENGTH

from ..integration.client import Client, ConnectionClosed, Reply
from .harness import AttackTestCase

#: Telnet commands that may stand anywhere: NOP, the synch of an interrupt, options, subnegotiations.
TELNET = (
    b"\xff\xf1", b"\xff\xf4\xff\xf2", b"\xff\xfb\x01", b"\xff\xfc\x03", b"\xff\xfd\x18", b"\xff\xfe\xff",
    b"\xff\xfa\x18\x01\xff\xf0", b"\xff\xfaMKD no\xff\xff\r\nMKD no\r\n\xff\xf0",
)  # fmt: skip

#: What terminals obey, templates fill in, and decoders choke on; each is marked, to be found again.
ODD = (
    b"\x1b]0;MARK\x07", b"\x1b[31mMARK\x1b[0m", b"\xc2\x9b31mMARK", b"MARK\rMARK", b"MARK\0MARK", b"\rMARK",
    b"\xc3\x28MARK",
    b"\xed\xa0\x80MARK",
    b"\xf8\x88\x80\x80\x80MARK", b"\xc0\xafMARK", b"%s%n%xMARK", b"{0}{x!r}MARK",
    b"${x}MARK", b"%(x)sMARK", b"\xe2\x80\xaeMARK", b"\xe2\x80\xa8MARK", b"\x08\x08\x7fMARK", b"MARK 220 hello",
)  # fmt: skip

#: Octets that no reply has beside the ends of its lines and the names of files.
CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")

#: What other protocols begin with.
NOISE = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /x HTTP/1.0\r\nContent-Length: 20\r\n\r\nUSER alice\r\nPASS secret\r\n",
    b"HEAD / HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"PROPFIND /dav HTTP/1.1\r\n\r\n",
    b"CONNECT example.org:25 HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /\r\n",
    b"PUT /a\r\nDELE f\r\n",
    b"EHLO example.org\r\nMAIL FROM:<a@example.org>\r\n",
    b"HELO x\r\n",
    b"ehlo x\r\n",
    b"SSH-2.0-OpenSSH_9.0\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    b"\x16\x03\x03\r\nUSER alice\r\n",
)

#: What is nobody's protocol, or cannot be told from FTP so early: it is refused line by line.
STRANGE = (
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 21\r\n",
    b"\r\n\r\n\0\r\nQUIT\0\r\n",
    b"\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a!\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"\x00\x00\x00\x85\xffSMB\r\n",
    b'{"jsonrpc": "2.0"}\r\n',
    b"a001 LOGIN alice secret\r\n",
    b"\x80\x2e\x01\x00\x02\r\n",
    b"stats\r\n",
    b"USER\xc2\xa0alice\r\n",
    b"\xef\xbb\xbfUSER alice\r\n",
    b"\xef\xbc\xb5SER alice\r\n",
    b"U\xcd\xa5SER alice\r\n",
    b" USER alice\r\n",
    b"\tUSER alice\r\n",
    b"USER\talice\r\n",
)


class TelnetTests(AttackTestCase):
    """Telnet commands in every place."""

    async def test_they_change_nothing(self) -> None:
        """Wherever a Telnet command stands in a dialogue, the dialogue is the same, and nothing else is run."""
        dialogue = b"NOOP\r\nCWD /\r\nTYPE I\r\nPWD\r\n"
        client = await self.session()
        for telnet in TELNET:
            for place in range(len(dialogue) + 1):
                await client.send_raw(dialogue[:place] + telnet + dialogue[place:])
                await client.replies(200, 250, 200, 257)
        self.assertEqual(os.listdir(self.root), [])

    async def test_urgent_data_changes_nothing(self) -> None:
        """Octets sent as urgent data stay where they are in the stream."""
        client = await self.session()
        line = b"MKD one\r\n"
        for place in range(1, len(line) + 1):
            client.send_urgent(line[:place])
            await client.turn()
            if line[place:]:
                client.send_now(line[place:])
            await client.reply(257)
            self.assertEqual(os.listdir(self.root), ["one"])
            await client.command("RMD one", 250)

    async def test_a_login_may_hold_them(self) -> None:
        """A name and a password with Telnet commands within are the name and the password."""
        client = await self.connect()
        await client.command(b"USER al\xff\xf1ice\xff\xf4\xff\xf2", 331)
        await client.command(b"PA\xff\xfb\x01SS sec\xff\xf1ret", 230)


class OddTests(AttackTestCase):
    """Odd octets in arguments."""

    def lines(self) -> Iterator[bytes]:
        """Yield each command with each odd argument; those that end the session or need its data port apart."""
        for verb in sorted({verb for verb in COMMANDS if verb not in ("QUIT", "REIN", "USER", "PASS")}):
            for odd in ODD:
                yield verb.encode() + b" " + odd
        for odd in ODD:
            yield odd
            yield b"NO" + odd + b"OP"
            yield b"SITE " + odd + b" x"
            yield b"OPTS " + odd

    def assert_clean(self, line: bytes, reply: Reply) -> None:
        """Assert that a reply is one, and tells nothing that the client has chosen but the name of what is there."""
        _verb, _blank, name = line.partition(b" ")
        names_a_file = reply.code in (257, 250, 150, 212, 213)
        around = reply.raw.replace(name, b"") if names_a_file and name else reply.raw
        self.assertNotIn(b"MARK", around, f"{line!r}: {reply}")
        self.assertNotRegex(around, CONTROL, f"{line!r}: {reply}")

    async def test_no_reply_repeats_them(self) -> None:
        """Whatever stands behind whatever verb gets one reply, well formed, that repeats none of it."""
        client = await self.session()
        for line in self.lines():
            self.assert_clean(line, await client.command(line))
            if line.startswith(b"RNFR"):
                await client.command("RNTO", 501, 503)
        await client.command("NOOP", 200)
        await self.assert_served()

    async def test_no_reply_to_a_stranger_repeats_them(self) -> None:
        """The same before the login, where names and passwords are odd, too."""
        client = await self.connect()
        for odd in ODD:
            for line in (b"USER " + odd, b"USER alice", b"PASS " + odd):
                if client.has_ended:
                    client = await self.connect()
                self.assert_clean(line, await client.command(line))
                try:
                    await client.command("NOOP", 200)
                except (AssertionError, ConnectionClosed):
                    # The third wrong password was the last.
                    await client.lost()

    async def test_templates_are_names(self) -> None:
        """What looks like a template is the name that it is, in files, in replies and in listings."""
        client = await self.session()
        names = ["%s%n", "{0}", "${x}", "%(x)s", "{x!r:>9}", "$(id)", "`id`", "a;b|c&d"]
        for name in names:
            self.assertIn(f'"/{name}"', (await client.command(f"MKD {name}", 257)).text)
        listed = (await client.fetch("NLST")).decode().splitlines()
        self.assertEqual(sorted(listed), sorted(names))


class ForgedNameTests(AttackTestCase):
    """Names on the disk that were chosen to be shown."""

    names = (
        "a\r\n226 Done.",
        "b\n250 End",
        "c\r\n150 x\r\n",
        "d\x00"[:1] + "\r",
        " type=file; e",
        "250 End",
        "f\x1b[2J",
    )

    async def test_no_name_forges_a_reply_or_a_line(self) -> None:
        """A listing has a line for each entry at most, and STAT and MLST are one reply each."""
        for name in self.names:
            self.write(name)
        client = await self.session()
        for line in ("LIST", "NLST", "MLSD"):
            octets = await client.fetch(line)
            self.assertLessEqual(octets.count(b"\n"), len(self.names) + 2, octets)
            self.assertEqual(octets.count(b"\n"), octets.count(b"\r\n"))
            self.assertNotRegex(octets, rb"(?m)^(226 Done|250 End\r\n.*250 End|150 x)")
        reply = await client.command("STAT /", 212)
        self.assertLessEqual(len(reply.lines), len(self.names) + 4)
        await client.command("NOOP", 200)

    async def test_no_reply_line_is_longer_than_it_may_be(self) -> None:
        """The longest path, of quotes that a reply doubles, comes whole, and no line is beyond the bound."""
        client = await self.session()
        name = '"' * 250
        for _ in range(15):
            await client.command(f"MKD {name}", 257)
            await client.command(f"CWD {name}", 250)
        for line in ("PWD", "MLST", "STAT .", "MKD x", "RMD x", "RNFR /", "RETR " + "x" * 16000):
            reply = await client.command(line)
            longest = max(map(len, reply.raw.split(b"\r\n")))
            self.assertLessEqual(longest, MAXIMUM_LINE_LENGTH + len("250-"), line)
        self.assertEqual((await client.command("PWD", 257)).text.count('""'), 250 * 15)


class NoiseTests(AttackTestCase):
    """Clients of other protocols."""

    async def strange(self, octets: bytes) -> tuple[Client, list[Reply]]:
        """Return a client that has begun so, and what it was told until the end."""
        client = await self.connect()
        await client.pour(octets, 1)
        client.finish()
        replies = []
        try:
            while True:
                replies.append(await client.reply())
        except ConnectionClosed:
            await client.lost()
        return client, replies

    async def test_other_protocols_are_cut_off_at_the_first_line(self) -> None:
        """A request of HTTP, a hello of TLS or SMTP gets 421 and the end; no line behind it is answered."""
        self.write("f", b"kept")
        for octets in NOISE:
            _, replies = await self.strange(octets)
            self.assertEqual([reply.code for reply in replies], [421], octets)
        self.assertTrue((self.root / "f").exists())
        await self.assert_served()

    async def test_the_end_comes_by_itself(self) -> None:
        """Such a client is cut off while it waits."""
        for octets in NOISE:
            client = await self.connect()
            await client.pour(octets, 1)
            await client.lost()
        await self.until(lambda: self.server.sessions == 1)

    async def test_what_is_no_ftp_is_refused(self) -> None:
        """Other lines get nothing but refusals: no verb is found in them."""
        for octets in STRANGE:
            _, replies = await self.strange(octets)
            self.assertLessEqual({reply.code for reply in replies}, {500, 501, 502, 530, 221}, f"{octets!r}: {replies}")
            self.assertNotIn(b"alice", b"".join(reply.raw for reply in replies))
        await self.assert_served()
