# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Files sent, stored and continued: section F of the registry, its first part.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import stat
from collections.abc import Iterator
from typing import Any

from ftpserver import Permission, User

from .client import Client, DataConnection
from .conformance import ConformanceTestCase, holds


def octets(amount: int) -> bytes:
    """Return octets without a pattern, the same each time."""
    return random.Random(amount).randbytes(amount)


class RetrieveTests(ConformanceTestCase):
    """RETR."""

    def users(self) -> list[User]:
        """Forbid alice to read one directory."""
        permissions = [Permission("/"), Permission("/forbidden", readable=False)]
        return [User("alice", "secret", base_path=self.root, permissions=permissions)]

    @holds("F01")
    async def test_a_file_is_sent_octet_by_octet(self) -> None:
        """What comes is what the file holds, whatever its size."""
        client = await self.session()
        for size in (0, 1, 262144, 1_000_001):
            self.write("f", octets(size))
            self.assertEqual(await client.fetch("RETR f"), octets(size), size)

    @holds("F02")
    async def test_what_cannot_be_sent_is_refused_before_a_connection(self) -> None:
        """Missing files, directories and forbidden files are refused, and the server connects to nobody."""
        (self.root / "directory").mkdir()
        (self.root / "forbidden").mkdir()
        self.write("forbidden/f", b"hidden")
        client = await self.session()
        listener = await client.active()
        for path in ("missing", "directory", "forbidden/f", "missing/f", "forbidden/missing"):
            await client.command(f"RETR {path}", 550)
        self.assertEqual(listener.connections, [])

    @holds("F04")
    async def test_ascii_sends_network_line_ends(self) -> None:
        """Each LF is sent as CRLF and no CRLF twice, wherever pieces are cut."""
        text = b"one\ntwo\r\n\n\r\n\r\rthree\r\n"
        expected = re.sub(rb"(?<!\r)\n", b"\r\n", text)
        self.write("f", text)
        for block_size in (1, 2, 3, 5, 8192):
            await self.restart_server(block_size=block_size)
            client = await self.session()
            await client.command("TYPE A", 200)
            self.assertEqual(await client.fetch("RETR f"), expected, block_size)


