# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for FEAT, HELP, SYST, NOOP and CLNT.
"""

from __future__ import annotations

from ftpserver import COMMANDS, Argument, CommandTable, Connection, Reply, command, reply
from tests.conversation import ConversationTestCase


@command("HELLO", argument=Argument.OPTIONAL_TEXT, help="[<SP> name]", features=("HELLO world",))
async def hello(connection: Connection, name: str) -> Reply:
    """Greet the user."""
    return reply(200, f"Hello {name}.")


class FeatTests(ConversationTestCase):
    """FEAT."""

    def test_every_extension_is_listed(self) -> None:
        """The extensions that work are there, each in a line of its own that begins with one blank."""
        dialogue = self.converse()
        dialogue.send(b"FEAT\r\n")
        facts = "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.owner;UNIX.group;"
        self.assertEqual(
            dialogue.last_reply.lines,
            (
                "Features:",
                *("CLNT", "EPRT", "EPSV", "MDTM", "MFMT", facts, "REST STREAM", "SIZE", "TVFS", "UTF8"),
                "End",
            ),
        )

    def test_a_command_of_ones_own_brings_its_line(self) -> None:
        """What a command adds to FEAT is listed, before the login, too."""
        dialogue = self.converse(commands=COMMANDS.with_(hello))
        self.assertIn("HELLO world", dialogue.say("FEAT", expect=211).lines)

    def test_a_server_without_extensions_says_so(self) -> None:
        """The reply is one line when there is nothing to list."""
        dialogue = self.converse(commands=CommandTable([COMMANDS["FEAT"], COMMANDS["NOOP"]]), active_mode=True)
        self.assertEqual(dialogue.say("FEAT", expect=211).lines, ("No features.",))


class HelpTests(ConversationTestCase):
    """HELP."""

    def test_every_command_is_listed(self) -> None:
        """HELP lists each command once, those of two words by the first, and none that the settings leave out."""
        dialogue = self.converse()
        listed = " ".join(dialogue.say("HELP", expect=214).lines[1:-1]).split()
        self.assertEqual(listed, sorted({verb.split(" ")[0] for verb in dialogue.server.commands}))

    def test_one_command_is_told(self) -> None:
        """HELP and a command tell its form and what it does."""
        dialogue = self.converse(commands=COMMANDS.with_(hello))
        self.assertEqual(dialogue.say("HELP hello", expect=214).lines, ("Syntax: HELLO [<SP> name]", "Greet the user."))
        self.assertEqual(dialogue.say("HELP site chmod", expect=214).lines[0][:18], "Syntax: SITE CHMOD")

    def test_a_family_is_listed(self) -> None:
        """HELP SITE and HELP OPTS list the commands behind them."""
        lines = self.converse().say("HELP SITE", expect=214).lines
        self.assertIn("SITE CHMOD", lines[1])

    def test_an_unknown_command_has_no_help(self) -> None:
        """502 comes for a command that is not there."""
        dialogue = self.converse()
        dialogue.say("HELP NOSUCH", expect=502)
        dialogue.say("HELP SITE NOSUCH", expect=502)


class OtherTests(ConversationTestCase):
    """SYST, NOOP and CLNT."""

    def test_listings_look_like_unix(self) -> None:
        """SYST answers what clients look for."""
        self.assertEqual(self.converse().say("SYST", expect=215).lines, ("UNIX Type: L8",))

    def test_nothing_is_done(self) -> None:
        """NOOP says 200, in any case of letters."""
        dialogue = self.converse()
        for line in ("NOOP", "noop", "NoOp"):
            dialogue.say(line, expect=200)

    def test_clients_may_name_themselves(self) -> None:
        """CLNT takes a name and means nothing."""
        dialogue = self.converse()
        dialogue.say("CLNT FileZilla 3", expect=200)
        dialogue.say("CLNT", expect=501)
