# -*- test-case-name: tests.test_docs -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Pages of the documentation that are made from the code, and the table of commands of the README.

``python -m docs.generate`` writes the pages below ``docs/reference/generated``; with ``--readme`` it brings the table
in ``README.rst`` up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from docs.constants import limits
from docs.diagrams import diagram
from ftpserver import COMMANDS, TLS, BanPolicy, Command, Listener, Permission, Server, User
from ftpserver import config as configuration
from ftpserver import errors as errors_module
from ftpserver.core import events as events_module
from ftpserver.core import replies as replies_module
from ftpserver.core.replies import Reply
from ftpserver.core.session import TABLES
from ftpserver.tap import Options

__all__ = ["pages", "readme_table", "update_readme", "write_pages"]

DOCS = Path(__file__).parent
README = DOCS.parent / "README.rst"
GENERATED = DOCS / "reference" / "generated"

#: Between these lines of the README stands what :func:`readme_table` returns.
BEGIN, END = ".. commands: begin (python -m docs.generate --readme)", ".. commands: end"


def simple_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of one line a row, as reStructuredText and as plain text."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in lines) for column in range(len(head))]
    rule = "  ".join("=" * width for width in widths)
    written = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines]
    return "\n".join([rule, written[0], rule, *written[1:], rule]) + "\n"


