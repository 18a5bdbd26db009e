# -*- test-case-name: tests.test_session -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What may happen now: several small machines as literal tables, and the rule for what may overtake a transfer.

Nothing here reads, writes or waits. The control connection tells what happens and asks what may; the documentation
draws its diagrams from :data:`TABLES`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

__all__ = [
    "TABLES",
    "Access",
    "Admission",
    "DataPort",
    "Happening",
    "Protection",
    "Rename",
    "Restart",
    "Session",
    "States",
    "Transfer",
]


class Access(enum.Enum):
    """How far the login is (RFC 959, section 5.4, login sequence)."""

    START = "start"
    USER_GIVEN = "user given"
    LOGGED_IN = "logged in"


class Rename(enum.Enum):
    """Whether RNTO may come."""

    NONE = "no source"
    RNFR_RUNS = "RNFR is being answered"
    SOURCE_GIVEN = "source given"


class Restart(enum.Enum):
    """Whether the next transfer starts at an offset (RFC 3659, section 5)."""

    START_OF_FILE = "start of file"
    OFFSET_GIVEN = "offset given"


class DataPort(enum.Enum):
    """Which data port is agreed; after EPSV ALL only EPSV may agree one (RFC 2428, section 4)."""

    NONE = "none"
    AGREED = "agreed"
    ONLY_EPSV = "none, EPSV only"
    ONLY_EPSV_AGREED = "agreed, EPSV only"


class Transfer(enum.Enum):
    """How far the running command is."""

    IDLE = "idle"
    RUNNING = "command running"
    MARKED = "transfer under way"


class Protection(enum.Enum):
    """What runs under TLS, and whether PBSZ was said, without which PROT is refused (RFC 2228, section 3; RFC 4217)."""

    NONE = "nothing"
    COMMANDS = "commands"
    COMMANDS_SIZED = "commands, after PBSZ"
    ALL = "all"
    ALL_SIZED = "all, after PBSZ"
    NONE_ANY_MORE = "nothing, after CCC"
    DATA = "data, after CCC"


class Happening(enum.Enum):
    """What the machines are told."""

    USER_ACCEPTED = "USER"
    LOGIN_SUCCEEDED = "right login"
    LOGIN_FAILED = "wrong login"
    RESET = "REIN"
    RENAME_SOURCE_ACCEPTED = "RNFR"
    OFFSET_ACCEPTED = "REST"
    OFFSET_CLEARED = "REST 0"
    PORT_AGREED = "PASV EPSV PORT EPRT"
    PORT_FORGOTTEN = "port closed"
    ONLY_EPSV_ASKED = "EPSV ALL"
    COMMAND_STARTED = "command starts"
    MARK_SENT = "1xx"
    COMMAND_COMPLETED = "final reply"
    TRANSFER_COMPLETED = "final reply of a transfer"
    TRANSFER_REFUSED = "final reply without a 1xx"
    COMMANDS_PROTECTED = "AUTH"
    ALL_PROTECTED = "implicit TLS"
    BUFFER_SIZE_GIVEN = "PBSZ"
    DATA_PROTECTED = "PROT P"
    DATA_CLEARED = "PROT C"
    COMMANDS_CLEARED = "CCC"
    PROTECTION_FORGOTTEN = "end of the login"

    # That of an enumeration is computed in Python from its name, at each look into a dictionary.
    __hash__ = object.__hash__


_ACCESS = {
    (Access.START, Happening.USER_ACCEPTED): Access.USER_GIVEN,
    (Access.START, Happening.LOGIN_SUCCEEDED): Access.LOGGED_IN,
    (Access.START, Happening.RESET): Access.START,
    (Access.USER_GIVEN, Happening.USER_ACCEPTED): Access.USER_GIVEN,
    (Access.USER_GIVEN, Happening.LOGIN_SUCCEEDED): Access.LOGGED_IN,
    (Access.USER_GIVEN, Happening.LOGIN_FAILED): Access.START,
    (Access.USER_GIVEN, Happening.RESET): Access.START,
    (Access.LOGGED_IN, Happening.RESET): Access.START,
}

# RNFR must be "immediately followed" by RNTO (RFC 959, section 4.1.3): the end of any other command forgets it.
_RENAME = {
    (Rename.NONE, Happening.RENAME_SOURCE_ACCEPTED): Rename.RNFR_RUNS,
    (Rename.RNFR_RUNS, Happening.COMMAND_COMPLETED): Rename.SOURCE_GIVEN,
    (Rename.RNFR_RUNS, Happening.RESET): Rename.NONE,
    (Rename.SOURCE_GIVEN, Happening.RENAME_SOURCE_ACCEPTED): Rename.RNFR_RUNS,
    (Rename.SOURCE_GIVEN, Happening.COMMAND_COMPLETED): Rename.NONE,
    (Rename.SOURCE_GIVEN, Happening.TRANSFER_COMPLETED): Rename.NONE,
    (Rename.SOURCE_GIVEN, Happening.TRANSFER_REFUSED): Rename.NONE,
    (Rename.SOURCE_GIVEN, Happening.RESET): Rename.NONE,
}

