# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One session after another of :mod:`.random_transfers`: each transfer is drawn, made, and compared with what must be.
"""

from __future__ import annotations

import hashlib
import random
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from .random_transfers_client import PATIENCE, Control
from .random_transfers_models import Upload, difference, from_network, octets, text, to_network
from .random_transfers_plan import LISTINGS, MAXIMUM_FILES, Ending, Site, Step, draw, draw_site
from .random_transfers_server import PASSWORD, Rules
from .random_transfers_transfer import Transfer

__all__ = ["Campaign", "Session", "allowed", "digest"]

#: Part of the transfers behind which a session ends and another begins.
LEAVING = 0.05

#: Octets of a listing, and of a file that others change, as far as it matters where to cut them.
UNKNOWN_LENGTH = 1000


class Campaign(Protocol):
    """What all sessions have in common."""

    seed: int
    contexts: list[Any]

    def port(self, site: Site) -> int:
        """Return the port for *site*."""
        ...

    def directory(self, site: Site) -> Path:
        """Return the root of the account."""
        ...

    def count(self, *kinds: str) -> None:
        """Count something of each of these kinds."""
        ...

    def failed(self, problem: str) -> None:
        """Take what is wrong."""
        ...

    def trace(self, text: str) -> None:
        """Print what was done, if that is wanted."""
        ...

    def wait_gone(self, source: str, number: int) -> None:
        """Wait until the server has let go of that many sessions from *source*."""
        ...

    def offer(self, site: Site, name: str, found: bytes) -> None:
        """Note what a shared file may hold from now on."""
        ...

    def was_offered(self, site: Site, name: str, found: bytes) -> bool:
        """Tell whether a shared file may hold this."""
        ...


def digest(data: bytes) -> bytes:
    """Return a checksum."""
    return hashlib.blake2b(data).digest()


def allowed(step: Step, rules: Rules, limit: int) -> set[tuple[int, ...]]:
    """
    Return the codes of the replies that a transfer may have.

    :param limit: octets that an upload sends.
    """
    if step.refusal is not None:
        return {(step.refusal,)}
    if step.ending is Ending.LEFT:
        return {(150, 226, 221)}
    if step.ending.ends_session:
        return {(150,)}
    behind = (226,) if step.ending.is_abort else ()
    success, failure = (150, 226, *behind), (150, 426, *behind)
    if step.ending is Ending.WHOLE:
        return {success}
    if step.ending is Ending.ABORTED_AT_ONCE:
        return {failure, failure[1:]} if step.is_upload else {success, failure, failure[1:]}
    if step.ending is Ending.RESET and not step.is_passive:
        # Who resets at once was never there.
        return {failure, (150, 425)} if step.is_upload else {success, failure, (150, 425)}
    if not step.is_upload or step.ending is Ending.ABORTED_LATE:
        return {success, failure}
    if step.ending is Ending.CLOSED and not _is_cut_by_closing(step, rules, limit):
        return {success}
    return {failure}


def _is_cut_by_closing(step: Step, rules: Rules, limit: int) -> bool:
    """Tell whether an upload whose connection is closed is none: in clear that is its end."""
    return step.is_private and (not rules.takes_unclosed or bool(step.is_cut_in_record and limit))


class Session:
    """
    What one thread does: sessions one after another, from an address of its own.

    :param number: of the thread.
    :cvar maximum_files: in its directory at most, besides one that is made then.
    """

    maximum_files = MAXIMUM_FILES

    def __init__(self, campaign: Campaign, number: int) -> None:
        self._campaign = campaign
        self._number = number
        self.source = f"127.0.1.{number + 1}"
        self._stores: dict[tuple[str, str], dict[str, bytes]] = {}
        self._control: Control | None = None
        self._opened = 0
        self._is_ascii = True
        self._is_private = False
        self.site: Site

    # The life of a session.

    def run(self, numbers: Iterable[int]) -> None:
        """Make the transfers of these *numbers*, and leave."""
        for number in numbers:
            rng = random.Random(f"{self._campaign.seed}/{self._number}/{number}")
            if self._control is None or rng.random() < LEAVING:
                self.attempt(f"step {number}", self.leave)
                self.go_to(draw_site(rng))
            self.transfer(number, rng)
        self.attempt("the end", self.leave)

    def transfer(self, number: int, rng: random.Random) -> None:
        """Make the transfer of this *number*."""
        self.attempt(f"step {number}", self.tidy, rng)
        step = draw(rng, {name: len(data) for name, data in self.files.items()}, self.site)
        where = f"step {number}, {self.site}, {step}"
        self.attempt(where, self.perform, step, rng, f"{self._campaign.seed}/{self._number}/{number}/data")

    def attempt(self, where: str, function: Any, *arguments: object) -> None:
        """Call *function*; what is wrong costs the session, and is told so that it can be made again."""
        try:
            function(*arguments)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[1:]
            place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
            self._campaign.failed(
                f"seed {self._campaign.seed}, session {self._number}, {where}:\n"
                f"    {type(error).__name__}: {'; '.join([str(error), *getattr(error, '__notes__', ())])} ({place})"
            )
            self._drop()

    def _drop(self) -> None:
        control, self._control = self._control, None
        if control is not None:
            control.link.reset()
        self._campaign.wait_gone(self.source, self._opened)
        self._stores[self.site.server, self.site.store] = self._found()

    def go_to(self, site: Site) -> None:
        """Choose where the next session goes."""
        self.site = site
        if (site.server, site.store) not in self._stores:
            self.directory.mkdir()
            self._stores[site.server, site.store] = {}

    def enter(self) -> Control:
        """Log in, if need be."""
        if self._control is not None:
            return self._control
        campaign, site = self._campaign, self.site
        control = self._control = Control(campaign.port(site), self.source, campaign.contexts[site.version])
        self._opened += 1
        if site.tls == "implicit":
            control.begin_tls()
        assert control.reply().code == 220
        if site.tls == "explicit":
            control.command("AUTH TLS", 234)
            control.begin_tls()
        control.command(f"USER {site.login}", 331)
        control.command(f"PASS {PASSWORD}", 230)
        if site.tls != "off":
            control.command("PBSZ 0", 200)
        control.command(f"CWD {self.directory.name}", 250)
        self._is_ascii, self._is_private = True, site.tls == "implicit"
        campaign.count("sessions")
        return control

    def leave(self) -> None:
        """Log out, if need be."""
        control, self._control = self._control, None
        if control is not None:
            control.command("QUIT", 221)
            assert control.link.rest() == b""
            control.link.leave()
            self._campaign.wait_gone(self.source, self._opened)

    # What is there.

    @property
    def directory(self) -> Path:
        """The directory of this thread in the store of the account."""
        return self._campaign.directory(self.site) / f"s{self._number}"

    @property
    def files(self) -> dict[str, bytes]:
        """What must be in it."""
        return self._stores[self.site.server, self.site.store]

    def _found(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    # Transfers.

    def warm(self, step: Step) -> None:
        """Make a transfer that is not random."""
        private = replace(step, is_private=self.site.tls != "off")
        self.attempt(f"warming up, {self.site}, {private}", self.perform, private, random.Random(0), "warm")

    def perform(self, step: Step, rng: random.Random, seed: str) -> None:
        """Make a transfer, and compare."""
        control = self.enter()
        self._choose(control, step)
        data = (text if step.is_text else octets)(seed, step.size)
        expected = b"" if step.is_upload else self._expected(step)
        transfer = Transfer(control, step, rng, data, len(expected) or UNKNOWN_LENGTH)
        if step.is_shared and step.is_upload:
            self._campaign.offer(self.site, step.name, _as_file(step, data[: transfer.limit]))
        try:
            transfer.run()
        except Exception as error:
            error.add_note(f"replies so far: {transfer.codes}")
            raise
        if step.ending.ends_session:
            control.link.leave()
            self._control = None
            self._campaign.wait_gone(self.source, self._opened)
        self._campaign.trace(f"{seed}: {self.site}, {step}: {transfer.codes}, {len(expected)} octets expected")
        self.compare(step, transfer, data, expected)
        self._count(step)

    def tidy(self, rng: random.Random) -> None:
        """Delete a file where there are enough."""
        files = self.files
        if len(files) > self.maximum_files:
            name = rng.choice(sorted(files))
            self.enter().command(f"DELE {name}", 250)
            del files[name]

    def _choose(self, control: Control, step: Step) -> None:
        """Set the parameters of a transfer."""
        if step.is_ascii is not self._is_ascii:
            control.command(f"TYPE {'A' if step.is_ascii else 'I'}", 200)
            self._is_ascii = step.is_ascii
        if step.is_private is not self._is_private:
            control.command(f"PROT {'P' if step.is_private else 'C'}", 200)
            self._is_private = step.is_private

    def _count(self, step: Step) -> None:
        kind = f"{step.verb} refused" if step.refusal is not None else step.verb
        kind += " shared" if step.is_shared else " after REST" if step.offset is not None else ""
        self._campaign.count(
            "transfers",
            *(("aborted",) if not step.ending.is_whole or step.ending.is_abort else ()),
            kind,
            f"ending: {step.ending.value}",
            f"mode: {step.mode}",
            f"type: {'A' if step.is_ascii else 'I'}",
            f"data: {('TLS 1.2', 'TLS 1.3')[self.site.version] if step.is_private else 'clear'}",
            f"limit: {self.site.rate}",
            f"server: {self.site.server}",
            f"store: {self.site.store}",
        )

    # Comparing.

    def _require(self, problem: str) -> None:
        self._campaign.count("compared")
        assert not problem, problem

    def compare(self, step: Step, transfer: Transfer, data: bytes, expected: bytes) -> None:
        """
        Compare what a transfer has done with what it must do, and take note of the file.

        :raises AssertionError: if that is something else.
        """
        codes = tuple(transfer.codes)
        rules = self.site.rules
        assert codes in allowed(step, rules, transfer.limit), f"replies {codes}, last {transfer.last}"
        if step.refusal is None:
            succeeded = codes[:2] == (150, 226)
            if not step.is_upload:
                self._compare_download(step, transfer, expected, succeeded=succeeded)
            elif step.is_shared:
                self._compare_shared(step, (self._campaign.directory(self.site) / step.name[1:]).read_bytes())
            elif transfer.mark is None:
                self._wait_for(lambda: self._compare_upload(step, transfer, data, succeeded=succeeded))
            else:
                self._compare_upload(step, transfer, data, succeeded=succeeded)
        if transfer.mark is None:
            self._wait_for(self.compare_names)
        else:
            self.compare_names()

    def compare_names(self) -> None:
        """Require that what is in the directory is what must be there, by name."""
        names = self.names()
        assert names == set(self.files), f"{sorted(names)} are there, not {sorted(self.files)}"

    def names(self) -> set[str]:
        """Return what is in the directory."""
        return {path.name for path in self.directory.iterdir()}

    def _wait_for(self, compare: Callable[[], None]) -> None:
        """
        Compare until all is well, for a while: an upload that was aborted before its mark may yet have to be undone.

        A file that a thread is about to open just then is removed when it is open, and the reply does not wait for
        that.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return compare()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            self.enter().command("NOOP", 200)

    def _compare_shared(self, step: Step, found: bytes) -> None:
        known = self._campaign.was_offered(self.site, step.name, found)
        self._require("" if known else f"{len(found)} octets that nobody has stored")

    def _expected(self, step: Step) -> bytes:
        """Return what a download brings; of a listing, and of what others change, nothing is known yet."""
        data = self.files.get(step.name, b"")[step.offset or 0 :]
        return to_network(data) if step.is_ascii else data

    def _compare_download(self, step: Step, transfer: Transfer, expected: bytes, *, succeeded: bool) -> None:
        received: bytes = transfer.received
        is_complete = succeeded and step.ending not in (Ending.CLOSED, Ending.RESET)
        if step.is_private and (is_complete or step.ending.is_abort):
            # An end in order would be taken for that of the file.
            assert is_complete is transfer.ended_in_order, f"close_notify: {transfer.ended_in_order}"
        if step.is_shared:
            if is_complete:
                self._compare_shared(step, received)
        elif step.verb in LISTINGS:
            if is_complete:
                self._compare_listing(step, received)
        else:
            self._require(difference(received, expected if is_complete else expected[: len(received)]))

    def _compare_listing(self, step: Step, received: bytes) -> None:
        lines = received.decode().split("\r\n")
        assert lines.pop() == "", "the last line has no end"
        shown = {line.rsplit(" ", 1)[-1] for line in lines if "type=cdir" not in line and "type=pdir" not in line}
        self._require("" if shown == set(self.files) else f"{sorted(shown)} in place of {sorted(self.files)}")

    def _compare_upload(self, step: Step, transfer: Transfer, data: bytes, *, succeeded: bool) -> None:
        rules, files = self.site.rules, self.files
        if step.verb == "STOU" and transfer.mark is None:
            return
        name = step.name or transfer.name
        is_unclosed = step.ending is Ending.CLOSED and _is_cut_by_closing(step, rules, transfer.limit)
        sent = b"" if step.ending is Ending.ABORTED_AT_ONCE else data[: transfer.limit]
        upload = Upload(
            before=files.get(name),
            content=_as_file(step, sent),
            # REST 0 is as none.
            offset=step.offset or None,
            appends=step.verb == "APPE",
            is_atomic=rules.is_atomic,
            keeps=rules.keeps and not is_unclosed,
        )
        path = self.directory / name
        found = path.read_bytes() if path.exists() else None
        problem = upload.success(found) if succeeded else upload.failure(found)
        if step.ending is Ending.VANISHED and not upload.success(found):
            # The end of the file was seen before that of the session.
            problem = ""
        self._require(problem)
        if found is None:
            files.pop(name, None)
        else:
            files[name] = found


def _as_file(step: Step, data: bytes) -> bytes:
    return from_network(data) if step.is_ascii else data
