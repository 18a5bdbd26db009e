# -*- test-case-name: tests.test_commands_access -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
USER, PASS, ACCT, REIN, QUIT: the login and its end (RFC 959, section 4.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core import replies
from ..core.events import LoggedIn, LoggedOut, LoginFailed
from ..core.paths import resolve
from ..core.replies import Reply
from ..core.session import Happening
from ..core.status import is_directory
from ..core.users import MAXIMUM_LOGIN, User
from ..errors import CommandRefused, NotADirectory, PathError
from ..interfaces import GetUserResponse, IRefusesSlowly
from .arguments import Argument
from .registry import ConnectionConditions, command

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS", "end_login"]


async def end_login(connection: Connection) -> None:
    """End the login that there is, and forget what belonged to it."""
    if connection.logged:
        connection.publish(LoggedOut)
        connection.security.forget()
    await connection.end_login()


@command("USER", argument=Argument.VERBATIM, help="<SP> username")
async def user(connection: Connection, login: str) -> Reply:
    """Name the account; a login that there was ends first."""
    if not login:
        return replies.ARGUMENT_MISSING
    if len(login) > MAXIMUM_LOGIN or any(ord(sign) < 32 for sign in login):
        # "USER bob<CR>PASS secret" is one line; kept as a name, its password would stand in the log.
        return replies.SYNTAX_ERROR
    await end_login(connection)
    if connection.security.refuses_clear(login):
        return replies.TLS_REQUIRED
    connection.login_name = _as_told(login)
    response, account, message = await connection.server.users.get_user(login)
    if account is not None:
        connection.login_name = login
    if account is not None and connection.security.refuses_account(account):
        response, account, message = GetUserResponse.ERROR, None, "no TLS or no certificate of this account"
    if response is GetUserResponse.OK and account is not None:
        reply = await _log_in(connection, account)
        is_by_certificate = bool(account.certificates) and reply is replies.LOGGED_IN
        return replies.LOGGED_IN_BY_CERTIFICATE if is_by_certificate else reply
    # An unknown name is asked for a password like any other (RFC 2577, section 7).
    connection.candidate = account if response is GetUserResponse.PASSWORD_REQUIRED else None
    connection.refusal = message
    connection.session.happened(Happening.USER_ACCEPTED)
    return replies.NEED_PASSWORD


def _as_told(login: str) -> str:
    """Return what may be told of a name that nobody has: "USER bob PASS secret" is one name, too."""
    word, blank, _rest = login.partition(" ")
    return f"{word} ..." if blank else login


@command("PASS", argument=Argument.VERBATIM, help="<SP> password")
@ConnectionConditions(ConnectionConditions.user_required)
async def pass_(connection: Connection, password: str) -> Reply:
    """Give the password of the account that USER named."""
    account, connection.candidate = connection.candidate, None
    # Until there is an answer this is no half of a login: another PASS is out of sequence.
    connection.session.happened(Happening.LOGIN_FAILED)
    if account is None:
        await _refuse_slowly(connection, password)
        return await _fail(connection, connection.refusal or "unknown user")
    if not await connection.server.users.authenticate(account, password):
        return await _fail(connection, "wrong password")
    return await _log_in(connection, account)


async def _refuse_slowly(connection: Connection, password: str) -> None:
    users = connection.server.users
    if IRefusesSlowly.providedBy(users):
        await users.refuse(password)


async def _fail(connection: Connection, reason: str) -> Reply:
    connection.publish(LoginFailed, reason=reason, guessed=True)
    connection.failed_logins += 1
    await connection.delay(connection.server.failed_login_delay * connection.failed_logins)
    if connection.failed_logins >= connection.server.maximum_login_attempts:
        connection.end_after_reply(replies.TOO_MANY_FAILED_LOGINS)
    return replies.LOGIN_INCORRECT


async def _log_in(connection: Connection, account: User) -> Reply:
    server = connection.server
    if server.logins.locked(account.login, account.maximum_connections):
        await server.users.notify_logout(account)
        connection.publish(LoginFailed, reason="too many connections of this account")
        return replies.TOO_MANY_SESSIONS
    server.logins.acquire(account.login, account.maximum_connections)
    connection.user = account
    try:
        await _enter(connection, account)
    except BaseException:
        await connection.end_login()
        raise
    connection.failed_logins = 0
    connection.session.happened(Happening.LOGIN_SUCCEEDED)
    connection.publish(LoggedIn)
    return replies.LOGGED_IN


async def _enter(connection: Connection, account: User) -> None:
    """Make store and data channel; a home that is not there refuses the login, for nothing may stand in for it."""
    server = connection.server
    home = resolve(account.home_path)
    connection.open_store(server.path_io_factory(connection))
    try:
        if not is_directory(await connection.storage.stat(home)):
            raise NotADirectory(str(home))
    except PathError as error:
        connection.publish(LoginFailed, reason=f"the home directory cannot be entered: {error}")
        raise CommandRefused(replies.NO_HOME) from error
    connection.data = server.channel_for(connection, account)
    connection.current_directory = home


@command("ACCT", argument=Argument.TEXT, help="<SP> account-information")
async def acct(connection: Connection, account: str) -> Reply:
    """Give an account name; no login here needs one."""
    return replies.SUPERFLUOUS


@command("REIN", argument=Argument.NONE)
async def rein(connection: Connection) -> Reply:
    """End the login and begin anew, with every parameter as at the start."""
    await end_login(connection)
    connection.security.forget()
    if connection.session.protects_commands and not connection.security.is_implicit:
        # The reply still goes under TLS, which ends then (RFC 4217, section 13).
        connection.security.change_after_reply(secure=False)
    return replies.SESSION_RESET


@command("QUIT", argument=Argument.NONE)
async def quit_(connection: Connection) -> Reply:
    """End the session, after what was asked before is answered."""
    return replies.GOODBYE


COMMANDS = (user, pass_, acct, rein, quit_)
