# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the servers that the benchmark looks for, and how each is configured.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.cases import Variant
from benchmarks.peers import PEERS, Absent, Given, find_all
from benchmarks.peers.base import said
from benchmarks.peers.daemons import Proftpd, Pureftpd, Vsftpd
from benchmarks.peers.ours import Ours
from benchmarks.peers.python import Aioftp, Pyftpdlib, TwistedFTP
from benchmarks.site import RATE, Site, site
from ftpserver import config

VARIANTS: tuple[Variant, ...] = ("clear", "tls", "limited")


class PeerTestCase(SynchronousTestCase):
    """A test with a place to work in, and programs that only tell a version."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.patch(os, "environ", {**os.environ, "PATH": "/usr/bin:/bin"})

    def site(self) -> Site:
        """Return a site that is taken away in the end."""
        made = site(self.folder)
        self.addCleanup(made.__exit__, None, None, None)
        return made.__enter__()

    def program(self, name: str, says: str) -> Path:
        """Make a program that says something and ends."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{says}\n")
        path.chmod(0o755)
        return path


class OursTests(PeerTestCase):
    """Our own server."""

    def test_it_is_there(self) -> None:
        """It is that of the environment that is active."""
        self.patch(sys, "executable", str(self.program("bin/python", "")))
        self.assertRaisesRegex(Absent, "there is no .*twistd", Ours.find, Given())
        self.program("bin/twistd", "")
        self.assertEqual(Ours.find(Given()).name, "ftpserver")

    def test_its_configuration_is_one_that_it_takes(self) -> None:
        """For every variant the file is read without complaint, and says what it should."""
        places = self.site()
        ours = Ours.find(Given(programs={"ftpserver": self.program("twistd", "")}))
        for variant in VARIANTS:
            words = ours.command(places, 2121, variant)
            self.assertEqual(words[1:4], ["-n", "--pidfile=", "ftpserver"])
            settings = config.read_text(Path(words[-1]).read_text(), self.folder, words[-1])
            self.assertEqual(settings.tls is not None, variant == "tls")
            limit = settings.server.read_speed_limit_per_connection
            self.assertEqual(limit, RATE if variant == "limited" else None)


class PythonPeerTests(PeerTestCase):
    """Servers that are packages."""

    def test_an_interpreter_is_asked(self) -> None:
        """A package that the interpreter has is a server, with the version that it has."""
        python = self.program("python", "echo version 1.2.3; echo with OpenSSL")
        found = Pyftpdlib.find(Given({"pyftpdlib": python}))
        self.assertEqual((found.version, sorted(found.variants)), ("1.2.3", ["clear", "limited", "tls"]))

    def test_a_package_that_is_not_there_is_told(self) -> None:
        """The reason says what would help."""
        for says in ("", "echo with OpenSSL", "echo No module; exit 1"):
            python = self.program("python", says)
            self.assertRaisesRegex(Absent, "--python aioftp=PATH", Aioftp.find, Given({"aioftp": python}))
        self.assertRaises(Absent, Aioftp.find, Given({"aioftp": self.folder / "nothing"}))

    def test_pyftpdlib_has_tls_where_pyopenssl_is(self) -> None:
        """Without it the other cases are measured."""
        python = self.program("python", "echo version 1.2.3")
        given = Given({"pyftpdlib": python, "aioftp": python})
        self.assertNotIn("tls", Pyftpdlib.find(given).variants)
        self.assertIn("tls", Aioftp.find(given).variants)

    def test_twisted_comes_with_this_interpreter(self) -> None:
        """Its server has neither TLS nor speed limits."""
        self.assertEqual(TwistedFTP.find(Given()).variants, {"clear"})

    def test_programs_get_what_they_need(self) -> None:
        """Port and directory, and certificate or rate where the case asks for it."""
        places = self.site()
        aioftp = Aioftp.find(Given({"aioftp": self.program("python", "echo version 1")}))
        clear, tls, limited = (aioftp.command(places, 2121, variant) for variant in VARIANTS)
        self.assertTrue(Path(clear[1]).is_file())
        self.assertEqual(clear[2:4], ["2121", str(places.root)])
        self.assertEqual(tls[len(clear) :], ["--certificate", str(places.certificate)])
        self.assertEqual(limited[len(clear) :], ["--rate", str(RATE)])

    def test_every_program_is_there(self) -> None:
        """Each package has a program around it that can be compiled."""
        for peer in (Aioftp, Pyftpdlib, TwistedFTP):
            path = Path(__file__).parents[1] / "benchmarks" / "programs" / f"{peer.name}_server.py"
            compile(path.read_text("utf-8"), str(path), "exec")

    def test_the_environment_of_the_benchmark_is_not_theirs(self) -> None:
        """A PYTHONPATH for this interpreter would mislead another one."""
        os.environ["PYTHONPATH"] = "/somewhere"
        found = Aioftp.find(Given({"aioftp": self.program("python", "echo version 1")}))
        self.assertNotIn("PYTHONPATH", found.environment())

    def test_doors_differ(self) -> None:
        """aioftp begins TLS at once and knows no NOOP; others wait for AUTH."""
        found = Aioftp.find(Given({"aioftp": self.program("python", "echo version 1")}))
        self.assertEqual((found.door(1, "tls").security, found.door(1, "clear").security), ("implicit", "off"))
        self.assertIn("NOOP", found.door(1, "clear").lacks)


