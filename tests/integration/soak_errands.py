# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What clients of :mod:`.soak` do between transfers.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .random_transfers_client import Control
from .random_transfers_plan import Site
from .random_transfers_server import PASSWORD

__all__ = ["ERRANDS", "VISITS", "Errand", "Visit"]

#: Seconds that a client does nothing, at most.
LONGEST_IDLENESS = 8.0

#: Commands that go together in one segment, at most.
MOST_TOGETHER = 50

#: What is refused, with the code of the reply.
REFUSALS: Mapping[str, int] = {
    "CWD ../../../etc": 550,
    "SIZE ../../../etc/passwd": 550,
    "CWD missing": 550,
    "MLST missing": 550,
    "RNTO without": 503,
    "RNFR missing": 550,
    "DELE missing": 550,
    "RMD missing": 550,
    "MKD": 501,
    "PORT 192,0,2,1,4,1": 504,
    "EPRT |1|127.0.0.1|22|": 504,
    "REST -1": 501,
    "TYPE X": 504,
    "MODE B": 504,
    "NONSENSE": 500,
    "USER": 501,
}


@dataclass(frozen=True)
class Errand:
    """
    Something in a session that has logged in.

    :ivar files: in the directory where the session is, with what is in them.
    :ivar over: is set when everybody goes home.
    """

    control: Control
    files: dict[str, bytes]
    rng: random.Random
    over: threading.Event

    def name(self) -> str:
        """Return the name of a file that is there, or of none."""
        return self.rng.choice(sorted(self.files) or ["missing"])


def idle(errand: Errand) -> None:
    """Do nothing for some time."""
    errand.over.wait(errand.rng.uniform(0, LONGEST_IDLENESS))
    errand.control.command("NOOP", 200)


def rename(errand: Errand) -> None:
    """Give a file another name, at times that of another file."""
    old = errand.name()
    if old not in errand.files:
        errand.control.command(f"RNFR {old}", 550)
        return
    new = errand.name() if errand.rng.random() < 0.2 else f"renamed{errand.rng.randrange(10**6)}"
    errand.control.command(f"RNFR {old}", 350)
    errand.control.command(f"RNTO {new}", 250)
    errand.files[new] = errand.files.pop(old)


def remove(errand: Errand) -> None:
    """Delete a file."""
    name = errand.name()
    errand.control.command(f"DELE {name}", 250 if name in errand.files else 550)
    errand.files.pop(name, None)


def facts(errand: Errand) -> None:
    """Ask for the facts of each file."""
    for name, data in errand.files.items():
        text = errand.control.command(f"MLST {name}", 250).text
        found = re.findall("size=([0-9]+);", text, re.IGNORECASE)
        assert found == [str(len(data))], f"{name} has {len(data)} octets, not {text!r}"


def directories(errand: Errand) -> None:
    """Make a directory, go there and back, and remove it."""
    errand.control.command("MKD directory", 257)
    errand.control.command("CWD directory", 250)
    assert "/directory" in errand.control.command("PWD", 257).text
    errand.control.command("CDUP", 250)
    errand.control.command("RMD directory", 250)


def refusals(errand: Errand) -> None:
    """Ask for what is refused."""
    for line in errand.rng.sample(sorted(REFUSALS), 3):
        errand.control.command(line, REFUSALS[line])


def together(errand: Errand) -> None:
    """Send many commands at once; the replies come in order."""
    codes = {"NOOP": 200, "PWD": 257, "SYST": 215, "FEAT": 211, "HELP": 214, "STAT": 211, "NONSENSE": 500}
    lines = errand.rng.choices(sorted(codes), k=errand.rng.randint(2, MOST_TOGETHER))
    errand.control.send(*lines)
    for line in lines:
        reply = errand.control.reply()
        assert reply.code == codes[line], f"to {line}: {reply}"


def unused_port(errand: Errand) -> None:
    """Ask for data ports that nobody uses."""
    for _ in range(errand.rng.randint(1, 3)):
        errand.control.passive_port(errand.rng.choice(("PASV", "EPSV")))


ERRANDS: Mapping[str, Callable[[Errand], None]] = {
    "idle": idle,
    "rename": rename,
    "delete": remove,
    "facts": facts,
    "directories": directories,
    "refusals": refusals,
    "together": together,
    "unused port": unused_port,
}


@dataclass(frozen=True)
class Visit:
    """A connection of its own that has just been greeted."""

    control: Control
    site: Site
    rng: random.Random

    def protect(self) -> None:
        """Begin explicit TLS, at times."""
        if self.site.tls == "explicit":
            self.control.command("AUTH TLS", 234)
            self.control.begin_tls()


def wrong_password(visit: Visit) -> None:
    """Try wrong passwords, then perhaps the right one."""
    visit.protect()
    for login in (visit.site.login, "nobody"):
        visit.control.command(f"USER {login}", 331)
        visit.control.command(f"PASS wrong{visit.rng.randrange(10**6)}", 530)
    if visit.rng.random() < 0.5:
        visit.control.command(f"USER {visit.site.login}", 331)
        visit.control.command(f"PASS {PASSWORD}", 230)


def silent(visit: Visit) -> None:
    """Say nothing."""


def unfinished_login(visit: Visit) -> None:
    """Leave before the password, or with it unanswered."""
    visit.protect()
    lines = [f"USER {visit.site.login}", f"PASS {PASSWORD}"]
    visit.control.send(*lines[: visit.rng.randint(1, 2)])


def unfinished_line(visit: Visit) -> None:
    """Leave amid a line."""
    visit.protect()
    visit.control.link.send(b"USER somebo")


def unfinished_handshake(visit: Visit) -> None:
    """Leave amid the handshake of TLS."""
    if visit.site.tls != "implicit":
        visit.control.command("AUTH TLS", 234)
        visit.control.link.send(visit.rng.choice((b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00", b"HELO\r\n")))


VISITS: Mapping[str, Callable[[Visit], None]] = {
    "wrong password": wrong_password,
    "silent": silent,
    "unfinished login": unfinished_login,
    "unfinished line": unfinished_line,
    "unfinished handshake": unfinished_handshake,
}
