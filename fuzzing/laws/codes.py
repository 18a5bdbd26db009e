# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which final replies a command may have (RFC 959, section 5.4, and the RFCs of the later commands).
"""

from __future__ import annotations

__all__ = ["allowed_codes"]

#: What any line may be answered with: not understood, wrong in form, not there, not logged in.
_ALWAYS = frozenset({500, 501, 502, 530})

_TRANSFER = {425, 426, 450, 451, 452, 522, 550, 552, 553, 554}


def _table() -> dict[str, frozenset[int]]:
    table: dict[str, set[int]] = {
        "USER": {230, 232, 331},
        "PASS": {202, 230, 503},
        "ACCT": {202},
        "REIN": {220},
        "QUIT": {221},
        "TYPE": {200, 504},
        "MODE": {200, 504},
        "STRU": {200, 504},
        "REST": {350},
        "ALLO": {202, 504, 552},
        "OPTS": {200, 504},
        "PASV": {227, 425, 503},
        "EPSV": {200, 229, 425, 522, 503},
        "PORT": {200, 503, 504},
        "EPRT": {200, 503, 504, 522},
        "CWD": {250, 550, 553},
        "CDUP": {250, 550},
        "PWD": {257},
        "MKD": {257, 550, 553},
        "RMD": {250, 450, 550, 553},
        "DELE": {250, 450, 550, 553},
        "RNFR": {350, 450, 550, 553},
        "RNTO": {250, 503, 550, 553},
        "SIZE": {213, 550, 553},
        "MDTM": {213, 550, 553},
        "MFMT": {213, 550, 553},
        "MLST": {250, 550, 553},
        "STAT": {211, 212, 213, 550, 553},
        "FEAT": {211},
        "HELP": {211, 214},
        "SYST": {215},
        "NOOP": {200},
        "CLNT": {200},
        "ABOR": {226},
        "AUTH": {234, 503, 504},
        "PBSZ": {200, 503},
        "PROT": {200, 503, 504, 534, 536},
        "CCC": {200, 533, 534},
        "SITE": {200, 202, 214, 504, 550, 553},
        "MLSD": {226, *_TRANSFER},
    }
    table |= {verb: {226, *_TRANSFER} for verb in ("RETR", "STOR", "APPE", "STOU", "LIST", "NLST")}
    for name, other in (("XCWD", "CWD"), ("XCUP", "CDUP"), ("XPWD", "PWD"), ("XMKD", "MKD"), ("XRMD", "RMD")):
        table[name] = table[other]
    return {verb: _ALWAYS | codes for verb, codes in table.items()}


_ALLOWED = _table()


def allowed_codes(line: bytes | None) -> frozenset[int]:
    """
    Return the codes of the final replies that a line may have.

    :param line: ``None`` is one that was too long.
    """
    if line is None:
        return frozenset({500})
    verb = line.split(b" ")[0].decode("ascii", "replace").upper()
    return _ALLOWED.get(verb, _ALWAYS)
