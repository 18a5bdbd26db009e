# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
lftp as the client, under TLS.
"""

from __future__ import annotations

from . import tls_contract
from .client_contract import content
from .clients import Mode
from .test_lftp import LftpClient, tree, word


class SecureLftp(LftpClient, tls_contract.TLSClient):
    """One process of lftp for each call."""

    modes = (Mode.EPSV, Mode.PORT)

    @property
    def scheme(self) -> str:  # type: ignore[override]  # depends on the site here
        """See :attr:`LftpClient.scheme`."""
        return "ftps" if self.site.is_implicit else "ftp"

    def settings(self) -> dict[str, str]:
        """See :meth:`LftpClient.settings`."""
        protects_data = "yes" if self.site.protects_data else "no"
        return {
            **super().settings(),
            "ftp:ssl-force": "yes",
            "ftp:ssl-protect-data": protects_data,
            "ftp:ssl-protect-list": protects_data,
            "ssl:ca-file": str(self.site.authority),
            "ssl:priority": f"NORMAL:-VERS-ALL:+VERS-TLS{self.site.version}",
        }


class LftpUnderTLSTests(tls_contract.TLSContract):
    """lftp under TLS."""

    client_class = SecureLftp

    async def test_one_file_in_several_pieces(self) -> None:
        """lftp fetches a file over four connections at once, each with a TLS session of its own that it continues."""
        await self.restart_server(tls=self.tls(session_reuse="required"))
        self.write("file", content(8_000_000))
        target = self.local / "file"
        for version in SecureLftp.versions:
            await self.client(version=version).run(f"pget -n 4 file -o {word(target)}")
            self.assertEqual(target.read_bytes(), content(8_000_000), version)
            target.unlink()

    async def test_a_tree_is_mirrored_by_several_sessions(self) -> None:
        """lftp copies a tree with four sessions at once, both ways, where each must continue its own TLS session."""
        await self.restart_server(tls=self.tls(session_reuse="required"))
        for number in range(tls_contract.HUNDRED):
            path = self.local / f"dir {number % 5}" / f"file {number}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content(number % 97, number))
        await self.client().run(f"mirror -R --parallel=4 {word(self.local)} /")
        self.assertEqual(tree(self.root), tree(self.local))
        back = self.local / "back"
        await self.client().run(f"mirror --parallel=4 / {word(back)}")
        self.assertEqual(tree(back), tree(self.root))
