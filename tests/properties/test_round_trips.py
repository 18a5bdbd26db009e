# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What goes to the client comes back: listing lines, names and addresses, read as a client reads them.
"""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.facts import Fact, FactListing
from ftpserver.core.listing import LongListing
from ftpserver.core.replies import decode_name
from ftpserver.core.status import Entry, FileStatus
from ftpserver.testing import Dialogue
from fuzzing.laws.addresses import check_address, check_eprt, check_port
from tests.listing_entries import can_stand, entries, moment_of
from tests.properties import fewer

NOW = datetime(2026, 7, 1, tzinfo=UTC)

#: Names as a disk has them: any octets but the slash and those that no line can carry.
OCTETS = st.binary(min_size=1, max_size=12).filter(lambda name: not set(name) & set(b"/\0\r\n"))
ODD_NAMES = [b" a", b"a ", b"-R", b"--", b"*", b"[a]", b"\xff\xff", b"...", b"\xc3\xa9"]
NAMES = (OCTETS | st.sampled_from(ODD_NAMES)).map(lambda octets: decode_name(octets))


def moment_of_line(month_and_day: str, clock_or_year: str) -> tuple[datetime, timedelta]:
    """Return the time that a line of LIST shows, and how exactly."""
    if ":" not in clock_or_year:
        shown = datetime.strptime(f"{month_and_day} {clock_or_year:0>4}", "%b %d %Y").replace(tzinfo=UTC)
        return shown, timedelta(days=1)
    shown = datetime.strptime(f"{month_and_day} {NOW.year} {clock_or_year}", "%b %d %Y %H:%M").replace(tzinfo=UTC)
    # Without a year, the time is not in the future, but for the clocks of two machines.
    shown = shown if shown < NOW + timedelta(days=2) else shown.replace(year=NOW.year - 1)
    return shown, timedelta(minutes=1)


class LinesTests(SynchronousTestCase):
    """A client reads what the server knew."""

    @given(entries())
    def test_facts_come_back(self, batch: list[Entry]) -> None:
        """Each line of MLSD gives back type, size, time, number, mode and owners, and the name to its last octet."""
        listing = FactListing(frozenset(Fact), lambda those: ["" for _ in those])
        lines = listing.format(batch).decode("utf-8", "surrogateescape").split("\r\n")[:-1]
        shown = [(name, status) for name, status in batch if can_stand(name)]
        self.assertEqual(len(lines), len(shown))
        for line, (name, status) in zip(lines, shown, strict=True):
            facts, _, read = line.partition(" ")
            self.assertEqual(read, name)
            self.assert_facts(dict(fact.split("=", 1) for fact in facts.split(";")[:-1]), status)

    def assert_facts(self, facts: dict[str, str], status: FileStatus) -> None:
        """Assert that *facts* say what *status* says."""
        mode = status.st_mode
        kind = {stat.S_IFREG: "file", stat.S_IFDIR: "dir"}.get(stat.S_IFMT(mode), "OS.unix=")
        self.assertTrue(facts.get("type", "OS.unix=").startswith(kind[:3]), facts)
        self.assertEqual(facts.get("size"), str(status.st_size) if stat.S_ISREG(mode) else None)
        self.assertEqual(datetime.strptime(facts["modify"], "%Y%m%d%H%M%S").replace(tzinfo=UTC), moment_of(status))
        self.assertEqual(facts["unique"].split("g"), [f"{status.st_dev:x}", f"{status.st_ino:x}"])
        self.assertEqual(int(facts["UNIX.mode"], 8), stat.S_IMODE(mode))
        self.assertEqual((facts["UNIX.owner"], facts["UNIX.group"]), (str(status.st_uid), str(status.st_gid)))

    @given(entries())
    def test_long_lines_come_back(self, batch: list[Entry]) -> None:
        """Each line of LIST gives back kind, rights, size, time as far as it is shown, and the name."""
        lines = LongListing(NOW.timestamp()).format(batch).decode("utf-8", "surrogateescape").split("\r\n")[:-1]
        shown = [(name, status) for name, status in batch if can_stand(name)]
        self.assertEqual(len(lines), len(shown))
        for line, (name, status) in zip(lines, shown, strict=True):
            mode, _, owner, group, size, month, day, clock, *_ = line.split(maxsplit=8)
            self.assertEqual(mode, stat.filemode(status.st_mode))
            self.assertEqual((owner, group, size), (str(status.st_uid), str(status.st_gid), str(status.st_size)))
            moment, exactly = moment_of_line(f"{month} {day}", clock)
            self.assertLess(abs(moment_of(status) - moment), exactly, line)
            # One blank stands before the name, and whatever follows is of it.
            date = f"{month} {day:>2} {clock:>5} "
            self.assertTrue(line.endswith(date + name), line)


class NamesTests(SynchronousTestCase):
    """A name from a listing can be asked for."""

    @fewer(4)
    @given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.sampled_from(["/", "/deep", "/deep/in side"]))
    def test_every_name_is_found_again(self, names: list[str], directory: str) -> None:
        """Whatever octets a name has, what NLST, MLSD and MLST show of it leads back to the same file."""
        assume("." not in names and ".." not in names)
        dialogue = Dialogue()
        for name in names:
            dialogue.files.write(f"{directory}/{name}", name.encode("utf-8", "surrogateescape"))
        dialogue.login()
        dialogue.say("TYPE I", expect=200)
        dialogue.say(f"CWD {directory}", expect=250)
        self.assert_found(dialogue, dialogue.download("NLST"), names)
        self.assert_found(dialogue, dialogue.download(f"NLST {directory}"), names)
        lines = dialogue.download("MLSD").splitlines(keepends=True)
        self.assert_found(dialogue, b"".join(line.partition(b" ")[2] for line in lines), names)
        for name in names:
            facts, _, path = dialogue.say(f"MLST {name}", expect=250).lines[1].partition(" ")
            self.assertEqual(path, f"{directory.rstrip('/')}/{name}")
            self.assertIn(f"{facts} {name}\r\n".encode("utf-8", "surrogateescape"), lines)
        dialogue.lose_connection()

    def assert_found(self, dialogue: Dialogue, listing: bytes, names: list[str]) -> None:
        """Assert that each line of *listing* is the name of one file, as RETR takes it."""
        lines = [line.decode("utf-8", "surrogateescape") for line in listing.split(b"\r\n")[:-1]]
        visible = [name for name in names if name not in ("deep",)]
        contents = [self.retrieve(dialogue, line) for line in lines if line not in ("deep", "/deep")]
        self.assertEqual(sorted(contents), sorted(name.encode("utf-8", "surrogateescape") for name in visible))

    def retrieve(self, dialogue: Dialogue, line: str) -> bytes:
        """Return what RETR of a line gives."""
        connection = dialogue.agree()
        dialogue.say(f"RETR {line}", expect=[150, 226])
        return bytes(connection.received)


class AddressesTests(SynchronousTestCase):
    """An address means the same on both sides."""

    @given(st.ip_addresses(v=4), st.sampled_from(["127.0.0.1", "::ffff:127.0.0.1"]))
    def test_passive_mode_tells_the_way(self, host: IPv4Address, client: str) -> None:
        """What 227 tells is the address that the client has reached, and a port that is open."""
        dialogue = Dialogue(server_host=str(host), client_host=client)
        dialogue.login()
        text = dialogue.say("PASV", expect=227).lines[0]
        numbers = text[text.index("(") + 1 : text.index(")")].split(",")
        self.assertEqual(".".join(numbers[:4]), str(host))
        self.assertEqual([int(numbers[4]) * 256 + int(numbers[5])], dialogue.network.open_ports)
        check_port(",".join(numbers).encode())
        dialogue.lose_connection()

    @given(st.ip_addresses(), st.integers(1024, 65535))
    def test_active_mode_goes_to_the_client_alone(self, host: IPv4Address | IPv6Address, port: int) -> None:
        """EPRT with the client's own address is taken in whatever spelling, and the server calls there."""
        unmapped = isinstance(host, IPv6Address) and host.ipv4_mapped is not None
        assume(not unmapped and not (isinstance(host, IPv6Address) and host.scope_id))
        server = "127.0.0.1" if host.version == 4 else "::1"
        dialogue = Dialogue(server_host=server, client_host=str(host))
        dialogue.login()
        dialogue.files.write("/file", b"content")
        connection = dialogue.network.expect(str(host), port)
        spelling = str(host) if host.version == 4 else host.exploded.upper()
        argument = f"|{1 if host.version == 4 else 2}|{spelling}|{port}|"
        dialogue.say(f"EPRT {argument}", expect=200)
        dialogue.say("RETR file", expect=[150, 226])
        self.assertEqual(bytes(connection.received), b"content")
        check_eprt(argument.encode())
        check_address(host)
        dialogue.lose_connection()
