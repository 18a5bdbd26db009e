# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the parts of the file system that a server needs.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import twisted
from ftpserver.config import ServerSettings
from ftpserver.core.users import Right
from ftpserver.observers.log import LogObserver
from ftpserver.walls import places as places_module
from ftpserver.walls.landlock import Access
from ftpserver.walls.places import LOG, READ, WRITE, code_of_ones_own, places, wide_root

from .configuring import HASH, LISTENER
from .configuring_tls import ACCOUNT, TLS_SECTION, TLSConfigurationTestCase

#: Something for the keys that name an observer, as a configuration file names it.
OBSERVER = LogObserver()


class PlacesTestCase(TLSConfigurationTestCase):
    """Reads configurations, and asks what they need."""

    def needed(self, text: str, **runner: Any) -> dict[str, Access]:
        """Return what is needed where; where there are several needs of one place, all of them."""
        found: dict[str, Access] = {}
        for place in places(self.settings(text), {"nodaemon": True, **runner}):
            found[place.path] = found.get(place.path, Access(0)) | place.access
        return found

    def alice(self, *lines: str) -> str:
        """Return a configuration with an account that has *lines*."""
        return "\n".join([LISTENER, "[[users]]", 'login = "alice"', f'password_hash = "{HASH}"', *lines, ""])


class RootsTests(PlacesTestCase):
    """Tests for the roots of accounts."""

    def test_who_may_write(self) -> None:
        """The root of an account that may change anything anywhere is there to be written."""
        granting = [right.value for right in Right if right.value not in ("readable", "list")]
        self.assertEqual(self.needed(self.alice('base_path = "pub"'))[str(self.directory / "pub")], WRITE)
        for right in granting:
            line = f'permissions = [{{ path = "/", writable = false }}, {{ path = "/x", {right} = true }}]'
            self.assertEqual(self.needed(self.alice('base_path = "pub"', line))[str(self.directory / "pub")], WRITE)

    def test_who_may_only_read(self) -> None:
        """The root of accounts that may change nothing is there to be read, that of the anonymous one, too."""
        line = "permissions = [{ writable = false }]"
        for text in (self.alice('base_path = "pub"', line), LISTENER + ACCOUNT):
            self.assertEqual(self.needed(text)[str(self.directory / "pub")], READ)

    def test_who_may_read_beside_one_who_may_write(self) -> None:
        """Where accounts share a root, it is there for what any of them may do."""
        text = LISTENER + ACCOUNT + self.alice('base_path = "pub"').removeprefix(LISTENER)
        self.assertEqual(self.needed(text)[str(self.directory / "pub")], WRITE)

    def test_nothing_is_run_and_no_device_made(self) -> None:
        """Nowhere may a program be run, or a device be made or controlled."""
        never = Access.EXECUTE | Access.MAKE_CHAR | Access.MAKE_BLOCK | Access.IOCTL_DEV
        for path, access in self.needed(self.alice('base_path = "pub"'), logfile="log").items():
            self.assertFalse(access & never, path)

    def test_the_whole_file_system(self) -> None:
        """An account that sees everything is told of, by whatever name its root goes."""
        (self.directory / "all").symlink_to("/")
        settings = self.settings(self.alice('base_path = "all"'))
        self.assertEqual(wide_root(settings, {}), "users[0].base_path is the whole file system")
        self.assertIs(wide_root(self.settings(LISTENER + ACCOUNT), {}), None)


class CodeTests(PlacesTestCase):
    """Tests for code that needs nobody knows what."""

    def test_none(self) -> None:
        """The server as it comes has none, neither where the keys say so."""
        for lines in (
            "",
            '[server]\ncommands = "ftpserver.COMMANDS"\npath_io_factory = "ftpserver.PathIO"\nhooks = []\n',
        ):
            self.assertEqual(code_of_ones_own(self.settings(LISTENER + lines + ACCOUNT)), [])

    def test_each_kind(self) -> None:
        """A store, commands, observers and hooks of one's own are told of."""
        lines = [
            "[server]",
            'path_io_factory = "ftpserver.MemoryPathIO"',
            f'observers = ["{__name__}.OBSERVER"]',
            "",
        ]
        settings = self.settings(LISTENER + "\n".join(lines) + ACCOUNT)
        self.assertEqual(code_of_ones_own(settings), ["server.path_io_factory", "server.observers"])
        given = ServerSettings.model_construct(commands="others", hooks=("one",))
        settings = settings.model_copy(update={"server": given})
        self.assertEqual(code_of_ones_own(settings), ["server.commands", "server.hooks"])

    def test_what_it_needs(self) -> None:
        """What such code needs can be said, relative to the file, and must be there."""
        text = f'{LISTENER}[server]\nlandlock_paths = ["chain.pem"]\n{ACCOUNT}'
        self.assertEqual(self.needed(text)[str(self.directory / "chain.pem")], WRITE)
        [problem] = self.problems(text.replace("chain.pem", "no.pem"))
        self.assertIn("server.landlock_paths", problem)
        self.assertIn("no.pem: there is no such file or directory", problem)


