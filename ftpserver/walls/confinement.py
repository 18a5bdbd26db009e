# -*- test-case-name: tests.test_confinement -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The wall around a server process: raised once, for good, and asked afterwards what lies outside.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..config import Settings
from .landlock import Access, Landlock, accesses, scopes
from .places import OWN_PROCESS, READ, Place, code_of_ones_own, places, wide_root

__all__ = ["CannotConfine", "Walls", "obstacle"]

#: The first version that lets a file be renamed to another directory.
RENAMING = 2

_MISSING = {
    errno.ENOSYS: "this kernel has no Landlock, which came with Linux 5.13",
    errno.EOPNOTSUPP: "this kernel was started without Landlock; add it to 'lsm=' of its command line",
    errno.EPERM: "a filter of system calls forbids it; in a container, let its seccomp profile allow landlock_*",
}


class CannotConfine(Exception):
    """The wall is required and cannot be raised; the text says why."""


def obstacle(settings: Settings, runner: Mapping[str, Any], system: Landlock) -> str | None:
    """Return why the wall that *settings* ask for cannot be raised, if that is so."""
    try:
        version = system.version()
    except OSError as error:
        return _MISSING.get(error.errno or 0, f"the kernel says: {error.strerror}")
    wide = wide_root(settings, runner)
    if wide is not None or settings.server.landlock == "required":
        return wide
    if version < RENAMING:
        return "the Landlock of this kernel would forbid to rename from one directory to another, before Linux 5.19"
    code = code_of_ones_own(settings)
    if runner.get("logger"):
        code.append("twistd --logger")
    if code:
        return (
            f"{', '.join(code)} is code whose files are not known; "
            'write landlock = "required", and what it needs in landlock_paths'
        )
    return None


class Walls:
    """
    What confines a process.

    :param settings: of the server.
    :param runner: the options of twistd or twist.
    :param system: the system calls.
    :ivar version: of the interface of Landlock, once the wall stands.
    """

    def __init__(self, settings: Settings, runner: Mapping[str, Any], system: Landlock | None = None) -> None:
        self._settings = settings
        self._runner = runner
        self._system = system if system is not None else Landlock()
        self._granted: dict[tuple[int, int], Access] = {}
        self._roots: dict[str, Access] = {}
        self._missing: list[str] = []
        self._held: list[int] = []
        self._reason: str | None = "the wall is not raised yet"
        self.version = 0

    def build(self) -> None:
        """
        Raise the wall, if it is asked for; call this in a process without other threads.

        :raises CannotConfine: if it is required and cannot be raised.
        """
        self._reason = self._raised()
        if self._reason is not None and self._settings.server.landlock == "required":
            raise CannotConfine(f'server.landlock = "required": {self._reason}')

    def _raised(self) -> str | None:
        if self._settings.server.landlock == "off":
            return "the configuration says so"
        reason = obstacle(self._settings, self._runner, self._system)
        if reason is not None:
            return reason
        try:
            if self._system.threads() > 1:
                return "the process has other threads already, which it would not hold for"
            self._restrict()
        except OSError as error:
            self.close()
            return f"it cannot be raised: {error.strerror}"
        return None

    def close(self) -> None:
        """Let go of the descriptors that keep rules alive; what was forbidden stays so."""
        held, self._held = self._held, []
        for descriptor in held:
            os.close(descriptor)

    def _restrict(self) -> None:
        version = self._system.version()
        known = accesses(version)
        rules = self._system.create(known, scopes(version))
        try:
            for place in places(self._settings, self._runner):
                self._allow(rules, place, known)
            self._system.forbid_new_privileges()
            self._system.restrict(rules)
        finally:
            os.close(rules)
        self.version = version

    def _allow(self, rules: int, place: Place, known: Access) -> None:
        try:
            descriptor = self._system.open(place.path)
        except OSError as error:
            if place.key:
                self._missing.append(f"{place.key} {place.path!r} cannot be opened ({error.strerror})")
            return
        try:
            self._system.allow(rules, descriptor, place.access & known)
            found = os.fstat(descriptor)
        finally:
            if place.path == OWN_PROCESS:
                self._held.append(descriptor)
            else:
                os.close(descriptor)
        identity = found.st_dev, found.st_ino
        self._granted[identity] = self._granted.get(identity, Access(0)) | place.access
        if place.key.startswith("users"):
            self._roots[place.path] = self._roots.get(place.path, Access(0)) | place.access

    @property
    def is_up(self) -> bool:
        """Whether the wall stands."""
        return self._reason is None

    def refusal(self, path: str | os.PathLike[str], access: Access = READ) -> str | None:
        """
        Return why *path*, which came up after the start, cannot be used; ``None`` if no wall stands in the way.

        :param path: what is to be used.
        :param access: what for.
        """
        if not self.is_up:
            return None
        # At each login a root is asked for, which is granted by itself nearly always.
        missing = access & ~self._granted_at(path)
        if not missing:
            return None
        real = PurePath(os.path.realpath(path))
        for place in (real, *real.parents):
            missing &= ~self._granted_at(place)
            if not missing:
                return None
        outside = "lies outside of the places" if missing & READ else "is only for reading among the places"
        return (
            f"{os.fspath(path)!r} {outside} that this process has confined itself to at its start (Landlock); "
            "restart the server, which then takes those that its configuration names"
        )

    def refusal_of_root(self, path: str) -> str | None:
        """Return why the root *path* cannot be used as the configuration says, as :meth:`refusal` does."""
        return self.refusal(path, self._roots.get(path, READ))

    def refusals(self, settings: Settings) -> list[str]:
        """
        Return why *settings* cannot take the place of those that this process was started with: keys, values and cure.

        Who reads the configuration again asks before anything of it is used.

        :param settings: of the same server, as they are now.
        """
        named = [place for place in places(settings, self._runner) if place.key]
        refused = ((place.key, self.refusal(place.path, place.access)) for place in named)
        return [f"{key}: {reason}" for key, reason in refused if reason is not None]

    def _granted_at(self, place: str | os.PathLike[str]) -> Access:
        try:
            found = os.stat(place)
        except OSError:
            # What is not there is not granted; what lies above may be.
            return Access(0)
        return self._granted.get((found.st_dev, found.st_ino), Access(0))

    def lines(self) -> list[str]:
        """Return what the log is told."""
        if not self.is_up:
            return [f"Landlock is off: {self._reason}"]
        reading = sum(access == READ for access in self._roots.values())
        roots = f"{len(self._roots)} root{'s' if len(self._roots) != 1 else ''}"
        without = "; renaming from one directory to another is refused" if self.version < RENAMING else ""
        return [
            f"Landlock is on (version {self.version}): this process is confined to {roots}, "
            f"{reading} for reading only{without}",
            *(f"warning: {missing} and is not among them" for missing in self._missing),
        ]
