# -*- test-case-name: tests.test_sequence -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The commands of one session, strictly one after another, and the few that overtake a transfer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ..commands.registry import Command
from ..core.replies import Reply
from ..core.session import Admission, Happening, Transfer
from ..core.wire import Overlong
from ..errors import TransferAborted
from .interpreter import Asked, Interpreter
from .kept_lines import KeptLines
from .state import Connection
from .transfers import publish_transfer

__all__ = [
    "ARGUMENT_COST",
    "CLOSING",
    "COMMANDS_PER_TURN",
    "MAXIMUM_OCTETS",
    "MAXIMUM_WAITING",
    "CommandSequence",
    "Speaker",
]

#: Commands that may wait behind a running one before reading pauses; far more than any client pipelines.
MAXIMUM_WAITING = 64

#: Octets of arguments that may wait so: 64 of the longest lines would be a megabyte a session, before any login.
MAXIMUM_OCTETS = 65536

#: Commands answered in one turn of the reactor, so that a client that pipelines leaves time to the others.
COMMANDS_PER_TURN = 256

#: As how many of them one with an argument counts: it may ask the store, which takes ten times as long as a NOOP.
ARGUMENT_COST = 8

#: Seconds that a file has to be closed in spite of ABOR: every octet is there, and its name may have them already.
CLOSING = 10.0

# Looking up a member of an enumeration by its name costs as much as a call (CPython 3.11).
_STARTED, _COMPLETED, _MARKED = Happening.COMMAND_STARTED, Happening.COMMAND_COMPLETED, Transfer.MARKED


class Speaker(Protocol):
    """What the sequence asks of the control connection."""

    #: Whether the session lives and the client takes its replies.
    may_answer: bool

    @property
    def may_end_unnoticed(self) -> bool:
        """Tell whether the client can end the connection some time before that is noticed: over a network it can."""
        ...

    def answer(self, reply: Reply) -> None:
        """Write the final reply of the command whose turn it is."""
        ...

    def answer_meanwhile(self, reply: Reply) -> None:
        """Write the reply of a command that overtook a transfer, at once."""
        ...

    def mark(self, reply: Reply) -> None:
        """Write a preliminary reply; within a step of a command it leaves with what follows, or with :meth:`flush`."""
        ...

    def flush(self) -> None:
        """Let everything that is written leave."""
        ...

    def is_gone(self) -> bool:
        """Tell whether the client has ended the control connection, noticed already or not."""
        ...

    def resumed(self) -> None:
        """Hear that a command which had to wait, or a turn that was full, is over: more may be due."""
        ...

    def broken(self, failure: Failure) -> None:
        """Hear of an error in the server itself; the session cannot go on."""
        ...


