# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The registry of what the standards oblige an FTP server to: one line a requirement, with its source.

A number alone is an RFC. Each requirement that applies has a test that is marked with its identifier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["REQUIREMENTS", "SECTIONS", "Requirement"]


@dataclass(frozen=True)
class Requirement:
    """
    One obligation.

    :ivar identifier: a letter for the section, and a number.
    :ivar text: what the server does, in one sentence.
    :ivar source: who asks for it.
    :ivar later: why it does not apply yet; empty when it does.
    """

    identifier: str
    text: str
    source: str
    later: str = ""


SECTIONS = {
    "C": "Connection, lines, replies",
    "L": "Login and session",
    "P": "Transfer parameters",
    "D": "Data connections",
    "F": "Files",
    "G": "Listings and facts",
    "X": "Extensions",
    "T": "TLS",
}

_CONNECTION = """
C01 A new connection is greeted with 220, or turned away with 421 and closed. [959, 5.4]
C02 The greeting does not wait for the client; it may have several lines. [959, 4.2]
C03 Every reply has the form of one line or of several lines, and ends each line with CRLF. [959, 4.2; 1123, 4.1.2.11]
C04 No inner line of a reply looks like the last one, whatever text it shows. [959, 4.2]
C05 Verbs are understood in upper and lower case. [959, 5.3]
C06 Exactly one blank stands between verb and path; every other blank belongs to the path. [2640, 3.1]
C07 Telnet IP and DM before a command are taken out. [959, 4.1; 1123, 4.1.2.12]
C08 A Telnet command within a verb does not harm the session. [1123, 4.1.2.12]
C09 The server negotiates no Telnet option. [3659, 2.2; 1123, 4.1.2.12]
C10 A doubled IAC is one octet FF of a name, and is doubled in replies. [3659, 2.2]
C11 CR NUL in a path is a CR or is refused; listings stay intact. [2640, 3.1]
C12 A line may end with LF alone. [robustness]
C13 A CR alone ends no line. [959, 5.3.1]
C14 A NUL in the verb is a syntax error that the session survives. [959, 5.3]
C15 Every octet but CR, LF and NUL may stand in a name, and comes back unchanged. [3659, 7 and 7.3]
C16 A command that comes one octet a segment works like any other. [1123, 4.1.2.10]
C17 Several commands in one segment are answered in order. [1123, 4.1.2.10]
C18 A line of 100 kB gets one reply; none of it runs as a command; memory stays flat. [robustness]
C19 20 MB without the end of a line do not make memory grow. [robustness]
C20 An empty line does not disturb the next command. [959, 5.3]
C21 An unknown verb is answered with 500, a known one that is not provided with 502. [959, 4.2; 2389, 3.2]
C22 A command without the argument that it needs is answered with 501. [959, 5.4]
C23 An argument that a command does not take is answered with 501; blanks alone are no argument. [2389, 3.2]
C24 A silent client is sent 421 and cut off, by default not before five minutes. [1123, 4.1.3.2]
C25 A transfer that moves is no silence. [1123, 4.1.3.2]
C26 NOOP during a transfer is answered, before or after its end. [959, 4.1.3]
C27 The loss of the control connection ends the transfer and the login, and gives everything back. [959, 4.1.1]
C28 A server that stops sends 421 to every client, and lets transfers finish or aborts them. [959, 5.4]
C29 Nothing follows a 421. [959, 5.4]
C30 A command that fails does not swallow those that came behind it. [959, 5.4]
"""

_LOGIN = """
L01 USER is answered with 331, or with 230 for an account without a password. [959, 5.4]
L02 USER and PASS treat an unknown name like a known one. [2577, 7]
L03 PASS without USER is answered with 503. [959, 5.4]
L04 The right password is answered with 230, a wrong one with 530, and then USER comes first again. [959, 5.4]
L05 A password is taken octet by octet; an empty one never lets in. [959, 5.3.2]
L06 USER after the login ends that login, or is refused. [959, 4.1.1]
L07 A command between USER and PASS leaves no half of a login. [959, 5.4]
L08 ACCT is answered, though no account needs it. [959, 4.1.1]
L09 Before the login, only commands about the server and the login are answered; others get 530. [959, 5.4]
L10 Before the login, no command touches files or opens a port. [robustness]
L11 The last wrong password that is allowed is answered with 530 and 421. [2577, 5]
L12 A wrong password is answered after a delay that grows, while other sessions go on. [2577, 5]
L13 QUIT is answered with 221; during a transfer it lets the transfer finish first. [959, 4.1.1]
L14 REIN is answered with 220, and everything is as at the start. [959, 4.1.1]
L15 REIN under TLS is answered under protection, which then ends. [4217, 13]
L16 An anonymous login takes any e-mail address, and may not write. [1635]
L17 Sessions beyond a limit are turned away; a session that ends gives its place back. [959, 5.4]
L18 A login that a policy refuses looks like a wrong password. [2577, 7]
L19 After the login: the home directory, TYPE A N, MODE S, STRU F. [959, 5.1]
L20 SYST, HELP and NOOP have the replies that clients look for. [959, 4.1.3; 1123, 4.1.2.13]
"""

