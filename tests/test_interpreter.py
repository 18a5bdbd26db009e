# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the guards that a request passes on its way to a command.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from ftpserver import (
    COMMANDS,
    Argument,
    Command,
    Connection,
    ConnectionConditions,
    Direction,
    MemoryPathIO,
    PathConditions,
    PathPermissions,
    Permission,
    Reply,
    VirtualPath,
    command,
    reply,
    worker,
)
from ftpserver.commands.arguments import Context, Parsed
from ftpserver.commands.registry import Condition
from ftpserver.core.wire import Request
from ftpserver.errors import CommandRefused, StorageFull
from ftpserver.interfaces import IHook
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase, user_with

Decorator = Callable[[Any], Any]

DONE = reply(200, "Done.")


def own(
    *decorators: Decorator,
    verb: str = "OWN",
    raises: Exception | None = None,
    argument: Argument = Argument.OPTIONAL_PATH,
    data: Direction | None = None,
) -> Command:
    """Return a command with these decorators."""

    async def run(connection: Connection, *values: object) -> Reply:
        """Do as the test says."""
        if raises is not None:
            raise raises
        return DONE

    target: Any = run
    for decorator in decorators:
        target = decorator(target)
    return command(verb, argument=argument, data=data)(target)


class UnknownTests(ConversationTestCase):
    """Verbs that are not in the table."""

    def test_an_unknown_verb_is_not_understood(self) -> None:
        """500 comes for it, before and after the login."""
        dialogue = self.converse()
        dialogue.say("NOSUCH", expect=500)
        dialogue.login()
        dialogue.say("NOSUCH x", expect=500)

    def test_a_known_verb_may_not_be_provided(self) -> None:
        """502 comes for the verbs of the standards that this server has not."""
        dialogue = self.converse()
        for verb in ("AUTH TLS", "SMNT /", "LANG", "HOST x", "HASH a", "MLFL"):
            dialogue.say(verb, expect=502)

    def test_a_verb_can_be_taken_away(self) -> None:
        """A command that the server was told to leave out is one that it does not provide."""
        dialogue = self.logged_in(commands=COMMANDS.without("DELE", "SITE CHMOD"))
        dialogue.say("DELE a", expect=502)
        dialogue.say("SITE CHMOD 600 a", expect=504)


