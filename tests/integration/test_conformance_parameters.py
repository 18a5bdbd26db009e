# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Transfer parameters and the minimum set of commands: section P of the registry.
"""

from __future__ import annotations

from .client import Client
from .conformance import ConformanceTestCase, holds

TEXT = b"one\ntwo\n"
TEXT_ON_THE_WIRE = b"one\r\ntwo\r\n"


class ParameterTests(ConformanceTestCase):
    """TYPE, MODE and STRU."""

    async def reader(self) -> Client:
        """Return a session, with a file of two lines to see which type is in force."""
        self.write("text", TEXT)
        client = await self.connect()
        await client.login()
        return client

    @holds("P01")
    async def test_ascii_is_accepted(self) -> None:
        """TYPE A, with and without its format, sends CRLF."""
        client = await self.reader()
        for line in ("TYPE A", "TYPE A N"):
            await client.command("TYPE I", 200)
            await client.command(line, 200)
            self.assertEqual(await client.fetch("RETR text"), TEXT_ON_THE_WIRE)

    @holds("P02")
    async def test_other_formats_are_refused(self) -> None:
        """Telnet format and carriage control are not implemented; the type stays what it was."""
        client = await self.reader()
        await client.command("TYPE I", 200)
        await client.command("TYPE A T", 504)
        await client.command("TYPE A C", 504)
        await client.command("TYPE A Q", 501, 504)
        self.assertEqual(await client.fetch("RETR text"), TEXT)

    @holds("P03")
    async def test_local_octets_are_the_image_type(self) -> None:
        """TYPE L 8 and TYPE I send the file as it is."""
        client = await self.reader()
        for line in ("TYPE I", "TYPE L 8"):
            await client.command("TYPE A", 200)
            await client.command(line, 200)
            self.assertEqual(await client.fetch("RETR text"), TEXT)

    @holds("P04", "P05")
    async def test_other_types_are_refused(self) -> None:
        """Other octet sizes, EBCDIC and unknown types are refused with the code that says why."""
        client = await self.session()
        await client.command("TYPE L 7", 504)
        await client.command("TYPE L", 501)
        await client.command("TYPE E", 504)
        await client.command("TYPE Z", 501, 504)
        await client.command("TYPE", 501)

    @holds("P06")
    async def test_stream_mode_is_accepted(self) -> None:
        """MODE S is the one that there is."""
        client = await self.session()
        await client.command("MODE S", 200)
        await client.command("MODE B", 504)
        await client.command("MODE C", 504)
        await client.command("MODE Q", 501, 504)

    @holds("P07")
    async def test_file_structure_is_accepted(self) -> None:
        """STRU F is the one that there is."""
        client = await self.session()
        await client.command("STRU F", 200)
        await client.command("STRU R", 200, 504)
        await client.command("STRU P", 504)
        await client.command("STRU Q", 501, 504)

    @holds("P08")
    async def test_parameters_may_be_lower_case(self) -> None:
        """The letters of the parameters are understood in lower case."""
        client = await self.reader()
        for line in ("type a n", "type l 8", "mode s", "stru f", "type i"):
            await client.command(line, 200)
        self.assertEqual(await client.fetch("RETR text"), TEXT)


#: One right use of each command of the minimum set and of the base of the registry, in an order that works.
MINIMUM_SET = (
    "ACCT x", "TYPE I", "MODE S", "STRU F", "ALLO 10", "REST 0", "SYST", "STAT", "HELP", "NOOP", "MKD d", "CWD d",
    "CDUP", "PWD", "RNFR d", "RNTO e", "RMD e", "SITE HELP", "PASV", "ABOR",
)  # fmt: skip


class MinimumSetTests(ConformanceTestCase):
    """What every server provides."""

    @holds("P09")
    async def test_every_command_works(self) -> None:
        """No command of the minimum set is refused when it is used as it is meant."""
        client = await self.connect()
        await client.login()
        for line in MINIMUM_SET:
            code = (await client.command(line)).code
            self.assertLess(code, 400, line)

    @holds("P09")
    async def test_every_transfer_works(self) -> None:
        """Files can be stored, extended, read, listed and deleted, in passive and active mode."""
        client = await self.session()
        await client.store("STOR f", b"one")
        await client.store("APPE f", b"two")
        self.assertEqual(await client.fetch("RETR f"), b"onetwo")
        self.assertTrue((await client.fetch("LIST")).endswith(b" f\r\n"))
        listener = await client.active("PORT")
        client.send_line("NLST")
        data = await listener.connection()
        self.assertEqual(await data.everything(), b"f\r\n")
        await client.replies(150, 226)
        await client.command("DELE f", 250)
        await client.command("REIN", 220)
        await client.command("QUIT", 221)

    @holds("P10")
    async def test_the_old_names_work(self) -> None:
        """The names with an X do what those without do."""
        client = await self.session()
        await client.command("XMKD d", 257)
        self.assertTrue((self.root / "d").is_dir())
        await client.command("XCWD d", 250)
        self.assertIn('"/d"', (await client.command("XPWD", 257)).text)
        await client.command("XCUP", 200, 250)
        self.assertIn('"/"', (await client.command("PWD", 257)).text)
        await client.command("XRMD d", 250)
        self.assertFalse((self.root / "d").exists())
