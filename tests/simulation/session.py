# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One session as its client sees it: what was asked, and whether the replies are those that belong to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftpserver.core.replies import Reply
from ftpserver.testing.replies import RepliesRead

from .lines import Line

if TYPE_CHECKING:
    from .world import World

__all__ = ["PATIENCE", "Asked", "Finding", "Session", "SessionOver", "Steps", "Until"]

#: Seconds in which the server has to answer whatever happens: every bound that it has is shorter.
PATIENCE = 1000.0

#: Seconds in which who is spared is answered, whatever happens to others: it was 0.2 at most in thousands of runs.
PROMPT = 1.0

#: What a store that fails is answered with.
TROUBLE = frozenset({450, 451, 452, 550, 552, 553})

#: How a transfer may end.
TRANSFER = frozenset({226, 425, 426, 522}) | TROUBLE


class Finding(AssertionError):
    """Something that the server must never do."""


class SessionOver(Exception):
    """The session has ended, from whichever side."""


@dataclass
class Until:
    """What a client waits for, and how long."""

    is_met: Callable[[], bool]
    deadline: float


#: A client goes on in steps, and tells after each what it waits for.
Steps = Generator[Until, None, None]


@dataclass(eq=False)
class Asked:
    """
    A command that was sent.

    :ivar codes: its final reply has one of them.
    :ivar text: what its reply says.
    :ivar overtakes: whether its reply may come before that of a transfer under way.
    """

    line: str
    codes: frozenset[int]
    text: str = ""
    is_transfer: bool = False
    overtakes: bool = False
    mark: Reply | None = None
    final: Reply | None = None

    def fits(self, reply: Reply) -> bool:
        """Tell whether *reply* can be its final one."""
        return reply.code in self.codes and (self.text in "\n".join(reply.lines) or reply.code in TROUBLE)

    @property
    def code(self) -> int:
        """The code of its final reply, 0 before."""
        return 0 if self.final is None else self.final.code


