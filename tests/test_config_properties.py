# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for configurations that nobody would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.config import (
    ConfigurationError,
    Listener,
    NamedCertificate,
    PermissionSettings,
    ServerSettings,
    TLSSettings,
    UserSettings,
    read_text,
)

#: Stands for every text that must not be in a message.
SECRET = "geheim"

_LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["none", "10M", "90s", "/", ".", "022", "tcp:0", "off", "keep", "text", "utf-8"]),
)


def tables(model: Any, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return tables with the keys of *model* and others, whose values are anything."""
    keys = st.sampled_from([*(key for key in model.model_fields if key not in more), "nonsense", "a b"])
    plain = st.dictionaries(keys, _VALUES, max_size=4)
    return st.builds(lambda one, other: {**one, **other}, plain, st.fixed_dictionaries({}, optional=more))


_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)

_ACCOUNTS = tables(
    UserSettings,
    permissions=st.lists(tables(PermissionSettings) | _LEAVES, max_size=3),
    password=st.sampled_from([SECRET, [SECRET], f"{SECRET}\n"]),
    password_hash=st.sampled_from([SECRET, {"hash": SECRET}]),
    pasword=st.just(SECRET),
)

_FILES = st.fixed_dictionaries(
    {},
    optional={
        "listeners": st.lists(tables(Listener), max_size=2) | _VALUES,
        "server": tables(ServerSettings) | _VALUES,
        "users": st.lists(_ACCOUNTS | _LEAVES, max_size=3) | _VALUES,
        "tls": tables(
            TLSSettings,
            names=st.lists(tables(NamedCertificate) | _LEAVES, max_size=2),
            private_key=st.sampled_from(["key.pem", f"-----BEGIN PRIVATE KEY-----\n{SECRET}", f"\n{SECRET}"]),
        )
        | _VALUES,
        "nonsense": _VALUES,
    },
)


def toml(value: object) -> str:
    """Return *value* as TOML writes it in a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class PropertiesTests(SynchronousTestCase):
    """Tests for every file that is TOML."""

    @settings(deadline=None, max_examples=150)
    @given(_FILES)
    def test_a_file_is_right_or_its_errors_are_told(self, file: dict[str, Any]) -> None:
        """Whatever stands in a file, it is taken, or refused in lines that can be printed and show no password."""
        text = "".join(f"{key} = {toml(value)}\n" for key, value in file.items())
        try:
            read_text(text, Path())
        except ConfigurationError as error:
            message = str(error)
            self.assertNotIn("this is not TOML", message)
            self.assertNotIn(SECRET, message)
            self.assertEqual([line for line in message.split("\n") if not line.isprintable()], [])
