# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the order in which the commands of a session are answered.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftpserver import COMMANDS, Argument, Command, CommandTable, Connection, Direction, Reply, User, command, reply
from ftpserver.control.sequence import COMMANDS_PER_TURN, MAXIMUM_WAITING
from ftpserver.core.wire import Request
from ftpserver.interfaces import IHook
from ftpserver.testing import DataConnection, Dialogue
from tests.conversation import ConversationTestCase


def waiting_commands(waits: list[Deferred[None]]) -> CommandTable:
    """Return a table with WAIT, which is answered when the test says so, and ECHO, which answers its argument."""

    @command("WAIT", argument=Argument.NONE)
    async def wait(connection: Connection) -> Reply:
        """Wait for the test."""
        waits.append(Deferred())
        await waits[-1]
        return reply(250, "Waited.")

    @command("ECHO", argument=Argument.TEXT)
    async def echo(connection: Connection, text: str) -> Reply:
        """Answer with the argument."""
        return reply(250, text)

    return COMMANDS.with_(wait, echo)


class OrderTests(ConversationTestCase):
    """Commands run one after another."""

    def waiting(self) -> tuple[Dialogue, list[Deferred[None]]]:
        """Return a dialogue with WAIT and ECHO, and what WAIT waits for."""
        waits: list[Deferred[None]] = []
        return self.logged_in(commands=waiting_commands(waits)), waits

    def test_commands_in_one_segment_are_answered_in_order(self) -> None:
        """Each of them has its reply, also behind one that fails."""
        dialogue = self.converse()
        dialogue.send(b"SYST\r\nNOSUCH\r\nPWD\r\n\r\nNOOP\r\n")
        self.assertEqual(dialogue.codes(), [220, 215, 500, 530, 500, 200])

    def test_nothing_overtakes_a_command_that_is_no_transfer(self) -> None:
        """Everything behind a command that takes its time waits, NOOP too."""
        dialogue, waits = self.waiting()
        dialogue.send(b"WAIT\r\nNOOP\r\nSTAT\r\nECHO 1\r\nNOSUCH\r\n")
        self.assert_codes(dialogue, 230)
        waits[0].callback(None)
        self.assert_codes(dialogue, 230, 250, 200, 211, 250, 500)

    def test_one_command_runs_at_a_time(self) -> None:
        """A second one that takes its time starts when the first is answered."""
        dialogue, waits = self.waiting()
        dialogue.send(b"WAIT\r\nWAIT\r\nECHO 1\r\n")
        self.assertEqual(len(waits), 1)
        waits[0].callback(None)
        self.assertEqual(len(waits), 2)
        self.assert_codes(dialogue, 230, 250)
        waits[1].callback(None)
        self.assert_codes(dialogue, 230, 250, 250, 250)

    def test_an_abort_cancels_no_other_command(self) -> None:
        """ABOR behind a command that is no transfer waits for it."""
        dialogue, waits = self.waiting()
        dialogue.send(b"WAIT\r\nABOR\r\n")
        self.assert_codes(dialogue, 230)
        waits[0].callback(None)
        self.assert_codes(dialogue, 230, 250, 226)

    def test_reading_stops_while_too_much_waits(self) -> None:
        """So many commands may wait; beyond, the server reads no further until there is room."""
        dialogue, waits = self.waiting()
        dialogue.send(b"WAIT\r\n")
        dialogue.send(b"NOOP\r\n" * MAXIMUM_WAITING)
        self.assertTrue(dialogue.is_read)
        dialogue.send(b"NOOP\r\n")
        self.assertFalse(dialogue.is_read)
        dialogue.send(b"SYST\r\n")
        self.assertEqual(dialogue.unsent, 6)
        waits[0].callback(None)
        dialogue.advance(0)
        self.assertTrue(dialogue.is_read)
        self.assertEqual(dialogue.codes()[3:], [250] + (MAXIMUM_WAITING + 1) * [200] + [215])

    def test_an_abort_behind_a_full_line_is_seen(self) -> None:
        """ABOR cancels a transfer although so many commands wait, and is answered in its turn."""
        dialogue, _ = self.waiting()
        dialogue.say("EPSV", expect=229)
        dialogue.say("NLST", expect=150)
        dialogue.send(b"SYST\r\n" * MAXIMUM_WAITING + b"ABOR\r\n")
        self.assert_codes(dialogue, 150, 426, *(MAXIMUM_WAITING * [215]), 226)

    def test_many_commands_leave_time_to_others(self) -> None:
        """A session answers so many commands in one turn of the reactor, then another session has its turn."""
        asked: list[object] = []

        @implementer(IHook)
        class Recorder:
            async def before(self, connection: object, command: Command, request: Request) -> Reply | None:
                asked.append(connection)
                return None

        first = self.converse(hooks=[Recorder()])
        second = self.converse(server=first.server)
        first.transport.deliver(b"NOOP\r\n" * 3 * COMMANDS_PER_TURN)
        second.transport.deliver(b"NOOP\r\n")
        first.advance(0)
        self.assertEqual(asked.index(second.protocol.connection), COMMANDS_PER_TURN)
        self.assertEqual(len(first.codes()), 1 + 3 * COMMANDS_PER_TURN)

    def test_a_session_may_end_between_two_turns(self) -> None:
        """When the client is gone before the next turn, nothing more of what it has sent is answered."""
        dialogue = self.converse()
        dialogue.protocol.dataReceived(b"NOOP\r\n" * (COMMANDS_PER_TURN + 1))
        dialogue.lose_connection()
        self.assertEqual(len(dialogue.codes()), 1 + COMMANDS_PER_TURN)
        self.assertEqual(dialogue.reactor.getDelayedCalls(), [])


