# -*- test-case-name: tests.test_registry -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The row of the command table, and the decorators that fill it in.

The decorators annotate: they note a condition on the row and wrap nothing, so their order does not matter and the
interpreter alone decides in which order conditions are asked.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ..core import replies
from ..core.replies import Reply
from ..core.users import Right
from .arguments import Argument

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = [
    "Command",
    "CommandTable",
    "Condition",
    "ConnectionConditions",
    "Direction",
    "PathCondition",
    "PathConditions",
    "PathPermissions",
    "command",
    "worker",
]

Run = Callable[..., Awaitable[Reply]]


class Direction(enum.Enum):
    """Which way a command moves data over the data connection."""

    TO_CLIENT = "to the client"
    FROM_CLIENT = "from the client"


@dataclass(frozen=True, slots=True)
class Condition:
    """
    Something that must hold of the connection before a command runs.

    :ivar name: as in :class:`ConnectionConditions`.
    :ivar refusal: the reply where it does not hold.
    :ivar holds: the question.
    """

    name: str
    refusal: Reply
    holds: Callable[[Connection], bool] = field(compare=False)


class PathCondition(enum.Enum):
    """Something that must hold of the path before a command runs."""

    MUST_EXIST = "must exist"
    MUST_NOT_EXIST = "must not exist"
    MUST_BE_DIRECTORY = "must be a directory"
    MUST_BE_FILE = "must be a file"


#: Rights of which at least one must be granted.
AnyOf = frozenset[Right]


