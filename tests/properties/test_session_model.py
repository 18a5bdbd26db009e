# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A session against a model of one: login, parameters, protection, the current directory, rename and restart.
"""

from __future__ import annotations

import posixpath
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import User
from tests.properties import fewer
from tests.tls_dialogue import SecureDialogue, make_tls

PATHS = st.sampled_from(["a", "b", "a/b", "b/a", "/a", "/b", "/a/b", "..", "../a", "/", ".", "a/../b", "/a/b/c"])


class Tree:
    """The files that there should be; a directory is ``None``."""

    def __init__(self) -> None:
        self.nodes: dict[str, bytes | None] = {"/": None, "/a": None, "/b": b"0123456789"}

    def is_directory(self, path: str) -> bool:
        """Tell whether there is a directory at *path*."""
        return path in self.nodes and self.nodes[path] is None

    def is_file(self, path: str) -> bool:
        """Tell whether there is a file at *path*."""
        return self.nodes.get(path) is not None

    def below(self, path: str) -> list[str]:
        """Return what is in a directory, all the way down."""
        return [one for one in self.nodes if one != path and one.startswith(path.rstrip("/") + "/")]

    def move(self, source: str, target: str) -> None:
        """Rename."""
        for one in [source, *self.below(source)]:
            self.nodes[target + one[len(source) :]] = self.nodes.pop(one)


class Login:
    """What belongs to a login and goes with it."""

    def __init__(self) -> None:
        self.named: str | None = None
        self.logged = False
        self.type = "A"
        self.offset = 0
        self.source: str | None = None
        self.directory = "/"
        self.has_port = False
        self.only_epsv = False


class SessionMachine(RuleBasedStateMachine):
    """Says one command after another, each with the one code that the model allows."""

    def __init__(self) -> None:
        super().__init__()
        users = [User("user", "password"), User("open")]
        self.dialogue = SecureDialogue(
            users,
            tls=make_tls(clear_command_channel=True),
            failed_login_delay=0,
            maximum_login_attempts=10**6,
            login_timeout=None,
        )
        self.dialogue.files.make_directory("/a")
        self.dialogue.files.write("/b", b"0123456789")
        self.tree = Tree()
        self.login = Login()
        self.tls = self.sized = self.private = self.after_ccc = False

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.dialogue.lose_connection()
        assert self.dialogue.network.open_handles == 0
        assert self.dialogue.reactor.getDelayedCalls() == []

    def path(self, text: str) -> str:
        """Return what *text* means."""
        return posixpath.normpath(posixpath.join(self.login.directory, text)).replace("//", "/")

    def is_in_use(self, path: str) -> bool:
        """Tell whether the session is in *path*, or below it."""
        here = self.login.directory
        return path == "/" or here == path or here.startswith(path + "/")

    def say(self, line: str, code: int, *, needs_login: bool = True) -> bool:
        """Say a command that must be answered with *code*; tell whether the login was there for it."""
        source, self.login.source = self.login.source, None
        if needs_login and not self.login.logged:
            self.dialogue.say(line, expect=530)
            return False
        self.login.source = source if line.startswith("RNTO") else None
        self.dialogue.say(line, expect=code)
        self.login.source = None
        return True

    # The login.

    def _forget_login(self) -> None:
        if self.login.logged:
            self.sized = self.private = self.after_ccc = False
        self.login = Login()

    @rule(name=st.sampled_from(["user", "nobody", "open"]))
    def user(self, name: str) -> None:
        """A login that there was ends."""
        self._forget_login()
        self.say(f"USER {name}", 230 if name == "open" else 331, needs_login=False)
        self.login.logged = name == "open"
        self.login.named = None if name == "open" else name

    @rule(password=st.sampled_from(["password", "password", "wrong"]))
    def pass_(self, password: str) -> None:
        """A password is right for the name before it, once."""
        named, self.login.named = self.login.named, None
        is_right = named == "user" and password == "password"
        self.say(f"PASS {password}", 503 if named is None else 230 if is_right else 530, needs_login=False)
        self.login.logged = self.login.logged or is_right

    @rule()
    def log_in(self) -> None:
        """The whole way at once, so that most commands find a login."""
        self.user("user")
        self.pass_("password")

    @rule()
    def rein(self) -> None:
        """Everything is as at the beginning, TLS and all."""
        self.say("REIN", 220, needs_login=False)
        if self.tls:
            self.dialogue.end_tls()
        self.login = Login()
        self.tls = self.sized = self.private = self.after_ccc = False

    # Protection.

    @rule()
    def auth(self) -> None:
        """TLS begins once; the session starts again."""
        if self.tls or self.after_ccc:
            self.say("AUTH TLS", 503, needs_login=False)
            return
        self.say("AUTH TLS", 234, needs_login=False)
        self.dialogue.begin_tls()
        self.login, self.tls = Login(), True

    @rule(size=st.sampled_from(["0", "16384", "x"]))
    def pbsz(self, size: str) -> None:
        """A size is agreed under TLS."""
        code = 503 if not self.tls else 501 if size == "x" else 200
        self.say(f"PBSZ {size}", code, needs_login=False)
        self.sized = self.sized or code == 200

    @rule(level=st.sampled_from(["P", "C", "S", "X"]))
    def prot(self, level: str) -> None:
        """A level is chosen after PBSZ."""
        is_ready = self.tls and self.sized
        code = 504 if level == "X" else 503 if not is_ready else 536 if level == "S" else 200
        self.say(f"PROT {level}", code, needs_login=False)
        if code == 200:
            self.private = level == "P"

    @rule()
    def ccc(self) -> None:
        """The control connection is in clear again, and data stays as it is."""
        if self.say("CCC", 200 if self.tls else 533) and self.tls:
            self.dialogue.end_tls()
            self.tls = self.sized = False
            self.after_ccc = True

    # Parameters.

    @rule(name=st.sampled_from(["A", "I", "L 8", "E", "L"]))
    def type(self, name: str) -> None:
        """A type stays until another one is chosen."""
        code = {"E": 504, "L": 501}.get(name, 200)
        if self.say(f"TYPE {name}", code) and code == 200:
            self.login.type = "A" if name == "A" else "I"

    @rule(offset=st.sampled_from(["0", "3", "10", "11", "-1", "x"]))
    def rest(self, offset: str) -> None:
        """An offset waits for the next transfer."""
        if self.say(f"REST {offset}", 350 if offset.isdigit() else 501) and offset.isdigit():
            self.login.offset = int(offset)

    @rule(command=st.sampled_from(["EPSV", "PASV", "EPSV ALL", "EPSV 1", "EPSV 3", "EPSV x"]))
    def agree(self, command: str) -> None:
        """A port is agreed, by EPSV only after EPSV ALL."""
        code = {"EPSV ALL": 200, "EPSV 3": 522, "EPSV x": 501}.get(command, 229)
        if command == "PASV":
            code = 503 if self.login.only_epsv else 227
        if self.say(command, code):
            self.login.has_port = code in (227, 229) or (self.login.has_port and code != 200)
            self.login.only_epsv = self.login.only_epsv or code == 200

    @rule()
    def abor(self) -> None:
        """The port is forgotten."""
        if self.say("ABOR", 226):
            self.login.has_port = False

    @rule(line=st.sampled_from(["NOOP", "FEAT", "NOSUCH", "SYST"]))
    def other(self, line: str) -> None:
        """Whatever else is said forgets the source of a rename, and nothing more."""
        self.say(line, {"NOOP": 200, "FEAT": 211, "NOSUCH": 500, "SYST": 215}[line], needs_login=False)

    # The tree.

    @rule(text=PATHS)
    def cwd(self, text: str) -> None:
        """One goes into directories."""
        path = self.path(text)
        if self.say(f"CWD {text}", 250 if self.tree.is_directory(path) else 550) and self.tree.is_directory(path):
            self.login.directory = path

    @rule()
    def cdup(self) -> None:
        """The root is its own parent."""
        if self.say("CDUP", 250):
            self.login.directory = posixpath.dirname(self.login.directory)

    @rule(text=PATHS)
    def mkd(self, text: str) -> None:
        """A directory is made in another one."""
        path = self.path(text)
        is_possible = path not in self.tree.nodes and self.tree.is_directory(posixpath.dirname(path))
        if self.say(f"MKD {text}", 257 if is_possible else 550) and is_possible:
            self.tree.nodes[path] = None

    @rule(text=PATHS)
    def rmd(self, text: str) -> None:
        """A directory goes that is empty and in which nobody is."""
        path = self.path(text)
        is_possible = self.tree.is_directory(path) and not self.tree.below(path) and not self.is_in_use(path)
        if self.say(f"RMD {text}", 250 if is_possible else 550) and is_possible:
            del self.tree.nodes[path]

    @rule(text=PATHS)
    def dele(self, text: str) -> None:
        """A file goes."""
        path = self.path(text)
        if self.say(f"DELE {text}", 250 if self.tree.is_file(path) else 550) and self.tree.is_file(path):
            del self.tree.nodes[path]

    @rule(text=PATHS)
    def rnfr(self, text: str) -> None:
        """A source is named for the very next command."""
        path = self.path(text)
        is_possible = path in self.tree.nodes and not self.is_in_use(path)
        if self.say(f"RNFR {text}", 350 if is_possible else 550) and is_possible:
            self.login.source = path

    @rule(text=PATHS)
    def rnto(self, text: str) -> None:
        """The source gets another name, and never takes the place of a directory."""
        source, target = self.login.source, self.path(text)
        code = self._code_of_rename(source, target)
        if self.say(f"RNTO {text}", code) and code == 250 and source is not None and source != target:
            self.tree.move(source, target)

    def _code_of_rename(self, source: str | None, target: str) -> int:
        if source is None:
            return 503
        if target.startswith(source + "/"):
            return 553
        is_taken = target in self.tree.nodes and (self.tree.is_directory(target) or self.tree.is_directory(source))
        return 550 if is_taken or not self.tree.is_directory(posixpath.dirname(target)) else 250

    @rule(text=PATHS)
    def rename(self, text: str) -> None:
        """Both halves at once, so that many renames succeed."""
        self.rnfr("/a" if self.is_in_use("/b") else "/b")
        self.rnto(text)

    # Transfers, which are in clear here.

    def _transfer(self, command: str, code: int, sent: bytes = b"") -> bytes | None:
        """Do a transfer; return what has come, if it was completed."""
        if not self.login.has_port:
            code = 425
        self.login.offset = 0 if self.login.logged else self.login.offset
        if code != 226 or not self.login.logged:
            self.say(command, code)
            return None
        (port,) = self.dialogue.network.open_ports
        data = self.dialogue.network.connect(port, self.dialogue.client_host)
        self.login.source, self.login.has_port = None, False
        self.dialogue.send(command.encode() + b"\r\n")
        data.send(sent)
        data.end()
        assert self.dialogue.codes()[-2:] == [150, 226], self.dialogue.replies()[-2:]
        return bytes(data.received)

    @precondition(lambda self: not self.private)
    @rule(text=PATHS)
    def retr(self, text: str) -> None:
        """A file comes from the offset on."""
        content, offset = self.tree.nodes.get(self.path(text)), self.login.offset
        code = 226 if content is not None else 550
        if (offset and self.login.type == "A") or (content is not None and offset > len(content)):
            code = 554
        received = self._transfer(f"RETR {text}", code)
        if received is not None and content is not None:
            assert received == content[offset:], f"{received!r} instead of {content[offset:]!r}"

    @precondition(lambda self: not self.private)
    @rule(text=PATHS, sent=st.sampled_from([b"", b"sent", b"longer than what was there"]))
    def stor(self, text: str, sent: bytes) -> None:
        """A file is replaced, or written from the offset on."""
        path, offset = self.path(text), self.login.offset
        content = self.tree.nodes.get(path)
        is_possible = path not in self.tree.nodes and self.tree.is_directory(posixpath.dirname(path)) and not offset
        code = 226 if content is not None or is_possible else 550
        if (offset and self.login.type == "A") or (content is not None and offset > len(content)):
            code = 554
        if self._transfer(f"STOR {text}", code, sent) is not None:
            old = content or b""
            self.tree.nodes[path] = old[:offset] + sent + old[offset + len(sent) :] if offset else sent

    # What must be true at every moment.

    @invariant()
    def the_tree_is_as_it_should_be(self) -> None:
        """Every file holds what it should, and nothing else is there."""
        files = self.dialogue.files
        for path, content in self.tree.nodes.items():
            assert files.exists(path), f"{path} is gone"
            assert content is None or files.read(path) == content, f"{path} holds {files.read(path)!r}, not {content!r}"
            if content is None:
                assert len(files.names(path)) == len([one for one in self.tree.below(path) if _is_in(one, path)])

    @invariant()
    def the_directory_is_as_it_should_be(self) -> None:
        """The current directory is the one that was chosen, and so are type and offset."""
        connection = self.dialogue.protocol.connection
        shown: list[Any] = [
            str(connection.current_directory),
            connection.transfer_type.value,
            connection.restart_offset,
        ]
        assert shown == [self.login.directory, self.login.type, self.login.offset], f"{shown}"
        assert connection.logged == self.login.logged
        assert connection.session.protects_commands == self.tls
        assert connection.session.protects_data == self.private


def _is_in(path: str, directory: str) -> bool:
    return posixpath.dirname(path) == directory


class SessionTests(SynchronousTestCase):
    """A session remembers what it was told, and forgets it when it must."""

    def test_a_session_is_as_its_model(self) -> None:
        """Whatever commands come in whatever order, each has the one reply that a simple model gives."""
        run_state_machine_as_test(SessionMachine, settings=fewer(3, steps=40))
