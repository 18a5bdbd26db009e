# -*- test-case-name: tests.test_commands_listings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
LIST, NLST, MLSD, MLST, STAT: what is there (RFC 959, section 4.1.3; RFC 3659, section 7).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from ..core import replies
from ..core.facts import Fact, FactListing
from ..core.listing import ListOptions, LongListing, format_names
from ..core.paths import VirtualPath
from ..core.patterns import has_magic, matcher
from ..core.replies import Reply, reply
from ..core.status import Entry, FileStatus, is_directory
from ..errors import PathError, PermissionDenied
from .arguments import Argument
from .directories import DirectoryView, shown_permissions
from .registry import ConnectionConditions, Direction, PathPermissions, command, worker

if TYPE_CHECKING:
    from ..control.state import Connection

__all__ = ["COMMANDS"]

#: LIST -R goes this deep and shows this many directories, so that one command cannot walk a whole disk.
MAXIMUM_DEPTH = 8
MAXIMUM_DIRECTORIES = 1000

#: Entries that STAT shows over the control connection, whose replies are kept in memory; LIST has no bound.
MAXIMUM_STATUS_LINES = 1000

T = TypeVar("T")

Format = Callable[[Sequence[Entry]], bytes]


async def _locate(
    connection: Connection, path: VirtualPath, literal: VirtualPath | None
) -> tuple[VirtualPath, str | None, FileStatus]:
    """Return the directory or file to list, the pattern for its entries, and what it is."""
    if literal is not None and await _may_be_seen(connection, literal):
        path = literal
    try:
        status = await connection.storage.stat(path)
    except PathError:
        if not has_magic(path.name):
            raise
        status = await connection.storage.stat(path.parent)
        await connection.require(path.parent, PathPermissions.listable)
        return path.parent, path.name, status
    await connection.require(path, PathPermissions.listable)
    return path, None, status


async def _may_be_seen(connection: Connection, path: VirtualPath) -> bool:
    """Tell whether something is at *path*; what the account may not list is as good as missing."""
    try:
        await connection.require(path, PathPermissions.listable)
        return await connection.storage.exists(path)
    except PermissionDenied:
        return False


async def _matching(
    connection: Connection, path: VirtualPath, pattern: str | None, status: FileStatus
) -> AsyncGenerator[Sequence[Entry], None]:
    if not is_directory(status):
        yield [(path.name, status)]
        return
    is_chosen = None if pattern is None else matcher(pattern)
    async with aclosing(DirectoryView(connection, path).batches()) as batches:
        async for batch in batches:
            yield batch if is_chosen is None else [entry for entry in batch if is_chosen(entry[0])]


async def _formatted(
    batches: AsyncGenerator[Sequence[T], None], as_lines: Callable[[Sequence[T]], bytes]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(batches):
        async for batch in batches:
            yield as_lines(batch)


async def _recursive(connection: Connection, top: VirtualPath, as_lines: Format) -> AsyncGenerator[bytes, None]:
    waiting = deque([(top, 0)])
    shown = 0
    while waiting and shown < MAXIMUM_DIRECTORIES:
        directory, depth = waiting.popleft()
        shown += 1
        yield format_names([f"{directory}:"], connection.encoding)
        try:
            await connection.require(directory, PathPermissions.listable)
            async with aclosing(DirectoryView(connection, directory).batches()) as batches:
                async for batch in batches:
                    yield as_lines(batch)
                    if depth < MAXIMUM_DEPTH:
                        below = [directory.child(name) for name, status in batch if is_directory(status)]
                        waiting.extend((path, depth + 1) for path in below[: MAXIMUM_DIRECTORIES - len(waiting)])
        except PathError:
            # One that may not or cannot be read, or is gone by now, is shown empty.
            pass
        yield b"\r\n"


@command("LIST", argument=Argument.LISTING, data=Direction.TO_CLIENT, help="[<SP> options] [<SP> pathname]")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.listable)
@worker
async def list_(connection: Connection, path: VirtualPath, options: ListOptions, literal: VirtualPath | None) -> Reply:
    """Send the listing of a directory, or the line of a file, as ``ls -l`` writes it."""
    top, pattern, status = await _locate(connection, path, literal)
    as_lines = LongListing(time.time(), connection.encoding).format
    connection.transferring(top)
    if options.recursive and pattern is None and is_directory(status):
        await connection.send_batches(_recursive(connection, top, as_lines))
    else:
        await connection.send_batches(_formatted(_matching(connection, top, pattern, status), as_lines))
    return replies.TRANSFER_COMPLETE