@dataclass(frozen=True, slots=True)
class Annotations:
    """What the decorators have noted so far."""

    conditions: tuple[Condition, ...] = ()
    path_conditions: tuple[PathCondition, ...] = ()
    rights: tuple[AnyOf, ...] = ()
    is_worker: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """
    One row of the table: all that the server knows of a command.

    :ivar verb: upper-case; two words for the commands behind SITE and OPTS.
    :ivar run: the coroutine function; it gets the connection and what the argument form gives, and returns the final
        reply.
    :ivar argument: form of the argument.
    :ivar help: form of the argument in words, as HELP shows it.
    :ivar annotations: what the decorators noted.
    :ivar data: direction of the data that it moves, or ``None``.
    :ivar features: lines of FEAT that this row brings; a callable gets the connection and answers a line or ``None``.
    :ivar overtakes: whether it is answered during a transfer when it comes without an argument.
    :ivar needs_login: whether it is refused with 530 before login.
    :ivar other_conditions: what must hold of the connection beside the login.
    """

    verb: str
    run: Run = field(compare=False)
    argument: Argument
    help: str = ""
    annotations: Annotations = Annotations()
    data: Direction | None = None
    features: tuple[str | Callable[[Connection], str | None], ...] = field(default=(), compare=False)
    overtakes: bool = False
    # Asked for each command, so they are worked out once.
    needs_login: bool = field(init=False, repr=False, compare=False)
    other_conditions: tuple[Condition, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        login = ConnectionConditions.login_required
        others = tuple(condition for condition in self.conditions if condition is not login)
        object.__setattr__(self, "needs_login", login in self.conditions)
        object.__setattr__(self, "other_conditions", others)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What must hold of the connection."""
        return self.annotations.conditions

    @property
    def path_conditions(self) -> tuple[PathCondition, ...]:
        """What must hold of the path."""
        return self.annotations.path_conditions

    @property
    def rights(self) -> tuple[AnyOf, ...]:
        """What the account must be allowed at the path."""
        return self.annotations.rights

    @property
    def is_abortable(self) -> bool:
        """Tell whether ABOR cancels it."""
        return self.annotations.is_worker

    @property
    def syntax(self) -> str:
        """Verb and argument, as HELP shows them."""
        return f"{self.verb} {self.help}".rstrip()

    @property
    def summary(self) -> str:
        """First sentence of the docstring of :attr:`run`."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


Target = TypeVar("Target", bound="Command | Callable[..., Any]")

_ATTRIBUTE = "__ftp_annotations__"


def _noted(target: object) -> Annotations:
    if isinstance(target, Command):
        return target.annotations
    noted = getattr(target, _ATTRIBUTE, None)
    return noted if isinstance(noted, Annotations) else Annotations()


def _annotate(target: Target, annotations: Annotations) -> Target:
    if isinstance(target, Command):
        return replace(target, annotations=annotations)
    setattr(target, _ATTRIBUTE, annotations)
    return target


#: Conditions are asked in the order of their refusals, whatever the order of the decorators; others come last.
_ORDER_OF_REFUSALS = (530, 503, 425)


def _rank(condition: Condition) -> int:
    code = condition.refusal.code
    return _ORDER_OF_REFUSALS.index(code) if code in _ORDER_OF_REFUSALS else len(_ORDER_OF_REFUSALS)


class ConnectionConditions:
    """
    Decorator that names what must hold of the connection.

    :cvar user_required: USER came and waits for its password; else 503.
    :cvar login_required: the user is logged in; else 530.
    :cvar passive_server_started: a data port was agreed, passive or active; else 425.
    :cvar data_connection_made: the client has connected to the data port; else 425.
    :cvar rename_from_required: RNFR came directly before; else 503.
    """

    user_required = Condition("user_required", replies.NEED_USER, lambda connection: connection.user_given)
    login_required = Condition("login_required", replies.NOT_LOGGED_IN, lambda connection: connection.logged)
    passive_server_started = Condition(
        "passive_server_started", replies.NO_DATA_PORT, lambda connection: connection.passive_server
    )
    data_connection_made = Condition(
        "data_connection_made", replies.NO_DATA_PORT, lambda connection: connection.data_connection
    )
    rename_from_required = Condition(
        "rename_from_required", replies.RENAME_SOURCE_MISSING, lambda connection: connection.rename_from is not None
    )

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    def __call__(self, target: Target) -> Target:
        noted = _noted(target)
        named = {id(condition): condition for condition in (*noted.conditions, *self._conditions)}
        conditions = sorted(named.values(), key=_rank)
        return _annotate(target, replace(noted, conditions=tuple(conditions)))


class PathConditions:
    """
    Decorator that names what must hold of the path; else 550.

    It is asked after the permission, so that a reply never tells what a forbidden place holds.
    """

    path_must_exists = PathCondition.MUST_EXIST
    path_must_not_exists = PathCondition.MUST_NOT_EXIST
    path_must_be_dir = PathCondition.MUST_BE_DIRECTORY
    path_must_be_file = PathCondition.MUST_BE_FILE

    def __init__(self, *conditions: PathCondition) -> None:
        self._conditions = conditions

    def __call__(self, target: Target) -> Target:
        noted = _noted(target)
        return _annotate(target, replace(noted, path_conditions=(*noted.path_conditions, *self._conditions)))


class PathPermissions:
    """
    Decorator that names the rights that the account needs at the path; all of them, else 550.

    Beside the two of the seed API stands one for each finer right, and two for uploads: the file may be new or not,
    which only opening it tells, so either right admits the command.
    """

    readable = frozenset({Right.READ})
    writable = frozenset({Right.WRITE})
    listable = frozenset({Right.LIST})
    creatable = frozenset({Right.CREATE})
    overwritable = frozenset({Right.OVERWRITE})
    deletable = frozenset({Right.DELETE})
    renamable = frozenset({Right.RENAME})
    directories_makable = frozenset({Right.MAKE_DIRECTORY})
    directories_removable = frozenset({Right.REMOVE_DIRECTORY})
    attributes_changeable = frozenset({Right.ATTRIBUTES})
    storable = frozenset({Right.CREATE, Right.OVERWRITE})
    appendable = frozenset({Right.CREATE, Right.APPEND})
    #: For facts and the current directory: whoever may read or list may know of it.
    visible = frozenset({Right.READ, Right.LIST})

    def __init__(self, *permissions: AnyOf) -> None:
        self._permissions = permissions

    def __call__(self, target: Target) -> Target:
        noted = _noted(target)
        return _annotate(target, replace(noted, rights=(*noted.rights, *self._permissions)))


def worker(target: Target) -> Target:
    """Mark a command as abortable: ABOR cancels it, which is answered with 426 and then 226."""
    return _annotate(target, replace(_noted(target), is_worker=True))


def command(
    verb: str,
    *,
    argument: Argument,
    help: str = "",
    data: Direction | None = None,
    features: Iterable[str | Callable[[Connection], str | None]] = (),
    overtakes: bool = False,
) -> Callable[[Run], Command]:
    """
    Make a coroutine function a row of the table; the parameters are those of :class:`Command`.

    :raises ValueError: if *verb* is not one or two upper-case words.
    """
    words = verb.split(" ")
    if len(words) > 2 or not all(word.isascii() and word.isalnum() and word.isupper() for word in words):
        raise ValueError(f"a verb is one or two words of upper-case ASCII letters, not {verb!r}")

    def row(run: Run) -> Command:
        return Command(verb, run, argument, help, _noted(run), data, tuple(features), overtakes)

    return row


class CommandTable(Mapping[str, Command]):
    """
    The commands of one server, by verb. A table is a value: the methods return another one.

    :param commands: rows; a later one replaces an earlier one of the same verb.
    """

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._rows = {row.verb: row for row in commands}
        self._families = frozenset(verb.split(" ")[0] for verb in self._rows if " " in verb)

    def with_(self, *commands: Command) -> CommandTable:
        """Return a table that has *commands* too, in place of those of the same verbs."""
        return CommandTable([*self._rows.values(), *commands])

    def without(self, *verbs: str) -> CommandTable:
        """
        Return a table that lacks *verbs*.

        :raises KeyError: for a verb that is not there.
        """
        for verb in verbs:
            self._rows[verb]
        return CommandTable(row for verb, row in self._rows.items() if verb not in verbs)

    def has_family(self, verb: str) -> bool:
        """Tell whether there are commands of two words that begin with *verb*, as SITE and OPTS do."""
        return verb in self._families

    def family(self, verb: str) -> list[Command]:
        """Return the commands of two words that begin with *verb*."""
        return [row for name, row in self._rows.items() if name.startswith(verb + " ")]

    def __getitem__(self, verb: str) -> Command:
        return self._rows[verb]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
