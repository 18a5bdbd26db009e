# -*- test-case-name: tests.test_sequence -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The commands of one session, strictly one after another, and the few that overtake a transfer.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..awaiting import drive
from ..commands.registry import Command
from ..core.replies import Reply
from ..core.session import Admission, Happening, Transfer
from ..core.wire import Request
from ..errors import TransferAborted
from ..timer import Timer
from .interpreter import Interpreter
from .state import Connection, TransferRecord
from .transfers import publish_transfer

__all__ = ["CLOSING", "COMMANDS_PER_TURN", "MAXIMUM_WAITING", "CommandSequence", "Speaker", "Waiting"]

#: Commands that may wait behind a running one before reading pauses; far more than any client pipelines.
MAXIMUM_WAITING = 64

#: Commands answered in one turn of the reactor, so that a client that pipelines leaves time to the others.
COMMANDS_PER_TURN = 256

#: Seconds that a file has to be closed in spite of ABOR: every octet is there, and its name may have them already.
CLOSING = 10.0

#: What a line became: a request, or the refusal of a line that cannot be one.
Waiting = Request | Reply


class Speaker(Protocol):
    """What the sequence asks of the control connection."""

    @property
    def may_answer(self) -> bool:
        """Tell whether the session lives and the client takes its replies."""
        ...

    def answer(self, reply: Reply) -> None:
        """Write the final reply of the command whose turn it is."""
        ...

    def answer_meanwhile(self, reply: Reply) -> None:
        """Write the reply of a command that overtook a transfer, at once."""
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

    def __init__(self, connection: Connection, interpreter: Interpreter, speaker: Speaker) -> None:
        self._connection = connection
        self._interpreter = interpreter
        self._speaker = speaker
        self._waiting: deque[Waiting] = deque()
        self._running: Deferred[Any] | None = None
        self._overtaking: Deferred[Any] | None = None
        self._row: Command | None = None
        self._left_in_turn = COMMANDS_PER_TURN
        self._next_turn = Timer(connection.reactor, self._turn)
        self._closing = Timer(connection.reactor, self._give_up)
        #: Whether QUIT has come: nothing behind it is taken.
        self.is_ending = False

    @property
    def is_running(self) -> bool:
        """Tell whether a command waits for something now."""
        return self._running is not None or self._overtaking is not None

    @property
    def is_full(self) -> bool:
        """Tell whether no more should be read; one above the bound fits, so that an ABOR behind them is still seen."""
        return len(self._waiting) > MAXIMUM_WAITING

    def take(self, request: Waiting) -> None:
        """Take what a line became: it runs now, waits, or overtakes."""
        if isinstance(request, Reply):
            self._waiting.append(request)
        else:
            self._admit(request)
        self._run()

    def _admit(self, request: Request) -> None:
        row, _ = self._interpreter.find(request)
        verb = row.verb if row is not None and request.is_blank else ""
        admission = self._connection.session.admit(
            overtakes=row is not None and row.overtakes and request.is_blank,
            cancels=verb == "ABOR",
            # What overtakes comes one at a time, too.
            waiting=len(self._waiting) + (self._overtaking is not None),
            abortable=self._row is not None and self._row.is_abortable,
        )
        if admission is Admission.OVERTAKE:
            self._overtake(request)
            return
        if admission is Admission.WAIT_AND_CANCEL:
            self._cancel_running()
        self._waiting.append(request)
        # Nothing behind QUIT is read; what came before it is still answered.
        self.is_ending = self.is_ending or verb == "QUIT"

    def _overtake(self, request: Request) -> None:
        answer = drive(self._interpreter.answer(self._connection, request))
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
            if not self._closing.is_set:
                self._closing.set(CLOSING)
        else:
            self._give_up()

    def _give_up(self) -> None:
        if self._running is not None:
            self._running.cancel()

    def forget(self) -> None:
        """Forget the commands that wait, a QUIT among them."""
        self._waiting.clear()
        self.is_ending = False

    def clear(self) -> None:
        """Forget the commands that wait, and take no more."""
        self._waiting.clear()
        self.is_ending = True
        self._next_turn.stop()

    # Running.

    def proceed(self) -> None:
        """Start what may start now."""
        self._left_in_turn = COMMANDS_PER_TURN
        self._run()

    def _turn(self) -> None:
        self.proceed()
        self._speaker.resumed()

    def _may_start(self) -> bool:
        return bool(self._waiting) and not self.is_running and self._speaker.may_answer

    def _run(self) -> None:
        while self._left_in_turn and self._may_start():
            self._left_in_turn -= 1
            self._start(self._waiting.popleft())
        if not self._left_in_turn and self._may_start() and not self._next_turn.is_set:
            self._next_turn.set(0)

    def _start(self, request: Waiting) -> None:
        self._connection.session.happened(Happening.COMMAND_STARTED)
        if isinstance(request, Reply):
            self._complete(request)
            return
        self._row, _ = self._interpreter.find(request)
        answer = drive(self._interpreter.answer(self._connection, request))
        if isinstance(answer, Deferred):
            self._running = answer
            answer.addCallback(self._complete_later)
            answer.addErrback(self._broken)
        else:
            self._complete(answer)

    def _complete_later(self, reply: Reply) -> None:
        self._running = None
        self._closing.stop()
        self._complete(reply)
        self.proceed()
        self._speaker.resumed()

    def _broken(self, failure: Failure) -> None:
        self._running = None
        self._closing.stop()
        self._speaker.broken(failure)
        self._speaker.resumed()

    def _complete(self, reply: Reply) -> None:
        connection, row = self._connection, self._row
        self._row = None
        marked = connection.session.transfer is Transfer.MARKED
        if row is None or row.data is None:
            connection.session.happened(Happening.COMMAND_COMPLETED)
        else:
            connection.session.happened(Happening.TRANSFER_COMPLETED if marked else Happening.TRANSFER_REFUSED)
            connection.restart_offset = 0
            publish_transfer(connection, row, reply)
        connection.transfer = TransferRecord()
        self._speaker.answer(reply)