class DaemonTests(PeerTestCase):
    """Servers in C."""

    def test_a_program_is_found_on_the_path(self) -> None:
        """Or where the command line says."""
        path = self.program("sbin/vsftpd", "echo vsftpd: version 9.8.7 >&0")
        self.patch(sys.modules[Vsftpd.__module__], "_PLACES", str(path.parent))
        self.assertEqual(Vsftpd.find(Given()).version, "9.8.7")
        self.assertEqual(Vsftpd.find(Given(programs={"vsftpd": path})).version, "9.8.7")

    def test_one_that_is_not_there_is_told(self) -> None:
        """The reason says what would help."""
        self.patch(sys.modules[Vsftpd.__module__], "_PLACES", str(self.folder))
        self.assertRaisesRegex(Absent, "--server vsftpd=PATH", Vsftpd.find, Given())

    def test_another_program_is_no_server(self) -> None:
        """One that tells no version is not started."""
        given = Given(programs={"vsftpd": self.program("vsftpd", "echo hello")})
        self.assertRaisesRegex(Absent, "tells no version", Vsftpd.find, given)

    def test_pure_ftpd_takes_root(self) -> None:
        """Whoever is not root reads why it is left out."""
        self.patch(os, "geteuid", lambda: 1000)
        given = Given(programs={"pure-ftpd": self.program("sbin/pure-ftpd", "echo pure-ftpd v1.0.50")})
        self.assertRaisesRegex(Absent, "only root", Pureftpd.find, given)

    def test_pure_ftpd_takes_its_table_of_users(self) -> None:
        """The program that makes it must be there."""
        self.patch(os, "geteuid", lambda: 0)
        given = Given(programs={"pure-ftpd": self.program("sbin/pure-ftpd", "echo pure-ftpd v1.0.50")})
        self.assertRaisesRegex(Absent, "pure-pw", Pureftpd.find, given)
        self.program("bin/pure-pw", "exit 0")
        words = Pureftpd.find(given).command(self.site(), 2121, "limited")
        self.assertEqual(words[-2:], ["-T", str(RATE // 1024)])
        self.assertIn("-Y", Pureftpd.find(given).command(self.site(), 2121, "tls"))

    def test_vsftpd_serves_anonymous_users(self) -> None:
        """That takes no account of the system, for root as for others."""
        given = Given(programs={"vsftpd": self.program("vsftpd", "echo version 9.8.7")})
        for euid, line in ((0, "ftp_username=nobody"), (1000, "run_as_launching_user=YES")):
            self.patch(os, "geteuid", lambda euid=euid: euid)
            vsftpd = Vsftpd.find(given)
            texts = [Path(vsftpd.command(self.site(), 2121, variant)[1]).read_text() for variant in VARIANTS]
            for text in texts:
                self.assertIn(line, text)
            self.assertIn("ssl_enable=YES", texts[1])
            self.assertIn(f"anon_max_rate={RATE}", texts[2])
            self.assertEqual(vsftpd.door(1, "tls").user, "anonymous")

    def test_proftpd_has_tls_where_its_module_is(self) -> None:
        """The module may stand beside a program that was only unpacked."""
        given = Given(programs={"proftpd": self.program("usr/sbin/proftpd", "echo ProFTPD Version 1.3.8")})
        module = self.folder / "usr/lib/proftpd/mod_tls.so"
        module.parent.mkdir(parents=True)
        module.touch()
        proftpd = Proftpd.find(given)
        self.assertIn("tls", proftpd.variants)
        text = Path(proftpd.command(self.site(), 2121, "tls")[-1]).read_text()
        self.assertIn(f"ModulePath {module.parent}\n", text)
        self.assertIn("TLSEngine on", text)

    def test_proftpd_is_confined_by_root_only(self) -> None:
        """Nobody else can change the root of a process."""
        given = Given(programs={"proftpd": self.program("proftpd", "echo ProFTPD Version 1.3.8")})
        for euid in (0, os.getuid() or 65534):
            self.patch(os, "geteuid", lambda euid=euid: euid)
            text = Path(Proftpd.find(given).command(self.site(), 2121, "limited")[-1]).read_text()
            self.assertEqual("DefaultRoot" in text, not euid)
            self.assertIn(f"TransferRate RETR,STOR {RATE // 1024}\n", text)

    def test_libraries_of_an_unpacked_program_are_found(self) -> None:
        """Those beside it come before those that were named already."""
        libraries = self.folder / "usr/lib/x86_64-linux-gnu"
        libraries.mkdir(parents=True)
        os.environ["LD_LIBRARY_PATH"] = "/more"
        given = Given(programs={"vsftpd": self.program("usr/sbin/vsftpd", "echo version 9.8.7")})
        self.assertEqual(Vsftpd.find(given).environment()["LD_LIBRARY_PATH"], f"{libraries}:/more")


class SearchTests(PeerTestCase):
    """All of them."""

    def test_those_that_are_missing_have_reasons(self) -> None:
        """The others are measured."""
        nothing = self.folder / "nothing"
        given = Given({"aioftp": nothing}, {"vsftpd": nothing, "ftpserver": self.program("twistd", "")})
        found, absent = find_all(["ftpserver", "aioftp", "vsftpd"], given)
        self.assertEqual(([peer.name for peer in found], list(absent)), (["ftpserver"], ["aioftp", "vsftpd"]))

    def test_ours_comes_first(self) -> None:
        """It is what the others are compared with."""
        self.assertEqual(next(iter(PEERS)), "ftpserver")

    def test_whatever_channel_a_program_speaks_on_is_heard(self) -> None:
        """Standard output, error and, for vsftpd, input."""
        path = self.program("speaker", "echo one; echo two >&2; echo three >&0")
        self.assertEqual(said([str(path)]), "one\ntwo\nthree\n")
