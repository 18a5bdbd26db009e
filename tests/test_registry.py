# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the row of the command table and the decorators that fill it in.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import (
    Argument,
    Command,
    CommandTable,
    Connection,
    ConnectionConditions,
    Direction,
    PathConditions,
    PathPermissions,
    Reply,
    command,
    reply,
    worker,
)
from ftpserver.core.users import Right


async def run(connection: Connection) -> Reply:
    """
    Do something.

    And more.
    """
    return reply(200, "Done.")


def row(verb: str, *decorators: Callable[[Any], Any], **keywords: Any) -> Command:
    """Return a row with a coroutine function of its own."""

    async def fresh(connection: Connection) -> Reply:
        """Do something."""
        return reply(200, "Done.")

    target: Any = fresh
    for decorator in decorators:
        target = decorator(target)
    return command(verb, argument=Argument.NONE, **keywords)(target)


class CommandTests(SynchronousTestCase):
    """A row holds what the server knows of a command."""

    def test_a_row_tells_its_form(self) -> None:
        """HELP shows the verb with its argument, and the first sentence of the docstring."""
        made = command("HELLO", argument=Argument.NONE, help="<SP> name")(run)
        self.assertEqual(made.syntax, "HELLO <SP> name")
        self.assertEqual(made.summary, "Do something.")
        self.assertEqual(row("HELLO").syntax, "HELLO")

    def test_a_verb_is_one_or_two_upper_case_words(self) -> None:
        """A verb that no request could name is an error where it is defined."""
        for verb in ("", "hello", "SITE hello", "A B C", "HELLO ", "H\xc9LLO", "H-LLO"):
            self.assertRaises(ValueError, command, verb, argument=Argument.NONE)
        self.assertEqual(row("SITE X2").verb, "SITE X2")

    def test_a_bare_command_needs_nothing(self) -> None:
        """A row without decorators runs before login, without a path, and cannot be aborted."""
        made = row("HELLO")
        self.assertFalse(made.needs_login)
        self.assertFalse(made.is_abortable)
        self.assertIsNone(made.data)
        self.assertEqual((made.conditions, made.path_conditions, made.rights), ((), (), ()))

    def test_a_docstring_may_be_missing(self) -> None:
        """A command without a docstring has an empty summary."""

        async def silent(connection: Connection) -> Reply:
            return reply(200, "Done.")

        self.assertEqual(command("HELLO", argument=Argument.NONE)(silent).summary, "")


class DecoratorTests(SynchronousTestCase):
    """The decorators of the seed API annotate."""

    def test_decorators_add_up_in_any_order(self) -> None:
        """Whatever the order of the decorators, the same is asked before the command runs."""
        decorators: tuple[Callable[[Any], Any], ...] = (
            ConnectionConditions(ConnectionConditions.login_required),
            PathConditions(PathConditions.path_must_exists),
            PathPermissions(PathPermissions.readable, PathPermissions.writable),
            worker,
        )
        for order in permutations(decorators):
            made = row("HELLO", *order)
            self.assertTrue(made.needs_login)
            self.assertTrue(made.is_abortable)
            self.assertEqual(made.path_conditions, (PathConditions.path_must_exists,))
            self.assertEqual(made.rights, (frozenset({Right.READ}), frozenset({Right.WRITE})))

    def test_decorators_may_stand_above_the_row(self) -> None:
        """A decorator above ``@command`` annotates the row in the same way."""
        made = worker(PathConditions(PathConditions.path_must_be_dir)(row("HELLO", data=Direction.TO_CLIENT)))
        self.assertTrue(made.is_abortable)
        self.assertEqual(made.path_conditions, (PathConditions.path_must_be_dir,))
        self.assertIs(made.data, Direction.TO_CLIENT)

    def test_decorators_wrap_nothing(self) -> None:
        """A decorated function is still the function itself."""
        self.assertIs(worker(run), run)

    def test_several_conditions_add_up(self) -> None:
        """The same decorator twice asks for both."""
        made = row(
            "HELLO",
            ConnectionConditions(ConnectionConditions.user_required),
            ConnectionConditions(
                ConnectionConditions.passive_server_started, ConnectionConditions.data_connection_made
            ),
        )
        self.assertEqual(
            [condition.name for condition in made.conditions],
            ["user_required", "passive_server_started", "data_connection_made"],
        )


class CommandTableTests(SynchronousTestCase):
    """A table is a value."""

    def test_a_table_is_a_mapping(self) -> None:
        """Rows are found by their verbs."""
        hello = row("HELLO")
        table = CommandTable([hello])
        self.assertIs(table["HELLO"], hello)
        self.assertEqual((list(table), len(table), table.get("BYE")), (["HELLO"], 1, None))

    def test_adding_makes_another_table(self) -> None:
        """A command is added or replaced in a new table, and the old one stays as it is."""
        old, new = row("HELLO"), row("HELLO", help="<SP> name")
        table = CommandTable([old])
        changed = table.with_(new, row("BYE"))
        self.assertEqual(table["HELLO"].help, "")
        self.assertEqual((changed["HELLO"].help, sorted(changed)), ("<SP> name", ["BYE", "HELLO"]))

    def test_removing_makes_another_table(self) -> None:
        """A command is left out of a new table; one that is not there is an error."""
        table = CommandTable([row("HELLO"), row("BYE")])
        self.assertEqual(list(table.without("BYE")), ["HELLO"])
        self.assertEqual(len(table), 2)
        self.assertRaises(KeyError, table.without, "NOSUCH")

    def test_commands_of_two_words_are_a_family(self) -> None:
        """The commands behind SITE are found by SITE."""
        table = CommandTable([row("HELLO"), row("SITE A"), row("SITE B")])
        self.assertTrue(table.has_family("SITE"))
        self.assertFalse(table.has_family("HELLO"))
        self.assertEqual([one.verb for one in table.family("SITE")], ["SITE A", "SITE B"])
