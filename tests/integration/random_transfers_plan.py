# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What one transfer of :mod:`.random_transfers` is to be, drawn at random.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .random_transfers_server import RATES, RULES, STORES, Rules

__all__ = ["DOWNLOADS", "LISTINGS", "SHARED", "UPLOADS", "Ending", "Site", "Step", "draw", "draw_site"]

UPLOADS = ("STOR", "APPE", "STOU")
LISTINGS = ("LIST", "NLST", "MLSD")
DOWNLOADS = ("RETR", *LISTINGS)

MODES = ("PASV", "EPSV", "PORT", "EPRT")

#: Files that all sessions store and fetch at the same time.
SHARED = ("/shared/one", "/shared/two")

#: Where buffers, records of TLS, and pieces of the pumps end.
EDGES = (4096, 16384, 65536, 131072, 262144, 1048576)

LARGEST = 8 * 1024 * 1024

#: Largest file of an account with a speed limit, and largest of most files.
LARGEST_LIMITED = 300_000

#: Files in the directory of a session at most, besides one that is made then.
MAXIMUM_FILES = 12


class Ending(enum.Enum):
    """How a transfer ends: as it should, or how else."""

    WHOLE = "whole"
    CLOSED = "data connection closed"
    RESET = "data connection reset"
    ABORTED = "ABOR"
    ABORTED_URGENTLY = "ABOR as urgent data"
    ABORTED_AT_ONCE = "ABOR with the command"
    ABORTED_LATE = "ABOR behind the end"
    CONTROL_CLOSED = "control connection closed"
    CONTROL_RESET = "control connection reset"
    VANISHED = "both connections closed"
    LEFT = "QUIT meanwhile"

    @property
    def is_whole(self) -> bool:
        """Tell whether the client does its part of the transfer to the end."""
        return self in (Ending.WHOLE, Ending.ABORTED_LATE, Ending.LEFT)

    @property
    def is_abort(self) -> bool:
        """Tell whether ABOR is sent."""
        return self.name.startswith("ABORTED")

    @property
    def ends_session(self) -> bool:
        """Tell whether the control connection goes."""
        return self.name.startswith("CONTROL") or self in (Ending.VANISHED, Ending.LEFT)


@dataclass(frozen=True)
class Site:
    """
    Where a session goes.

    :ivar tls: ``off``, ``explicit`` or ``implicit``.
    :ivar version: the index of the only one that the client speaks.
    """

    server: str
    store: str
    rate: str
    tls: str
    version: int

    @property
    def rules(self) -> Rules:
        """What the server promises."""
        return RULES[self.server]

    @property
    def login(self) -> str:
        """The name of the account."""
        return f"{self.store}-{self.rate}"


@dataclass(frozen=True)
class Step:
    """
    One transfer.

    :ivar name: of the file; empty for what has none.
    :ivar is_private: whether the data connection is under TLS.
    :ivar size: of what is uploaded, in octets of the network.
    :ivar is_text: whether that has many line ends.
    :ivar offset: what REST says; ``None`` is without it.
    :ivar rest_first: whether REST comes before the data port is agreed.
    :ivar cut: where it is ended, as a part of the whole.
    :ivar is_cut_in_record: whether, under TLS, that is within a record.
    :ivar connects_first: whether a passive port is connected to before the command comes.
    :ivar hello_first: whether, after that, TLS begins before the command.
    :ivar closes_fully: whether the client closes rather than ends only its direction.
    :ivar piece: the smallest and the largest piece that is sent or received at once.
    :ivar receive_buffer: see :meth:`Link.connect`.
    :ivar asks: part of the pieces behind which the client asks something (NOOP, STAT), and waits for the answer.
    :ivar chats: whether the client sends something before a download, which is for nobody.
    :ivar refusal: the code that the command is to be refused with.
    """

    verb: str
    name: str = ""
    mode: str = "EPSV"
    is_ascii: bool = False
    is_private: bool = False
    size: int = 0
    is_text: bool = False
    offset: int | None = None
    rest_first: bool = False
    ending: Ending = Ending.WHOLE
    cut: float = 1.0
    is_cut_in_record: bool = False
    connects_first: bool = True
    hello_first: bool = False
    closes_fully: bool = False
    piece: tuple[int, int] = (65536, 65536)
    receive_buffer: int | None = None
    asks: float = 0.0
    chats: bool = False
    refusal: int | None = None

    @property
    def is_upload(self) -> bool:
        """Tell whether the client sends."""
        return self.verb in UPLOADS

    @property
    def is_shared(self) -> bool:
        """Tell whether other sessions use the file."""
        return self.name in SHARED

    @property
    def is_passive(self) -> bool:
        """Tell whether the client connects to the server."""
        return self.mode in ("PASV", "EPSV")

    @property
    def line(self) -> str:
        """The command."""
        return f"{self.verb} {self.name}".rstrip()


def draw_site(rng: random.Random) -> Site:
    """Draw where a session goes."""
    return Site(
        server=rng.choice(list(RULES)),
        store=rng.choice(STORES),
        rate=rng.choices(list(RATES), (6, 2, 2))[0],
        tls=rng.choices(("off", "explicit", "implicit"), (4, 5, 1))[0],
        version=rng.randrange(2),
    )


