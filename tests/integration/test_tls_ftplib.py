# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Python's own ftplib as the client, under TLS: as it comes, and as it is commonly taught to continue a TLS session.
"""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Callable, Collection
from typing import ClassVar

from . import tls_contract
from .clients import Mode, Refused
from .test_ftplib import FtplibClient, Library

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class SecureLibrary(Library, ftplib.FTP_TLS):
    """``ftplib.FTP_TLS`` with a choice of the mode, and implicit TLS, which it has not."""

    is_implicit = False

    def getresp(self) -> str:
        """Begin TLS before the greeting is read, if it is implicit."""
        if self.is_implicit and not isinstance(self.sock, ssl.SSLSocket):
            assert self.sock is not None
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
            self.file = self.sock.makefile("r", encoding=self.encoding)
        return super().getresp()


class ContinuingLibrary(SecureLibrary):
    """What everybody writes whose server wants data connections to continue the session of the control connection."""

    protects_data = False

    def prot_p(self) -> str:
        """Protect data connections from now on."""
        self.protects_data = True
        return super().prot_p()

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """Begin TLS on the data connection with the session of the control connection."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self.protects_data:
            assert isinstance(self.sock, ssl.SSLSocket)
            session = self.sock.session
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return connection, size


class SecureFtplib(FtplibClient, tls_contract.TLSClient):
    """One session of ftplib for each call."""

    library = SecureLibrary
    modes = (Mode.PASV, Mode.EPRT)
    continues: ClassVar[Collection[str]] = ()

    def session(self) -> SecureLibrary:
        """See :meth:`FtplibClient.session`."""
        site = self.site
        context = ssl.create_default_context(cafile=str(site.authority))
        context.minimum_version = context.maximum_version = VERSIONS[site.version]
        library = self.library(context=context, encoding="latin-1", timeout=60)
        library.mode = site.mode
        library.is_implicit = site.is_implicit
        try:
            library.connect(site.host, site.port)
            library.set_pasv(site.mode in (Mode.PASV, Mode.EPSV))
            library.login(site.user or "", site.password)
            if site.protects_data:
                library.prot_p()
        except BaseException:
            library.close()
            raise
        return library

    async def _do(self, work: Callable[[Library], None]) -> None:
        def read_on(library: Library) -> None:
            try:
                work(library)
            except OSError:
                # The data connection ended in the middle; ftplib does not ask for the reply then, which says why.
                library.voidresp()
                raise

        try:
            await super()._do(read_on)
        except OSError as error:
            # Before the login.
            raise Refused(str(error)) from error


class ContinuingFtplib(SecureFtplib):
    """One session of ftplib for each call, with :class:`ContinuingLibrary`."""

    library = ContinuingLibrary
    continues = ("1.2", "1.3")


class FtplibUnderTLSTests(tls_contract.TLSContract):
    """ftplib under TLS, as it comes: its data connections have sessions of their own."""

    client_class = SecureFtplib


class ContinuingFtplibTests(tls_contract.ReuseContract):
    """ftplib under TLS that continues the session of its control connection."""

    client_class = ContinuingFtplib
