# -*- test-case-name: tests.test_interpreter -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
From a request to its final reply: the guards in their one order, then the command.

Known verb, login, form of the argument, other conditions of the connection, permission, existence; hooks; then the
coroutine. What anything raises becomes a reply here.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from ..commands.arguments import Argument, ArgumentMissing, ArgumentNotTaken, Parsed
from ..commands.registry import Command, CommandTable, ConnectionConditions, PathCondition
from ..core import replies
from ..core.paths import ForbiddenCharacter, VirtualPath
from ..core.replies import Reply
from ..core.status import is_directory, is_regular_file
from ..core.wire import Request
from ..errors import FTPError, NoSuchPath, NotADirectory, NotAFile, PathExists
from ..interfaces import IHook
from .state import Connection

__all__ = ["Interpreter"]

#: Verbs of the registry (RFC 5797) and of wide use: 502 rather than 500 where the table lacks them.
KNOWN_VERBS = frozenset(
    [
        "ABOR",
        "ACCT",
        "ADAT",
        "ALLO",
        "APPE",
        "AUTH",
        "AVBL",
        "CCC",
        "CDUP",
        "CLNT",
        "COMB",
        "CONF",
        "CSID",
        "CWD",
        "DELE",
        "ENC",
        "EPRT",
        "EPSV",
        "FEAT",
        "HASH",
        "HELP",
        "HOST",
        "LANG",
        "LIST",
        "LPRT",
        "LPSV",
        "MAIL",
        "MDTM",
        "MFCT",
        "MFF",
        "MFMT",
        "MIC",
        "MKD",
        "MLFL",
        "MLSD",
        "MLST",
        "MODE",
        "MRCP",
        "MRSQ",
        "MSAM",
        "MSND",
        "MSOM",
        "NLST",
        "NOOP",
        "OPTS",
        "PASS",
        "PASV",
        "PBSZ",
        "PORT",
        "PROT",
        "PWD",
        "QUIT",
        "RANG",
        "REIN",
        "REST",
        "RETR",
        "RMD",
        "RNFR",
        "RNTO",
        "SITE",
        "SIZE",
        "SMNT",
        "STAT",
        "STOR",
        "STOU",
        "STRU",
        "SYST",
        "THMB",
        "TYPE",
        "USER",
        "XCRC",
        "XCUP",
        "XCWD",
        "XMD5",
        "XMKD",
        "XPWD",
        "XRMD",
        "XSHA1",
        "XSHA256",
        "XSHA512",
    ]
)


class Interpreter:
    """
    Answers requests by a table of commands.

    :param table: the commands of the server.
    :param hooks: asked in order before a command runs.
    """

    log = Logger()

    def __init__(self, table: CommandTable, hooks: Sequence[IHook] = ()) -> None:
        self.table = table
        self._hooks = tuple(hooks)

    def find(self, request: Request) -> tuple[Command | None, Request]:
        """
        Return the row that *request* asks for, if there is one, and the request as that row takes it.

        A command of two words (SITE CHMOD) gets what stands behind the second.
        """
        if self.table.has_family(request.verb):
            word, blank, rest = (request.argument or b"").partition(b" ")
            name = f"{request.verb} {word.decode('ascii', 'replace').upper()}"
            row = self.table.get(name)
            if row is not None:
                return row, Request(name, rest if blank else None)
        return self.table.get(request.verb), request

    async def answer(self, connection: Connection, request: Request) -> Reply:
        """Return the final reply to *request*."""
        row, request = self.find(request)
        if row is None:
            return self._refuse_unknown(connection, request)
        try:
            return await self._run(connection, row, request)
        except FTPError as error:
            return error.reply
        except CancelledError:
            return replies.TRANSFER_ABORTED
        except Exception:  # noqa: BLE001 - whatever a command or a backend raises costs one 451, never the session
            self.log.failure("{verb} failed in session {session}", verb=row.verb, session=connection.identifier)
            return replies.INTERNAL_ERROR

    def _refuse_unknown(self, connection: Connection, request: Request) -> Reply:
        family = self.table.family(request.verb)
        if not family:
            return replies.NOT_IMPLEMENTED if request.verb in KNOWN_VERBS else replies.UNRECOGNIZED
        if not connection.logged and all(row.needs_login for row in family):
            return replies.NOT_LOGGED_IN
        if request.is_blank:
            return replies.ARGUMENT_MISSING
        # RFC 2389, section 4 asks for 501 where OPTS does not know the command.
        return replies.SYNTAX_ERROR if request.verb == "OPTS" else replies.NOT_FOR_PARAMETER

    async def _run(self, connection: Connection, row: Command, request: Request) -> Reply:
        if row.needs_login and not connection.logged:
            return replies.NOT_LOGGED_IN
        parsed = _parse(row.argument, request, connection)
        if isinstance(parsed, Reply):
            return parsed
        if row.data is not None and connection.security.needs_private_data and not connection.session.protects_data:
            return replies.DATA_PROTECTION_REQUIRED
        for condition in row.conditions:
            if condition is not ConnectionConditions.login_required and not condition.holds(connection):
                return condition.refusal
        connection.rights = row.rights
        if parsed.path is not None and row.rights:
            await connection.require(parsed.path, *row.rights)
        if parsed.path is not None and row.path_conditions:
            await _require_existence(connection, parsed.path, row.path_conditions)
        for hook in self._hooks:
            verdict = await hook.before(connection, row, request)
            if verdict is not None:
                return verdict
        return await row.run(connection, *parsed.values)


def _parse(argument: Argument, request: Request, connection: Connection) -> Parsed | Reply:
    try:
        return argument.parse(request.argument, connection.context)
    except ArgumentMissing:
        return replies.ARGUMENT_MISSING
    except ArgumentNotTaken:
        return replies.ARGUMENT_NOT_TAKEN
    except ForbiddenCharacter:
        return replies.PATH_FORBIDDEN
    except ValueError:
        return replies.SYNTAX_ERROR


async def _require_existence(connection: Connection, path: VirtualPath, conditions: Sequence[PathCondition]) -> None:
    try:
        status = await connection.storage.stat(path)
    except NoSuchPath:
        if any(condition is not PathCondition.MUST_NOT_EXIST for condition in conditions):
            raise
        return
    if PathCondition.MUST_NOT_EXIST in conditions:
        raise PathExists(str(path))
    if PathCondition.MUST_BE_DIRECTORY in conditions and not is_directory(status):
        raise NotADirectory(str(path))
    if PathCondition.MUST_BE_FILE in conditions and not is_regular_file(status):
        raise NotAFile(str(path))
