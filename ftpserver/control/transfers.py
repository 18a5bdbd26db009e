# -*- test-case-name: tests.test_transfers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The event that tells how a transfer ended.
"""

from __future__ import annotations

from ..commands.registry import Command, Direction
from ..core import replies
from ..core.events import Listed, Outcome, Retrieved, Stored, TransferEvent
from ..core.replies import Reply
from .state import Connection

__all__ = ["publish_transfer"]


def publish_transfer(connection: Connection, row: Command, reply: Reply) -> None:
    """
    Publish how the transfer of *row* ended; a command refused before its 1xx was none.

    :param reply: the final reply, about to be written.
    """
    record, data = connection.transfer, connection.data
    if record.started is None or data is None:
        return
    connection.publish(
        _kind(row, record.file is not None),
        command=row.verb,
        path=str(record.path or connection.current_directory),
        bytes=data.bytes_moved,
        seconds=connection.reactor.seconds() - record.started,
        outcome=_outcome(reply, record.file is not None and record.file.kept_part),
        code=reply.code,
        unclosed=record.is_unclosed,
    )


def _kind(row: Command, has_file: bool) -> type[TransferEvent]:
    if row.data is Direction.FROM_CLIENT:
        return Stored
    return Retrieved if has_file else Listed


def _outcome(reply: Reply, kept_part: bool) -> Outcome:
    if reply.is_positive:
        return Outcome.COMPLETE
    if kept_part:
        return Outcome.PARTIAL
    return Outcome.ABORTED if reply is replies.TRANSFER_ABORTED else Outcome.FAILED
