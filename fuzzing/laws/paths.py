# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Paths: whatever is written, it is refused or lies below the root, and means what a walk by hand gives.
"""

from __future__ import annotations

from ftpserver.core.listing import parse_list_options
from ftpserver.core.paths import MAXIMUM_PATH, ROOT, ForbiddenCharacter, VirtualPath, resolve
from ftpserver.core.patterns import MAXIMUM_PATTERN, has_magic, matcher
from ftpserver.core.replies import decode_name, encode_name

__all__ = ["check_list_options", "check_path", "check_pattern"]


def _walk(text: str, directory: VirtualPath) -> list[str]:
    """Go from name to name."""
    place = [] if text[:1] == "/" else list(directory.parts)
    for name in text.split("/"):
        if name == "..":
            place = place[:-1]
        elif name and name != ".":
            place = [*place, name]
    return place


def check_path(octets: bytes, directory: VirtualPath = ROOT, encoding: str = "utf-8") -> VirtualPath | None:
    """
    Resolve what a client wrote.

    :returns: the path, if it is one.
    """
    text = decode_name(octets, encoding)
    place = _walk(text, directory)
    shown = "/" + "/".join(place)
    is_too_long = len(text) > MAXIMUM_PATH or len(shown.encode("utf-8", "surrogateescape")) > MAXIMUM_PATH
    is_forbidden = bool(set(text) & set("\0\r\n"))
    try:
        path = resolve(text, directory)
    except ForbiddenCharacter:
        assert is_forbidden, f"{text!r} is refused"
        return None
    except ValueError:
        assert is_too_long, f"{text!r} is refused"
        return None
    assert not is_forbidden and not is_too_long, f"{text!r} is taken"
    assert list(path.parts) == place, f"{text!r} in {directory} is {path}, not {shown}"
    _check_form(path, shown)
    return path


def _check_form(path: VirtualPath, shown: str) -> None:
    assert not {"", ".", ".."} & set(path.parts), f"{path!r} is not normal"
    assert not any("/" in name for name in path.parts), f"{path!r} has a name with a slash"
    assert str(path) == shown and resolve(shown) == path == resolve(path), f"{path!r} is shown as {shown!r}"
    assert ROOT.contains(path) and path.parent.contains(path), f"{path!r} is not below its parent"
    assert path.is_root or path.parent.child(path.name) == path, f"{path!r} is no child of its parent"
    octets = encode_name(shown)
    assert decode_name(octets) == shown, f"{path!r} does not come back from {octets!r}"


def check_list_options(octets: bytes) -> None:
    """The words that begin with a dash go, and what is left is a part of what was written."""
    text = decode_name(octets)
    options = parse_list_options(text)
    assert text.endswith(options.path), f"{text!r} has no {options.path!r} at its end"
    taken = text[: len(text) - len(options.path)]
    assert all(word[:1] == "-" for word in taken.split(" ") if word), f"{taken!r} are no options"
    # "--" ends the options; the path behind it may begin with a dash.
    ends = "--" in taken.split(" ")
    assert ends or not options.path.startswith("-"), f"{options.path!r} begins like an option"
    assert options.recursive == any("R" in word for word in taken.split(" ")), f"{options} of {text!r}"


def check_pattern(octets: bytes) -> None:
    """A pattern is taken whatever it is, and one without magic describes itself alone."""
    pattern = decode_name(octets)
    if has_magic(pattern):
        matcher(pattern)(pattern)
    elif len(pattern) <= MAXIMUM_PATTERN:
        assert matcher(pattern)(pattern), f"{pattern!r} does not describe itself"
