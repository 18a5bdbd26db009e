# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what a process may do, as procfs tells of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.walls.process import CAPABILITIES, ProcessState, state_of

STATUS = """Name:\ttwistd
Umask:\t{umask}
Uid:\t{users}
Gid:\t{groups}
Groups:\t{others}
CapInh:\t0000000000000000
CapPrm:\t{capabilities:016x}
NoNewPrivs:\t{restricted}
Seccomp:\t{seccomp}
"""


class StateTests(SynchronousTestCase):
    """Tests for the state of a process."""

    def state(
        self,
        users: str = "7 7 7 7",
        groups: str = "8 8 8 8",
        others: str = "8 9",
        capabilities: int = 0,
        restricted: str = "0",
        seccomp: str = "0",
        umask: str = "0022",
    ) -> ProcessState:
        """Return the state of a process that procfs tells this of."""
        procfs = Path(self.mktemp())
        (procfs / "12").mkdir(parents=True)
        fields = {"users": users, "groups": groups, "others": others, "umask": umask}
        text = STATUS.format(capabilities=capabilities, restricted=restricted, seccomp=seccomp, **fields)
        (procfs / "12" / "status").write_text(text)
        return state_of("12", str(procfs))

    def test_users_and_groups(self) -> None:
        """Each user and each group stands there once; whoever can be root again counts as root."""
        state = self.state()
        self.assertEqual((state.users, state.groups, state.is_root), ((7,), (8, 9), False))
        self.assertTrue(self.state(users="7 7 0 7").is_root)

    def test_capabilities(self) -> None:
        """Capabilities have names; one that came later has its number."""
        numbers = (CAPABILITIES.index("net_bind_service"), CAPABILITIES.index("checkpoint_restore"), 50)
        state = self.state(capabilities=sum(1 << number for number in numbers))
        self.assertEqual(state.capabilities, ("net_bind_service", "checkpoint_restore", "50"))
        self.assertEqual((numbers[0], numbers[1]), (10, 40))

    def test_what_it_gave_up(self) -> None:
        """Privileges that cannot be gained, a filter of system calls and the mask are told."""
        state = self.state(restricted="1", seccomp="2", umask="0077")
        self.assertEqual((state.is_restricted, state.seccomp, state.umask), (True, "on", 0o077))
        self.assertEqual((self.state().is_restricted, self.state().seccomp), (False, "off"))

    def test_this_process(self) -> None:
        """The process that asks is known by the name 'self'; one that is not there is an error."""
        self.assertIn(os.getuid(), state_of("self").users)
        self.assertRaises(OSError, state_of, "0")