_PARAMETERS = """
P01 TYPE A and TYPE A N are accepted. [959, 3.1.1]
P02 TYPE A T and TYPE A C are refused with 504 and change nothing. [959, 5.4]
P03 TYPE I is accepted, and TYPE L 8 means the same. [1123, 4.1.2.1]
P04 TYPE L 7 is refused with 504, TYPE L without a size with 501. [959, 5.4]
P05 TYPE E is refused with 504, no type at all with 501. [959, 5.4]
P06 MODE S is accepted, other modes are refused with 504. [959, 3.4]
P07 STRU F is accepted, STRU P is refused with 504. [959, 3.1.2]
P08 The parameters may be written in lower case. [959, 5.3]
P09 Every command of the minimum set works. [1123, 4.1.2.13; 5797]
P10 XCWD, XCUP, XPWD, XMKD and XRMD do what the forms without X do. [775; 1123, 4.1.3.1]
"""

_DATA = """
D01 PORT of the client's own address is accepted; the connection is made when a transfer asks for it. [959, 4.1.2]
D02 PORT and EPRT of another host are refused, and nothing is sent there. [2577, 3]
D03 PORT and EPRT of a port below 1024 are refused. [2577, 3]
D04 A malformed PORT is answered with 501, and what was agreed before is forgotten. [959, 5.4]
D05 PASV answers 227 with six numbers. [959, 4.1.2; 1123, 4.1.2.6]
D06 PASV over IPv6 is refused, and the session goes on. [2428, 4]
D07 Another PASV, EPSV or PORT takes the place of the first. [959, 4.1.2]
D08 A session has one listener at most. [robustness]
D09 A client that never connects gets 425; session and port can be used again. [959, 5.4]
D10 A connection from another host gets nothing; the client itself can still connect. [2577, 4]
D11 A second connection to the same passive port is refused. [2577, 8]
D12 A data port serves one transfer; the next without another gets 425. [1123, 4.1.2.5]
D13 A transfer refused before its mark leaves the data port for the next. [959, 5.4]
D14 EPRT takes both families and any delimiter. [2428, 2]
D15 EPRT of an unknown family is answered with 522 and the list of families. [2428, 2]
D16 A malformed EPRT is answered with 501. [2428, 2]
D17 EPSV answers 229 with a port at the address of the control connection. [2428, 3]
D18 EPSV with a family opens a port of that family, or is answered with 522 and the list. [2428, 3]
D19 EPSV with another argument is answered with 501. [2428, 3]
D20 After EPSV ALL, every other way to agree a data port is refused. [2428, 3]
D21 EPSV ALL outlives an aborted transfer. [2428, 3]
D22 Passive ports are of the configured range, never shared, and not predictable. [2577, 8]
D23 A session that finds no free port is told so; others are not disturbed. [959, 5.4]
D24 A transfer has exactly one mark and one final reply. [959, 5.4]
D25 226 is said when all octets are sent, or when the file is where it belongs. [959, 5.4]
D26 An upload that the client resets is answered with 426 or 451. [959, 5.4]
D27 A download that the client closes is answered with 426 or 451; the next one works. [959, 5.4]
D28 A transfer that makes no progress ends with 426 or 421. [959, 5.4]
D29 A full disk is answered with 452 or 552. [959, 5.4]
D30 A second transfer command waits or is refused; it never mixes with the first. [959, 5.1]
D31 A client that cannot be connected to gets 425. [959, 5.2]
D32 The client ends an upload by closing its direction only. [959, 3.4.1]
"""

