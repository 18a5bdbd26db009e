# -*- test-case-name: tests.test_paths -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Virtual paths: what a user sees, and the only kind of path that a store accepts.

A :class:`VirtualPath` is absolute and has no ``.``, no ``..`` and no empty component. Only :func:`resolve` and the
methods of a path make one, so that no text from the wire ever reaches a store in another form.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

__all__ = ["MAXIMUM_PATH", "ROOT", "ForbiddenCharacter", "VirtualPath", "resolve"]

#: Longest path in octets of UTF-8: PATH_MAX of Linux, which no file there can exceed.
MAXIMUM_PATH = 4096

_FORBIDDEN = ("\0", "\r", "\n")
_TOO_LONG = f"a path has at most {MAXIMUM_PATH} octets"


class ForbiddenCharacter(ValueError):
    """A path with CR, LF or NUL, which no line of the control connection can carry back; answered with 550."""


class VirtualPath:
    """
    An absolute, normal path below the root that a user sees.

    Equal paths are equal values and hash alike; ``str`` gives the path as PWD shows it. Octets that are not valid in
    the encoding of the session are surrogates (PEP 383).

    :ivar parts: the names from the root down; empty for the root itself.
    """

    __slots__ = ("parts",)

    parts: tuple[str, ...]

    def __init__(self, parts: tuple[str, ...], /, *, _made_by: object = None) -> None:
        if _made_by is not _RESOLVER:
            raise TypeError("make a VirtualPath with ftpserver.core.paths.resolve()")
        object.__setattr__(self, "parts", parts)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a VirtualPath does not change")

    @property
    def name(self) -> str:
        """The last component; empty for the root."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> VirtualPath:
        """The directory that holds this path; the root is its own parent."""
        return _make(self.parts[:-1])

    @property
    def is_root(self) -> bool:
        """Tell whether this is ``/``."""
        return not self.parts

    def child(self, name: str) -> VirtualPath:
        """
        Return the path of the entry *name* in this directory.

        :raises ValueError: if *name* is not one component.
        """
        if "/" in name or "\0" in name or name in ("", ".", ".."):
            raise ValueError(f"not the name of an entry: {name!r}")
        return _make((*self.parts, name))

    def contains(self, other: VirtualPath) -> bool:
        """Tell whether *other* is this path or lies below it."""
        return other.parts[: len(self.parts)] == self.parts

    def __str__(self) -> str:
        return "/" + "/".join(self.parts)

    def __repr__(self) -> str:
        return f"<VirtualPath {str(self)!r}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VirtualPath):
            return NotImplemented
        return self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


_RESOLVER = object()


def _make(parts: tuple[str, ...]) -> VirtualPath:
    return VirtualPath(parts, _made_by=_RESOLVER)


#: The root of every store.
ROOT = _make(())


def resolve(text: str | PurePath | VirtualPath, directory: VirtualPath = ROOT) -> VirtualPath:
    """
    Return the path that *text* means in *directory*.

    ``..`` is taken off the text, not asked of the store, and never leads above the root; so ``CDUP`` after ``CWD`` of
    a link returns to where the link stands. Everything else is literal: no ``~``, no pattern (RFC 3659, section 2.2.2).

    :param text: an absolute path, or one relative to *directory*; an empty one is *directory* itself.
    :raises ForbiddenCharacter: on CR, LF or NUL.
    :raises ValueError: where *text* or what it means is longer than :data:`MAXIMUM_PATH`, and on surrogates that stand
        for no octet.
    """
    if isinstance(text, VirtualPath):
        return text
    written = str(text)
    if len(written) > MAXIMUM_PATH:
        raise ValueError(_TOO_LONG)
    if any(octet in written for octet in _FORBIDDEN):
        raise ForbiddenCharacter("a path holds no CR, LF or NUL")
    start = [] if written.startswith("/") else list(directory.parts)
    path = _make(tuple(_normal(start, written.split("/"))))
    if len(str(path).encode("utf-8", "surrogateescape")) > MAXIMUM_PATH:
        raise ValueError(_TOO_LONG)
    return path


def _normal(parts: list[str], names: Iterable[str]) -> list[str]:
    for name in names:
        if name == "..":
            if parts:
                parts.pop()
        elif name not in ("", "."):
            parts.append(name)
    return parts