@command("NLST", argument=Argument.LISTING, data=Direction.TO_CLIENT, help="[<SP> options] [<SP> pathname]")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.listable)
@worker
async def nlst(connection: Connection, path: VirtualPath, options: ListOptions, literal: VirtualPath | None) -> Reply:
    """Send the names in a directory, each as RETR would understand it in the current directory."""
    top, pattern, status = await _locate(connection, path, literal)
    prefix = _prefix(connection, options.path, top if pattern is not None or is_directory(status) else top.parent)

    is_chosen = None if pattern is None else matcher(pattern)

    def as_lines(names: Sequence[str]) -> bytes:
        return format_names(names if is_chosen is None else filter(is_chosen, names), connection.encoding, prefix)

    connection.transferring(top)
    names = DirectoryView(connection, top).names() if is_directory(status) else _only([top.name])
    await connection.send_batches(_formatted(names, as_lines))
    return replies.TRANSFER_COMPLETE


async def _only(batch: Sequence[T]) -> AsyncGenerator[Sequence[T], None]:
    yield batch


def _prefix(connection: Connection, written: str, directory: VirtualPath) -> str:
    if directory == connection.current_directory:
        return ""
    if connection.current_directory.contains(directory) and not written.startswith("/"):
        return "/".join(directory.parts[len(connection.current_directory.parts) :]) + "/"
    return str(directory).rstrip("/") + "/"


@command("MLSD", argument=Argument.OPTIONAL_PATH, data=Direction.TO_CLIENT, help="[<SP> pathname]")
@ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.passive_server_started)
@PathPermissions(PathPermissions.listable)
@worker
async def mlsd(connection: Connection, path: VirtualPath) -> Reply:
    """Send the entries of a directory with their facts."""
    if not is_directory(await connection.storage.stat(path)):
        # RFC 3659, section 7.2.1 asks for 501 here.
        return reply(501, "MLSD is for directories.")
    view = DirectoryView(connection, path, tells_permissions=Fact.PERM in connection.facts)
    facts = FactListing(connection.facts, view.permission_facts, connection.encoding)
    connection.transferring(path)
    await connection.send_batches(_formatted(view.batches(), facts.format))
    return replies.TRANSFER_COMPLETE


@command("MLST", argument=Argument.OPTIONAL_PATH, help="[<SP> pathname]")
@ConnectionConditions(ConnectionConditions.login_required)
@PathPermissions(PathPermissions.visible)
async def mlst(connection: Connection, path: VirtualPath) -> Reply:
    """Show the facts of one file or directory."""
    connection.reached = None
    status = await connection.storage.stat(path)
    reached = connection.reached or path
    tells = Fact.PERM in connection.facts
    permissions = await shown_permissions(connection, path, reached, status.st_mode) if tells else ""
    facts = FactListing(connection.facts, lambda _entries: [permissions])
    return reply(250, "Facts follow.", facts.line(str(path), status), "End.")


@command("STAT", argument=Argument.STATUS, help="[<SP> pathname]", overtakes=True)
async def stat(
    connection: Connection,
    path: VirtualPath | None,
    options: ListOptions | None,
    literal: VirtualPath | None,
) -> Reply:
    """Show the state of the session and its transfer, or list a path over the control connection."""
    if path is None:
        return reply(211, "State of the session:", *_state(connection), "End.")
    if not connection.logged:
        return replies.NOT_LOGGED_IN
    connection.rights = (PathPermissions.listable,)
    await connection.require(path, *connection.rights)
    top, pattern, status = await _locate(connection, path, literal)
    listing = LongListing(time.time())
    lines: list[str] = []
    async with aclosing(_matching(connection, top, pattern, status)) as batches:
        async for batch in batches:
            lines.extend(listing.lines(batch))
            if len(lines) >= MAXIMUM_STATUS_LINES:
                break
            # What goes over a data connection waits for it now and then; this would keep everybody waiting.
            await connection.delay(0)
    shown = lines[:MAXIMUM_STATUS_LINES]
    return reply(212 if is_directory(status) else 213, "Status follows:", *shown, "End.")


def _state(connection: Connection) -> list[str]:
    lines = [f"Connected from {connection.client_host}."]
    if connection.logged:
        lines.append(f"Logged in; the type is {connection.transfer_type.value}.")
    data = connection.data
    if data is not None and data.is_running:
        lines.append(f"A transfer is under way: {data.bytes_moved} octets so far.")
    return lines


COMMANDS = (list_, nlst, mlsd, mlst, stat)