def draw(rng: random.Random, files: Mapping[str, int], site: Site) -> Step:
    """
    Draw a transfer.

    :param files: the sizes of those that are there.
    """
    is_limited = site.rate != "free"
    details = _draw_file(rng, files, site, LARGEST_LIMITED if is_limited else LARGEST)
    least = rng.choice((1, 100, 1000, 10_000)) + rng.randrange(100)
    bulk = max(details.get("size", 0), files.get(details["name"], 0))
    # An octet at a time would take minutes for a large file.
    least = max(least, bulk // 2000)
    is_slow = rng.random() < 0.2
    private = site.tls != "off" and rng.random() < 0.7
    return Step(
        mode=rng.choice(MODES),
        is_private=private,
        is_text=rng.random() < 0.5,
        rest_first=rng.random() < 0.5,
        connects_first=rng.random() < 0.6,
        hello_first=rng.random() < 0.5,
        piece=(least, least * rng.choice((1, 3, 30))),
        receive_buffer=rng.choice((2048, 5000, 65536)) if is_slow else None,
        chats=rng.random() < 0.1,
        **_draw_ending(rng, details, site, private),
        **details,
    )


def _draw_size(rng: random.Random, most: int) -> int:
    kind = rng.random()
    if kind < 0.08:
        size = rng.choice((0, 0, 1))
    elif kind < 0.55:
        size = int(2 ** rng.uniform(1, 12))
    elif kind < 0.78:
        size = rng.choice(EDGES) + rng.randint(-1, 1)
    elif kind < 0.97:
        size = rng.randint(1, LARGEST_LIMITED)
    else:
        size = rng.randint(1, LARGEST)
    return min(size, most)


def _draw_file(rng: random.Random, files: Mapping[str, int], site: Site, most: int) -> dict[str, Any]:
    """Draw what is done to which file."""
    names, size = sorted(files), _draw_size(rng, most)
    is_ascii = rng.random() < 0.3
    kind = rng.random()
    if kind < 0.05:
        return {"verb": rng.choice(LISTINGS), "name": "", "is_ascii": is_ascii}
    if kind < 0.10:
        return {"verb": "STOU", "name": "", "is_ascii": is_ascii, "size": size}
    if kind < 0.16:
        return _draw_shared(rng, site, size)
    if kind < 0.34 or not names:
        name = f"file{rng.randrange(10**6)}"
        return {"verb": rng.choices(("STOR", "APPE"), (4, 1))[0], "name": name, "is_ascii": is_ascii, "size": size}
    name = rng.choice(names)
    if kind < 0.36:
        return _draw_refused(rng, name, files[name])
    return _draw_about(rng, name, files[name], size, is_ascii=is_ascii)


def _draw_shared(rng: random.Random, site: Site, size: int) -> dict[str, Any]:
    name = rng.choice(SHARED)
    # Where files are written in place, who reads meanwhile gets what is there.
    if site.rules.is_atomic and rng.random() < 0.5:
        return {"verb": "STOR", "name": name, "size": size, "is_ascii": rng.random() < 0.3}
    return {"verb": "RETR", "name": name}


def _draw_refused(rng: random.Random, name: str, size: int) -> dict[str, Any]:
    choices: tuple[dict[str, Any], ...] = (
        {"verb": "RETR", "name": "missing", "refusal": 550},
        {"verb": "RETR", "name": name, "offset": size + 1, "refusal": 554},
        {"verb": "STOR", "name": name, "offset": size + 1, "refusal": 554},
        {"verb": "STOR", "name": "missing", "offset": 1, "refusal": 550},
        {"verb": "RETR", "name": name, "offset": 1, "is_ascii": True, "refusal": 554},
        {"verb": "STOR", "name": name, "offset": 1, "is_ascii": True, "refusal": 554},
        {"verb": "APPE", "name": name, "offset": 1, "refusal": 554},
        {"verb": "STOU", "name": "", "offset": 1, "refusal": 554},
    )
    return dict(rng.choice(choices))


def _draw_about(rng: random.Random, name: str, length: int, size: int, *, is_ascii: bool) -> dict[str, Any]:
    """Draw what is done to a file that is there."""
    verb, restarts = rng.choices(
        (("RETR", False), ("RETR", True), ("STOR", False), ("STOR", True), ("APPE", False)), (30, 12, 11, 10, 6)
    )[0]
    details: dict[str, Any] = {"verb": verb, "name": name, "size": size, "is_ascii": is_ascii and not restarts}
    if restarts:
        details["offset"] = rng.choice((0, length, rng.randint(0, length), rng.randint(0, length)))
    return details


def _draw_ending(rng: random.Random, details: Mapping[str, Any], site: Site, private: bool) -> dict[str, Any]:
    closes_fully = rng.random() < 0.5
    # What is asked behind QUIT is not answered.
    asks = rng.choice((0.02, 0.2)) if rng.random() < 0.2 else 0.0
    if "refusal" in details or rng.random() < 0.7:
        return {"closes_fully": closes_fully, "asks": asks}
    endings = list(Ending)[1:]
    if site.tls != "off":
        # What is urgent is for Telnet alone.
        endings.remove(Ending.ABORTED_URGENTLY)
    ending = rng.choice([*endings, Ending.CLOSED])
    return {
        "closes_fully": closes_fully,
        "asks": 0.0 if ending is Ending.LEFT else asks,
        "ending": ending,
        "cut": rng.choice((0.0, 1.0, rng.random(), rng.random(), rng.random())),
        "is_cut_in_record": private and rng.random() < 0.5,
    }
