# -*- test-case-name: tests.test_benchmarks_peers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The servers that are written in C.

Each is found on the search path, below /usr, or where the command line says: a package that was only unpacked will do.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar, Self

from ..cases import Variant
from ..client import HOST, USER, Door
from ..site import RATE, Site
from .base import Absent, Given, Peer, said

__all__ = ["Proftpd", "Pureftpd", "Vsftpd"]

#: The password, as crypt(3) of old writes it: the cheapest check that ProFTPD and Pure-FTPd can be given.
_DIGEST = "bmNy4X8KsRQtI"

#: Who they become when root has started them.
_NOBODY = "nobody"

_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


class Daemon(Peer):
    """
    A program.

    :cvar program: its name.
    :cvar ask: the option that makes it tell its version.
    :cvar needs_root: whether nobody else can start it.
    """

    program: ClassVar[str]
    ask: ClassVar[str]
    needs_root: ClassVar[bool] = False

    def __init__(self, path: Path, is_root: bool) -> None:
        self._path = path
        self._is_root = is_root
        match = re.search(r"\d+\.\d+(\.\d+)?\w*", said([str(path), self.ask], self.environment()))
        if match is None:
            raise Absent(f"{path} {self.ask} tells no version")
        self.version = match[0]

    @classmethod
    def find(cls, given: Given) -> Self:
        """Look for the program."""
        wanted = str(given.programs.get(cls.name, cls.program))
        path = shutil.which(wanted, path=_PLACES)
        if path is None:
            raise Absent(f"there is no {wanted}; --server {cls.name}=PATH names one")
        if cls.needs_root and os.geteuid():
            raise Absent("only root can start it")
        return cls(Path(path).resolve(), not os.geteuid())

    def _beside(self, pattern: str) -> list[Path]:
        """Return what stands in the tree of the program, where that is not the system's own."""
        tree = self._path.parents[1]
        return [] if tree in (Path("/usr"), Path("/usr/local"), Path("/")) else sorted(tree.glob(pattern))

    def environment(self) -> dict[str, str]:
        """Let a program that was only unpacked find its libraries."""
        found = [*map(str, self._beside("lib/*-linux-gnu")), os.environ.get("LD_LIBRARY_PATH", "")]
        return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, found))}


_VSFTPD = """\
listen=YES
listen_address={host}
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=NO
anon_root={root}
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
write_enable=YES
secure_chroot_dir={empty}
seccomp_sandbox=NO
xferlog_enable=NO
max_clients=0
max_per_ip=0
use_sendfile=YES
{more}"""

_VSFTPD_TLS = """\
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={certificate}
"""


class Vsftpd(Daemon):
    """Chris Evans's server. Its users are anonymous, which takes no account and no PAM."""

    name = program = "vsftpd"
    ask = "-v"
    lacks = frozenset({"MLSD"})

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """See :class:`~benchmarks.peers.base.Peer`."""
        more = f"ftp_username={_NOBODY}\n" if self._is_root else "run_as_launching_user=YES\n"
        if variant == "tls":
            more += _VSFTPD_TLS.format(certificate=site.certificate)
        if variant == "limited":
            more += f"anon_max_rate={RATE}\n"
        empty = site.folder / "empty"
        empty.mkdir(0o755, exist_ok=True)
        text = _VSFTPD.format(host=HOST, port=port, root=site.root, empty=empty, more=more)
        return [str(self._path), str(site.write(f"vsftpd-{variant}.conf", text))]

    def door(self, port: int, variant: Variant) -> Door:
        """See :class:`~benchmarks.peers.base.Peer`."""
        return Door(port, self.tls if variant == "tls" else "off", user="anonymous", lacks=self.lacks)


_PROFTPD = """\
ServerName benchmark
ServerType standalone
DefaultAddress {host}
SocketBindTight on
Port {port}
UseIPv6 off
User {user}
Group {group}
AuthUserFile {passwords}
AuthOrder mod_auth_file.c
RequireValidShell off
UseReverseDNS off
PidFile {folder}/proftpd.pid
ScoreboardFile {folder}/proftpd.scoreboard
DelayTable none
<IfModule mod_delay.c>
  DelayEngine off
</IfModule>
WtmpLog off
TransferLog none
SystemLog none
MaxInstances none
UseSendfile on
AllowOverwrite on
{more}"""

_PROFTPD_TLS = """\
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
TLSOptions NoSessionReuseRequired
TLSRequired off
TLSVerifyClient off
"""


class Proftpd(Daemon):
    """ProFTPD; its TLS is a module, which may be another package."""

    name = program = "proftpd"
    ask = "-v"

    def __init__(self, path: Path, is_root: bool) -> None:
        super().__init__(path, is_root)
        self._modules = [*self._beside("lib/proftpd"), *map(Path, ("/usr/lib/proftpd", "/usr/local/libexec"))]
        if not any((folder / "mod_tls.so").exists() for folder in self._modules):
            self.variants = self.variants - {"tls"}

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """See :class:`~benchmarks.peers.base.Peer`."""
        owner = pwd.getpwnam(_NOBODY) if self._is_root else pwd.getpwuid(os.geteuid())
        line = f"{USER}:{_DIGEST}:{owner.pw_uid}:{owner.pw_gid}::{site.root}:/bin/sh\n"
        more = "".join(f"ModulePath {folder}\n" for folder in self._beside("lib/proftpd"))
        # Without root there is no chroot; the session begins in its home all the same.
        more += f"DefaultRoot {site.root}\n" if self._is_root else ""
        more += _PROFTPD_TLS.format(certificate=site.certificate) if variant == "tls" else ""
        more += f"TransferRate RETR,STOR {RATE // 1024}\n" if variant == "limited" else ""
        text = _PROFTPD.format(
            host=HOST,
            port=port,
            user=owner.pw_name,
            group=grp.getgrgid(owner.pw_gid).gr_name,
            passwords=site.write("proftpd.passwd", line),
            folder=site.folder,
            more=more,
        )
        return [str(self._path), "-n", "-q", "-c", str(site.write(f"proftpd-{variant}.conf", text))]


class Pureftpd(Daemon):
    """Pure-FTPd; most builds of it insist on root."""

    name = "pure-ftpd"
    program = "pure-ftpd"
    ask = "--help"
    needs_root = True

    @classmethod
    def find(cls, given: Given) -> Self:
        """Look for the program, and for the one that makes its table of users."""
        found = super().find(given)
        if not found._maker().exists():
            raise Absent(f"there is no {found._maker()}, which makes its table of users")
        return found

    def _maker(self) -> Path:
        places = [self._path.with_name("pure-pw"), self._path.parents[1] / "bin" / "pure-pw"]
        return next((place for place in places if place.exists()), places[-1])

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """See :class:`~benchmarks.peers.base.Peer`."""
        owner = pwd.getpwnam(_NOBODY)
        line = f"{USER}:{_DIGEST}:{owner.pw_uid}:{owner.pw_gid}::{site.root}/./::::::::::::\n"
        table, text = site.folder / "pureftpd.pdb", site.write("pureftpd.passwd", line)
        subprocess.run([self._maker(), "mkdb", table, "-f", text], check=True, env=self.environment())
        pid = site.folder / "pureftpd.pid"
        words = [str(self._path), "-S", f"{HOST},{port}", "-H", "-E", "-A", "-c", "10000", "-C", "10000"]
        words += ["-L", "10000000:5", "-u", "1", "-l", f"puredb:{table}", "-g", str(pid)]
        if variant == "tls":
            words += ["-Y", "1", "-2", str(site.certificate)]
        if variant == "limited":
            words += ["-T", str(RATE // 1024)]
        return words
