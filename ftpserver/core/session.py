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
from typing import Any, TypeVar

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

_INITIAL: Mapping[str, enum.Enum] = {
    "access": Access.START,
    "rename": Rename.NONE,
    "restart": Restart.START_OF_FILE,
    "data port": DataPort.NONE,
    "transfer": Transfer.IDLE,
    "protection": Protection.NONE,
}


_PROTECTED_COMMANDS = frozenset({Protection.COMMANDS, Protection.COMMANDS_SIZED, Protection.ALL, Protection.ALL_SIZED})

State = TypeVar("State", bound=enum.Enum)


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
    """The states of one control connection."""

    def __init__(self) -> None:
        self._states: dict[str, Any] = dict(_INITIAL)

    @property
    def access(self) -> Access:
        """How far the login is."""
        return self._state("access", Access)

    @property
    def rename(self) -> Rename:
        """Whether RNTO may come."""
        return self._state("rename", Rename)

    @property
    def restart(self) -> Restart:
        """Whether an offset waits for a transfer."""
        return self._state("restart", Restart)

    @property
    def data_port(self) -> DataPort:
        """Which data port is agreed."""
        return self._state("data port", DataPort)

    @property
    def transfer(self) -> Transfer:
        """Whether a command runs."""
        return self._state("transfer", Transfer)

    @property
    def protection(self) -> Protection:
        """What runs under TLS."""
        return self._state("protection", Protection)

    @property
    def protects_commands(self) -> bool:
        """Tell whether the control connection is under TLS."""
        return self.protection in _PROTECTED_COMMANDS

    @property
    def protects_data(self) -> bool:
        """Tell whether data connections are under TLS (PROT P)."""
        return self.protection in (Protection.ALL, Protection.ALL_SIZED, Protection.DATA)

    def _state(self, name: str, kind: type[State]) -> State:
        state: State = self._states[name]
        return state

    @property
    def only_epsv(self) -> bool:
        """Tell whether EPSV ALL was said."""
        return self.data_port in (DataPort.ONLY_EPSV, DataPort.ONLY_EPSV_AGREED)

    def happened(self, happening: Happening) -> None:
        """Tell every machine what happened."""
        for name, table in TABLES.items():
            state = self._states[name]
            self._states[name] = table.get((state, happening), state)

    def admit(self, *, overtakes: bool, cancels: bool, waiting: int, abortable: bool) -> Admission:
        """
        Decide about a command that has just come.

        :param overtakes: whether it is one that is answered during a transfer (NOOP, STAT without a path).
        :param cancels: whether it is ABOR.
        :param waiting: commands already in line; nothing overtakes those.
        :param abortable: whether the running command can be cancelled.
        """
        if self.transfer is Transfer.IDLE and not waiting:
            return Admission.RUN
        if cancels and abortable and self.transfer is not Transfer.IDLE:
            return Admission.WAIT_AND_CANCEL
        if overtakes and not waiting and self.transfer is Transfer.MARKED:
            return Admission.OVERTAKE
        return Admission.WAIT