class CommandSequence:
    """
    The commands of one session.

    :param connection: the state of the session.
    :param interpreter: answers a request.
    :param speaker: writes the replies.
    """

    __slots__ = (
        "_beyond",
        "_closing",
        "_connection",
        "_interpreter",
        "_left_in_turn",
        "_next_turn",
        "_octets",
        "_overtaking",
        "_row",
        "_running",
        "_speaker",
        "is_ending",
        "is_stepping",
        "stops",
        "waiting",
    )

    def __init__(self, connection: Connection, interpreter: Interpreter, speaker: Speaker) -> None:
        self._connection = connection
        self._interpreter = interpreter
        self._speaker = speaker
        #: Those that wait for their turn; most sessions never have any, and an empty line of them takes 624 octets.
        self.waiting: deque[Asked] | None = None
        self._octets = 0
        #: What came in one piece with them and is more than may wait, or than there was time for.
        self._beyond: KeptLines | None = None
        self._running: Deferred[Any] | None = None
        self._overtaking: Deferred[Any] | None = None
        self._row: Command | None = None
        self._left_in_turn = COMMANDS_PER_TURN
        self._next_turn: IDelayedCall | None = None
        self._closing: IDelayedCall | None = None
        #: Whether QUIT has come: nothing behind it is taken.
        self.is_ending = False
        #: Whether the command whose turn it is takes a step now: a mark leaves with what follows.
        self.is_stepping = False
        #: Whether no further line of those that came together is taken.
        self.stops = False

    @property
    def is_running(self) -> bool:
        """Tell whether a command waits for something now."""
        return self._running is not None or self._overtaking is not None

    @property
    def is_full(self) -> bool:
        """Tell whether no more may wait; one above the bound fits, so that an ABOR behind them is still seen."""
        waiting = self.waiting
        return waiting is not None and (len(waiting) > MAXIMUM_WAITING or self._octets > MAXIMUM_OCTETS)

    @property
    def is_holding(self) -> bool:
        """Tell whether something waits."""
        return self.waiting is not None or self._beyond is not None

    @property
    def wants_no_more(self) -> bool:
        """Tell whether no more should be read."""
        return self._beyond is not None or self.is_full

    @property
    def _count(self) -> int:
        return 0 if self.waiting is None else len(self.waiting)

    def take(self, lines: Iterable[bytes | Overlong]) -> None:
        """
        Take lines that came together: each runs now, waits, or overtakes.

        Behind one that ends the session, or changes how what follows is to be read, none is taken.
        """
        self.stops = self.is_ending
        if self._beyond is not None:
            self._beyond.add(lines)
            return
        if self.waiting is None:
            self._left_in_turn = COMMANDS_PER_TURN
        coming = iter(lines)
        behind = self._go_through(coming)
        if behind is not None:
            self._beyond = KeptLines(chain((behind,), coming))
            self._plan_turn()

    def _go_through(self, coming: Iterator[bytes | Overlong]) -> bytes | Overlong | None:
        """Take lines until one has to wait as it came; return that one."""
        plain, understand = self._interpreter.plain, self._interpreter.understand
        for line in coming:
            if self.stops:
                break
            is_busy = self.waiting is not None or self._running is not None or self._overtaking is not None
            if self.is_full if is_busy else self._left_in_turn <= 0 or not self._speaker.may_answer:
                return line
            asked = plain.get(line) or understand(line)
            if is_busy:
                self._admit(asked)
                # An ABOR may have ended at once what it was to wait for.
                self._run()
                continue
            # What Session.admit says where nothing runs and nothing waits, in no time.
            self._left_in_turn -= 1 if asked.parsed is not None else ARGUMENT_COST
            if asked.ends:
                self.is_ending = self.stops = True
            self._start(asked)
        return None

    def _take_kept(self) -> None:
        """Take those that wait as they came."""
        kept, self._beyond = self._beyond, None
        assert kept is not None
        behind = self._go_through(kept)
        if behind is not None:
            kept.put_back(behind)
            self._beyond = kept

    def _look_ahead(self, beyond: KeptLines) -> None:
        """Look at the next ones behind a command that runs: an ABOR may be among them."""
        while beyond and not self.stops and not self.is_full:
            line = next(beyond)
            self._admit(self._interpreter.plain.get(line) or self._interpreter.understand(line))
        if self.stops or not beyond:
            self._beyond = None

    def _admit(self, asked: Asked) -> None:
        admission = self._connection.session.admit(
            # Who does not read, or asks too much at a time, waits like everybody.
            overtakes=asked.overtakes and self._left_in_turn > 0 and self._speaker.may_answer,
            cancels=asked.aborts,
            # What overtakes comes one at a time, too.
            waiting=self._count + (self._overtaking is not None),
            abortable=self._row is not None and self._row.is_abortable,
        )
        if admission is Admission.OVERTAKE:
            self._overtake(asked)
            return
        if admission is Admission.WAIT_AND_CANCEL:
            self._cancel_running()
        if self.waiting is None:
            self.waiting = deque()
        self.waiting.append(asked)
        self._octets += len(asked.request.argument or b"")
        if asked.ends:
            # Nothing behind QUIT is read; what came before it is still answered.
            self.is_ending = self.stops = True

    def _overtake(self, asked: Asked) -> None:
        self._left_in_turn -= 1
        answer = self._interpreter.answer(self._connection, asked, meanwhile=True)
        if isinstance(answer, Deferred):
            self._overtaking = answer
            answer.addCallbacks(self._overtaken, self._speaker.broken)
        else:
            self._speaker.answer_meanwhile(answer)

    def _overtaken(self, reply: Reply) -> None:
        self._overtaking = None
        self._speaker.answer_meanwhile(reply)
        self.proceed()
        self._speaker.resumed()

    def cancel(self) -> None:
        """Cancel whatever runs."""
        if self._overtaking is not None:
            self._overtaking.cancel()
        self._cancel_running()

    def _cancel_running(self) -> None:
        data, file = self._connection.data, self._connection.transfer.file
        if data is not None and data.is_running:
            data.abort(TransferAborted())
        elif file is not None and file.is_closing:
            if self._closing is None:
                self._closing = self._connection.reactor.callLater(CLOSING, self._give_up)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._stop_closing()
        if self._running is not None:
            self._running.cancel()

    def _stop_closing(self) -> None:
        closing, self._closing = self._closing, None
        if closing is not None and closing.active():
            closing.cancel()

    def forget(self) -> None:
        """Forget the commands that wait, a QUIT among them."""
        self.waiting = self._beyond = None
        self._octets = 0
        self.is_ending = False

    def clear(self) -> None:
        """Forget the commands that wait, and take no more."""
        self.waiting = self._beyond = None
        self._octets = 0
        self.is_ending = self.stops = True
        turn, self._next_turn = self._next_turn, None
        if turn is not None:
            turn.cancel()

    # Running.

    def proceed(self) -> None:
        """Start what may start now."""
        self._left_in_turn = COMMANDS_PER_TURN
        self._run()

    def _turn(self) -> None:
        self._next_turn = None
        self.proceed()
        self._speaker.resumed()

    def _may_start(self) -> bool:
        return self.is_holding and not self.is_running and self._speaker.may_answer

    def _run(self) -> None:
        while self._left_in_turn > 0 and self._may_start():
            if self.waiting is None:
                self._take_kept()
            else:
                self._start_next(self.waiting)
            if self._beyond is not None and self.is_running:
                self._look_ahead(self._beyond)
        self._plan_turn()

    def _start_next(self, waiting: deque[Asked]) -> None:
        asked = waiting.popleft()
        if not waiting:
            self.waiting = None
        self._octets -= len(asked.request.argument or b"")
        self._left_in_turn -= 1 if asked.parsed is not None else ARGUMENT_COST
        self._start(asked)

    def _plan_turn(self) -> None:
        if self._left_in_turn <= 0 and self._next_turn is None and self._may_start():
            self._next_turn = self._connection.reactor.callLater(0, self._turn)

    def _start(self, asked: Asked) -> None:
        session = self._connection.session
        # As Session.happened; a call more or less is five hundredths of a short command.
        session.states = session.states.after[_STARTED]
        self._row = asked.row
        self.is_stepping = True
        answer = self._interpreter.answer(self._connection, asked, self)
        self.is_stepping = False
        if isinstance(answer, Reply):
            self._complete(answer)
            return
        self._running = answer
        self._speaker.flush()
        answer.addCallback(self._complete_later)
        answer.addErrback(self._broken)

    def goes_on(self) -> None:
        """Hear that the command which waited takes a step."""
        self.is_stepping = True

    def waits(self) -> None:
        """Hear that the command waits again: what it has said until now leaves."""
        self.is_stepping = False
        self._speaker.flush()

    def _complete_later(self, reply: Reply) -> None:
        self._running, self.is_stepping = None, False
        self._stop_closing()
        self._complete(reply)
        self.proceed()
        self._speaker.resumed()

    def _broken(self, failure: Failure) -> None:
        self._running, self.is_stepping = None, False
        self._stop_closing()
        self._speaker.broken(failure)
        self._speaker.resumed()

    def _complete(self, reply: Reply) -> None:
        connection, row = self._connection, self._row
        self._row = None
        if row is None or row.data is None:
            connection.session.states = connection.session.states.after[_COMPLETED]
        else:
            marked = connection.session.transfer is _MARKED
            connection.session.happened(Happening.TRANSFER_COMPLETED if marked else Happening.TRANSFER_REFUSED)
            connection.restart_offset = 0
            publish_transfer(connection, row, reply)
        if connection.record is not None:
            connection.record = None
        self._speaker.answer(reply)