class TransferTests(ConversationTestCase):
    """What happens while a transfer runs."""

    def transferring(self, line: str = "RETR a", **keywords: Any) -> tuple[Dialogue, DataConnection]:
        """Return a dialogue with a transfer under way."""
        dialogue = self.logged_in(**keywords)
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say(line, expect=150)
        return dialogue, connection

    def test_noop_and_stat_are_answered_meanwhile(self) -> None:
        """A client may ask how far the transfer is, and gets the answer at once."""
        dialogue, connection = self.transferring()
        dialogue.say("NOOP", expect=200)
        reply = dialogue.say("STAT", expect=211)
        self.assertIn("A transfer is under way: 4 octets so far.", reply.lines)
        connection.take_all()
        self.assert_codes(dialogue, 150, 200, 211, 226)

    def test_other_commands_wait(self) -> None:
        """Everything else is answered after the transfer, and so is what came behind it."""
        dialogue, connection = self.transferring()
        dialogue.send(b"SYST\r\nNOOP\r\nSTAT\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 215, 200, 211)

    def test_stat_of_a_path_waits(self) -> None:
        """STAT with a path is a command like others."""
        dialogue, connection = self.transferring()
        dialogue.send(b"STAT /a\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 213)

    def test_noop_with_an_argument_waits(self) -> None:
        """Only a NOOP as such overtakes."""
        dialogue, connection = self.transferring()
        dialogue.send(b"NOOP x\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 501)

    def test_a_second_transfer_waits(self) -> None:
        """Two transfers never mix; the second one has no data port any more."""
        dialogue, connection = self.transferring()
        dialogue.send(b"RETR a\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 425)

    def test_quit_waits_for_the_transfer(self) -> None:
        """The transfer finishes, then comes 221 and the end; nothing behind QUIT is answered."""
        dialogue, connection = self.transferring()
        dialogue.send(b"QUIT\r\nNOOP\r\n")
        dialogue.send(b"ABOR\r\n")
        self.assertFalse(dialogue.is_closed)
        connection.take_all()
        self.assertEqual(connection.received, b"0123456789")
        self.assert_codes(dialogue, 150, 226, 221)
        self.assertTrue(dialogue.is_closed)

    def test_an_abort_behind_queued_commands_cancels_at_once(self) -> None:
        """The transfer ends, and the reply to ABOR keeps its place in line."""
        dialogue, connection = self.transferring()
        dialogue.send(b"SYST\r\nPWD\r\nABOR\r\n")
        self.assertEqual(connection.received, b"0123")
        self.assert_codes(dialogue, 150, 426, 215, 257, 226)

    def test_two_aborts_have_two_replies(self) -> None:
        """The second ABOR has nothing to abort."""
        dialogue, _ = self.transferring()
        dialogue.send(b"ABOR\r\nABOR\r\n")
        self.assert_codes(dialogue, 150, 426, 226, 226)

    def test_abort_with_an_argument_aborts_nothing(self) -> None:
        """ABOR with something behind it is a syntax error in its turn."""
        dialogue, connection = self.transferring()
        dialogue.send(b"ABOR x\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226, 501)

    def hooked(self) -> tuple[Dialogue, DataConnection, Deferred[Reply | None]]:
        """Return a dialogue with a transfer under way, and a NOOP for which a hook takes its time."""
        verdict: Deferred[Reply | None] = Deferred()

        @implementer(IHook)
        class Slow:
            async def before(self, connection: object, command: Command, request: Request) -> Reply | None:
                return await verdict if request.verb == "NOOP" else None

        dialogue, connection = self.transferring(hooks=[Slow()])
        dialogue.send(b"NOOP\r\n")
        return dialogue, connection, verdict

    def test_what_overtakes_keeps_the_order_too(self) -> None:
        """When a NOOP in a transfer takes its time, what came behind it waits for its reply."""
        dialogue, connection, verdict = self.hooked()
        dialogue.send(b"STAT\r\nSYST\r\n")
        self.assert_codes(dialogue, 150)
        connection.take_all()
        self.assert_codes(dialogue, 150, 226)
        verdict.callback(None)
        self.assert_codes(dialogue, 150, 226, 200, 211, 215)

    def test_an_abort_cancels_the_transfer_alone(self) -> None:
        """A NOOP that is still to be answered is answered before the ABOR."""
        dialogue, _, verdict = self.hooked()
        dialogue.send(b"ABOR\r\n")
        self.assert_codes(dialogue, 150, 426)
        verdict.callback(reply(200, "At last."))
        self.assert_codes(dialogue, 150, 426, 200, 226)

    def test_a_lost_session_ends_whatever_runs(self) -> None:
        """The transfer and what overtook it are both given up."""
        dialogue, connection, verdict = self.hooked()
        dialogue.lose_connection()
        self.assertTrue(verdict.called)
        self.assertTrue(connection.is_closed_by_server)
        self.assertEqual(dialogue.server.sessions, 0)

    def test_a_lost_session_ends_its_transfer(self) -> None:
        """When the control connection is lost the transfer is aborted and everything released."""
        for line in ("RETR a", "STOR b"):
            dialogue, connection = self.transferring(line)
            dialogue.lose_connection()
            self.assertTrue(connection.is_closed_by_server)
            self.assertEqual(dialogue.server.sessions, 0)


class MarkTests(ConversationTestCase):
    """When a 1xx leaves."""

    def marking(self, *waits: Deferred[None] | None, outside: bool = False) -> tuple[Dialogue, list[bytes]]:
        """Return a dialogue whose MARK says a 1xx before each of *waits*, and the writes to the client."""

        @command("MARK", argument=Argument.NONE, data=Direction.TO_CLIENT)
        async def mark(connection: Connection) -> Reply:
            """Say a mark, and wait for the test."""
            for number, wait in enumerate(waits):
                if wait is not None and outside:
                    wait.addCallback(lambda _: connection.mark(reply(150, "Late.")))
                else:
                    connection.mark(reply(150, f"Mark {number}."))
                if wait is not None:
                    await wait
            return reply(226, "Done.")

        dialogue = self.logged_in(commands=COMMANDS.with_(mark))
        writes: list[bytes] = []
        write = dialogue.transport.write

        def note(octets: bytes) -> None:
            writes.append(octets)
            write(octets)

        self.patch(dialogue.transport, "write", note)
        return dialogue, writes

    def test_it_leaves_with_the_final_reply_where_both_are_due(self) -> None:
        """A transfer that does not wait has its 150 and its 226 in one write, with what was due before."""
        dialogue, writes = self.marking(None)
        dialogue.send(b"NOOP\r\nMARK\r\n")
        self.assertEqual(writes, [b"200 Okay.\r\n150 Mark 0.\r\n226 Done.\r\n"])

    def test_it_leaves_when_the_command_waits(self) -> None:
        """A client that must act on the 150 gets it before the transfer waits for that."""
        wait: Deferred[None] = Deferred()
        dialogue, writes = self.marking(wait)
        dialogue.send(b"MARK\r\nNOOP\r\n")
        self.assertEqual(writes, [b"150 Mark 0.\r\n", b"200 Okay.\r\n"])
        wait.callback(None)
        self.assertEqual(writes[2:], [b"226 Done.\r\n"])

    def test_behind_a_wait_it_leaves_with_what_follows(self) -> None:
        """A mark behind a wait leaves with the final reply, or when the command waits again."""
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()
        dialogue, writes = self.marking(first, second, None)
        dialogue.send(b"MARK\r\n")
        first.callback(None)
        self.assertEqual(writes, [b"150 Mark 0.\r\n", b"150 Mark 1.\r\n"])
        second.callback(None)
        self.assertEqual(writes[2:], [b"150 Mark 2.\r\n226 Done.\r\n"])

    def test_outside_a_step_it_leaves_at_once(self) -> None:
        """A mark that something else than the command says, while that waits, leaves at once."""
        wait: Deferred[None] = Deferred()
        dialogue, writes = self.marking(wait, outside=True)
        dialogue.send(b"MARK\r\n")
        self.assertEqual(writes, [])
        wait.callback(None)
        self.assertEqual(writes, [b"150 Late.\r\n", b"226 Done.\r\n"])

    def test_the_end_of_the_session_lets_it_leave(self) -> None:
        """A mark that is written when the server ends the session goes out before the 421."""
        wait: Deferred[None] = Deferred()
        dialogue, _ = self.marking(wait)
        dialogue.send(b"MARK\r\n")
        dialogue.protocol.shut_down()
        self.assert_codes(dialogue, 150, 421)


#: What a random dialogue says, apart from ECHO, whose replies tell the order.
LINES = (
    "NOOP",
    "STAT",
    "ABOR",
    "EPSV",
    "RETR a",
    "STOR b",
    "LIST",
    "NLST missing",
    "APPE b",
    "REST 2",
    "NOSUCH",
    "PWD",
)

ACTIONS = st.one_of(
    st.lists(st.sampled_from((*LINES, "ECHO")), min_size=1, max_size=6),
    st.sampled_from(["connect", "take", "end", "reset", "close", "wait"]),
)

#: Final replies of a transfer that had its 150.
ENDS = {226, 425, 426}


class RandomDialogue:
    """A client that does what comes to its mind, and remembers what it must be answered."""

    def __init__(self) -> None:
        users = [User("user", "password")]
        self.dialogue = Dialogue(users, commands=waiting_commands([]), wait_future_timeout=5, socket_timeout=20)
        self.dialogue.files.write("/a", b"0123456789")
        self.dialogue.login()
        self.sent = 0
        self.echoes = 0
        self.connections: list[DataConnection] = []

    def act(self, action: str | list[str]) -> None:
        """Do one thing."""
        if isinstance(action, list):
            self.say(action)
        elif action == "wait":
            self.dialogue.advance(6)
        elif action == "connect":
            for port in self.dialogue.network.open_ports:
                self.connections.append(self.dialogue.network.connect(port, "127.0.0.1"))
                self.connections[-1].limit = 3
        elif self.connections:
            getattr(self.connections[-1], {"take": "take_all"}.get(action, action))()

    def say(self, lines: list[str]) -> None:
        """Send lines in one segment."""
        for number, line in enumerate(lines):
            if line == "ECHO":
                lines[number] = f"ECHO {self.echoes}"
                self.echoes += 1
        self.sent += len(lines)
        self.dialogue.send("".join(f"{line}\r\n" for line in lines).encode())

    def finish(self) -> list[Reply]:
        """Let every transfer end, and return the replies since the login."""
        for _ in range(4 * self.sent + 4):
            self.dialogue.advance(21)
        return self.dialogue.replies()[3:]


class RandomTests(ConversationTestCase):
    """Whatever a client does, each command has one final reply, in order."""

    @given(st.lists(ACTIONS, max_size=12))
    def test_each_command_has_one_final_reply(self, actions: list[str | list[str]]) -> None:
        """As many final replies come as commands went, each 150 has its end, and the order is kept."""
        client = RandomDialogue()
        for action in actions:
            client.act(list(action) if isinstance(action, list) else action)
        answers = client.finish()
        finals = [one for one in answers if not one.is_mark]
        self.assertEqual(len(finals), client.sent)
        echoes = [one.lines[0] for one in finals if one.code == 250]
        self.assertEqual(echoes, [str(number) for number in range(client.echoes)])
        self.assert_marks_have_their_ends(answers)
        client.dialogue.lose_connection()
        self.assertEqual(client.dialogue.network.open_handles, 0)
        self.assertEqual(client.dialogue.reactor.getDelayedCalls(), [])

    def assert_marks_have_their_ends(self, answers: list[Reply]) -> None:
        """Assert that between a 150 and its end only NOOP and STAT are answered."""
        is_open = False
        for one in answers:
            if one.is_mark:
                self.assertFalse(is_open)
                is_open = True
            elif is_open:
                self.assertIn(one.code, ENDS | {200, 211})
                is_open = one.code not in ENDS
        self.assertFalse(is_open)
