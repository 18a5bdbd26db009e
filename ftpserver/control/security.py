# -*- test-case-name: tests.test_control_security -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
TLS of one session: what is offered, what the policies ask for, and what is under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.session import Happening
from ..core.users import ANONYMOUS_NAMES, User
from ..data.protection import DataProtection
from ..interfaces import IRequiresTLS
from ..tls.layer import TLSLayer
from ..tls.session import TLSSession, identities

if TYPE_CHECKING:
    from ..listening import TLSMode
    from ..tls.settings import TLS, Required
    from .state import Connection

__all__ = ["SessionSecurity"]


class SessionSecurity:
    """
    The security of one session.

    :param connection: the session.
    :param tls: what the server offers; ``None`` is nothing.
    :param mode: of the listener that the client has reached.
    :ivar wanted: what :meth:`change_after_reply` has asked for.
    """

    __slots__ = ("_connection", "_is_implicit", "_is_offered", "_is_running", "_layer", "_session", "_tls", "wanted")

    def __init__(self, connection: Connection, tls: TLS | None, mode: TLSMode) -> None:
        self._connection = connection
        self._tls = tls
        self._is_offered = tls is not None and mode != "off"
        self._is_implicit = mode == "implicit"
        self._session: TLSSession | None = None
        self._layer: TLSLayer | None = None
        self._is_running = False
        self.wanted: bool | None = None

    # The control connection.

    @property
    def is_offered(self) -> bool:
        """Tell whether AUTH can begin TLS."""
        return self._is_offered

    @property
    def is_implicit(self) -> bool:
        """Tell whether TLS begins before the greeting and never ends."""
        return self._is_implicit

    def begin(self) -> TLSLayer:
        """Return the layer that the control connection runs from now on."""
        assert self._tls is not None
        self._session = self._tls.open_session()
        self._layer = self._session.control_layer()
        self._is_running = True
        self._protected()
        return self._layer

    def _protected(self) -> None:
        happening = Happening.ALL_PROTECTED if self._is_implicit else Happening.COMMANDS_PROTECTED
        self._connection.session.happened(happening)

    def forget(self) -> None:
        """Forget PBSZ and PROT, as at the end of a login."""
        self._connection.session.happened(Happening.PROTECTION_FORGOTTEN)
        if self._is_running:
            self._protected()

    def end(self) -> None:
        """Leave the control connection in clear; after CCC data connections may still be protected, after REIN not."""
        self._is_running = False
        if self._connection.session.protects_commands:
            self._connection.session.happened(Happening.PROTECTION_FORGOTTEN)
            self._session = self._layer = None

    def change_after_reply(self, *, secure: bool) -> None:
        """Begin TLS, or end it, once the running command is answered."""
        self.wanted = secure

    def take_change(self) -> bool | None:
        """Return what :meth:`change_after_reply` asked for, once."""
        wanted, self.wanted = self.wanted, None
        return wanted

    @property
    def identities(self) -> frozenset[str]:
        """The names in the certificate that the client has shown on the control connection."""
        certificate = None if self._layer is None else self._layer.peer_certificate
        return frozenset() if certificate is None else frozenset(identities(certificate))

    # Policies.

    def refuses_clear(self, login: str) -> bool:
        """Tell whether USER must come under TLS: the answer is one for names that are known and that are not."""
        if self._connection.session.protects_commands:
            return False
        if self._required_of(login) != "none":
            return True
        users = self._connection.server.users
        return IRequiresTLS.providedBy(users) and users.requires_tls() and not self._is_exempt(login)

    def _required_of(self, login: str) -> Required:
        if self._tls is None:
            return "none"
        required = self._tls.required_from(self._connection.client_host)
        # Where clear text is for named networks only, that goes for everybody.
        return "none" if self._tls.clear_networks is None and self._is_exempt(login) else required

    def _is_exempt(self, login: str) -> bool:
        declared = self._tls is not None and login in self._tls.clear_users
        return declared or login.lower() in ANONYMOUS_NAMES

    def refuses_account(self, account: User) -> bool:
        """Tell whether *account* may not log in as things are; only its certificate and TLS decide here."""
        if account.tls_required != "none" and not self._connection.session.protects_commands:
            return True
        return bool(account.certificates) and not self.identities.intersection(account.certificates)

    @property
    def needs_private_data(self) -> bool:
        """Tell whether data may go under TLS only."""
        account = self._connection.user
        by_account = account is not None and account.tls_required == "data"
        return by_account or self._required_of(self._connection.login_name) == "data"

    @property
    def must_stay_secure(self) -> bool:
        """Tell whether CCC is against the policy for this account."""
        account = self._connection.user
        by_account = account is not None and account.tls_required != "none"
        return self._is_implicit or by_account or self._required_of(self._connection.login_name) != "none"

    # Data connections.

    def data_protection(self) -> DataProtection | None:
        """Return how the next data connection is protected; ``None`` is in clear."""
        session, connection = self._session, self._connection
        if session is None or self._tls is None or not connection.session.protects_data:
            return None
        own = None if connection.user is None else connection.user.require_close_notify
        return DataProtection(
            make_layer=session.data_layer,
            check=session.check_data,
            require_close_notify=self._tls.require_close_notify if own is None else own,
            on_unclosed=connection.note_unclosed,
            needs_tickets=self._tls.session_reuse == "required",
        )
