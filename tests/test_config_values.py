# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the kinds of values in the configuration file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import COMMANDS, PathIO
from ftpserver.config import values
from ftpserver.users.passwords import hash_password

HASH = "$argon2id$v=19$m=65536,t=3,p=4$oGmU6X2pZCgf3T7zfuqDJA$VhYDL/CEOJuIMqiShTwErw9dOnBzG8ZzXyNj8TTwncs"


#: What the observer below was told.
observed: list[object] = []


def observer(event: object) -> None:
    """Stand for an observer that a configuration names."""
    observed.append(event)


class Hook:
    """Stands for a hook that a configuration names."""

    def before(self, connection: object, command: object, request: object) -> None:
        """Let the command run."""


hook = Hook()


class ValuesTestCase(SynchronousTestCase):
    """Reads single values."""

    def setUp(self) -> None:
        """Make a directory that relative paths are relative to."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def read(self, kind: Any, value: object) -> Any:
        """Return *value* read as *kind*."""
        return TypeAdapter(kind).validate_python(value, context={"directory": self.directory}, strict=True)

    def reads(self, kind: Any, table: Iterable[tuple[object, object]]) -> None:
        """Assert what each value of *table* is read as."""
        for value, expected in table:
            self.assertEqual(self.read(kind, value), expected, repr(value))

    def refuses(self, kind: Any, wrong: Iterable[object]) -> None:
        """Assert that each of *wrong* is refused."""
        self.assertEqual([value for value in wrong if self.takes(kind, value)], [])

    def takes(self, kind: Any, value: object) -> bool:
        """Tell whether *value* is read as *kind*."""
        try:
            self.read(kind, value)
        except ValidationError:
            return False
        return True

    def reason(self, kind: Any, value: object) -> str:
        """Return why *value* is refused."""
        error = self.assertRaises(ValidationError, self.read, kind, value)
        return str(error.errors()[0]["ctx"]["error"])


class PlainValueTests(ValuesTestCase):
    """Tests for numbers, times and choices."""

    def test_counts(self) -> None:
        """Counts are whole numbers from 1; the optional ones may be "none"."""
        self.reads(values.Count, [(1, 1), (500, 500)])
        self.refuses(values.Count, [0, -1, 1.0, "1", True, "none"])
        self.reads(values.OptionalCount, [(7, 7), ("none", None)])
        self.refuses(values.OptionalCount, [0, "unlimited"])

    def test_offences(self) -> None:
        """Offences that bring a ban are counted up to what can be remembered; "none" is never."""
        self.reads(values.Offences, [(1, 1), (1000, 1000), ("none", None)])
        self.refuses(values.Offences, [0, 1001, True, "ten"])

    def test_numbers_from_zero(self) -> None:
        """A number of threads may be 0."""
        self.reads(values.NonNegative, [(0, 0), (8, 8)])
        self.refuses(values.NonNegative, [-1, 1.5, "8", True])

    def test_truth_values(self) -> None:
        """Truth values are those of TOML, not texts or numbers."""
        for kind in (values.Flag, values.OptionalFlag):
            self.reads(kind, [(True, True), (False, False)])
            self.refuses(kind, ["yes", 1, "true"])

    def test_times(self) -> None:
        """An optional time may be "none" but not 0, which would end everything at once."""
        self.reads(values.Time, [(0, 0), ("2m", 120)])
        self.reads(values.OptionalTime, [("2m", 120), ("none", None)])
        self.refuses(values.OptionalTime, [0, "0s", -1])
        self.reads(values.PositiveTime, [("2m", 120)])
        self.refuses(values.PositiveTime, [0, "none"])

    def test_rates_and_ports(self) -> None:
        """Rates and ports may be "none"."""
        self.reads(values.OptionalRate, [("10M", 10**7), ("none", None)])
        self.reads(values.DataPorts, [("20000-20001", (20000, 20001)), ("none", None)])

    def test_choices(self) -> None:
        """A choice is one of its words."""
        table = [(values.PartialUploads, "keep"), (values.Fsync, "directory"), (values.LogFormat, "json")]
        for kind, word in table:
            self.reads(kind, [(word, word)])
            self.refuses(kind, [word.upper(), "", 1])


class WireTests(ValuesTestCase):
    """Tests for texts on the control connection."""

    def test_greetings(self) -> None:
        """A greeting is a text, of several lines if need be, or a list of lines."""
        self.reads(values.Lines, [("a", ("a",)), ("a\nb\n", ("a", "b")), (["a", "b"], ("a", "b"))])
        self.refuses(values.Lines, ["", [], 3, [3], "a\x1bb", "\x00"])

    def test_encodings(self) -> None:
        """An encoding is one that Python knows and that contains ASCII; every spelling of it is one."""
        self.reads(values.Encoding, [("utf-8", "utf-8"), ("UTF8", "utf-8"), ("latin-1", "iso8859-1")])
        self.refuses(values.Encoding, ["utf-16", "nonsense", "hex", 8, ""])
        # Some write other characters with ASCII: an argument without a slash could be a path.
        self.refuses(values.Encoding, ["unicode_escape", "idna", "utf-7", "raw_unicode_escape", "hz", "punycode"])


class PasvAddressTests(ValuesTestCase):
    """Tests for the address in the 227 reply."""

    def test_addresses_and_names(self) -> None:
        """It is an IPv4 address, a host name, or a table of them by network."""
        table: dict[str, object] = {"10.0.0.0/8": "10.1.2.3", "0.0.0.0/0": "ftp.example.org"}
        self.reads(values.PasvAddress, [(one, one) for one in ("203.0.113.7", "ftp.example.org", "host", "a.", table)])

    def test_what_is_no_address(self) -> None:
        """IPv6 addresses, which the reply cannot hold, malformed ones and networks with host bits are refused."""
        self.refuses(
            values.PasvAddress,
            [
                "::1",
                "300.1.1.1",
                "1.2.3",
                "",
                "a b",
                "-a",
                3,
                {"10.0.0.1/8": "10.1.2.3"},
                {"x": "a"},
                {"10.0.0.0/8": 3},
            ],
        )


class EndpointTests(ValuesTestCase):
    """Tests for what listens."""

    def test_endpoints_of_twisted(self) -> None:
        """Every server endpoint of Twisted is taken as it stands."""
        written = (
            "tcp:2121",
            "tcp:port=0:interface=127.0.0.1",
            "tcp6:2121:interface=\\:\\:1",
            "unix:/run/ftp.sock:mode=660",
        )
        self.reads(values.Endpoint, [(one, one) for one in written])

    def test_sockets_of_systemd(self) -> None:
        """A socket of systemd is taken without systemd too, so that the file can be checked by hand."""
        self.reads(values.Endpoint, [("systemd:domain=INET:index=0", "systemd:domain=INET:index=0")])
        self.refuses(values.Endpoint, ["systemd:domain=INET", "systemd:domain=INET:index=one"])

    def test_relative_sockets(self) -> None:
        """The path of a unix socket is relative to the configuration file."""
        place = str(self.directory).replace(":", "\\:")
        self.reads(
            values.Endpoint,
            [
                ("unix:ftp.sock:mode=600", f"unix:{place}/ftp.sock:mode=600"),
                ("unix:address=ftp.sock:mode=600", f"unix:address={place}/ftp.sock:mode=600"),
            ],
        )

    def test_who_may_connect_to_a_socket(self) -> None:
        """A unix socket is for the user of the server alone, unless a mode is given, by its name or in its place."""
        self.reads(
            values.Endpoint,
            [
                ("unix:/run/a\\:b", "unix:/run/a\\:b:mode=600"),
                ("unix:/run/ftp:backlog=5", "unix:/run/ftp:backlog=5:mode=600"),
                ("unix:/run/ftp:backlog=5:mode=666", "unix:/run/ftp:backlog=5:mode=666"),
                ("unix:/run/ftp:660", "unix:/run/ftp:660"),
            ],
        )

    def test_what_is_no_endpoint(self) -> None:
        """Unknown kinds, missing, unknown and malformed parts, and ports that there are not, are refused."""
        self.refuses(
            values.Endpoint,
            ["", "tpc:2121", "tcp", "tcp:x", "tcp:2121:color=red", "tcp:65536", "tcp6:99999", "unix:", 21],
        )

    def test_encrypted_endpoints(self) -> None:
        """An endpoint with TLS of its own, of which the server would know nothing, is refused with the cure."""
        for written in ("ssl:990", "tls:x:tcp:990"):
            self.assertIn(
                'write "tcp:...", tls = "implicit", and a [tls] section', self.reason(values.Endpoint, written)
            )

    def test_standard_input(self) -> None:
        """The standard input is refused: it does not listen."""
        self.assertEqual(self.reason(values.Endpoint, "stdio:"), "it does not listen")


class NamedObjectTests(ValuesTestCase):
    """Tests for what is named by where Python finds it."""

    def test_objects_are_imported(self) -> None:
        """A store, a table of commands, observers and hooks are what their names stand for."""
        self.assertIs(self.read(values.StoreFactory, "ftpserver.PathIO"), PathIO)
        self.assertIs(self.read(values.Commands, "ftpserver.COMMANDS"), COMMANDS)
        self.assertEqual(self.read(values.Observers, [f"{__name__}.observer"]), (observer,))
        self.assertEqual(self.read(values.Hooks, [f"{__name__}.hook"]), (hook,))

    def test_objects_of_another_kind(self) -> None:
        """An object that cannot be what it is named for is refused."""
        self.refuses(values.StoreFactory, ["ftpserver.core.users.ANONYMOUS_NAMES", 3])
        self.refuses(values.Commands, ["ftpserver.PathIO"])
        self.refuses(values.Observers, [[f"{__name__}.HASH"], f"{__name__}.observer"])
        self.refuses(values.Hooks, [[f"{__name__}.observer"]])

    def test_names_without_an_object(self) -> None:
        """A name that cannot be imported is refused with the reason."""
        for name in ("nowhere.at_all", "ftpserver.nothing", "", "a..b"):
            self.assertIn("cannot be imported", self.reason(values.StoreFactory, name))


class AccountTests(ValuesTestCase):
    """Tests for logins, passwords and hashes."""

    def test_logins(self) -> None:
        """A login is a text that can be printed."""
        self.reads(values.Login, [("alice", "alice"), ("jörg müller", "jörg müller")])
        self.refuses(values.Login, ["", "a\nb", "x" * 257, 3])

    def test_passwords_in_clear(self) -> None:
        """A password in clear is a text that PASS can carry."""
        self.reads(values.ClearPassword, [("geheim", "geheim"), (" ", " ")])
        self.refuses(values.ClearPassword, ["", "a\rb", "a\nb", "a\0b", 3])

    def test_a_hash_in_place_of_a_password(self) -> None:
        """A hash under the key of the password is told to stand under its own key."""
        self.assertEqual(self.reason(values.ClearPassword, HASH), "this is a hash: its key is password_hash")

    def test_hashes(self) -> None:
        """A hash is what "ftpserver passwd" prints."""
        self.reads(values.HashedPassword, [(one, one) for one in (HASH, hash_password("geheim"))])

    def test_what_is_no_hash(self) -> None:
        """Passwords, other hashes and damaged hashes are refused without being shown."""
        salted = HASH.rpartition("$")[0]
        wrong = [
            "geheim",
            "$2b$12$abc",
            "",
            3,
            HASH[:-2] + "!!",
            HASH[:-2],
            salted,
            HASH.replace("m=", "q="),
            HASH + "é",
        ]
        self.refuses(values.HashedPassword, wrong)
        self.assertEqual(self.reason(values.HashedPassword, "$2b$12$abc"), "this is no Argon2 hash")


class PathTests(ValuesTestCase):
    """Tests for directories."""

    def test_directories_relative_to_the_file(self) -> None:
        """A relative directory is relative to the configuration file, an absolute one stands for itself."""
        (self.directory / "pub").mkdir()
        self.reads(
            values.BaseDirectory,
            [("pub", self.directory / "pub"), (".", self.directory), (str(self.directory), self.directory)],
        )

    def test_directories_that_are_not_there(self) -> None:
        """What is missing, a file, or no path at all is refused with the reason."""
        (self.directory / "file").write_text("")
        table = [
            ("nothing", "there is no such directory"),
            ("", "there is no such directory"),
            ("file", "it is a file"),
            (3, ""),
            ("x" * 300, "File name too long"),
            ("a\0b", "there is no such directory"),
        ]
        for value, expected in table:
            self.assertEqual(self.reason(values.BaseDirectory, value), expected, repr(value))

    def test_virtual_directories(self) -> None:
        """A path as the user sees it is absolute, and is made normal."""
        self.reads(values.VirtualDirectory, [("/", "/"), ("/a//b/../c/", "/a/c")])
        self.refuses(values.VirtualDirectory, ["", "logs", "/a\nb", 3])
