# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``openssl s_client``: what the server agrees to, and what it refuses.
"""

from __future__ import annotations

import re

import trustme
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ftpserver.core.events import Retrieved

from . import tls_contract
from .clients import Finished, Running, spawn

#: The options for each version that the server must not know; without the last ones the client would not say them.
OLD_VERSIONS = (
    ("-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"),
    ("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"),
)

VERSIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


class SClient(Running):
    """One ``openssl s_client`` that runs."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0
        self._more: Deferred[None] | None = None

    def outReceived(self, data: bytes) -> None:
        """See :meth:`Running.outReceived`."""
        super().outReceived(data)
        self._go_on()

    def processEnded(self, reason: Failure) -> None:
        """See :meth:`Running.processEnded`."""
        super().processEnded(reason)
        self._go_on()

    def _go_on(self) -> None:
        more, self._more = self._more, None
        if more is not None:
            more.callback(None)

    async def until(self, pattern: bytes) -> bytes:
        """Wait until the output, behind what was waited for before, has *pattern*, and return what matches."""
        while (found := re.search(pattern, self.output[self._seen :])) is None:
            if self.finished.called:
                raise AssertionError(f"no {pattern!r} in the output: {(await self.finished).text}")
            self._more = Deferred()
            await self._more
        self._seen += found.end()
        return bytes(found[0])

    def say(self, line: str) -> None:
        """Write a line to its input."""
        self.process.write(f"{line}\n".encode())

    async def command(self, line: str, code: int) -> str:
        """Say a command of FTP, in small letters if it begins with Q or R, which are commands of s_client."""
        self.say(line)
        return (await self.until(rb"(?m)^%d [^\n]*\n" % code)).decode()

    async def end(self) -> Finished:
        """Close its input and wait until it has ended."""
        self.process.closeStdin()
        return await self.finished