class GuardTests(ConversationTestCase):
    """What is asked before a command runs, in which order."""

    def with_command(self, row: Command, users: Any = None, **keywords: Any) -> Dialogue:
        """Return a dialogue with a command of one's own."""
        return self.converse(users, commands=COMMANDS.with_(row), **keywords)

    def test_the_order_of_the_decorators_does_not_matter(self) -> None:
        """Login, form, connection, permission and existence are asked in this order, however they were written."""
        decorators: tuple[Decorator, ...] = (
            ConnectionConditions(ConnectionConditions.passive_server_started),
            ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.rename_from_required),
            PathConditions(PathConditions.path_must_be_file),
            PathPermissions(PathPermissions.readable),
        )
        for order in permutations(decorators):
            users = user_with(Permission("/"), Permission("/secret", readable=False))
            dialogue = self.with_command(own(*order, argument=Argument.PATH), users)
            dialogue.files.write("/a")
            dialogue.say("OWN", expect=530)
            dialogue.login()
            dialogue.say("OWN", expect=501)
            dialogue.say("OWN a", expect=503)
            dialogue.say("RNFR a", expect=350)
            dialogue.say("OWN a", expect=425)
            dialogue.say("EPSV", expect=229)
            for path, code in (("secret", 550), ("missing", 550), ("/", 550), ("a", 200)):
                dialogue.say("RNFR a", expect=350)
                dialogue.say(f"OWN {path}", expect=code)

    def test_every_named_permission_is_asked(self) -> None:
        """One permission that is missing is enough to refuse."""
        row = own(PathPermissions(PathPermissions.readable, PathPermissions.writable))
        for rights, code in (
            ({}, 200),
            ({"readable": False}, 550),
            ({"writable": False}, 550),
        ):
            dialogue = self.with_command(row, user_with(Permission("/", **rights)))
            dialogue.login()
            dialogue.say("OWN /", expect=code)

    def test_existence_is_asked_after_the_permission(self) -> None:
        """A forbidden path and a missing one get the same reply."""
        row = own(PathPermissions(PathPermissions.readable), PathConditions(PathConditions.path_must_exists))
        dialogue = self.with_command(row, user_with(Permission("/"), Permission("/secret", readable=False)))
        dialogue.files.write("/secret")
        dialogue.login()
        self.assertEqual(dialogue.say("OWN secret", expect=550), dialogue.say("OWN missing", expect=550))

    def test_each_condition_of_the_path(self) -> None:
        """A path may have to exist or not, and to be a file or a directory."""
        for condition, of_file, of_directory, of_missing in (
            (PathConditions.path_must_exists, 200, 200, 550),
            (PathConditions.path_must_not_exists, 550, 550, 200),
            (PathConditions.path_must_be_file, 200, 550, 550),
            (PathConditions.path_must_be_dir, 550, 200, 550),
        ):
            dialogue = self.with_command(own(PathConditions(condition)))
            dialogue.files.write("/f")
            dialogue.login()
            for path, code in (("f", of_file), ("/", of_directory), ("missing", of_missing)):
                dialogue.say(f"OWN {path}", expect=code)

    def test_a_data_connection_may_have_to_be_there(self) -> None:
        """425 comes until the client has connected to the data port."""
        dialogue = self.with_command(own(ConnectionConditions(ConnectionConditions.data_connection_made)))
        dialogue.say("OWN", expect=425)
        dialogue.login()
        dialogue.say("OWN", expect=425)
        dialogue.say("EPSV", expect=229)
        dialogue.say("OWN", expect=425)
        dialogue.network.connect(dialogue.network.open_ports[0], "127.0.0.1")
        dialogue.say("OWN", expect=200)

    def test_a_condition_of_ones_own_is_asked_last(self) -> None:
        """A condition that a program defines itself comes behind those of the server."""
        closed = Condition("closed", reply(450, "We are closed."), lambda _connection: False)
        dialogue = self.with_command(own(ConnectionConditions(closed, ConnectionConditions.login_required)))
        dialogue.say("OWN", expect=530)
        dialogue.login()
        dialogue.say("OWN", expect=450)

    def test_a_form_of_argument_of_ones_own(self) -> None:
        """A command may have its argument understood by a function of its own."""

        def two_numbers(octets: bytes | None, context: Context) -> Parsed:
            first, second = (octets or b"").split(b",")
            return Parsed(context.directory, (int(first) + int(second),))

        async def add(connection: Connection, total: int) -> Reply:
            """Add two numbers."""
            return reply(200, f"That is {total}.")

        dialogue = self.with_command(command("ADD", argument=Argument("two numbers", two_numbers))(add))
        self.assertEqual(dialogue.say("ADD 2,3", expect=200).lines, ("That is 5.",))
        for text in ("", "2", "2,x", "1,2,3"):
            dialogue.say(f"ADD {text}", expect=501)

    def test_two_words_are_one_command(self) -> None:
        """A command may be named by two words, in any case of letters, with the argument behind them."""
        row = own(verb="SITE OWN", argument=Argument.PATH)
        dialogue = self.with_command(row)
        dialogue.say("site own a b", expect=200)
        dialogue.say("SITE OWN", expect=501)
        dialogue.say("SITE OWN\udcff a", expect=504)


class FailureTests(ConversationTestCase):
    """What a command raises is a reply."""

    def test_a_known_failure_is_its_reply(self) -> None:
        """A failure that knows its reply is answered with it."""
        for raises, code in ((StorageFull("no room"), 452), (CommandRefused(reply(533, "No.")), 533)):
            self.converse(commands=COMMANDS.with_(own(raises=raises))).say("OWN", expect=code)

    def test_any_other_exception_is_451(self) -> None:
        """451 comes once, the traceback is in the log, and the session goes on."""
        dialogue = self.converse(commands=COMMANDS.with_(own(raises=ZeroDivisionError())))
        dialogue.say("OWN", expect=451)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        dialogue.say("NOOP", expect=200)

    def test_a_cancelled_command_is_426(self) -> None:
        """A command that was cancelled says so."""
        self.converse(commands=COMMANDS.with_(own(raises=CancelledError()))).say("OWN", expect=426)

    def test_a_store_that_raises_anything_costs_one_reply(self) -> None:
        """Whatever a store raises, in whatever command, the session goes on."""

        class Broken(MemoryPathIO):
            works = True

            async def stat(self, path: VirtualPath) -> Any:
                if not self.works:
                    raise ZeroDivisionError
                return await super().stat(path)

            async def broken(self, *_: object, **__: object) -> Any:
                raise ZeroDivisionError

            open = list = scan = mkdir = rmdir = unlink = rename = set_modified = chmod = broken

        stores: list[Broken] = []

        def make(connection: Any) -> Broken:
            stores.append(Broken(connection))
            return stores[-1]

        dialogue = self.logged_in(path_io_factory=make)
        dialogue.say("RNFR /", expect=550)
        stores[0].works = False
        dialogue.say("TYPE I", expect=200)
        dialogue.agree()
        lines = ("CWD a", "MKD a", "RMD a", "DELE a", "SIZE a", "MDTM a", "MLST a", "STAT a", "SITE CHMOD 600 a")
        for line in (*lines, "MFMT 20200101000000 a", "RETR a", "STOR a", "APPE a", "STOU", "LIST", "NLST", "MLSD"):
            dialogue.say(line, expect=451)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1, line)
        dialogue.say("NOOP", expect=200)

    def test_a_store_that_never_answers_costs_451(self) -> None:
        """451 comes after the time allowed for one call, and the session goes on."""

        class Stuck(MemoryPathIO):
            async def mkdir(self, path: VirtualPath) -> None:
                await Deferred()

        dialogue = self.logged_in(path_io_factory=Stuck, path_timeout=5)
        dialogue.send(b"MKD a\r\nNOOP\r\n")
        dialogue.advance(4.9)
        self.assert_codes(dialogue, 230)
        dialogue.advance(0.1)
        self.assert_codes(dialogue, 230, 451, 200)


