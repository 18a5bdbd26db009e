# -*- test-case-name: tests.test_arguments -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Forms of arguments: how the octets behind a verb become what a command gets.

A form answers with the virtual path that the command is about, if any, and with the values that the coroutine is called
with. What is wrong with an argument is a ``ValueError``, which is answered with 501.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from ..core.listing import parse_list_options
from ..core.paths import VirtualPath, resolve
from ..core.replies import decode_name

__all__ = ["Argument", "Context", "Parsed"]


#: What the names of files are on disk.
_OF_FILES = frozenset(["utf-8", "utf8", "UTF-8"])


@dataclass(frozen=True, slots=True)
class Context:
    """
    What a form may know of the session.

    :ivar directory: the current directory.
    :ivar encoding: of names.
    """

    directory: VirtualPath
    encoding: str = "utf-8"

    def text(self, octets: bytes) -> str:
        """
        Return *octets* as text: one name has one text, or a rule for it would hold for one spelling alone.

        :raises ValueError: if it is no name that a file can have.
        """
        text = decode_name(octets, self.encoding)
        # Octets that another encoding lacks would become a second text of a name that UTF-8 spells in characters.
        return text if self.encoding in _OF_FILES else os.fsdecode(os.fsencode(text))


@dataclass(frozen=True, slots=True)
class Parsed:
    """
    An argument understood.

    :ivar path: what permissions and existence are asked of.
    :ivar values: what the coroutine gets after the connection.
    """

    path: VirtualPath | None
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """
    A form of argument; the constants are those that the standard commands use.

    A command of one's own may bring another: a name for the documentation and a function.

    :ivar name: in words.
    :ivar parse: gets the octets behind the one blank after the verb (``None`` without a blank) and the context; raises
        ``ValueError`` for 501.
    """

    name: str
    parse: Callable[[bytes | None, Context], Parsed]

    NONE: ClassVar[Argument]
    TEXT: ClassVar[Argument]
    OPTIONAL_TEXT: ClassVar[Argument]
    VERBATIM: ClassVar[Argument]
    OCTETS: ClassVar[Argument]
    PATH: ClassVar[Argument]
    OPTIONAL_PATH: ClassVar[Argument]
    LISTING: ClassVar[Argument]
    STATUS: ClassVar[Argument]
    WORD_AND_PATH: ClassVar[Argument]


class ArgumentMissing(ValueError):
    """The command needs an argument and got none."""


class ArgumentNotTaken(ValueError):
    """The command takes no argument and got one."""


_NOTHING = Parsed(None, ())


def _none(octets: bytes | None, context: Context) -> Parsed:
    if octets is not None and octets.strip(b" "):
        raise ArgumentNotTaken("no argument")
    return _NOTHING


def _needed(octets: bytes | None) -> bytes:
    if not octets:
        raise ArgumentMissing("an argument")
    return octets


def _text(octets: bytes | None, context: Context) -> Parsed:
    return Parsed(None, (context.text(_needed(octets).strip(b" ")),))


def _verbatim(octets: bytes | None, context: Context) -> Parsed:
    return Parsed(None, (context.text(octets or b""),))


def _optional_text(octets: bytes | None, context: Context) -> Parsed:
    return Parsed(None, (context.text((octets or b"").strip(b" ")),))


def _octets(octets: bytes | None, context: Context) -> Parsed:
    return Parsed(None, (_needed(octets).strip(b" "),))


def _path(octets: bytes | None, context: Context) -> Parsed:
    path = resolve(context.text(_needed(octets)), context.directory)
    return Parsed(path, (path,))


def _optional_path(octets: bytes | None, context: Context) -> Parsed:
    path = resolve(context.text(octets or b""), context.directory)
    return Parsed(path, (path,))


def _listing(octets: bytes | None, context: Context) -> Parsed:
    written = context.text(octets or b"")
    options = parse_list_options(written)
    path = resolve(options.path, context.directory)
    # What looks like options may be a name that begins with a dash.
    literal = resolve(written, context.directory) if written.startswith("-") else None
    return Parsed(path, (path, options, literal))


def _status(octets: bytes | None, context: Context) -> Parsed:
    if octets is None or not octets.strip(b" "):
        return Parsed(None, (None, None, None))
    return _listing(octets, context)


def _word_and_path(octets: bytes | None, context: Context) -> Parsed:
    word, blank, rest = _needed(octets).partition(b" ")
    if not word or not blank or not rest:
        raise ArgumentMissing("a word and a path")
    path = resolve(context.text(rest), context.directory)
    return Parsed(path, (word, path))


Argument.NONE = Argument("nothing", _none)
Argument.TEXT = Argument("text", _text)
Argument.OPTIONAL_TEXT = Argument("optional text", _optional_text)
Argument.VERBATIM = Argument("text, all blanks kept", _verbatim)
Argument.OCTETS = Argument("octets", _octets)
Argument.PATH = Argument("path", _path)
Argument.OPTIONAL_PATH = Argument("optional path", _optional_path)
Argument.LISTING = Argument("options and optional path", _listing)
Argument.STATUS = Argument("nothing, or options and path", _status)
Argument.WORD_AND_PATH = Argument("word and path", _word_and_path)