class SpecialFileTests(ConformanceTestCase):
    """What is neither a file nor a directory."""

    def special_files(self) -> Iterator[str]:
        """Make a FIFO, a socket and, where that is allowed, a device; yield their names."""
        os.mkfifo(self.root / "fifo")
        yield "fifo"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.fspath(self.root / "socket"))
        yield "socket"
        with contextlib.suppress(PermissionError):
            os.mknod(self.root / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            yield "device"

    @holds("F03")
    async def test_special_files_are_refused_at_once(self) -> None:
        """No transfer of one begins, and another session is served meanwhile."""
        names = list(self.special_files())
        client, other = await self.session(), await self.session()
        for name in names:
            for verb in ("RETR", "STOR", "APPE"):
                await client.passive_port()
                await client.command(f"{verb} {name}", 550)
            await client.command(f"SIZE {name}", 550)
            await other.command("NOOP", 200)


class StoreTests(ConformanceTestCase):
    """STOR."""

    @holds("F05")
    async def test_ascii_stores_local_line_ends(self) -> None:
        """CRLF becomes LF; a CR or LF alone stays, wherever pieces are cut."""
        for block_size in (1, 2, 3, 8192):
            await self.restart_server(block_size=block_size)
            client = await self.session()
            await client.command("TYPE A", 200)
            await client.store("STOR f", b"one\r\ntwo\nthree\rfour\r\r\nfive\r\n\r")
            self.assertEqual((self.root / "f").read_bytes(), b"one\ntwo\nthree\rfour\r\nfive\n\r", block_size)

    @holds("F06")
    async def test_a_file_is_stored_octet_by_octet(self) -> None:
        """A new file, a longer one, a shorter one and an empty one are what was sent, and nothing of the old one."""
        client = await self.session()
        for size in (1000, 700_000, 10, 0):
            await client.store("STOR f", octets(size))
            self.assertEqual((self.root / "f").read_bytes(), octets(size), size)

    @holds("F07")
    async def test_what_cannot_be_stored_is_refused_before_the_mark(self) -> None:
        """Without a parent, onto a directory, or without the right, no transfer begins."""
        (self.root / "directory").mkdir()
        client = await self.session()
        for path in ("missing/f", "directory"):
            await client.passive_port()
            await client.command(f"STOR {path}", 550, 553)
        anonymous = await self.session("anonymous", "guest@example.org")
        await anonymous.passive_port()
        await anonymous.command("STOR f", 550, 553)


class ConcurrencyTests(ConformanceTestCase):
    """Several sessions and one name."""

    async def begin(self, verb: str) -> tuple[Client, DataConnection]:
        """Return a client that begins *verb* of the file ``f``, and its data connection."""
        client = await self.session()
        return client, await client.begin(f"{verb} f")

    @holds("F08")
    async def test_two_uploads_of_one_name_do_not_mix(self) -> None:
        """The file is one of the two."""
        (first, first_data), (second, second_data) = await self.begin("STOR"), await self.begin("STOR")
        for _ in range(10):
            first_data.send(b"a" * 1000)
            second_data.send(b"b" * 900)
            await first.command("NOOP", 200)
        await first_data.upload(b"")
        await first.reply(226)
        await second_data.upload(b"")
        await second.reply()
        self.assertIn((self.root / "f").read_bytes(), (b"a" * 10_000, b"b" * 9000))

    @holds("F09")
    async def test_a_reader_gets_the_old_file_or_the_new_one(self) -> None:
        """During the upload everybody reads the old file; afterwards the new one."""
        self.write("f", b"old")
        writer, data = await self.begin("STOR")
        data.send(b"new, first part; ")
        await writer.command("NOOP", 200)
        reader = await self.session()
        self.assertEqual(await reader.fetch("RETR f"), b"old")
        await data.upload(b"second part")
        await writer.reply(226)
        self.assertEqual(await reader.fetch("RETR f"), b"new, first part; second part")

    @holds("F10")
    async def test_append_makes_and_extends(self) -> None:
        """A file that is not there is made; one that is there gets longer."""
        client = await self.session()
        await client.store("APPE f", b"one ")
        await client.store("APPE f", b"two")
        self.assertEqual((self.root / "f").read_bytes(), b"one two")

    @holds("F10")
    async def test_two_appends_mix_no_block(self) -> None:
        """What two sessions append in turn stands in the file in that order, block by block."""
        grown = self.write("f")
        uploads = [await self.begin("APPE"), await self.begin("APPE")]
        for number in range(10):
            uploads[number % 2][1].send(b"%d" % number * 1000)
            await self.until_size(grown, number * 1000 + 1000)
        for client, data in uploads:
            await data.upload(b"")
            await client.reply(226)
        self.assertEqual(grown.read_bytes(), b"".join(b"%d" % number * 1000 for number in range(10)))

    @holds("F11")
    async def test_a_hundred_uploads_get_a_hundred_names(self) -> None:
        """STOU tells a name in its mark, and no two are the same, though all transfers run at once."""
        clients = [await self.session() for _ in range(10)]
        names: list[str] = []
        for _ in range(10):
            running = [(client, await client.passive()) for client in clients]
            for client, _data in running:
                client.send_line("STOU f")
            for client, data in running:
                told = re.fullmatch("FILE: (.+)", (await client.reply(150, 125)).text)
                assert told is not None
                names.append(told[1])
                await data.upload(told[1].encode())
                await client.reply(226)
        self.assertEqual(len(set(names)), 100)
        self.assertEqual({path.name: path.read_text() for path in self.root.iterdir()}, {name: name for name in names})

    @holds("F11")
    async def test_a_unique_name_needs_no_argument(self) -> None:
        """STOU alone makes a name in the current directory."""
        client = await self.session()
        await client.store("STOU", b"content")
        self.assertEqual([path.read_bytes() for path in self.root.iterdir()], [b"content"])


class AllocateTests(ConformanceTestCase):
    """ALLO."""

    @holds("F12")
    async def test_only_numbers_are_taken(self) -> None:
        """A size, and a record size, are accepted; what is no number, or beyond all, is refused."""
        client = await self.session()
        await client.command("ALLO 1000", 200, 202)
        await client.command("ALLO 1000 R 10", 200, 202)
        await client.command("ALLO", 501)
        await client.command("ALLO many", 501, 504)
        await client.command("ALLO 10 X 10", 501, 504)
        await client.command("ALLO 99999999999999999999999", 552)


class RestartTests(ConformanceTestCase):
    """REST."""

    async def start_server(self, **keywords: Any) -> None:
        """Serve a file of ten octets."""
        self.write("f", b"0123456789")
        await super().start_server(**keywords)

    @holds("F13")
    async def test_a_download_goes_on(self) -> None:
        """RETR sends the file from the offset on."""
        client = await self.session()
        await client.command("REST 4", 350)
        self.assertEqual(await client.fetch("RETR f"), b"456789")

    @holds("F14")
    async def test_an_upload_goes_on(self) -> None:
        """STOR writes at the offset and keeps what stands before it."""
        client = await self.session()
        await client.command("REST 4", 350)
        await client.store("STOR f", b"abcdefgh")
        self.assertEqual((self.root / "f").read_bytes(), b"0123abcdefgh")

    @holds("F15")
    async def test_an_offset_counts_once(self) -> None:
        """The second transfer starts at the beginning again."""
        client = await self.session()
        await client.command("REST 4", 350)
        await client.fetch("RETR f")
        self.assertEqual(await client.fetch("RETR f"), b"0123456789")

    @holds("F15")
    async def test_an_offset_outlives_parameters_and_ports(self) -> None:
        """REST may come before PASV, EPSV, PORT, TYPE and NOOP."""
        client = await self.session()
        for line in ("PASV", "EPSV", "PORT 127,0,0,1,200,1", "TYPE I", "NOOP"):
            await client.command("REST 4", 350)
            await client.command(line)
            self.assertEqual(await client.fetch("RETR f"), b"456789", line)

    @holds("F16")
    async def test_zero_clears_the_offset(self) -> None:
        """REST 0 takes back the REST before."""
        client = await self.session()
        await client.command("REST 4", 350)
        await client.command("REST 0", 350)
        self.assertEqual(await client.fetch("RETR f"), b"0123456789")

    @holds("F16")
    async def test_an_offset_beyond_the_end_is_refused(self) -> None:
        """RETR from beyond the end is refused; from the end it sends nothing."""
        client = await self.session()
        await client.passive_port()
        await client.command("REST 11", 350)
        await client.command("RETR f", 550, 554)
        await client.command("REST 10", 350)
        self.assertEqual(await client.fetch("RETR f"), b"")

    @holds("F17")
    async def test_an_offset_is_written_in_digits(self) -> None:
        """Signs, letters and nothing at all are syntax errors."""
        client = await self.session()
        for line in ("REST -1", "REST +1", "REST abc", "REST 1e3", "REST 1 2", "REST ", "REST"):
            await client.command(line, 501)

    @holds("F18")
    async def test_an_offset_beyond_every_file_is_refused(self) -> None:
        """Numbers beyond 2^63-1 are refused, and never wrap around."""
        client = await self.session()
        for number in (2**63, 2**64 + 4, 99999999999999999999):
            await client.command(f"REST {number}", 501)
        self.assertEqual(await client.fetch("RETR f"), b"0123456789")

    @holds("F19")
    async def test_an_offset_in_ascii_is_never_wrong(self) -> None:
        """In TYPE A an offset counts octets with CRLF, or it is refused."""
        self.write("text", b"one\ntwo\n")
        client = await self.session()
        await client.command("TYPE A", 200)
        if (await client.command("REST 5", 350, 501)).code == 350:
            data = await client.passive()
            reply = await client.command("RETR text")
            if reply.code < 200:
                self.assertEqual(await data.everything(), b"two\r\n")
                await client.reply(226)
            else:
                self.assertTrue(500 <= reply.code <= 599, reply)

    @holds("F19")
    async def test_large_offsets_work(self) -> None:
        """Offsets around 2 and 4 GB reach the right octets."""
        client = await self.session()
        for offset in (2**31 - 1, 2**32 + 1):
            with open(self.root / "large", "wb") as file:
                file.seek(offset)
                file.write(b"here")
            await client.command(f"REST {offset}", 350)
            self.assertEqual(await client.fetch("RETR large"), b"here")

    @holds("F20")
    async def test_append_does_not_mistake_an_offset(self) -> None:
        """APPE after REST writes at the offset, or is refused."""
        client = await self.session()
        await client.command("REST 4", 350)
        data = await client.passive()
        if (await client.command("APPE f")).code == 150:
            await data.upload(b"ab")
            await client.reply(226)
            self.assertTrue((self.root / "f").read_bytes().startswith(b"0123ab"))
        else:
            self.assertEqual((self.root / "f").read_bytes(), b"0123456789")

    @holds("F20")
    async def test_a_unique_file_has_no_offset(self) -> None:
        """STOU after REST is refused."""
        client = await self.session()
        await client.command("REST 4", 350)
        await client.passive_port()
        reply = await client.command("STOU")
        self.assertTrue(500 <= reply.code <= 599, reply)
