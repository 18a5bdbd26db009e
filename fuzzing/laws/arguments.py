# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Arguments: what a command takes is what it says it has done, and what it refuses has done nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from ftpserver.core.facts import Fact

from .codes import allowed_codes
from .replies import ReadReply
from .talk import Talk, nothing_fails

__all__ = ["VERBS", "check_argument"]

#: Verbs whose arguments are searched, each with what looks closer at the answer.
VERBS: Mapping[bytes, Callable[[Talk, bytes, ReadReply], None]] = {}

#: Dialogues are used again: making one costs more than most commands.
ASKED_OF_ONE = 1000


class _Asking:
    talk: Talk | None = None
    left = 0


def _fresh_talk() -> Talk:
    """Return a dialogue in which everything is as at its beginning."""
    if _Asking.talk is None or not _Asking.left or _Asking.talk.dialogue.is_closed:
        if _Asking.talk is not None:
            _Asking.talk.leave()
        _Asking.talk, _Asking.left = Talk(), ASKED_OF_ONE
        _Asking.talk.login()
    _Asking.left -= 1
    return _Asking.talk


def check_argument(verb: bytes, argument: bytes) -> None:
    """
    Ask for *verb* with *argument*.

    A line end within it becomes a blank, and 0xFF is doubled, so that the argument is one.
    """
    argument = argument.translate(bytes.maketrans(b"\r\n", b"  "))[:4096]
    with nothing_fails():
        talk = _fresh_talk()
        line = verb + b" " + argument
        reply = talk.ask(line.replace(b"\xff", b"\xff\xff"))
        assert reply.code in allowed_codes(line), f"{line!r} is answered by {reply}"
        VERBS[verb](talk, argument, reply)
        assert talk.ask(b"NOOP").code == 200, f"the session does not go on behind {line!r}"
        _clean(talk)


def _clean(talk: Talk) -> None:
    """Undo what an argument may have changed."""
    talk.replies.clear()
    talk.sent.clear()
    files = talk.dialogue.files
    files.write("/file", b"line\nline\r\n")
    talk.dialogue.protocol.connection.restart_offset = 0
    assert files.names() == ["directory", "file"], "a command that makes nothing has made something"
    for path in ("/directory", "/directory/inner"):
        assert files.exists(path), f"a command that removes nothing has removed {path}"


_DIGITS = re.compile(rb"[0-9]+\Z")


def _number(octets: bytes) -> int | None:
    text = octets.strip(b" ")
    if not _DIGITS.match(text) or len(text.lstrip(b"0")) > 19:
        return None
    return int(text)


def _rest(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    number = _number(argument)
    is_offset = number is not None and number < 2**63
    assert (reply.code == 350) == is_offset, f"REST {argument!r} is answered by {reply}"
    if is_offset:
        assert talk.dialogue.protocol.connection.restart_offset == number


def _allo(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    words = argument.strip(b" ").split(b" ")
    numbers = words[::2]
    is_form = len(words) in (1, 3) and words[1:2] in ([], [b"R"], [b"r"]) and all(map(_DIGITS.match, numbers))
    fits = all((number := _number(word)) is not None and number < 2**63 for word in numbers)
    wanted = (202 if fits else 552) if is_form else 501
    # The first number that is too large ends the reading.
    may = {wanted, 552} if not is_form and _DIGITS.match(words[0]) and len(words) == 3 else {wanted}
    assert reply.code in may, f"ALLO {argument!r} is answered by {reply}, not {wanted}"


_MOMENT = re.compile(rb"(\d{14})(?:\.\d+)?\Z")


def _moment(text: bytes) -> float | None:
    """Return the whole seconds that *text* means."""
    found = _MOMENT.match(text)
    if found is None:
        return None
    try:
        when = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    # A leap second is a second of datetime.strptime, and of no calendar.
    return None if found[1][12:] > b"59" else when.replace(tzinfo=UTC).timestamp()


def _mfmt(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    text, _, path = argument.partition(b" ")
    seconds = _moment(text)
    assert reply.code != 213 or seconds is not None, f"MFMT {argument!r} is answered by {reply}"
    if seconds is None or path != b"/file":
        return
    assert reply.code == 213 and reply.texts[0] == b"Modify=" + text + b"; /file", f"MFMT {argument!r}: {reply}"
    shown = talk.ask(b"MDTM /file").texts[0]
    assert shown == text[:14], f"MFMT {argument!r} has made it {shown!r}"


def _opts(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    word, _, rest = argument.partition(b" ")
    if word.upper() == b"MLST" and reply.code == 200:
        _facts(talk, rest, reply)
    assert talk.ask(b"OPTS MLST type;size;modify;perm;unique;UNIX.mode;").code == 200


def _facts(talk: Talk, asked: bytes, reply: ReadReply) -> None:
    """See that the facts which OPTS MLST has named are those that were asked for and are shown."""
    wanted = {name.strip().lower() for name in asked.split(b";")}
    known = [fact.value.encode() for fact in Fact if fact.value.lower().encode() in wanted]
    named = b"".join(name + b";" for name in known)
    assert reply.texts == ((b"MLST OPTS " + named).rstrip(),), f"OPTS MLST {asked!r} is answered by {reply}"
    line = talk.ask(b"MLST /file").texts[1]
    facts, _, name = line.partition(b" ")
    shown = [fact.partition(b"=")[0] for fact in facts.split(b";")[:-1]]
    assert name == b"/file" and shown == known, f"OPTS MLST {asked!r} shows {line!r}"


def _mlst(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    if reply.code != 250:
        return
    facts, blank, path = reply.texts[1].partition(b" ")
    assert blank and facts.endswith(b";") and path.startswith(b"/"), f"MLST {argument!r}: {reply}"
    assert len(reply.texts) == 3
    again = talk.ask(b"MLST " + path)
    assert again == reply, f"MLST {argument!r} is {reply}, and MLST {path!r} {again}"


def _site(talk: Talk, argument: bytes, reply: ReadReply) -> None:
    if reply.code == 200 and argument.upper().startswith(b"CHMOD "):
        mode = argument.split(b" ")[1]
        assert int(mode, 8) <= 0o777, f"SITE {argument!r} is answered by {reply}"
    # Whatever it was, neither kind of thing has become another.
    for path, kind in ((b"/", b"dir"), (b"/file", b"file"), (b"/directory", b"dir")):
        shown = talk.ask(b"MLST " + path).texts[1]
        assert b"type=" + kind + b";" in shown, f"SITE {argument!r} makes {shown!r}"


VERBS = {b"REST": _rest, b"ALLO": _allo, b"MFMT": _mfmt, b"OPTS": _opts, b"MLST": _mlst, b"SITE": _site}
