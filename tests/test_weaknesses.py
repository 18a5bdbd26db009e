# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what lets in whom it should not.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.walls.process import ProcessState
from ftpserver.walls.weaknesses import Finding, is_local, of_configuration, of_process

from .configuring import HASH, LISTENER
from .configuring_tls import TLS_SECTION, TLSConfigurationTestCase

#: A hash that takes as much memory as OWASP asks for.
STRONG = HASH.replace("m=8,", "m=19456,")

PUBLIC = '[[listeners]]\nendpoint = "tcp:0"\n'

STATE = ProcessState((7,), (7,), (), is_restricted=True, seccomp="on", umask=0o022)


class WeaknessesTestCase(TLSConfigurationTestCase):
    """Has a configuration that is not weak, and looks at others."""

    def found(self, text: str, mode: int = 0o600) -> list[Finding]:
        """Return what is found in a configuration, in a file of a mode."""
        file = self.directory / "ftpserver.toml"
        file.write_text(text)
        file.chmod(mode)
        return of_configuration(self.settings(text), file)

    def text(
        self,
        *,
        server: str = 'data_ports = "20000-20099"',
        tls: str = 'required = "data"\nsession_reuse = "required"',
        account: str = f'login = "alice"\npassword_hash = "{STRONG}"\nbase_path = "pub"',
        listener: str = PUBLIC,
    ) -> str:
        """Return a configuration that is not weak where nothing else is said."""
        section = f"{TLS_SECTION}{tls}" if tls else ""
        return f"{listener}\n[server]\n{server}\n{section}\n[[users]]\n{account}\n"

    def assert_found(self, severity: str, place: str, part: str, text: str, mode: int = 0o600) -> None:
        """Assert that one thing is found in a configuration, at a place, with a text that has a part."""
        [finding] = self.found(text, mode)
        self.assertEqual((finding.severity, finding.place), (severity, place))
        self.assertIn(part, finding.text)


class ConfigurationTests(WeaknessesTestCase):
    """Tests for configurations."""

    def test_nothing(self) -> None:
        """In a configuration as it should be, nothing is found."""
        self.assertEqual(self.found(self.text()), [])
        self.assertEqual(self.found(self.text(listener=LISTENER, tls="", server="")), [])

    def test_the_file_itself(self) -> None:
        """A file with hashes that everybody may read, and one that others may write, are weak."""
        self.assert_found("weak", "file", "everybody may read it (mode 644)", self.text(), 0o644)
        self.assert_found("weak", "file", "others than its owner may write it (mode 660)", self.text(), 0o660)
        self.assertEqual(self.found(self.text(account='base_path = "pub"'), 0o644), [])

    def test_roots(self) -> None:
        """A root that is everything, that everybody writes, or that holds the secrets of the server, is weak."""
        place = "users[0].base_path"
        account = f'login = "alice"\npassword_hash = "{STRONG}"\nbase_path = '
        self.assert_found("weak", place, "the whole file system", self.text(account=f'{account}"/"'))
        found = [one.text.split(" lies ")[0] for one in self.found(self.text(account=f'{account}"."'))]
        self.assertEqual(found, ["the configuration file", f"the key '{self.directory}/key.pem'"])
        (self.directory / "pub").chmod(0o777)
        self.assert_found("weak", place, "everybody on this machine may write it (mode 777)", self.text())
        (self.directory / "pub").chmod(0o1777)
        self.assertEqual(self.found(self.text()), [])

    def test_listeners_in_clear(self) -> None:
        """Where other machines connect, doing without TLS is weak; for files that all may have, it is a note."""
        anonymous = 'base_path = "pub"'
        for severity, more in (("weak", {}), ("note", {"account": anonymous})):
            self.assert_found(severity, "listeners[0]", "there is no TLS", self.text(tls="", **more))
            clear = f'{PUBLIC}tls = "off"\n{PUBLIC}tls = "implicit"'
            self.assert_found(severity, "listeners[0]", 'tls = "off"', self.text(listener=clear, **more))
            lax = 'session_reuse = "required"'
            self.assert_found(severity, "tls.required", '"none" lets clients', self.text(tls=lax, **more))

    def test_what_accounts_require(self) -> None:
        """Where every account requires TLS, or every listener begins with it, it need not be said again."""
        lax = 'session_reuse = "required"'
        account = f'login = "alice"\npassword_hash = "{STRONG}"\nbase_path = "pub"\ntls_required = "control"'
        self.assertEqual(self.found(self.text(tls=lax, account=account)), [])
        self.assertEqual(self.found(self.text(tls=lax, listener=f'{PUBLIC}tls = "implicit"')), [])

    def test_tls(self) -> None:
        """What lets others take or cut a data connection, or read commands or the key, is told."""
        required = 'required = "data"\n'
        reuse = f'{required}session_reuse = "required"\n'
        self.assert_found("weak", "tls.session_reuse", '"off"', self.text(tls=f'{required}session_reuse = "off"'))
        self.assert_found("note", "tls.session_reuse", '"offered"', self.text(tls=required))
        cut = self.text(tls=f"{reuse}require_close_notify = false")
        self.assert_found("note", "tls.require_close_notify", "counts as whole", cut)
        clear = self.text(tls=f"{reuse}clear_command_channel = true")
        self.assert_found("note", "tls.clear_command_channel", "after CCC", clear)
        (self.directory / "key.pem").chmod(0o640)
        self.assert_found("weak", "tls", f"may read the key in '{self.directory}/key.pem'", self.text())

    def test_keys_in_the_file_of_the_certificate(self) -> None:
        """A key that stands with its certificate in one file is looked at, too."""
        (self.directory / "both.pem").chmod(0o644)
        text = self.text().replace('certificate = "chain.pem"\nprivate_key = "key.pem"', 'certificate = "both.pem"')
        self.assert_found("weak", "tls", "both.pem", text)

    def test_limits(self) -> None:
        """Limits that are taken away are weak."""
        ports = 'data_ports = "20000-20099"\n'
        self.assert_found(
            "weak", "server.failed_login_delay", "without waiting", self.text(server=f"{ports}failed_login_delay = 0")
        )
        for key in ("maximum_connections", "maximum_connections_per_host", "login_timeout", "idle_timeout"):
            self.assert_found("weak", f"server.{key}", "one client", self.text(server=f'{ports}{key} = "none"'))
        unbanned = self.text(server=f'{ports}[bans]\nfailed_logins = "none"')
        self.assert_found("weak", "bans.failed_logins", "for ever", unbanned)
        self.assert_found("weak", "server.umask", '"000"', self.text(server=f'{ports}umask = "000"'))

    def test_the_server(self) -> None:
        """Ports of any number, no wall and code of one's own are to be known."""
        ports = 'data_ports = "20000-20099"\n'
        self.assert_found("note", "server.data_ports", "behind a firewall", self.text(server=""))
        self.assert_found("note", "server.landlock", "may reach all", self.text(server=f'{ports}landlock = "off"'))
        code = f'{ports}observers = ["tests.test_places.OBSERVER"]'
        self.assert_found("note", "server.observers", "code of your own", self.text(server=code))

    def test_accounts(self) -> None:
        """An anonymous account that writes, a password in clear and a hash that is cheap to try are weak."""
        writing = 'base_path = "pub"\npermissions = [{ writable = false }, { path = "/incoming", create = true }]'
        self.assert_found("weak", "users[0].permissions", "at /incoming", self.text(account=writing))
        self.assertEqual(self.found(self.text(account='base_path = "pub"')), [])
        clear = 'login = "alice"\npassword = "geheim"\nbase_path = "pub"'
        self.assert_found("weak", "users[0].password", "it stands in clear", self.text(account=clear))
        cheap = f'login = "alice"\npassword_hash = "{HASH}"\nbase_path = "pub"'
        self.assert_found("weak", "users[0].password_hash", "it takes 8 KiB", self.text(account=cheap))

    def test_secrets_are_not_told(self) -> None:
        """Neither a password nor a hash stands in what is told."""
        for secret in ('password = "geheim"', f'password_hash = "{HASH}"'):
            found = self.found(self.text(account=f'login = "alice"\n{secret}\nbase_path = "pub"'))
            self.assertNotIn("geheim", str(found))
            self.assertNotIn("argon2", str(found))


