# -*- test-case-name: tests.test_process -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a process may do, as procfs tells of it (proc_pid_status(5)).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CAPABILITIES", "ProcessState", "state_of"]

#: Names of capabilities by their numbers (capabilities(7)).
# fmt: off
CAPABILITIES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)
# fmt: on

_SECCOMP = {"0": "off", "1": "strict", "2": "on"}


@dataclass(frozen=True, slots=True)
class ProcessState:
    """
    What a process may do.

    :ivar users: real, effective, saved and of the file system, each once.
    :ivar groups: the same of its group, and its supplementary groups.
    :ivar capabilities: those that it has or can take, by name.
    :ivar is_restricted: whether no program that it starts can have more privileges.
    :ivar seccomp: whether its system calls are filtered.
    :ivar umask: file creation mask.
    """

    users: tuple[int, ...]
    groups: tuple[int, ...]
    capabilities: tuple[str, ...]
    is_restricted: bool
    seccomp: str
    umask: int

    @property
    def is_root(self) -> bool:
        """Whether it is root, or can be again."""
        return 0 in self.users


def state_of(process: str, procfs: str = "/proc") -> ProcessState:
    """
    Return the state of a process.

    :param process: its number, or ``self``.
    :raises OSError: if there is none.
    """
    text = Path(procfs, process, "status").read_text("utf-8", "replace")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return ProcessState(
        users=_numbers(fields["Uid"]),
        groups=_numbers(fields["Gid"] + fields["Groups"]),
        capabilities=_capabilities(int(fields["CapPrm"], 16)),
        is_restricted=fields.get("NoNewPrivs", "0").strip() == "1",
        seccomp=_SECCOMP.get(fields.get("Seccomp", "0").strip(), "off"),
        umask=int(fields["Umask"], 8),
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(number) for number in text.split()))


def _capabilities(mask: int) -> tuple[str, ...]:
    known = [name for number, name in enumerate(CAPABILITIES) if mask >> number & 1]
    unknown = [str(number) for number in range(len(CAPABILITIES), 64) if mask >> number & 1]
    return (*known, *unknown)
