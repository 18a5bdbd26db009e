# -*- test-case-name: tests.test_config_model -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The sections of the configuration file: every key, its kind, its default and what it does.

This is the one definition of them: the reader, ``--help`` and the reference page are made from it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr, model_validator

from ..commands import COMMANDS
from ..core.networks import EVERYBODY, THIS_MACHINE
from ..pathio.local import PathIO
from ..tls.settings import TLS
from . import tls_values, values
from .values import Words

__all__ = [
    "MODELS",
    "BanSettings",
    "Listener",
    "NamedCertificate",
    "PermissionSettings",
    "ServerSettings",
    "Settings",
    "TLSSettings",
    "UserSettings",
]

UNAVAILABLE = "not available in this version"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    #: Names that are not keys here, and where to turn for what they promise.
    elsewhere: ClassVar[dict[str, str]] = {}


def _without_proxies(value: object) -> tuple[()]:
    if value == []:
        return ()
    raise ValueError(UNAVAILABLE if isinstance(value, list) else "")


class Listener(_Section):
    """Where control connections are accepted; at least one."""

    endpoint: values.Endpoint = Field(
        description="Where to listen. The path of a unix socket may be relative to the configuration file; the mode of "
        "the socket is 600 unless 'mode=' says otherwise."
    )
    tls: tls_values.ListenerTLS = Field(
        default=None,
        description="When TLS begins: never, when the client asks for it (AUTH TLS), or at once, as is the custom on "
        'port 990. Default: "explicit" where there is a [tls] section.',
    )
    proxy_protocol: Annotated[tuple[str, ...], PlainValidator(_without_proxies), Words("an empty list, []")] = Field(
        default=(), description="Networks whose PROXY header is believed; not available in this version."
    )