@implementer(IHook)
class Recorder:
    """Keeps a log of what it was asked, and refuses one verb."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[tuple[str, bytes | None]] = []
        self.refuses = refuses

    async def before(self, connection: object, command: Command, request: Request) -> Reply | None:
        """Refuse or let pass."""
        self.asked.append((request.verb, request.argument))
        return reply(550, "Not today.") if command.verb == self.refuses else None


class HookTests(ConversationTestCase):
    """Hooks are asked before a command runs."""

    def test_a_hook_sees_each_command(self) -> None:
        """It is asked with the request, after the guards and before the command."""
        hook = Recorder()
        dialogue = self.converse(hooks=[hook])
        dialogue.say("DELE a", expect=530)
        dialogue.say("NOOP", expect=200)
        dialogue.say("HELP NOOP", expect=214)
        self.assertEqual(hook.asked, [("NOOP", None), ("HELP", b"NOOP")])

    def test_a_verdict_stands_in_for_the_command(self) -> None:
        """The reply of a hook is sent, and the command does not run."""
        dialogue = self.logged_in(hooks=[Recorder("MKD")])
        self.assertEqual(dialogue.say("MKD a", expect=550).lines, ("Not today.",))
        self.assertEqual(dialogue.files.names(), [])

    def test_hooks_are_asked_in_order(self) -> None:
        """The first verdict ends the asking."""
        first, second, third = Recorder(), Recorder("NOOP"), Recorder()
        dialogue = self.converse(hooks=[first, second, third])
        dialogue.say("NOOP", expect=550)
        self.assertEqual([len(hook.asked) for hook in (first, second, third)], [1, 1, 0])

    def test_a_hook_may_refuse_a_transfer(self) -> None:
        """A refused transfer has no 150 and leaves the data port."""
        dialogue = self.logged_in(hooks=[Recorder("NLST")])
        connection = dialogue.agree()
        dialogue.say("NLST", expect=550)
        dialogue.say("LIST", expect=[150, 226])
        self.assertTrue(connection.is_ended)

    def test_a_hook_that_raises_costs_451(self) -> None:
        """The command does not run when a hook fails."""

        @implementer(IHook)
        class Broken:
            async def before(self, connection: object, command: Command, request: Request) -> Reply | None:
                raise ZeroDivisionError

        dialogue = self.converse(hooks=[Broken()])
        dialogue.say("NOOP", expect=451)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_hook_may_take_its_time(self) -> None:
        """Commands wait for the verdict, in order."""
        verdict: Deferred[Reply | None] = Deferred()

        @implementer(IHook)
        class Slow:
            async def before(self, connection: object, command: Command, request: Request) -> Reply | None:
                return await verdict

        dialogue = self.converse(hooks=[Slow()])
        dialogue.send(b"NOOP\r\nSYST\r\n")
        self.assertEqual(dialogue.codes(), [220])
        verdict.callback(None)
        self.assertEqual(dialogue.codes(), [220, 200, 215])


class OwnTransferTests(ConversationTestCase):
    """A command of one's own that moves data."""

    def test_it_is_like_the_others(self) -> None:
        """It needs a data port, sends over it, and can be aborted."""

        @command("PAIR", argument=Argument.PATH, data=Direction.TO_CLIENT, help="<SP> pathname")
        @ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
        @PathPermissions(PathPermissions.readable)
        @worker
        async def pair(connection: Connection, path: VirtualPath) -> Reply:
            """Send a file, or wait for ever."""
            if path.name == "wait":
                await Deferred()
            async with await connection.storage.open(path, "rb") as source:
                await connection.send(source)
            return reply(226, "That was it.")

        dialogue = self.logged_in(commands=COMMANDS.with_(pair))
        dialogue.files.write("/a", b"octets")
        dialogue.say("PAIR a", expect=425)
        self.assertEqual(dialogue.download("PAIR a"), b"octets")
        dialogue.agree()
        dialogue.send(b"PAIR wait\r\n")
        dialogue.say("ABOR", expect=[426, 226])
