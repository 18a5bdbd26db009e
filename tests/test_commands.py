# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the table of commands as a whole.
"""

from __future__ import annotations

from ftpserver import COMMANDS
from tests.tls_dialogue import SecureDialogue, SecureTestCase, make_tls

#: RFC 1123, section 4.1.2.13, and what the registry of RFC 5797 calls mandatory, and its historic forms.
NEEDED = frozenset(
    {
        "USER",
        "PASS",
        "ACCT",
        "CWD",
        "CDUP",
        "REIN",
        "QUIT",
        "PORT",
        "PASV",
        "TYPE",
        "STRU",
        "MODE",
        "RETR",
        "STOR",
        "STOU",
        "APPE",
        "ALLO",
        "REST",
        "RNFR",
        "RNTO",
        "ABOR",
        "DELE",
        "RMD",
        "MKD",
        "PWD",
        "LIST",
        "NLST",
        "SYST",
        "STAT",
        "HELP",
        "NOOP",
        "XCUP",
        "XCWD",
        "XMKD",
        "XPWD",
        "XRMD",
        "FEAT",
        "EPRT",
        "EPSV",
        "MDTM",
        "MLSD",
        "MLST",
        "SIZE",
        "MFMT",
        "CLNT",
    }
)

#: What runs before login.
BEFORE_LOGIN = frozenset(
    {"USER", "PASS", "ACCT", "REIN", "QUIT", "AUTH", "PBSZ", "PROT"}
    | {"FEAT", "HELP", "SYST", "NOOP", "STAT", "CLNT"}
    | {"OPTS MLST", "OPTS UTF8", "OPTS UTF-8"}
)


class TableTests(SecureTestCase):
    """What every row has."""

    def with_everything(self) -> SecureDialogue:
        """Return a dialogue with a server that leaves no command out."""
        return self.open(tls=make_tls(clear_command_channel=True))

    def test_every_command_of_the_standards_is_there(self) -> None:
        """The commands that RFC 1123 and RFC 5797 ask for are known."""
        self.assertEqual(NEEDED - set(COMMANDS), set())

    def test_every_command_has_help(self) -> None:
        """Each command has a sentence that HELP shows, within one line."""
        for row in COMMANDS.values():
            self.assertTrue(row.summary.endswith((".", "``")) and len(row.summary) < 120, row.verb)

    def test_little_runs_before_login(self) -> None:
        """Only commands that touch neither files nor the network are answered before login."""
        self.assertEqual({verb for verb, row in COMMANDS.items() if not row.needs_login}, BEFORE_LOGIN)

    def test_every_transfer_can_be_aborted(self) -> None:
        """Each command that moves data is abortable and needs a data port."""
        for verb, row in COMMANDS.items():
            conditions = [condition.name for condition in row.conditions]
            self.assertEqual(row.is_abortable, row.data is not None, verb)
            self.assertEqual("passive_server_started" in conditions, row.data is not None, verb)

    def test_commands_before_login_are_refused(self) -> None:
        """Each of the other commands is answered 530 before login, whatever its argument."""
        dialogue = self.with_everything()
        for verb in COMMANDS:
            if verb not in BEFORE_LOGIN:
                for argument in ("", " x", " -1"):
                    dialogue.say(verb + argument, expect=530)

    def test_commands_without_their_argument_are_refused(self) -> None:
        """Each command that needs an argument says 501 without one."""
        dialogue = self.with_everything()
        dialogue.login()
        for verb, row in COMMANDS.items():
            if row.help.startswith("<SP>") and verb != "PASS":
                dialogue.say(verb, expect=501)

    def test_an_argument_too_many_is_refused(self) -> None:
        """Each command that takes no argument says 501 when it gets one, and takes blanks."""
        dialogue = self.with_everything()
        dialogue.login()
        for verb, row in COMMANDS.items():
            if not row.help and verb != "QUIT":
                dialogue.say(f"{verb} x", expect=501)
        dialogue.say("NOOP  ", expect=200)
        dialogue.say("QUIT x", expect=501)