class ServerSettings(_Section):
    """The server as a whole; every key has a default, and so has the section."""

    elsewhere = {
        "ssl": 'write a [tls] section, and tls = "implicit" at the listener',
        "tls": "write a [tls] section",
        "bans": "write a [bans] section",
        "listeners": "write [[listeners]] tables",
        "users": "write [[users]] tables",
        "reactor": "choose it with 'twistd --reactor'",
    }

    maximum_connections: values.OptionalCount = Field(
        default=500, description="Sessions at a time; one more is answered 421."
    )
    maximum_connections_per_host: values.OptionalCount = Field(
        default=50, description="Sessions at a time from one address, or from one /64 network of IPv6."
    )
    connections_per_minute_per_host: values.OptionalCount = Field(
        default=600, description="Connections from there, as many of them at once; others are closed without a word."
    )
    allowed_networks: tls_values.Networks = Field(default=EVERYBODY, description="Networks that may connect.")
    denied_networks: tls_values.Networks = Field(
        default=(),
        description="Networks that may not: their connections are closed without a word. The most specific network "
        "that an address lies in decides.",
    )
    trusted_networks: tls_values.Networks = Field(
        default=THIS_MACHINE,
        description="Networks that are neither banned nor held to connections_per_minute_per_host: what many people "
        "share, such as the NAT of an office, a proxy, or whoever watches the server.",
    )
    maximum_login_attempts: values.Count = Field(
        default=3, description="Wrong logins after which the session ends with 421."
    )
    failed_login_delay: values.Time = Field(
        default=1.0,
        description="How long the first wrong login waits for its answer; the second twice as long, and so on.",
    )
    login_timeout: values.OptionalTime = Field(
        default=60.0, description="Longest time from the connection to the login; 421."
    )
    idle_timeout: values.OptionalTime = Field(
        default=300.0,
        description="Longest silence on the control connection; 421. A transfer that moves is no silence.",
    )
    socket_timeout: values.OptionalTime = Field(
        default=60.0, description="Longest stall of a data connection (426), longest wait for a reply to be taken."
    )
    wait_future_timeout: values.OptionalTime = Field(
        default=10.0, description="How long a transfer waits for its data connection; 425."
    )
    path_timeout: values.OptionalTime = Field(default=60.0, description="Longest single call to the file system; 451.")
    close_timeout: values.Time = Field(
        default=10.0, description="What a server that is stopped leaves to running transfers before it ends them."
    )
    data_ports: values.DataPorts = Field(default=None, description="Ports for passive data connections.")
    ipv4_pasv_forced_response_address: values.PasvAddress = Field(
        default=None,
        description="Address in the 227 reply, for a server behind NAT; without it, the one the client reached.",
    )
    active_mode: values.Flag = Field(default=True, description="Whether PORT and EPRT are offered.")
    read_speed_limit: values.OptionalRate = Field(default=None, description="Uploads of all sessions together.")
    write_speed_limit: values.OptionalRate = Field(default=None, description="Downloads of all sessions together.")
    read_speed_limit_per_connection: values.OptionalRate = Field(default=None, description="Uploads of each session.")
    write_speed_limit_per_connection: values.OptionalRate = Field(
        default=None, description="Downloads of each session."
    )
    atomic_uploads: values.Flag = Field(
        default=True, description="A new name appears, an old file is replaced, only when the upload is whole."
    )
    partial_uploads: values.PartialUploads = Field(
        default="keep",
        description="What is left of a cut upload to a new name: kept under the name, so that it can be resumed, or "
        "removed. A file that was there before is never replaced by a part.",
    )
    fsync: values.Fsync = Field(
        default="never", description="What is forced to the disk before 226: nothing, the file, or the directory too."
    )
    umask: values.Mask = Field(
        default=0o022,
        description="File creation mask of the process: with 022, new files are 0644 and new directories 0755. It wins "
        "over the mask of twistd; without it, 'twistd --umask' wins over the default.",
    )
    welcome_message: values.Lines = Field(default=None, description="The greeting of a new connection.")
    encoding: values.Encoding = Field(default="utf-8", description="Encoding of names on the control connection.")
    block_size: values.Size = Field(default=262144, description="Largest piece that is read from a file or a socket.")
    path_threads: values.NonNegative = Field(
        default=8,
        description="Threads for calls to the file system; 0 makes the calls in the thread that serves everybody.",
    )
    path_calls: values.PathCalls = Field(
        default="auto",
        description="Which thread makes the calls to the file system: by mount, the one that serves everybody where a "
        "local file system has answered at once, and another for networks, FUSE and what was slow once; or always the "
        "one that serves everybody (inline), or always another (threads). The log tells the choice.",
    )
    data_plane: values.DataPlane = Field(
        default="auto",
        description="How octets get from a file to a socket and back: within the kernel where it can (auto), or always "
        "through the process (portable).",
    )
    landlock: values.Confinement = Field(
        default="auto",
        description="Whether the process confines itself, for good, to what the configuration names: where the kernel "
        "can (auto), never (off), or else it does not start (required). With path_io_factory, commands, observers or "
        "hooks of one's own, auto means off. The log tells what came of it.",
    )
    landlock_paths: values.ExistingPaths = Field(
        default=(),
        description="What else the confined process may read and write: what path_io_factory, commands, observers and "
        "hooks of one's own need.",
    )
    log_format: values.LogFormat = Field(
        default="text",
        description="Lines of text, or one JSON object a line. Where the log goes is for 'twistd --logfile' and "
        "'twist --log-file' to say; '--syslog' and '--logger' of twistd take precedence. Under twist, the default is "
        "its '--log-format'.",
    )
    path_io_factory: values.StoreFactory = Field(
        default=PathIO, description="What makes the store of each login; it gets the connection."
    )
    commands: values.Commands = Field(default=COMMANDS, description="The table of commands.")
    observers: values.Observers = Field(default=(), description="Hear of every event, besides the log.")
    hooks: values.Hooks = Field(default=(), description="Are asked before each command.")


class BanSettings(_Section):
    """
    When addresses are banned, and for how long; every key has a default, and so has the section.

    A connection from a banned address is closed. IPv6 addresses are counted and banned by their /64 network.
    """

    failed_logins: values.Offences = Field(
        default=10, description="Wrong names and passwords, within the time below, that bring a ban."
    )
    foreign_protocols: values.Offences = Field(
        default=5,
        description="Connections, within the time below, that speak HTTP, TLS, SMTP or SSH where FTP is spoken, and "
        "bring a ban.",
    )
    within: values.PositiveTime = Field(default=600.0, description="The time in which they count together.")
    duration: values.PositiveTime = Field(
        default=600.0, description="How long a first ban takes; each further one takes twice as long as the one before."
    )
    maximum_duration: values.PositiveTime = Field(
        default=86400.0,
        description="How long the longest ban takes; and after so long without one, the next is a first one again.",
    )