_FILES = """
F01 RETR sends the exact octets of a file in TYPE I. [959, 4.1.3]
F02 RETR of what is missing, forbidden or a directory is answered with 550 before any connection. [959, 5.4]
F03 FIFOs, sockets and devices are answered with 550 at once, and nobody else notices. [robustness]
F04 RETR in TYPE A sends each line end as CRLF, and no CRLF twice. [959, 3.1.1.1]
F05 STOR in TYPE A turns CRLF into the local line end, and keeps lone CRs and LFs. [959, 3.1.1.1]
F06 STOR replaces a whole file; no octets make an empty one. [959, 4.1.3]
F07 STOR without permission or parent is refused before the mark. [959, 5.4]
F08 Two uploads of one name leave one of them, never a mix. [robustness]
F09 Who reads a file that is replaced gets the old one or the new one. [robustness]
F10 APPE makes a file or appends to it; two of them mix no block. [959, 4.1.3]
F11 STOU tells a name in its 150 that no file has had, however many come at once. [1123, 4.1.2.9]
F12 ALLO takes numbers only. [959, 4.1.3]
F13 RETR after REST sends the rest of the file. [3659, 5]
F14 STOR after REST writes from the offset and keeps what is before it. [3659, 5.3]
F15 REST counts for one transfer, whatever is said about parameters and ports in between. [3659, 5]
F16 REST 0 clears the offset; one beyond the end is refused by the transfer. [3659, 5.3]
F17 REST takes a number of digits only. [3659, 5.3]
F18 REST takes no number beyond 2^63-1. [3659, 5.3]
F19 REST counts octets as transferred, and works beyond 4 GB. [3659, 5]
F20 APPE and STOU after REST are refused, or start at the offset. [3659, 5.3]
F21 RNFR asks for the new name if there is something to rename. [959, 5.4]
F22 RNTO must follow RNFR at once. [959, 4.1.3]
F23 RNTO renames; it never merges directories. [959, 5.4]
F24 A rename across file systems works or is refused with 553. [959, 5.4]
F25 DELE deletes files and links, not directories and not what links lead to. [959, 4.1.3]
F26 RMD removes empty directories only, never the root or the current one. [959, 4.1.3]
F27 MKD tells the absolute path, with quotes doubled. [959, appendix II]
F28 PWD tells the path with quotes doubled. [959, appendix II]
F29 CWD and CDUP lead to directories only, and the root is its own parent. [959, 5.4]
F30 No path leads out of the root. [robustness]
F31 A home directory that is gone never becomes the real root. [robustness]
F32 Names of 255 octets work; longer names and paths are refused. [robustness]
F33 ABOR without a transfer is answered with 225 or 226. [959, 4.1.3]
F34 ABOR during a transfer is answered with 426 and 226; the next transfer works. [959, 4.1.3]
F35 ABOR with Telnet IP and urgent DM works the same. [959, 4.1.3]
F36 ABOR before the client has connected closes the port. [959, 4.1.3]
F37 ABOR after the client has closed the data connection is answered with 426 and 226, or 226. [959, 4.1.3]
"""

_LISTINGS = """
G01 LIST ends its lines with CRLF in every TYPE. [1123, 4.1.2.7]
G02 LIST of a file is one line, of an empty directory nothing, of what is missing 450 or 550. [959, 5.4]
G03 LIST takes the options of ls, and finds names that begin with a dash. [practice of clients]
G04 LIST shows mode, links, owner, group, size, English date and name. [cr.yp.to/ftp/list.html]
G05 An entry that cannot be examined does not spoil the listing. [robustness]
G06 LIST -R is bounded. [robustness]
G07 NLST sends names that RETR takes as they are. [1123, 4.1.2.7]
G08 NLST without an argument lists the current directory. [959, 4.1.3]
G09 Names that are not UTF-8 are listed, and taken, as their octets. [3659, 7.3; 2640]
G10 Names with CR or LF do not break the lines of a listing. [3659, 2.2]
G11 MLSD lists directories only, and opens no connection for what it refuses. [3659, 7.1 and 7.2.1]
G12 Every entry is facts that each end with a semicolon, one blank, and the name. [3659, 7.2]
G13 MLST shows one entry with its absolute path. [3659, 7.3.1]
G14 MLSD neither minds TYPE nor changes it. [3659, 7.2]
G15 MLSD names have no path. [3659, 7.5.1.2]
G16 The modify fact is the time in UTC; no time of creation is made up. [3659, 2.3 and 7.5.4]
G17 The perm fact tells exactly what commands are allowed. [3659, 7.5.5]
G18 The unique fact is that of the file behind a name. [3659, 7.5.2]
G19 A link shows the type of what it leads to. [3659, 7.5.1.5]
G20 The facts of owner and group do not break the grammar. [3659, 7.2]
G21 OPTS MLST chooses the facts and tells which. [3659, 7.9]
G22 FEAT stars the facts that are chosen. [3659, 7.8]
G23 Patterns mean nothing to MLST, MLSD, SIZE and MDTM. [3659, 2.2.2]
G24 STAT of a path shows what LIST shows, over the control connection. [959, 4.1.3]
G25 A directory of 100,000 entries is streamed in flat memory while others are answered. [robustness]
"""

