# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
226 is said of an upload under TLS only when the client has ended it by TLS, whatever the verb.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, ClassVar

from ftpserver.commands.registry import Direction

from ..integration.tls_client import SecureClient
from ..integration.tls_harness import SecureTestCase

OLD = b"the old content"

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

#: Enough for several records.
OCTETS = bytes(range(256)) * 512


class CutTests(SecureTestCase):
    """Uploads that end without close_notify, with half a record, or by a reset."""

    keywords: ClassVar[Mapping[str, Any]] = {"partial_uploads": "remove"}

    def lines(self) -> list[str]:
        """Return an upload of a new name, and one onto a file, for each verb that uploads."""
        verbs = [verb for verb, row in self.server.commands.items() if row.data is Direction.FROM_CLIENT]
        return [f"{verb} {name}" for verb in verbs for name in ("new", "old")]

    async def cut(self, client: SecureClient, line: str, how: str) -> None:
        """Cut an upload, and expect that nothing has come of it."""
        (self.root / "old").write_bytes(OLD)
        data = await client.begin(line)
        await data.secured()
        data.send(OCTETS)
        if how == "half a record":
            data.send_in_clear(data.protect(OCTETS)[:100])
            how = "cut"
        getattr(data, how)()
        # A reset takes away what was on its way, perhaps the end of the handshake.
        await client.reply(426, 451, *([522] if how == "reset" else []))
        await data.vanish()
        found = {path.name: path.read_bytes() for path in self.root.iterdir()}
        if line == "APPE old":
            self.assertTrue(found["old"].startswith(OLD))
            found["old"] = OLD
        self.assertEqual(found, {"old": OLD}, f"{line}, {how}")

    async def try_all(self) -> None:
        """Cut each upload in each way, in both versions of TLS."""
        for version in VERSIONS:
            client = await self.privately(version)
            for line in self.lines():
                for how in ("cut", "close", "reset", "half a record"):
                    await self.cut(client, line, how)
            await client.store("STOR new", OCTETS)
            self.assertEqual((self.root / "new").read_bytes(), OCTETS)
            (self.root / "new").unlink()

    async def test_what_is_cut_is_not_complete(self) -> None:
        """The reply is 426, no name has come, and the file that was there is as it was."""
        await self.try_all()

    async def test_what_is_cut_is_not_complete_where_octets_move_in_python(self) -> None:
        """The same with ``data_plane="portable"``."""
        await self.restart_server(data_plane="portable")
        await self.try_all()