def list_table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: str = "auto") -> str:
    """Return a table whose cells may be long."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [head, *rows]:
        for number, cell in enumerate(row):
            lines.append(("   * - " if number == 0 else "     - ") + cell.replace("\n", "\n       "))
    return "\n".join(lines) + "\n"


def page(title: str, introduction: str, *parts: str) -> str:
    """Return a whole page."""
    return "\n".join([title, "=" * len(title), "", introduction, "", *parts])


def literal(text: object) -> str:
    """Return *text* as a literal; an empty one cannot be written so."""
    return f"``{text}``" if str(text) else ""


def plain(text: str) -> str:
    """Return *text*, which is no markup, so that nothing in it is taken for some."""
    return re.sub(r"[\\*`|]|_(?!\w)", r"\\\g<0>", text)


# Commands.


def _merged() -> list[tuple[list[str], Command]]:
    """Return the rows of the table with all names of each: XCWD is CWD."""
    merged: dict[object, tuple[list[str], Command]] = {}
    for verb, row in COMMANDS.items():
        merged.setdefault(row.run, ([], row))[0].append(verb)
    return list(merged.values())


def readme_table() -> str:
    """Return the table of commands that the README holds."""
    rows = [
        (", ".join(verbs), literal(row.help.replace("<SP> ", "").replace("<SP>", "")), row.summary)
        for verbs, row in _merged()
    ]
    return simple_table(("Command", "Argument", "What it does"), rows)


def update_readme() -> None:
    """Bring the table in the README up to date."""
    text = README.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n\n{readme_table()}\n{END}{after}", "utf-8")


def _command_facts(row: Command) -> Iterable[str]:
    yield f"Form: {literal(row.syntax)}"
    for condition in row.conditions:
        yield f"Asks {literal(condition.name)}; else {literal(condition.refusal)}"
    for rights in row.rights:
        yield "Right: " + " or ".join(sorted(literal(right.value) for right in rights)) + "; else ``550``"
    for path_condition in row.path_conditions:
        yield f"The path {path_condition.value}; else ``550``"
    if row.data is not None:
        yield f"Moves data {row.data.value} over the data connection"
    if row.is_abortable:
        yield "ABOR ends it with ``426`` and then ``226``"
    if row.overtakes:
        yield "Answered during a transfer, too, when it comes without an argument"
    features = [feature for feature in row.features if isinstance(feature, str)]
    if features:
        yield "In FEAT: " + ", ".join(literal(feature) for feature in features)


def commands_page() -> str:
    """Return the page of all commands."""
    parts = []
    for verbs, row in _merged():
        title = ", ".join(verbs)
        facts = "".join(f"* {fact}.\n" for fact in _command_facts(row))
        anchors = "".join(f".. _command-{verb.replace(' ', '-')}:\n\n" for verb in verbs)
        parts.append(f"{anchors}{title}\n{'-' * len(title)}\n\n{row.summary}\n\n{facts}")
    return page(
        "Commands",
        "What ``ftpserver.COMMANDS`` holds. Conditions are asked in one order, whatever the command: known verb "
        "(``500``, ``502``),\nlogin (``530``), form of the argument (``501``), other conditions of the connection "
        "(``503``, ``425``), right (``550``),\nexistence (``550``).",
        *parts,
    )


# Keywords.


def documented_parameters(thing: object) -> dict[str, str]:
    """Return the texts of the fields about parameters in a docstring, on one line each, in the words of Sphinx."""
    text = inspect.getdoc(thing) or ""
    found = re.findall(r"^:(?:param|ivar) (\w+): (.*?)(?=^:|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: in_sphinx(" ".join(words.split())) for name, words in found}


def in_sphinx(text: str) -> str:
    """Return *text* with cross-references as literals: the pages of the classes are not made by Sphinx."""
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"``\1``", text)


def _keywords(thing: type) -> str:
    texts = documented_parameters(thing)
    rows = []
    for name, parameter in inspect.signature(thing).parameters.items():
        default = getattr(parameter.default, "__name__", None) or repr(parameter.default)
        if name == "commands":
            default = "COMMANDS"
        rows.append((literal(name), literal(default), texts[name]))
    return list_table(("Keyword", "Default", "Meaning"), rows, "20 15 65")


def keywords_page() -> str:
    """Return the page of the keywords of the classes that one writes in Python."""
    parts = []
    for thing in (Server, TLS, BanPolicy, Listener, User, Permission):
        title = thing.__name__
        parts.append(f"{title}\n{'-' * len(title)}\n\n{_keywords(thing)}")
    return page(
        "Keywords",
        "Times are seconds, rates octets a second; *read* is what the server reads (uploads), *write* what it writes "
        "(downloads).",
        *parts,
    )


# Replies, errors, events.


def replies_page() -> str:
    """Return the page of replies and of the failures that bring them."""
    texts = sorted(
        (value.code, value.lines[0], name) for name, value in vars(replies_module).items() if isinstance(value, Reply)
    )
    kinds = [
        kind
        for name, kind in vars(errors_module).items()
        if name in errors_module.__all__ and isinstance(kind, type) and issubclass(kind, errors_module.FTPError)
    ]
    rows = [
        (literal(kind.__name__), str(kind.reply.code), in_sphinx((inspect.getdoc(kind) or "").partition("\n")[0]))
        for kind in kinds
    ]
    return page(
        "Replies",
        "Every reply that does not tell a value of its own, and the kinds of failure that a backend raises.",
        list_table(
            ("Code", "Text", "Name in the code"),
            ((str(code), text, literal(name)) for code, text, name in texts),
            "8 60 32",
        ),
        "Failures of ftpserver.errors\n----------------------------\n",
        list_table(("Kind", "Code", "Meaning"), rows, "25 8 67"),
    )


def events_page() -> str:
    """Return the page of events."""
    rows = []
    for name in events_module.__all__:
        kind = getattr(events_module, name)
        fields = getattr(kind, "__dataclass_fields__", None)
        if fields is None:
            continue
        summary = in_sphinx((inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " "))
        rows.append((literal(name), summary, ", ".join(literal(field) for field in fields)))
    return page(
        "Events",
        "What an observer hears: frozen values of ``ftpserver.core.events``.",
        list_table(("Event", "Meaning", "Fields"), rows, "20 40 40"),
    )


def limits_page() -> str:
    """Return the page of bounds that are fixed in the code, each with its reason."""
    rows = [(literal(one.name), literal(one.module), literal(one.value), one.reason) for one in limits()]
    return page(
        "Limits",
        "Whatever a client can make grow has a bound. Those that are keywords of ``Server`` stand on the page of "
        "keywords;\nthese are fixed in the code.",
        list_table(("Name", "Module", "Value", "Reason"), rows, "25 20 10 45"),
    )


# Configuration and command line.


def command_line_page() -> str:
    """Return the page of the options of ``twistd ftpserver``."""
    parameters: Any = Options.optParameters
    flags: Any = Options.optFlags
    rows: list[tuple[str, str | None, str]] = []
    for name, short, _, text, *_ in parameters:
        value = re.search(rf"--{name} (\w+)", Options.synopsis)
        rows.append((f"--{name} {value[1] if value else ''}", short, text))
    rows.extend((f"--{name}", short, text) for name, short, text in flags)
    return page(
        "Command line",
        f".. code-block:: text\n\n   twistd [its options] ftpserver {Options.synopsis}\n\n{Options.longdesc}\n\n"
        "``twist ftpserver`` takes the same options. ``ftpserver passwd`` (or ``python -m ftpserver passwd``) asks\n"
        "for a password and prints the hash that ``password_hash`` takes. ``ftpserver certificate`` makes a\n"
        "self-signed certificate for trying out. ``ftpserver security`` tells what protects a server, and what is\n"
        "weak in its configuration; its status is 1 if anything is.",
        list_table(
            ("Option", "Short", "Meaning"),
            ((literal(option), literal(f"-{short}") if short else "", text) for option, short, text in rows),
            "30 10 60",
        ),
    )


def configuration_page() -> str:
    """Return the page of the keys of the configuration file."""
    parts = []
    for section in configuration.reference():
        rows = [
            (literal(row.key), literal(row.default), f"{plain(row.description)} Value: {plain(row.kind)}.")
            for row in section.rows
        ]
        table = list_table(("Key", "Default", "Meaning"), rows, "24 14 62")
        parts.append(f"{section.header}\n{'-' * len(section.header)}\n\n{plain(section.description)}\n\n{table}")
    return page(
        "Configuration file",
        '``twistd ftpserver --config FILE`` reads TOML. Sizes and rates are integers or strings such as ``"500k"``, '
        '``"10M"``\n(powers of 1,000) or ``"64KiB"`` (of 1,024); times are seconds or ``"90s"``, ``"15m"``, '
        '``"2h"``; relative paths are\nrelative to the file.',
        *parts,
    )


def pages() -> dict[str, str]:
    """Return every generated page and drawing by its file name."""
    drawings = {f"session-{name.replace(' ', '-')}.svg": diagram(name, table) for name, table in TABLES.items()}
    return {
        "command-line.rst": command_line_page(),
        "commands.rst": commands_page(),
        "configuration.rst": configuration_page(),
        "keywords.rst": keywords_page(),
        "replies.rst": replies_page(),
        "events.rst": events_page(),
        "limits.rst": limits_page(),
        **drawings,
    }


def write_pages() -> None:
    """Write :func:`pages`, those that have changed only, so that Sphinx reads no others again."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        file = GENERATED / name
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


if __name__ == "__main__":
    if "--readme" in sys.argv:
        update_readme()
    else:
        write_pages()
