# -*- test-case-name: tests.test_report -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What ``ftpserver security`` tells: which walls stand or would stand, and what is weak.
"""

from __future__ import annotations

import json
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..config import Settings, read
from ..pathio.confined import kernel_confines
from .confinement import obstacle
from .landlock import Landlock
from .process import CAPABILITIES, ProcessState, state_of
from .weaknesses import Finding, of_configuration, of_process

__all__ = ["Report", "report"]

_WIDTH = 16

#: Capabilities that are told by their names.
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Report:
    """
    What there is to tell.

    :ivar walls: each by its name.
    :ivar findings: what was found; the weak ones first.
    """

    walls: Mapping[str, str]
    findings: Sequence[Finding]

    @property
    def is_weak(self) -> bool:
        """Whether anything is to be changed."""
        return any(finding.severity == "weak" for finding in self.findings)

    def as_text(self) -> str:
        """Return it as lines of text."""
        lines = [f"{name:{_WIDTH}}{text}" for name, text in self.walls.items()]
        found = [f"{finding.severity}  {finding.place}: {finding.text}" for finding in self.findings]
        return "\n".join([*lines, "", *(found or ["nothing weak was found"])]) + "\n"

    def as_json(self) -> str:
        """Return it as one object."""
        findings = [asdict(finding) for finding in self.findings]
        return json.dumps({"walls": dict(self.walls), "findings": findings}, indent=2) + "\n"


def report(file: str | None, process: int | None, system: Landlock | None = None) -> Report:
    """
    Look, and return what there is to tell.

    :param file: the configuration.
    :param process: the number of a server that runs; without it, what it would get from who starts it as this was.
    :raises ConfigurationError: if the file is wrong.
    :raises OSError: if there is no such process.
    """
    settings = None if file is None else read(file)
    state = state_of("self" if process is None else str(process))
    findings = of_process(state, is_server=process is not None)
    if settings is not None and file is not None:
        findings += of_configuration(settings, Path(file))
    walls = {
        **_of_process(state),
        **_of_kernel(settings, state, system if system is not None else Landlock(), is_server=process is not None),
        **({} if settings is None else {"TLS": _of_tls(settings)}),
    }
    # A server changes its mask to that of its configuration.
    if settings is not None and process is None:
        walls["umask"] = f"{settings.server.umask:03o}"
    return Report(walls, sorted(findings, key=lambda finding: finding.severity, reverse=True))


def _of_process(state: ProcessState) -> dict[str, str]:
    held = state.capabilities
    # Root has nearly all of them, and nobody reads so many names.
    capabilities = ", ".join(held) if len(held) <= _NAMED else f"{len(held)} of {len(CAPABILITIES)}"
    return {
        "user": ", ".join(_user(number) for number in state.users),
        "groups": ", ".join(str(number) for number in state.groups),
        "capabilities": capabilities or "none",
        "new privileges": "cannot be gained" if state.is_restricted else "can be gained",
        "seccomp": state.seccomp,
        "umask": f"{state.umask:03o}",
    }


def _user(number: int) -> str:
    try:
        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return str(number)


def _of_kernel(settings: Settings | None, state: ProcessState, system: Landlock, *, is_server: bool) -> dict[str, str]:
    openat2 = "the kernel keeps paths below their roots" if kernel_confines() else "missing; paths are walked by name"
    return {"openat2": openat2, "Landlock": _of_landlock(settings, state, system, is_server=is_server)}


def _of_landlock(settings: Settings | None, state: ProcessState, system: Landlock, *, is_server: bool) -> str:
    if is_server:
        if not state.is_restricted:
            return "off: the process could not have it while new privileges can be gained"
        return "cannot be seen from outside; the log of the server tells at its start"
    try:
        version = f"version {system.version()}"
    except OSError as error:
        version = f"none ({error.strerror})"
    if settings is None:
        return f"the kernel has {version}"
    if settings.server.landlock == "off":
        return "would be off: the configuration says so"
    reason = obstacle(settings, {}, system)
    return f"would be on ({version})" if reason is None else f"would be off: {reason}"


def _of_tls(settings: Settings) -> str:
    tls = settings.tls
    if tls is None:
        return "none"
    modes = ", ".join(sorted({listener.tls or "explicit" for listener in settings.listeners}))
    return f"{modes}; {tls.minimum_version} or later; required: {tls.required}; session reuse: {tls.session_reuse}"