class NamedCertificate(_Section):
    """The certificate for clients that ask for a name (SNI); as many of them as there are names."""

    name: tls_values.HostName = Field(description="The name; an asterisk stands for one label.")
    certificate: tls_values.CertificateFile = Field(description="The certificate for it.")
    private_key: tls_values.KeyFile = Field(
        default=None, description="The key of the certificate; without it, the file of the certificate holds it."
    )


class TLSSettings(_Section):
    """
    Certificates, and what must be encrypted; without this section nothing is.

    SIGHUP, and a change of a file that it names, make the server read the files again.
    """

    elsewhere = {"context": "write certificate and private_key; a context of one's own is for programs"}

    certificate: tls_values.CertificateFile = Field(description="The certificate of the server.")
    private_key: tls_values.KeyFile = Field(
        default=None, description="The key of the certificate; without it, the file of the certificate holds it."
    )
    names: Annotated[tuple[NamedCertificate, ...], Words("[[tls.names]] tables")] = Field(
        default=(), description="Other certificates by the name that clients ask for (SNI).", strict=False
    )
    unknown_names: tls_values.UnknownNames = Field(
        default="default",
        description="What clients get that ask for a name in no certificate: the certificate of this section, or an "
        "alert.",
    )
    minimum_version: tls_values.MinimumVersion = Field(default="1.2", description="Lowest version of TLS.")
    ciphers: tls_values.Ciphers = Field(
        default=None,
        description="Ciphers that are taken, the best first; those for TLS 1.3 begin with TLS_. Default: those of TLS "
        "1.2 that have forward secrecy and authenticate what they encrypt, and all of TLS 1.3.",
    )
    required: tls_values.Required = Field(
        default="none",
        description="What must be encrypted: nothing, commands from USER on (530), or data too (521). The anonymous "
        "account is exempt.",
    )
    session_reuse: tls_values.SessionReuse = Field(
        default="offered",
        description="Whether a data connection can, or must, continue the TLS session of its control connection; where "
        "it must, one that does not is refused (522).",
    )
    require_close_notify: values.Flag = Field(
        default=True,
        description="Whether an upload that does not end as TLS ends counts as cut (426); if not, it counts as whole, "
        "and the log and the event say so.",
    )
    client_certificates: tls_values.ClientCertificates = Field(
        default="off", description="Whether clients are asked for a certificate, and whether they must have one."
    )
    client_authorities: tls_values.Authorities = Field(
        default=(), description="Authorities that certificates of clients must come from."
    )
    revocation_lists: tls_values.RevocationLists = Field(
        default=(), description="Lists of revoked certificates of clients: one of each authority in their chains."
    )
    clear_networks: tls_values.Networks = Field(
        default=None,
        description="Networks whose clients may do without TLS, whatever is required; all others must encrypt commands "
        "at least.",
    )
    clear_users: tls_values.Logins = Field(
        default=(), description="Logins that may do without TLS where it is required."
    )
    clear_command_channel: values.Flag = Field(
        default=False, description="Whether clients may end TLS on the control connection after the login (CCC)."
    )

    _made: TLS = PrivateAttr()

    @model_validator(mode="after")
    def _make(self) -> Self:
        keywords = {key: getattr(self, key) for key in type(self).model_fields}
        keywords["names"] = {one.name: (one.certificate, one.private_key) for one in self.names}
        self._made = TLS(**keywords)
        return self

    @property
    def made(self) -> TLS:
        """What the section says; made once, while the process may still read the keys."""
        return self._made


