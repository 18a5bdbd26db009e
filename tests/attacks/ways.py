# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How attackers write paths that are to lead out of a root.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["ENCODED", "OVERLONG", "UPWARDS", "written"]

#: Ways up that every server has to understand, and must stop at the root.
UPWARDS = (
    b"..", b"/..", b"./..", b"/./..", b"//..", b"../.", b"..//.", b"../..", b"/../..", b"..//..", b"/.././/..",
    b"d/../..", b"/d/../..", b"d/./.././/..", b"missing/../..", b"/../d/../..", b"../../../../../../../../../../..",
)  # fmt: skip

#: What only looks like a way up to one who decodes once too often, or thinks of another system.
ENCODED = (
    b"..\\", b"..\\..\\", b"/..\\..", b"%2e%2e", b"%2e%2e%2f", b"..%2f..", b"%252e%252e", b"..%5c", b"..%c0%af",
    b"\xc0\xae\xc0\xae", b"..\xc0\xaf..", b"\xe0\x80\xae\xe0\x80\xae", b"\xef\xbc\x8e\xef\xbc\x8e",
    b"\xe2\x80\xa4\xe2\x80\xa4", b"...", b"....", b"....//", b".. ", b" ..", b"..\t", b"..;", b"..\xa0", b"~", b"~root",
    b"~/..", b"$HOME/..", b"`pwd`/..", b"C:\\", b"\\\\host\\share", b"file:///", b"..\0", b"\0..", b"..\0/..",
    b"..\x1b[A", b"..\x7f", b"-R ..", b"-la ../..", b"--", b"*", b"{..,..}", b"[.][.]", b"??",
)  # fmt: skip

#: Too many octets, too long a name, too many components.
OVERLONG = (
    b"../" * 4096, b"./" * 4096 + b"../secret", b"a/" * 4096, b"d/../" * 3000 + b"../secret",
    b"/" * 15000 + b"../secret", b"a" * 256, b"a" * 4096, b"a" * 15000, b"../" + b"a" * 4093, b"\xff" * 5000,
    b"\xe4\xba\xba" * 3000,
)  # fmt: skip


def written(target: bytes) -> Iterator[bytes]:
    """Yield each way to write *target*, which is in the directory above the root, and the ways themselves."""
    for way in UPWARDS:
        yield from (way, way + b"//" + target, way + b"/" + target + b"/.")
    for way in ENCODED:
        yield way + b"/" + target
    yield from OVERLONG