# One transfer uses the offset up; clients send REST both before and after PASV and TYPE.
_RESTART = {
    (Restart.START_OF_FILE, Happening.OFFSET_ACCEPTED): Restart.OFFSET_GIVEN,
    (Restart.OFFSET_GIVEN, Happening.OFFSET_ACCEPTED): Restart.OFFSET_GIVEN,
    (Restart.OFFSET_GIVEN, Happening.OFFSET_CLEARED): Restart.START_OF_FILE,
    (Restart.OFFSET_GIVEN, Happening.TRANSFER_COMPLETED): Restart.START_OF_FILE,
    (Restart.OFFSET_GIVEN, Happening.TRANSFER_REFUSED): Restart.START_OF_FILE,
    (Restart.OFFSET_GIVEN, Happening.RESET): Restart.START_OF_FILE,
}

# A transfer command that is refused before its 1xx leaves the agreed port to the next one.
_DATA_PORT = {
    (DataPort.NONE, Happening.PORT_AGREED): DataPort.AGREED,
    (DataPort.NONE, Happening.ONLY_EPSV_ASKED): DataPort.ONLY_EPSV,
    (DataPort.AGREED, Happening.PORT_AGREED): DataPort.AGREED,
    (DataPort.AGREED, Happening.PORT_FORGOTTEN): DataPort.NONE,
    (DataPort.AGREED, Happening.TRANSFER_COMPLETED): DataPort.NONE,
    (DataPort.AGREED, Happening.ONLY_EPSV_ASKED): DataPort.ONLY_EPSV,
    (DataPort.AGREED, Happening.RESET): DataPort.NONE,
    (DataPort.ONLY_EPSV, Happening.PORT_AGREED): DataPort.ONLY_EPSV_AGREED,
    (DataPort.ONLY_EPSV, Happening.RESET): DataPort.NONE,
    (DataPort.ONLY_EPSV_AGREED, Happening.PORT_AGREED): DataPort.ONLY_EPSV_AGREED,
    (DataPort.ONLY_EPSV_AGREED, Happening.PORT_FORGOTTEN): DataPort.ONLY_EPSV,
    (DataPort.ONLY_EPSV_AGREED, Happening.TRANSFER_COMPLETED): DataPort.ONLY_EPSV,
    (DataPort.ONLY_EPSV_AGREED, Happening.ONLY_EPSV_ASKED): DataPort.ONLY_EPSV,
    (DataPort.ONLY_EPSV_AGREED, Happening.RESET): DataPort.NONE,
}

_TRANSFER = {
    (Transfer.IDLE, Happening.COMMAND_STARTED): Transfer.RUNNING,
    (Transfer.RUNNING, Happening.MARK_SENT): Transfer.MARKED,
    (Transfer.RUNNING, Happening.COMMAND_COMPLETED): Transfer.IDLE,
    (Transfer.RUNNING, Happening.TRANSFER_REFUSED): Transfer.IDLE,
    (Transfer.MARKED, Happening.TRANSFER_COMPLETED): Transfer.IDLE,
}