class CertificatesTests(PlacesTestCase):
    """Tests for certificates, which are read again."""

    def test_their_directory(self) -> None:
        """The directory of the files is there to be read, so that others can take their names."""
        self.assertEqual(self.needed(LISTENER + TLS_SECTION + ACCOUNT)[str(self.directory)], READ)

    def test_links(self) -> None:
        """Where a name is a link to a file elsewhere, both directories are there."""
        archive = self.directory / "archive"
        archive.mkdir()
        (self.directory / "chain.pem").rename(archive / "chain1.pem")
        (self.directory / "chain.pem").symlink_to("archive/chain1.pem")
        needed = self.needed(LISTENER + TLS_SECTION + ACCOUNT)
        self.assertEqual((needed[str(archive)], needed[str(self.directory)]), (READ, READ))

    def test_a_directory_that_many_share(self) -> None:
        """Of a directory that many share, the files are there and nothing beside them."""
        self.patch(places_module, "_SHARED", frozenset({str(self.directory)}))
        needed = self.needed(LISTENER + TLS_SECTION + ACCOUNT)
        self.assertNotIn(str(self.directory), needed)
        self.assertEqual(needed[str(self.directory / "key.pem")], READ)


class RunnerTests(PlacesTestCase):
    """Tests for what twistd was told."""

    text = LISTENER + ACCOUNT

    def test_the_log(self) -> None:
        """The directory of the log is there for what a rotation does; that of a daemon has a name by default."""
        for runner in ({"logfile": "logs/server.log"}, {"logfile": "logs/server.log", "nodaemon": False}):
            self.assertEqual(self.needed(self.text, **runner)[os.path.abspath("logs")], LOG)
        self.assertEqual(self.needed(self.text, nodaemon=False, logfile=None)[os.getcwd()] & LOG, LOG)

    def test_a_log_elsewhere(self) -> None:
        """A log on the standard output, in syslog or in the hands of others needs no directory."""
        for runner in (
            {"logfile": "-"},
            {"logfile": None},
            {"logfile": "a", "syslog": True},
            {"logger": "module.name"},
        ):
            needed = self.needed(self.text, **runner)
            self.assertEqual([path for path, access in needed.items() if access == LOG], [], runner)

    def test_a_log_in_the_root_directory(self) -> None:
        """A log whose directory is that of everything is told of."""
        told = wide_root(self.settings(self.text), {"logfile": "/server.log"})
        self.assertEqual(told, "the log lies in /; give twistd a --logfile in a directory of its own")

    def test_the_number_of_the_process(self) -> None:
        """The file with the number of the process can be removed at the end, and nothing more is done there."""
        self.assertEqual(self.needed(self.text, pidfile="/run/ftp/ftp.pid")["/run/ftp"], Access.REMOVE_FILE)
        self.assertNotIn("/", self.needed(self.text, pidfile="/ftp.pid"))

    def test_a_profile(self) -> None:
        """What twistd finds out with --profile can be written at the end."""
        self.assertEqual(self.needed(self.text, profile="/srv/profiles/one")["/srv/profiles"], LOG)

    def test_a_socket(self) -> None:
        """The socket of a listener can be removed at the end."""
        for endpoint in ("unix:sockets/ftp", "unix:address=sockets/ftp:backlog=5"):
            text = f'[[listeners]]\nendpoint = "{endpoint}"\n{ACCOUNT}'
            self.assertEqual(self.needed(text)[str(self.directory / "sockets")], Access.REMOVE_FILE)


class SystemTests(PlacesTestCase):
    """Tests for what Python and the system need."""

    text = LISTENER + ACCOUNT

    def test_modules(self) -> None:
        """Where modules came from, others can still be loaded from; the working directory is no such place."""
        needed = self.needed(self.text)
        self.assertEqual(needed[str(Path(twisted.__file__ or "").parent.parent)], READ)
        self.assertEqual(needed[sysconfig.get_config_var("LIBDIR")], READ)
        self.patch(sys, "path", [*sys.path, str(self.directory)])
        self.assertNotIn(str(self.directory), self.needed(self.text))

    def test_names_of_hosts(self) -> None:
        """The directory that the resolver is rewritten in is there where PASV needs it, and not otherwise."""
        resolver = self.directory / "resolv.conf"
        resolver.write_text("")
        self.patch(places_module, "_RESOLVER", str(resolver))
        self.assertEqual(self.needed(self.text)[str(self.directory)], READ)
        self.patch(places_module, "_SHARED", frozenset({str(self.directory)}))
        self.assertNotIn(str(self.directory), self.needed(self.text))
        self.assertNotIn("/etc", self.needed(self.text))
        named = f'{LISTENER}[server]\nipv4_pasv_forced_response_address = "ftp.example.org"\n{ACCOUNT}'
        self.assertEqual(self.needed(named)["/etc"], READ)

    def test_other_processes(self) -> None:
        """Of procfs there is only what is told of the process itself."""
        self.assertEqual([path for path in self.needed(self.text) if path.startswith("/proc")], ["/proc/self"])
