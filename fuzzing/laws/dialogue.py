# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Whole dialogues: whatever is sent in whatever pieces, each line has one final reply, in order, of a code it may have.

A script is octets, in pieces with 0x1E between. A piece is a segment for the control connection, or, where 0x1F begins
it, an action named by the next letter; see :data:`ACTIONS`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from ftpserver.core.wire import MAXIMUM_LINE

from .codes import allowed_codes
from .lines import plain_lines
from .replies import ReadReply
from .talk import Talk, nothing_fails

__all__ = ["ACTIONS", "PIECE", "check_answers", "check_dialogue", "script"]

PIECE, ACTION = b"\x1e", b"\x1f"

#: What an action does; it gets what stands behind its letter.
ACTIONS: Mapping[bytes, Callable[[Talk, bytes], None]] = {
    b"c": lambda talk, _: talk.connect(),
    b"d": lambda talk, octets: talk.act_on_data("send", octets),
    b"e": lambda talk, _: talk.act_on_data("end"),
    b"t": lambda talk, _: talk.act_on_data("take_all"),
    b"r": lambda talk, _: talk.act_on_data("reset"),
    b"x": lambda talk, _: talk.act_on_data("close"),
    b"p": lambda talk, _: talk.dialogue.stop_reading(),
    b"q": lambda talk, _: talk.dialogue.read_again(),
    b"w": lambda talk, _: talk.dialogue.advance(6),
}

#: Pieces of one script that are played: each may let the server wait.
MOST_PIECES = 40

#: Replies that end a session.
_FAREWELLS = {221, 421}

#: Final replies of a transfer that had its mark.
_ENDS = {226, 425, 426, 450, 451, 452, 522, 550, 552, 553}


def script(*pieces: bytes) -> bytes:
    """Return the script that is made of *pieces*."""
    return PIECE.join(pieces)


def check_dialogue(octets: bytes) -> list[ReadReply]:
    """
    Play a script, after a login unless it begins with the action ``n``.

    :returns: the replies to it.
    """
    pieces = octets.split(PIECE)[:MOST_PIECES]
    with nothing_fails():
        talk = Talk()
        if pieces[0][:2] != ACTION + b"n":
            talk.login()
        for piece in pieces:
            _play(talk, piece)
        lines = plain_lines(bytes(talk.sent), MAXIMUM_LINE)
        talk.finish(4 * len(lines) + 4)
        check_answers(lines, talk.replies, is_closed=talk.dialogue.is_closed)
        talk.leave()
    return talk.replies


def _play(talk: Talk, piece: bytes) -> None:
    if piece[:1] != ACTION:
        talk.send(piece)
    elif piece[1:2] in ACTIONS:
        ACTIONS[piece[1:2]](talk, piece[2:])
        talk.look()


def check_answers(lines: list[bytes | None], replies: list[ReadReply], *, is_closed: bool) -> None:
    """
    Compare what was asked with what was answered.

    :param lines: what was sent; ``None`` is one that was too long.
    :param replies: what came, without the greeting.
    :param is_closed: whether the session has ended.
    """
    waiting = deque(lines)
    is_open = False
    for number, reply in enumerate(replies):
        is_last = number == len(replies) - 1
        if reply.is_mark:
            assert not is_open and waiting, f"a mark for nothing: {reply}"
            is_open = True
        elif is_last and reply.code == 421 and is_closed:
            return
        else:
            is_open = _take(waiting, reply, is_open)
            assert reply.code != 221 or (is_last and is_closed), "something follows the end"
    assert not is_open, "a mark without its end"
    assert is_closed or not waiting, f"{len(waiting)} lines without an answer, the first {waiting[0]!r}"


def _take(waiting: deque[bytes | None], reply: ReadReply, is_open: bool) -> bool:
    """Take the line that *reply* answers out; return whether a transfer is still under way."""
    assert waiting, f"an answer to nothing: {reply}"
    is_overtaking = is_open and reply.code not in _ENDS and len(waiting) > 1
    first = waiting.popleft()
    line = waiting.popleft() if is_overtaking else first
    if is_overtaking:
        waiting.appendleft(first)
    allowed = allowed_codes(line)
    assert reply.code in allowed, f"{line!r} is answered by {reply}, not by one of {sorted(allowed)}"
    return is_overtaking