_PROTECTION = {
    (Protection.NONE, Happening.COMMANDS_PROTECTED): Protection.COMMANDS,
    (Protection.NONE, Happening.ALL_PROTECTED): Protection.ALL,
    (Protection.COMMANDS, Happening.BUFFER_SIZE_GIVEN): Protection.COMMANDS_SIZED,
    (Protection.COMMANDS, Happening.COMMANDS_CLEARED): Protection.NONE_ANY_MORE,
    (Protection.COMMANDS, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
    (Protection.COMMANDS_SIZED, Happening.DATA_PROTECTED): Protection.ALL_SIZED,
    (Protection.COMMANDS_SIZED, Happening.COMMANDS_CLEARED): Protection.NONE_ANY_MORE,
    (Protection.COMMANDS_SIZED, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
    (Protection.ALL, Happening.BUFFER_SIZE_GIVEN): Protection.ALL_SIZED,
    (Protection.ALL, Happening.COMMANDS_CLEARED): Protection.DATA,
    (Protection.ALL, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
    (Protection.ALL_SIZED, Happening.DATA_CLEARED): Protection.COMMANDS_SIZED,
    (Protection.ALL_SIZED, Happening.COMMANDS_CLEARED): Protection.DATA,
    (Protection.ALL_SIZED, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
    (Protection.NONE_ANY_MORE, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
    (Protection.DATA, Happening.PROTECTION_FORGOTTEN): Protection.NONE,
}

#: Every machine by name: what each state becomes by what happens. A happening without a row changes nothing.
TABLES: Mapping[str, Mapping[tuple[Any, Happening], enum.Enum]] = {
    "access": _ACCESS,
    "rename": _RENAME,
    "restart": _RESTART,
    "data port": _DATA_PORT,
    "transfer": _TRANSFER,
    "protection": _PROTECTION,
}

_PROTECTED_COMMANDS = frozenset({Protection.COMMANDS, Protection.COMMANDS_SIZED, Protection.ALL, Protection.ALL_SIZED})
_PROTECTED_DATA = frozenset({Protection.ALL, Protection.ALL_SIZED, Protection.DATA})
_ONLY_EPSV = frozenset({DataPort.ONLY_EPSV, DataPort.ONLY_EPSV_AGREED})

# Looking up a member of an enumeration by its name costs as much as a call (CPython 3.11), several times a command.
_IDLE, _MARKED = Transfer.IDLE, Transfer.MARKED


class States:
    """
    A state of each machine, together.

    There is one object for each combination that has come up, shared by all sessions, and it knows what each happening
    makes of it: six looks into :data:`TABLES` for each happening took half the time of a NOOP.

    :ivar is_logged_in: whether a user is logged in.
    :ivar protects_commands: whether the control connection is under TLS.
    :ivar protects_data: whether data connections are under TLS (PROT P).
    :ivar only_epsv: whether EPSV ALL was said.
    :ivar after: what each happening leads to.
    """

    __slots__ = (
        "access",
        "after",
        "data_port",
        "is_logged_in",
        "only_epsv",
        "protection",
        "protects_commands",
        "protects_data",
        "rename",
        "restart",
        "transfer",
    )

    def __init__(
        self,
        access: Access,
        rename: Rename,
        restart: Restart,
        data_port: DataPort,
        transfer: Transfer,
        protection: Protection,
    ) -> None:
        self.access = access
        self.rename = rename
        self.restart = restart
        self.data_port = data_port
        self.transfer = transfer
        self.protection = protection
        self.is_logged_in = access is Access.LOGGED_IN
        self.protects_commands = protection in _PROTECTED_COMMANDS
        self.protects_data = protection in _PROTECTED_DATA
        self.only_epsv = data_port in _ONLY_EPSV
        self.after: Mapping[Happening, States] = _Following(self)


class _Following(dict[Happening, States]):
    """What each happening makes of one combination; worked out from the tables when it comes up first."""

    def __init__(self, states: States) -> None:
        super().__init__()
        self._states = states

    def __missing__(self, happening: Happening) -> States:
        before = self._states
        each = (before.access, before.rename, before.restart, before.data_port, before.transfer, before.protection)
        after = tuple(table.get((state, happening), state) for table, state in zip(TABLES.values(), each, strict=True))
        # At most as many as there are combinations: 1,512.
        self[happening] = following = before if after == each else _known(after)
        return following


_KNOWN: dict[tuple[Any, ...], States] = {}


def _known(states: tuple[Any, ...]) -> States:
    if states not in _KNOWN:
        _KNOWN[states] = States(*states)
    return _KNOWN[states]


_INITIAL = _known((Access.START, Rename.NONE, Restart.START_OF_FILE, DataPort.NONE, Transfer.IDLE, Protection.NONE))


class Admission(enum.Enum):
    """Answer of :meth:`Session.admit`."""

    #: Nothing runs: start the command.
    RUN = "run"
    #: Something runs: keep the command in line.
    WAIT = "wait"
    #: A transfer runs, and this command is answered meanwhile.
    OVERTAKE = "overtake"
    #: As WAIT, and the running command is cancelled at once.
    WAIT_AND_CANCEL = "wait and cancel"


class Session:
    """
    The states of one control connection.

    :ivar states: those of now.
    """

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states = _INITIAL

    @property
    def access(self) -> Access:
        """How far the login is."""
        return self.states.access

    @property
    def rename(self) -> Rename:
        """Whether RNTO may come."""
        return self.states.rename

    @property
    def restart(self) -> Restart:
        """Whether an offset waits for a transfer."""
        return self.states.restart

    @property
    def data_port(self) -> DataPort:
        """Which data port is agreed."""
        return self.states.data_port

    @property
    def transfer(self) -> Transfer:
        """Whether a command runs."""
        return self.states.transfer

    @property
    def protection(self) -> Protection:
        """What runs under TLS."""
        return self.states.protection

    @property
    def protects_commands(self) -> bool:
        """Tell whether the control connection is under TLS."""
        return self.states.protects_commands

    @property
    def protects_data(self) -> bool:
        """Tell whether data connections are under TLS (PROT P)."""
        return self.states.protects_data

    @property
    def only_epsv(self) -> bool:
        """Tell whether EPSV ALL was said."""
        return self.states.only_epsv

    def happened(self, happening: Happening) -> None:
        """Tell every machine what happened."""
        self.states = self.states.after[happening]

    def admit(self, *, overtakes: bool, cancels: bool, waiting: int, abortable: bool) -> Admission:
        """
        Decide about a command that has just come.

        :param overtakes: whether it is one that is answered during a transfer (NOOP, STAT without a path).
        :param cancels: whether it is ABOR.
        :param waiting: commands already in line; nothing overtakes those.
        :param abortable: whether the running command can be cancelled.
        """
        transfer = self.states.transfer
        if transfer is _IDLE and not waiting:
            return Admission.RUN
        if cancels and abortable and transfer is not _IDLE:
            return Admission.WAIT_AND_CANCEL
        if overtakes and not waiting and transfer is _MARKED:
            return Admission.OVERTAKE
        return Admission.WAIT