class OpenSSLTests(tls_contract.TLSTestCase):
    """``openssl s_client`` at both listeners."""

    def begin(self, *options: str, is_implicit: bool = True, port: int | None = None) -> SClient:
        """Start a client that trusts the server's authority."""
        site = self.changed_site(is_implicit=is_implicit)
        return spawn(
            SClient(), "openssl", "s_client",
            "-connect", f"{site.host}:{port or site.port}", *([] if is_implicit else ["-starttls", "ftp"]),
            "-CAfile", str(self.authority), "-verify_return_error", "-verify_ip", site.host,
            "-crlf", *options,
        )  # fmt: skip

    async def told(self, *options: str, is_implicit: bool = True) -> str:
        """Return what a client tells about a session that it opens and quits."""
        client = self.begin("-ign_eof", *options, is_implicit=is_implicit)
        client.say("QUIT")
        return (await client.end()).text

    async def test_both_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken at both listeners, the newer by default, without compression."""
        for is_implicit in (False, True):
            for options, version in (((), "1.3"), *(((option,), version) for version, option in VERSIONS.items())):
                told = await self.told(*options, is_implicit=is_implicit)
                self.assertIn(f"New, TLSv{version}, Cipher is ", told)
                self.assertIn("Verify return code: 0 (ok)", told)
                self.assertIn("Compression: NONE", told)
                self.assertIn("\n221 ", told)

    async def test_old_versions_are_refused(self) -> None:
        """TLS 1.0 and 1.1 get the alert, and the server goes on."""
        for is_implicit in (False, True):
            for options in OLD_VERSIONS:
                self.assertIn("alert protocol version", await self.told(*options, is_implicit=is_implicit))
        await self.gone()
        self.assertIn("\n221 ", await self.told())

    async def test_tls_1_3_alone(self) -> None:
        """Where TLS 1.3 is the least, TLS 1.2 gets the alert."""
        await self.restart_server(tls=self.tls(minimum_version="1.3"))
        self.assertIn("alert protocol version", await self.told(VERSIONS["1.2"]))
        self.assertIn("New, TLSv1.3, Cipher is ", await self.told())

    async def test_alpn(self) -> None:
        """ALPN "ftp" is agreed, none is asked for, and anything else gets the alert."""
        for option in VERSIONS.values():
            for is_implicit in (False, True):
                told = await self.told(option, "-alpn", "ftp", is_implicit=is_implicit)
                self.assertIn("ALPN protocol: ftp", told)
                told = await self.told(option, "-alpn", "h2,ftp", is_implicit=is_implicit)
                self.assertIn("ALPN protocol: ftp", told)
                self.assertIn("No ALPN negotiated", await self.told(option, is_implicit=is_implicit))
                told = await self.told(option, "-alpn", "h2,http/1.1", is_implicit=is_implicit)
                self.assertIn("alert no application protocol", told)
        await self.gone()

    async def test_renegotiation_is_refused(self) -> None:
        """A client of TLS 1.2 that renegotiates gets the alert, and the server goes on."""
        client = self.begin(VERSIONS["1.2"])
        await client.until(rb"\n220 ")
        client.say("R")
        self.assertIn("no renegotiation", (await client.end()).text)
        await self.gone()
        self.assertIn("\n221 ", await self.told())

    async def test_no_early_data(self) -> None:
        """A ticket of TLS 1.3 allows no early data."""
        told = await self.told(VERSIONS["1.3"])
        self.assertIn("Max Early Data: 0", told)
        self.assertNotRegex(told, "Max Early Data: [1-9]")

    async def test_sessions_of_control_connections(self) -> None:
        """A client that connects again continues its session where that is offered, not where it is bound or off."""
        for session_reuse, expected in (("offered", True), ("required", False), ("off", False)):
            await self.restart_server(tls=self.tls(session_reuse=session_reuse))
            client = self.begin("-reconnect", VERSIONS["1.2"])
            for _ in range(5):
                await client.until(rb"drop connection and then reconnect")
            told = (await client.end()).text
            self.assertEqual("Reused, TLSv1.2" in told, expected, session_reuse)
            await self.gone()
            saved = str(self.local / "session.pem")
            for version in VERSIONS.values():
                self.assertNotIn("Reused, ", await self.told(version, "-sess_out", saved))
                again = await self.told(version, "-sess_in", saved)
                self.assertEqual("Reused, " in again, expected, f"{session_reuse}, {version}")

    async def test_a_data_connection_that_continues_the_session(self) -> None:
        """Where it must, a data connection with the session of the control connection gets the file, another 522."""
        await self.restart_server(tls=self.tls(session_reuse="required"))
        self.write("file", b"secret of the file\n" * 1000)
        for version in VERSIONS.values():
            saved = str(self.local / f"session{version}")
            control = await self.logged_in(version, "-sess_out", saved)
            got = await self.fetched(control, 226, version, "-sess_in", saved)
            self.assertIn("Reused, ", got)
            self.assertEqual(got.count("secret of the file"), 1000, version)
            for options in ((), ("-sess_in", await self.foreign_session(version))):
                got = await self.fetched(control, 522, version, *options)
                self.assertEqual(got.count("secret of the file"), 0, version)
            await control.command("quit", 221)
            await control.end()
        self.assertEqual(sorted(event.code for event in self.of_kind(Retrieved)), [226, 226, 522, 522, 522, 522])

    async def logged_in(self, *options: str) -> SClient:
        """Return a client that has logged in, without TYPE and PROT, which are as they are at an implicit listener."""
        control = self.begin(*options)
        await control.until(rb"\n220 ")
        await control.command("USER alice", 331)
        await control.command("PASS secret", 230)
        return control

    async def fetched(self, control: SClient, code: int, *options: str) -> str:
        """Fetch a file over a data connection of another process; *code* ends the transfer."""
        reply = await control.command("EPSV", 229)
        found = re.search(r"\|\|\|(\d+)\|", reply)
        assert found is not None
        # With a large R it would be a command of s_client.
        control.say("retr file")
        data = self.begin("-ign_eof", *options, port=int(found[1]))
        await control.until(rb"(?m)^%d " % code)
        return (await data.end()).text

    async def foreign_session(self, version: str) -> str:
        """Return the file of the session of another control connection."""
        path = str(self.local / f"foreign{version}")
        await self.told(version, "-sess_out", path)
        return path

    async def test_certificates_by_name(self) -> None:
        """The name that the client asks for chooses the certificate; one that nobody has gets the alert, if so set."""
        authority = trustme.CA()
        other = self.certificates / "other.pem"
        authority.issue_cert("ftp.example.org").private_key_and_cert_chain_pem.write_to_path(str(other))
        trusted = str(self.keep_authority("other authority", authority))
        tls = self.tls(names={"ftp.example.org": (other, None)}, unknown_names="refuse")
        await self.restart_server(tls=tls)
        for option in VERSIONS.values():
            named = ("-servername", "ftp.example.org", "-verify_hostname", "ftp.example.org", "-CAfile", trusted)
            client = spawn(SClient(), "openssl", "s_client", *self.address(), option, *named, "-verify_return_error")
            self.assertIn("Verify return code: 0 (ok)", (await client.end()).text)
            self.assertIn("unrecognized name:", await self.told(option, "-servername", "unknown.example.org"))
            self.assertIn("\n221 ", await self.told(option, "-noservername"))

    def address(self) -> tuple[str, str]:
        """Return the option that names the implicit listener."""
        site = self.changed_site(is_implicit=True)
        return "-connect", f"{site.host}:{site.port}"