class EndpointTests(WeaknessesTestCase):
    """Tests for who can connect."""

    def test_this_machine_alone(self) -> None:
        """Sockets in the file system and loopback addresses are for this machine alone."""
        local = (
            "unix:/run/ftp",
            "tcp:21:interface=127.0.0.1",
            "tcp:port=21:interface=127.9.9.9",
            r"tcp6:21:interface=\:\:1",
        )
        self.assertEqual([one for one in (*local, "tcp:21:interface=localhost:backlog=5") if not is_local(one)], [])

    def test_others(self) -> None:
        """All addresses, other addresses and what systemd passes are for others."""
        others = (
            "tcp:21",
            "tcp6:21",
            "tcp:21:interface=192.0.2.1",
            "systemd:domain=INET:index=0",
            "tcp:1:interface=a.b",
        )
        self.assertEqual([one for one in others if is_local(one)], [])


class ProcessTests(SynchronousTestCase):
    """Tests for processes."""

    def told(self, state: ProcessState, *, is_server: bool = True) -> list[tuple[str, str]]:
        """Return what is found about a process."""
        found = of_process(state, is_server=is_server)
        return [(finding.severity, finding.text.split(":")[0]) for finding in found]

    def test_nothing(self) -> None:
        """About a process without privileges and behind walls, nothing is found; it may open low ports."""
        self.assertEqual(self.told(STATE), [])
        self.assertEqual(self.told(replace(STATE, capabilities=("net_bind_service",))), [])

    def test_root(self) -> None:
        """A server that is root is weak; who only asks may be root."""
        self.assertEqual(self.told(replace(STATE, users=(7, 0), capabilities=("chown",))), [("weak", "it is root")])
        self.assertEqual(self.told(replace(STATE, users=(0,)), is_server=False), [("note", "it is root")])

    def test_capabilities(self) -> None:
        """Capabilities beyond that for low ports are weak."""
        told = self.told(replace(STATE, capabilities=("net_bind_service", "chown")))
        self.assertEqual(told, [("weak", "it has capabilities that it does not need")])

    def test_walls_that_are_missing(self) -> None:
        """What a server has not given up is told of; who only asks has nothing to give up."""
        state = replace(STATE, is_restricted=False, seccomp="off")
        self.assertEqual([severity for severity, _ in self.told(state)], ["note", "note"])
        self.assertEqual(self.told(state, is_server=False), [])
