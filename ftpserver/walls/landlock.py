# -*- test-case-name: tests.test_landlock -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Landlock as the kernel offers it (landlock(7)): its rights, and its system calls as one object.

A process says once which parts of the file system it will use, and how; from then on the kernel refuses it all others,
whoever it runs as, and there is no way back. It holds for the thread that says so and for those that this one starts.
"""

from __future__ import annotations

import ctypes
import os
import stat
from enum import IntFlag

__all__ = ["Access", "Landlock", "Scope", "accesses", "scopes"]

# The same on every architecture that Landlock came to.
_CREATE_RULESET = ctypes.c_long(444)
_ADD_RULE = ctypes.c_long(445)
_RESTRICT_SELF = ctypes.c_long(446)

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_PR_SET_NO_NEW_PRIVS = 38

_TASKS = "/proc/self/task"


class Access(IntFlag):
    """What may be done below a directory, or with a file."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


class Scope(IntFlag):
    """What reaches other processes, and is kept from those outside."""

    ABSTRACT_UNIX_SOCKET = 1 << 0
    SIGNAL = 1 << 1


#: Rights that are about one file; a rule about a file takes no others.
OF_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV

#: Rights by the first version of the interface that knows them.
_ACCESSES = (
    (1, Access(Access.REFER - 1)),
    (2, Access.REFER),
    (3, Access.TRUNCATE),
    (5, Access.IOCTL_DEV),
)

_SCOPES_SINCE = 6


def accesses(version: int) -> Access:
    """Return every right that *version* of the interface can take away."""
    return Access(sum(access for since, access in _ACCESSES if version >= since))


def scopes(version: int) -> Scope:
    """Return every reach that *version* of the interface can take away."""
    return Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL if version >= _SCOPES_SINCE else Scope(0)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


_library = ctypes.CDLL(None, use_errno=True)
_library.syscall.restype = ctypes.c_long


def _called(outcome: int) -> int:
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return outcome


class Landlock:
    """The system calls that build the wall, each of which raises an OSError where the kernel refuses."""

    def version(self) -> int:
        """
        Return the version of the interface, from 1.

        :raises OSError: with ENOSYS where the kernel has none, EOPNOTSUPP where it was started without it, EPERM where
            a filter of system calls forbids to ask.
        """
        return _called(_library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION))

    def create(self, access: Access, scope: Scope) -> int:
        """Return a descriptor of new rules, by which everything in *access* and *scope* is forbidden."""
        # An older kernel takes a longer structure where what it does not know is zero.
        rules = _Ruleset(access, 0, scope)
        return _called(_library.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), 0))

    def allow(self, rules: int, place: int, access: Access) -> None:
        """Allow *access* for what the descriptor *place* stands for, and for all below."""
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= OF_FILES
        rule = _PathBeneath(access, place)
        _called(_library.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))

    def restrict(self, rules: int) -> None:
        """Let *rules* hold for this thread, for good."""
        _called(_library.syscall(_RESTRICT_SELF, rules, 0))

    def forbid_new_privileges(self) -> None:
        """Let no program that this process starts have more privileges than it, without which nothing is restricted."""
        _called(_library.prctl(_PR_SET_NO_NEW_PRIVS, *(ctypes.c_ulong(value) for value in (1, 0, 0, 0))))

    def threads(self) -> int:
        """Return how many threads the process has."""
        return len(os.listdir(_TASKS))

    def open(self, path: str | os.PathLike[str]) -> int:
        """Return a descriptor that stands for what is at *path*, and opens nothing."""
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
