# -*- test-case-name: tests.test_interpreter -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
From a request to its final reply: the guards in their one order, then the command.

Known verb, login, form of the argument, other conditions of the connection, permission, existence; hooks; then the
coroutine. What anything raises becomes a reply here.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial
from types import CoroutineType
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..awaiting import Stepping, as_coroutine, go_on
from ..commands.arguments import Argument, ArgumentMissing, ArgumentNotTaken, Context, Parsed
from ..commands.registry import Command, CommandTable, PathCondition
from ..core import replies
from ..core.paths import ROOT, ForbiddenCharacter, VirtualPath
from ..core.replies import Reply
from ..core.status import is_directory, is_regular_file
from ..core.wire import OVERLONG, MalformedRequest, Overlong, Request, parse_request
from ..errors import FTPError, NoSuchPath, NotADirectory, NotAFile, PathExists
from ..interfaces import IHook
from .state import Connection

__all__ = ["Asked", "Interpreter"]

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


class Asked:
    """
    What a line asks for: a row of the table, or why there is none.

    :param is_blank: whether there is nothing but blanks behind the verb that the client sent.
    :ivar row: ``None`` where the table has none.
    :ivar request: as that row takes it: a command of two words has what stands behind the second.
    :ivar parsed: the argument understood, where it is the same for every session.
    :ivar overtakes: whether this is answered during a transfer.
    :ivar aborts: whether this cancels a transfer.
    :ivar ends: whether nothing behind this is read.
    :ivar refusal: of a line that is no request.
    """

    __slots__ = ("aborts", "ends", "overtakes", "parsed", "refusal", "request", "row")

    def __init__(
        self, row: Command | None, request: Request, *, is_blank: bool = False, refusal: Reply | None = None
    ) -> None:
        self.row = row
        self.request = request
        self.refusal = refusal
        self.parsed: Parsed | None = None
        self.overtakes = self.aborts = self.ends = False
        if row is not None and is_blank:
            self.overtakes = row.overtakes
            self.aborts, self.ends = row.verb == "ABOR", row.verb == "QUIT"


_NOWHERE = Context(ROOT)
_NO_REQUEST = Request("")
_OVERLONG = Asked(None, _NO_REQUEST, refusal=replies.LINE_TOO_LONG)
_MALFORMED = Asked(None, _NO_REQUEST, refusal=replies.UNRECOGNIZED)


class Interpreter:
    """
    Answers requests by a table of commands.

    :param table: the commands of the server.
    :param hooks: asked in order before a command runs.
    :ivar plain: what the lines ask for that are a verb and nothing else, as nearly every client writes them; those of
        the table alone, so that no line that holds a secret is kept.
    """

    log = Logger()

    def __init__(self, table: CommandTable, hooks: Sequence[IHook] = ()) -> None:
        self.table = table
        self._hooks = tuple(hooks)
        self.plain: dict[bytes | Overlong, Asked] = {OVERLONG: _OVERLONG}
        for verb, row in table.items():
            if " " not in verb:
                asked = self.find(Request(verb))
                asked.parsed = row.argument.parse(None, _NOWHERE) if row.argument is Argument.NONE else None
                self.plain[verb.encode("ascii")] = self.plain[verb.lower().encode("ascii")] = asked

    def understand(self, line: bytes | Overlong) -> Asked:
        """Return what *line* asks for, which is not among those of :attr:`plain`."""
        assert line is not OVERLONG
        try:
            return self.find(parse_request(line))
        except MalformedRequest:
            return _MALFORMED

    def find(self, request: Request) -> Asked:
        """
        Return the row that *request* asks for, if there is one, and the request as that row takes it.

        A command of two words (SITE CHMOD) gets what stands behind the second.
        """
        is_blank = request.is_blank
        if self.table.has_family(request.verb):
            word, blank, rest = (request.argument or b"").partition(b" ")
            name = f"{request.verb} {word.decode('ascii', 'replace').upper()}"
            row = self.table.get(name)
            if row is not None:
                return Asked(row, Request(name, rest if blank else None), is_blank=is_blank)
        return Asked(self.table.get(request.verb), request, is_blank=is_blank)

    def answer(
        self, connection: Connection, asked: Asked, stepping: Stepping | None = None, *, meanwhile: bool = False
    ) -> Reply | Deferred[Reply]:
        """
        Return the final reply to what was *asked*, or a Deferred of it where the command waits.

        :param stepping: is told of the steps of a command that waits.
        :param meanwhile: whether another command runs, whose rights stay those of the session.
        """
        row = asked.row
        if row is None:
            return asked.refusal or self._refuse_unknown(connection, asked.request)
        try:
            running = self._run(connection, row, asked, meanwhile=meanwhile)
            if isinstance(running, Reply):
                return running
            waiting_for = running.send(None)
        except StopIteration as finished:
            reply: Reply = finished.value
            return reply
        except Exception as error:  # noqa: BLE001 - whatever a command or a backend raises costs one 451
            return self._reply_to(connection, row, error)
        return go_on(waiting_for, running, stepping, partial(self._reply_to, connection, row))

    def _reply_to(self, connection: Connection, row: Command, error: Exception) -> Reply:
        """Return the reply to what a command raised; the session goes on."""
        if isinstance(error, FTPError):
            return error.reply
        if isinstance(error, CancelledError):
            return replies.TRANSFER_ABORTED
        failure = Failure(error)
        self.log.failure("{verb} failed in session {session}", failure, verb=row.verb, session=connection.identifier)
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

    def _run(
        self, connection: Connection, row: Command, asked: Asked, *, meanwhile: bool
    ) -> Reply | Coroutine[Deferred[Any], Any, Reply]:
        """Ask the guards that need no waiting; return a refusal, or what is to be driven."""
        if row.needs_login and not connection.session.states.is_logged_in:
            return replies.NOT_LOGGED_IN
        parsed = asked.parsed or _parse(row.argument, asked.request, connection)
        if isinstance(parsed, Reply):
            return parsed
        if row.data is not None and connection.security.needs_private_data and not connection.session.protects_data:
            return replies.DATA_PROTECTION_REQUIRED
        for condition in row.other_conditions:
            if not condition.holds(connection):
                return condition.refusal
        if not meanwhile:
            connection.rights = row.annotations.rights
        if self._hooks or (parsed.path is not None and (row.rights or row.path_conditions)):
            return self._run_guarded(connection, row, asked.request, parsed)
        # A coroutine around that of the command would cost as much as a short command.
        running = row.run(connection, *parsed.values)
        return running if isinstance(running, CoroutineType) else as_coroutine(running)

    async def _run_guarded(self, connection: Connection, row: Command, request: Request, parsed: Parsed) -> Reply:
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
