# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Lines and replies on the control connection: section C of the registry, its first part.
"""

from __future__ import annotations

import os
import re
import tracemalloc
from typing import Any

from .client import Client, ConnectionClosed
from .conformance import ConformanceTestCase, holds

#: The form of a whole reply (RFC 959, section 4.2).
SINGLE_LINE = re.compile(rb"[1-5][0-9]{2} [^\r\n]*\r\n")
SEVERAL_LINES = re.compile(rb"([1-5][0-9]{2})-[^\r\n]*\r\n(?:(?!\1 )[^\r\n]*\r\n)*\1 [^\r\n]*\r\n")

#: Memory in octets that a flood of input may cost at its peak, with the client in the same process.
FLAT = 4_000_000


class GreetingTests(ConformanceTestCase):
    """What a client hears before it says anything."""

    @holds("C01")
    async def test_a_new_connection_is_greeted(self) -> None:
        """The first thing that a client gets is 220."""
        client = await self.connect(greeting=False)
        await client.reply(220)

    @holds("C01")
    async def test_a_connection_too_many_is_turned_away(self) -> None:
        """A client beyond the limit gets 421 and is cut off."""
        await self.restart_server(maximum_connections=1)
        await self.connect()
        second = await self.connect(greeting=False)
        await second.reply(421)
        await second.at_end()

    @holds("C02")
    async def test_a_greeting_may_have_several_lines(self) -> None:
        """The whole greeting comes while the client is silent."""
        await self.restart_server(welcome_message=["Welcome.", "Be kind.", "Enjoy."])
        client = await self.connect(greeting=False)
        greeting = await client.reply(220)
        self.assertEqual(len(greeting.lines), 3)

    @holds("C04")
    async def test_no_inner_line_of_a_greeting_ends_it(self) -> None:
        """A line of the welcome text that looks like the end of a reply does not end it."""
        await self.restart_server(welcome_message="Welcome.\n220 not the end\n221 nor this\nEnjoy.")
        client = await self.connect(greeting=False)
        greeting = await client.reply(220)
        self.assertEqual(len(greeting.lines), 4)
        await client.command("NOOP", 200)


class ReplyTests(ConformanceTestCase):
    """The form of replies."""

    @holds("C03")
    async def test_every_reply_is_well_formed(self) -> None:
        """Each reply is one line, or several of which only the last begins with the code and a blank."""
        client = await self.session()
        for line in (
            "NOOP",
            "FEAT",
            "HELP",
            "HELP RETR",
            "SITE HELP",
            "STAT",
            "STAT /",
            "MLST",
            "PWD",
            "BOGUS",
            "RETR x",
        ):
            reply = await client.command(line)
            is_well_formed = SINGLE_LINE.fullmatch(reply.raw) or SEVERAL_LINES.fullmatch(reply.raw)
            self.assertTrue(is_well_formed, f"{line}: {reply.raw!r}")

    @holds("C04")
    async def test_no_name_in_a_reply_ends_it(self) -> None:
        """A file whose name looks like the end of the reply does not end it."""
        self.write("250 End")
        client = await self.session()
        reply = await client.command("MLST 250 End", 250)
        self.assertTrue(reply.lines[1].startswith(" "))
        await client.command("NOOP", 200)


class VerbTests(ConformanceTestCase):
    """How lines become commands."""

    @holds("C05")
    async def test_case_does_not_matter(self) -> None:
        """Verbs are understood however they are written."""
        client = await self.session()
        for line in ("noop", "NoOp", "NOOP"):
            await client.command(line, 200)

    @holds("C06")
    async def test_blanks_belong_to_the_path(self) -> None:
        """Only the blank behind the verb is taken off; leading and trailing ones are part of the name."""
        client = await self.session()
        await client.command("MKD   lead", 257)
        await client.command("MKD trail ", 257)
        self.assertEqual(sorted(os.listdir(self.root)), ["  lead", "trail "])

    @holds("C12")
    async def test_a_line_may_end_with_lf(self) -> None:
        """A client that sends LF only is answered."""
        client = await self.connect()
        await client.send_raw(b"NOOP\n")
        await client.reply(200)

    @holds("C13")
    async def test_cr_alone_ends_no_line(self) -> None:
        """A CR within a line does not make two commands of it."""
        client = await self.connect()
        await client.send_raw(b"NOOP\rNOOP\r\n")
        await client.reply(500, 501)
        await client.command("SYST", 215)

    @holds("C14")
    async def test_nul_in_the_verb_is_an_error(self) -> None:
        """A verb with a NUL is not understood, and the session goes on."""
        client = await self.connect()
        await client.command(b"NO\0OP", 500)
        await client.command("NOOP", 200)

    @holds("C16")
    async def test_one_octet_a_segment_is_enough(self) -> None:
        """Commands that come octet by octet are understood."""
        client = await self.connect()
        await client.send_slowly(b"USER alice\r\n")
        await client.reply(331)
        await client.send_slowly(b"PASS secret\r\n")
        await client.reply(230)

    @holds("C17")
    async def test_many_commands_in_one_segment_are_answered_in_order(self) -> None:
        """Each of four commands that come at once gets its reply."""
        client = await self.session()
        await client.send_raw(b"SYST\r\nPWD\r\nNOOP\r\nCWD /\r\n")
        await client.replies(215, 257, 200, 250)

    @holds("C20")
    async def test_an_empty_line_disturbs_nothing(self) -> None:
        """After an empty line, ignored or refused, the next command is answered as ever."""
        client = await self.connect()
        await client.send_raw(b"\r\nSYST\r\n")
        if (await client.reply(500, 215)).code == 500:
            await client.reply(215)
        await client.command("NOOP", 200)


class TelnetTests(ConformanceTestCase):
    """The Telnet protocol that FTP inherited."""

    @holds("C07")
    async def test_interrupts_are_taken_out(self) -> None:
        """IP and DM before a verb do not belong to it."""
        client = await self.connect()
        await client.command(b"\xff\xf4\xff\xf2NOOP", 200)

    @holds("C08")
    async def test_a_telnet_command_in_a_verb_does_no_harm(self) -> None:
        """A Telnet NOP within a verb is taken out or makes it unknown; the session goes on."""
        client = await self.connect()
        await client.command(b"NO\xff\xf1OP", 200, 500)
        await client.command("NOOP", 200)

    @holds("C09")
    async def test_options_are_not_negotiated(self) -> None:
        """WILL and DO get no answer of their own."""
        client = await self.connect()
        await client.command(b"\xff\xfb\x01\xff\xfd\x03NOOP", 200)
        await client.command("QUIT", 221)
        await client.at_end()

    @holds("C10")
    async def test_a_doubled_iac_is_an_octet_of_the_name(self) -> None:
        """FF FF names one octet FF, and a reply with it doubles it again."""
        client = await self.session()
        reply = await client.command(b"MKD a\xff\xffb", 257)
        self.assertIn(b'"/a\xff\xffb"', reply.raw)
        self.assertEqual(os.listdir(os.fsencode(self.root)), [b"a\xffb"])


class PathOctetTests(ConformanceTestCase):
    """Octets of names."""

    @holds("C11")
    async def test_cr_nul_in_a_path_breaks_no_listing(self) -> None:
        """CR NUL is a CR of the name, or the name is refused; each line of a listing stays one entry."""
        client = await self.session()
        await client.command(b"MKD a\r\0b", 257, 550, 553)
        listing = await client.fetch("NLST")
        self.assertIn(listing, (b"", b"a\rb\r\n"))

    @holds("C15")
    async def test_every_other_octet_comes_back(self) -> None:
        """A name of all octets that a path may have is made, entered, shown and listed as it is."""
        name = bytes(octet for octet in range(1, 256) if octet not in b"\r\n/")
        written = name.replace(b"\xff", b"\xff\xff")
        client = await self.session()
        await client.command(b"MKD " + written, 257)
        await client.command(b"CWD " + written, 250)
        shown = await client.command("PWD", 257)
        self.assertIn(written.replace(b'"', b'""'), shown.raw)
        self.assertEqual(await client.fetch("NLST /"), b"/" + name + b"\r\n")


class FloodTests(ConformanceTestCase):
    """Lines without an end."""

    def start_to_measure(self) -> None:
        """Watch memory from now on."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def assert_flat(self) -> None:
        """Check that memory has not grown with the input."""
        self.assertLess(tracemalloc.get_traced_memory()[1], FLAT)

    async def refused_or_closed(self, client: Client) -> Any:
        """Return the 500, or the 421 or the end that a server may choose instead."""
        try:
            return await client.reply(500, 421)
        except ConnectionClosed:
            return None

    @holds("C18")
    async def test_a_long_line_is_refused_as_a_whole(self) -> None:
        """A line of 100 kB gets one reply, and nothing of it is run as a command."""
        client = await self.session()
        self.start_to_measure()
        await client.send_raw(b"MKD " + b"x" * 99_000 + b" MKD tail\r\n")
        await client.reply(500)
        await client.command("NOOP", 200)
        self.assertEqual(os.listdir(self.root), [])
        self.assert_flat()

    @holds("C19")
    async def test_input_without_a_line_end_is_thrown_away(self) -> None:
        """20 MB that are no line cost no memory, and other clients are served."""
        client, other = await self.connect(), await self.connect()
        self.start_to_measure()
        await client.pour(b"x" * 65536, 320)
        await other.command("NOOP", 200)
        client.send_line("")
        await self.refused_or_closed(client)
        self.assert_flat()
