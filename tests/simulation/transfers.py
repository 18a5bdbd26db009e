# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Transfers as clients make them, well or badly, and what has to come of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from .expectation import ABSENT, Allowed, prefix, whole
from .lines import Line
from .network import Call
from .sent import Behaviour, Sent, content
from .session import TRANSFER, TROUBLE, Asked, Finding, Until

if TYPE_CHECKING:
    from .client import Client
    from .expectation import Files
    from .session import Session, Steps

__all__ = ["Transfers"]

#: Octets that a client sends at once.
PUSH = 60000

#: Codes for the answer to an agreement about the data connection.
REFUSED = frozenset({425})


_BARE_LF = re.compile(rb"(?<!\r)\n")


class Transfers:
    """
    Uploads, downloads and listings of one session.

    :ivar is_text: whether TYPE A is in force.
    """

    def __init__(self, client: Client, session: Session, files: Files, directory: str) -> None:
        self.client = client
        self.session = session
        self.files = files
        self.directory = directory
        self.random = client.random
        self.world = client.world
        self.is_text = False
        self.is_secure = False
        self._names = 0
        self._unsettled: Callable[[], None] | None = None

    # The data connection.

    def _agree(self) -> Generator[Until, None, Callable[[], Line] | None]:
        """Agree a data connection; returns what makes it, nothing if the server refuses."""
        session, client = self.session, self.client
        way = self.random.choice(("EPSV", "PASV", "PORT", "EPRT"))
        if way in ("EPSV", "PASV"):
            asked = yield from session.say(way, {229 if way == "EPSV" else 227} | self._refusals(REFUSED))
            assert asked.final is not None
            if asked.code in REFUSED:
                return None
            port = _port(asked.final.lines[0])
            self._may_meet_a_stranger(port)
            return lambda: Line(self.world.network.connect(client.host, port))
        port = client.next_port()
        call = self.world.network.expect(client.host, port)
        numbers = f"{client.host.replace('.', ',')},{port // 256},{port % 256}"
        line = f"PORT {numbers}" if way == "PORT" else f"EPRT |1|{client.host}|{port}|"
        yield from session.say(line, {200})
        return lambda: _called(call)

    def _may_meet_a_stranger(self, port: int) -> None:
        """Let somebody else connect first, who wants to send or to get; nobody is spared that."""
        if self.world.chance.strikes("stranger", self.client.name):
            stranger = Line(self.world.network.connect("10.66.6.6", port))
            stranger.send(b"what a stranger has sent")
            stranger.finish()
            self.world.strangers.append(stranger)

    def _refusals(self, codes: frozenset[int]) -> frozenset[int]:
        return frozenset() if self.client.is_spared else codes

    def _connect(self, make: Callable[[], Line]) -> Line | None:
        """Connect; where it is the server who calls there may be nothing yet."""
        try:
            line = make()
        except _NotYet:
            return None
        except ConnectionRefusedError:
            # The transfer is over, and its port with it.
            return None
        if self.is_secure:
            line.secure(self.world.client_context)
        self.session.data.append(line)
        return line

    def _begin(self, line: str, behaviour: Behaviour) -> Generator[Until, None, tuple[Asked, Line | None] | None]:
        """Agree a data connection, ask for the transfer and connect, in whatever order."""
        make = yield from self._agree()
        if make is None:
            return None
        comes = behaviour is not Behaviour.NEVER_CONNECTS
        data = self._connect(make) if comes and self.random.random() < 0.5 else None
        codes = frozenset({226}) if self.client.is_spared else TRANSFER
        asked = self.session.ask(line, codes, is_transfer=True)
        while comes and data is None and not asked.final:
            data = self._connect(make)
            if data is None:
                yield from self.session.until(lambda: asked.final is not None, 0.01)
        return asked, data

    # Uploads.

    def upload(self, behaviour: Behaviour) -> Steps:
        """Send a file."""
        verb, name, offset, old = self._target()
        octets = content(self.client, self._size(), text=self.is_text)
        if offset:
            yield from self.session.say(f"REST {offset}", {350}, text=str(offset))
        sent = Sent(octets)
        self._unsettled = lambda: self._outcome(verb, name, offset, old, sent, 0)
        begun = yield from self._begin(f"{verb} {name}", behaviour)
        if begun is None:
            self._unsettled = None
            if offset:
                yield from self.session.say("REST 0", {350})
            return
        asked, data = begun
        if data is not None:
            yield from self._push(asked, data, sent, behaviour)
        yield from self.session.answer(asked)
        self._unsettled = None
        if data is not None:
            data.close()
        self._outcome(verb, name, offset, old, sent, asked.code)
        self._settle(name, asked)

    def _settle(self, name: str, asked: Asked) -> None:
        wrong = self.files.settle(name) if asked.code == 226 or self.client.is_prompt else self.files.look(name)
        if wrong:
            raise Finding(f"{self.client.name}: after {asked.line} and {asked.final}: {wrong}")
        left = self.world.disks.count(self.client.root.name)
        if asked.code == 226 and left and self.client.is_prompt and not self.client.is_rival:
            raise Finding(f"{self.client.name}: after {asked.line} and {asked.final}: {left} files are open")

    def _target(self) -> tuple[str, str, int, bytes | None]:
        """Return a command, a name, an offset for REST, and what is under the name."""
        present = self.files.present()
        if present and self.random.random() < 0.5:
            name = self.random.choice(present)
        else:
            self._names += 1
            name = f"f{self._names}"
        old = self.files.content(name)
        verb = self.random.choice(("STOR", "STOR", "STOR", "APPE"))
        offset = 0
        if verb == "STOR" and old and not self.is_text and self.random.random() < 0.4:
            offset = self.random.randint(1, len(old))
        return verb, name, offset, old

    def _size(self) -> int:
        return self.random.randrange(self.random.choice((2, 300, 5000, 5000, 70000, self.world.largest)))

    def _push(self, asked: Asked, data: Line, sent: Sent, behaviour: Behaviour) -> Steps:
        session, wire = self.session, sent.on_the_wire(text=self.is_text)
        stop = self.random.randint(0, len(wire)) if behaviour is not Behaviour.FINISHES else len(wire)
        if self.random.random() < 0.7:
            yield from session.until(lambda: asked.mark is not None or asked.final is not None)
        at = 0
        while at < stop and not asked.final and not data.is_gone and not data.end.wire.is_dead:
            piece = wire[at : min(stop, at + self.random.choice((1, 100, PUSH)) + PUSH // 100)]
            data.send(piece)
            at += len(piece)
            sent.amount = at
            yield from session.until(lambda: not data.unsent or data.is_gone or asked.final is not None)
        sent.amount = at
        if asked.final:
            return
        if at == stop:
            yield from self._in_the_middle(asked, data, behaviour)
            if behaviour in (Behaviour.ASKS, Behaviour.FINISHES, Behaviour.STOPS_SHORT):
                yield from self._finish(asked, data, sent, wire, behaviour)

    def _finish(self, asked: Asked, data: Line, sent: Sent, wire: bytes, behaviour: Behaviour) -> Steps:
        rest = wire[sent.amount :] if self.random.random() < 0.5 else b""
        data.send(rest)
        sent.amount += len(rest)
        yield from self.session.until(lambda: not data.unsent or data.is_gone or asked.final is not None)
        if self.is_secure and behaviour is Behaviour.STOPS_SHORT:
            # Without close_notify nobody knows whether that is all.
            data.close()
            return
        sent.is_finished = not data.unsent and not data.is_gone
        if self.random.random() < 0.5 and not self.is_secure and not data.is_gone:
            data.close()
        else:
            data.finish()

    def _in_the_middle(self, asked: Asked, data: Line, behaviour: Behaviour) -> Steps:
        session = self.session
        if behaviour is Behaviour.ABORTS:
            session.ask("ABOR", {226, 225})
        elif behaviour is Behaviour.RESETS:
            data.reset()
        elif behaviour in (Behaviour.GOES, Behaviour.IS_RESET):
            session.leave(by_reset=behaviour is Behaviour.IS_RESET)
            yield from session.until(lambda: False)
        elif behaviour is Behaviour.ASKS and asked.mark is not None:
            for _ in range(self.random.randint(1, 3)):
                verb, code = self.random.choice((("NOOP", 200), ("STAT", 211)))
                session.ask(verb, {code}, overtakes=True)

    def _outcome(self, verb: str, name: str, offset: int, old: bytes | None, sent: Sent, code: int) -> None:
        """Note what may be under the name now; no code is no reply."""
        got = sent.stored(text=self.is_text)
        if code == 226 and not sent.is_finished:
            raise Finding(f"{self.client.name}: 226 to {verb} {name}, which was not finished")
        is_whole = sent.is_finished and code in (0, 226)
        all_of_it = self._whole(verb, offset, old or b"", got) if is_whole else []
        if self.session.has_left and not self.is_secure:
            self.files.perhaps(name, self._died_in_disorder, self._whole(verb, offset, old or b"", got))
        if code == 226:
            self.files.now(name, *all_of_it)
            return
        self.files.now(name, *all_of_it, *self._left_behind(verb, offset, old, got))

    def _died_in_disorder(self) -> bool:
        """
        Tell whether a client that has died may be taken for one that has sent everything.

        In clear the end of its data looks like that of a file, unless the server has heard of the other end before.
        """
        control = self.session.line.end.wire.up.ended_at
        ends = [line.end.wire.up.ended_at for line in self.session.data[-1:]]
        return control is None or any(end is not None and end < control for end in ends)

    def _whole(self, verb: str, offset: int, old: bytes, got: bytes) -> list[Allowed]:
        if verb == "APPE":
            return [whole(old + got)]
        return [whole(old[:offset] + got, old if offset else b"")]

    def _left_behind(self, verb: str, offset: int, old: bytes | None, got: bytes) -> list[Allowed]:
        """Return what an upload that failed may leave under the name."""
        # The name appears before it is forced to the disk.
        late = [whole(got)] if self.world.may_sync_in_vain else []
        if old is None:
            # In place it stays until a thread that hangs comes back.
            stays = not self.client.is_prompt and (verb == "APPE" or not self.world.is_atomic)
            return [ABSENT, *late, *([prefix(got)] if self.world.keeps_parts or stays else [])]
        if verb == "APPE":
            return [Allowed(old + got, len(old))]
        if offset:
            return [Allowed(old[:offset] + got, offset, old)]
        return [whole(old), *late] if self.world.is_atomic else [whole(old), prefix(got)]

    def give_up(self) -> None:
        """Note what a transfer may have left whose reply never came."""
        unsettled, self._unsettled = self._unsettled, None
        if unsettled is not None:
            unsettled()

    # Downloads.

    def download(self, behaviour: Behaviour) -> Steps:
        """Get a file, and compare it."""
        present = self.files.present()
        if not present:
            return
        name = self.random.choice(present)
        octets = self.files.content(name) or b""
        offset = 0
        if octets and not self.is_text and self.random.random() < 0.3:
            offset = self.random.randint(0, len(octets))
            yield from self.session.say(f"REST {offset}", {350}, text=str(offset))
        expected = _BARE_LF.sub(b"\r\n", octets) if self.is_text else octets[offset:]
        if self.world.files_shrink:
            self.files.now(name, whole(octets), prefix(octets))
        begun = yield from self._begin(f"RETR {name}", behaviour)
        if begun is None:
            yield from self.session.say("REST 0", {350})
        else:
            yield from self._fetch(*begun, behaviour, expected)
        if self.world.files_shrink and self.client.is_prompt:
            self.files.settle(name)

    def _fetch(self, asked: Asked, data: Line | None, behaviour: Behaviour, expected: bytes | None) -> Steps:
        session = self.session
        if data is not None:
            some = self.random.randint(0, len(expected or b""))
            if behaviour is not Behaviour.FINISHES:
                yield from session.until(lambda: len(data.received) >= some or data.is_over or asked.final is not None)
                yield from self._in_the_middle(asked, data, behaviour)
                if behaviour is Behaviour.STALLS:
                    session.data.remove(data)
                if behaviour is Behaviour.STOPS_SHORT:
                    data.close()
            yield from session.until(lambda: data.is_over or data.end.wire.is_dead or asked.final is not None)
        yield from session.answer(asked)
        if data is not None:
            if data in session.data:
                yield from session.until(lambda: data.is_over or data.end.wire.is_dead, 100)
            if expected is not None:
                self._compare(asked, data, behaviour, expected)
            elif asked.code == 226 and data.is_ended and behaviour is Behaviour.FINISHES:
                self._compare_with_rivals(asked, bytes(data.received))
            data.close()

    def _compare(self, asked: Asked, data: Line, behaviour: Behaviour, expected: bytes) -> None:
        got, who = bytes(data.received), f"{self.client.name}: {asked.line}"
        if not expected.startswith(got):
            raise Finding(f"{who}: what came is not what is there")
        undisturbed = behaviour in (Behaviour.FINISHES, Behaviour.ASKS)
        if asked.code == 226 and undisturbed and not data.is_lost and not data.end.wire.is_dead:
            if got != expected:
                raise Finding(f"{who}: 226, and {len(got)} of {len(expected)} octets have come")
            if not data.is_ended:
                raise Finding(f"{who}: 226, and the end never came")

    # Files that others write, too.

    def compete(self, behaviour: Behaviour) -> Steps:
        """Do something with a file that others do something with."""
        rivals = self.world.rivals
        if self.is_text or not self.world.is_atomic or rivals is None:
            return
        name, other = (f"/rivals/{self.random.choice(rivals.names)}" for _ in range(2))
        way = self.random.randrange(6)
        if way == 0:
            yield from self.session.say(f"DELE {name}", {250} | TROUBLE)
        elif way == 1:
            yield from self.session.say(f"RNFR {name}", {350} | TROUBLE)
            yield from self.session.say(f"RNTO {other}", {250, 503} | TROUBLE)
        elif way < 4:
            begun = yield from self._begin(f"RETR {name}", behaviour)
            if begun is not None:
                yield from self._fetch(*begun, behaviour, None)
        else:
            yield from self._store_against_rivals(name, behaviour)

    def _store_against_rivals(self, name: str, behaviour: Behaviour) -> Steps:
        octets, rivals = content(self.client, self._size(), text=False), self.world.rivals
        assert rivals is not None
        sent = Sent(octets)
        # In clear, a client that dies may be taken for one that has sent everything.
        dies = not self.is_secure and behaviour in (Behaviour.GOES, Behaviour.IS_RESET, Behaviour.STOPS_SHORT)
        rivals.may_be(sent, octets, part=self.world.keeps_parts or self.world.files_shrink or dies)
        begun = yield from self._begin(f"STOR {name}", behaviour)
        if begun is not None:
            asked, data = begun
            if data is not None:
                yield from self._push(asked, data, sent, behaviour)
            yield from self.session.answer(asked)
            if asked.code == 226 and not sent.is_finished:
                raise Finding(f"{self.client.name}: 226 to {asked.line}, which was not finished")
            if data is not None:
                data.close()

    def _compare_with_rivals(self, asked: Asked, octets: bytes) -> None:
        assert self.world.rivals is not None
        if not self.world.rivals.accept(octets):
            raise Finding(f"{self.client.name}: {asked.line}: {len(octets)} octets that nobody has sent so")

    # Listings.

    def listing(self) -> Steps:
        """List the directory, and compare."""
        verb = self.random.choice(("NLST", "MLSD", "LIST"))
        begun = yield from self._begin(verb, Behaviour.FINISHES)
        if begun is None:
            return
        asked, data = begun
        if data is not None:
            yield from self.session.until(lambda: data.is_over or data.end.wire.is_dead or asked.final is not None)
        yield from self.session.answer(asked)
        if data is None:
            return
        yield from self.session.until(lambda: data.is_over or data.end.wire.is_dead, 100)
        if asked.code == 226 and data.is_ended and not data.end.is_reset:
            self._compare_names(verb, bytes(data.received))
        data.close()

    def _compare_names(self, verb: str, octets: bytes) -> None:
        shown = {line.rpartition(" ")[2] for line in octets.decode().split("\r\n")}
        shown -= {"", "/", "."}
        if verb == "MLSD":
            shown -= {self.directory, ".."}
        known = {*self.files.present(), *self.files.directories}
        doubtful = {*self.files.names(certain=False), *self.files.doubtful}
        if not known <= shown <= known | doubtful:
            raise Finding(f"{self.client.name}: {verb} shows {sorted(shown)} instead of {sorted(known)}")


class _NotYet(Exception):
    """The server has not called yet."""


def _called(call: Call) -> Line:
    if call.end is None:
        raise _NotYet
    return Line(call.end)


def _port(line: str) -> int:
    if "|||" in line:
        return int(line.split("|")[3])
    numbers = re.findall(r"\d+", line.partition("(")[2])
    return int(numbers[4]) * 256 + int(numbers[5])