class PermissionSettings(_Section):
    """What a user may do at a path and below; the most specific one decides alone, and without one nothing may be."""

    path: values.VirtualDirectory = Field(default="/", description="Where it begins.")
    readable: values.Flag = Field(default=True, description="Files may be downloaded, and their facts asked for.")
    writable: values.Flag = Field(default=True, description="Default of every right below but 'list'.")
    list: values.OptionalFlag = Field(
        default=None, description="Directories may be entered and listed; default: readable."
    )
    create: values.OptionalFlag = Field(default=None, description="New files may be uploaded; default: writable.")
    overwrite: values.OptionalFlag = Field(default=None, description="Files may be replaced; default: writable.")
    append: values.OptionalFlag = Field(default=None, description="Files may be appended to; default: writable.")
    delete: values.OptionalFlag = Field(default=None, description="Files may be deleted; default: writable.")
    rename: values.OptionalFlag = Field(
        default=None, description="Files and directories may be renamed; default: writable."
    )
    mkdir: values.OptionalFlag = Field(default=None, description="Directories may be made; default: writable.")
    rmdir: values.OptionalFlag = Field(default=None, description="Directories may be removed; default: writable.")
    attributes: values.OptionalFlag = Field(default=None, description="Times and modes may be set; default: writable.")


class UserSettings(_Section):
    """An account; at least one."""

    login: values.Login = Field(
        default=None,
        description="Name of the account; without it, this is the anonymous account: 'anonymous' and 'ftp'.",
    )
    password_hash: values.HashedPassword = Field(
        default=None, repr=False, description="The password as a hash; an account with a login has this or 'password'."
    )
    password: values.ClearPassword = Field(
        default=None, repr=False, description="The password in clear, which costs a warning at every start."
    )
    base_path: values.BaseDirectory = Field(description="What the user sees as /.")
    home_path: values.VirtualDirectory = Field(default="/", description="Where the user is after the login.")
    permissions: Annotated[tuple[PermissionSettings, ...] | None, Words("a list of tables")] = Field(
        default=None,
        description="What the user may do where; without it everything, and the anonymous account may read.",
        strict=False,
    )
    tls_required: tls_values.Required = Field(
        default="none",
        description="What this account must encrypt. Where any account must, USER in clear is refused for every name "
        "but the anonymous ones and tls.clear_users, so that nobody learns which.",
    )
    certificates: tls_values.CertificateNames = Field(
        default=(),
        description="Names in the certificate of the client (SAN or common name), of which it must have one. Without a "
        "password the certificate alone logs in, with one both are needed.",
    )
    require_close_notify: values.OptionalFlag = Field(
        default=None, description="As tls.require_close_notify, for this account."
    )
    maximum_connections: values.OptionalCount = Field(default=None, description="Sessions at a time under this login.")
    read_speed_limit: values.OptionalRate = Field(
        default=None, description="Uploads of all sessions of this login together."
    )
    write_speed_limit: values.OptionalRate = Field(
        default=None, description="Downloads of all sessions of this login together."
    )
    read_speed_limit_per_connection: values.OptionalRate = Field(default=None, description="Uploads of each session.")
    write_speed_limit_per_connection: values.OptionalRate = Field(
        default=None, description="Downloads of each session."
    )


class Settings(_Section):
    """The whole file."""

    listeners: Annotated[list[Listener], Field(min_length=1), Words("one or more [[listeners]] tables")] = Field(
        description="Where to listen."
    )
    server: Annotated[ServerSettings, Words("a table, [server]")] = Field(
        default=ServerSettings(), description="The server as a whole."
    )
    bans: Annotated[BanSettings, Words("a table, [bans]")] = Field(
        default=BanSettings(), description="When addresses are banned."
    )
    tls: Annotated[TLSSettings | None, Words("a table, [tls]")] = Field(
        default=None, description="Certificates, and what must be encrypted."
    )
    users: Annotated[list[UserSettings], Field(min_length=1), Words("one or more [[users]] tables")] = Field(
        description="The accounts."
    )


#: The model of each kind of table, by its place without indexes.
MODELS: dict[tuple[str, ...], type[_Section]] = {
    (): Settings,
    ("listeners",): Listener,
    ("server",): ServerSettings,
    ("bans",): BanSettings,
    ("tls",): TLSSettings,
    ("tls", "names"): NamedCertificate,
    ("users",): UserSettings,
    ("users", "permissions"): PermissionSettings,
}