class Session:
    """
    A control connection.

    :param world: has the clock, the network and the diary.
    :param name: of the client, for the diary.
    :param line: the connection.
    :param is_spared: whether no fault may hit it, nor those of others keep it waiting.
    """

    def __init__(self, world: World, name: str, line: Line, is_spared: bool) -> None:
        self._is_spared = is_spared
        self.world = world
        self.name = name
        self.line = line
        self.pending: deque[Asked] = deque()
        self.data: list[Line] = []
        self.reads = True
        self.has_left = False
        self.farewell: Reply | None = None
        self._greeted = False
        self._read = RepliesRead()
        self._seen = 0
        self._seen_in_clear: int | None = None

    @property
    def wire_has_failed(self) -> bool:
        """Tell whether the connection itself is to blame for its end."""
        return self.line.end.wire.is_dead or self.line.end.wire.is_cut or self.line.end.is_reset

    def secure(self) -> None:
        """Speak TLS from now on."""
        self._seen_in_clear = self._seen
        self.line.secure(self.world.client_context)

    # Commands.

    def ask(
        self,
        line: str,
        codes: Collection[int],
        *,
        text: str = "",
        is_transfer: bool = False,
        overtakes: bool = False,
    ) -> Asked:
        """Send a command; its reply is heard later."""
        asked = Asked(line, frozenset(codes), text, is_transfer, overtakes)
        self.pending.append(asked)
        self.world.chance.note(self.name, ">", line)
        self.line.send(line.encode() + b"\r\n")
        return asked

    def answer(self, asked: Asked) -> Steps:
        """Wait for the final reply of a command."""
        began = self.world.seconds()
        yield from self.until(lambda: asked.final is not None)
        if asked.final is None:
            raise Finding(f"{self.name}: {asked.line} was never answered")
        if self._is_spared and not asked.is_transfer and self.world.seconds() - began > PROMPT:
            raise Finding(f"{self.name}: {asked.line} had to wait for others")

    def say(self, line: str, codes: Collection[int], *, text: str = "") -> Generator[Until, None, Asked]:
        """Send a command and wait for its reply."""
        asked = self.ask(line, codes, text=text)
        yield from self.answer(asked)
        return asked

    # Waiting.

    def until(self, is_met: Callable[[], bool], patience: float = PATIENCE) -> Steps:
        """
        Wait, and meanwhile hear the server.

        :raises SessionOver: when the session ends before.
        """
        deadline = self.world.seconds() + patience
        while True:
            self.hear()
            if is_met():
                return
            if self.is_over:
                raise SessionOver
            if self.world.seconds() >= deadline:
                return
            yield Until(lambda: self.has_news or is_met(), deadline)

    def pause(self, seconds: float) -> Steps:
        """Do nothing for a while."""
        yield from self.until(lambda: False, seconds)

    @property
    def has_news(self) -> bool:
        """Tell whether there is something to hear."""
        if self.is_over or (self.reads and self.line.has_news):
            return True
        return bool(self.data) and any(one.has_news for one in self.data)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing can come any more."""
        return self.line.is_over or self.line.end.wire.is_dead

    # Replies.

    def hear(self) -> None:
        """
        Take what has come.

        :raises Finding: if it is not what it must be.
        """
        for data in self.data:
            data.pump()
        if not self.reads:
            return
        self.line.pump()
        octets, self.line.received = bytes(self.line.received), bytearray()
        if not octets:
            return
        try:
            replies = self._read.feed(octets)
        except AssertionError as error:
            raise Finding(f"{self.name}: {error}") from error
        for reply in replies[self._seen :]:
            self.world.chance.note(self.name, "<", _told(reply))
            self._take(reply)
        self._seen = len(replies)

    def _take(self, reply: Reply) -> None:
        if self.farewell is not None:
            raise Finding(f"{self.name}: {reply.code} came after the {self.farewell.code} that ended the session")
        if reply.code == 421:
            self.farewell = reply
        elif not self._greeted:
            self._greeted = True
            if reply.code != 220:
                raise Finding(f"{self.name}: {reply} is no greeting")
        elif not self.pending:
            raise Finding(f"{self.name}: {reply} came unasked")
        elif reply.code < 200:
            self._take_mark(self.pending[0], reply)
        else:
            self._take_final(reply)

    def _take_mark(self, asked: Asked, reply: Reply) -> None:
        if not asked.is_transfer or asked.mark is not None:
            raise Finding(f"{self.name}: {reply} is no answer to {asked.line}")
        asked.mark = reply

    def _take_final(self, reply: Reply) -> None:
        asked = self._belongs_to(reply)
        if asked is None:
            waiting = ", ".join(one.line for one in self.pending)
            raise Finding(f"{self.name}: {_told(reply)} is no answer to any of {waiting}")
        asked.final = reply
        self.pending.remove(asked)
        if reply.code == 221:
            self.farewell = reply

    def _belongs_to(self, reply: Reply) -> Asked | None:
        first, *others = self.pending
        if first.fits(reply):
            return first
        if first.mark is not None:
            for asked in others:
                if not asked.overtakes:
                    break
                if asked.fits(reply):
                    return asked
        return None

    # The end.

    def leave(self, *, by_reset: bool = False) -> None:
        """Go without a word."""
        self.world.chance.note(self.name, "resets" if by_reset else "closes")
        self.has_left = True
        for line in (*self.data, self.line):
            if by_reset:
                line.reset()
            else:
                line.close()

    def check_end(self) -> None:
        """
        Look at how the session has ended.

        :raises Finding: if the server has ended it without a word.
        """
        if self.has_left or self.wire_has_failed or self.farewell is not None:
            return
        if self.line.is_ended and not self._greeted and self.world.may_turn_away:
            return
        if self.world.is_closing and self._seen == self._seen_in_clear:
            # A server that stops waits for no handshake, and has no other way to say 421.
            return
        if not self.reads:
            return
        waiting = ", ".join(one.line for one in self.pending)
        raise Finding(f"{self.name}: the server has ended the session without a word; waiting were: {waiting}")


def _told(reply: Reply) -> str:
    return f"{reply.code} {reply.lines[0][:60]}" + (" ..." if len(reply.lines) > 1 else "")