_EXTENSIONS = """
X01 FEAT has one line a feature, each behind one blank. [2389, 3.2]
X02 FEAT lists no commands that are no features. [2389, 3.2; 3659, 7.8]
X03 FEAT lists every extension that works, and none that does not. [2389, 3.2]
X04 OPTS for what has no options is answered with 501. [2389, 4]
X05 OPTS UTF8 ON is accepted before and after the login. [2640; draft-ietf-ftpext-utf-8-option]
X06 LANG chooses the language of replies. [2640, 4]
X07 SIZE is exact, or refused. [3659, 4.2]
X08 SIZE of what is no readable file is refused; beyond 4 GB it is right. [3659, 4.2]
X09 MDTM tells the time in UTC, and takes names that look like a time. [3659, 3.3]
X10 MFMT sets the time of the last change. [draft-somers-ftp-mfxx, 3.2]
X11 MFF sets several facts, or none. [draft-somers-ftp-mfxx, 5]
X12 HASH tells the hash of a file. [draft-bryan-ftpext-hash]
X13 XCRC, XMD5 and their like tell a checksum. [practice of clients]
X14 CLNT takes the name of the client. [practice of clients]
X15 RANG bounds the octets of the next transfer. [draft-bryan-ftp-range]
X16 HOST names the virtual host. [7151, 3 and 4]
X17 SITE HELP lists the SITE commands; SITE CHMOD keeps to the rules of uploads. [959, 4.1.3]
X18 MODE Z compresses transfers. [draft-preston-ftpext-deflate]
"""

_TLS = """
T01 AUTH TLS is answered with 234, and the handshake follows. [4217, 4 and 17]
T02 AUTH of another mechanism, or without a certificate, is refused. [4217, 4]
T03 AUTH within TLS is refused. [4217, 4]
T04 What was sent in clear behind AUTH is never executed. [4217, 15]
T05 AUTH resets the session. [4217, 4.2; 2228, 3]
T06 A handshake that fails ends the control connection and nothing else. [4217, 10.1]
T07 PBSZ takes 0, after AUTH only. [2228; 4217, 9]
T08 PROT takes C and P, after PBSZ only. [2228, 3; 4217, 9]
T09 Data is clear at first under explicit TLS, private under implicit TLS. [4217, 9]
T10 PROT counts at the transfer command. [4217, 8 and 10.2]
T11 Where data must be private, a clear transfer is refused with 521. [4217, 10.2]
T12 Where a login must be private, USER in clear is refused. [4217, 10.2]
T13 The server is the TLS server in active mode, too. [4217, 7]
T14 A data handshake that fails is told with 522. [4217, 10.2]
T15 A data connection resumes the session of its own control connection. [4217, 10.2]
T16 More data connections than tickets work. [8446, 4.6.1]
T17 The end of a download is told by close_notify. [8446, 6.1]
T18 An upload that ends without close_notify is not complete. [8446, 6.1]
T19 Empty files are transferred under TLS. [4217, 10.2]
T20 CCC is refused, or ends the protection. [4217, 5]
T21 A client certificate stands for a user. [4217, 15.1.2]
T22 Control and data connections have the same certificates. [4217, 15.1]
T23 Versions before TLS 1.2, renegotiation, compression and early data are refused. [8996]
T24 Only the protocol name ftp is agreed. [7301]
T25 An unknown server name is treated as the policy says. [7151, 3.2.2]
T26 TLS on the clear port, and clear text on the TLS port, are cut off. [4217, 4]
T27 PROT P works together with MODE Z, ABOR and REST. [4217, 10.2]
T28 STAT of a path is as private as the control connection. [4217, 9]
"""

_LATER = {
    "T27": "comes with MODE Z; ABOR and REST under TLS are tested",
    "X06": "comes with LANG; it is answered with 502",
    "X11": "comes with MFF; it is answered with 502",
    "X12": "comes with HASH; it is answered with 502",
    "X13": "comes with the checksum commands; they are answered with 502",
    "X15": "comes with RANG; it is answered with 502",
    "X16": "comes with HOST; it is answered with 502",
    "X18": "comes with MODE Z; it is answered with 504",
}

_LINE = re.compile(r"(?P<identifier>[A-Z]\d\d) (?P<text>.+) \[(?P<source>.+)\]")


def _read(table: str) -> list[Requirement]:
    found = []
    for line in table.strip().splitlines():
        row = _LINE.fullmatch(line)
        assert row is not None, f"not a requirement: {line!r}"
        identifier = row["identifier"]
        found.append(Requirement(identifier, row["text"], row["source"], _LATER.get(identifier, "")))
    return found


#: Every requirement by its identifier, in order.
REQUIREMENTS = {
    requirement.identifier: requirement
    for table in (_CONNECTION, _LOGIN, _PARAMETERS, _DATA, _FILES, _LISTINGS, _EXTENSIONS, _TLS)
    for requirement in _read(table)
}
