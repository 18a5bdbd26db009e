# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the wall around a server process.

Where the wall stands really, it stands around a process of its own; where the kernel fails, it is one that is made up.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftpserver.config import Settings
from ftpserver.walls.confinement import CannotConfine, Walls, obstacle
from ftpserver.walls.landlock import Access, Landlock, Scope, accesses
from ftpserver.walls.places import READ, WRITE

from .configuring import HASH, LISTENER, ConfigurationTestCase
from .test_landlock import version_here

CHECKOUT = Path(__file__).parent.parent


def without_coverage() -> dict[str, str]:
    """Return the environment of a process whose coverage is not measured, for it could not write what it found."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


class MadeUpLandlock(Landlock):
    """
    A kernel that confines nobody.

    :param version: of its interface.
    :param fails: the name of the call that fails, and how.
    """

    def __init__(self, version: int = 7, fails: tuple[str, int] = ("", 0), threads: int = 1) -> None:
        self._version = version
        self._fails = fails
        self._threads = threads
        self.access = Access(0)
        self.allowed: list[Access] = []
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self._fails[0]:
            raise OSError(self._fails[1], os.strerror(self._fails[1]))

    def version(self) -> int:
        """Answer the version."""
        self._call("version")
        return self._version

    def create(self, access: Access, scope: Scope) -> int:
        """Answer a descriptor."""
        self._call("create")
        self.access = access
        return os.open(os.devnull, os.O_RDONLY)

    def allow(self, rules: int, place: int, access: Access) -> None:
        """Note what is allowed."""
        self._call("allow")
        self.allowed.append(access)

    def restrict(self, rules: int) -> None:
        """Restrict nobody."""
        self._call("restrict")

    def forbid_new_privileges(self) -> None:
        """Forbid nothing."""
        self._call("forbid_new_privileges")

    def threads(self) -> int:
        """Answer the number."""
        return self._threads


class ConfinementTestCase(ConfigurationTestCase):
    """Has a configuration with a root that is written and one that is read."""

    def setUp(self) -> None:
        """Make the roots, and something outside of them."""
        super().setUp()
        # Not below the checkout, which may be read, for the code is there.
        directory = tempfile.TemporaryDirectory(prefix="ftpserver-walls-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        (self.directory / "pub").mkdir()
        (self.directory / "alice" / "below").mkdir(parents=True)
        (self.directory / "alice" / "file").write_text("inside")
        (self.directory / "pub" / "file").write_text("inside")
        (self.directory / "outside").write_text("outside")

    def text(self, *lines: str) -> str:
        """Return the configuration with *lines* in its section of the server."""
        alice = f'[[users]]\nlogin = "alice"\npassword_hash = "{HASH}"\nbase_path = "alice"\n'
        return "\n".join([f"{LISTENER}[server]", *lines, alice, '[[users]]\nbase_path = "pub"', ""])

    def walls(self, *lines: str, system: Landlock | None = None, **runner: Any) -> Walls:
        """Return the walls of a process with *lines* in its configuration, in a kernel that is made up."""
        walls = Walls(self.settings(self.text(*lines)), runner, system if system is not None else MadeUpLandlock())
        self.addCleanup(walls.close)
        return walls


class IntruderTests(ConfinementTestCase):
    """Tests for what somebody can do who has taken over the process."""

    def setUp(self) -> None:
        """Ask whether this kernel has Landlock."""
        super().setUp()
        self.version = version_here()

    def answers(self, *attempts: Sequence[str], line: str = "") -> list[list[str]]:
        """Return what came of *attempts* of a process behind the wall: by its main thread, and by another."""
        (self.directory / "ftpserver.toml").write_text(self.text(line))
        ended = subprocess.run(
            [sys.executable, "-m", "tests.intruding", "ftpserver.toml"],
            input=json.dumps(attempts),
            cwd=self.directory,
            env={**without_coverage(), "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        found: dict[str, Any] = json.loads(ended.stdout)
        self.lines = found["lines"]
        answers: list[list[str]] = found["answers"]
        return answers

    def test_outside_of_the_roots(self) -> None:
        """Nothing outside can be read, listed, written, removed or run, whoever the process runs as."""
        outside = str(self.directory / "outside")
        attempts = [
            ["read", outside],
            ["write", outside],
            ["make", f"{outside}.new"],
            ["list", str(self.directory)],
            ["remove", outside],
            ["mkdir", f"{outside}.new"],
            ["symlink", "/", f"{outside}.new"],
            ["rename", outside, str(self.directory / "alice" / "stolen")],
            ["read", str(self.directory / "ftpserver.toml")],
            ["list", "/proc"],
            ["read", f"/proc/{os.getpid()}/status"],
            ["list", "/"],
            ["run", sys.executable],
            ["list", "/etc"],
        ]
        for one, answers in zip(attempts, self.answers(*attempts), strict=True):
            # A link or a rename between two places that may not be reached by the same rights says so.
            self.assertEqual({*answers} - {"EACCES", "EXDEV"}, set(), one)
        self.assertEqual((self.directory / "outside").read_text(), "outside")

    def test_inside_of_the_roots(self) -> None:
        """What the server does for its users goes on: in a root that is written, everything."""
        alice = self.directory / "alice"
        attempts = [
            ["read", str(alice / "file")],
            ["list", str(alice)],
            ["write", str(alice / "file")],
            ["truncate", str(alice / "file")],
        ]
        moves = [
            ["make", str(alice / "one")],
            ["rename", str(alice / "one"), str(alice / "below" / "two")],
            ["link", str(alice / "below" / "two"), str(alice / "three")],
            ["remove", str(alice / "three")],
            ["mkdir", str(alice / "new")],
        ]
        answers = self.answers(*attempts, *moves)
        self.assertEqual(answers[: len(attempts)], [["done", "done"]] * len(attempts))
        self.assertEqual([answer for answer, _again in answers[len(attempts) :]], ["done"] * len(moves))

    def test_a_root_that_is_read(self) -> None:
        """In a root that accounts only read, nobody changes anything."""
        pub = self.directory / "pub"
        attempts = [["read", str(pub / "file")], ["list", str(pub)]]
        self.assertEqual(self.answers(*attempts), [["done", "done"]] * 2)
        attempts = [
            ["write", str(pub / "file")],
            ["make", str(pub / "new")],
            ["remove", str(pub / "file")],
            ["mkdir", str(pub / "new")],
            ["rename", str(pub / "file"), str(pub / "new")],
        ]
        self.assertEqual(self.answers(*attempts), [["EACCES", "EACCES"]] * len(attempts))

    def test_what_python_needs(self) -> None:
        """Modules, times, random numbers and what procfs tells of the process itself are still there."""
        files = [os.__file__, "/dev/urandom", "/proc/self/mountinfo", "/proc/self/fdinfo/0", "/etc/hosts"]
        attempts = [["read", file] for file in files]
        self.assertEqual(self.answers(*attempts, ["write", os.devnull]), [["done", "done"]] * (len(files) + 1))

    def test_other_processes(self) -> None:
        """Signals and sockets of others are out of reach, from the sixth version of the interface on."""
        name = f"ftpserver-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"\0{name}")
            listening.listen()
            attempts = [["kill", str(os.getpid())], ["knock", name]]
            expected = [["EPERM", "EPERM"]] * 2 if self.version >= 6 else [["done", "done"]] * 2
            self.assertEqual(self.answers(*attempts), expected)

    def test_what_was_said_to_be_needed(self) -> None:
        """What landlock_paths names can be read and written, and nothing beside it."""
        outside = str(self.directory / "outside")
        attempts = [["write", outside], ["write", str(self.directory / "ftpserver.toml")]]
        answers = self.answers(*attempts, line='landlock_paths = ["outside"]')
        self.assertEqual(answers, [["done", "done"], ["EACCES", "EACCES"]])

    def test_no_wall(self) -> None:
        """Without the wall the same attempts succeed: it is what refuses them."""
        outside = str(self.directory / "outside")
        attempts = [["read", outside], ["write", outside], ["list", "/proc"], ["kill", str(os.getpid())]]
        self.assertEqual(self.answers(*attempts, line='landlock = "off"'), [["done", "done"]] * 4)
        self.assertEqual(self.lines, ["Landlock is off: the configuration says so"])


class ObstacleTests(ConfinementTestCase):
    """Tests for what stands in the way of the wall."""

    def reason(self, *lines: str, system: Landlock | None = None, **runner: Any) -> str:
        """Return why a process with *lines* in its configuration is not confined; empty where it is."""
        settings: Settings = self.settings(self.text(*lines))
        return obstacle(settings, runner, system if system is not None else MadeUpLandlock()) or ""

    def test_none(self) -> None:
        """With accounts of the configuration alone, nothing stands in the way."""
        self.assertEqual(self.reason(), "")
        self.assertEqual(self.reason('landlock = "required"'), "")

    def test_kernels_without_it(self) -> None:
        """Where the kernel has no Landlock, was started without it, or may not be asked, the reason has its cure."""
        expected = [
            (errno.ENOSYS, "this kernel has no Landlock, which came with Linux 5.13"),
            (errno.EOPNOTSUPP, "this kernel was started without Landlock; add it to 'lsm=' of its command line"),
            (errno.EPERM, "a filter of system calls forbids it"),
            (errno.EIO, "the kernel says: Input/output error"),
        ]
        for number, text in expected:
            reason = self.reason(system=MadeUpLandlock(fails=("version", number)))
            self.assertTrue(reason.startswith(text), reason)

    def test_a_kernel_that_would_forbid_renames(self) -> None:
        """The first version would break RNTO to another directory: it is used where it is required, not otherwise."""
        first = MadeUpLandlock(version=1)
        self.assertIn("would forbid to rename from one directory to another", self.reason(system=first))
        self.assertEqual(self.reason('landlock = "required"', system=first), "")

    def test_code_of_ones_own(self) -> None:
        """Code whose files are not known turns it off, with the cure; where it is required, it is there."""
        line = 'observers = ["tests.test_places.OBSERVER"]'
        self.assertEqual(
            self.reason(line),
            'server.observers is code whose files are not known; write landlock = "required", and what it needs in '
            "landlock_paths",
        )
        self.assertEqual(self.reason(line, 'landlock = "required"'), "")
        self.assertIn("twistd --logger is code", self.reason(logger="module.name"))

    def test_everything_as_a_root(self) -> None:
        """Where the whole file system is served there is nothing to keep out of, required or not."""
        text = self.text().replace('base_path = "pub"', 'base_path = "/"')
        for line in ("", 'landlock = "required"'):
            settings = self.settings(text.replace("[server]", f"[server]\n{line}"))
            self.assertEqual(obstacle(settings, {}, MadeUpLandlock()), "users[1].base_path is the whole file system")


class BuildingTests(ConfinementTestCase):
    """Tests for raising the wall, and for what the log is told."""

    def test_the_wall_stands(self) -> None:
        """The rights of the version are taken away, places allowed, privileges forbidden first; the log tells of it."""
        system = MadeUpLandlock(version=7)
        walls = self.walls(system=system)
        self.assertFalse(walls.is_up)
        walls.build()
        self.assertTrue(walls.is_up)
        self.assertEqual(system.access, accesses(7))
        self.assertEqual(system.calls[-2:], ["forbid_new_privileges", "restrict"])
        self.assertEqual(
            walls.lines(), ["Landlock is on (version 7): this process is confined to 2 roots, 1 for reading only"]
        )

    def test_an_older_version(self) -> None:
        """Nothing is asked of a kernel that it does not know; where renames are refused, the log says so."""
        system = MadeUpLandlock(version=1)
        walls = self.walls('landlock = "required"', system=system)
        walls.build()
        self.assertEqual(system.access, accesses(1))
        self.assertTrue(all(access in accesses(1) for access in system.allowed))
        self.assertIn("; renaming from one directory to another is refused", walls.lines()[0])

    def test_off(self) -> None:
        """Where the configuration says so, the kernel is not even asked."""
        system = MadeUpLandlock()
        walls = self.walls('landlock = "off"', system=system)
        walls.build()
        self.assertEqual(system.calls, [])
        self.assertEqual(walls.lines(), ["Landlock is off: the configuration says so"])

    def test_failures(self) -> None:
        """Whichever call fails, the server starts without the wall and says why, or does not where it is required."""
        for call in ("create", "allow", "forbid_new_privileges", "restrict"):
            walls = self.walls(system=MadeUpLandlock(fails=(call, errno.E2BIG)))
            before = len(os.listdir("/proc/self/fd"))
            walls.build()
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)
            self.assertFalse(walls.is_up)
            self.assertEqual(walls.lines(), ["Landlock is off: it cannot be raised: Argument list too long"])
            walls = self.walls('landlock = "required"', system=MadeUpLandlock(fails=(call, errno.E2BIG)))
            error = self.assertRaises(CannotConfine, walls.build)
            self.assertEqual(str(error), 'server.landlock = "required": it cannot be raised: Argument list too long')

    def test_threads(self) -> None:
        """A process that has other threads by then, which the wall would not hold for, is told of."""
        walls = self.walls(system=MadeUpLandlock(threads=2))
        walls.build()
        self.assertEqual(
            walls.lines(), ["Landlock is off: the process has other threads already, which it would not hold for"]
        )

    def test_a_root_that_cannot_be_opened(self) -> None:
        """A root that is gone, or not to be reached, is named; the others are served."""
        walls = self.walls()
        (self.directory / "pub").rename(self.directory / "elsewhere")
        walls.build()
        _on, warning = walls.lines()
        self.assertEqual(
            warning,
            f"warning: users[1].base_path '{self.directory}/pub' cannot be opened (No such file or directory) and is "
            "not among them",
        )

    def test_nothing_stays_open(self) -> None:
        """Of all that was opened, one descriptor stays: what procfs tells of this process."""
        before = set(os.listdir("/proc/self/fd"))
        walls = self.walls()
        walls.build()
        [held] = set(os.listdir("/proc/self/fd")) - before
        self.assertEqual(os.readlink(f"/proc/self/fd/{held}"), f"/proc/{os.getpid()}")
        walls.close()
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)


class RefusalTests(ConfinementTestCase):
    """Tests for what comes up after the start."""

    def setUp(self) -> None:
        """Raise a wall that is made up."""
        super().setUp()
        self.wall = self.walls()
        self.wall.build()

    def test_inside(self) -> None:
        """What lies inside may be used, for what its root is there for."""
        self.assertIs(self.wall.refusal(self.directory / "alice" / "below", WRITE), None)
        self.assertIs(self.wall.refusal(self.directory / "alice" / "not-there-yet", WRITE), None)
        self.assertIs(self.wall.refusal(self.directory / "pub" / "file"), None)
        self.assertIsNot(self.wall.refusal(self.directory / "pub" / "file", WRITE), None)

    def test_outside(self) -> None:
        """What lies outside is refused with the cure, by whatever link it is named."""
        (self.directory / "alice" / "link").symlink_to("../outside")
        for path in (self.directory / "outside", self.directory / "alice" / "link"):
            self.assertEqual(
                self.wall.refusal(path),
                f"'{path}' lies outside of the places that this process has confined itself to at its start "
                "(Landlock); restart the server, which then takes those that its configuration names",
            )

    def test_another_directory_of_the_name(self) -> None:
        """A root that was made anew under its name is another one, which the kernel refuses."""
        (self.directory / "pub").rename(self.directory / "old")
        (self.directory / "pub").mkdir()
        self.assertIsNot(self.wall.refusal(self.directory / "pub"), None)
        self.assertIs(self.wall.refusal(self.directory / "old"), None)
        self.assertEqual(self.wall.refusal("/proc/self/status", READ), None)

    def test_no_wall(self) -> None:
        """Where no wall stands, nothing is outside."""
        walls = self.walls('landlock = "off"')
        walls.build()
        self.assertIs(walls.refusal("/anywhere", WRITE), None)
        self.assertEqual(walls.refusals(self.settings(self.text(f'landlock_paths = ["{self.directory}"]'))), [])

    def test_a_root_below_one_that_is_read(self) -> None:
        """Made anew, it may only be read like what is around it; that is too little for who may write in it."""
        inner = self.directory / "pub" / "bob"
        inner.mkdir()
        text = f'{self.text()}[[users]]\nlogin = "bob"\npassword_hash = "{HASH}"\nbase_path = "pub/bob"\n'
        walls = Walls(self.settings(text), {}, MadeUpLandlock())
        self.addCleanup(walls.close)
        walls.build()
        self.assertIs(walls.refusal_of_root(str(inner)), None)
        inner.rename(self.directory / "old")
        inner.mkdir()
        self.assertIn("is only for reading among the places", str(walls.refusal_of_root(str(inner))))
        self.assertIs(walls.refusal_of_root(str(self.directory / "pub")), None)
        self.assertIsNot(walls.refusal_of_root(str(self.directory)), None)

    def test_a_configuration_that_is_read_again(self) -> None:
        """One that needs nothing new may be used; each new place is told, with its key and the cure."""
        self.assertEqual(self.wall.refusals(self.settings(self.text())), [])
        (self.directory / "new").mkdir()
        bob = f'[[users]]\nlogin = "bob"\npassword_hash = "{HASH}"\n'
        changed = self.text(f'landlock_paths = ["{self.directory}"]')
        changed += f'{bob}base_path = "new"\n{bob.replace("bob", "carol")}base_path = "pub"\n'
        cure = (
            "that this process has confined itself to at its start (Landlock); "
            "restart the server, which then takes those that its configuration names"
        )
        self.assertEqual(
            self.wall.refusals(self.settings(changed)),
            [
                f"users[2].base_path: '{self.directory}/new' lies outside of the places {cure}",
                f"users[3].base_path: '{self.directory}/pub' is only for reading among the places {cure}",
                f"server.landlock_paths: '{self.directory}' lies outside of the places {cure}",
            ],
        )
