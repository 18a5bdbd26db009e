# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
FEAT, OPTS, SIZE, MDTM, MFMT, CLNT and SITE: section X of the registry.
"""

from __future__ import annotations

import os
from typing import Any

from ftpserver import COMMANDS, CommandTable, Permission, User

from .client import Client
from .conformance import ConformanceTestCase, holds

#: A right use of each extension that FEAT may list; none says "not implemented".
PROOFS = {
    "CLNT": "CLNT test",
    "EPRT": "EPRT |1|127.0.0.1|50000|",
    "EPSV": "EPSV",
    "MDTM": "MDTM f",
    "MFMT": "MFMT 20260102030405 f",
    "MLST": "MLST f",
    "REST": "REST 0",
    "SIZE": "SIZE f",
    "TVFS": "CWD /",
    "UTF8": "OPTS UTF8 ON",
}


async def features(client: Client) -> list[str]:
    """Return the lines of FEAT without the first and the last."""
    return [line.removeprefix(" ") for line in (await client.command("FEAT", 211)).lines[1:-1]]


class FeatureTests(ConformanceTestCase):
    """FEAT and OPTS."""

    @holds("X01")
    async def test_each_feature_is_a_line_behind_one_blank(self) -> None:
        """The reply opens with ``211-``, has one blank before each feature, and ends with ``211 End``."""
        client = await self.connect()
        first, *middle, last, rest = (await client.command("FEAT", 211)).raw.split(b"\r\n")
        self.assertTrue(first.startswith(b"211-"))
        self.assertTrue(all(line[:1] == b" " and line[1:2].isalpha() for line in middle), middle)
        self.assertEqual((last.lower(), rest), (b"211 end", b""))

    @holds("X01")
    async def test_no_features_are_one_line(self) -> None:
        """A server whose commands bring no feature says so in a single line."""
        plain = CommandTable(row for row in COMMANDS.values() if not row.features)
        await self.restart_server(commands=plain)
        client = await self.connect()
        self.assertEqual(len((await client.command("FEAT", 211)).lines), 1)

    @holds("X02")
    async def test_commands_that_are_no_features_are_not_listed(self) -> None:
        """FEAT and OPTS themselves, MLSD and the commands of the base are not in the list."""
        client = await self.session()
        names = {line.split(" ")[0] for line in await features(client)}
        self.assertFalse(
            names & {"FEAT", "OPTS", "MLSD", "USER", "PASS", "RETR", "STOR", "LIST", "NLST", "PASV", "PORT"}
        )

    @holds("X03")
    async def test_what_is_listed_works_and_what_works_is_listed(self) -> None:
        """Each extension is in the list exactly when a right use of it is not refused."""
        self.write("f", b"content")
        client = await self.session()
        listed = {line.split(" ")[0] for line in await features(client)}
        self.assertEqual(listed, set(PROOFS))
        for name, line in PROOFS.items():
            self.assertLess((await client.command(line)).code, 400, name)
        for verb in ("AUTH TLS", "PBSZ 0", "PROT P", "HOST x", "LANG", "HASH f", "MFF x f", "RANG 0 1", "AVBL"):
            await client.command(verb, 502)

    @holds("X03")
    async def test_active_mode_is_listed_only_where_it_works(self) -> None:
        """A server without active mode does not list EPRT, and refuses it."""
        await self.restart_server(active_mode=False)
        client = await self.session()
        self.assertNotIn("EPRT", await features(client))
        await client.command("EPRT |1|127.0.0.1|50000|", 502)
        await client.command("PORT 127,0,0,1,200,1", 502)

    @holds("X04")
    async def test_unknown_options_are_refused(self) -> None:
        """OPTS for a command without options, or for none, is a syntax error."""
        client = await self.session()
        for line in ("OPTS RETR x", "OPTS NOSUCH", "OPTS"):
            await client.command(line, 501)

    @holds("X05")
    async def test_utf8_can_be_asked_for(self) -> None:
        """Names are UTF-8 whether or not a client asks, before and after the login, in the old form, too."""
        client = await self.connect()
        await client.command("OPTS UTF8 ON", 200)
        await client.login()
        await client.command("OPTS UTF8 ON", 200)
        await client.command("opts utf8 on", 200)
        await client.command("OPTS UTF8 OFF", 200, 501, 504)
        await client.command("OPTS UTF-8 NLST", 200)
        await client.command("MKD \u00e4\u20ac", 257)
        self.assertEqual(os.listdir(os.fsencode(self.root)), ["\u00e4\u20ac".encode()])

    @holds("X14")
    async def test_a_client_may_tell_its_name(self) -> None:
        """CLNT is accepted, and changes nothing."""
        client = await self.session()
        await client.command("CLNT test client 1.0", 200)


class AttributeTestCase(ConformanceTestCase):
    """Accounts with and without rights."""

    def users(self) -> list[User]:
        """Hide a directory from alice."""
        permissions = [Permission("/"), Permission("/denied", readable=False, writable=False)]
        return [User("alice", "secret", base_path=self.root, permissions=permissions), User(base_path=self.root)]

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file, a directory, and a file that may not be seen."""
        (self.root / "d").mkdir()
        (self.root / "denied").mkdir()
        self.write("denied/f")
        self.write("f", b"one\ntwo\n")
        await super().start_server(**keywords)


