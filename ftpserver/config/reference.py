# -*- test-case-name: tests.test_config_reference -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Every key of the configuration file as rows of a table, for ``--help`` and for the reference page.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .model import (
    BanSettings,
    Listener,
    NamedCertificate,
    PermissionSettings,
    ServerSettings,
    TLSSettings,
    UserSettings,
)
from .reading import words_of

__all__ = ["Row", "Section", "help_text", "reference"]


@dataclass(frozen=True)
class Row:
    """
    One key.

    :ivar key: as it stands in the file.
    :ivar kind: what its value is, in words.
    :ivar default: as it would stand in the file; ``required`` if there is none, empty where leaving it out is the only
        way to have it.
    :ivar description: what it does, in sentences.
    """

    key: str
    kind: str
    default: str
    description: str


@dataclass(frozen=True)
class Section:
    """
    The keys of one kind of table.

    :ivar header: as it stands in the file.
    :ivar description: in a sentence.
    :ivar rows: its keys.
    """

    header: str
    description: str
    rows: Sequence[Row]


_SECTIONS: dict[str, type[BaseModel]] = {
    "[[listeners]]": Listener,
    "[server]": ServerSettings,
    "[bans]": BanSettings,
    "[tls]": TLSSettings,
    "[[tls.names]]": NamedCertificate,
    "[[users]]": UserSettings,
    "permissions = [ { ... } ]": PermissionSettings,
}


def reference() -> list[Section]:
    """Return every section that there is, with every key that it has."""
    return [
        Section(
            header,
            " ".join((model.__doc__ or "").split()),
            [
                Row(key, words_of(model, key), _default(key, field, words_of(model, key)), field.description or "")
                for key, field in model.model_fields.items()
            ],
        )
        for header, model in _SECTIONS.items()
    ]


#: Defaults that are not written as they are kept.
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "umask": lambda mask: f'"{mask:03o}"',
    "path_io_factory": lambda _: '"ftpserver.PathIO"',
    "commands": lambda _: '"ftpserver.COMMANDS"',
}


def _default(key: str, field: FieldInfo, words: str) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if key in _WRITTEN:
        return _WRITTEN[key](value)
    if value is None:
        return '"none"' if '"none"' in words else ""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def help_text(width: int = 80) -> str:
    """Return all of it as plain text of *width* columns."""
    lines = ["The configuration file (TOML):"]
    for section in reference():
        lines += ["", section.header, *_wrapped(section.description, width, "  ")]
        for row in section.rows:
            default = f" [default: {row.default}]" if row.default not in ("", "required") else ""
            required = " (required)" if row.default == "required" else ""
            lines.append(f"  {row.key}{required}")
            lines += _wrapped(f"{row.description} Value: {row.kind}.{default}", width, "      ")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
