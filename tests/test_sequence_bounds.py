# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what a session may let the server keep and do at a time.
"""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.defer import Deferred

from ftpserver.control.sequence import ARGUMENT_COST, COMMANDS_PER_TURN, MAXIMUM_OCTETS, MAXIMUM_WAITING
from ftpserver.core.wire import MAXIMUM_LINE
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase
from tests.test_sequence import waiting_commands

#: As many octets as the transport gives at a time.
SEGMENT = 65536


class BoundsTests(ConversationTestCase):
    """Commands that wait."""

    def waiting(self) -> tuple[Dialogue, Deferred[None]]:
        """Return a dialogue whose last command waits, and what it waits for."""
        waits: list[Deferred[None]] = []
        dialogue = self.logged_in(commands=waiting_commands(waits))
        dialogue.send(b"WAIT\r\n")
        return dialogue, waits[0]

    def test_no_more_are_understood_than_may_wait(self) -> None:
        """Of a segment full of commands only so many are looked at before their turn; all are answered, in order."""
        dialogue, wait = self.waiting()
        count = SEGMENT // len("ECHO 1234\r\n")
        interpreter = dialogue.protocol._commands._interpreter
        with patch.object(interpreter, "understand", wraps=interpreter.understand) as understand:
            dialogue.protocol.dataReceived(b"".join(b"ECHO %4d\r\n" % number for number in range(count)))
            self.assertEqual(understand.call_count, MAXIMUM_WAITING + 1)
            self.assertFalse(dialogue.is_read)
            wait.callback(None)
            dialogue.advance(0)
        echoes = [f"250 {number}" for number in range(count)]
        self.assertEqual([str(answer) for answer in dialogue.replies()[-count:]], echoes)
        self.assertTrue(dialogue.is_read)

    def test_a_line_that_is_too_long_keeps_its_place(self) -> None:
        """Among those behind the bound it is refused in its turn."""
        dialogue, wait = self.waiting()
        noops = b"NOOP\r\n" * (MAXIMUM_WAITING + 5)
        long = b"x" * (MAXIMUM_LINE + 2) + b"\r\n"
        dialogue.protocol.dataReceived(noops + long + b"SYST\r\n" + long + long + b"SYST\r\n")
        wait.callback(None)
        dialogue.advance(0)
        self.assertEqual(
            dialogue.codes()[-6 - MAXIMUM_WAITING :], [200] * (MAXIMUM_WAITING + 1) + [500, 215, 500, 500, 215]
        )

    def test_long_arguments_count_by_their_octets(self) -> None:
        """Fewer of the longest commands may wait, so that a session takes little memory."""
        dialogue, wait = self.waiting()
        lines = 0
        while dialogue.is_read:
            dialogue.send(b"ECHO " + b"x" * 16000 + b"\r\n")
            lines += 1
        self.assertEqual(lines, MAXIMUM_OCTETS // 16000 + 1)
        wait.callback(None)
        dialogue.advance(0)
        self.assertTrue(dialogue.is_read)
        self.assertEqual(dialogue.codes()[-lines:], [250] * lines)

    def test_what_follows_the_end_is_not_answered(self) -> None:
        """Behind a QUIT beyond the bound nothing is."""
        dialogue, wait = self.waiting()
        dialogue.protocol.dataReceived(b"NOOP\r\n" * 3 * MAXIMUM_WAITING + b"QUIT\r\nSYST\r\nSYST\r\n")
        wait.callback(None)
        dialogue.advance(0)
        self.assertEqual(dialogue.codes()[-2:], [200, 221])
        self.assertTrue(dialogue.is_closed)

    def test_the_end_forgets_what_waits(self) -> None:
        """A client that goes leaves nothing to be answered."""
        dialogue, _wait = self.waiting()
        dialogue.protocol.dataReceived(b"NOOP\r\n" * 3 * MAXIMUM_WAITING)
        dialogue.lose_connection()
        self.assertEqual(dialogue.codes()[-1], 230)
        self.assertEqual(dialogue.reactor.getDelayedCalls(), [])


class TurnTests(ConversationTestCase):
    """What is done in one turn of the reactor."""

    def test_a_command_with_an_argument_counts_more(self) -> None:
        """Fewer of those that may ask the store are answered in one turn."""
        dialogue = self.logged_in()
        before = len(dialogue.codes())
        dialogue.protocol.dataReceived(b"MLST /\r\n" * COMMANDS_PER_TURN)
        self.assertEqual(len(dialogue.codes()) - before, COMMANDS_PER_TURN // ARGUMENT_COST)
        dialogue.advance(0)
        self.assertEqual(len(dialogue.codes()) - before, COMMANDS_PER_TURN)

    def test_more_than_a_turn(self) -> None:
        """What there was no time for waits as it came, and is done in the turns that follow, in its order."""
        dialogue = self.logged_in()
        dialogue.protocol.dataReceived(b"NOOP\r\n" * 2 * COMMANDS_PER_TURN + b"SYST\r\n")
        self.assertFalse(dialogue.is_read)
        self.assertEqual(dialogue.codes()[-COMMANDS_PER_TURN - 1 :], [230, *[200] * COMMANDS_PER_TURN])
        # What comes all the same, out of a transport that has more, stays behind.
        dialogue.protocol.dataReceived(b"PWD\r\n")
        dialogue.advance(0)
        self.assertEqual(dialogue.codes()[-3:], [200, 215, 257])
        self.assertTrue(dialogue.is_read)

    def test_an_abort_beyond_a_turn(self) -> None:
        """A transfer that begins in a later turn is ended by the ABOR behind it, and what follows is answered."""
        dialogue = self.logged_in()
        dialogue.say("EPSV", expect=229)
        noops = b"NOOP\r\n" * COMMANDS_PER_TURN
        dialogue.protocol.dataReceived(noops + b"NLST\r\nABOR\r\n" + noops + b"QUIT\r\nNOOP\r\n")
        dialogue.advance(0)
        dialogue.advance(0)
        dialogue.advance(0)
        self.assertEqual(dialogue.codes()[-COMMANDS_PER_TURN - 4 :], [150, 426, 226, *[200] * COMMANDS_PER_TURN, 221])

    def test_what_overtakes_a_transfer_counts_too(self) -> None:
        """NOOP during a transfer is answered at once only so often in one turn."""
        dialogue = self.logged_in()
        dialogue.say("EPSV", expect=229)
        dialogue.say("NLST", expect=150)
        dialogue.protocol.dataReceived(b"NOOP\r\n" * (COMMANDS_PER_TURN + 2))
        self.assertEqual(dialogue.codes()[-COMMANDS_PER_TURN:], [200] * COMMANDS_PER_TURN)
        dialogue.send(b"ABOR\r\n")
        dialogue.advance(0)
        self.assertEqual(dialogue.codes()[-4:], [426, 200, 200, 226])