class SizeTests(AttributeTestCase):
    """SIZE."""

    @holds("X07")
    async def test_the_size_is_that_of_the_transfer(self) -> None:
        """In TYPE I the size is exact; in TYPE A it is exact, too, or refused."""
        client = await self.session()
        reply = await client.command("SIZE f", 213)
        self.assertEqual(reply.raw, b"213 8\r\n")
        await client.command("TYPE A", 200)
        reply = await client.command("SIZE f", 213, 550)
        if reply.code == 213:
            self.assertEqual(int(reply.text), len(await client.fetch("RETR f")))

    @holds("X08")
    async def test_only_files_have_a_size(self) -> None:
        """Directories, and what is missing or forbidden, are refused; large files have their size."""
        with open(self.root / "large", "wb") as file:
            file.truncate(2**32 + 1)
        client = await self.session()
        for path in ("d", "missing", "denied/f", "denied", "/"):
            await client.command(f"SIZE {path}", 550)
        self.assertEqual((await client.command("SIZE large", 213)).text, str(2**32 + 1))


class TimeTests(AttributeTestCase):
    """MDTM and MFMT."""

    @holds("X09")
    async def test_the_time_is_told_in_utc(self) -> None:
        """MDTM tells the time of the file; what is missing or forbidden is refused."""
        os.utime(self.root / "f", (981173106, 981173106))
        client = await self.session()
        self.assertEqual((await client.command("MDTM f", 213)).text, "20010203040506")
        for path in ("missing", "denied/f"):
            await client.command(f"MDTM {path}", 550)

    @holds("X09")
    async def test_a_name_may_look_like_a_time(self) -> None:
        """The example of the standard: a file whose name begins with fourteen digits and a blank."""
        name = "19990929043300 file6"
        self.write(name)
        os.utime(self.root / name, (981173106, 981173106))
        client = await self.session()
        self.assertEqual((await client.command(f"MDTM {name}", 213)).text, "20010203040506")
        self.assertEqual((self.root / name).stat().st_mtime, 981173106)

    @holds("X10")
    async def test_the_time_can_be_set(self) -> None:
        """The reply tells fact and path; the file has the time, be it before 1970, after 2038 or with a fraction."""
        client = await self.session()
        for written, seconds in (
            ("20010203040506", 981173106.0),
            ("19690720201740", -14182940.0),
            ("20400101000000", 2208988800.0),
            ("20010203040506.25", 981173106.25),
        ):
            reply = await client.command(f"MFMT {written} f", 213)
            self.assertRegex(reply.text, rf"^Modify={written[:14]}[.0-9]*; /?f$")
            self.assertEqual((self.root / "f").stat().st_mtime, seconds)

    @holds("X10")
    async def test_impossible_times_are_refused(self) -> None:
        """Dates that no calendar has, and other forms, are syntax errors and change nothing."""
        before = (self.root / "f").stat().st_mtime
        client = await self.session()
        for written in (
            "20010229000000",
            "20011301000000",
            "20010203240000",
            "2001020304",
            "x",
            "-1",
            "20010203040560",
        ):
            await client.command(f"MFMT {written} f", 501)
        await client.command("MFMT 20010203040506 missing", 550)
        await client.command("MFMT 20010203040506 denied/f", 550)
        await client.command("MFMT 20010203040506", 501)
        self.assertEqual((self.root / "f").stat().st_mtime, before)


class SiteTests(AttributeTestCase):
    """SITE."""

    @holds("X17")
    async def test_site_commands_are_listed(self) -> None:
        """SITE HELP lists them; others are refused."""
        client = await self.session()
        self.assertIn("CHMOD", (await client.command("SITE HELP", 214)).text)
        await client.command("SITE NOSUCH", 500, 504)
        await client.command("SITE", 500, 501, 504)

    @holds("X17")
    async def test_the_mode_can_be_set(self) -> None:
        """SITE CHMOD sets permission bits, and refuses what is no mode."""
        client = await self.session()
        for written, bits in (("640", 0o640), ("0600", 0o600), ("7", 0o007)):
            await client.command(f"SITE CHMOD {written} f", 200, 250)
            self.assertEqual((self.root / "f").stat().st_mode & 0o7777, bits)
        for written in ("999", "u+x", "-1", "77777", "4755", ""):
            await client.command(f"SITE CHMOD {written} f", 501)

    @holds("X17")
    async def test_the_mode_is_changed_only_where_a_file_could_be_stored(self) -> None:
        """Forbidden and missing paths, and accounts that may not write, are refused."""
        mode = (self.root / "f").stat().st_mode
        client, anonymous = await self.session(), await self.session("anonymous", "guest@example.org")
        for path in ("denied/f", "missing", "../../missing/f"):
            await client.command(f"SITE CHMOD 700 {path}", 550)
        await anonymous.command("SITE CHMOD 700 f", 550)
        self.assertEqual((self.root / "f").stat().st_mode, mode)
